-- Question: How many nulls are there in the columns that tables are joined on?
-- Grain: one row per primary or foreign key column of the five tables. Only
--   song_id and artist_id of songplays can be null, for plays without a match.
-- Units: row_count and null_count are counts of rows.
-- Names are cast because Redshift does not assign a type to a bare literal in a UNION.
SELECT
    CAST('songplays' AS VARCHAR(16)) AS table_name,
    CAST('songplay_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(songplay_id) AS null_count
FROM songplays
UNION ALL
SELECT
    CAST('songplays' AS VARCHAR(16)) AS table_name,
    CAST('start_time' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(start_time) AS null_count
FROM songplays
UNION ALL
SELECT
    CAST('songplays' AS VARCHAR(16)) AS table_name,
    CAST('user_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(user_id) AS null_count
FROM songplays
UNION ALL
SELECT
    CAST('songplays' AS VARCHAR(16)) AS table_name,
    CAST('song_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(song_id) AS null_count
FROM songplays
UNION ALL
SELECT
    CAST('songplays' AS VARCHAR(16)) AS table_name,
    CAST('artist_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(artist_id) AS null_count
FROM songplays
UNION ALL
SELECT
    CAST('songplays' AS VARCHAR(16)) AS table_name,
    CAST('session_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(session_id) AS null_count
FROM songplays
UNION ALL
SELECT
    CAST('users' AS VARCHAR(16)) AS table_name,
    CAST('user_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(user_id) AS null_count
FROM users
UNION ALL
SELECT
    CAST('songs' AS VARCHAR(16)) AS table_name,
    CAST('song_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(song_id) AS null_count
FROM songs
UNION ALL
SELECT
    CAST('songs' AS VARCHAR(16)) AS table_name,
    CAST('artist_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(artist_id) AS null_count
FROM songs
UNION ALL
SELECT
    CAST('artists' AS VARCHAR(16)) AS table_name,
    CAST('artist_id' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(artist_id) AS null_count
FROM artists
UNION ALL
SELECT
    CAST('time' AS VARCHAR(16)) AS table_name,
    CAST('start_time' AS VARCHAR(16)) AS column_name,
    COUNT(*) AS row_count,
    COUNT(*) - COUNT(start_time) AS null_count
FROM "time"
ORDER BY table_name ASC NULLS LAST, column_name ASC NULLS LAST
