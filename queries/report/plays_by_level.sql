-- Question: How do plays split by subscription level over time?
-- Grain: one row per day (UTC) with at least one play, or per week if more than 400 days have plays.
-- Units: period is a day, or the Monday of a week; paid, free and other are counts of plays by the listener's
--   level at the time of the play; other has plays without a level.
-- Section: Who listens
-- Title: Paid and free plays over time
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
        END AS period,
        sp.level
    FROM songplays AS sp
    CROSS JOIN days AS d
)

SELECT
    period,
    COUNT(CASE WHEN level = 'paid' THEN 1 END) AS paid,
    COUNT(CASE WHEN level = 'free' THEN 1 END) AS free,
    COUNT(CASE WHEN level IN ('paid', 'free') THEN NULL ELSE 1 END) AS other
FROM plays
GROUP BY period
ORDER BY period ASC NULLS LAST
