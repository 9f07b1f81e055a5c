-- Question: How often do listeners change their level, in both directions?
-- Grain: one row per direction.
-- Units: changes is a count of plays whose level differs from that of the listener's play before; listeners
--   (distinct users) is a count.
-- Section: Upgrades
-- Title: Upgrades and downgrades
-- Chart: bars
-- Columns: change, changes
--
-- Names are cast because Redshift does not assign a type to a bare literal in a UNION.
WITH plays AS (
    SELECT
        user_id,
        level,
        LAG(level) OVER (
            PARTITION BY user_id
            ORDER BY start_time, session_id, songplay_id
        ) AS level_before
    FROM songplays
),

directions (number, change, changes, listeners) AS (
    SELECT 1, CAST('from free to paid' AS VARCHAR(32)), COUNT(*), COUNT(DISTINCT user_id) FROM plays
    WHERE level_before = 'free' AND level = 'paid'
    UNION ALL
    SELECT 2, CAST('from paid to free' AS VARCHAR(32)), COUNT(*), COUNT(DISTINCT user_id) FROM plays
    WHERE level_before = 'paid' AND level = 'free'
)

SELECT change, changes, listeners
FROM directions
ORDER BY number ASC NULLS LAST
