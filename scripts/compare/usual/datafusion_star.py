"""Builds the star with DataFusion, as its users write it.

    python datafusion_star.py SONGS_DIR LOGS_DIR OUT_DIR

register_json reads both datasets; windows over all rows remove copies of plays and select the nearest song.
"""

import os
import sys

import pyarrow as pa
from datafusion import SessionConfig, SessionContext

# The types are declared, because the first files do not show those of all columns.
SONG = pa.schema(
    [
        ("song_id", pa.string()),
        ("title", pa.string()),
        ("artist_id", pa.string()),
        ("year", pa.int32()),
        ("duration", pa.float64()),
        ("artist_name", pa.string()),
        ("artist_location", pa.string()),
        ("artist_latitude", pa.float64()),
        ("artist_longitude", pa.float64()),
    ]
)
EVENT = pa.schema(
    [
        ("ts", pa.int64()),
        ("userId", pa.string()),
        ("sessionId", pa.int64()),
        ("itemInSession", pa.int64()),
        ("page", pa.string()),
        ("firstName", pa.string()),
        ("lastName", pa.string()),
        ("gender", pa.string()),
        ("level", pa.string()),
        ("song", pa.string()),
        ("artist", pa.string()),
        ("length", pa.float64()),
        ("location", pa.string()),
        ("userAgent", pa.string()),
    ]
)

songs, logs, out = sys.argv[1:]
os.makedirs(out, exist_ok=True)
db = SessionContext(
    SessionConfig({"datafusion.execution.listing_table_ignore_subdirectory": "false"})
)
db.register_json("song_files", f"{songs}/", schema=SONG)
db.register_json("log_files", f"{logs}/", schema=EVENT)


def table(name, query):
    db.register_table(name, db.sql(query).cache())


table(
    "catalogue",
    """
    SELECT
        song_id,
        title,
        artist_id,
        CAST(nullif(year, 0) AS INT) AS year,
        duration,
        artist_name AS name,
        nullif(artist_location, '') AS location,
        artist_latitude AS latitude,
        artist_longitude AS longitude
    FROM song_files
    """,
)
table(
    "events",
    """
    SELECT
        ts,
        CAST(nullif("userId", '') AS BIGINT) AS user_id,
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
    """,
)
table(
    "songplays",
    """
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
    ranked AS (
        SELECT
            p.*, c.song_id, c.artist_id,
            row_number() OVER (
                PARTITION BY p.ts, p.user_id, p.session_id, p.item
                ORDER BY
                    abs(c.duration - p.length) NULLS LAST, c.song_id NULLS LAST,
                    c.artist_id NULLS LAST
            ) AS preference
        FROM plays p
        LEFT JOIN catalogue c ON c.name = p.artist AND c.title = p.song
    )
    SELECT
        CAST(row_number() OVER (ORDER BY ts, user_id, session_id, item) AS BIGINT) AS songplay_id,
        arrow_cast(ts * 1000, 'Timestamp(Microsecond, None)') AS start_time,
        user_id, level, song_id, artist_id, session_id, location, user_agent
    FROM ranked
    WHERE preference = 1
    """,
)

STAR = {
    "songplays": "SELECT * FROM songplays",
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
                CAST(location IS NULL AS INT) + CAST(latitude IS NULL AS INT)
                    + CAST(longitude IS NULL AS INT),
                name, location NULLS LAST, latitude NULLS LAST, longitude NULLS LAST
        )
    """,
    "time": """
        SELECT DISTINCT
            start_time,
            CAST(extract(hour FROM start_time) AS SMALLINT) AS hour,
            CAST(extract(day FROM start_time) AS SMALLINT) AS day,
            CAST(extract(week FROM start_time) AS SMALLINT) AS week,
            CAST(extract(month FROM start_time) AS SMALLINT) AS month,
            CAST(extract(year FROM start_time) AS SMALLINT) AS year,
            CAST(extract(dow FROM start_time) AS SMALLINT) AS weekday
        FROM songplays
    """,
}
for name, query in STAR.items():
    db.sql(
        f"COPY ({query}) TO '{out}/{name}.parquet' STORED AS PARQUET "
        "OPTIONS (compression 'zstd(3)')"
    ).collect()
