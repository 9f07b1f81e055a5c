-- Question: Where are people when they listen?
-- Grain: one row per location as recorded in the event; plays without one share a row.
-- Units: plays and listeners (distinct users) are counts.
SELECT
    location,
    COUNT(*) AS plays,
    COUNT(DISTINCT user_id) AS listeners
FROM songplays
GROUP BY location
ORDER BY plays DESC NULLS LAST, location ASC NULLS LAST
