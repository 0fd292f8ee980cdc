"""The object store as the platform needs it, on every store that is supported."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from impasto.artifacts import ArtifactRef, digest_of, run_key, runs_prefix
from impasto.backends.objects import S3Objects
from impasto.errors import NotFound, Unavailable
from impasto.settings import Settings
from impasto.testing.processes import free_port
from impasto.testing.servers import Servers
from tests.backends.s3_stores import MINIO_GATEWAY, minio_gateway, settings_of

_STORES = ["seaweedfs", *(["minio-gateway"] if MINIO_GATEWAY else [])]
_MIB = 1 << 20


@pytest.fixture(scope="module", params=_STORES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that name the store."""
    if request.param == "minio-gateway":
        with minio_gateway(tmp_path_factory.mktemp("gateway")) as settings:
            yield settings
    else:
        servers: Servers = request.getfixturevalue("servers")
        yield settings_of(servers.s3_endpoint, servers.s3_access_key, servers.s3_secret_key)


@pytest.fixture
def store(place: Settings) -> S3Objects:
    objects = S3Objects(place)
    objects.ensure_bucket()
    return objects


def _made(path: Path, content: bytes, media_type: str = "image/png") -> ArtifactRef:
    path.write_bytes(content)
    digest, size = digest_of(path)
    return ArtifactRef(sha256=digest, media_type=media_type, size_bytes=size)


