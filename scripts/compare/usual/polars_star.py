"""Builds the star with Polars, as its users write it.

    python polars_star.py SONGS_DIR LOGS_DIR OUT_DIR

scan_ndjson reads both datasets, with a schema, because the first lines do not show the types of all columns.
Sorting all plays removes their copies and selects the nearest song.
"""

import os
import sys

import polars as pl

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
PLAY = ["ts", "userId", "sessionId", "itemInSession"]
PLACE = ["artist_location", "artist_latitude", "artist_longitude"]


def first(frame, key, *order, descending=False):
    """Returns the first row of each key."""
    frame = frame.sort(*order, descending=descending, nulls_last=True)
    return frame.unique(key, keep="first", maintain_order=True)


songs_dir, logs_dir, out = sys.argv[1:]
os.makedirs(out, exist_ok=True)

catalogue = (
    pl.scan_ndjson(f"{songs_dir}/**/*.json", schema=SONG)
    .with_columns(pl.col("artist_location").replace("", None), pl.col("year").replace(0, None))
    .collect()
)
events = (
    pl.scan_ndjson(f"{logs_dir}/**/*.json", schema=EVENT)
    .with_columns(pl.col(pl.String).replace("", None))
    .with_columns(pl.col("userId").cast(pl.Int64))
    .collect()
)

plays = first(
    events.filter(pl.col("page") == "NextSong"),
    PLAY,
    ["song", "artist", "length", "level", "location", "userAgent"],
)
songplays = (
    first(
        plays.join(
            catalogue,
            how="left",
            left_on=["artist", "song"],
            right_on=["artist_name", "title"],
        ).with_columns(distance=(pl.col("duration") - pl.col("length")).abs()),
        PLAY,
        ["distance", "song_id", "artist_id"],
    )
    .sort(PLAY)
    .with_row_index("songplay_id", offset=1)
    .select(
        pl.col("songplay_id").cast(pl.Int64),
        start_time=pl.from_epoch("ts", time_unit="ms").cast(pl.Datetime("us")),
        user_id="userId",
        level="level",
        song_id="song_id",
        artist_id="artist_id",
        session_id="sessionId",
        location="location",
        user_agent="userAgent",
    )
)

at = pl.col("start_time").dt
star = {
    "songplays": songplays,
    "users": first(
        events.filter(pl.col("userId").is_not_null()),
        "userId",
        ["ts", "sessionId", "itemInSession", "firstName", "lastName", "gender", "level"],
        descending=[True, True, True, False, False, False, False],
    ).select(
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
        [pl.sum_horizontal(pl.col(PLACE).is_null()), "artist_name", *PLACE],
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
for table, frame in star.items():
    frame.write_parquet(f"{out}/{table}.parquet", compression="zstd")
