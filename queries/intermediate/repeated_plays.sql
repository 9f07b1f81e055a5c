-- repeated_plays: fingerprints that occur more than once. The causes are logs that were delivered twice
-- and, once in billions of plays, two distinct plays with the same fingerprint.
--
-- Few fingerprints are repeated, so finding them first avoids ranking all other plays. Only plays have a
-- fingerprint. The column is named differently from play_fingerprint because DataFusion has pushed filters
-- to the wrong side of outer joins whose sides share a column name (apache/datafusion#20213).

SELECT play_fingerprint AS fingerprint
FROM staging_events
WHERE play_fingerprint IS NOT NULL
GROUP BY play_fingerprint
HAVING COUNT(*) > 1
