"""Builds the star with chDB.

    python chdb_star.py SONGS_DIR LOGS_DIR OUT_DIR

The small files are concatenated first, because file() with a glob takes over ten times as long to read
them. Plays are deduplicated with a window over all of them. That is faster here than selecting the
duplicates first, with IN or a Set table, if the result is stored as a table; as a CTE it is slower. The
array of songs is sorted only for titles with several songs.
"""

import os
import sys

from chdb import session

import small_files

songs, logs, out = map(os.path.abspath, sys.argv[1:])
os.makedirs(out, exist_ok=True)
joined = f"{out}/songs.json"
with open(joined, "wb") as file:
    file.write(small_files.joined(songs))

db = session.Session()
db.query("CREATE DATABASE star")
db.query("USE star")

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
        '{joined}',
        'JSONEachRow',
        'song_id String, title String, artist_id String, year Nullable(Int32),
         duration Nullable(Float64), artist_name String, artist_location Nullable(String),
         artist_latitude Nullable(Float64), artist_longitude Nullable(Float64)'
    )
    """
)
os.remove(joined)

db.query(
    f"""
    CREATE TABLE events ENGINE = Memory AS
    SELECT
        ts,
        toInt64OrNull(userId) AS user_id,
        sessionId AS session_id,
        itemInSession AS item,
        page = 'NextSong' AS is_play,
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
    CREATE TABLE plays ENGINE = Memory AS
    SELECT ts, user_id, session_id, item, song, artist, length, level, location, user_agent
    FROM events
    WHERE is_play
    QUALIFY 1 = row_number() OVER (
        PARTITION BY ts, user_id, session_id, item
        ORDER BY
            song NULLS LAST, artist NULLS LAST, length NULLS LAST, level NULLS LAST,
            location NULLS LAST, user_agent NULLS LAST
    )
    """
)
db.query(
    """
    CREATE TABLE songplays ENGINE = Memory AS
    WITH titles AS (
        SELECT name, title, groupUniqArray((duration, song_id, artist_id)) AS songs
        FROM catalogue
        GROUP BY name, title
    )
    SELECT
        toInt64(bitShiftRight(sipHash64(ts, user_id, session_id, item), 1)) AS songplay_id,
        toDateTime64(fromUnixTimestamp64Milli(ts, 'UTC'), 6, 'UTC') AS start_time,
        assumeNotNull(p.user_id) AS user_id,
        p.level AS level,
        if(
            length(songs) > 1,
            arraySort(s -> (ifNull(abs(s.1 - p.length), inf), s.2, s.3), songs)[1],
            songs[1]
        ) AS match,
        nullIf(match.2, '') AS song_id,
        nullIf(match.3, '') AS artist_id,
        assumeNotNull(p.session_id) AS session_id,
        p.location AS location,
        p.user_agent AS user_agent
    FROM plays AS p
    LEFT JOIN titles AS t ON t.name = p.artist AND t.title = p.song
    """
)

STAR = {
    "songplays": "SELECT * EXCEPT match FROM songplays",
    "users": """
        SELECT assumeNotNull(user_id) AS user_id, first_name, last_name, gender, level
        FROM events AS e
        WHERE (e.user_id, ts) IN (
            SELECT user_id, max(ts) FROM events WHERE user_id IS NOT NULL GROUP BY user_id
        )
        ORDER BY
            session_id DESC NULLS LAST, item DESC NULLS LAST, first_name NULLS LAST,
            last_name NULLS LAST, gender NULLS LAST, level NULLS LAST
        LIMIT 1 BY user_id
    """,
    "songs": """
        SELECT song_id, title, artist_id, year, duration
        FROM catalogue
        ORDER BY year IS NULL, title, artist_id, duration NULLS LAST, year
        LIMIT 1 BY song_id
    """,
    "artists": """
        SELECT artist_id, name, location, latitude, longitude
        FROM catalogue
        ORDER BY
            isNull(location) + isNull(latitude) + isNull(longitude),
            name, location NULLS LAST, latitude NULLS LAST, longitude NULLS LAST
        LIMIT 1 BY artist_id
    """,
    "time": """
        SELECT
            start_time,
            toInt16(toHour(start_time)) AS hour,
            toInt16(toDayOfMonth(start_time)) AS day,
            toInt16(toISOWeek(start_time)) AS week,
            toInt16(toMonth(start_time)) AS month,
            toInt16(toYear(start_time)) AS year,
            toInt16(toDayOfWeek(start_time) % 7) AS weekday
        FROM (SELECT DISTINCT start_time FROM songplays)
    """,
}
# Do not write Bloom filters, because no other tool does. chDB marks timestamps as UTC, which cannot be turned
# off.
for table, query in STAR.items():
    path = f"{out}/{table}.parquet"
    db.query(
        f"INSERT INTO FUNCTION file('{path}', 'Parquet') {query} "
        "SETTINGS output_format_parquet_compression_method = 'zstd', "
        "output_format_parquet_write_bloom_filter = 0, engine_file_truncate_on_insert = 1"
    )
db.close()
