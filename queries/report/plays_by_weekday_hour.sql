-- Question: When do people listen?
-- Grain: one row per day of the week and hour of the day (UTC) with at least one play.
-- Units: hour is 0 to 23; plays is a count.
-- Section: Use
-- Title: Plays by weekday and hour
-- Chart: heatmap
-- Columns: hour, weekday, plays
SELECT
    hour,
    CASE day_of_week
        WHEN 1 THEN 'Monday'
        WHEN 2 THEN 'Tuesday'
        WHEN 3 THEN 'Wednesday'
        WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday'
        WHEN 6 THEN 'Saturday'
        ELSE 'Sunday'
    END AS weekday,
    plays
FROM (
    SELECT
        t.hour,
        t.weekday AS day_of_week,
        COUNT(*) AS plays
    FROM songplays AS sp
    INNER JOIN "time" AS t ON sp.start_time = t.start_time
    GROUP BY t.weekday, t.hour
) AS counted
-- The week begins with Monday.
ORDER BY (day_of_week + 6) % 7 ASC NULLS LAST, hour ASC NULLS LAST
