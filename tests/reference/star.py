"""An independent implementation of the table rules, compared with a star row by row.

    python star.py SONGS_DIR LOGS_DIR STAR_DIR [--unmatched drop] [--match title-artist-duration]
    python star.py SONGS_DIR LOGS_DIR --counts

It computes the tables with the standard library alone; pyarrow only reads the star.
Exits with 0 if the tables are equal, 1 if they differ, and 2 if they cannot be compared.
"""

import argparse
import gzip
import json
import os
import re
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta

STAR = {
    "songplays": [
        ("songplay_id", "int64"),
        ("start_time", "timestamp[us]"),
        ("user_id", "int64"),
        ("level", "string"),
        ("song_id", "string"),
        ("artist_id", "string"),
        ("session_id", "int64"),
        ("location", "string"),
        ("user_agent", "string"),
    ],
    "users": [
        ("user_id", "int64"),
        ("first_name", "string"),
        ("last_name", "string"),
        ("gender", "string"),
        ("level", "string"),
    ],
    "songs": [
        ("song_id", "string"),
        ("title", "string"),
        ("artist_id", "string"),
        ("year", "int32"),
        ("duration", "double"),
    ],
    "artists": [
        ("artist_id", "string"),
        ("name", "string"),
        ("location", "string"),
        ("latitude", "double"),
        ("longitude", "double"),
    ],
    "time": [
        ("start_time", "timestamp[us]"),
        ("hour", "int16"),
        ("day", "int16"),
        ("week", "int16"),
        ("month", "int16"),
        ("year", "int16"),
        ("weekday", "int16"),
    ],
}

# The warehouse uses these types; the Arrow schema in the file is only a hint.
PARQUET = {
    "int64": ("INT64", {"None", "Int(bitWidth=64, isSigned=true)"}),
    "int32": ("INT32", {"None", "Int(bitWidth=32, isSigned=true)"}),
    "int16": ("INT32", {"Int(bitWidth=16, isSigned=true)"}),
    "double": ("DOUBLE", {"None"}),
    "string": ("BYTE_ARRAY", {"String"}),
    "timestamp[us]": ("INT64", None),
}

EPOCH = datetime(1970, 1, 1)
TS_MIN = -62_135_596_800_000
TS_MAX = 253_402_300_799_999
SHOWN = 10

# Number of rows of a list.
LIST_ROWS = 1000


class Bad(Exception):
    """The record must be rejected."""


class Number(str):
    """A JSON number as written; a text column stores it unchanged."""

    __slots__ = ()


def no_constant(text):
    raise ValueError(f"{text} is not JSON")


decode = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=no_constant, strict=True
).raw_decode

BLANK = re.compile(r"[ \t\r\n]*")
# Separators of records: blanks, U+001E, NUL, byte-order marks and commas.
BETWEEN = re.compile("[ \t\r\n\x1e\0\ufeff,]*")
LINE_END = re.compile(r"\r\n|\r|\n")
KEY = re.compile(r'\{[ \t\r\n]*"([^"\\\x00-\x1f]{0,128})"[ \t\r\n]*:')
STRAY = re.compile("[\x1e\0]")
BROKEN_QUOTE = re.compile(r'[0-9A-Za-z\u0080-\U0010ffff]"')
SURROGATE = re.compile("[\ud800-\udfff]")
NUMBER = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
WHITE = " \t\r\n"


