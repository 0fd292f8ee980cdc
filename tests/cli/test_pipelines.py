"""`impasto pipelines` on a whole platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from impasto.testing.stacks import Stack
from tests.cli.run import impasto, read_json
from tests.piping.asking import stamp

STEPS = {
    "first": stamp("a"),
    "second": stamp("b", source="$steps.first.artifact", **{"if": "first.artifact.size_bytes > 0"}),
    "never": stamp("c", **{"if": "second.artifact.size_bytes > 100"}),
}


class Run:
    def __init__(self, platform: Stack, folder: Path) -> None:
        self._platform, self._folder = platform, folder

    def __call__(self, *arguments: str) -> Result:
        return impasto("pipelines", *arguments, url=self._platform.url, key=self._platform.api_key)

    def file(self, content: Any) -> str:
        path = self._folder / "pipeline.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


@pytest.fixture
def run(platform: Stack, tmp_path: Path) -> Run:
    return Run(platform, tmp_path)


def test_a_dry_run_shows_what_would_run_in_its_order(run: Run) -> None:
    shown = run("submit", run.file({"name": "stamps", "steps": STEPS}), "--dry-run")
    assert shown.exit_code == 0, shown.stderr
    lines = [line.strip("├─└│ ") for line in shown.stdout.splitlines()]
    assert lines[0] == "stamps  would run"
    # What history says of them depends on what ran here before.
    lines = [line for line in lines if not line.startswith("would ")]
    assert lines[1:4] == ["first   test.stamp  queue test", "second  test.stamp  queue test",
                          "source from first.artifact"]  # fmt: skip
    assert "if second.artifact.size_bytes > 100" in lines
    assert "checked: " in shown.stderr


def test_a_pipeline_is_submitted_followed_and_shown_as_a_tree(run: Run) -> None:
    done = run("submit", run.file({"name": "stamps", "steps": STEPS}), "--wait")
    assert done.exit_code == 0, done.stderr
    pipeline_id = done.stderr.splitlines()[0]
    assert "second started" in done.stderr.splitlines()
    assert "never skipped (condition_false)" in done.stderr.splitlines()
    assert done.stdout.splitlines()[0].startswith("stamps  succeeded")
    shown = run("show", pipeline_id).stdout
    assert "● second  succeeded  test.stamp" in shown
    assert "condition_false: second.artifact.size_bytes > 100 does not hold: second.artifact.size_bytes is 1" in shown
    assert pipeline_id in run("list", "--state", "succeeded").stdout
    as_json = read_json(run("show", pipeline_id, "--json"))
    assert (as_json["state"], as_json["steps"][1]["if"]) == ("succeeded", "first.artifact.size_bytes > 0")
    assert run("watch", pipeline_id).exit_code == 0
    late = run("cancel", pipeline_id)
    assert (late.exit_code, "has already ended" in late.stderr) == (1, True)


def test_a_failed_pipeline_ends_with_1_and_is_resumed(run: Run) -> None:
    steps = {"a": stamp("a", then="refuse"), "b": stamp("b", after=["a"])}
    failed = run("submit", run.file({"name": "wrong", "steps": steps}), "--wait")
    assert failed.exit_code == 1
    assert "error: a: the loss became infinite" in failed.stderr
    assert "✗ a  failed" in failed.stdout
    assert "needs_failed: it needs a, which has failed" in failed.stdout
    again = run("resume", failed.stderr.splitlines()[0], "--wait")
    assert again.exit_code == 1


def test_faults_of_a_file_are_told_at_their_places(run: Run) -> None:
    steps = {"a": stamp("a", after=["x"]), "b": {"kind": "no.such", "params": {}}}
    refused = run("submit", run.file({"name": "wrong", "steps": steps}))
    assert refused.exit_code == 1
    assert "steps.a.after.0: no step of that name" in refused.stderr
    assert "steps.b.kind: no job kind of that name" in refused.stderr
    for content in ("{", "[]", '{"name": "n", "steps": {"a": 1}}', '{"name": "n", "steps": {}, "x": 1}'):
        assert run("submit", run.file(content)).exit_code == 2
