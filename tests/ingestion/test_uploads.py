"""Uploads over HTTP to a real process, PostgreSQL and S3."""

from __future__ import annotations

import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from impasto.artworks import UploadResult
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.bootstrap import bootstrap
from impasto.testing.databases import cloned_database
from impasto.testing.processes import eventually, free_port
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack
from tests.ingestion.conftest import Ingestion, make_settings
from tests.ingestion.pictures import animated, archive, encoded, pixel_bomb, scene

_SEEDS = iter(range(1, 10_000))


def unique(size: int = 24, kind: str = "PNG", **settings: Any) -> bytes:
    """A picture that no other test has sent."""
    noise = np.random.default_rng(next(_SEEDS)).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), kind, **settings)


def result(answer: httpx.Response) -> UploadResult:
    assert answer.status_code == 200, answer.text
    return UploadResult.model_validate(answer.json())


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    assert found["request_id"] == answer.headers["x-request-id"]
    return found


def test_each_file_gets_its_verdict_in_the_order_sent_and_a_bad_one_hurts_no_other(ingestion: Ingestion) -> None:
    first, last = unique(), unique()
    sent = [("a.png", first), ("bomb.png", pixel_bomb()), ("empty.png", b""), ("move.webp", animated("WEBP"))]
    told = result(ingestion.post([*sent, ("svg.png", b"<svg/>"), ("z.png", last), ("again.png", first)]))
    codes = [file.error["code"] if file.error else file.verdict for file in told.files]
    assert codes[1:6] == [
        "image_too_many_pixels",
        "image_empty",
        "image_animated_unsupported",
        "image_unrecognised",
        "accepted",
    ]
    # The same bytes twice in one request: one is accepted, whichever came first to the decoder.
    assert sorted([codes[0], codes[6]]) == ["accepted", "duplicate"]
    assert (told.accepted, told.duplicate, told.refused) == (2, 1, 4)
    assert [file.file_name for file in told.files][:2] == ["a.png", "bomb.png"]
    assert told.files[1].error
    assert (told.files[1].error["limit"], told.files[1].error["actual"]) == (64_000_000, 169_000_000)
    assert ingestion.left_on_disk() == []


def test_what_is_stored_is_the_harmless_picture_under_its_own_digest(ingestion: Ingestion) -> None:
    sent = unique(64, "JPEG") + archive()
    (file,) = result(ingestion.post([("p.jpg", sent)], {"caption": "noise"})).files
    assert file.artwork
    tenant = ingestion.stack.tenants["first"]
    stored = b"".join(S3Objects(ingestion.stack.settings).stream(tenant, file.artwork.sha256))
    assert hashlib.sha256(stored).hexdigest() == file.artwork.sha256
    assert (len(stored), b"PK\3\4" in stored) == (file.artwork.size_bytes, False)
    row = ingestion.stack.sql(
        """SELECT a.upload_sha256, f.published_at IS NOT NULL, f.stored_at IS NOT NULL, a.caption FROM artworks a
           JOIN artifacts f USING (tenant_id, sha256) WHERE a.id = %s""",
        [file.artwork.id],
    )
    assert row == [(hashlib.sha256(sent).hexdigest(), True, True, "noise")]


def test_a_turned_photograph_is_stored_upright(ingestion: Ingestion) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (file,) = result(ingestion.post([("t.jpg", encoded(scene(91, 53), "JPEG", exif=exif))])).files
    assert file.artwork
    assert (file.artwork.width, file.artwork.height, file.artwork.warnings) == (53, 91, ["rotated by EXIF"])


def test_sending_a_request_again_gives_duplicates_of_the_same_artworks(ingestion: Ingestion) -> None:
    files = [(f"{n}.png", unique()) for n in range(5)]
    first, again = result(ingestion.post(files, {"artist": "A"})), result(ingestion.post(files, {"artist": "B"}))
    assert (first.accepted, again.duplicate) == (5, 5)
    assert [f.artwork for f in first.files] == [f.artwork for f in again.files]


