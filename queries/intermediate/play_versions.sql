-- play_versions: what the events say of the plays whose fingerprint was met more than once, one row
-- a distinct version. Nearly all copies of a play are the same.

SELECT DISTINCT
    p.play_fingerprint, p.ts, p."userId", p."sessionId", p."itemInSession",
    p.artist, p.song, p.length, p.level, p.location, p."userAgent"
FROM repeated_plays r
JOIN staging_events p ON p.play_fingerprint = r.fingerprint
