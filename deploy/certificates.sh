#!/usr/bin/env bash
# Creates a certificate authority and one certificate for all processes of a cluster, valid for some host names:
#   deploy/certificates.sh FOLDER NAME…
# NAME is a DNS name, which can begin with `*.`, or an IP address. Existing files are not replaced.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 FOLDER NAME…" >&2
    exit 2
fi
folder=$1
shift
mkdir -p "$folder"
cd "$folder"
for file in ca.crt ca.key tls.crt tls.key; do
    if [ -e "$file" ]; then
        echo "$folder/$file exists; choose another folder" >&2
        exit 1
    fi
done

names=()
for name in "$@"; do
    if [[ $name == *:* || $name =~ ^[0-9.]+$ ]]; then names+=("IP:$name"); else names+=("DNS:$name"); fi
done
names=$(IFS=,; echo "${names[*]}")

umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=starlift cluster" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout ca.key -out ca.crt 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=starlift" \
    -keyout tls.key -out tls.csr 2>/dev/null
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -days 825 -out tls.crt 2>/dev/null -extfile <(
    printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n'
    printf 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$names"
)
rm tls.csr
echo "wrote $folder/ca.crt, ca.key, tls.crt and tls.key for $*"
