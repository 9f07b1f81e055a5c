-- Question: How many plays are there each day?
-- Grain: one row per day (UTC) with at least one play, or per week if more than 400 days have plays.
-- Units: period is a day, or the Monday of a week; plays is a count.
-- Section: Use
-- Title: Plays over time
-- Chart: line
WITH days AS (
    SELECT COUNT(DISTINCT CAST(start_time AS DATE)) AS days_with_plays
    FROM songplays
),

plays AS (
    SELECT
        CASE
            WHEN d.days_with_plays > 400 THEN CAST(DATE_TRUNC('week', sp.start_time) AS DATE)
            ELSE CAST(sp.start_time AS DATE)
        END AS period
    FROM songplays AS sp
    CROSS JOIN days AS d
)

SELECT
    period,
    COUNT(*) AS plays
FROM plays
GROUP BY period
ORDER BY period ASC NULLS LAST
