-- Question: Which months does the data cover, and how fully?
-- Grain: one row per calendar month (UTC) with at least one play.
-- Units: days is the number of days with a play; plays and listeners (distinct
--   users) are counts.
SELECT
    t.year,
    t.month,
    COUNT(DISTINCT t.day) AS days,
    COUNT(*) AS plays,
    COUNT(DISTINCT sp.user_id) AS listeners
FROM songplays AS sp
INNER JOIN "time" AS t ON sp.start_time = t.start_time
GROUP BY t.year, t.month
ORDER BY t.year ASC NULLS LAST, t.month ASC NULLS LAST
