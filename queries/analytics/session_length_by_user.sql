-- Question: How long is a user's average session?
-- Grain: one row per user with at least one play. A session is a pair (user_id,
--   session_id) and lasts from the start of its first play to the start of its
--   last play, so a session with one play lasts 0 minutes.
-- Units: sessions is a count; average_minutes is in minutes, rounded half up to 2
--   decimals. Start times are rounded down to whole seconds.
-- Seconds are rounded down because Redshift's EXTRACT drops the fraction and the other
-- engines keep it; ROUND is avoided because the engines round ties differently.
SELECT
    user_id,
    COUNT(*) AS sessions,
    CAST(
        FLOOR(
            CAST(SUM(seconds) * 100 AS DOUBLE PRECISION)
            / CAST(COUNT(*) * 60 AS DOUBLE PRECISION)
            + 0.5
        ) AS DOUBLE PRECISION
    ) / CAST(100 AS DOUBLE PRECISION) AS average_minutes
FROM (
    SELECT
        user_id,
        session_id,
        CAST(FLOOR(EXTRACT(EPOCH FROM MAX(start_time))) AS BIGINT)
        - CAST(FLOOR(EXTRACT(EPOCH FROM MIN(start_time))) AS BIGINT) AS seconds
    FROM songplays
    GROUP BY user_id, session_id
) AS s
GROUP BY user_id
ORDER BY average_minutes DESC NULLS LAST, user_id ASC NULLS LAST
