-- time: one row per distinct start_time of songplays, split into its parts. All times are UTC.
--
-- week is the ISO 8601 week. weekday is 0 (Sunday) to 6 (Saturday), as in Redshift's EXTRACT(dow).

WITH moments AS (
    SELECT DISTINCT start_time
    FROM songplays
)

SELECT
    start_time,
    CAST(EXTRACT(hour FROM start_time) AS SMALLINT) AS hour,
    CAST(EXTRACT(day FROM start_time) AS SMALLINT) AS day,
    CAST(EXTRACT(week FROM start_time) AS SMALLINT) AS week,
    CAST(EXTRACT(month FROM start_time) AS SMALLINT) AS month,
    CAST(EXTRACT(year FROM start_time) AS SMALLINT) AS year,
    CAST(EXTRACT(dow FROM start_time) AS SMALLINT) AS weekday
FROM moments
