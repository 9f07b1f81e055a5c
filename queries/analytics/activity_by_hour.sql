-- Question: At which hours of the day do people listen?
-- Grain: one row per hour of the day (UTC) with at least one play.
-- Units: hour is 0 to 23; plays and listeners (distinct users) are counts.
SELECT
    t.hour,
    COUNT(*) AS plays,
    COUNT(DISTINCT sp.user_id) AS listeners
FROM songplays AS sp
INNER JOIN "time" AS t ON sp.start_time = t.start_time
GROUP BY t.hour
ORDER BY t.hour ASC NULLS LAST
