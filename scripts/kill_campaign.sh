#!/usr/bin/env bash
# Kills runs at random moments, on local disk and on the S3 server of the tests. The runs alternate between
# two stars. After each kill, the output must equal one of the two byte for byte, and nothing else must have
# changed. The same number of runs on S3 is suspended while another run takes over the lock and publishes, and
# then resumed.
#
# Usage: scripts/kill_campaign.sh [KILLS]     (1,000 per store by default)
set -euo pipefail
cd "$(dirname "$0")/.."
STARLIFT_KILLS="${1:-1000}" exec cargo test --locked --test integration -- --nocapture crash::campaign::
