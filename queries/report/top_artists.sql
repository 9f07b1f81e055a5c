-- Question: Which artists are played most?
-- Grain: one row per artist with at least one play, for the artists in the first 20 places and those with as many
--   plays as the last of them. Plays that match no song of the catalogue are not counted.
-- Units: plays and listeners (distinct users) are counts. percent_of_plays is the share of all plays, also of
--   those without a match, rounded half up to 2 decimals.
-- Section: What is played
-- Title: Most played artists
-- Chart: bars
-- Columns: artist, plays
-- Top: 20
SELECT
    a.name AS artist,
    p.plays,
    p.listeners,
    CAST(
        FLOOR(
            CAST(p.plays * 10000 AS DOUBLE PRECISION)
            / CAST(t.plays AS DOUBLE PRECISION)
            + 0.5
        ) AS DOUBLE PRECISION
    ) / CAST(100 AS DOUBLE PRECISION) AS percent_of_plays
FROM (
    SELECT
        artist_id,
        plays,
        listeners,
        RANK() OVER (ORDER BY plays DESC) AS place
    FROM (
        SELECT
            artist_id,
            COUNT(*) AS plays,
            COUNT(DISTINCT user_id) AS listeners
        FROM songplays
        WHERE artist_id IS NOT NULL
        GROUP BY artist_id
    ) AS counted
) AS p
INNER JOIN artists AS a ON p.artist_id = a.artist_id
CROSS JOIN (SELECT COUNT(*) AS plays FROM songplays) AS t
WHERE p.place <= 20
ORDER BY p.plays DESC NULLS LAST, a.artist_id ASC NULLS LAST
