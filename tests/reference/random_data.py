"""Transforms small random data sets, clean and dirty, and compares each star with the reference.

    python random_data.py STARLIFT [--runs 10000] [--seed 1]

For each star that differs, prints the seed, the differences and the folder of the data set, which it
keeps. Exits with 0 if all stars are equal, and with 1 otherwise.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import star

WORDS = ["Luna", "Björk", "BjÃ¶rk", "日本", "a", "The End", "O'Neil", "x\\y", 'q"q', "🎵", "{", "},{"]
OPTIONS = [
    [],
    ["--unmatched", "drop"],
    ["--match", "title-artist-duration"],
    ["--unmatched", "drop", "--match", "title-artist-duration"],
]


def number(dice, values):
    value = dice.choice(values)
    return dice.choice([value, value, value, str(value), f" {value} "])


def song(dice):
    value = {
        "num_songs": 1,
        "artist_id": f"AR{dice.randrange(4)}",
        "artist_latitude": dice.choice([None, 1.5, -0.0, 0.0]),
        "artist_longitude": dice.choice([None, -7, "3.25"]),
        "artist_location": dice.choice(["", "Oslo", None]),
        "artist_name": dice.choice(WORDS[:4]),
        "song_id": f"SO{dice.randrange(6)}",
        "title": dice.choice(WORDS),
        "duration": dice.choice([None, 100, 100.5, 200, 5e-324]),
        "year": dice.choice([0, 0, 1999, "2001"]),
    }
    return spoil(dice, value, ["song_id", "title", "artist_id", "artist_name", "duration", "year"])


def event(dice):
    value = {
        "artist": dice.choice(WORDS[:4] + [None, ""]),
        "firstName": dice.choice(["Ada", "Bob", None]),
        "gender": dice.choice("FM"),
        "itemInSession": number(dice, [0, 1, 2]),
        "length": dice.choice([100, 100.25, 150, None, -0.0]),
        "level": dice.choice(["free", "paid"]),
        "location": dice.choice(["Oslo", None]),
        "page": dice.choice(["NextSong", "NextSong", "NextSong", "Home"]),
        "sessionId": number(dice, [1, 2]),
        "song": dice.choice(WORDS),
        "ts": number(dice, [1541106106796, 1541106106797, 1541106132796.0]),
        "userAgent": dice.choice(['"Mozilla/5.0"', "curl"]),
        "userId": dice.choice(["7", "8", "", 8]),
    }
    return spoil(dice, value, ["ts", "page", "userId", "sessionId", "length", "song"])


def spoil(dice, value, columns):
    """Returns the record, sometimes with a bad value or without a column."""
    if dice.random() < 0.1:
        bad = [True, {}, ["x"], "yesterday", "a\0b", "\ud800", 1e30, None, ""]
        value[dice.choice(columns)] = dice.choice(bad)
    if dice.random() < 0.1:
        value[dice.choice(["x\ud800", "extra", "geo"])] = dice.choice([1, "\udc00", {"ts": 1}])
    if dice.random() < 0.05:
        del value[dice.choice(columns)]
    return value


def written(dice, value):
    style = dice.random()
    ascii_only = dice.random() < 0.5 or "\\ud" in json.dumps(value)
    if style < 0.1:
        return json.dumps(value, indent=2, ensure_ascii=ascii_only)
    return json.dumps(value, ensure_ascii=ascii_only)


def broken(dice, text):
    """Returns the text of a record, broken in one place."""
    at = dice.randrange(1, len(text))
    kind = dice.randrange(5)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text.replace(": ", ": oops ", 1)
    if kind == 3:
        return text.replace('"', "'")
    return dice.choice(["-- MARK --", "<html>", "null", "17", "Traceback (most recent call last):"])


def dataset(dice, record, dirty):
    records = [written(dice, record(dice)) for _ in range(dice.randrange(1, 12))]
    records += [dice.choice(records) for _ in range(dice.randrange(3))]
    if not dirty:
        return "\n".join(records).encode("utf-8", "surrogatepass")
    records = [broken(dice, text) if dice.random() < 0.15 else text for text in records]
    layout = dice.choice(["\n", "\r\n", "\r", "", "", " ", "\n\x1e", "\n\0\0", "\n\ufeff", ",\n", "[", "[\n"])
    if layout[0:1] == "[":
        text = "[" + ("," + layout[1:]).join(records) + dice.choice(["]", "]\n", "\n]", ""])
    else:
        text = layout.join(records)
    return text.encode("utf-8", "surrogatepass")


def differences(starlift, seed, folder):
    dice = random.Random(seed)
    options = dice.choice(OPTIONS)
    for name, record in (("songs", song), ("logs", event)):
        for file in range(dice.randrange(1, 3)):
            path = os.path.join(folder, name, f"{file}.json")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(dataset(dice, record, dice.random() < 0.6))
    songs, logs, out = (os.path.join(folder, name) for name in ("songs", "logs", "star"))
    command = [starlift, "transform", "--songs", songs, "--logs", logs, "--out", out, "--quiet"]
    command += ["--max-rejects", "100%", "--allow-empty", "--memory-limit", "256MiB", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return [f"exit code {done.returncode}", done.stdout, done.stderr]
    unmatched = "drop" if "drop" in options else "keep"
    match = "title-artist-duration" if "--match" in options else "title-artist"
    song_rows, song_rejects = star.read(songs, star.SONG, star.required_song)
    event_rows, event_rejects = star.read(logs, star.EVENT, star.required_event)
    tables = star.compute(song_rows, event_rows, unmatched, match)
    record = star.read_record(out)
    lines = []
    for table, expected in tables.items():
        problems = []
        found = star.read_table(out, record, table, problems)
        if found is not None:
            problems += star.compare_table(table, expected, found)
        lines += [f"{table}: {line}" for line in problems]
    titles = star.unmatched_titles(song_rows, event_rows, match)
    problems = star.compare_list(titles, star.read_list(out, record, "unmatched_titles"))
    lines += [f"unmatched_titles: {line}" for line in problems]
    for dataset_, rejects in (("songs", song_rejects), ("logs", event_rejects)):
        found = record["datasets"][dataset_]["rejected"]
        if found != len(rejects):
            lines.append(f"{dataset_}: {len(rejects)} rejects expected, {found} found")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("starlift")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    differing = 0
    for run, seed in enumerate(range(options.seed, options.seed + options.runs)):
        if run and run % 1000 == 0:
            print(f"{run} data sets, {differing} differ so far", flush=True)
        folder = tempfile.mkdtemp(prefix="random-data-")
        lines = differences(options.starlift, seed, folder)
        if lines:
            differing += 1
            print(f"seed {seed} in {folder}:", *lines, sep="\n  ", flush=True)
        else:
            shutil.rmtree(folder)
    print(f"{options.runs} data sets, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
