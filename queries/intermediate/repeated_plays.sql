-- repeated_plays: fingerprints met more than once, which are logs delivered twice and, once in
-- billions of plays, two plays that share one.
--
-- They are few, so finding them first spares all other plays a ranking. Only plays have a
-- fingerprint. The column has a name of its own because DataFusion has pushed filters to the wrong
-- side of outer joins whose sides share a name (apache/datafusion#20213).

SELECT play_fingerprint AS fingerprint
FROM staging_events
WHERE play_fingerprint IS NOT NULL
GROUP BY play_fingerprint
HAVING COUNT(*) > 1
