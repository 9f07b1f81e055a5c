-- songplays: one row a play, that is an event whose page is NextSong.
--
-- $match      'title-artist': a play matches a song when artist and title are equal.
--             'title-artist-duration': its length must equal the song's duration as well.
-- $unmatched  'keep': a play without a match stays, with nulls for song_id and artist_id.
--             'drop': it is left out.

WITH plays AS (
    SELECT
        play_fingerprint, ts, "userId", "sessionId", "itemInSession",
        artist, song, length, level, location, "userAgent"
    FROM staging_events
    WHERE page = 'NextSong'
),

-- Fingerprints met more than once: logs delivered twice and, once in billions of plays, two plays
-- that share one. They are few, so finding them first spares all other plays the ranking below.
-- In the joins they stand on the left: that side is held in memory, the plays stream past.
repeated AS (
    SELECT play_fingerprint
    FROM plays
    GROUP BY play_fingerprint
    HAVING COUNT(*) > 1
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
    FROM repeated r
    JOIN plays p ON p.play_fingerprint = r.play_fingerprint
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

distinct_plays AS (
    SELECT
        p.play_fingerprint AS songplay_id,
        p.ts, p."userId", p."sessionId", p.artist, p.song, p.length, p.level, p.location,
        p."userAgent"
    FROM repeated r
    RIGHT JOIN plays p ON p.play_fingerprint = r.play_fingerprint
    WHERE r.play_fingerprint IS NULL
    UNION ALL
    SELECT * FROM survivors
),

candidates AS (
    SELECT DISTINCT artist_name, title, song_id, artist_id, duration
    FROM staging_songs
),

-- Most titles have one candidate, which this row then is.
titles AS (
    SELECT
        artist_name,
        title,
        COUNT(*) AS candidates,
        MIN(song_id) AS song_id,
        MIN(artist_id) AS artist_id,
        MIN(duration) AS duration
    FROM candidates
    GROUP BY artist_name, title
),

titled AS (
    SELECT
        p.*,
        t.candidates,
        CASE WHEN $match = 'title-artist' OR t.duration = p.length THEN t.song_id END AS song_id,
        CASE WHEN $match = 'title-artist' OR t.duration = p.length THEN t.artist_id END AS artist_id
    FROM distinct_plays p
    LEFT JOIN titles t ON t.artist_name = p.artist AND t.title = p.song
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
    FROM titled p
    LEFT JOIN candidates c
        ON c.artist_name = p.artist
        AND c.title = p.song
        AND ($match = 'title-artist' OR c.duration = p.length)
    WHERE p.candidates > 1
),

matched AS (
    SELECT songplay_id, ts, "userId", level, song_id, artist_id, "sessionId", location, "userAgent"
    FROM titled
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
