-- users: one row a user_id, as of the user's latest event by (ts, sessionId, itemInSession).
--
-- All events that carry a user count, not only plays: whoever upgraded and then only looked at
-- the home page is a paying user.

WITH latest AS (
    SELECT "userId", MAX(ts) AS ts
    FROM staging_events
    WHERE "userId" IS NOT NULL
    GROUP BY "userId"
),

-- Ranking only the events of each user's last millisecond keeps the sort small. An unknown
-- session or item counts as the earliest; after that the smallest values win, so that the answer
-- never depends on the order of the input.
ranked AS (
    SELECT
        e."userId" AS user_id,
        e."firstName" AS first_name,
        e."lastName" AS last_name,
        e.gender,
        e.level,
        ROW_NUMBER() OVER (
            PARTITION BY e."userId"
            ORDER BY
                e."sessionId" DESC NULLS LAST,
                e."itemInSession" DESC NULLS LAST,
                e."firstName" NULLS LAST,
                e."lastName" NULLS LAST,
                e.gender NULLS LAST,
                e.level NULLS LAST
        ) AS recency
    FROM latest l
    JOIN staging_events e ON e."userId" = l."userId" AND e.ts = l.ts
)

SELECT user_id, first_name, last_name, gender, level
FROM ranked
WHERE recency = 1