def test_of_equal_uploads_at_once_exactly_one_is_accepted(ingestion: Ingestion) -> None:
    files = [(f"{n}.png", unique()) for n in range(3)]
    with ThreadPoolExecutor(8) as crowd:
        told = [result(answer) for answer in crowd.map(lambda _: ingestion.post(files), range(8))]
    for place in range(3):
        verdicts = [one.files[place].verdict for one in told]
        assert sorted(verdicts) == ["accepted"] + ["duplicate"] * 7
        assert len({one.files[place].artwork.id for one in told if one.files[place].artwork}) == 1


def test_another_tenant_sees_no_duplicate(ingestion: Ingestion) -> None:
    files = [("a.png", unique())]
    one, other = result(ingestion.post(files)), result(ingestion.post(files, tenant="second"))
    assert (one.accepted, other.accepted) == (1, 1)


def test_metadata_lines_override_fields(ingestion: Ingestion) -> None:
    lines = [{"file_name": "b.png", "caption": "a bee", "title": "Bee"}]
    data = {"caption": "all", "collection": "c", "metadata": "\n".join(map(json.dumps, lines))}
    told = result(ingestion.post([("a_cat.png", unique()), ("b.png", unique())], data))
    works = [file.artwork for file in told.files if file.artwork]
    assert [(w.caption, w.subject, w.collection) for w in works] == [("all", "a cat", "c"), ("a bee", "Bee", "c")]


def test_a_metadata_line_for_no_file_refuses_all_before_anything_is_stored(ingestion: Ingestion) -> None:
    sent = unique()
    answer = ingestion.post([("a.png", sent)], {"metadata": '{"file_name": "b.png"}'})
    problem(answer, 422, "metadata_invalid")
    assert result(ingestion.post([("a.png", sent)])).accepted == 1


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415, "content_type_unsupported"),
        ({"Content-Type": "multipart/form-data"}, b"--x--\r\n", 415, "content_type_unsupported"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n", 422, "field_missing"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nContent-", 422, "value_invalid"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"", 422, "value_invalid"),
        ({"Authorization": "Bearer nonsense"}, b"", 401, "unauthenticated"),
    ],
)
def test_a_bad_request_is_a_problem_document(
    headers: dict[str, str], content: bytes, status: int, code: str, ingestion: Ingestion
) -> None:
    problem(ingestion.post(headers=headers, content=content), status, code)
    assert ingestion.left_on_disk() == []


def test_a_key_without_the_scope_may_not_upload(ingestion: Ingestion) -> None:
    key = bootstrap(ingestion.stack.settings.engine_database_url, "reader")[1]
    ingestion.stack.sql("UPDATE api_keys SET scopes = '{read}' WHERE id = %s", [key[13:21]])
    answer = ingestion.post([("a.png", unique())], headers={"Authorization": f"Bearer {key}"})
    problem(answer, 403, "scope_missing")


def test_more_than_a_hundred_files_are_refused_with_the_limit(ingestion: Ingestion) -> None:
    answer = ingestion.post([(f"{n}.png", b"x") for n in range(101)])
    assert problem(answer, 400, "form_limits")["limit"] == 100


