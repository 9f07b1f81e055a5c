-- songplays: one row a play, that is an event whose page is NextSong.
--
-- $match      'title-artist': a play matches a song when artist and title are equal.
--             'title-artist-duration': its length must equal the song's duration as well.
-- $unmatched  'keep': a play without a match stays, with nulls for song_id and artist_id.
--             'drop': it is left out.
--
-- In the joins the small table stands on the left: that side is held in memory, the plays stream
-- past. They meet the titles before anything else, for after that their own long texts need not be
-- carried on.

WITH plays AS (
    SELECT
        play_fingerprint, ts, "userId", "sessionId", "itemInSession",
        artist, song, length, level, location, "userAgent"
    FROM staging_events
    WHERE page = 'NextSong'
),

-- Of the copies of a play the smallest survives.
copies AS (
    SELECT
        p.*,
        ROW_NUMBER() OVER (
            PARTITION BY p.play_fingerprint, p.ts, p."userId", p."sessionId", p."itemInSession"
            ORDER BY
                p.song NULLS LAST,
                p.artist NULLS LAST,
                p.length NULLS LAST,
                p.level NULLS LAST,
                p.location NULLS LAST,
                p."userAgent" NULLS LAST
        ) AS copy
    FROM repeated_plays r
    JOIN plays p ON p.play_fingerprint = r.fingerprint
),

-- Of different plays with one fingerprint the first in key order keeps it, the next ones add 1,
-- 2, 3 …
survivors AS (
    SELECT
        play_fingerprint - 1 + CAST(
            ROW_NUMBER() OVER (
                PARTITION BY play_fingerprint
                ORDER BY ts, "userId", "sessionId", "itemInSession" NULLS LAST
            ) AS BIGINT
        ) AS songplay_id,
        ts, "userId", "sessionId", artist, song, length, level, location, "userAgent"
    FROM copies
    WHERE copy = 1
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
    RIGHT JOIN survivors p ON t.artist_name = p.artist AND t.title = p.song
),

-- Among several candidates the one whose duration is nearest to the length played wins, then the
-- smallest song_id.
ranked AS (
    SELECT
        p.songplay_id, p.ts, p."userId", p."sessionId", p.level, p.location, p."userAgent",
        c.song_id,
        c.artist_id,
        ROW_NUMBER() OVER (
            PARTITION BY p.songplay_id
            ORDER BY
                ABS(c.duration - p.length) NULLS LAST,
                c.song_id NULLS LAST,
                c.artist_id NULLS LAST
        ) AS preference
    FROM candidates c
    RIGHT JOIN distinct_plays p
        ON c.artist_name = p.artist
        AND c.title = p.song
        AND ($match = 'title-artist' OR c.duration = p.length)
    WHERE p.candidates > 1
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
    SELECT songplay_id, ts, "userId", level, song_id, artist_id, "sessionId", location, "userAgent"
    FROM ranked
    WHERE preference = 1
)

SELECT
    songplay_id,
    to_timestamp_millis(ts) AS start_time,
    "userId" AS user_id,
    level,
    song_id,
    artist_id,
    "sessionId" AS session_id,
    location,
    "userAgent" AS user_agent
FROM matched
WHERE $unmatched = 'keep' OR song_id IS NOT NULL
