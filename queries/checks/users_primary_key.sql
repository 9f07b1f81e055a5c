-- users.user_id is unique and never null.
SELECT user_id, COUNT(*) AS rows_with_this_key
FROM users
GROUP BY user_id
HAVING COUNT(*) > 1 OR user_id IS NULL
ORDER BY user_id
