-- surviving_plays: the distinct plays among those whose fingerprint occurs more than once, each with its
-- songplay_id.

WITH plays AS (
    SELECT
        play_fingerprint, ts, "userId", "sessionId", "itemInSession",
        artist, song, length, level, location, "userAgent"
    FROM staging_events
    WHERE page = 'NextSong'
),

-- One copy of each play is kept: the smallest by (song, artist, length, level, location, userAgent), nulls
-- last.
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
)

-- If distinct plays have the same fingerprint, the first in key order gets it as its songplay_id; the
-- others add 1, 2, 3 and so on.
SELECT
    play_fingerprint - 1 + CAST(
        ROW_NUMBER() OVER (
            PARTITION BY play_fingerprint
            ORDER BY ts, "userId", "sessionId", "itemInSession" NULLS LAST
        ) AS BIGINT
    ) AS songplay_id,
    ts, "userId", "sessionId",
    match_key(artist) AS artist,
    match_key(song) AS song,
    length, level, location, "userAgent"
FROM copies
WHERE copy = 1
