-- Question: How do plays split by the listener's gender and subscription level?
-- Grain: one row per gender and level. The level is that of the user at the time
--   of the play, so a user who changed level counts as a listener for both.
-- Units: plays and listeners (distinct users) are counts.
SELECT
    u.gender,
    sp.level,
    COUNT(*) AS plays,
    COUNT(DISTINCT sp.user_id) AS listeners
FROM songplays AS sp
INNER JOIN users AS u ON sp.user_id = u.user_id
GROUP BY u.gender, sp.level
ORDER BY u.gender ASC NULLS LAST, sp.level ASC NULLS LAST
