-- Question: How many listeners return in the weeks after their first?
-- Grain: one row per week of the first play (the Monday) and number of weeks after it, with at least one listener;
--   the latest 12 weeks of first plays, and at most 12 weeks after each.
-- Units: listeners (distinct users) is a count.
-- Section: Sessions
-- Title: Weekly return of new listeners
-- Chart: heatmap
-- Columns: weeks_after, first_week, listeners
WITH weeks AS (
    SELECT
        user_id,
        DATE_TRUNC('week', start_time) AS week
    FROM songplays
    GROUP BY user_id, DATE_TRUNC('week', start_time)
),

firsts AS (
    SELECT
        user_id,
        MIN(week) AS first_week
    FROM weeks
    GROUP BY user_id
),

latest AS (
    SELECT
        first_week,
        ROW_NUMBER() OVER (ORDER BY first_week DESC) AS from_last
    FROM firsts
    GROUP BY first_week
),

returns AS (
    SELECT
        f.first_week,
        CAST(
            FLOOR(
                CAST(
                    CAST(FLOOR(EXTRACT(EPOCH FROM w.week)) AS BIGINT)
                    - CAST(FLOOR(EXTRACT(EPOCH FROM f.first_week)) AS BIGINT)
                    AS DOUBLE PRECISION
                ) / 604800
            ) AS BIGINT
        ) AS weeks_after
    FROM weeks AS w
    INNER JOIN firsts AS f ON w.user_id = f.user_id
    INNER JOIN latest AS l ON f.first_week = l.first_week
    WHERE l.from_last <= 12
)

SELECT
    CAST(first_week AS DATE) AS first_week,
    weeks_after,
    COUNT(*) AS listeners
FROM returns
WHERE weeks_after <= 12
GROUP BY first_week, weeks_after
ORDER BY first_week ASC NULLS LAST, weeks_after ASC NULLS LAST
