-- Question: Which time does the data cover?
-- Grain: one row.
-- Units: first_play and last_play are times (UTC); days_with_plays is a count of days (UTC).
-- Section: Use
-- Title: Time span
-- Chart: table
SELECT
    MIN(start_time) AS first_play,
    MAX(start_time) AS last_play,
    COUNT(DISTINCT CAST(start_time AS DATE)) AS days_with_plays
FROM songplays
