-- Question: Which songs of the catalogue are played most?
-- Grain: one row per song with at least one play. A play without a match in the
--   catalogue has no song and is not counted.
-- Units: plays and listeners (distinct users) are counts.
SELECT
    s.song_id,
    s.title,
    a.name AS artist_name,
    p.plays,
    p.listeners
FROM (
    SELECT
        song_id,
        COUNT(*) AS plays,
        COUNT(DISTINCT user_id) AS listeners
    FROM songplays
    WHERE song_id IS NOT NULL
    GROUP BY song_id
) AS p
INNER JOIN songs AS s ON p.song_id = s.song_id
INNER JOIN artists AS a ON s.artist_id = a.artist_id
ORDER BY p.plays DESC NULLS LAST, s.song_id ASC NULLS LAST
