#!/usr/bin/env bash
# Installs the dependencies of the tests and runs every check: format, lints, docs, tests and benchmarks.
set -euo pipefail
cd "$(dirname "$0")/.."

# Dependencies take far longer to build than starlift, so keep them in a cache that all checkouts share.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/starlift
if [ -n "${CI:-}" ]; then
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
fi

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
# Debian installs initdb and pgbouncer outside of PATH.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
    missing+=(postgresql)
[ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        apt-get install -y -qq "${missing[@]}"
    else
        echo "install first: ${missing[*]}" >&2
        exit 1
    fi
fi

# The Python environment of the tests. It runs a reference implementation, independent readers of the star
# (pyarrow and DuckDB), moto, which simulates AWS, and Playwright, which opens reports in Chromium.
venv=$cache/python
requirements=tests/reference/requirements.txt
if ! cmp -s "$requirements" "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/installed.txt"
fi
export STARLIFT_PYTHON=$venv/bin/python

# Checks licences, sources and duplicate versions of the dependencies. Advisories are not checked here, because
# their database is not a package: run `cargo deny check advisories` with access to the network.
deny=$cache/tools/bin/cargo-deny
deny_version=0.20.2
if [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $deny_version" ]; then
    cargo install --quiet --locked --root "$cache/tools" "cargo-deny@$deny_version"
fi

step() { printf '\n== %s\n' "$*"; "$@"; }

step scripts/words.sh
step cargo fmt --check
step "$deny" --locked check bans licenses sources
step cargo clippy --all-targets --locked -- -D warnings
RUSTDOCFLAGS='-D warnings' step cargo doc --no-deps --document-private-items --locked
# Each benchmark verifies its results, so run each once.
step cargo test --benches --locked
# Many tests wait for servers, so run more of them at a time than there are cores.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 2))}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
step cargo test --locked --no-fail-fast 2>&1 | tee "$log"
# The engine for clusters is a feature, so its code and its tests are built apart. clippy compiles them, so that no
# dependency is built again to be checked only.
export RUSTC_WORKSPACE_WRAPPER
RUSTC_WORKSPACE_WRAPPER=$(command -v clippy-driver)
export CLIPPY_ARGS='-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__'
step cargo test --locked --no-fail-fast --features cluster --lib --test integration --bench cluster cluster:: 2>&1 | tee --append "$log"
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
