#!/usr/bin/env bash
# Compares starlift with DuckDB, Polars, chDB and DataFusion on the same JSON and the same five tables. Each of
# these runs a script that was tuned for the data, and one as its users write it.
#
#     scripts/compare.sh [DATA]
#
# DATA is a folder with song_data and log_data as plain newline-delimited JSON without bad records. Without
# it, the script generates two data sets: one with many events and one with many small files. It prints
# Markdown. starlift also keeps rejects, sorts plays, writes manifests and checks its tables; the others do
# not.
#
# STARLIFT                        path of the binary; by default a release build
# STARLIFT_COMPARE_ROUNDS         measured runs per tool (5)
# STARLIFT_COMPARE_EVENTS         events in the first data set (2000000)
# STARLIFT_COMPARE_SONGS          songs in the first data set (20000)
# STARLIFT_COMPARE_USERS          users in the first data set (20000)
# STARLIFT_COMPARE_SMALL_FILES    songs in the second data set, one file per song (200000)
# STARLIFT_COMPARE_SMALL_EVENTS   events in the second data set (50000)
# STARLIFT_COMPARE_SPARK          1 to include Spark, which needs Java 17 and takes minutes
# STARLIFT_COMPARE_VENV           virtual environment to create or reuse; by default a temporary one
# STARLIFT_COMPARE_JSON           file for the results as JSON
# PYTHON                          Python that creates the virtual environment (python3)
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

# Do not write byte code next to the scripts.
export PYTHONDONTWRITEBYTECODE=1
venv=${STARLIFT_COMPARE_VENV:-$scratch/venv}
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/compare/$requirements" >&2

# Convert the data to plain JSON: some of the tools cannot read everything that starlift can.
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
