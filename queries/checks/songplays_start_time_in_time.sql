-- Every non-null songplays.start_time is in time.
SELECT c.start_time, COUNT(*) AS orphans
FROM songplays c
LEFT JOIN "time" p ON p.start_time = c.start_time
WHERE c.start_time IS NOT NULL AND p.start_time IS NULL
GROUP BY c.start_time
ORDER BY c.start_time
