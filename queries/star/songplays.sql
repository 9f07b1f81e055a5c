-- songplays: one row per distinct play, with the song that it matches.
--
-- $unmatched  'keep': a play without a match is kept, with nulls for song_id and artist_id.
--             'drop': a play without a match is left out.
--
-- plays and song_matches define which plays are distinct and which song a play matches. Keys are compared
-- with IS NOT DISTINCT FROM because the length can be null. The small table is on the left of the join,
-- because the left side is held in memory while the plays are streamed.

SELECT
    p.songplay_id,
    p.ts AS start_time,
    p."userId" AS user_id,
    p.level,
    m.song_id,
    m.artist_id,
    p."sessionId" AS session_id,
    p.location,
    p."userAgent" AS user_agent
FROM song_matches m
RIGHT JOIN plays p
    ON (m.played_artist IS NOT DISTINCT FROM p.artist)
    AND (m.played_title IS NOT DISTINCT FROM p.song)
    AND (m.played_length IS NOT DISTINCT FROM p.length)
WHERE $unmatched = 'keep' OR m.song_id IS NOT NULL
