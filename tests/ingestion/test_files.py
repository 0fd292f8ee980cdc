"""`PUT /v1/files/{name}`: files of weights come as a stream, of known types and bounded size, each tenant's its own."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import pickle
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from impasto import AsyncClient, Client
from impasto.artifacts import ArtifactRef
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.pools import engine_pool
from impasto.errors import InvalidInput, LimitExceeded
from impasto.testing.databases import cloned_database
from impasto.testing.processes import Process
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.conftest import _settings
from tests.ingestion.pictures import pixel_bomb

_LIMIT = 80 << 20


@pytest.fixture(scope="module")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Gateway and ingestion that take files of at most 80 MiB."""
    folder = tmp_path_factory.mktemp("files")
    with cloned_database(servers.admin_url) as urls:
        made = Stack(_settings(servers, urls, folder, file_most_bytes=str(_LIMIT)), folder)
        try:
            made.start_gateway()
            made.start_ingestion()
            yield made
        finally:
            made.stop()


def put(stack: Stack, name: str, body: bytes, tenant: str = "first", **headers: str) -> httpx.Response:
    """To the gateway, which passes it on."""
    given = {"Authorization": f"Bearer {stack.key(tenant)}", **headers}
    return httpx.put(f"{stack.url}/v1/files/{name}", content=body, headers=given, timeout=60, trust_env=False)


def weights(size: int = 64) -> bytes:
    """A safetensors file of one tensor."""
    header = b'{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    return struct.pack("<Q", len(header)) + header + os.urandom(size)


def left_on_disk(stack: Stack) -> list[Path]:
    return list((stack.settings.data_folder / "ingestion").glob("process-*/*"))


