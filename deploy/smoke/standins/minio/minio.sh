#!/bin/sh
# `server FOLDER --address ...` as juicefs says it: a file system in that folder, and MinIO's gateway before it.
set -eu
[ "$1" = server ] || { echo "only 'server FOLDER' is known here" >&2; exit 2; }
meta="sqlite3://$2/meta.db"
[ -e "$2/meta.db" ] || juicefs --quiet format --storage file --bucket "$2/blocks/" "$meta" impasto
exec juicefs --quiet gateway --no-usage-report --multi-buckets --keep-etag --cache-dir /tmp/cache --cache-size 100M \
  "$meta" 0.0.0.0:9000
