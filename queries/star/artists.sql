-- artists: one row an artist_id.
--
-- An artist's songs may spell the name differently or leave the place out. The version with the
-- fewest nulls among location, latitude and longitude wins, then the smallest by
-- (name, location, latitude, longitude), nulls last.

WITH versions AS (
    SELECT DISTINCT
        artist_id,
        artist_name AS name,
        artist_location AS location,
        artist_latitude AS latitude,
        artist_longitude AS longitude
    FROM staging_songs
),

-- Most artists have one version: only the others are ranked.
repeated AS (
    SELECT artist_id
    FROM versions
    GROUP BY artist_id
    HAVING COUNT(*) > 1
),

ranked AS (
    SELECT
        v.*,
        ROW_NUMBER() OVER (
            PARTITION BY v.artist_id
            ORDER BY
                CASE WHEN v.location IS NULL THEN 1 ELSE 0 END
                + CASE WHEN v.latitude IS NULL THEN 1 ELSE 0 END
                + CASE WHEN v.longitude IS NULL THEN 1 ELSE 0 END,
                v.name,
                v.location NULLS LAST,
                v.latitude NULLS LAST,
                v.longitude NULLS LAST
        ) AS preference
    FROM repeated r
    JOIN versions v ON v.artist_id = r.artist_id
)

SELECT artist_id, name, location, latitude, longitude
FROM (
    SELECT v.*, r.artist_id AS repeated_id
    FROM repeated r
    RIGHT JOIN versions v ON v.artist_id = r.artist_id
) once
WHERE repeated_id IS NULL
UNION ALL
SELECT artist_id, name, location, latitude, longitude
FROM ranked
WHERE preference = 1