def test_a_declared_body_over_the_limit_is_refused_unread(ingestion: Ingestion) -> None:
    address = urlsplit(ingestion.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as wire:
        wire.sendall(
            f"POST /v1/artworks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ingestion.stack.key('first')}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {300 << 20}\r\n\r\n".encode()
        )
        assert b" 413 " in wire.recv(4096)


def test_an_endless_body_is_refused_at_the_limit_and_memory_stays_bounded(ingestion: Ingestion) -> None:
    process = psutil.Process(ingestion.process.pid)
    before = process.memory_info().rss
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'

    def body() -> Any:
        yield head
        for _ in range(257):
            yield bytes(1 << 20)

    answer = ingestion.post(headers={"Content-Type": "multipart/form-data; boundary=x"}, content=body())
    problem(answer, 413, "body_too_large")
    assert process.memory_info().rss < before + (48 << 20)
    assert ingestion.left_on_disk() == []


def test_a_file_over_the_limit_is_refused_beside_one_that_is_not(ingestion: Ingestion) -> None:
    told = result(ingestion.post([("large.png", bytes((64 << 20) + 1)), ("small.png", unique())]))
    assert told.files[0].error
    assert told.files[0].error["code"] == "body_too_large"
    assert (told.files[0].error["limit"], told.files[0].error["actual"]) == (64 << 20, (64 << 20) + 1)
    assert told.files[1].verdict == "accepted"


def test_a_sender_that_goes_away_leaves_nothing_on_disk(ingestion: Ingestion) -> None:
    address = urlsplit(ingestion.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as wire:
        wire.sendall(
            f"POST /v1/artworks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ingestion.stack.key('first')}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {9 << 20}\r\n\r\n--x\r\n"
            'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n'.encode()
            + bytes(5 << 20)
        )
        eventually(lambda: ingestion.left_on_disk() or None, "the upload is being received")
    eventually(lambda: not ingestion.left_on_disk() or None, "the disk is clean")
    assert result(ingestion.post([("a.png", unique())])).accepted == 1


def test_a_killed_decoder_costs_its_file_only(ingestion: Ingestion) -> None:
    slow = encoded(scene(7000, 7000), compress_level=1)
    with ThreadPoolExecutor(1) as other:
        sending = other.submit(ingestion.post, [("slow.png", slow), ("b.png", unique())])
        child = eventually(
            lambda: next(
                (c for c in psutil.Process(ingestion.process.pid).children() if c.memory_info().rss > 120 << 20), None
            ),
            "a decoder works on the large picture",
        )
        child.kill()
        told = result(sending.result())
    assert told.files[0].error
    assert told.files[0].error["code"] == "image_decode_failed"
    assert told.files[1].verdict == "accepted"


def test_without_the_store_uploads_are_503_but_it_stays_ready_and_the_same_request_later_goes_in(
    servers: Servers, tmp_path: Any
) -> None:
    good = unique()
    with cloned_database(servers.admin_url) as urls:
        settings = make_settings(servers, urls, tmp_path)
        down = make_settings(servers, urls, tmp_path, s3_endpoint=f"http://127.0.0.1:{free_port()}")
        for number, (each, expected) in enumerate(((down, 503), (settings, 200))):
            stack = Stack(each, tmp_path / str(number))
            stack.folder.mkdir()
            try:
                ingestion = Ingestion(stack, stack.start_ingestion())
                answer = ingestion.post([("a.png", good), ("bad.png", b"x")])
                assert answer.status_code == expected, answer.text
                ready = httpx.get(f"{ingestion.url}/readyz", trust_env=False, timeout=30).json()
                assert ready["status"] == ("degraded" if expected == 503 else "ok")
                if expected == 503:
                    problem(answer, 503, "storage_unavailable")
                    assert answer.headers["retry-after"] == "5"
                    assert stack.sql("SELECT count(*) FROM artworks") == [(0,)]
                else:
                    assert [file.verdict for file in result(answer).files] == ["accepted", "refused"]
            finally:
                stack.stop()


def test_a_process_that_was_killed_is_cleaned_after_by_the_next(servers: Servers, tmp_path: Any) -> None:
    left = tmp_path / "data" / "ingestion" / "process-dead" / "request-1"
    left.mkdir(parents=True)
    (left / "0.sent").write_bytes(b"x")
    with cloned_database(servers.admin_url) as urls:
        stack = Stack(make_settings(servers, urls, tmp_path), tmp_path)
        try:
            stack.start_ingestion()
            assert not left.parent.exists()
        finally:
            stack.stop()
    assert list((tmp_path / "data" / "ingestion").iterdir()) == []


def test_metrics_count_verdicts(ingestion: Ingestion) -> None:
    ingestion.post([("a.png", b"x")])
    text = httpx.get(f"{ingestion.url}/metrics", trust_env=False).text
    assert 'impasto_ingestion_files_total{code="image_unrecognised",verdict="refused"}' in text
    for path in ("/livez", "/healthz"):
        assert httpx.get(ingestion.url + path, trust_env=False).json() == {"status": "ok"}
