"""The blocking and the asynchronous client do the same over real sockets; each test runs both."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from impasto import AsyncClient, Client
from impasto.client import (
    asynchronous,
    asynchronous_pipelines,
    asynchronous_resources,
    threaded,
    threaded_pipelines,
    threaded_resources,
)
from impasto.errors import AccessDenied, JobFailed, Unavailable
from impasto.jobs import JobEvent
from impasto.kinds.generate_upscale import Upscale
from tests.client.scripted import Asked, Say, scripted
from tests.client.steps import JOB_ID, event, job, progress


class _Both:
    """Calls a method of either client and waits for what it gives; an iterator becomes a list."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous

    def __call__(self, url: str, call: Callable[[Any], Any], retries: int = 4) -> Any:
        if self.asynchronous:
            return asyncio.run(self._awaited(url, call, retries))
        with Client(url, "key", retries=retries) as client:
            given = call(client)
            return list(given) if isinstance(given, Iterator) else given

    async def _awaited(self, url: str, call: Callable[[Any], Any], retries: int) -> Any:
        async with AsyncClient(url, "key", retries=retries) as client:
            given = call(client)
            if inspect.isasyncgen(given):
                return [item async for item in given]
            return await given


@pytest.fixture(params=[False, True], ids=["threaded", "asynchronous"])
def ask(request: pytest.FixtureRequest) -> _Both:
    return _Both(request.param)


def test_a_request_carries_key_and_version(ask: _Both) -> None:
    with scripted(lambda *_: Say({"name": "impasto", "version": "9"})) as server:
        assert ask(server.url, lambda client: client.about()).version == "9"
    assert server.asked[0].headers["authorization"] == "Bearer key"
    assert server.asked[0].headers["user-agent"].startswith("impasto-python/")


def test_a_passing_503_is_invisible(ask: _Both) -> None:
    with scripted(lambda _, number: Say(job()) if number else Say({}, 503)) as server:
        assert ask(server.url, lambda client: client.jobs.get(JOB_ID)).id == JOB_ID
    assert len(server.asked) == 2


def test_a_callbacks_secret_is_kept_with_the_job_and_not_in_its_record(ask: _Both) -> None:
    params = Upscale(picture="sha256:" + "0" * 64)

    def said(_: Asked, number: int) -> Say:
        return Say(job("queued", callback_secret="whsec_c2VjcmV0") if number == 0 else job("running"), 202)

    with scripted(said) as server:
        handle = ask(server.url, lambda client: client.submit(params, callback={"url": "https://8.8.8.8/"}))
        assert handle.callback_secret == "whsec_c2VjcmV0"
        assert "whsec" not in repr(handle) + repr(handle.record) + handle.record.model_dump_json()
        later = ask(server.url, lambda client: client.submit(params))
        assert later.callback_secret is None


def test_every_try_of_a_submit_has_the_same_idempotency_key(ask: _Both) -> None:
    params = Upscale(picture="sha256:" + "0" * 64)
    with scripted(lambda _, number: Say(job("queued"), 202) if number else Say(b"x", cut=True)) as server:
        handle = ask(server.url, lambda client: client.submit(params, priority=2))
    assert handle.id == JOB_ID
    first, second = (asked.headers["idempotency-key"] for asked in server.asked)
    assert first == second


def test_a_stream_that_is_cut_is_taken_up_again(ask: _Both) -> None:
    def answer(asked: Asked, number: int) -> Say:
        if not asked.path.endswith("/events"):
            return Say(job("running"))
        if number == 0:
            return Say(event(1, "job.started") + progress(0.5) + b"id: 2\neve", cut=True)
        return Say(event(2, "job.succeeded"))

    with scripted(answer) as server:
        told = ask(server.url, lambda client: client.jobs.events(JOB_ID))
    assert [one.number if isinstance(one, JobEvent) else one.fraction for one in told] == [1, 0.5, 2]
    assert server.asked[-1].headers["last-event-id"] == "1"


def test_waiting_raises_what_the_job_failed_of(ask: _Both) -> None:
    error = {"code": "out_of_memory", "message": "too large"}

    def answer(asked: Asked, _: int) -> Say:
        return Say(event(1, "job.failed")) if asked.path.endswith("/events") else Say(job("failed", error=error))

    wait = _wait_async if ask.asynchronous else lambda client: client.jobs.handle(JOB_ID).wait()
    with scripted(answer) as server, pytest.raises(JobFailed, match="too large"):
        ask(server.url, wait)


async def _wait_async(client: AsyncClient) -> Any:
    return await (await client.jobs.handle(JOB_ID)).wait()


def test_a_list_is_read_over_its_pages(ask: _Both) -> None:
    def answer(asked: Asked, _: int) -> Say:
        return Say({"items": [job()] * 2, "next_cursor": None if "cursor=c" in asked.path else "c"})

    with scripted(answer) as server:
        assert len(ask(server.url, lambda client: client.jobs.list(kind="a&b"))) == 4
    assert "kind=a%26b" in server.asked[0].path


