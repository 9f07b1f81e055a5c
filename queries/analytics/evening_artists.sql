-- Question: Which artists are played in the evening?
-- Grain: one row per artist with at least one matched play between 18:00 and
--   midnight (UTC).
-- Units: plays and listeners (distinct users) are counts.
SELECT
    a.artist_id,
    a.name AS artist_name,
    p.plays,
    p.listeners
FROM (
    SELECT
        sp.artist_id,
        COUNT(*) AS plays,
        COUNT(DISTINCT sp.user_id) AS listeners
    FROM songplays AS sp
    INNER JOIN "time" AS t ON sp.start_time = t.start_time
    WHERE t.hour BETWEEN 18 AND 23 AND sp.artist_id IS NOT NULL
    GROUP BY sp.artist_id
) AS p
INNER JOIN artists AS a ON p.artist_id = a.artist_id
ORDER BY p.plays DESC NULLS LAST, a.artist_id ASC NULLS LAST
