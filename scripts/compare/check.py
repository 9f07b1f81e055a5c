"""Prints a fingerprint of a star as JSON. Equal stars have equal fingerprints.

    python check.py STAR_DIR

The fingerprint has the number of rows of each table and a hash of them that does not depend on their
order. The hash excludes songplay_id, which each engine generates differently. Some further counts help
to find the difference when the hashes differ.
"""

import glob
import json
import sys

import duckdb

TABLES = {
    "songplays": {
        "start_time": "TIMESTAMP",
        "user_id": "BIGINT",
        "level": "VARCHAR",
        "song_id": "VARCHAR",
        "artist_id": "VARCHAR",
        "session_id": "BIGINT",
        "location": "VARCHAR",
        "user_agent": "VARCHAR",
    },
    "users": {
        "user_id": "BIGINT",
        "first_name": "VARCHAR",
        "last_name": "VARCHAR",
        "gender": "VARCHAR",
        "level": "VARCHAR",
    },
    "songs": {
        "song_id": "VARCHAR",
        "title": "VARCHAR",
        "artist_id": "VARCHAR",
        "year": "INTEGER",
        "duration": "DOUBLE",
    },
    "artists": {
        "artist_id": "VARCHAR",
        "name": "VARCHAR",
        "location": "VARCHAR",
        "latitude": "DOUBLE",
        "longitude": "DOUBLE",
    },
    "time": {
        "start_time": "TIMESTAMP",
        "hour": "SMALLINT",
        "day": "SMALLINT",
        "week": "SMALLINT",
        "month": "SMALLINT",
        "year": "SMALLINT",
        "weekday": "SMALLINT",
    },
}

db = duckdb.connect()
db.execute("SET timezone = 'UTC'")


def files(table):
    """Returns the files of a table, which is a file or a folder with or without the suffix."""
    for pattern in (f"{table}.parquet/*.parquet", f"{table}/*.parquet", f"{table}.parquet"):
        if found := glob.glob(f"{sys.argv[1]}/{pattern}"):
            return found
    sys.exit(f"{sys.argv[1]} has no table {table}")


def one(query, table):
    return db.execute(query, {"files": files(table)}).fetchone()


facts = {}
for table, columns in TABLES.items():
    cast = ", ".join(f"{column}::{kind}" for column, kind in columns.items())
    rows, hashes = one(f"SELECT count(*), sum(hash({cast})) FROM read_parquet($files)", table)
    facts[table] = rows
    facts[f"hash of {table}"] = str(hashes)
facts["matched plays"], facts["distinct songplay_id"], facts["negative songplay_id"] = one(
    "SELECT count(song_id), count(DISTINCT songplay_id), count_if(songplay_id < 0) "
    "FROM read_parquet($files)",
    "songplays",
)
levels = db.execute(
    "SELECT level, count(DISTINCT user_id) FROM read_parquet($files) GROUP BY level ORDER BY level",
    {"files": files("users")},
).fetchall()
facts["users by level"] = {str(level): users for level, users in levels}
json.dump(facts, sys.stdout)
