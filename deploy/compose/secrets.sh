#!/bin/sh
# Prints a .env with fresh secrets for docker-compose.yml: deploy/compose/secrets.sh > .env
# Hexadecimal, so that they need no quoting in an address. Keep the file: lost passwords are lost data.
set -eu
umask 077

secret() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

for name in POSTGRES_PASSWORD API_ROLE_PASSWORD ENGINE_ROLE_PASSWORD REDIS_PASSWORD S3_ACCESS_KEY S3_SECRET_KEY \
  STUDIO_SECRET WEBHOOK_SECRET_KEY GRAFANA_PASSWORD FLOWER_PASSWORD; do
  # MinIO takes access keys of at most 20 characters.
  case $name in S3_ACCESS_KEY) value=$(secret | cut -c1-20) ;; *) value=$(secret) ;; esac
  printf 'IMPASTO_%s=%s\n' "$name" "$value"
done
