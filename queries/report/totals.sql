-- Question: How much is played, and by whom?
-- Grain: one row.
-- Units: plays, listeners (distinct users) and sessions (distinct pairs of user and session) are counts.
--   match_rate_percent is the share of plays that match a song of the catalogue, paid_plays_percent that of plays
--   at level paid, both rounded half up to 2 decimals; they are null if there are no plays.
-- Section: Summary
-- Title: Totals
-- Chart: tiles
SELECT
    p.plays,
    p.listeners,
    s.sessions,
    CAST(
        FLOOR(
            CAST(p.matched * 10000 AS DOUBLE PRECISION)
            / CAST(NULLIF(p.plays, 0) AS DOUBLE PRECISION)
            + 0.5
        ) AS DOUBLE PRECISION
    ) / CAST(100 AS DOUBLE PRECISION) AS match_rate_percent,
    CAST(
        FLOOR(
            CAST(p.paid * 10000 AS DOUBLE PRECISION)
            / CAST(NULLIF(p.plays, 0) AS DOUBLE PRECISION)
            + 0.5
        ) AS DOUBLE PRECISION
    ) / CAST(100 AS DOUBLE PRECISION) AS paid_plays_percent
FROM (
    SELECT
        COUNT(*) AS plays,
        COUNT(DISTINCT user_id) AS listeners,
        COUNT(song_id) AS matched,
        COUNT(CASE WHEN level = 'paid' THEN 1 END) AS paid
    FROM songplays
) AS p
CROSS JOIN (
    SELECT COUNT(*) AS sessions
    FROM (
        SELECT user_id, session_id
        FROM songplays
        GROUP BY user_id, session_id
    ) AS distinct_sessions
) AS s
