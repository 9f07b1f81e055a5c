-- Question: How do plays split by gender and subscription level?
-- Grain: one row per gender and level. The level is that of the listener at the time of the play.
-- Units: plays and listeners (distinct users) are counts.
-- Section: Who listens
-- Title: Plays by gender and level
-- Chart: heatmap
-- Columns: level, gender, plays
SELECT
    COALESCE(level_of_play, 'unknown') AS level,
    COALESCE(gender_of_listener, 'unknown') AS gender,
    plays,
    listeners
FROM (
    SELECT
        sp.level AS level_of_play,
        u.gender AS gender_of_listener,
        COUNT(*) AS plays,
        COUNT(DISTINCT sp.user_id) AS listeners
    FROM songplays AS sp
    INNER JOIN users AS u ON sp.user_id = u.user_id
    GROUP BY sp.level, u.gender
) AS counted
ORDER BY gender_of_listener ASC NULLS LAST, level_of_play ASC NULLS LAST
