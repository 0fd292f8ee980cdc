#!/bin/sh
# Saves a running stack: deploy/compose/backup.sh FOLDER. The database first, so that no row names an object that is missing.
# COMPOSE="docker-compose -p NAME" for another command or project.
set -eu
umask 077
compose=${COMPOSE:-docker compose}
folder=${1:?usage: backup.sh FOLDER}
mkdir -p "$folder"
# The command is words.
# shellcheck disable=SC2086
{
  $compose exec -T postgres pg_dump -U postgres -Fc impasto >"$folder/impasto.dump.part"
  $compose run --rm -T --user 1000:1000 objects-folder tar -C /data -c . >"$folder/objects.tar.part"
}
mv "$folder/impasto.dump.part" "$folder/impasto.dump"
mv "$folder/objects.tar.part" "$folder/objects.tar"
echo "saved in $folder; keep .env with it: the keys in it are nowhere else"
