"""The command line on a real platform, from upload to lineage."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from impasto_test_kinds import Stamp
from PIL import Image

from impasto import Client
from impasto.testing.stacks import Stack
from tests.cli.run import impasto, read_json

Run = Callable[..., Result]


@pytest.fixture
def run(platform: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return impasto(*arguments, url=platform.url, key=platform.api_key)

    return run


def _photo(path: Path) -> Path:
    # Chance: the platform is shared, and the same picture twice is one artwork.
    picture = Image.frombytes("RGB", (96, 64), os.urandom(96 * 64 * 3))
    picture.paste("#204080", (10, 10, 60, 50))
    picture.save(path)
    return path


def test_upload_tells_each_refusal_and_shows_the_artworks(run: Run, tmp_path: Path) -> None:
    collection = os.urandom(4).hex()
    _photo(tmp_path / "one.png")
    (tmp_path / "one.txt").write_text("a blue window")
    (tmp_path / "bad.png").write_bytes(b"no")
    result = run("upload", str(tmp_path), "--collection", collection, "--artist", "Nobody")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "1 artwork accepted, 1 refused"
    assert "refused  bad.png: " in result.stderr
    listed = run("artworks", "list", "--collection", collection)
    assert "a blue window" in listed.stdout
    (artwork,) = read_json(run("artworks", "list", "--collection", collection, "--json"))
    assert f"caption     {artwork['caption']}" in run("artworks", "show", artwork["id"]).stdout


def test_an_upload_of_which_nothing_is_taken_fails(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no")
    result = run("upload", str(tmp_path / "bad.png"), "--json")
    assert result.exit_code == 1
    assert read_json(result)["refused"] == 1


def test_stylise_uploads_the_photo_waits_and_writes_the_picture(run: Run, tmp_path: Path) -> None:
    photo = _photo(tmp_path / "photo.png")
    result = run("stylise", str(photo), "--style", "ember", "--max-side", "64", "--out", "made/print.png")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "made/print.png\n"
    with Image.open(tmp_path / "made" / "print.png") as made:
        assert max(made.size) == 64
    digest = result.stderr.split("sha256:")[1].strip()
    lineage = run("lineage", f"sha256:{digest}")
    assert "photo.png" in lineage.stdout
    got = run("artifact", "get", digest, "--out", "again.png")
    assert got.stdout == "again.png\n"
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "made" / "print.png").read_bytes()


def test_nothing_is_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    photo = _photo(tmp_path / "photo.png")
    names = [run("stylise", str(photo), "--style", "ember", "--max-side", "64").stdout.strip() for _ in range(2)]
    assert names == ["photo-stylised.png", "photo-stylised-2.png"]


def test_a_style_is_kept_listed_and_used(run: Run, tmp_path: Path) -> None:
    name = "kept-" + os.urandom(3).hex()
    kept = read_json(run("styles", "create", name, "--style", "ember=2", "--style", "sea-mist", "--json"))
    assert kept["name"] == name
    assert name in run("styles", "list", "--kept").stdout
    photo = _photo(tmp_path / "photo.png")
    made = read_json(run("stylise", str(photo), "--style", name, "--max-side", "64", "--json"))
    assert Path(made["out"]).exists()
    assert made["result"]["width"] == 64


def test_analyse_shows_the_palette_and_writes_the_sheet(run: Run, tmp_path: Path) -> None:
    result = run("analyse", str(_photo(tmp_path / "photo.png")), "--out", "sheet.png")
    assert result.exit_code == 0, result.stderr
    assert "Palette" in result.stdout
    assert "#" in result.stdout
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 200


def test_no_wait_prints_the_id_alone_and_the_job_can_be_watched(run: Run, tmp_path: Path) -> None:
    photo = _photo(tmp_path / "photo.png")
    result = run("upscale", str(photo), "--factor", "2", "--no-wait")
    job_id = result.stdout.strip()
    assert job_id.startswith("job_")
    assert f"impasto jobs watch {job_id}" in result.stderr
    assert run("jobs", "watch", job_id).exit_code == 0
    assert "succeeded" in run("jobs", "show", job_id).stdout
    assert job_id in run("jobs", "list", "--kind", "generate.upscale").stdout
    again = run("jobs", "cancel", job_id)
    assert again.exit_code == 1
    assert "already ended" in again.stderr


def test_a_dataset_is_prepared_and_shown(run: Run, tmp_path: Path) -> None:
    name = "set-" + os.urandom(3).hex()
    for number in range(6):
        _photo(tmp_path / f"{number}.png")
    assert run("upload", str(tmp_path), "--collection", name, "--artist", "Nobody").exit_code == 0
    result = run("dataset", "prepare", name, "--collection", name, "--size", "32", "--no-tags")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{name} v1  dsv_")
    assert f"next: impasto train {name}" in result.stderr
    assert name in run("dataset", "list", "--limit", "200").stdout
    shown = read_json(run("dataset", "show", name, "--json"))
    assert shown["versions"][0]["samples"] == 6


def test_a_key_is_shown_once_and_stops_when_it_is_revoked(run: Run, platform: Stack) -> None:
    made = read_json(run("keys", "create", "for a test", "--scope", "read", "--days", "2", "--json"))
    with Client(platform.url, made["key"]) as reader:
        assert next(iter(reader.jobs.list(limit=1)), None) is not None
    listed = run("keys", "list")
    assert made["record"]["id"] in listed.stdout
    assert made["key"] not in listed.stdout
    assert run("keys", "revoke", made["record"]["id"]).exit_code == 0
    keys = {key["id"]: key for key in json.loads(run("keys", "list", "--json").stdout)}
    assert keys[made["record"]["id"]]["revoked_at"]


def test_jobs_of_a_file_are_submitted_together(run: Run, platform: Stack, tmp_path: Path) -> None:
    lines = [{"kind": "test.stamp", "params": {"text": text}, "priority": 1} for text in ("one", "two")]
    (tmp_path / "jobs.jsonl").write_text("\n\n".join(json.dumps(line) for line in lines))
    result = run("jobs", "submit", "jobs.jsonl", "--idempotency-key", os.urandom(8).hex())
    assert result.exit_code == 0, result.stderr
    ids = result.stdout.split()
    assert [read_json(run("jobs", "show", job, "--json"))["params"]["text"] for job in ids] == ["one", "two"]
    (tmp_path / "wrong.jsonl").write_text(json.dumps({**lines[0], "priority": 99}))
    refused = run("jobs", "submit", "wrong.jsonl")
    assert (refused.exit_code, "jobs.0.priority" in refused.stderr) == (1, True)
    (tmp_path / "broken.jsonl").write_text("{}\n{")
    assert "line 2 is not JSON" in run("jobs", "submit", "broken.jsonl").stderr


def test_a_job_that_failed_is_retried_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "jobs.jsonl").write_text('{"kind": "test.stamp", "params": {"text": "x", "then": "refuse"}}')
    job = run("jobs", "submit", "jobs.jsonl").stdout.strip()
    assert run("jobs", "watch", job).exit_code == 1
    assert job in run("jobs", "list", "--code", "training_diverged").stdout
    again = run("jobs", "retry", job).stdout.strip()
    assert f"retry of   {job}" in run("jobs", "show", again).stdout
    assert run("jobs", "retry", job).stdout.strip() == again
    assert run("jobs", "retry").exit_code == run("jobs", "retry", job, "--code", "x").exit_code == 2
    nothing = run("jobs", "retry", "--code", "runner_killed", "--kind", "generate.upscale")
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_a_log_and_the_events_of_all_jobs_are_read(run: Run, platform: Stack) -> None:
    client = Client(platform.url, platform.api_key)
    job = client.submit(Stamp(text="x", then="refuse"))
    followed = run("jobs", "logs", job.id, "--follow")
    assert [line.split("  ", 1)[1] for line in followed.stdout.splitlines()] == [
        "stamping", "ERROR  failed: training_diverged",
    ]  # fmt: skip
    assert [line["number"] for line in read_json(run("jobs", "logs", job.id, "--after", "1", "--json"))] == [2]
    shown = run("jobs", "show", job.id).stdout
    assert "last log lines" in shown
    assert "failed: training_diverged" in shown
    events = run("jobs", "events", "--no-follow", "--type", "job.failed", "--kind", "test.stamp")
    assert f"{job.id}  test.stamp  job.failed  code=training_diverged" in events.stdout
    told = [json.loads(line) for line in run("jobs", "events", "--no-follow", "--json").stdout.splitlines()]
    assert [event["number"] for event in told if event["job_id"] == job.id] == [1, 2, 3]
