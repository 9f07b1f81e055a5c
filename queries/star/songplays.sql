-- songplays: one row per distinct play. A play is an event whose page is NextSong.
--
-- $match      'title-artist': a play matches a song if artist and title are equal.
--             'title-artist-duration': the length of the play must also equal the duration of the song.
-- $unmatched  'keep': a play without a match is kept, with nulls for song_id and artist_id.
--             'drop': a play without a match is left out.
--
-- match_key(text) is the form of the text that is compared: with --repair-encoding match, text that was
-- encoded to UTF-8 twice is repaired before the comparison.
--
-- The small table is on the left of each join, because the left side is held in memory while the plays are
-- streamed. The plays are joined with the titles first: after that, only plays of titles with several
-- candidates need their long texts.

WITH plays AS (
    SELECT
        play_fingerprint, ts, "userId", "sessionId",
        match_key(artist) AS artist,
        match_key(song) AS song,
        length, level, location, "userAgent"
    FROM staging_events
    WHERE page = 'NextSong'
),

titled AS (
    SELECT p.*, t.candidates, t.song_id, t.artist_id, t.duration
    FROM titles t
    RIGHT JOIN plays p ON t.artist_name = p.artist AND t.title = p.song
),

distinct_plays AS (
    SELECT
        p.play_fingerprint AS songplay_id,
        p.ts, p."userId", p."sessionId", p.artist, p.song, p.length, p.level, p.location,
        p."userAgent", p.candidates, p.song_id, p.artist_id, p.duration
    FROM repeated_plays r
    RIGHT JOIN titled p ON p.play_fingerprint = r.fingerprint
    WHERE r.fingerprint IS NULL
    UNION ALL
    SELECT p.*, t.candidates, t.song_id, t.artist_id, t.duration
    FROM titles t
    RIGHT JOIN surviving_plays p ON t.artist_name = p.artist AND t.title = p.song
),

matched AS (
    SELECT
        songplay_id, ts, "userId", level,
        CASE WHEN $match = 'title-artist' OR duration = length THEN song_id END AS song_id,
        CASE WHEN $match = 'title-artist' OR duration = length THEN artist_id END AS artist_id,
        "sessionId", location, "userAgent"
    FROM distinct_plays
    WHERE candidates IS NULL OR candidates = 1
    UNION ALL
    -- Lengths are equal if both are null.
    SELECT
        p.songplay_id, p.ts, p."userId", p.level, n.song_id, n.artist_id, p."sessionId",
        p.location, p."userAgent"
    FROM nearest_songs n
    RIGHT JOIN distinct_plays p
        ON (n.artist IS NOT DISTINCT FROM p.artist)
        AND (n.song IS NOT DISTINCT FROM p.song)
        AND (n.length IS NOT DISTINCT FROM p.length)
    WHERE p.candidates > 1
)

SELECT
    songplay_id,
    ts AS start_time,
    "userId" AS user_id,
    level,
    song_id,
    artist_id,
    "sessionId" AS session_id,
    location,
    "userAgent" AS user_agent
FROM matched
WHERE $unmatched = 'keep' OR song_id IS NOT NULL
