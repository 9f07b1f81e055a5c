"""Rewrites song_data and log_data below a folder as plain newline-delimited JSON.

    python plain.py DATA_DIR

The generator writes what is met in the wild: byte-order marks, objects over many lines or one after
the other, quoted numbers, whole floats, a bare number as userId. Half of the readers compared cannot
take that, so it is taken out for all; missing and unknown keys stay. Bytes of other records are kept.
"""

import json
import os
import sys

INTEGERS = ("num_songs", "year", "itemInSession", "sessionId", "status", "ts")
DOUBLES = ("artist_latitude", "artist_longitude", "duration", "length", "registration")
decode = json.JSONDecoder().raw_decode


def plain(record):
    """Whether the record was plain already; makes it so."""
    was = True
    for names, kind in ((INTEGERS, int), (DOUBLES, float)):
        for name in names:
            value = record.get(name)
            if value is not None and type(value) is not kind:
                record[name] = None if value == "" else kind(float(value))
                was = False
    if type(record.get("userId")) is int:
        record["userId"] = str(record["userId"])
        was = False
    return was


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
        if not plain(record) or "\n" in line or "\r" in line:
            line = json.dumps(record)
        lines.append(line)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(lines))


for dataset in ("song_data", "log_data"):
    root = os.path.join(sys.argv[1], dataset)
    if not os.path.isdir(root):
        sys.exit(f"{root} is no folder")
    for folder, _, names in os.walk(root):
        for name in names:
            rewrite(os.path.join(folder, name))