class Source:
    """An input file: its name, its text and its rejects."""

    def __init__(self, name, data):
        self.name = name
        self.data = data
        self.rejects = []
        try:
            self.text = data.decode("utf-8")
        except UnicodeDecodeError:
            # Invalid bytes become lone surrogates, which are rejected too, so that one
            # bad record does not invalidate the file.
            self.text = data.decode("utf-8", "surrogateescape")
        self.seen = (0, 0, 1)
        self.in_array = False
        self.after_value = False
        self.first_key = None

    def reject(self, start, reason):
        at, offset, line = self.seen
        between = self.text[at:start]
        offset += len(between.encode("utf-8", "surrogateescape"))
        line += len(LINE_END.findall(between))
        self.seen = (start, offset, line)
        self.rejects.append((offset, line, reason))
        self.after_value = True

    def records(self):
        """Yields (start, object) for every JSON object, and records the rest as rejects."""
        text = self.text
        pos = 0
        cut = False
        while True:
            after = BETWEEN.match(text, pos).end()
            self.after_value &= "," not in text[pos:after]
            pos = after
            if pos == len(text):
                if self.in_array and not cut:
                    self.reject(pos, "the array has no end")
                return
            if self.in_array and text[pos] == "]":
                self.in_array = False
                self.after_value = True
                pos += 1
                continue
            if text[pos] == "[" and (not self.in_array or self.after_value):
                opened = self.open_array(pos)
                if opened is not None:
                    pos = opened
                    continue
            start = pos
            try:
                if text[pos] not in "{[":
                    raise ValueError("not an object")
                value, pos = decode(text, start)
            except (ValueError, RecursionError) as error:
                self.reject(start, f"not JSON: {error}")
                pos = self.resume(start)
                cut = pos == len(text)
                continue
            if type(value) is not dict:
                self.reject(start, "not an object")
                continue
            self.after_value = True
            written = text[start:pos]
            if self.first_key is None and (key := KEY.match(written)):
                self.first_key = key[1]
            if SURROGATE.search(written):
                self.reject(start, "not UTF-8")
                continue
            yield start, value

    def open_array(self, pos):
        """Returns where the elements of the array at pos start, or None if it is not an array of records."""
        text = self.text
        first = BLANK.match(text, pos + 1).end()
        if text[first : first + 1] == "]":
            self.after_value = True
            return first + 1
        line = self.line_end(pos)
        if first < len(text) and first < line and "{" not in text[pos:line]:
            return None
        if self.in_array:
            self.reject(pos, "the array has no end")
        self.in_array, self.after_value = True, False
        return pos + 1

    def line_end(self, at):
        end = LINE_END.search(self.text, at)
        return end.end() if end else len(self.text)

    def indent(self, at):
        """Returns the number of blanks before `at` on its line, or None if there is other text."""
        start = max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1
        before = self.text[start:at].lstrip("\ufeff" if start == 0 else "")
        return None if before.strip(" \t") else len(before)

    def resume(self, start):
        """Returns the position after the broken record at start."""
        text = self.text
        end = len(text) if self.in_array else self.line_end(start)
        if not self.in_array and text[start:end].strip() in ("{", "["):
            end = self.block_end(end, "}" if text[start] == "{" else "]", self.indent(start) or 0)
        found = self.search_array(start) if self.in_array else self.search(start, end)
        return end if found is None else found

    def search_array(self, start):
        text, end = self.text, len(self.text)
        state, at = self.brackets(start, end)
        if state == "close":
            following = BLANK.match(text, at).end()
            if text[following : following + 1] in (",", "]", ""):
                return end if following == end else at
        stop = at if state == "boundary" else end
        for brace in self.starts(start + 1, stop):
            if (found := self.candidate(start, brace)) is not None:
                return found
        if state == "boundary" and (found := self.boundary(start, at)) is not None:
            return found
        for brace in self.starts(stop, end):
            if (found := self.candidate(start, brace)) is not None:
                return found
        return None

    def search(self, start, end):
        text = self.text
        state, stop = self.brackets(start, end)
        if state not in ("close", "boundary"):
            stop = end
        for brace in self.starts(start + 1, stop):
            if (found := self.candidate(start, brace)) is not None:
                return found
        found = None
        if state == "close":
            found = self.confirm(start, stop, end)
        if state == "boundary":
            found = self.boundary(start, stop)
        if found is not None:
            return found
        for brace in self.starts(max(stop, start + 1), end):
            if (found := self.candidate(start, brace)) is not None:
                return found
        return None

    def confirm(self, start, close, end):
        text = self.text
        following = BLANK.match(text, close, end).end()
        if following >= end:
            return end
        joint = text[following]
        if joint == ",":
            following = BLANK.match(text, following + 1, end).end()
        if text[following:end][:1] == "{" and self.is_start(start, following, close, joint):
            return close
        return None

    def boundary(self, start, at):
        """Returns the end of the record before the object at `at`, or None if that may be part of it."""
        key = KEY.match(self.text, at)
        own = KEY.match(self.text, start)
        if not key or key[1] not in (self.first_key, own and own[1]):
            return None
        before = self.text[:at].rstrip(WHITE + "\f")
        end = len(before) - (before[-1:] == ",")
        return end if self.is_start(start, at, end, ",") else None

    def starts(self, at, end):
        return (found.start() for found in re.compile("[{\x1e\0]").finditer(self.text, at, end))

    def candidate(self, start, at):
        """Returns the end of the broken record at start if another one starts at `at`, or None."""
        text = self.text
        if text[at] != "{":
            following = re.compile("[ \t\r\n\x1e\0]*").match(text, at).end()
            if following == len(text):
                return at
            is_record = text[following] == "{" and self.is_start(start, following, at, "")
            return at if is_record else None
        before = text[:at].rstrip(WHITE + "\f\v")[-1:]
        end = None
        if not self.in_array and before == "}":
            end = at
        if self.in_array and before in (",", "]") and before:
            element = text[:at].rstrip(WHITE + "\f\v")[:-1]
            if before == "," or element.rstrip(WHITE + "\f\v")[-1:] == "}":
                end = len(element)
        joint = "," if before == "," and self.is_joined_text(start) else ""
        if not self.is_start(start, at, end, joint):
            return None
        return at if end is None else end

    def is_joined_text(self, start):
        between = self.indent(start) is None and not self.in_array
        return between and self.text[start] not in "{["

    def is_start(self, start, at, end, joint):
        text = self.text
        key = KEY.match(text, at)
        if not key:
            return False
        known = self.is_known(start, key[1])
        inside = end is None and self.is_within(start, at)
        if not ((known and not inside) if self.in_array else (end is not None or known and not inside)):
            return False
        try:
            _, after = decode(text, at)
        except (ValueError, RecursionError):
            return end is not None and known
        return self.ends(start, after, joint)

    def is_known(self, start, key):
        own = KEY.match(self.text, start)
        if own is None and self.first_key is None:
            return True
        return key == self.first_key or bool(own) and own[1] == key

    def is_within(self, start, at):
        if self.is_joined_text(start):
            return False
        before = self.text[:at].rstrip(WHITE + "\f\v")[-1:]
        if before not in (":", ",", "["):
            return False
        indent = self.indent(start)
        alike = self.in_array and indent is not None and indent == self.indent(at)
        return not alike

    def ends(self, start, at, joint):
        """Returns True if a record can end at `at`."""
        text = self.text
        following = BLANK.match(text, at).end()
        passes_line = bool(LINE_END.search(text, at, following))
        other = self.indent(start) is not None and text[start] != "{" and not self.in_array
        if passes_line and not self.in_array or following == len(text):
            return not other
        byte = text[following]
        if byte == "{":
            return not self.in_array or passes_line
        if byte == ",":
            return self.in_array or joint == ","
        if byte == "]":
            return self.in_array
        if byte in "}:":
            return False
        return bool(STRAY.match(byte)) or not self.in_array and not other

    def brackets(self, start, end):
        """Returns how the brackets of the value at start match, and the position that decides it."""
        text = self.text
        if not self.in_array and text[start] not in "{[}]":
            return "none", end
        pairs = {"}": "{", "]": "["}
        open_, at, last = [], start, ""
        while at < end:
            char, before = text[at], last
            if char not in WHITE + "\f":
                last = char
            if char == '"':
                if at > start and BROKEN_QUOTE.match(text[at - 1 : at + 1]):
                    return "mismatch", at
                at += 1
                while at < end and text[at] not in '"\r\n':
                    at += 2 if text[at] == "\\" else 1
                at += text[at : at + 1] == '"'
                continue
            if char == "{" and open_ and before not in ((":",) if open_[-1] == "{" else ("[", ",")):
                return "boundary", at
            if char in "{[":
                open_.append(char)
            elif char == "," and not open_ and at > start:
                return "close", at
            elif char in "}]":
                if not open_:
                    return "close", at + 1 if char == "}" or at == start else at
                if open_.pop() != pairs[char]:
                    return "mismatch", at
                if not open_:
                    return "close", at + 1
            at += 1
        return "open", end

    def block_end(self, line, closer, indent):
        text = self.text
        while line < len(text):
            blanks = re.compile("[ \t]*").match(text, line).end() - line
            char = text[line + blanks : line + blanks + 1]
            if char == "{" and blanks == indent:
                return line
            if char == closer and blanks == indent:
                return line + blanks + 1
            line = self.line_end(line)
        return line


