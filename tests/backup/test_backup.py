"""A platform is saved while it works, and brought back on servers that have never seen it, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from impasto.artifacts import object_key
from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.styles import StyleMix
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings
from tests.asking import ask, ended, look, submit
from tests.hands import draw

_OWN_KEY = "only-for-tests-" * 3


def operate(*arguments: str, admin: str, settings: Settings, key: str = _OWN_KEY, code: int = 0) -> str:
    """Runs the command line as an operator of given servers does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")}
    given = {
        "IMPASTO_ADMIN_DATABASE_URL": admin,
        "IMPASTO_API_ROLE_PASSWORD": "api",
        "IMPASTO_ENGINE_ROLE_PASSWORD": "engine",
        "IMPASTO_REDIS_URL": settings.redis_url,
        "IMPASTO_S3_ENDPOINT": settings.s3_endpoint,
        "IMPASTO_S3_ACCESS_KEY": settings.s3_access_key,
        "IMPASTO_S3_SECRET_KEY": settings.s3_secret_key,
        "IMPASTO_S3_BUCKET": settings.s3_bucket,
        "IMPASTO_WEBHOOK_SECRET_KEY": key,
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "impasto", *arguments],
        env=kept | given, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a bucket of its own: other tests' objects are none of this platform's."""
    own = replace(settings, s3_bucket=f"backup-{os.urandom(4).hex()}")
    S3Objects(own).ensure_bucket()
    return own


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Servers]:
    """Servers that have never seen the platform."""
    with Servers() as fresh:
        yield fresh


@pytest.fixture
def admin(database: DatabaseUrls) -> str:
    return database.admin


def empty(servers: Servers, folder: Path, redis_number: int) -> tuple[str, Settings]:
    """The owner's address of the servers' own database, and settings of a platform on them."""
    host = servers.admin_url.rpartition("@")[2]
    base = Settings.from_environment(
        {
            "IMPASTO_DATABASE_URL": f"postgresql://impasto_api:api@{host}",
            "IMPASTO_ENGINE_DATABASE_URL": f"postgresql://impasto_engine:engine@{host}",
            "IMPASTO_REDIS_URL": f"{servers.redis_url}/{redis_number}",
            "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
            "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
            "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
            "IMPASTO_S3_BUCKET": f"restored-{redis_number}",
            "IMPASTO_WEBHOOK_SECRET_KEY": _OWN_KEY,
        }
    )
    return servers.admin_url, stack_settings(base, folder, lease_s="3", sweep_s="0.3", grace_s="0")


def bytes_of(stack: Stack, sha256: str) -> bytes:
    answer = ask(stack, "GET", f"/v1/artifacts/{sha256}")
    assert answer.status_code == 200, answer.text
    return answer.content


def upload(stack: Stack, folder: Path, number: int) -> dict[str, Any]:
    """A picture with a caption, as the API tells of it."""
    path = folder / f"{number}.png"
    draw(number, "dots").save(path)
    found = stack.client().upload(path, metadata={"artist": "Ada", "caption": f"picture {number}"})
    told: dict[str, Any] = ask(stack, "GET", f"/v1/artworks/{found.files[0].artwork.id}").json()
    return told


def test_a_platform_that_works_is_saved_and_lives_on_elsewhere(
    stack: Stack, admin: str, elsewhere: Servers, tmp_path: Path
) -> None:
    stack.start_gateway()
    stack.start_ingestion()
    stack.start_reconciler()
    worker = stack.start_worker("w", ["test"], slots=1)
    client = stack.client()
    artworks = [upload(stack, tmp_path, number) for number in range(3)]
    style = client.styles.create("kept", StyleMix(builtin={"cobalt-night": 1.0}))
    ask(stack, "POST", "/v1/webhooks", json={"url": "https://8.8.8.8/hook"})
    finished = ended(stack, submit(stack, "test.stamp", {"text": "done before"})["id"])
    gate = tmp_path / "gate"
    gate.touch()
    running = submit(stack, "test.stamp", {"text": "ran", "gate": str(gate), "pause_at": "compute"})["id"]
    eventually(gate.with_suffix(".compute").exists, "the job computes")
    queued = submit(stack, "test.stamp", {"text": "waited"})["id"]

    folder = tmp_path / "saved"
    told = json.loads(operate("backup", str(folder), "--json", admin=admin, settings=stack.settings))
    assert (told["counts"]["jobs"], told["counts"]["artworks"], told["counts"]["tenants"]) == (3, 3, 1)
    assert json.loads((folder / "manifest.json").read_text()) == told
    assert folder.stat().st_mode & 0o777 == 0o700
    # Nothing is copied twice.
    assert "(0 copied now" in operate("backup", str(folder), admin=admin, settings=stack.settings)
    pictures = [bytes_of(stack, artwork["sha256"]) for artwork in artworks]
    stack.stop()
    assert worker.wait(5) is not None
    gate.unlink()

    home = tmp_path / "elsewhere"
    home.mkdir()
    its_admin, settings = empty(elsewhere, home, 1)
    told = json.loads(operate("restore", str(folder), "--json", admin=its_admin, settings=settings))
    assert (told["jobs_requeued"], told["webhooks_sealed_otherwise"]) == (1, 0)
    assert told["objects_put"] == told["manifest"]["objects"]
    again = Stack(settings, home, keys=stack.keys, tenants=stack.tenants)
    try:
        again.start_gateway()
        again.start_ingestion()
        assert [ask(again, "GET", f"/v1/artworks/{artwork['id']}").json() for artwork in artworks] == artworks
        assert [bytes_of(again, artwork["sha256"]) for artwork in artworks] == pictures
        assert style.id in {kept.id for kept in again.client().styles.list()}
        assert look(again, finished["id"]) == finished
        digest = finished["result"]["artifact"]["sha256"]
        assert bytes_of(again, digest) == b"DONE BEFORE"
        waiting = look(again, running)
        assert (waiting["state"], waiting["attempts"]) == ("queued", 0)
        causes = again.sql("SELECT data->>'cause' FROM job_events WHERE type = 'job.requeued'")
        assert causes == [("restored",)]
        again.start_reconciler()
        again.start_worker("another", ["test"])
        for job_id, text in ((running, b"RAN"), (queued, b"WAITED")):
            job = ended(again, job_id)
            assert (job["state"], job["attempts"]) == ("succeeded", 1)
            assert bytes_of(again, job["result"]["artifact"]["sha256"]) == text
        # New things are as welcome as ever: numbers go on, and what is stored already is known.
        assert upload(again, tmp_path, 1)["id"] == artworks[1]["id"]
        assert upload(again, tmp_path, 7)["id"] not in {artwork["id"] for artwork in artworks}
        assert ended(again, submit(again, "test.stamp", {"text": "new"})["id"])["state"] == "succeeded"

        answer = operate("restore", str(folder), admin=its_admin, settings=settings, code=1)
        assert "stop the gateway" in answer
    finally:
        again.stop()
    answer = operate("restore", str(folder), admin=its_admin, settings=settings, code=1)
    assert "--replace" in answer
    answer = operate(
        "restore", str(folder), "--replace", "--json", admin=its_admin, settings=settings, key="another-key-" * 3
    )
    told = json.loads(answer)
    assert (told["objects_put"], told["jobs_requeued"], told["webhooks_sealed_otherwise"]) == (0, 1, 1)
    assert again.sql("SELECT count(*) FROM jobs") == [(3,)]


@pytest.fixture
def small(stack: Stack, tmp_path: Path) -> dict[str, Any]:
    """A platform with one artwork."""
    stack.start_gateway()
    stack.start_ingestion()
    return upload(stack, tmp_path, 1)


def test_an_object_that_is_referred_to_and_missing_is_named_and_no_backup_is_told_of(
    stack: Stack, admin: str, small: dict[str, Any], tmp_path: Path
) -> None:
    tenant = stack.tenants["first"]
    S3Objects(stack.settings).remove(tenant, small["sha256"])
    folder = tmp_path / "saved"
    answer = operate("backup", str(folder), admin=admin, settings=stack.settings, code=1)
    assert object_key(tenant, small["sha256"]) in answer
    assert not (folder / "manifest.json").exists()
    assert "did not come to its end" in operate("restore", str(folder), admin=admin, settings=stack.settings, code=1)


def test_an_object_that_nothing_refers_to_may_be_missing_and_is_not_said_to_be_there(
    stack: Stack, admin: str, small: dict[str, Any], elsewhere: Servers, tmp_path: Path
) -> None:
    stack.sql(
        "INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes, stored_at) VALUES (%s, %s, '', 9, now())",
        [stack.tenants["first"], "ab" * 32],
    )
    stack.stop()
    folder = tmp_path / "saved"
    operate("backup", str(folder), admin=admin, settings=stack.settings)
    its_admin, settings = empty(elsewhere, tmp_path, 2)
    operate("restore", str(folder), "--replace", admin=its_admin, settings=settings)
    restored = Stack(settings, tmp_path)
    found = restored.sql("SELECT sha256, stored_at IS NULL FROM artifacts ORDER BY sha256 = %s", [small["sha256"]])
    assert ("ab" * 32, True) in found
    assert (small["sha256"], False) in found


def test_a_damaged_backup_changes_nothing_and_is_mended_by_the_next(
    stack: Stack, admin: str, small: dict[str, Any], tmp_path: Path
) -> None:
    stack.stop()
    folder = tmp_path / "saved"
    operate("backup", str(folder), admin=admin, settings=stack.settings)
    kept = folder / "objects" / small["sha256"][:2] / small["sha256"]
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    answer = operate("restore", str(folder), "--replace", admin=admin, settings=stack.settings, code=1)
    assert small["sha256"] in answer
    assert stack.sql("SELECT count(*) FROM artworks") == [(1,)]
    assert "1 copied now" in operate("backup", str(folder), admin=admin, settings=stack.settings)
    assert kept.read_bytes() == whole
    (dump,) = folder.glob("database-*.dump")
    dump.write_bytes(dump.read_bytes()[:-1])
    answer = operate("restore", str(folder), "--replace", admin=admin, settings=stack.settings, code=1)
    assert dump.name in answer
    assert stack.sql("SELECT count(*) FROM artworks") == [(1,)]


def test_what_only_older_backups_needed_goes_when_it_is_asked_for(
    stack: Stack, admin: str, small: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    older = folder / "objects" / "cd" / ("cd" * 32)
    older.parent.mkdir(parents=True)
    older.write_bytes(b"of before")
    operate("backup", str(folder), admin=admin, settings=stack.settings)
    assert older.exists()
    operate("backup", str(folder), "--prune", admin=admin, settings=stack.settings)
    assert not older.exists()
    assert (folder / "objects" / small["sha256"][:2] / small["sha256"]).exists()


def test_a_backup_of_a_newer_version_is_refused(
    stack: Stack, admin: str, small: dict[str, Any], tmp_path: Path
) -> None:
    stack.stop()
    folder = tmp_path / "saved"
    operate("backup", str(folder), admin=admin, settings=stack.settings)
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "migration": "9999"}))
    answer = operate("restore", str(folder), "--replace", admin=admin, settings=stack.settings, code=1)
    assert "newer Impasto" in answer
    assert stack.sql("SELECT count(*) FROM artworks") == [(1,)]


def test_a_database_of_something_else_is_never_emptied(
    stack: Stack, admin: str, small: dict[str, Any], elsewhere: Servers, tmp_path: Path
) -> None:
    stack.stop()
    folder = tmp_path / "saved"
    operate("backup", str(folder), admin=admin, settings=stack.settings)
    for file in (*folder.glob("database-*"), *folder.glob("objects-*.jsonl")):
        assert file.stat().st_mode & 0o077 == 0, "it has prompts in it"
    _, settings = empty(elsewhere, tmp_path, 3)
    with psycopg.connect(elsewhere.admin_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop")
    other = psycopg.conninfo.make_conninfo(elsewhere.admin_url, dbname="shop")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute("CREATE TABLE tenants (name text)")
        for more in ([], ["--replace"]):
            answer = operate("restore", str(folder), *more, admin=other, settings=settings, code=1)
            assert "no Impasto" in answer
        assert connection.execute("SELECT count(*) FROM tenants").fetchone() == (0,)
