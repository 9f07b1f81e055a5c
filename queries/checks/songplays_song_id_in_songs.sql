-- Every non-null songplays.song_id is in songs.
SELECT c.song_id, COUNT(*) AS orphans
FROM songplays c
LEFT JOIN songs p ON p.song_id = c.song_id
WHERE c.song_id IS NOT NULL AND p.song_id IS NULL
GROUP BY c.song_id
ORDER BY c.song_id
