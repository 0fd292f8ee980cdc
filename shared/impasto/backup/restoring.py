"""Bringing a backup back: it is checked whole, its objects are put, and then the database is written in one commit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import Connection

from impasto.artifacts import ArtifactRef, digest_of
from impasto.backends.bells import KEY_PREFIX
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.migrate import known_migrations, make_roles, migrate
from impasto.backup import contents, rows
from impasto.backup.contents import ListedObject
from impasto.backup.manifest import BackupFile, Manifest, unusable
from impasto.backup.objects_folder import ObjectsFolder
from impasto.backup.places import Place
from impasto.backup.programs import find_program, run_program
from impasto.backup.saving import Show, read_listing
from impasto.errors import Conflict, Unavailable


@dataclass(frozen=True, slots=True)
class Restored:
    """`put`: objects that the bucket lacked; `requeued`: jobs that ran when the dump was made; `sealed_otherwise`:
    endpoints of webhooks whose secrets the key that is set here does not open."""

    manifest: Manifest
    put: int
    requeued: int
    sealed_otherwise: int


def restore(place: Place, folder: Path, show: Show, *, replace: bool = False) -> Restored:
    """Restores the backup in `folder`; a platform that is there already is given up only with `replace`.

    Nothing is changed before the whole backup was found sound. A restore that is broken off is begun again.

    Raises:
        Conflict: there is a platform and it is not to be replaced, or something of it runs.
        ImpastoError: the backup is not whole or too new, a program is missing, a server does not answer.
    """
    manifest = Manifest.read(folder)
    show("check", 0, 0)
    _check_files(manifest, folder)
    if manifest.migration not in known_migrations():
        raise unusable(f"the backup was made by a newer Impasto ({manifest.impasto})", "restore it with that version")
    try:
        with psycopg.connect(place.admin_url, autocommit=True) as connection:
            _check_target(connection, manifest, replace)
            program = find_program("pg_restore", contents.server_major(connection), place.environment)
            listing, kept = folder / manifest.listing.name, ObjectsFolder(folder)
            absent = _check_objects(kept, listing, manifest.objects_bytes, show)
            put = _put_objects(S3Objects(place.settings), kept, listing, manifest.objects_bytes, show)
            show("database", 0, 0)
            _check_target(connection, manifest, replace)  # all that took its time
            make_roles(place.admin_url, place.role_passwords)
            rows.drop_everything(connection)
        _restore_database(program, folder / manifest.dump.name, place.admin_url, manifest)
        migrate(place.admin_url, place.role_passwords)
        with psycopg.connect(place.admin_url) as connection:
            requeued = rows.settle(connection, absent)
            sealed = rows.sealed_otherwise(connection, place.settings.webhook_secret_key)
    except psycopg.OperationalError as error:
        raise Unavailable("database_unavailable", f"the database does not answer: {error}") from error
    _wipe_redis(place.settings.redis_url)
    return Restored(manifest, put, requeued, sealed)


def _check_files(manifest: Manifest, folder: Path) -> None:
    for file in (manifest.dump, manifest.listing):
        if not _sound(folder, file):
            raise unusable(f"{folder / file.name} is missing or damaged", "make the backup again")


def _sound(folder: Path, file: BackupFile) -> bool:
    path = folder / file.name
    # Its name comes out of a file: it is never one outside of the folder.
    return path.parent == folder and path.is_file() and digest_of(path) == (file.sha256, file.size_bytes)


def _check_target(connection: Connection[Any], manifest: Manifest, replace: bool) -> None:
    major = contents.server_major(connection)
    if major < manifest.postgres_major:
        raise unusable(f"the dump is of PostgreSQL {manifest.postgres_major}, and this server is a {major}")
    if using := rows.sessions_of_parts(connection):
        raise Conflict(
            "platform_running",
            f"{using} connections of the platform's own parts are open",
            hint="stop the gateway, ingestion, reconciler, notifier and workers first",
        )
    if not rows.is_ours(connection):
        raise Conflict(
            "platform_not_empty",
            "there is something in this database that is no Impasto, or a newer one",
            hint="name a database of its own; this one is never emptied",
        )
    if not replace and rows.tenants(connection):
        raise Conflict(
            "platform_not_empty",
            "there is a platform in this database already, with tenants and keys",
            hint="--replace removes it for good and puts the backup in its place",
        )


def _check_objects(kept: ObjectsFolder, listing: Path, total: int, show: Show) -> list[ListedObject]:
    """Those that the backup lacks and nothing refers to.

    Raises:
        ImpastoError: one is missing or damaged.
    """
    absent, done, before, good = list[ListedObject](), 0, "", False
    for listed in read_listing(listing):
        if listed.sha256 != before:
            before, good = listed.sha256, kept.sound(listed)
            done += listed.size_bytes
            show("check", min(done, total), total)
        if good:
            continue
        if listed.needed or kept.path(listed.sha256).exists():
            raise unusable(f"{kept.path(listed.sha256)} is missing or damaged", "make the backup again")
        absent.append(listed)
    return absent


def _put_objects(store: S3Objects, kept: ObjectsFolder, listing: Path, total: int, show: Show) -> int:
    """How many objects were put: what the bucket has under that digest with the right size stays as it is."""
    store.ensure_bucket()
    put, done, before = 0, 0, ""
    for listed in read_listing(listing):
        path = kept.path(listed.sha256)
        if path.exists() and store.size_of(listed.key) != listed.size_bytes:
            if listed.state_key:
                store.put_run(listed.state_key, path)
            else:
                media_type = listed.media_type or "application/octet-stream"
                artifact = ArtifactRef(sha256=listed.sha256, media_type=media_type, size_bytes=listed.size_bytes)
                store.put(listed.tenant_id, artifact, path)
            put += 1
        done += listed.size_bytes if listed.sha256 != before else 0
        before = listed.sha256
        show("objects", min(done, total), total)
    return put


def _restore_database(program: Path, dump: Path, admin_url: str, manifest: Manifest) -> None:
    options = ["--exit-on-error", "--single-transaction", "--no-owner"]
    run_program(program, [*options, str(dump)], admin_url)
    with psycopg.connect(admin_url) as connection:
        found = contents.rows_by_table(connection)
    if wrong := sorted(name for name, count in manifest.counts.items() if found.get(name) != count):
        raise unusable(f"other numbers of rows came back than were saved, in: {', '.join(wrong)}")


def _wipe_redis(url: str) -> None:
    """Bells of an earlier life ring for nothing; those that are due are rung anew by the reconciler."""
    if not url:
        return
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            for name in client.scan_iter(f"{KEY_PREFIX}*", count=1000):
                client.delete(name)
    except redis.RedisError:
        return  # a bell too many does no harm, and Redis may be started later
