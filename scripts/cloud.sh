#!/usr/bin/env bash
# The whole cloud path, from no cluster to no cluster: read it as a tutorial, or run it.
#
#     scripts/cloud.sh s3://BUCKET/DATA s3://BUCKET/STAR [NAME]
#
# DATA holds song_data and log_data; STAR is where the star goes, in the region of the cluster. It
# takes AWS credentials (docs/cloud.md lists what they must be allowed), costs about half a dollar an
# hour while the cluster runs, and removes all that it made, whatever happens.
set -euo pipefail
data=${1:?where are song_data and log_data? s3://BUCKET/PREFIX}
star=${2:?where is the star to go? s3://BUCKET/PREFIX}
name=${3:-tutorial-$RANDOM}

# What the environment says goes before the configuration file: everything below is about this name.
export STARLIFT_NAME=$name

step() { printf '\n$ %s\n' "$*"; "$@"; }

# A folder of its own, so that no starlift.toml of yours is touched.
here=$(mktemp -d)
cd "$here"

# 1. The configuration: where the data is, where the star goes, what the cluster is called. Every
#    key of it has a comment; no secret is in it. --expires has AWS itself pause the cluster, should
#    this machine go to sleep before the end.
step starlift init --songs "$data/song_data" --logs "$data/log_data" --out "$star" \
    --name "$name" --expires 2h --yes

# A cluster that is there already is not this script's to remove.
there=$(starlift status --format json)
if grep -q "\"name\": \"$name\"" <<<"$there"; then
    echo "there is a $name already: give another name, or see \`starlift status\`" >&2
    exit 1
fi

# 2. What would be made: a role that may read the star and nothing else, a rule that lets this
#    machine's address in, a cluster of one node. Nothing is made yet, nothing costs.
step starlift provision --public --dry-run

# 3. Make it. From here on it costs, so from here on it is removed at the end, come what may.
clean_up() {
    starlift teardown --yes || echo "look for what is left: starlift status" >&2
    rm -rf "$here"
}
trap clean_up EXIT
step starlift provision --public --yes

# 4. Is everything in place? A line a check, and for each that fails what to do.
step starlift doctor

# 5. The work itself: JSON objects to star, star to Redshift. Endpoint, role and a password of
#    fifteen minutes are found by the cluster's name. Records that cannot be read are counted, kept
#    beside the star, and stop the run where there are more than this.
step starlift run --to redshift --max-rejects 2%

# 6. Ask. Both answers come from the same SQL; --compare says whether files and warehouse agree.
step starlift query most_played_songs --on redshift
step starlift query --compare --on redshift

# 7. What is there, and what has it cost so far?
step starlift status

# 8. Over night it need not run: a paused cluster costs its storage alone. A new cluster can be paused
#    once there is a backup of it, which this waits for.
step starlift pause
step starlift resume

# 9. Remove it, and have it proven that nothing is left. The star stays in S3.
step starlift teardown --yes
trap 'rm -rf "$here"' EXIT
step starlift status
