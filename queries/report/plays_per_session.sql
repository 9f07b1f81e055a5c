-- Question: How many plays does a session have?
-- Grain: one row per 5 plays with at least one session.
-- Units: plays is the lower bound of the number of plays: 0 means 1 to 4, 5 means 5 to 9, and 100 means 100
--   or more. sessions is a count.
-- Section: Sessions
-- Title: Plays per session
-- Chart: histogram
-- Width: 5
-- Open: 100
SELECT
    CASE WHEN plays > 100 THEN 100 ELSE plays END AS plays,
    COUNT(*) AS sessions
FROM (
    SELECT
        user_id,
        session_id,
        CAST(FLOOR(CAST(COUNT(*) AS DOUBLE PRECISION) / 5) AS BIGINT) * 5 AS plays
    FROM songplays
    GROUP BY user_id, session_id
) AS lengths
GROUP BY CASE WHEN plays > 100 THEN 100 ELSE plays END
ORDER BY plays ASC NULLS LAST
