-- Question: On which days does the data have plays, and on which does it have none?
-- Grain: one row per day (UTC) with at least one play.
-- Units: plays is a count.
-- Section: Use
-- Title: Calendar
-- Chart: calendar
SELECT
    CAST(start_time AS DATE) AS day,
    COUNT(*) AS plays
FROM songplays
GROUP BY CAST(start_time AS DATE)
ORDER BY day ASC NULLS LAST
