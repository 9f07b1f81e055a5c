"""Builds the star with chDB, as its users write it.

    python chdb_star.py SONGS_DIR LOGS_DIR OUT_DIR

file() reads both datasets; windows over all rows remove copies of plays and select the nearest song.
"""

import os
import sys

from chdb import session

songs, logs, out = map(os.path.abspath, sys.argv[1:])
os.makedirs(out, exist_ok=True)
db = session.Session()
db.query("CREATE DATABASE star")
db.query("USE star")
# As in SQL, a row without a match has nulls.
db.query("SET join_use_nulls = 1")

# The types are declared, because the first files do not show those of all columns.
db.query(
    f"""
    CREATE TABLE catalogue ENGINE = Memory AS
    SELECT
        song_id,
        title,
        artist_id,
        nullIf(year, 0) AS year,
        duration,
        artist_name AS name,
        nullIf(artist_location, '') AS location,
        artist_latitude AS latitude,
        artist_longitude AS longitude
    FROM file(
        '{songs}/**/*.json',
        'JSONEachRow',
        'song_id String, title String, artist_id String, year Nullable(Int32),
         duration Nullable(Float64), artist_name String, artist_location Nullable(String),
         artist_latitude Nullable(Float64), artist_longitude Nullable(Float64)'
    )
    """
)
db.query(
    f"""
    CREATE TABLE events ENGINE = Memory AS
    SELECT
        ts,
        toInt64OrNull(userId) AS user_id,
        sessionId AS session_id,
        itemInSession AS item,
        page,
        nullIf(firstName, '') AS first_name,
        nullIf(lastName, '') AS last_name,
        nullIf(gender, '') AS gender,
        nullIf(level, '') AS level,
        nullIf(song, '') AS song,
        nullIf(artist, '') AS artist,
        length,
        nullIf(location, '') AS location,
        nullIf(userAgent, '') AS user_agent
    FROM file(
        '{logs}/**/*.json',
        'JSONEachRow',
        'ts Int64, userId Nullable(String), sessionId Nullable(Int64),
         itemInSession Nullable(Int64), page String, firstName Nullable(String),
         lastName Nullable(String), gender Nullable(String), level Nullable(String),
         song Nullable(String), artist Nullable(String), length Nullable(Float64),
         location Nullable(String), userAgent Nullable(String)'
    )
    """
)
db.query(
    """
    CREATE TABLE songplays ENGINE = Memory AS
    WITH plays AS (
        SELECT *
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
        SELECT p.*, c.song_id AS song_id, c.artist_id AS artist_id
        FROM plays AS p
        LEFT JOIN catalogue AS c ON c.name = p.artist AND c.title = p.song
        QUALIFY 1 = row_number() OVER (
            PARTITION BY p.ts, p.user_id, p.session_id, p.item
            ORDER BY abs(c.duration - p.length) NULLS LAST, c.song_id, c.artist_id
        )
    )
    SELECT
        toInt64(row_number() OVER (ORDER BY ts, user_id, session_id, item)) AS songplay_id,
        toDateTime64(fromUnixTimestamp64Milli(ts, 'UTC'), 6, 'UTC') AS start_time,
        assumeNotNull(user_id) AS user_id,
        level,
        song_id,
        artist_id,
        assumeNotNull(session_id) AS session_id,
        location,
        user_agent
    FROM matched
    """
)

STAR = {
    "songplays": "SELECT * FROM songplays",
    "users": """
        SELECT assumeNotNull(user_id) AS user_id, first_name, last_name, gender, level
        FROM events AS e
        WHERE e.user_id IS NOT NULL
        QUALIFY 1 = row_number() OVER (
            PARTITION BY e.user_id
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
                isNull(location) + isNull(latitude) + isNull(longitude),
                name, location NULLS LAST, latitude NULLS LAST, longitude NULLS LAST
        )
    """,
    "time": """
        SELECT DISTINCT
            start_time,
            toInt16(toHour(start_time)) AS hour,
            toInt16(toDayOfMonth(start_time)) AS day,
            toInt16(toISOWeek(start_time)) AS week,
            toInt16(toMonth(start_time)) AS month,
            toInt16(toYear(start_time)) AS year,
            toInt16(toDayOfWeek(start_time) % 7) AS weekday
        FROM songplays
    """,
}
for table, query in STAR.items():
    db.query(
        f"INSERT INTO FUNCTION file('{out}/{table}.parquet', 'Parquet') {query} "
        "SETTINGS output_format_parquet_compression_method = 'zstd', "
        "engine_file_truncate_on_insert = 1"
    )
db.close()