def test_a_file_is_stored_under_its_digest_and_visible_to_its_tenant_alone(stack: Stack) -> None:
    body = weights()
    answer = put(stack, "model.safetensors", body)
    digest = hashlib.sha256(body).hexdigest()
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"name": "model.safetensors", "sha256": digest, "size_bytes": len(body)}
    assert stack.client().artifacts.read(digest) == body
    assert put(stack, "again.safetensors", body).json()["sha256"] == digest
    theirs = {"Authorization": f"Bearer {stack.key('second')}"}
    seen = httpx.get(f"{stack.url}/v1/artifacts/{digest}", headers=theirs, trust_env=False)
    assert seen.status_code == 404
    assert left_on_disk(stack) == []


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("model.bin", b"x", 422, "model_format_unsafe"),
        ("model.safetensors", pickle.dumps({"a": 1}) + bytes(20), 422, "model_format_unsafe"),
        ("model.safetensors", struct.pack("<Q", 17 << 20) + b"{" + bytes(20), 422, "model_format_unsafe"),
        ("noending", b"x", 422, "model_format_unsafe"),
        ("config.json", b"", 422, "value_invalid"),
        (".hidden.json", b"{}", 422, "value_invalid"),
        ("a%2Fb.json", b"{}", 404, "not_found"),
        ("..%2F..%2Fx.json", b"{}", 404, "not_found"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(stack: Stack, name: str, body: bytes, status: int, code: str) -> None:
    answer = put(stack, name, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert left_on_disk(stack) == []


def test_a_file_that_says_it_is_too_large_is_refused_before_it_is_read(stack: Stack) -> None:
    answer = put(stack, "model.safetensors", weights(_LIMIT))
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "body_too_large", _LIMIT)
    assert left_on_disk(stack) == []


def test_a_stream_that_becomes_too_large_is_cut_off(stack: Stack) -> None:
    def endless() -> Iterator[bytes]:
        yield weights(1 << 20)
        for _ in range(90):
            yield bytes(1 << 20)

    headers = {"Authorization": f"Bearer {stack.key('first')}"}
    url = f"{stack.settings.ingestion_url}/v1/files/model.safetensors"
    answer = httpx.put(url, content=endless(), headers=headers, timeout=60, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert left_on_disk(stack) == []


def test_a_key_that_may_not_upload_is_refused(stack: Stack) -> None:
    made: Any = stack.client().keys.create("reader", ["read"])
    answer = put(stack, "config.json", b"{}", Authorization=f"Bearer {made.key}")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_large_files_pass_through_both_processes_in_bounded_memory(stack: Stack, tmp_path: Path) -> None:
    put(stack, "warm.safetensors", weights(1 << 20))
    before = [_peak_bytes(process) for process in stack.processes]
    (tmp_path / "large.safetensors").write_bytes(weights(72 << 20))
    body = (tmp_path / "large.safetensors").read_bytes()
    assert put(stack, "large.safetensors", body).status_code == 200
    grown = [_peak_bytes(process) - peak for process, peak in zip(stack.processes, before, strict=True)]
    assert max(grown) < 40 << 20


def test_the_client_tells_how_much_is_sent_and_sends_nothing_twice(stack: Stack, tmp_path: Path) -> None:
    path, told = tmp_path / "weights.safetensors", []
    path.write_bytes(weights(3 << 20))
    client: Client = stack.client()
    first = client.files.upload(path, told.append)
    assert told == [1 << 20, 2 << 20, 3 << 20, path.stat().st_size]
    assert first.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert client.files.upload(path, told.append) == first
    assert len(told) == 4


def test_the_client_says_why_a_file_is_refused(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(InvalidInput) as refused:
        stack.client().files.upload(tmp_path / "weights.bin")
    assert refused.value.code == "model_format_unsafe"
    (tmp_path / "large.safetensors").write_bytes(weights(_LIMIT))
    with pytest.raises(LimitExceeded) as too_large:
        stack.client().files.upload(tmp_path / "large.safetensors")
    assert too_large.value.code == "body_too_large"


def _tiff() -> bytes:
    Image.new("RGB", (8, 8), "teal").save(buffer := io.BytesIO(), "TIFF")
    return buffer.getvalue()


_PICTURES: dict[str, dict[str, Any]] = {
    "analyse.artwork": {},
    "generate.upscale": {},
    "generate.stylise": {"mix": {"builtin": {"woodcut-sand": 1.0}}},
    "generate.text_to_image": {"prompts": ["a heart"]},
}


@pytest.mark.parametrize("body", [_tiff(), pixel_bomb()], ids=["tiff", "bomb"])
def test_a_file_of_weights_is_never_a_picture(stack: Stack, body: bytes) -> None:
    digest = put(stack, "x.txt", body).json()["sha256"]
    jobs = [{"kind": kind, "params": {**rest, "picture": f"sha256:{digest}"}} for kind, rest in _PICTURES.items()]
    for job in jobs:
        answer = ask(stack, "POST", "/v1/jobs", json=job)
        assert (answer.status_code, answer.json()["code"]) == (422, "image_unrecognised"), answer.text
        assert answer.json()["field"] == "params.picture"
    answer = ask(stack, "POST", "/v1/jobs/bulk", json={"jobs": jobs[:2]})
    assert (answer.status_code, answer.json()["field"]) == (422, "jobs.1.params.picture")
    theirs = ask(stack, "POST", "/v1/jobs", tenant="second", json=jobs[0])
    assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")
    assert stack.sql("SELECT count(*) FROM jobs") == [(0,)]


def test_what_the_platform_writes_is_a_picture_whatever_the_same_bytes_were_before(stack: Stack) -> None:
    Image.new("RGB", (8, 8), "teal").save(buffer := io.BytesIO(), "PNG")
    digest = put(stack, "x.txt", buffer.getvalue()).json()["sha256"]
    with engine_pool(stack.settings.engine_database_url, most=1) as pool:
        drawn = ArtifactRef(sha256=digest, media_type="image/png", size_bytes=buffer.tell())
        assert PostgresArtifacts(pool).touch(stack.tenants["first"], drawn)
    put(stack, "y.txt", buffer.getvalue())
    assert stack.sql("SELECT media_type FROM artifacts WHERE sha256 = %s", [digest]) == [("image/png",)]


async def _upload(stack: Stack, path: Path) -> str:
    async with AsyncClient(url=stack.url, api_key=stack.api_key) as client:
        return (await client.files.upload(path)).sha256


def test_the_asynchronous_client_sends_the_same(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(weights(2 << 20))
    digest = asyncio.run(_upload(stack, tmp_path / "weights.safetensors"))
    assert digest == hashlib.sha256((tmp_path / "weights.safetensors").read_bytes()).hexdigest()


def _peak_bytes(process: Process) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) << 10
