"""Builds the star with Spark, in the JVM of this process.

    python spark_star.py SONGS_DIR LOGS_DIR OUT_DIR

The small files are concatenated first, because Spark takes far longer to list and open them. A table is
a folder, as usual with Spark. One shuffle partition per core avoids hundreds of tiny tasks. Duplicate
plays are detected by a hash of their key and only those are ranked, which avoids a sort of all plays.
"""

import os
import sys

from pyspark.sql import SparkSession

import small_files

SONG = """
    song_id STRING, title STRING, artist_id STRING, year INT, duration DOUBLE, artist_name STRING,
    artist_location STRING, artist_latitude DOUBLE, artist_longitude DOUBLE
"""
EVENT = """
    ts BIGINT, userId STRING, sessionId BIGINT, itemInSession BIGINT, page STRING,
    firstName STRING, lastName STRING, gender STRING, level STRING, song STRING, artist STRING,
    length DOUBLE, location STRING, userAgent STRING
"""

songs, logs, out = map(os.path.abspath, sys.argv[1:])
os.makedirs(out, exist_ok=True)
joined = f"{out}/songs.json"
with open(joined, "wb") as file:
    file.write(small_files.joined(songs))

spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.driver.memory", "4g")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "localhost")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", os.cpu_count())
    .config("spark.sql.caseSensitive", "true")
    .config("spark.sql.parquet.compression.codec", "zstd")
    .getOrCreate()
)

spark.read.schema(SONG).json(joined).createTempView("song_files")
spark.read.schema(EVENT).option("recursiveFileLookup", True).json(logs).createTempView("log_files")


def table(name, query, keep=False):
    frame = spark.sql(query)
    (frame.cache() if keep else frame).createTempView(name)


table(
    "catalogue",
    """
    SELECT
        song_id,
        title,
        artist_id,
        nullif(year, 0) AS year,
        duration,
        artist_name AS name,
        nullif(artist_location, '') AS location,
        artist_latitude AS latitude,
        artist_longitude AS longitude
    FROM song_files
    """,
    keep=True,
)
table(
    "events",
    """
    SELECT
        ts,
        CAST(nullif(userId, '') AS BIGINT) AS user_id,
        sessionId AS session_id,
        itemInSession AS item,
        page = 'NextSong' AS is_play,
        nullif(firstName, '') AS first_name,
        nullif(lastName, '') AS last_name,
        nullif(gender, '') AS gender,
        nullif(level, '') AS level,
        nullif(song, '') AS song,
        nullif(artist, '') AS artist,
        length,
        nullif(location, '') AS location,
        nullif(userAgent, '') AS user_agent,
        shiftrightunsigned(xxhash64(ts, user_id, session_id, item), 1) AS songplay_id
    FROM log_files
    """,
    keep=True,
)
table("plays", "SELECT * FROM events WHERE is_play")
table(
    "repeated", "SELECT songplay_id FROM plays GROUP BY songplay_id HAVING count(*) > 1", keep=True
)
table(
    "distinct_plays",
    """
    SELECT * FROM plays LEFT ANTI JOIN repeated USING (songplay_id)
    UNION ALL
    SELECT * EXCEPT (copy)
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY ts, user_id, session_id, item
                ORDER BY
                    song NULLS LAST, artist NULLS LAST, length NULLS LAST, level NULLS LAST,
                    location NULLS LAST, user_agent NULLS LAST
            ) AS copy
        FROM plays
        LEFT SEMI JOIN repeated USING (songplay_id)
    )
    WHERE copy = 1
    """,
)
table(
    "titles",
    """
    SELECT
        name,
        title,
        collect_set(struct(duration, song_id, artist_id)) AS songs
    FROM catalogue
    GROUP BY name, title
    """,
)
table(
    "songplays",
    """
    SELECT
        songplay_id,
        CAST(timestamp_millis(ts) AS TIMESTAMP_NTZ) AS start_time,
        user_id,
        level,
        match.song_id AS song_id,
        match.artist_id AS artist_id,
        session_id,
        location,
        user_agent
    FROM (
        SELECT
            p.*,
            CASE WHEN size(songs) > 1 THEN
                array_min(
                    transform(
                        songs,
                        s -> struct(
                            coalesce(abs(s.duration - length), double('infinity')) AS distance,
                            s.song_id AS song_id,
                            s.artist_id AS artist_id
                        )
                    )
                )
            ELSE
                struct(
                    double(0) AS distance,
                    songs[0].song_id AS song_id,
                    songs[0].artist_id AS artist_id
                )
            END AS match
        FROM distinct_plays p
        LEFT JOIN titles t ON t.name = p.artist AND t.title = p.song
    )
    """,
    keep=True,
)

STAR = {
    "songplays": "SELECT * FROM songplays",
    "users": """
        WITH latest AS (
            SELECT user_id, max(ts) AS ts FROM events WHERE user_id IS NOT NULL GROUP BY user_id
        ),
        ranked AS (
            SELECT
                *,
                row_number() OVER (
                    PARTITION BY user_id
                    ORDER BY
                        session_id DESC NULLS LAST, item DESC NULLS LAST, first_name NULLS LAST,
                        last_name NULLS LAST, gender NULLS LAST, level NULLS LAST
                ) AS recency
            FROM events
            JOIN latest USING (user_id, ts)
        )
        SELECT user_id, first_name, last_name, gender, level FROM ranked WHERE recency = 1
    """,
    "songs": """
        WITH ranked AS (
            SELECT
                *,
                row_number() OVER (
                    PARTITION BY song_id
                    ORDER BY year IS NULL, title, artist_id, duration NULLS LAST, year
                ) AS preference
            FROM catalogue
        )
        SELECT song_id, title, artist_id, year, duration FROM ranked WHERE preference = 1
    """,
    "artists": """
        WITH ranked AS (
            SELECT
                *,
                row_number() OVER (
                    PARTITION BY artist_id
                    ORDER BY
                        int(location IS NULL) + int(latitude IS NULL) + int(longitude IS NULL),
                        name, location NULLS LAST, latitude NULLS LAST, longitude NULLS LAST
                ) AS preference
            FROM catalogue
        )
        SELECT artist_id, name, location, latitude, longitude FROM ranked WHERE preference = 1
    """,
    "time": """
        SELECT
            start_time,
            smallint(hour(start_time)) AS hour,
            smallint(day(start_time)) AS day,
            smallint(weekofyear(start_time)) AS week,
            smallint(month(start_time)) AS month,
            smallint(year(start_time)) AS year,
            smallint(dayofweek(start_time) - 1) AS weekday
        FROM (SELECT DISTINCT start_time FROM songplays)
    """,
}
for name, query in STAR.items():
    spark.sql(query).write.mode("overwrite").parquet(f"{out}/{name}.parquet")
os.remove(joined)

# Wait for the JVM, so that its memory is counted as that of a child.
jvm = spark.sparkContext._gateway.proc
spark.stop()
jvm.stdin.close()
jvm.wait()
