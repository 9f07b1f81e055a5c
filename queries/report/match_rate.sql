-- Question: How does the share of plays that match the catalogue change over time?
-- Grain: one row per day (UTC) with at least one play, or per week if more than 400 days have plays.
-- Units: period is a day, or the Monday of a week; plays and matched are counts; match_rate_percent is rounded half up
--   to 2 decimals.
-- Section: Data quality
-- Title: Match rate over time
-- Chart: line
-- Columns: period, match_rate_percent
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
        sp.song_id
    FROM songplays AS sp
    CROSS JOIN days AS d
)

SELECT
    period,
    COUNT(*) AS plays,
    COUNT(song_id) AS matched,
    CAST(
        FLOOR(
            CAST(COUNT(song_id) * 10000 AS DOUBLE PRECISION)
            / CAST(COUNT(*) AS DOUBLE PRECISION)
            + 0.5
        ) AS DOUBLE PRECISION
    ) / CAST(100 AS DOUBLE PRECISION) AS match_rate_percent
FROM plays
GROUP BY period
ORDER BY period ASC NULLS LAST
