-- Question: On which days of the week do people listen?
-- Grain: one row per day of the week (UTC) with at least one play.
-- Units: weekday is 0 (Sunday) to 6; plays and listeners (distinct users) are counts.
SELECT
    t.weekday,
    COUNT(*) AS plays,
    COUNT(DISTINCT sp.user_id) AS listeners
FROM songplays AS sp
INNER JOIN "time" AS t ON sp.start_time = t.start_time
GROUP BY t.weekday
ORDER BY t.weekday ASC NULLS LAST