def as_text(value):
    if value is None or isinstance(value, str):
        if not value:
            return None
        if "\0" in value:
            raise Bad("U+0000")
        if SURROGATE.search(value):
            raise Bad("unpaired surrogate")
        if len(value.encode()) > 128 * 1024:
            raise Bad("too long")
        return str(value)
    raise Bad("not text")


def as_integer(low, high):
    def convert(value):
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise Bad("not a number")
        parts = NUMBER.fullmatch(value.strip(" \t\r\n\f"))
        if parts is None:
            raise Bad("not a number")
        sign, whole, fraction, exponent = parts.groups()
        fraction = fraction or ""
        digits = (whole + fraction).lstrip("0")
        significant = digits.rstrip("0")
        if not significant:
            return 0
        if exponent is not None and len(exponent) > 4000:
            raise Bad("out of range or not whole")
        power = int(exponent or 0) - len(fraction) + len(digits) - len(significant)
        if power < 0:
            raise Bad("not whole")
        if len(significant) + power > 19:
            raise Bad("out of range")
        number = int(significant) * 10**power
        if sign == "-":
            number = -number
        if not low <= number <= high:
            raise Bad("out of range")
        return number

    return convert


def as_double(value):
    if value is None or value == "":
        return None
    if not isinstance(value, str) or NUMBER.fullmatch(value.strip(" \t\r\n\f")) is None:
        raise Bad("not a number")
    number = float(value) + 0.0
    if number in (float("inf"), float("-inf")):
        raise Bad("out of range")
    return number


