#!/usr/bin/env bash
# The whole cloud workflow, from creating a cluster to removing it. Read it as a tutorial, or run it.
#
#     scripts/cloud.sh s3://BUCKET/DATA s3://BUCKET/STAR [NAME]
#
# DATA contains song_data and log_data. STAR is the location of the star, in the region of the cluster. The
# script needs AWS credentials (docs/cloud.md lists the required permissions), costs about half a dollar per
# hour while the cluster is running, and removes everything it created, even if it fails.
set -euo pipefail
data=${1:?where are song_data and log_data? s3://BUCKET/PREFIX}
star=${2:?where is the star to go? s3://BUCKET/PREFIX}
name=${3:-tutorial-$RANDOM}

# The environment overrides the configuration file, so every command below uses this name.
export STARLIFT_NAME=$name

step() { printf '\n$ %s\n' "$*"; "$@"; }

# Use a new folder, so that no existing starlift.toml is changed.
here=$(mktemp -d)
cd "$here"

# 1. Create the configuration: the locations of the data and the star and the name of the cluster. Every key
#    has a comment, and no value is a secret. With --expires, AWS itself pauses the cluster if this machine
#    goes to sleep before the end.
step starlift init --songs "$data/song_data" --logs "$data/log_data" --out "$star" \
    --name "$name" --expires 2h --yes

# Stop if the cluster already exists: this script must not remove it.
there=$(starlift status --format json)
if grep -q "\"name\": \"$name\"" <<<"$there"; then
    echo "there is a $name already: choose another name, or see \`starlift status\`" >&2
    exit 1
fi

# 2. Show what would be created: a role that can read the star and nothing else, a rule that allows
#    connections from the address of this machine, and a cluster with one node. This creates nothing and
#    costs nothing.
step starlift provision --public --dry-run

# 3. Create it. Costs start here, so the trap removes everything at the end, even if a step fails.
clean_up() {
    starlift teardown --yes || echo "look for what is left: starlift status" >&2
    rm -rf "$here"
}
trap clean_up EXIT
step starlift provision --public --yes

# 4. Check that everything is in place. Prints one line per check, and a remedy for each that fails.
step starlift doctor

# 5. Transform the JSON objects into a star and load it into Redshift. starlift looks up the endpoint and the
#    role by the name of the cluster and requests a password that is valid for fifteen minutes. Records that
#    cannot be read are counted and stored next to the star; the run fails if there are more than this.
step starlift run --to redshift --max-rejects 2%

# 6. Run queries. --compare runs the same SQL on the files and on the warehouse and compares the results.
step starlift query most_played_songs --on redshift
step starlift query --compare --on redshift

# 7. Show the resources and their cost so far.
step starlift status

# 8. Pause the cluster while it is not needed: a paused cluster costs only its storage. A new cluster can be
#    paused only after its first backup; the command waits for it.
step starlift pause
step starlift resume

# 9. Remove everything and verify that nothing is left. The star stays in S3.
step starlift teardown --yes
trap 'rm -rf "$here"' EXIT
step starlift status
