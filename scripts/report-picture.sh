#!/usr/bin/env bash
# Makes docs/report.png, the picture of a report on generated data. Needs what scripts/test.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."
starlift=${STARLIFT:-}
if [ -z "$starlift" ]; then
    cargo build --quiet --locked
    starlift=${CARGO_TARGET_DIR:-$PWD/target}/debug/starlift
fi
python=${STARLIFT_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/starlift/python/bin/python}
script=$PWD/tests/reference/report_page.py
picture=$PWD/docs/report.png
# The page shows the location of the star.
folder=/tmp/starlift-report
mkdir "$folder"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$starlift" generate --songs 400 --events 60000 --users 300 --days 60 --out data --quiet
"$starlift" transform --songs data/song_data --logs data/log_data --out star --max-rejects 5% --quiet --report report.html
"$python" "$script" picture report.html "$picture" --width 1000 --height 1500 --scale 0.8
bytes=$(stat -c %s "$picture")
echo "$picture: $bytes bytes"
# The README shows the picture: keep it small.
[ "$bytes" -le 150000 ]
