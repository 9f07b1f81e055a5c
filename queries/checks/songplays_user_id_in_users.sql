-- Every non-null songplays.user_id is in users.
SELECT c.user_id, COUNT(*) AS orphans
FROM songplays c
LEFT JOIN users p ON p.user_id = c.user_id
WHERE c.user_id IS NOT NULL AND p.user_id IS NULL
GROUP BY c.user_id
ORDER BY c.user_id
