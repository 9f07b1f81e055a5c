-- Question: How long do listeners take to upgrade?
-- Grain: one row per number of whole days between the first play of a listener and the first upgrade, for those
--   with at least one listener.
-- Units: days is a number of periods of 24 hours, rounded down; 60 means 60 or more. listeners (distinct
--   users) is a count.
-- Section: Upgrades
-- Title: Days from the first play to the upgrade
-- Chart: histogram
-- Open: 60
SELECT
    CASE WHEN days > 60 THEN 60 ELSE days END AS days,
    COUNT(*) AS listeners
FROM (
    SELECT
        user_id,
        CAST(
            FLOOR(
                CAST(
                    CAST(FLOOR(EXTRACT(EPOCH FROM MIN(upgraded_at))) AS BIGINT)
                    - CAST(FLOOR(EXTRACT(EPOCH FROM MIN(start_time))) AS BIGINT)
                    AS DOUBLE PRECISION
                ) / 86400
            ) AS BIGINT
        ) AS days
    FROM (
        SELECT
            user_id,
            start_time,
            CASE
                WHEN level = 'paid' AND LAG(level) OVER (
                    PARTITION BY user_id
                    ORDER BY start_time, session_id, songplay_id
                ) = 'free' THEN start_time
            END AS upgraded_at
        FROM songplays
    ) AS plays
    GROUP BY user_id
) AS listeners
WHERE days IS NOT NULL
GROUP BY CASE WHEN days > 60 THEN 60 ELSE days END
ORDER BY days ASC NULLS LAST
