"""Loads the files in a star's manifests with DuckDB and with pyarrow.

    python load.py STAR_DIR

Prints one line per table: its name, the number of rows in DuckDB and in pyarrow, and the column types
in DuckDB.
"""

import json
import os
import sys
from urllib.parse import unquote, urlparse

import duckdb
import pyarrow.parquet

for table in ("songs", "artists", "users", "songplays", "time"):
    with open(os.path.join(sys.argv[1], f"{table}.manifest"), encoding="utf-8") as file:
        entries = json.load(file)["entries"]
    files = [unquote(urlparse(entry["url"]).path) for entry in entries]
    rows = duckdb.read_parquet(files)
    counted = rows.aggregate("count(*)").fetchall()[0][0]
    loaded = sum(pyarrow.parquet.read_table(file).num_rows for file in files)
    print(table, counted, loaded, ",".join(str(kind) for kind in rows.types))
