"""`impasto top`, as a terminal, a pipe and a script see it."""

from __future__ import annotations

from typing import Any

from impasto.testing.stacks import Stack
from tests.cli.run import impasto, read_json
from tests.client.scripted import Asked, Say, scripted

_QUEUES = [
    {"name": "generate", "queued": 1200, "running": 2, "oldest_queued_s": 4000.0, "workers": 0, "idle_workers": 0},
    {"name": "train", "queued": 0, "running": 0, "oldest_queued_s": None, "workers": 1, "idle_workers": 1},
]
_WORKER = {
    "name": "[red]gpu[/red]",
    "host": "attic",
    "device": "cuda:0",
    "queues": ["generate", "train"],
    "kinds": ["generate.stylise"],
    "slots": 4,
    "running": 2,
    "memory_bytes": 80_000_000_000,
    "memory_used_bytes": 12_000_000_000,
    "checkpoints": [f"ckp_{number}" for number in range(6)],
    "started_at": "2026-01-01T00:00:00Z",
    "seen_at": "2026-01-01T00:00:00Z",
    "seen_s": 300.0,
}


def _answer(asked: Asked, _: int) -> Say:
    items: list[dict[str, Any]] = _QUEUES if asked.path.startswith("/v1/queues") else [_WORKER]
    return Say({"items": items, "next_cursor": None})


def test_queues_and_workers_are_two_tables_of_what_an_operator_asks_first() -> None:
    with scripted(_answer) as server:
        lines = impasto("top", "--once", url=server.url).stdout.splitlines()
    assert lines[0].split() == ["QUEUE", "QUEUED", "RUNNING", "OLDEST", "WORKERS", "IDLE"]
    assert lines[1].split() == ["generate", "1,200", "2", "1", "h", "0", "0"]
    worker = next(line for line in lines if "attic" in line)
    for text in ("[red]gpu[/red]", "2 of 4", "12 GB of 80 GB", "generate, train", "ckp_3 and 2 more", "5 min ago"):
        assert text in worker


def test_what_is_wrong_is_red_and_what_is_well_is_not() -> None:
    from rich.console import Console

    from impasto.cli.top import draw
    from impasto.workers import QueueStatus, WorkerStatus

    def painted(queues: list[dict[str, Any]], worker: dict[str, Any]) -> str:
        console = Console(force_terminal=True, width=240, color_system="standard")
        with console.capture() as captured:
            console.print(draw([QueueStatus(**queue) for queue in queues], [WorkerStatus(**worker)]))
        return captured.get()

    red = "\x1b[31m"
    assert painted(_QUEUES, _WORKER).count(red) == 3, "late, nobody there, a silent worker"
    assert red not in painted(_QUEUES[1:], {**_WORKER, "seen_s": 1.0})


def test_json_is_one_document_of_both() -> None:
    with scripted(_answer) as server:
        said = read_json(impasto("top", "--json", url=server.url))
    assert [queue["name"] for queue in said["queues"]] == ["generate", "train"]
    assert said["workers"][0]["checkpoints"] == _WORKER["checkpoints"]


def test_without_a_terminal_it_is_shown_once() -> None:
    with scripted(_answer) as server:
        assert "generate" in impasto("top", url=server.url).stdout
        assert len(server.asked) == 2


def test_it_shows_a_whole_platform_to_its_operator_and_nothing_to_others(platform: Stack) -> None:
    said = read_json(impasto("top", "--once", "--json", url=platform.url, key=platform.api_key))
    assert {worker["name"] for worker in said["workers"]} == {"preprocess", "device"}
    assert {"generate", "train", "test"} <= {queue["name"] for queue in said["queues"]}
    refused = impasto("top", url=platform.url, key=platform.other_api_key)
    assert refused.exit_code == 1
    assert "'operate'" in refused.stderr
