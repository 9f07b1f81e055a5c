-- Counts the plays read, the copies of other plays, and the distinct plays whose fingerprint equals that
-- of an earlier play.
--
-- The counts use only the staged events, so that they can be compared with the rows of songplays.
--
-- Additive: equal plays have the same ts, so that the counts of the days add up
--
-- Summary: {shared_fingerprints} plays with the fingerprint of another play, numbered consecutively

WITH plays AS (
    SELECT play_fingerprint, ts, "userId", "sessionId", "itemInSession"
    FROM staging_events
    WHERE page = 'NextSong'
),

keys AS (
    SELECT p.play_fingerprint, COUNT(*) AS copies
    FROM repeated_plays r
    JOIN plays p ON p.play_fingerprint = r.fingerprint
    GROUP BY p.play_fingerprint, p.ts, p."userId", p."sessionId", p."itemInSession"
),

shared AS (
    SELECT COUNT(*) AS plays
    FROM keys
    GROUP BY play_fingerprint
)

SELECT
    (SELECT COUNT(*) FROM plays) AS plays_read,
    (SELECT COALESCE(SUM(copies - 1), 0) FROM keys) AS duplicates,
    (SELECT COALESCE(SUM(plays - 1), 0) FROM shared) AS shared_fingerprints
