-- songplays.songplay_id is unique and never null.
SELECT songplay_id, COUNT(*) AS rows_with_this_key
FROM songplays
GROUP BY songplay_id
HAVING COUNT(*) > 1 OR songplay_id IS NULL
ORDER BY songplay_id