as_int32 = as_integer(-(2**31), 2**31 - 1)
as_int64 = as_integer(-(2**63), 2**63 - 1)
as_ts = as_integer(TS_MIN, TS_MAX)

SONG = [
    ("num_songs", as_int64),
    ("artist_id", as_text),
    ("artist_latitude", as_double),
    ("artist_longitude", as_double),
    ("artist_location", as_text),
    ("artist_name", as_text),
    ("song_id", as_text),
    ("title", as_text),
    ("duration", as_double),
    ("year", as_int32),
]

EVENT = [
    ("artist", as_text),
    ("auth", as_text),
    ("firstName", as_text),
    ("gender", as_text),
    ("itemInSession", as_int64),
    ("lastName", as_text),
    ("length", as_double),
    ("level", as_text),
    ("location", as_text),
    ("method", as_text),
    ("page", as_text),
    ("registration", as_int64),
    ("sessionId", as_int64),
    ("song", as_text),
    ("status", as_int64),
    ("ts", as_ts),
    ("userAgent", as_text),
    ("userId", as_int64),
]


def required_song(_):
    return ("song_id", "title", "artist_id", "artist_name")


def required_event(row):
    if row["page"] == "NextSong":
        return ("ts", "page", "userId", "sessionId")
    return ("ts", "page")


def take(value, columns, required):
    row = {}
    for name, convert in columns:
        try:
            row[name] = convert(value.get(name))
        except Bad as bad:
            raise Bad(f"{name}: {bad}") from None
    for name in required(row):
        if row[name] is None:
            raise Bad(f"{name}: missing")
    return row


def load(path):
    if path.endswith(".gz"):
        with gzip.open(path) as file:
            return file.read()
    if path.endswith(".zst"):
        import zstandard

        with open(path, "rb") as file:
            return zstandard.ZstdDecompressor().stream_reader(
                file, read_across_frames=True
            ).read()
    with open(path, "rb") as file:
        return file.read()


def is_input(name):
    if name[0] in "._":
        return False
    for packed in ("", ".gz", ".zst"):
        if name.endswith(tuple(kind + packed for kind in (".json", ".jsonl", ".ndjson"))):
            return True
    return False


