-- artists.artist_id is unique and never null.
SELECT artist_id, COUNT(*) AS rows_with_this_key
FROM artists
GROUP BY artist_id
HAVING COUNT(*) > 1 OR artist_id IS NULL
ORDER BY artist_id
