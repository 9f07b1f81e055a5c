-- plays: the distinct plays, each with its songplay_id. A play is an event whose page is NextSong.
--
-- match_key(text) is the form of the text that is compared: with --repair-encoding match, text that was
-- encoded to UTF-8 twice is repaired before the comparison.
--
-- The small table is on the left of the join, because the left side is held in memory while the events are
-- streamed.
--
-- View: there are many plays, so they are not stored

SELECT
    e.play_fingerprint AS songplay_id,
    e.ts, e."userId", e."sessionId",
    match_key(e.artist) AS artist,
    match_key(e.song) AS song,
    e.length, e.level, e.location, e."userAgent"
FROM repeated_plays r
RIGHT JOIN staging_events e ON e.play_fingerprint = r.fingerprint
WHERE r.fingerprint IS NULL AND e.page = 'NextSong'
UNION ALL
SELECT songplay_id, ts, "userId", "sessionId", artist, song, length, level, location, "userAgent"
FROM surviving_plays
