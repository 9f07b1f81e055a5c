-- What became of the plays read: how many there were, how many were copies of another, and how
-- many distinct ones had to give up their fingerprint to an earlier one.
--
-- Counted from the staged events alone, so that the rows of songplays can be held against it.

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
