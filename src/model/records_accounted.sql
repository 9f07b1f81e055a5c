-- Every record read was decoded or rejected, per input object and in total, and every reject is kept.
SELECT url, records, decoded, rejects
FROM inputs
WHERE records <> decoded + rejects
UNION ALL
SELECT '(all objects)' AS url, r.records_read, r.records_decoded, r.records_rejected
FROM run r
CROSS JOIN (SELECT COALESCE(SUM(records), 0) AS records FROM inputs) i
CROSS JOIN (SELECT COUNT(*) AS records FROM rejects) j
WHERE r.records_read <> i.records
    OR r.records_rejected <> j.records
    OR r.records_read <> r.records_decoded + r.records_rejected
