-- Counts the plays with and without a matching song, from the rows of songplays. With $unmatched = 'drop',
-- unmatched plays have no rows: they are the rest of the distinct plays.
--
-- Balance: plays_read = plays_matched + plays_unmatched + duplicates
--
-- Summary: {plays_read} read = {plays_matched} matched + {plays_unmatched} unmatched + {duplicates}
-- duplicates removed; match rate {match_rate} %

WITH matches AS (
    SELECT COUNT(song_id) AS matched, COUNT(*) AS songplays
    FROM songplays
),

counts AS (
    SELECT
        m.matched AS plays_matched,
        CASE
            WHEN $unmatched = 'keep' THEN m.songplays - m.matched
            ELSE r.plays_read - r.duplicates - m.matched
        END AS plays_unmatched
    FROM matches m
    CROSS JOIN run r
)

SELECT
    plays_matched,
    plays_unmatched,
    100.0 * plays_matched / NULLIF(plays_matched + plays_unmatched, 0) AS match_rate
FROM counts
