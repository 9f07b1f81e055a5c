#!/usr/bin/env bash
# Compares the speed of two builds of starlift on generated data, and fails if the second one is more than 5 % slower.
# The builds run in turn; each figure is a median.
#
#     scripts/perf-check.sh OLD NEW
#
# OLD and NEW are paths of release builds. It measures:
#   events        a transform of many events in one object per day, and few songs
#   small files   a transform of one small object per song
#   new day       an incremental transform after one log of many was added
#   queries       three analytics queries on the star of `events`
#
# STARLIFT_PERF_ROUNDS    measured runs per build and workload (7)
# STARLIFT_PERF_EVENTS    events of `events` and `new day` (2000000)
# STARLIFT_PERF_SONGS     songs of `small files` (100000)
# STARLIFT_PERF_LIMIT     slowdown in percent from which the check fails (5)
set -euo pipefail

if [ $# -ne 2 ] || [ ! -x "$1" ] || [ ! -x "$2" ]; then
    echo "usage: scripts/perf-check.sh OLD NEW, the paths of two builds of starlift" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" generate --quiet --days 60 --songs 5000 --users 20000 \
    --events "${STARLIFT_PERF_EVENTS:-2000000}" --out "$scratch/events" >&2
"$1" generate --quiet --days 2 --users 100 --events 1000 \
    --songs "${STARLIFT_PERF_SONGS:-100000}" --out "$scratch/small" >&2
PYTHONDONTWRITEBYTECODE=1 python3 "$here/compare/perf_check.py" "$1" "$2" "$scratch"
