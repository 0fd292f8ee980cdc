"""Small rules of the studio: digests in results, thinned curves, seeds in a text, paths that stay inside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from impasto.checkpoints import Checkpoint
from impasto_studio.entrance import safe_path
from impasto_studio.pieces.ages import size
from impasto_studio.pieces.curve import thinned
from impasto_studio.pieces.drawing import draws, seeds_of, styles_of
from impasto_studio.pieces.jobs import pictures_of
from impasto_studio.records import DeliveryRecord, WorkerRecord
from impasto_studio.routes.works import _name

_PICTURE = {"sha256": "a" * 64, "media_type": "image/png", "size_bytes": 1}


def test_pictures_are_found_anywhere_in_a_result_but_not_twice_in_its_grid() -> None:
    result = {
        "pictures": [{"artifact": _PICTURE, "seed": 1}],
        "grid": {**_PICTURE, "sha256": "b" * 64},
        "sheet": _PICTURE,
    }
    assert pictures_of(result) == ["a" * 64]
    assert pictures_of({"artifact": {**_PICTURE, "media_type": "application/x-tar"}}) == []
    assert pictures_of(None) == []


@pytest.mark.parametrize("count", [0, 1, 10, 1500, 1501, 40_000])
def test_a_long_curve_is_thinned_and_keeps_its_ends(count: int) -> None:
    steps = list(range(count))
    kept = thinned(steps, 1500)
    assert len(kept) <= 1501
    assert kept[:1] + kept[-1:] == steps[:1] + steps[-1:]


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1, 2, 3", [1, 2, 3]), ("7 7 7", [7]), ("", []), ("none", []), (" ".join(map(str, range(99))), list(range(16)))],
)
def test_seeds_are_the_numbers_of_a_text(text: str, seeds: list[int]) -> None:
    assert seeds_of(text) == seeds


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/jobs?x=1", "/jobs?x=1"), ("/jobs/job_1", "/jobs/job_1"), ("//evil", "/"), ("/\\evil", "/"),
        ("https://evil", "/"), ("javascript:alert(1)", "/"), ("", "/"), ("/a\nb", "/"),
    ],
)  # fmt: skip
def test_only_paths_of_the_studio_are_followed(path: str, safe: str) -> None:
    assert safe_path(path) == safe


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("a.png", "a.png"), ("..%2F..%2Fetc%2Fpasswd", "passwd"), ("C%3A%5Cpictures%5Ca.png", "a.png"),
        ("..", "picture"), ("%00", "picture"), ("%E6%B5%AA.png", "浪.png"), ("x" * 400 + ".png", "x" * 196 + ".png"),
    ],
)  # fmt: skip
def test_a_files_name_cannot_lead_out_of_its_folder(sent: str, name: str) -> None:
    assert _name(sent) == name


def test_a_checkpoint_that_draws_is_told_from_one_that_names() -> None:
    base = Checkpoint(
        id="ckp_1", name="n", family="flowmini", flavor="tiny", weights_sha256="0", dataset_version_id=None,
        job_id=None, config={"config": {"styles": ["ink", "flat"]}}, measured=True, created_at=datetime.now(UTC),
    )  # fmt: skip
    assert draws(base)
    assert styles_of(base) == ["ink", "flat"]
    assert not draws(base.model_copy(update={"family": "style_classifier"}))
    assert not draws(base.model_copy(update={"family": "diffusers_adapter"}))
    assert styles_of(base.model_copy(update={"config": {}})) == []


@pytest.mark.parametrize(
    ("amount", "text"), [(None, "–"), (0, "0 B"), (1500, "2 kB"), (2_500_000, "2.5 MB"), (8e10, "80.0 GB")]
)
def test_sizes_are_said_in_their_largest_unit(amount: float | None, text: str) -> None:
    assert size(amount) == text


def test_what_a_newer_platform_adds_is_passed_over() -> None:
    assert WorkerRecord.model_validate({"name": "w", "zone": "attic"}).slots == 0
    delivery = {"id": "dlv_1", "endpoint_id": "whk_1", "type": "job.failed", "state": "waiting", "error": None}
    assert DeliveryRecord.model_validate(delivery).type == "job.failed"
    assert DeliveryRecord.model_validate({**delivery, "error": "timeout"}).error == "timeout"