# Beyond 5 MiB the client sends parts.
@pytest.mark.parametrize("size_bytes", [0, 1, _MIB - 1, _MIB + 1, 5 * _MIB, 11 * _MIB + 7])
def test_what_was_put_is_what_comes_back(store: S3Objects, tmp_path: Path, size_bytes: int) -> None:
    content = (bytes(range(251)) * (size_bytes // 251 + 1))[:size_bytes]
    artifact = _made(tmp_path / "given", content)
    store.put("ten_a", artifact, tmp_path / "given")
    assert b"".join(store.stream("ten_a", artifact.sha256)) == content


def test_a_fetched_object_is_a_verified_file_that_is_fetched_once(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"fetched once")
    store.put("ten_a", artifact, tmp_path / "given")
    path = store.fetch("ten_a", artifact.sha256, tmp_path / "cache")
    assert path.read_bytes() == b"fetched once"
    store.remove("ten_a", artifact.sha256)
    assert store.fetch("ten_a", artifact.sha256, tmp_path / "cache") == path


def test_putting_again_changes_nothing(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"twice")
    for _ in range(2):
        store.put("ten_a", artifact, tmp_path / "given")
    assert b"".join(store.stream("ten_a", artifact.sha256)) == b"twice"


def test_many_put_the_same_object_at_once_and_it_is_whole(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"at once" * 100_000)
    with ThreadPoolExecutor(8) as threads:
        puts = [threads.submit(store.put, "ten_a", artifact, tmp_path / "given") for _ in range(16)]
    assert [put.result() for put in puts] == [None] * 16
    path = store.fetch("ten_a", artifact.sha256, tmp_path / "cache")
    assert digest_of(path) == (artifact.sha256, artifact.size_bytes)


def test_one_tenants_object_is_not_anothers(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"private to a")
    store.put("ten_a", artifact, tmp_path / "given")
    with pytest.raises(NotFound):
        b"".join(store.stream("ten_b", artifact.sha256))
    with pytest.raises(NotFound):
        store.fetch("ten_b", artifact.sha256, tmp_path / "cache")


def test_a_removed_object_is_gone_and_may_be_removed_again(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"soon gone")
    store.put("ten_a", artifact, tmp_path / "given")
    for _ in range(2):
        store.remove("ten_a", artifact.sha256)
    with pytest.raises(NotFound):
        b"".join(store.stream("ten_a", artifact.sha256))


def test_a_removed_object_can_be_put_anew(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"comes back")
    store.put("ten_a", artifact, tmp_path / "given")
    store.remove("ten_a", artifact.sha256)
    store.put("ten_a", artifact, tmp_path / "given")
    assert b"".join(store.stream("ten_a", artifact.sha256)) == b"comes back"


def test_other_bytes_under_a_digest_are_refused_and_leave_no_file(store: S3Objects, tmp_path: Path) -> None:
    artifact = _made(tmp_path / "given", b"what was promised")
    (tmp_path / "given").write_bytes(b"what was sent")
    store.put("ten_a", artifact, tmp_path / "given")
    with pytest.raises(Unavailable) as refused:
        store.fetch("ten_a", artifact.sha256, tmp_path / "cache")
    assert refused.value.code == "storage_unavailable"
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_the_bucket_is_made_once(place: Settings) -> None:
    fresh = S3Objects(replace(place, s3_bucket="made-once"))
    assert not fresh.ready()
    for _ in range(2):
        fresh.ensure_bucket()
    assert fresh.ready()


def test_a_wrong_key_is_refused_by_name(place: Settings, tmp_path: Path) -> None:
    stranger = S3Objects(replace(place, s3_secret_key="not-the-secret-key"))
    artifact = _made(tmp_path / "given", b"refused")
    assert not stranger.ready()
    with pytest.raises(Unavailable) as refused:
        stranger.put("ten_a", artifact, tmp_path / "given")
    assert refused.value.code == "storage_unavailable"


def test_a_store_that_does_not_answer_is_told_by_name(place: Settings) -> None:
    away = S3Objects(replace(place, s3_endpoint=f"http://127.0.0.1:{free_port()}"))
    assert not away.ready()
    with pytest.raises(Unavailable) as refused:
        b"".join(away.stream("ten_a", "0" * 64))
    assert refused.value.code == "storage_unavailable"


def test_what_a_running_job_put_comes_back_under_its_key(store: S3Objects, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"half way" * 1000)
    digest, _ = digest_of(tmp_path / "state")
    key = run_key("ten_a", "job_1", 100, "2.safetensors")
    store.put_run(key, tmp_path / "state")
    back = store.fetch_run(key, digest, tmp_path / "back")
    assert back.read_bytes() == (tmp_path / "state").read_bytes()


def test_a_running_jobs_file_that_was_changed_is_refused(store: S3Objects, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"changed")
    key = run_key("ten_a", "job_2", 100, "1.safetensors")
    store.put_run(key, tmp_path / "state")
    with pytest.raises(NotFound):
        store.fetch_run(key, "0" * 64, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_running_jobs_file_is_gone_once_removed_and_may_be_removed_again(store: S3Objects, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"soon gone")
    digest, _ = digest_of(tmp_path / "state")
    key = run_key("ten_a", "job_3", 100, "1.safetensors")
    store.put_run(key, tmp_path / "state")
    for _ in range(2):
        store.remove_run(key)
    with pytest.raises(NotFound):
        store.fetch_run(key, digest, tmp_path / "back")


def test_all_files_of_one_running_job_are_removed_and_no_others(store: S3Objects, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"left")
    digest, _ = digest_of(tmp_path / "state")
    mine = [run_key("ten_a", "job_4", step, "1.safetensors") for step in (10, 20)]
    other = run_key("ten_a", "job_40", 10, "1.safetensors")
    for key in (*mine, other):
        store.put_run(key, tmp_path / "state")
    for _ in range(2):
        store.remove_runs(runs_prefix("ten_a", "job_4"))
    for key in mine:
        with pytest.raises(NotFound):
            store.fetch_run(key, digest, tmp_path / "back")
    assert store.fetch_run(other, digest, tmp_path / "back").read_bytes() == b"left"


def test_keys_of_running_jobs_tell_tenants_jobs_steps_and_attempts_apart() -> None:
    one = run_key("ten_a", "job_1", 100, "1.safetensors")
    others = [("ten_b", "job_1", 100, "1"), ("ten_a", "job_2", 100, "1"), ("ten_a", "job_1", 10, "1")]
    keys = {run_key(tenant, job, step, f"{epoch}.safetensors") for tenant, job, step, epoch in others}
    assert one == "ten_a/runs/job_1/100/1.safetensors"
    assert len(keys | {one, run_key("ten_a", "job_1", 100, "2.safetensors")}) == 5