def test_a_download_is_streamed_and_checked(ask: _Both, tmp_path: Path) -> None:
    data = b"0123456789" * 100_000
    with scripted(lambda _, number: Say(data) if number else Say(data[:1000], cut=True)) as server:
        digest = hashlib.sha256(data).hexdigest()
        path = ask(server.url, lambda client: client.artifacts.download(digest, tmp_path / "x"))
    assert path.read_bytes() == data


def test_nothing_there_is_told_after_the_retries(ask: _Both) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unavailable) as raised:
            ask(url, lambda client: client.about(), retries=1)
    assert raised.value.code == "platform_unreachable"


def test_a_refusal_is_not_tried_again(ask: _Both) -> None:
    problem = {"code": "unauthenticated", "detail": "no valid API key"}
    with scripted(lambda *_: Say(problem, 401)) as server, pytest.raises(AccessDenied):
        ask(server.url, lambda client: client.keys.revoke("abc"))
    assert len(server.asked) == 1


def _verdicts(asked: Asked) -> Say:
    names = [part.split(b'"')[0].decode() for part in asked.body.split(b'filename="')[1:]]
    files = [{"file_name": name, "verdict": "accepted"} for name in names if name != "metadata.jsonl"]
    return Say({"files": files, "accepted": len(files), "duplicate": 0, "refused": 0})


def test_an_upload_goes_straight_to_ingestion_in_batches_and_keeps_order(ask: _Both, tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"{number:03}.png").write_bytes(b"x")
    told: list[Any] = []
    with scripted(lambda asked, _: _verdicts(asked)) as ingestion:
        about = {"name": "impasto", "version": "1", "ingestion_url": ingestion.url}
        with scripted(lambda *_: Say(about)) as gateway:
            result = ask(
                gateway.url,
                lambda client: client.upload(tmp_path, metadata={"artist": "Ä"}, on_progress=told.append),
            )
    assert [verdict.file_name for verdict in result.files] == [f"{number:03}.png" for number in range(120)]
    assert (result.accepted, len(ingestion.asked), len(gateway.asked)) == (120, 3, 1)
    assert all("Ä".encode() in asked.body for asked in ingestion.asked)
    assert (told[-1].files_done, told[-1].files, told[-1].sent_bytes) == (120, 120, 120)


def test_verdicts_are_in_the_order_of_the_folder_under_their_own_paths(ask: _Both, tmp_path: Path) -> None:
    for name in ("ink/sun.png", "oil/moon.png", "oil/sun.png", "wax/star.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    def answer(asked: Asked, _: int) -> Say:
        return _verdicts(asked) if asked.method == "POST" else Say({"name": "impasto", "version": "1"})

    with scripted(answer) as server:
        result = ask(server.url, lambda client: client.upload(tmp_path))
    assert [v.file_name for v in result.files] == ["ink/sun.png", "oil/moon.png", "oil/sun.png", "wax/star.png"]


def test_an_upload_goes_through_the_gateway_where_ingestion_cannot_be_reached(ask: _Both, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    about = {"name": "impasto", "version": "1", "ingestion_url": "http://127.0.0.1:1"}
    with scripted(lambda asked, _: _verdicts(asked) if asked.method == "POST" else Say(about)) as gateway:
        assert ask(gateway.url, lambda client: client.upload(tmp_path / "a.png")).accepted == 1


def test_a_batch_too_large_for_the_platform_is_halved_until_one_file_is_refused(ask: _Both, tmp_path: Path) -> None:
    for name, size in {"a": 10, "b": 5000, "c": 10}.items():
        (tmp_path / f"{name}.png").write_bytes(b"x" * size)

    def answer(asked: Asked, _: int) -> Say:
        if asked.method == "GET":
            return Say({"name": "impasto", "version": "1"})
        too_large = {"code": "body_too_large", "detail": "at most 2,000 bytes"}
        return Say(too_large, 413) if len(asked.body) > 2000 else _verdicts(asked)

    with scripted(answer) as server:
        result = ask(server.url, lambda client: client.upload(tmp_path))
    assert [(verdict.file_name, verdict.verdict) for verdict in result.files] == [
        ("a.png", "accepted"),
        ("b.png", "refused"),
        ("c.png", "accepted"),
    ]
    assert result.refused == 1


def test_an_upload_that_is_refused_as_a_whole_raises(ask: _Both, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with (
        scripted(lambda *_: Say({"code": "scope_missing", "detail": "no"}, 403)) as server,
        pytest.raises(AccessDenied),
    ):
        ask(server.url, lambda client: client.upload(tmp_path))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (threaded, asynchronous),
        (threaded_resources, asynchronous_resources),
        (threaded_pipelines, asynchronous_pipelines),
    ],
    ids=["client", "parts", "pipelines"],
)
def test_both_clients_have_the_same_methods_and_parameters(one: Any, other: Any) -> None:
    def surface(module: Any) -> dict[str, list[str]]:
        return {
            f"{name.removeprefix('Async')}.{method}": list(inspect.signature(function).parameters)
            for name, cls in vars(module).items()
            if inspect.isclass(cls) and cls.__module__ == module.__name__
            for method, function in vars(cls).items()
            if inspect.isfunction(function) and not method.startswith("_")
        }

    assert surface(one) == surface(other)
    assert surface(one)
