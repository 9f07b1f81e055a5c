"""Builds the star with DataFusion.

    python datafusion_star.py SONGS_DIR LOGS_DIR OUT_DIR

The small files are concatenated first, because a listing table takes six times as long to read them.
Results that are used twice are cached as tables. Duplicate plays are detected by a fingerprint of their
key, and only those plays and titles with several songs are ranked, because a window over all plays
takes eight times as long. DataFusion has no integer hash; the fingerprint is a linear congruential
generator, which works because multiplication wraps around.
"""

import os
import sys

import pyarrow as pa
from datafusion import SessionConfig, SessionContext

import small_files

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
joined = f"{out}/songs.json"
with open(joined, "wb") as file:
    file.write(small_files.joined(songs))

db = SessionContext(
    SessionConfig({"datafusion.execution.listing_table_ignore_subdirectory": "false"})
)


def table(name, query):
    db.register_table(name, db.sql(query).cache())


db.register_json("song_files", joined, schema=SONG)
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
os.remove(joined)

db.register_json("log_files", f"{logs}/", schema=EVENT)
table(
    "events",
    """
    SELECT
        ts,
        CAST(nullif("userId", '') AS BIGINT) AS user_id,
        "sessionId" AS session_id,
        "itemInSession" AS item,
        page = 'NextSong' AS is_play,
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
    "plays",
    """
    SELECT
        (
            ((ts * 6364136223846793005 + user_id) * 6364136223846793005 + session_id)
            * 6364136223846793005 + coalesce(item, -1)
        ) & 9223372036854775807 AS songplay_id,
        ts, user_id, session_id, item, song, artist, length, level, location, user_agent
    FROM events
    WHERE is_play
    """,
)
table("repeated", "SELECT songplay_id FROM plays GROUP BY songplay_id HAVING count(*) > 1")
table(
    "titled",
    """
    WITH copies AS (
        SELECT
            p.*,
            row_number() OVER (
                PARTITION BY ts, user_id, session_id, item
                ORDER BY
                    song NULLS LAST, artist NULLS LAST, length NULLS LAST, level NULLS LAST,
                    location NULLS LAST, user_agent NULLS LAST
            ) AS copy
        FROM repeated r
        JOIN plays p ON p.songplay_id = r.songplay_id
    ),
    distinct_plays AS (
        SELECT p.*
        FROM repeated r
        RIGHT ANTI JOIN plays p ON p.songplay_id = r.songplay_id
        UNION ALL
        SELECT
            songplay_id, ts, user_id, session_id, item, song, artist, length, level, location,
            user_agent
        FROM copies
        WHERE copy = 1
    ),
    titles AS (
        SELECT
            name, title, count(*) AS candidates, min(song_id) AS song_id, min(artist_id) AS artist_id
        FROM (SELECT DISTINCT name, title, song_id, artist_id, duration FROM catalogue)
        GROUP BY name, title
    )
    SELECT p.*, t.candidates, t.song_id, t.artist_id
    FROM distinct_plays p
    LEFT JOIN titles t ON t.name = p.artist AND t.title = p.song
    """,
)
table(
    "songplays",
    """
    WITH ranked AS (
        SELECT
            p.songplay_id, p.ts, p.user_id, p.level, c.song_id, c.artist_id, p.session_id,
            p.location, p.user_agent,
            row_number() OVER (
                PARTITION BY p.ts, p.user_id, p.session_id, p.item
                ORDER BY abs(c.duration - p.length) NULLS LAST, c.song_id, c.artist_id
            ) AS preference
        FROM titled p
        JOIN catalogue c ON c.name = p.artist AND c.title = p.song
        WHERE p.candidates > 1
    ),
    matched AS (
        SELECT
            songplay_id, ts, user_id, level, song_id, artist_id, session_id, location, user_agent
        FROM titled
        WHERE candidates IS NULL OR candidates = 1
        UNION ALL
        SELECT
            songplay_id, ts, user_id, level, song_id, artist_id, session_id, location, user_agent
        FROM ranked
        WHERE preference = 1
    )
    SELECT
        songplay_id,
        arrow_cast(ts * 1000, 'Timestamp(Microsecond, None)') AS start_time,
        user_id, level, song_id, artist_id, session_id, location, user_agent
    FROM matched
    """,
)

STAR = {
    "songplays": "SELECT * FROM songplays",
    "users": """
        WITH latest AS (
            SELECT user_id, max(ts) AS ts FROM events WHERE user_id IS NOT NULL GROUP BY user_id
        )
        SELECT e.user_id, e.first_name, e.last_name, e.gender, e.level
        FROM latest l
        JOIN events e ON e.user_id = l.user_id AND e.ts = l.ts
        QUALIFY 1 = row_number() OVER (
            PARTITION BY e.user_id
            ORDER BY
                e.session_id DESC NULLS LAST, e.item DESC NULLS LAST, e.first_name NULLS LAST,
                e.last_name NULLS LAST, e.gender NULLS LAST, e.level NULLS LAST
        )
    """,
    "songs": """
        WITH versions AS (
            SELECT DISTINCT song_id, title, artist_id, year, duration FROM catalogue
        ),
        repeated AS (
            SELECT song_id FROM versions GROUP BY song_id HAVING count(*) > 1
        ),
        ranked AS (
            SELECT
                v.*,
                row_number() OVER (
                    PARTITION BY v.song_id
                    ORDER BY year IS NULL, title, artist_id, duration NULLS LAST, year
                ) AS preference
            FROM repeated r
            JOIN versions v ON v.song_id = r.song_id
        )
        SELECT v.*
        FROM repeated r
        RIGHT ANTI JOIN versions v ON v.song_id = r.song_id
        UNION ALL
        SELECT song_id, title, artist_id, year, duration FROM ranked WHERE preference = 1
    """,
    "artists": """
        WITH versions AS (
            SELECT DISTINCT artist_id, name, location, latitude, longitude FROM catalogue
        ),
        repeated AS (
            SELECT artist_id FROM versions GROUP BY artist_id HAVING count(*) > 1
        ),
        ranked AS (
            SELECT
                v.*,
                row_number() OVER (
                    PARTITION BY v.artist_id
                    ORDER BY
                        CAST(location IS NULL AS INT) + CAST(latitude IS NULL AS INT)
                            + CAST(longitude IS NULL AS INT),
                        name, location NULLS LAST, latitude NULLS LAST, longitude NULLS LAST
                ) AS preference
            FROM repeated r
            JOIN versions v ON v.artist_id = r.artist_id
        )
        SELECT v.*
        FROM repeated r
        RIGHT ANTI JOIN versions v ON v.artist_id = r.artist_id
        UNION ALL
        SELECT artist_id, name, location, latitude, longitude FROM ranked WHERE preference = 1
    """,
    "time": """
        SELECT
            start_time,
            CAST(extract(hour FROM start_time) AS SMALLINT) AS hour,
            CAST(extract(day FROM start_time) AS SMALLINT) AS day,
            CAST(extract(week FROM start_time) AS SMALLINT) AS week,
            CAST(extract(month FROM start_time) AS SMALLINT) AS month,
            CAST(extract(year FROM start_time) AS SMALLINT) AS year,
            CAST(extract(dow FROM start_time) AS SMALLINT) AS weekday
        FROM (SELECT DISTINCT start_time FROM songplays)
    """,
}
for name, query in STAR.items():
    db.sql(
        f"COPY ({query}) TO '{out}/{name}.parquet' STORED AS PARQUET "
        "OPTIONS (compression 'zstd(3)')"
    ).collect()
