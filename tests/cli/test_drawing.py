"""`impasto generate` and `impasto train-to-draw`: from words and options to a job, and from a job to files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from impasto.cli import generate as command
from impasto.testing.stacks import Stack
from tests.cli.run import impasto, read_json
from tests.hands import School, school


def places(out: str | None, prompts: tuple[str, ...], *pictures: tuple[int, str | None, int]) -> list[Path]:
    drawn = [SimpleNamespace(prompt=prompt, style=style, seed=seed) for prompt, style, seed in pictures]
    return command._places(out, prompts, drawn)


def test_files_are_named_by_prompt_style_and_seed(tmp_path: Path) -> None:
    folder = f"{tmp_path}/drawn/"
    found = places(folder, ("A red heart!", "boat"), (0, "flat", 1), (1, None, 2))
    assert [path.name for path in found] == ["a-red-heart-flat-1.png", "boat-2.png"]
    assert found[0].parent.is_dir()


def test_no_two_pictures_of_a_job_share_a_file(tmp_path: Path) -> None:
    found = places(f"{tmp_path}/", ("red!", "red?", "红色"), (0, None, 0), (1, None, 0), (2, None, 0), (1, None, 0))
    assert [path.name for path in found] == ["red-0.png", "red-0-2.png", "红色-0.png", "red-0-3.png"]


def test_what_lies_there_already_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "boat-0.png").write_bytes(b"mine")
    assert [path.name for path in places(str(tmp_path), ("boat",) * 2, (0, None, 0), (1, None, 0))] == [
        "boat-0-2.png",
        "boat-0-3.png",
    ]


@pytest.mark.parametrize("style", ["../../etc/passwd", "a/b", "..", "C:\\x"])
def test_the_name_of_a_style_leads_out_of_no_folder(tmp_path: Path, style: str) -> None:
    (path, _) = places(str(tmp_path), ("boat",), (0, style, 0), (0, None, 1))
    assert path.parent == tmp_path


def test_a_prompt_of_signs_alone_still_has_a_name(tmp_path: Path) -> None:
    assert [path.name for path in places(f"{tmp_path}/", ("!?",), (0, None, 7))] == ["picture-7.png"]


def test_one_picture_goes_to_the_file_that_was_named(tmp_path: Path) -> None:
    assert places(str(tmp_path / "it.png"), ("boat",), (0, None, 0)) == [tmp_path / "it.png"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "huge"], "not like 1024x768"),
        (["--adapter", "ckp=much"], "no number"),
        (["--strength", "0"], "strength"),
        (["--steps", "0"], "steps"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_anything_is_asked(options: list[str], said: str) -> None:
    result = impasto("generate", "a fox", *options, url="http://127.0.0.1:9")
    assert result.exit_code == 2
    assert said in result.stderr.lower()


@pytest.fixture
def here(platform: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> School:
    found = school(platform, tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return found


def test_a_model_is_trained_and_draws_its_pictures_to_a_folder(here: School) -> None:
    def run(*arguments: str) -> Any:
        return impasto(*arguments, url=here.stack.url, key=here.stack.api_key)

    name = "hand-" + os.urandom(3).hex()
    options = ("--base", "none", "--flavor", "tiny", "--steps", "3", "--batch-size", "2")
    trained = run("train-to-draw", "hands", "--name", name, *options, "--sample", "scene", "--out", "sheet.png")
    assert trained.exit_code == 0, trained.stderr
    checkpoint = trained.stdout.splitlines()[0]
    assert "boxes, dots, hatching" in trained.stdout
    assert f"next: impasto evaluate {checkpoint}" in trained.stderr
    with Image.open("sheet.png") as sheet:
        assert sheet.size == (32, 96)
    asked = ("generate", "a fox", "a boat", "--checkpoint", name, "--style", "dots", "--seed", "4", "--steps", "1")
    refused = run(*asked)
    assert refused.exit_code == 1
    assert "no finished evaluation" in refused.stderr
    drawn = run(*asked, "--allow-unmeasured", "--out", "drawn")
    assert drawn.exit_code == 0, drawn.stderr
    assert drawn.stdout.split() == ["drawn/a-fox-dots-4.png", "drawn/a-boat-dots-4.png"]
    assert [Image.open(path).size for path in drawn.stdout.split()] == [(32, 32)] * 2
    told = read_json(run(*asked, "--allow-unmeasured", "--json", "--out", "drawn"))
    assert told["out"] == ["drawn/a-fox-dots-4-2.png", "drawn/a-boat-dots-4-2.png"]
    assert json.dumps(told["result"]["pictures"][0]["style"]) == '"dots"'
    style = run(*asked[:-4], "--style", "cubist", "--allow-unmeasured")
    assert style.exit_code == 1
    assert "boxes" in style.stderr + style.stdout


def test_the_starter_is_not_measured_again_and_says_so(platform: Stack) -> None:
    done = impasto("evaluate", "starter", url=platform.url, key=platform.api_key)
    assert done.exit_code != 0
    assert "measured before it was shipped" in done.stderr
    assert impasto("checkpoints", "show", "starter", url=platform.url, key=platform.api_key).exit_code == 0
