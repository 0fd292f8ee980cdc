"""`impasto usage`, `impasto tenants` and `impasto schedules`, as a person and a script see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from impasto.cli.usage import bar, size_bytes
from impasto.testing.stacks import Stack
from tests.cli.run import impasto, read_json
from tests.client.scripted import Asked, Say, scripted

_USAGE: dict[str, Any] = {
    "id": "tnt_1",
    "name": "[red]gallery[/red]",
    "used": {"queued": 800, "running": 3, "device_seconds_today": 7200.0, "storage_bytes": 60_000_000_000},
    "limits": {"queued": 1000, "device_seconds_a_day": 36_000.0, "storage_bytes": 50_000_000_000,
               "requests_per_s": 200.0, "requests_burst": 2000},
    "resets_at": "2026-01-02T00:00:00Z",
}  # fmt: skip


def test_usage_is_a_bar_for_each_limit_and_a_figure_where_there_is_none() -> None:
    with scripted(lambda *_: Say(_USAGE)) as server:
        result = impasto("usage", url=server.url)
    lines = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert lines["queued jobs"].split()[2:] == ["█" * 16 + "░" * 4, "800", "of", "1,000"]
    assert lines["running jobs"].split()[2:] == ["3"]
    assert lines["device time today"].endswith("2 h of 10 h")
    assert "█" * 20 in lines["storage"]
    assert lines["storage"].endswith("60 GB of 50 GB")
    assert "200 requests a second of each key, 2,000 at once" in result.stderr


@pytest.mark.parametrize(("used", "colour"), [(10, "green"), (80, "yellow"), (100, "red"), (250, "red")])
def test_a_bar_says_by_its_colour_how_near_the_limit_is(used: int, colour: str) -> None:
    assert str(bar(used, 100).spans[0].style) == colour  # type: ignore[union-attr]
    assert len(str(bar(used, 100))) == 20


@pytest.mark.parametrize(
    ("text", "size"),
    [("50GB", 50 * 10**9), ("1.5 tb", 1_500 * 10**9), ("1000", 1000), ("3k", 3000), ("7 B", 7), ("0", 0)],
)
def test_sizes_are_read_as_they_are_written(text: str, size: int) -> None:
    assert size_bytes(text) == size


def test_only_the_limits_that_are_given_are_sent_and_none_takes_one_away() -> None:
    sent: list[Any] = []

    def answer(asked: Asked, _: int) -> Say:
        sent.append((asked.method, asked.path, json.loads(asked.body or b"null")))
        return Say(_USAGE)

    with scripted(answer) as server:
        given = ("--queued", "5", "--storage", "2gb", "--running", "none")
        assert read_json(impasto("tenants", "limits", "gallery", *given, "--json", url=server.url)) == _USAGE | {
            "limits": _USAGE["limits"] | {"running": None}
        }
        impasto("tenants", "limits", "gallery", url=server.url)
    assert sent == [
        ("PATCH", "/v1/tenants/gallery/limits", {"queued": 5, "storage_bytes": 2 * 10**9, "running": None}),
        ("GET", "/v1/tenants/gallery", None),
    ]


@pytest.mark.parametrize("value", ["many", "50XB", "nan", "inf", "1e999", ""])
def test_a_limit_that_is_no_number_is_refused_before_anything_is_sent(value: str) -> None:
    result = impasto("tenants", "limits", "gallery", "--storage", value, url="http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "neither" in result.stderr


def test_schedules_are_made_shown_paused_and_removed(platform: Stack, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        result = impasto("schedules", *arguments, url=platform.url, key=platform.api_key)
        assert result.exit_code == 0, result.stderr
        return result

    job = tmp_path / "job.json"
    job.write_text(json.dumps({"kind": "test.stamp", "params": {"text": "x"}, "priority": 2}), "utf-8")
    made = run("add", "by hand", str(job), "--cron", "30 6 * * 1-5", "--timezone", "Europe/Berlin")
    schedule = made.stdout.strip()
    assert "next: " in made.stderr
    assert "30 6 * * 1-5 (Europe/Berlin)" in run("list").stdout
    shown = run("show", schedule)
    assert "by hand" in shown.stdout
    assert "it has not been due yet" in shown.stderr
    assert read_json(run("pause", schedule, "--json"))["state"] == "paused"
    assert read_json(run("resume", schedule, "--json"))["state"] == "active"
    once = run("add", "once", str(job), "--at", "2030-12-24 18:00", "--timezone", "Europe/Berlin", "--json")
    assert read_json(once)["next_at"] == "2030-12-24T17:00:00Z"
    for each in (schedule, read_json(once)["id"]):
        assert "is removed" in run("remove", each).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either --cron or --at"),
        (("--cron", "@daily", "--at", "2030-01-01"), "give either --cron or --at"),
        (("--at", "tomorrow"), "is no time"),
    ],
)
def test_a_schedule_without_a_time_is_refused_before_anything_is_sent(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    job = tmp_path / "job.json"
    job.write_text("{}", "utf-8")
    result = impasto("schedules", "add", "x", str(job), *arguments, url="http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.stderr
