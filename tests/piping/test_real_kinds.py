"""A pipeline of the platform's own kinds: prepare, train, evaluate, and use what was made if it is good enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import JobFailed
from impasto.testing.stacks import Stack
from tests.asking import ask, look
from tests.hands import prepared, school
from tests.piping.asking import seen


def test_works_become_a_measured_checkpoint_that_is_used_if_it_is_good_enough(platform: Stack, tmp_path: Path) -> None:
    here = school(platform, tmp_path)
    work = next(iter(here.works.values()))
    dataset_version, checkpoint = "$steps.prepare.dataset_version", "$steps.train.checkpoint"
    analyse = {"kind": "analyse.artwork", "params": {"picture": work, "checkpoint": checkpoint, "neighbours": 0}}
    steps = {
        "prepare": {"kind": "dataset.prepare", "params": prepared("in-a-pipeline").model_dump(mode="json")},
        "train": {
            "kind": "train.style_classifier",
            "params": {"dataset_version": dataset_version, "flavor": "tiny", "epochs": 5, "name": "piped"},
        },
        "evaluate": {
            "kind": "evaluate.checkpoint",
            "params": {"checkpoint": checkpoint, "dataset_version": dataset_version, "perturbation_seeds": 1,
                       "max_perturbed_samples": 50},
        },
        "use": {**analyse, "if": "evaluate.accuracy >= 0 and evaluate.accuracy.high <= 1 and train.final_loss < 1e9"},
        "never": {**analyse, "if": "evaluate.accuracy > 1"},
        "print": {
            "kind": "generate.stylise",
            "params": {"picture": "$steps.use.sheet", "mix": {"builtin": {"ember": 1.0}}, "max_side_px": 64},
        },
    }  # fmt: skip
    with platform.client() as client:
        made = client.pipelines.submit("hands", steps)
        record = made.wait(timeout=150)
    done = seen(platform, made.id)["steps"]
    assert record.steps_by_state == {"succeeded": 5, "skipped": 1}
    jobs = {name: look(platform, step["job_id"]) for name, step in done.items() if step["job_id"]}
    assert jobs["train"]["params"]["dataset_version"] == jobs["prepare"]["result"]["dataset_version"]
    assert jobs["evaluate"]["params"]["checkpoint"] == jobs["train"]["result"]["checkpoint"]
    assert jobs["use"]["result"]["style"]["label"]
    assert done["never"]["reason"]["code"] == "condition_false"
    graph = ask(platform, "GET", f"/v1/lineage/sha256:{jobs['print']['result']['artifact']['sha256']}").json()
    assert work in {node["id"] for node in graph["nodes"]}


def test_a_training_that_cannot_be_is_told_with_its_step_and_the_version_is_kept(
    platform: Stack, tmp_path: Path
) -> None:
    school(platform, tmp_path)
    train = {"dataset_version": "$steps.prepare.dataset_version", "label": "medium", "flavor": "tiny"}
    steps = {
        "prepare": {"kind": "dataset.prepare", "params": prepared("in-vain").model_dump(mode="json")},
        "train": {"kind": "train.style_classifier", "params": train},
    }
    with platform.client() as client:
        made = client.pipelines.submit("in vain", steps)
        with pytest.raises(JobFailed, match="train: ") as failure:
            made.wait(timeout=120)
        assert failure.value.code == "dataset_too_small"
        assert client.datasets.get("in-vain").latest_version