def read(directory, columns, required):
    rows, rejects = [], []
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(folder for folder in folders if folder[0] not in "._")
        for name in sorted(filter(is_input, names)):
            path = os.path.join(folder, name)
            source = Source(os.path.relpath(path, directory), load(path))
            for start, value in source.records():
                try:
                    rows.append(take(value, columns, required))
                except Bad as bad:
                    source.reject(start, str(bad))
            rejects.extend((source.name, *reject) for reject in source.rejects)
    return rows, rejects


# The pairs of two nulls are equal, so Python never orders the nulls themselves.
def nulls_last(*values):
    return tuple((value is None, value) for value in values)


def nulls_first(*values):
    return tuple((value is not None, value) for value in values)


def smallest(groups, order):
    return {key: min(rows, key=order) for key, rows in groups.items()}


def grouped(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def songs_table(songs):
    known = [{**song, "year": song["year"] or None} for song in songs]
    best = smallest(
        grouped(known, lambda song: song["song_id"]),
        lambda song: ((song["year"] is None, 0),)
        + nulls_last(song["title"], song["artist_id"], song["duration"], song["year"]),
    )
    return [
        (song_id, song["title"], song["artist_id"], song["year"], song["duration"])
        for song_id, song in best.items()
    ]


def artists_table(songs):
    def place(song):
        return song["artist_location"], song["artist_latitude"], song["artist_longitude"]

    best = smallest(
        grouped(songs, lambda song: song["artist_id"]),
        lambda song: ((place(song).count(None), 0),)
        + nulls_last(song["artist_name"], *place(song)),
    )
    return [(artist_id, song["artist_name"], *place(song)) for artist_id, song in best.items()]


def users_table(events):
    def moment(event):
        return nulls_first(event["ts"], event["sessionId"], event["itemInSession"])

    def person(event):
        return nulls_last(*(event[n] for n in ("firstName", "lastName", "gender", "level")))

    table = []
    users = grouped((e for e in events if e["userId"] is not None), lambda e: e["userId"])
    for user_id, theirs in users.items():
        latest = max(theirs, key=moment)
        tied = [event for event in theirs if moment(event) == moment(latest)]
        event = min(tied, key=person)
        table.append(
            (user_id, event["firstName"], event["lastName"], event["gender"], event["level"])
        )
    return table


def matched_plays(songs, events, match):
    """Yields each distinct play with its song, or None."""
    plays = smallest(
        grouped(
            (event for event in events if event["page"] == "NextSong"),
            lambda e: (e["ts"], e["userId"], e["sessionId"], e["itemInSession"]),
        ),
        lambda e: nulls_last(
            e["song"], e["artist"], e["length"], e["level"], e["location"], e["userAgent"]
        ),
    )
    catalogue = grouped(songs, lambda song: (song["artist_name"], song["title"]))
    for play in plays.values():
        length = play["length"]
        candidates = catalogue.get((play["artist"], play["song"]), ())
        if match == "title-artist-duration":
            candidates = [
                song for song in candidates if length is not None and song["duration"] == length
            ]

        def nearness(song):
            far = None
            if length is not None and song["duration"] is not None:
                far = abs(song["duration"] - length)
            return nulls_last(far, song["song_id"], song["artist_id"])

        yield play, min(candidates, key=nearness, default=None)


def songplays_table(songs, events, unmatched, match):
    """Returns the rows without songplay_id, whose value the rules do not define."""
    table = []
    for play, song in matched_plays(songs, events, match):
        if song is None and unmatched == "drop":
            continue
        table.append(
            (
                play["ts"] * 1000,
                play["userId"],
                play["level"],
                song and song["song_id"],
                song and song["artist_id"],
                play["sessionId"],
                play["location"],
                play["userAgent"],
            )
        )
    return table


def unmatched_titles(songs, events, match):
    """Returns the artists and titles of plays without a song, those with the most plays first."""
    counts = Counter(
        (play["artist"], play["song"])
        for play, song in matched_plays(songs, events, match)
        if song is None
    )
    rows = [(artist, title, plays) for (artist, title), plays in counts.items()]
    rows.sort(key=lambda row: (-row[2], nulls_last(row[0], row[1])))
    return rows[:LIST_ROWS]


def time_table(songplays):
    table = []
    for start_time in {play[0] for play in songplays}:
        at = EPOCH + timedelta(microseconds=start_time)
        table.append(
            (
                start_time,
                at.hour,
                at.day,
                at.isocalendar()[1],
                at.month,
                at.year,
                at.isoweekday() % 7,
            )
        )
    return table


def compute(songs, events, unmatched="keep", match="title-artist"):
    songplays = songplays_table(songs, events, unmatched, match)
    return {
        "songplays": songplays,
        "users": users_table(events),
        "songs": songs_table(songs),
        "artists": artists_table(songs),
        "time": time_table(songplays),
    }


def read_record(star):
    with open(os.path.join(star, "_starlift.json"), encoding="utf-8") as file:
        return json.load(file)


def table_files(record, table):
    return record["tables"][table]["files"]


def reject_files(star, record):
    """Returns the files of this run; the directory may contain those of earlier runs."""
    run = record.get("run_id") or record.get("run")
    if not isinstance(run, str):
        runs = {
            os.path.basename(file["path"]).rsplit("-", 1)[0]
            for table in STAR
            for file in table_files(record, table)
        }
        if len(runs) != 1:
            raise LookupError("the record does not contain the id of its run")
        (run,) = runs
    path = os.path.join(star, "_rejects", f"{run}.parquet")
    return [path] if os.path.exists(path) else []


def read_list(star, record, name):
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(os.path.join(star, record["lists"][name]["path"])).read()
    return list(zip(*(column.to_pylist() for column in rows.columns)))


def read_table(star, record, table, problems):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for file in table_files(record, table):
        path = os.path.join(star, file["path"])
        if os.path.getsize(path) != file["bytes"]:
            problems.append(f"{file['path']}: not {file['bytes']} bytes")
        parquet = pq.ParquetFile(path)
        types = [(field.name, str(field.type)) for field in parquet.schema_arrow]
        if types != STAR[table]:
            problems.append(f"{file['path']}: columns are {types}")
            return None
        for at, (name, kind) in enumerate(types):
            column = parquet.schema.column(at)
            physical, logical = PARQUET[kind]
            found = str(column.logical_type)
            if kind == "timestamp[us]":
                fits = "isAdjustedToUTC=false" in found and "timeUnit=microseconds" in found
            else:
                fits = found in logical
            if column.physical_type != physical or not fits:
                problems.append(
                    f"{file['path']}: {name} is stored as {column.physical_type} {found}"
                )
        if parquet.metadata.num_rows != file["rows"]:
            problems.append(f"{file['path']}: not {file['rows']} rows")
        columns = []
        for column in parquet.read().columns:
            if pa.types.is_timestamp(column.type):
                column = column.cast(pa.int64())
            columns.append(column.to_pylist())
        rows.extend(zip(*columns))
    return rows


def read_rejects(star, record):
    import pyarrow.parquet as pq

    found = []
    for path in reject_files(star, record):
        table = pq.ParquetFile(path).read(columns=["object", "line", "reason"])
        found.extend(zip(*(column.to_pylist() for column in table.columns)))
    return found


def printable(row):
    return json.dumps(row, ensure_ascii=True)


def listing(title, rows):
    lines = [f"  {title}: {sum(rows.values())}"]
    shown = sorted(rows.elements(), key=lambda row: nulls_last(*row))[:SHOWN]
    return lines + [f"    {printable(row)}" for row in shown]


def compare_table(table, expected, found):
    lines = []
    if table == "songplays":
        ids = [row[0] for row in found]
        if len(set(ids)) != len(ids):
            lines.append("  songplay_id is not unique")
        if None in ids or min(ids, default=0) < 0:
            lines.append("  songplay_id is null or negative")
        else:
            # A row with a null start_time is reported as an extra row below.
            keys = [(row[1], row[0]) for row in found if row[1] is not None]
            if any(a > b for a, b in zip(keys, keys[1:])):
                lines.append("  rows are not sorted by (start_time, songplay_id)")
        found = [row[1:] for row in found]
    expected, found = Counter(expected), Counter(found)
    if missing := expected - found:
        lines += listing("missing", missing)
    if extra := found - expected:
        lines += listing("extra", extra)
    return lines


def compare_list(expected, found):
    if expected == found:
        return []
    at = next((at for at, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]), None)
    if at is None:
        return [f"  {len(expected)} rows expected, {len(found)} found"]
    return [f"  row {at}: {expected[at]} expected, {found[at]} found"]


