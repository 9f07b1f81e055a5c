-- Question: How long are sessions?
-- Grain: one row per 15 minutes of length with at least one session.
-- Units: minutes is the lower bound of the length, from the start of the first play of a session to the start of
--   its last; 480 means 480 or more. sessions is a count.
-- Section: Sessions
-- Title: Length of sessions in minutes
-- Chart: histogram
-- Width: 15
-- Open: 480
SELECT
    CASE WHEN minutes > 480 THEN 480 ELSE minutes END AS minutes,
    COUNT(*) AS sessions
FROM (
    SELECT
        user_id,
        session_id,
        CAST(
            FLOOR(
                CAST(
                    CAST(FLOOR(EXTRACT(EPOCH FROM MAX(start_time))) AS BIGINT)
                    - CAST(FLOOR(EXTRACT(EPOCH FROM MIN(start_time))) AS BIGINT)
                    AS DOUBLE PRECISION
                ) / 900
            ) AS BIGINT
        ) * 15 AS minutes
    FROM songplays
    GROUP BY user_id, session_id
) AS lengths
GROUP BY CASE WHEN minutes > 480 THEN 480 ELSE minutes END
ORDER BY minutes ASC NULLS LAST
