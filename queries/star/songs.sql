-- songs: one row per song_id.
--
-- A song_id can have several records. A record with a known year wins, then the smallest by
-- (title, artist_id, duration, year), nulls last. Year 0 means unknown and becomes null.

WITH versions AS (
    SELECT song_id, title, artist_id, NULLIF(year, 0) AS year, duration
    FROM staging_songs
),

-- Most songs have one record, so only the others are ranked.
repeated AS (
    SELECT song_id AS repeated_id
    FROM staging_songs
    GROUP BY song_id
    HAVING COUNT(*) > 1
),

ranked AS (
    SELECT
        v.*,
        ROW_NUMBER() OVER (
            PARTITION BY v.song_id
            ORDER BY
                CASE WHEN v.year IS NULL THEN 1 ELSE 0 END,
                v.title, v.artist_id, v.duration NULLS LAST, v.year
        ) AS preference
    FROM repeated r
    JOIN versions v ON v.song_id = r.repeated_id
)

SELECT song_id, title, artist_id, year, duration
FROM (
    SELECT v.*, r.repeated_id
    FROM repeated r
    RIGHT JOIN versions v ON v.song_id = r.repeated_id
) once
WHERE repeated_id IS NULL
UNION ALL
SELECT song_id, title, artist_id, year, duration
FROM ranked
WHERE preference = 1
