#!/usr/bin/env bash
# Measures starlift against DuckDB, Polars, chDB and DataFusion: the same JSON, the same five tables.
#
#     scripts/compare.sh [DATA]
#
# DATA is a folder with song_data and log_data, in plain newline-delimited JSON without bad records.
# Without it two data sets are made up: many events, and many small files. Prints Markdown.
# Starlift also keeps rejects, sorts plays, writes manifests and checks its tables; the others do not.
#
# STARLIFT                        the binary; without it a release build is made
# STARLIFT_COMPARE_ROUNDS         measured runs of each tool (5)
# STARLIFT_COMPARE_EVENTS         events (2000000), songs and users of the first data set
# STARLIFT_COMPARE_SONGS          (20000)
# STARLIFT_COMPARE_USERS          (20000)
# STARLIFT_COMPARE_SMALL_FILES    songs, each a file, of the second (200000), and its events
# STARLIFT_COMPARE_SMALL_EVENTS   (50000)
# STARLIFT_COMPARE_SPARK          1: Spark as well, which needs Java 17 and minutes
# STARLIFT_COMPARE_VENV           virtual environment to make or reuse; without it a passing one
# STARLIFT_COMPARE_JSON           file for the results as JSON
# PYTHON                          Python to make the environment with (python3)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=${1:-}
if [ $# -gt 1 ] || { [ -n "$data" ] && ! ls -d "$data/song_data/" "$data/log_data/" >/dev/null; }; then
    echo "usage: scripts/compare.sh [DATA], a folder with song_data and log_data" >&2
    exit 2
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

starlift=${STARLIFT:-}
if [ -z "$starlift" ]; then
    cargo build --release --locked --manifest-path "$here/../Cargo.toml"
    starlift=$(
        cargo metadata --format-version 1 --no-deps --locked --manifest-path "$here/../Cargo.toml" |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
    )/release/starlift
fi

options=()
requirements="requirements.txt"
if [ "${STARLIFT_COMPARE_SPARK:-}" = 1 ]; then
    options+=(--spark)
    requirements="requirements-spark.txt"
fi
if [ -n "${STARLIFT_COMPARE_JSON:-}" ]; then
    options+=(--json "$STARLIFT_COMPARE_JSON")
fi

# No byte code next to the scripts.
export PYTHONDONTWRITEBYTECODE=1
venv=${STARLIFT_COMPARE_VENV:-$scratch/venv}
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/compare/$requirements" >&2

# Some of the readers compared cannot take everything that starlift can.
generate() {
    "$starlift" generate --quiet --out "$@" >&2
    "$venv/bin/python" "$here/compare/plain.py" "$1"
}

if [ -n "$data" ]; then
    sets=("data=$data")
else
    generate "$scratch/events" --days 30 \
        --events "${STARLIFT_COMPARE_EVENTS:-2000000}" \
        --songs "${STARLIFT_COMPARE_SONGS:-20000}" \
        --users "${STARLIFT_COMPARE_USERS:-20000}"
    generate "$scratch/small-files" --days 30 \
        --events "${STARLIFT_COMPARE_SMALL_EVENTS:-50000}" \
        --songs "${STARLIFT_COMPARE_SMALL_FILES:-200000}"
    sets=("events=$scratch/events" "small files=$scratch/small-files")
fi

"$venv/bin/python" "$here/compare/measure.py" "${sets[@]}" \
    --starlift "$starlift" \
    --scratch "$scratch" \
    --rounds "${STARLIFT_COMPARE_ROUNDS:-5}" \
    "${options[@]}"
