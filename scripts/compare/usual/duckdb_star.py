"""Builds the star with DuckDB, as its users write it.

    python duckdb_star.py SONGS_DIR LOGS_DIR OUT_DIR

read_json reads both datasets and finds the types itself; windows over all rows remove copies of plays and
select the nearest song.
"""

import os
import sys

import duckdb

songs, logs, out = sys.argv[1:]
os.makedirs(out, exist_ok=True)
db = duckdb.connect()
db.execute(f"CREATE VIEW song_files AS FROM read_json('{songs}/**/*.json')")
db.execute(f"CREATE VIEW log_files AS FROM read_json('{logs}/**/*.json')")

# Types depend on the files that DuckDB samples, so the columns are cast.
db.execute(
    """
    CREATE TABLE catalogue AS
    SELECT
        song_id,
        title,
        artist_id,
        nullif(year, 0)::INTEGER AS year,
        duration::DOUBLE AS duration,
        artist_name AS name,
        nullif(artist_location::VARCHAR, '') AS location,
        artist_latitude::DOUBLE AS latitude,
        artist_longitude::DOUBLE AS longitude
    FROM song_files
    """
)
db.execute(
    """
    CREATE TABLE events AS
    SELECT
        ts,
        nullif("userId", '')::BIGINT AS user_id,
        "sessionId" AS session_id,
        "itemInSession" AS item,
        page,
        nullif("firstName", '') AS first_name,
        nullif("lastName", '') AS last_name,
        nullif(gender, '') AS gender,
        nullif(level, '') AS level,
        nullif(song, '') AS song,
        nullif(artist, '') AS artist,
        length,
        nullif(location, '') AS location,
        nullif("userAgent", '') AS user_agent
    FROM log_files
    """
)
db.execute(
    """
    CREATE TABLE songplays AS
    WITH plays AS (
        FROM events
        WHERE page = 'NextSong'
        QUALIFY 1 = row_number() OVER (
            PARTITION BY ts, user_id, session_id, item
            ORDER BY
                song NULLS LAST, artist NULLS LAST, length NULLS LAST, level NULLS LAST,
                location NULLS LAST, user_agent NULLS LAST
        )
    ),
    matched AS (
        SELECT p.*, c.song_id, c.artist_id
        FROM plays p
        LEFT JOIN catalogue c ON c.name = p.artist AND c.title = p.song
        QUALIFY 1 = row_number() OVER (
            PARTITION BY p.ts, p.user_id, p.session_id, p.item
            ORDER BY abs(c.duration - p.length) NULLS LAST, c.song_id, c.artist_id
        )
    )
    SELECT
        row_number() OVER (ORDER BY ts, user_id, session_id, item) AS songplay_id,
        make_timestamp_ms(ts) AS start_time,
        user_id,
        level,
        song_id,
        artist_id,
        session_id,
        location,
        user_agent
    FROM matched
    """
)

STAR = {
    "songplays": "FROM songplays",
    "users": """
        SELECT user_id, first_name, last_name, gender, level
        FROM events
        WHERE user_id IS NOT NULL
        QUALIFY 1 = row_number() OVER (
            PARTITION BY user_id
            ORDER BY
                ts DESC, session_id DESC NULLS LAST, item DESC NULLS LAST, first_name NULLS LAST,
                last_name NULLS LAST, gender NULLS LAST, level NULLS LAST
        )
    """,
    "songs": """
        SELECT song_id, title, artist_id, year, duration
        FROM catalogue
        QUALIFY 1 = row_number() OVER (
            PARTITION BY song_id
            ORDER BY year IS NULL, title, artist_id, duration NULLS LAST, year
        )
    """,
    "artists": """
        SELECT artist_id, name, location, latitude, longitude
        FROM catalogue
        QUALIFY 1 = row_number() OVER (
            PARTITION BY artist_id
            ORDER BY
                (location IS NULL)::INT + (latitude IS NULL)::INT + (longitude IS NULL)::INT,
                name, location NULLS LAST, latitude NULLS LAST, longitude NULLS LAST
        )
    """,
    "time": """
        SELECT DISTINCT
            start_time,
            hour(start_time)::SMALLINT AS hour,
            day(start_time)::SMALLINT AS day,
            week(start_time)::SMALLINT AS week,
            month(start_time)::SMALLINT AS month,
            year(start_time)::SMALLINT AS year,
            dayofweek(start_time)::SMALLINT AS weekday
        FROM songplays
    """,
}
for table, query in STAR.items():
    db.execute(f"COPY ({query}) TO '{out}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
