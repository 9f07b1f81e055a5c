#!/usr/bin/env bash
# Searches the tracked text files below the given paths, or all of them, for the patterns in
# scripts/words.txt. Prints each matching line with the suggested wording, and fails if there are any.
set -euo pipefail
cd "$(dirname "$0")/.."

found=0
while IFS=$'\t' read -r pattern instead; do
    case $pattern in '' | '#'*) continue ;; esac
    lines=$(git grep -nIiP -e "$pattern" -- "${@:-.}" ':!scripts/words.txt' ':!*.lock' ':!*.json' \
        ':!*.csv' ':!LICENSE' ':!fixtures' ':!fuzz/corpus' || true)
    [ -z "$lines" ] && continue
    found=1
    printf '== instead write: %s\n%s\n' "$instead" "$lines"
done <scripts/words.txt
exit $found
