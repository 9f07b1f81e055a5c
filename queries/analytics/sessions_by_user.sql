-- Question: How many sessions has each user had, and how many different songs in them?
-- Grain: one row per user with at least one play.
-- Units: sessions, plays and songs are counts. songs counts distinct songs of the
--   catalogue; a play without a match does not add to it.
SELECT
    p.user_id,
    u.first_name,
    u.last_name,
    p.sessions,
    p.plays,
    p.songs
FROM (
    SELECT
        user_id,
        COUNT(DISTINCT session_id) AS sessions,
        COUNT(*) AS plays,
        COUNT(DISTINCT song_id) AS songs
    FROM songplays
    GROUP BY user_id
) AS p
INNER JOIN users AS u ON p.user_id = u.user_id
ORDER BY p.sessions DESC NULLS LAST, p.plays DESC NULLS LAST, p.user_id ASC NULLS LAST
