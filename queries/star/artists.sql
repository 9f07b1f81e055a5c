-- artists: one row per artist_id.
--
-- The song records of an artist can spell the name differently or lack the place. The version with the
-- fewest nulls among location, latitude and longitude wins, then the smallest by
-- (name, location, latitude, longitude), nulls last.

-- Most artists have one version, so only the others are ranked.
WITH repeated AS (
    SELECT artist_id AS repeated_id
    FROM artist_versions
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
    JOIN artist_versions v ON v.artist_id = r.repeated_id
)

SELECT artist_id, name, location, latitude, longitude
FROM (
    SELECT v.*, r.repeated_id
    FROM repeated r
    RIGHT JOIN artist_versions v ON v.artist_id = r.repeated_id
) once
WHERE repeated_id IS NULL
UNION ALL
SELECT artist_id, name, location, latitude, longitude
FROM ranked
WHERE preference = 1
