-- songs.song_id is unique and never null.
SELECT song_id, COUNT(*) AS rows_with_this_key
FROM songs
GROUP BY song_id
HAVING COUNT(*) > 1 OR song_id IS NULL
ORDER BY song_id
