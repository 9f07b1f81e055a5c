-- Question: How many listeners go from free to paid, and stay?
-- Grain: one row per step, in the order of the steps. Each step counts listeners of the step before.
-- Units: listeners (distinct users) is a count. An upgrade is a play at level paid directly after one at level
--   free, when the plays of a listener are sorted by (start_time, session_id, songplay_id).
-- Section: Upgrades
-- Title: From free to paid
-- Chart: funnel
-- Columns: step, listeners
--
-- Names are cast because Redshift does not assign a type to a bare literal in a UNION.
WITH plays AS (
    SELECT
        user_id,
        level,
        LAG(level) OVER (
            PARTITION BY user_id
            ORDER BY start_time, session_id, songplay_id
        ) AS level_before,
        ROW_NUMBER() OVER (
            PARTITION BY user_id
            ORDER BY start_time DESC, session_id DESC, songplay_id DESC
        ) AS from_last
    FROM songplays
),

listeners AS (
    SELECT
        user_id,
        MAX(CASE WHEN level = 'free' THEN 1 ELSE 0 END) AS heard_free,
        MAX(CASE WHEN level_before = 'free' AND level = 'paid' THEN 1 ELSE 0 END) AS upgraded,
        MAX(CASE WHEN from_last = 1 AND level = 'paid' THEN 1 ELSE 0 END) AS paid_last
    FROM plays
    GROUP BY user_id
),

steps (number, step, listeners) AS (
    SELECT 1, CAST('all listeners' AS VARCHAR(32)), COUNT(*) FROM listeners
    UNION ALL
    SELECT 2, CAST('heard plays at level free' AS VARCHAR(32)), COUNT(*) FROM listeners
    WHERE heard_free = 1
    UNION ALL
    SELECT 3, CAST('upgraded to paid' AS VARCHAR(32)), COUNT(*) FROM listeners
    WHERE heard_free = 1 AND upgraded = 1
    UNION ALL
    SELECT 4, CAST('paid at their last play' AS VARCHAR(32)), COUNT(*) FROM listeners
    WHERE heard_free = 1 AND upgraded = 1 AND paid_last = 1
)

SELECT step, listeners
FROM steps
ORDER BY number ASC NULLS LAST
