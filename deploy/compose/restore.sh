#!/bin/sh
# Brings back what backup.sh saved, into empty volumes: deploy/compose/restore.sh FOLDER, then `docker compose up -d`.
# COMPOSE="docker-compose -p NAME" for another command or project.
set -eu
compose=${COMPOSE:-docker compose}
folder=${1:?usage: restore.sh FOLDER}
# The command is words.
# shellcheck disable=SC2086
{
  $compose up -d postgres
  # Makes the roles that the dump's rows and rights name, and waits for the server.
  $compose run --rm -T migrate
  found=$($compose exec -T postgres psql -U postgres -d impasto -Atc 'SELECT count(*) FROM api_keys' </dev/null)
  [ "$found" = 0 ] || { echo "there are $found keys in this database: it is not empty, and was left as it is" >&2; exit 1; }
  $compose exec -T postgres pg_restore --clean --if-exists --exit-on-error -U postgres -d impasto <"$folder/impasto.dump"
  $compose run --rm -T objects-folder
  $compose run --rm -T --user 1000:1000 objects-folder tar -C /data -x <"$folder/objects.tar"
}
echo "restored; start the rest"
