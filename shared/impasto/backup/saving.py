"""Making a backup: the dump and the list of objects from one snapshot, then the objects, then the manifest.

Objects are immutable by their digest, and what a row refers to is not removed from the bucket: so it does no harm that
they are copied while the platform goes on. What is removed all the same between the snapshot and the copy is missed
by name, and no manifest is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import impasto
from impasto.artifacts import digest_of
from impasto.backends.objects import S3Objects
from impasto.backup import contents
from impasto.backup.contents import ListedObject
from impasto.backup.manifest import BackupFile, Manifest, unusable
from impasto.backup.objects_folder import ObjectsFolder, tries
from impasto.backup.places import Place
from impasto.backup.programs import find_program, run_program
from impasto.embedded.state import held
from impasto.errors import Conflict, NotFound

_AT_ONCE: Final = 4
_BATCH: Final = 64
_NAMED: Final = 5

# What is done, and how many of how many bytes.
Show = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """The backup, and how much of it was copied anew."""

    manifest: Manifest
    copied: int
    copied_bytes: int
    pruned: int = 0


def save(place: Place, folder: Path, show: Show, *, prune: bool = False) -> Saved:
    """Makes a backup of the platform in `folder`, or brings the one that is there up to date.

    The backup of before stays whole until the new one is. `prune` then removes objects that only older ones needed.

    Raises:
        Conflict: another backup is written there.
        ImpastoError: a program is missing, a server does not answer, or an object is missing that is referred to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(folder / "lock") as got:
        if not got:
            raise Conflict("platform_running", f"another backup is written to {folder}")
        return _save(place, folder, show, prune)


def _save(place: Place, folder: Path, show: Show, prune: bool) -> Saved:
    kept = ObjectsFolder(folder)
    kept.clear_parts()
    show("database", 0, 0)
    # To the second, so that a name is never used for two dumps: the older one has its manifest until the end.
    now = datetime.now(UTC)
    stamp = now.strftime("%Y%m%dT%H%M%S%fZ")
    dump, listing = folder / f"database-{stamp}.dump", folder / f"objects-{stamp}.jsonl"
    with contents.snapshot(place.admin_url) as connection:
        major, migration = contents.server_major(connection), contents.migration_of(connection)
        program = find_program("pg_dump", major, place.environment)
        name = contents.exported(connection)
        run_program(program, ["--format=custom", f"--snapshot={name}", f"--file={dump}"], place.admin_url)
        total = _write_listing(listing, contents.listed_objects(connection))
        counts = contents.rows_by_table(connection)
    try:
        copied = _copy(place, kept, read_listing(listing), total, show)
    except BaseException:
        # Without its manifest it is no backup: each one that fails would leave a whole dump.
        dump.unlink(missing_ok=True)
        listing.unlink(missing_ok=True)
        raise
    manifest = Manifest(
        impasto=impasto.__version__,
        made_at=now.isoformat(),
        postgres_major=major,
        migration=migration,
        counts=counts,
        objects=len({listed.sha256 for listed in read_listing(listing)}),
        objects_bytes=total,
        dump=_described(dump),
        listing=_described(listing),
    )
    manifest.write(folder)
    _remove_older(folder, manifest)
    return Saved(manifest, *copied, _prune(kept, listing) if prune else 0)


def read_listing(listing: Path) -> Iterator[ListedObject]:
    with listing.open() as file:
        for line in file:
            yield ListedObject.model_validate_json(line)


def _write_listing(listing: Path, found: Iterator[ListedObject]) -> int:
    """How many bytes the listed objects have, equal ones counted once."""
    total, before = 0, ""
    listing.touch(mode=0o600)
    with listing.open("w") as file:
        for listed in found:
            file.write(listed.model_dump_json() + "\n")
            total += listed.size_bytes if listed.sha256 != before else 0
            before = listed.sha256
    return total


def _copy(place: Place, kept: ObjectsFolder, listed: Iterator[ListedObject], total: int, show: Show) -> tuple[int, int]:
    """How many objects, and bytes, were not in the folder yet."""
    store, done, copied, missing = S3Objects(place.settings), 0, [0, 0], list[str]()
    show("objects", 0, total)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="backup") as threads:
        while batch := list(islice(listed, _BATCH)):
            # Equal bytes of several tenants are one file: the first whose object is there gives it.
            alike: dict[str, list[ListedObject]] = {}
            for each in batch:
                alike.setdefault(each.sha256, []).append(each)
            for same, outcome in zip(
                alike.values(), threads.map(lambda same: _copy_one(store, kept, same), alike.values()), strict=True
            ):
                copied = [copied[0] + (outcome == "copied"), copied[1] + same[0].size_bytes * (outcome == "copied")]
                missing += [each.key for each in same if each.needed and outcome == "missing"]
                done += same[0].size_bytes
                show("objects", min(done, total), total)
    if missing:
        named = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
        raise unusable(
            f"the database refers to what is missing or damaged in the bucket: {named}",
            "if these were removed while the backup was made, make it again; otherwise they are lost",
        )
    return copied[0], copied[1]


def _copy_one(store: S3Objects, kept: ObjectsFolder, same: list[ListedObject]) -> str:
    if kept.sound(same[0]):
        return "there"
    for listed in same:
        for _ in tries():
            try:
                if kept.keep(listed, store.stream_key(listed.key, listed.sha256)):
                    return "copied"
            except NotFound:
                break
    return "missing"


def _described(path: Path) -> BackupFile:
    sha256, size_bytes = digest_of(path)
    path.chmod(0o600)
    return BackupFile(name=path.name, sha256=sha256, size_bytes=size_bytes)


def _remove_older(folder: Path, manifest: Manifest) -> None:
    """Also what backups that did not come to their end left."""
    for path in [*folder.glob("database-*.dump"), *folder.glob("objects-*.jsonl")]:
        if path.name not in (manifest.dump.name, manifest.listing.name):
            path.unlink()


def _prune(kept: ObjectsFolder, listing: Path) -> int:
    wanted = {listed.sha256 for listed in read_listing(listing)}
    unwanted = [sha256 for sha256 in kept.digests() if sha256 not in wanted]
    for sha256 in unwanted:
        kept.remove(sha256)
    return len(unwanted)
