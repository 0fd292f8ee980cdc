#!/bin/sh
# `minio server /data --address :9000 ...` as juicefs says it: a file system on a folder, and its gateway before it.
set -eu
[ "$1" = server ] || exit 2
meta="sqlite3://$2/meta.db"
[ -e "$2/meta.db" ] || juicefs format --quiet --storage file --bucket "$2/blocks/" "$meta" impasto
exec juicefs gateway --quiet --no-usage-report --multi-buckets --keep-etag --cache-dir /tmp/cache "$meta" 0.0.0.0:9000
