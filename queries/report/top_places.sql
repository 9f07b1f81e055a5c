-- Question: Where are people when they listen?
-- Grain: one row per location as recorded in the event, for the locations in the first 20 places and those with
--   as many plays as the last of them. Plays without a location share a row.
-- Units: plays and listeners (distinct users) are counts.
-- Section: Who listens
-- Title: Places with the most plays
-- Chart: bars
-- Columns: place, plays
-- Top: 20
SELECT
    COALESCE(location, 'unknown') AS place,
    plays,
    listeners
FROM (
    SELECT
        location,
        plays,
        listeners,
        RANK() OVER (ORDER BY plays DESC) AS place
    FROM (
        SELECT
            location,
            COUNT(*) AS plays,
            COUNT(DISTINCT user_id) AS listeners
        FROM songplays
        GROUP BY location
    ) AS counted
) AS p
WHERE p.place <= 20
ORDER BY plays DESC NULLS LAST, location ASC NULLS LAST