def compare_rejects(expected, found):
    """Compares rejects. The star may name an object by its URL, which ends with the name used here."""
    names = {name for name, *_ in expected}

    def known(name):
        fitting = [n for n in names if name == n or name.endswith("/" + n)]
        return max(fitting, key=len, default=name)

    wanted, present = defaultdict(list), defaultdict(list)
    for name, _, line, reason in expected:
        wanted[name].append((line, reason))
    for name, line, reason in found:
        present[known(name)].append((line, reason))
    different = [
        name for name in sorted({*wanted, *present}) if len(wanted[name]) != len(present[name])
    ]
    lines = []
    for name in different[:SHOWN]:
        lines.append(f"  {name}: {len(wanted[name])} expected, {len(present[name])} found")
        for side, rejects in (("expected", wanted[name]), ("found", present[name])):
            lines += [f"    {side} line {line}: {reason}" for line, reason in rejects[:SHOWN]]
    if len(different) > SHOWN:
        lines.append(f"  and {len(different) - SHOWN} more objects")
    return lines


def compare(star, tables, titles, rejects):
    record = read_record(star)
    differs = False
    for table, expected in tables.items():
        lines = []
        found = read_table(star, record, table, lines)
        lines = [f"  {line}" for line in lines]
        if found is not None:
            lines += compare_table(table, expected, found)
        differs |= bool(lines)
        verdict = "differs" if lines else "same"
        print(f"{table}: {len(expected)} rows expected, {verdict}")
        print("\n".join(lines), end="\n" if lines else "")
    lines = compare_list(titles, read_list(star, record, "unmatched_titles"))
    differs |= bool(lines)
    print(f"unmatched_titles: {len(titles)} rows expected, {'differs' if lines else 'same'}")
    print("\n".join(lines), end="\n" if lines else "")
    lines = compare_rejects(rejects, read_rejects(star, record))
    differs |= bool(lines)
    print(f"rejects: {len(rejects)} expected, {'differs' if lines else 'same'}")
    print("\n".join(lines), end="\n" if lines else "")
    return differs


