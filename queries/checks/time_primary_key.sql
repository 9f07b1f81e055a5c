-- time.start_time is unique and never null.
SELECT start_time, COUNT(*) AS rows_with_this_key
FROM "time"
GROUP BY start_time
HAVING COUNT(*) > 1 OR start_time IS NULL
ORDER BY start_time
