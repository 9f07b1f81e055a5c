-- users: one row per user_id, as of the user's latest event by (ts, sessionId, itemInSession).
--
-- All events with a user count, not only plays: a user who upgraded and then only visited the home page
-- is a paying user.

WITH latest AS (
    SELECT "userId", MAX(ts) AS ts
    FROM staging_events
    WHERE "userId" IS NOT NULL
    GROUP BY "userId"
),

-- Only the events at each user's latest ts are ranked, which keeps the sort small. An unknown session or
-- item counts as the earliest. Ties are broken by the smallest values, so that the result does not depend
-- on the order of the input.
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
