#!/usr/bin/env bash
# Looks for words of scripts/words.txt in the tracked text files below the given paths, or in all.
# Prints each line that has one, with what to write in its place; fails if there is any.
set -euo pipefail
cd "$(dirname "$0")/.."

found=0
while IFS=$'\t' read -r pattern instead; do
    case $pattern in '' | '#'*) continue ;; esac
    lines=$(git grep -nIiP -e "$pattern" -- "${@:-.}" ':!scripts/words.txt' ':!*.lock' ':!*.json' \
        ':!fixtures' ':!fuzz/corpus' || true)
    [ -z "$lines" ] && continue
    found=1
    printf '== instead write: %s\n%s\n' "$instead" "$lines"
done <scripts/words.txt
exit $found
