"""Rewrites song_data and log_data below a folder as plain newline-delimited JSON.

    python plain.py DATA_DIR

The generator writes the irregular JSON that real data has: byte-order marks, objects on several lines
or without separators, quoted numbers, integers where floats are expected, a number as userId. Half of
the compared readers do not accept it, so this script normalizes it for all of them. It keeps missing
and unknown keys, and the exact bytes of records that are already plain.
"""

import json
import os
import sys

INTEGERS = ("num_songs", "year", "itemInSession", "sessionId", "status", "ts")
DOUBLES = ("artist_latitude", "artist_longitude", "duration", "length", "registration")
decode = json.JSONDecoder().raw_decode


def normalize(record):
    """Makes the record plain. Returns True if it was plain already."""
    was_plain = True
    for names, kind in ((INTEGERS, int), (DOUBLES, float)):
        for name in names:
            value = record.get(name)
            if value is not None and type(value) is not kind:
                record[name] = None if value == "" else kind(float(value))
                was_plain = False
    if type(record.get("userId")) is int:
        record["userId"] = str(record["userId"])
        was_plain = False
    return was_plain


def rewrite(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        text = file.read()
    lines, at = [], 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at == len(text):
            break
        start = at
        record, at = decode(text, start)
        line = text[start:at]
        if not normalize(record) or "\n" in line or "\r" in line:
            line = json.dumps(record)
        lines.append(line)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(lines))


for dataset in ("song_data", "log_data"):
    root = os.path.join(sys.argv[1], dataset)
    if not os.path.isdir(root):
        sys.exit(f"{root} is not a folder")
    for folder, _, names in os.walk(root):
        for name in names:
            rewrite(os.path.join(folder, name))
