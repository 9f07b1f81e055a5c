-- Question: Which users went from free to paid?
-- Grain: one row per user with a play at level free directly followed by one at
--   level paid, when the plays are sorted by (start_time, session_id, songplay_id).
-- Units: changes is a count; first_paid_at is the start (UTC) of the first paid play
--   after a free one.
SELECT
    c.user_id,
    u.first_name,
    u.last_name,
    c.changes,
    c.first_paid_at
FROM (
    SELECT
        user_id,
        COUNT(*) AS changes,
        MIN(start_time) AS first_paid_at
    FROM (
        SELECT
            user_id,
            start_time,
            level,
            LAG(level) OVER (
                PARTITION BY user_id
                ORDER BY start_time, session_id, songplay_id
            ) AS level_before
        FROM songplays
    ) AS plays
    WHERE level_before = 'free' AND level = 'paid'
    GROUP BY user_id
) AS c
INNER JOIN users AS u ON c.user_id = u.user_id
ORDER BY c.first_paid_at ASC NULLS LAST, c.user_id ASC NULLS LAST
