#!/usr/bin/env bash
# Fuzzes each target for SECONDS (60 by default): scripts/fuzz.sh [SECONDS] [TARGET…]. Needs a nightly
# toolchain.
#
# Inputs that make a target fail are stored in fuzz/artifacts. Add them to fuzz/corpus after fixing the bug.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    targets=(decoder jsonpaths location compression record config quote)
fi

if ! rustup toolchain list | grep -q ^nightly; then
    echo "install first: rustup toolchain install nightly" >&2
    exit 1
fi
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

# Dependencies take far longer to build than starlift, so keep them in a cache that all checkouts share.
target_dir=${XDG_CACHE_HOME:-$HOME/.cache}/starlift/target-fuzz

failed=()
for target in "${targets[@]}"; do
    echo "== $target, $seconds s"
    # New inputs go to a separate folder, so that the corpus in the repository stays small.
    found=fuzz/found/$target
    mkdir -p "$found"
    cargo +nightly fuzz run --sanitizer none --target-dir "$target_dir" "$target" "$found" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=8192 -timeout=20 -print_final_stats=1 || failed+=("$target")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
