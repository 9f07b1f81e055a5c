-- Question: How many nulls are there in the columns that tables are joined on?
-- Grain: one row per primary or foreign key column of the five tables. Only
--   song_id and artist_id of songplays can be null, for plays without a match.
-- Units: row_count and null_count are counts of rows.
-- Names are cast because Redshift does not assign a type to a bare literal in a UNION.
WITH key_columns (table_name, column_name, row_count, value_count) AS (
    SELECT CAST('songplays' AS VARCHAR(16)), CAST('songplay_id' AS VARCHAR(16)), COUNT(*), COUNT(songplay_id) FROM songplays
    UNION ALL
    SELECT CAST('songplays' AS VARCHAR(16)), CAST('start_time' AS VARCHAR(16)), COUNT(*), COUNT(start_time) FROM songplays
    UNION ALL
    SELECT CAST('songplays' AS VARCHAR(16)), CAST('user_id' AS VARCHAR(16)), COUNT(*), COUNT(user_id) FROM songplays
    UNION ALL
    SELECT CAST('songplays' AS VARCHAR(16)), CAST('song_id' AS VARCHAR(16)), COUNT(*), COUNT(song_id) FROM songplays
    UNION ALL
    SELECT CAST('songplays' AS VARCHAR(16)), CAST('artist_id' AS VARCHAR(16)), COUNT(*), COUNT(artist_id) FROM songplays
    UNION ALL
    SELECT CAST('songplays' AS VARCHAR(16)), CAST('session_id' AS VARCHAR(16)), COUNT(*), COUNT(session_id) FROM songplays
    UNION ALL
    SELECT CAST('users' AS VARCHAR(16)), CAST('user_id' AS VARCHAR(16)), COUNT(*), COUNT(user_id) FROM users
    UNION ALL
    SELECT CAST('songs' AS VARCHAR(16)), CAST('song_id' AS VARCHAR(16)), COUNT(*), COUNT(song_id) FROM songs
    UNION ALL
    SELECT CAST('songs' AS VARCHAR(16)), CAST('artist_id' AS VARCHAR(16)), COUNT(*), COUNT(artist_id) FROM songs
    UNION ALL
    SELECT CAST('artists' AS VARCHAR(16)), CAST('artist_id' AS VARCHAR(16)), COUNT(*), COUNT(artist_id) FROM artists
    UNION ALL
    SELECT CAST('time' AS VARCHAR(16)), CAST('start_time' AS VARCHAR(16)), COUNT(*), COUNT(start_time) FROM "time"
)

SELECT table_name, column_name, row_count, row_count - value_count AS null_count
FROM key_columns
ORDER BY table_name ASC NULLS LAST, column_name ASC NULLS LAST