def print_counts(songs, events, tables, rejects):
    counts = {
        "song records": len(songs),
        "events": len(events),
        **{table: len(rows) for table, rows in tables.items()},
        "matched plays": sum(row[3] is not None for row in tables["songplays"]),
        "rejects": len(rejects),
    }
    for name, count in counts.items():
        print(f"{name}: {count}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("songs")
    parser.add_argument("logs")
    parser.add_argument("star", nargs="?")
    parser.add_argument("--unmatched", choices=["keep", "drop"], default="keep")
    parser.add_argument(
        "--match", choices=["title-artist", "title-artist-duration"], default="title-artist"
    )
    parser.add_argument("--counts", action="store_true", help="print counts; needs no star")
    options = parser.parse_args()
    if options.star is None and not options.counts:
        parser.error("STAR_DIR or --counts is required")

    songs, song_rejects = read(options.songs, SONG, required_song)
    events, event_rejects = read(options.logs, EVENT, required_event)
    rejects = song_rejects + event_rejects
    tables = compute(songs, events, options.unmatched, options.match)
    if options.counts:
        print_counts(songs, events, tables, rejects)
    if options.star is None:
        return 0
    titles = unmatched_titles(songs, events, options.match)
    return 1 if compare(options.star, tables, titles, rejects) else 0


if __name__ == "__main__":
    try:
        code = main()
    except (OSError, EOFError, ImportError, LookupError, ValueError) as error:
        print(f"cannot compare: {type(error).__name__}: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
