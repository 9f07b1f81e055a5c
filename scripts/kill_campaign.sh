#!/usr/bin/env bash
# Kills runs at random moments, on local disk and on the S3 server of the tests, with two stars in turn.
# After each kill the star must be one of the two, byte for byte, and nothing else may have changed. As
# many runs are stopped on S3 while another one takes their lock and publishes, and then go on.
#
# Usage: scripts/kill_campaign.sh [KILLS]     (1,000 for each store by default)
set -euo pipefail
cd "$(dirname "$0")/.."
STARLIFT_KILLS="${1:-1000}" exec cargo test --locked --test crash -- --nocapture at_random_moments
