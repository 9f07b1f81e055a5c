-- Every non-null songplays.artist_id is in artists.
SELECT c.artist_id, COUNT(*) AS orphans
FROM songplays c
LEFT JOIN artists p ON p.artist_id = c.artist_id
WHERE c.artist_id IS NOT NULL AND p.artist_id IS NULL
GROUP BY c.artist_id
ORDER BY c.artist_id
