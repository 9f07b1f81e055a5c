"""Parses statements with sqlfluff's Redshift dialect and prints those that fail.

Usage: parse_redshift.py FILE, whose statements are separated by NUL characters.
"""

import sys

from sqlfluff.core import FluffConfig, Linter


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        statements = list(dict.fromkeys(text for text in file.read().split("\0") if text.strip()))
    # Only parse; do not check style rules such as the line length.
    linter = Linter(config=FluffConfig(overrides={"dialect": "redshift", "large_file_skip_byte_limit": 0}))
    broken = 0
    for sql in statements:
        parsed = linter.parse_string(sql + ";\n")
        unparsable = parsed.tree is None or "unparsable" in parsed.tree.type_set()
        if unparsable or parsed.violations:
            broken += 1
            print(f"-- {[v.desc() for v in parsed.violations]}\n{sql}\n")
    print(f"{len(statements)} statements, {broken} not parsed")
    return 1 if broken or not statements else 0


if __name__ == "__main__":
    sys.exit(main())
