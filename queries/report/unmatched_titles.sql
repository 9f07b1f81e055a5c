-- Question: Which titles that the catalogue lacks are played most?
-- Grain: one row per artist and title of plays that match no song, for the 1,000 with the most plays. Artist and
--   title are as in the events.
-- Units: plays is a count. percent_of_unmatched is the share of all plays without a match, rounded half up to 2
--   decimals.
-- Section: What is played
-- Title: Most played titles that the catalogue lacks
-- Chart: bars
-- Columns: title + artist, plays
-- Top: 20
SELECT
    u.title,
    u.artist,
    u.plays,
    CAST(
        FLOOR(
            CAST(u.plays * 10000 AS DOUBLE PRECISION)
            / CAST(NULLIF(r.plays_unmatched, 0) AS DOUBLE PRECISION)
            + 0.5
        ) AS DOUBLE PRECISION
    ) / CAST(100 AS DOUBLE PRECISION) AS percent_of_unmatched
FROM unmatched_titles AS u
CROSS JOIN run AS r
ORDER BY u.plays DESC NULLS LAST, u.artist ASC NULLS LAST, u.title ASC NULLS LAST
