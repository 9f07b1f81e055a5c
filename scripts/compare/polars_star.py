"""Builds the star with Polars.

    python polars_star.py SONGS_DIR LOGS_DIR OUT_DIR

The small files are concatenated first, because scan_ndjson takes six times as long to read them. The
streaming engine scans the logs with a schema; the queries after it are faster in memory. Duplicate
plays are detected by a hash of their key and only those are sorted. Only titles with several songs are
ranked.
"""

import io
import os
import sys

import polars as pl

import small_files

SONG = {
    "song_id": pl.String,
    "title": pl.String,
    "artist_id": pl.String,
    "year": pl.Int32,
    "duration": pl.Float64,
    "artist_name": pl.String,
    "artist_location": pl.String,
    "artist_latitude": pl.Float64,
    "artist_longitude": pl.Float64,
}
EVENT = {
    "ts": pl.Int64,
    "userId": pl.String,
    "sessionId": pl.Int64,
    "itemInSession": pl.Int64,
    "page": pl.String,
    "firstName": pl.String,
    "lastName": pl.String,
    "gender": pl.String,
    "level": pl.String,
    "song": pl.String,
    "artist": pl.String,
    "length": pl.Float64,
    "location": pl.String,
    "userAgent": pl.String,
}
KEY = ["ts", "userId", "sessionId", "itemInSession"]
SURVIVOR = ["song", "artist", "length", "level", "location", "userAgent"]


def text(*names):
    """Returns expressions that replace empty text with null. `when` is faster than `replace`."""
    return [pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in names]


def first(frame, key, *order, descending=False):
    """Returns the first row of each key. Rows that are equal in the order are interchangeable."""
    frame = frame.sort(*order, descending=descending, nulls_last=True)
    return frame.unique(key, keep="first", maintain_order=True)


songs_dir, logs_dir, out = sys.argv[1:]
os.makedirs(out, exist_ok=True)

catalogue = (
    pl.scan_ndjson(io.BytesIO(small_files.joined(songs_dir)), schema=SONG)
    .with_columns(*text("artist_location"), pl.when(pl.col("year") != 0).then(pl.col("year")))
    .collect()
    .lazy()
)
events = (
    pl.scan_ndjson(f"{logs_dir}/**/*.json", schema=EVENT)
    .with_columns(
        pl.when(pl.col("userId") != "").then(pl.col("userId")).cast(pl.Int64),
        *text(
            "firstName", "lastName", "gender", "level", "song", "artist", "location", "userAgent"
        ),
    )
    .collect(engine="streaming")
    .lazy()
)

plays = (
    events.filter(pl.col("page") == "NextSong")
    .select(*KEY, *SURVIVOR, songplay_id=(pl.struct(KEY).hash() // 2).cast(pl.Int64))
    .with_columns(repeated=pl.col("songplay_id").is_duplicated())
)
distinct_plays = pl.concat(
    [
        plays.filter(~pl.col("repeated")),
        first(plays.filter(pl.col("repeated")), KEY, SURVIVOR),
    ]
)

candidates = catalogue.select("artist_name", "title", "song_id", "artist_id", "duration").unique()
titles = candidates.group_by("artist_name", "title").agg(
    pl.len().alias("candidates"), pl.first("song_id"), pl.first("artist_id")
)
match = {"left_on": ["artist", "song"], "right_on": ["artist_name", "title"]}
titled = distinct_plays.join(titles, how="left", **match)
several = titled.filter(pl.col("candidates") > 1).drop("song_id", "artist_id")
nearest = first(
    several.join(candidates, **match),
    KEY,
    (pl.col("duration") - pl.col("length")).abs(),
    "song_id",
    "artist_id",
)
columns = {
    "songplay_id": "songplay_id",
    "start_time": pl.from_epoch("ts", time_unit="ms").cast(pl.Datetime("us")),
    "user_id": "userId",
    "level": "level",
    "song_id": "song_id",
    "artist_id": "artist_id",
    "session_id": "sessionId",
    "location": "location",
    "user_agent": "userAgent",
}
songplays = (
    pl.concat(
        [
            titled.filter(pl.col("candidates").fill_null(1) == 1).select(**columns),
            nearest.select(**columns),
        ]
    )
    .collect()
    .lazy()
)

latest = (
    events.filter(pl.col("userId").is_not_null()).group_by("userId").agg(pl.max("ts").alias("ts"))
)
person = ["firstName", "lastName", "gender", "level"]
users = first(
    events.join(latest, on=["userId", "ts"], how="semi"),
    "userId",
    ["sessionId", "itemInSession", *person],
    descending=[True, True, False, False, False, False],
)
place = ["artist_location", "artist_latitude", "artist_longitude"]
at = pl.col("start_time").dt

star = {
    "songplays": songplays,
    "users": users.select(
        user_id="userId",
        first_name="firstName",
        last_name="lastName",
        gender="gender",
        level="level",
    ),
    "songs": first(
        catalogue,
        "song_id",
        [pl.col("year").is_null(), "title", "artist_id", "duration", "year"],
    ).select("song_id", "title", "artist_id", "year", "duration"),
    "artists": first(
        catalogue,
        "artist_id",
        [pl.sum_horizontal(pl.col(place).is_null()), "artist_name", *place],
    ).select(
        "artist_id",
        name="artist_name",
        location="artist_location",
        latitude="artist_latitude",
        longitude="artist_longitude",
    ),
    "time": songplays.select("start_time")
    .unique()
    .with_columns(
        hour=at.hour().cast(pl.Int16),
        day=at.day().cast(pl.Int16),
        week=at.week().cast(pl.Int16),
        month=at.month().cast(pl.Int16),
        year=at.year().cast(pl.Int16),
        weekday=(at.weekday() % 7).cast(pl.Int16),
    ),
}
pl.collect_all(
    [
        frame.sink_parquet(f"{out}/{table}.parquet", compression="zstd", lazy=True)
        for table, frame in star.items()
    ]
)
