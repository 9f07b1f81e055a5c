-- surviving_plays: of the plays whose fingerprint was met more than once, those that are plays of
-- their own, each with its songplay_id.

-- Most of them have one version: only the others are ranked.
WITH contested AS (
    SELECT play_fingerprint AS fingerprint
    FROM play_versions
    GROUP BY play_fingerprint
    HAVING COUNT(*) > 1
),

-- Of the copies of a play the smallest survives.
copies AS (
    SELECT
        v.*,
        ROW_NUMBER() OVER (
            PARTITION BY v.play_fingerprint, v.ts, v."userId", v."sessionId", v."itemInSession"
            ORDER BY
                v.song NULLS LAST,
                v.artist NULLS LAST,
                v.length NULLS LAST,
                v.level NULLS LAST,
                v.location NULLS LAST,
                v."userAgent" NULLS LAST
        ) AS copy
    FROM contested c
    JOIN play_versions v ON v.play_fingerprint = c.fingerprint
)

SELECT
    v.play_fingerprint AS songplay_id,
    v.ts, v."userId", v."sessionId", v.artist, v.song, v.length, v.level, v.location, v."userAgent"
FROM contested c
RIGHT JOIN play_versions v ON v.play_fingerprint = c.fingerprint
WHERE c.fingerprint IS NULL
UNION ALL
-- Of different plays with one fingerprint the first in key order keeps it, the next ones add 1,
-- 2, 3 …
SELECT
    play_fingerprint - 1 + CAST(
        ROW_NUMBER() OVER (
            PARTITION BY play_fingerprint
            ORDER BY ts, "userId", "sessionId", "itemInSession" NULLS LAST
        ) AS BIGINT
    ) AS songplay_id,
    ts, "userId", "sessionId", artist, song, length, level, location, "userAgent"
FROM copies
WHERE copy = 1
