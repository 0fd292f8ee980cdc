"""`evaluate.text_to_image` on the whole platform: a checkpoint is trained, measured, and counts as measured."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import JobFailed
from impasto.kinds.dataset_prepare import SplitRecipe
from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint
from impasto.kinds.evaluate_text_to_image import EvaluatedTextToImage, EvaluateTextToImage
from impasto.kinds.train_text_to_image import TrainTextToImage
from impasto.testing.stacks import Stack
from impasto_evaluate.text_to_image.compute import evaluate
from impasto_ml.data.split import split_of
from tests.asking import ask
from tests.cli.run import impasto
from tests.hands import SUBJECTS, School, prepared, school


@dataclass
class Drawing:
    """A checkpoint that hardly learnt anything, and what was measured of it."""

    school: School
    checkpoint: str
    measured: EvaluatedTextToImage

    @property
    def stack(self) -> Stack:
        return self.school.stack


_DRAWINGS: dict[str, Drawing] = {}


@pytest.fixture
def drawing(platform: Stack, tmp_path: Path) -> Drawing:
    if platform.url not in _DRAWINGS:
        here = school(platform, tmp_path)
        client = platform.client()
        learnt = client.run(
            TrainTextToImage(
                dataset_version=here.dataset.dataset_version,
                base=None,
                flavor="tiny",
                steps=4,
                batch_size=4,
                name="tiny",
            )
        )
        assert here.measured.evaluation
        params = EvaluateTextToImage(
            checkpoint=learnt.checkpoint,
            dataset_version=here.dataset.dataset_version,
            classifier=here.learnt.checkpoint,
            max_prompts=3,
            steps=2,
        )
        _DRAWINGS[platform.url] = Drawing(here, learnt.checkpoint, client.run(params))
    return _DRAWINGS[platform.url]


def test_every_measure_has_its_count_and_an_interval_around_it(drawing: Drawing) -> None:
    found = drawing.measured
    assert found.styles == ["boxes", "dots", "hatching"]
    assert found.drawn == 2 * (3 * 3 * 2)
    assert found.held_out_works == drawing.school.dataset.validation
    assert found.learnt_works == drawing.school.dataset.train
    assert found.style is not None
    assert found.scenes_seen is not None
    assert found.scenes_held_out is not None
    assert found.kid is not None
    assert found.copying is not None
    # The classifier does not know hatching.
    assert (found.style.drawn.count, set(found.style.by_style)) == (12, {"boxes", "dots"})
    assert found.style.real is not None
    measures = [found.style.drawn, found.style.real, found.scenes_seen.shape, found.kid, found.copying.nearest]
    assert all(measure.low <= measure.value <= measure.high for measure in measures)
    assert found.stability.requests == 8
    assert max(found.stability.again, found.stability.alone) <= 1


def test_copies_are_named_by_the_works_of_the_tenant(drawing: Drawing) -> None:
    assert drawing.measured.copying is not None
    assert {pair.work for pair in drawing.measured.copying.worst} <= set(drawing.school.works.values())


def test_from_then_on_the_checkpoint_counts_as_measured(drawing: Drawing) -> None:
    checkpoint = ask(drawing.stack, "GET", f"/v1/checkpoints/{drawing.checkpoint}").json()
    assert checkpoint["measured"] is True
    told = checkpoint["evaluations"][0]
    assert told["id"] == drawing.measured.evaluation
    assert told["measures"]["scenes_seen"]["shape"]["count"] == drawing.measured.scenes_seen.shape.count  # type: ignore[union-attr]


def test_sheets_and_report_are_artifacts(drawing: Drawing) -> None:
    found = drawing.measured
    assert found.copies is not None
    for sheet in (found.sheet, found.copies):
        answer = ask(drawing.stack, "GET", f"/v1/artifacts/{sheet.sha256}")
        assert Image.open(io.BytesIO(answer.content)).format == "PNG"
    report = ask(drawing.stack, "GET", f"/v1/artifacts/{found.report_sha256}").json()
    assert report["checkpoint"] == drawing.checkpoint
    assert report["measured"]["drawn"] == found.drawn


def test_lineage_leads_from_all_that_took_part_to_the_evaluation(drawing: Drawing) -> None:
    edges = drawing.stack.sql("SELECT source FROM lineage_edges WHERE target = %s", [drawing.measured.evaluation])
    here = drawing.school
    sources = {drawing.checkpoint, here.dataset.dataset_version, here.learnt.checkpoint}
    assert {source for (source,) in edges} == sources


def test_works_that_were_learnt_from_are_no_held_out_works_of_another_version(drawing: Drawing) -> None:
    """Held back under another seed is not held back from this checkpoint; what it learnt from stays the same."""
    here = drawing.school
    other = drawing.stack.client().run(
        prepared(
            "drawn-otherwise", split={"validation_fraction": 0.6, "seed": 5}, select={"ids": [*here.works.values()]}
        )
    )
    found = drawing.stack.client().run(
        EvaluateTextToImage(
            checkpoint=drawing.checkpoint, dataset_version=other.dataset_version, max_prompts=1, seeds=1, steps=1
        )
    )
    half = [SplitRecipe(validation_fraction=0.35), SplitRecipe(validation_fraction=0.6, seed=5)]
    sides = [[split_of(f"scene {s}", r.seed, r.validation_fraction) for s in range(SUBJECTS)] for r in half]
    both = sum(pair == ("validation", "validation") for pair in zip(*sides, strict=True))
    assert found.held_out_works == both * 3 < other.validation
    assert found.learnt_works == here.dataset.train
    assert found.copying is not None
    assert found.copying.copy_rate is None, "so few held-out works say nothing of copies"


def test_what_the_bases_of_a_checkpoint_learnt_from_counts_and_what_is_not_here_is_named(drawing: Drawing) -> None:
    """It began from a checkpoint that learnt the school's works, and that one, as is told here, from the starter."""
    here, client = drawing.school, drawing.stack.client()
    some = [work for (subject, _), work in here.works.items() if subject < 5]
    few = client.run(prepared("few", select={"ids": some}, split={"validation_fraction": 0.0}))
    first = drawing.stack.sql(
        """INSERT INTO checkpoints
               (id, tenant_id, name, family, flavor, weights_sha256, config, dataset_version_id, job_id)
           SELECT 'ckp_' || repeat('3', 26), tenant_id, 'first', family, flavor, weights_sha256,
               jsonb_set(config, '{training,base}', '"starter"'), dataset_version_id, job_id
           FROM checkpoints WHERE id = %s RETURNING id""",
        [drawing.checkpoint],
    )[0][0]
    learnt = client.run(
        TrainTextToImage(dataset_version=few.dataset_version, base=first, steps=1, batch_size=2, name="second")
    )
    found = client.run(
        EvaluateTextToImage(
            checkpoint=learnt.checkpoint,
            dataset_version=here.dataset.dataset_version,
            max_prompts=1,
            seeds=1,
            steps=1,
        )
    )
    held_out = {s for s in range(SUBJECTS) if split_of(f"scene {s}", 0, 0.35) == "validation"}
    assert held_out & set(range(5)), "or the base's works would be no others"
    assert found.learnt_works == 3 * (SUBJECTS - len(held_out - set(range(5))))
    assert found.held_out_works == 3 * len(held_out - set(range(5)))
    assert found.not_looked_at == ["starter"]
    assert drawing.measured.not_looked_at == []


def test_scenes_alone_are_enough_to_count_as_measured(drawing: Drawing) -> None:
    """A copy of the checkpoint that nobody measured, and no dataset at all."""
    twin = drawing.stack.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           SELECT 'ckp_' || repeat('1', 26), tenant_id, 'twin', family, flavor, weights_sha256, config, job_id
           FROM checkpoints WHERE id = %s RETURNING id""",
        [drawing.checkpoint],
    )[0][0]
    before = ask(drawing.stack, "GET", f"/v1/checkpoints/{twin}").json()
    found = drawing.stack.client().run(EvaluateTextToImage(checkpoint=twin, max_prompts=2, seeds=1, steps=1))
    after = ask(drawing.stack, "GET", f"/v1/checkpoints/{twin}").json()
    assert (before["measured"], after["measured"]) == (False, True)
    assert after["evaluations"][0]["dataset_version_id"] is None
    assert (found.style, found.kid, found.copying, found.copies) == (None, None, None, None)
    assert found.drawn == 2 * 3


def test_each_evaluation_names_the_other_for_checkpoints_of_the_wrong_kind(drawing: Drawing) -> None:
    here, client = drawing.school, drawing.stack.client()
    wrong = [
        (EvaluateTextToImage(checkpoint=here.learnt.checkpoint), "evaluate.checkpoint"),
        (
            EvaluateCheckpoint(checkpoint=drawing.checkpoint, dataset_version=here.dataset.dataset_version),
            "evaluate.text_to_image",
        ),
    ]
    for params, right in wrong:
        with pytest.raises(JobFailed) as failure:
            client.run(params)
        assert failure.value.code == "model_incompatible"
        assert right in (failure.value.hint or "")


def test_a_judge_that_was_not_measured_is_no_judge(drawing: Drawing) -> None:
    unmeasured = drawing.stack.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           SELECT 'ckp_' || repeat('2', 26), tenant_id, 'untried', family, flavor, weights_sha256, config, job_id
           FROM checkpoints WHERE id = %s RETURNING id""",
        [drawing.school.learnt.checkpoint],
    )[0][0]
    with pytest.raises(JobFailed) as failure:
        drawing.stack.client().run(EvaluateTextToImage(checkpoint=drawing.checkpoint, classifier=unmeasured))
    assert failure.value.code == "checkpoint_not_measured"


def test_a_generator_as_judge_is_refused(drawing: Drawing) -> None:
    with pytest.raises(JobFailed) as failure:
        drawing.stack.client().run(EvaluateTextToImage(checkpoint=drawing.checkpoint, classifier=drawing.checkpoint))
    assert failure.value.code == "model_incompatible"


def test_the_command_picks_the_evaluation_by_the_checkpoint(drawing: Drawing) -> None:
    url, key = drawing.stack.url, drawing.stack.key("first")
    options = ("--max-prompts", "2", "--seeds", "1", "--steps", "1")
    done = impasto("evaluate", drawing.checkpoint, *options, url=url, key=key)
    assert done.exit_code == 0, done.stderr
    assert "shape, never shown together" in done.stdout
    assert "nearest learnt work" in done.stdout
    refused = impasto("evaluate", drawing.checkpoint, "--split", "train", url=url, key=key)
    assert refused.exit_code != 0
    assert "split is for style classifiers" in refused.stderr
    refused = impasto("evaluate", drawing.school.learnt.checkpoint, "--guidance", "3", url=url, key=key)
    assert refused.exit_code != 0
    assert "guidance is for checkpoints that draw" in refused.stderr


def test_a_damaged_checkpoint_is_named_so(models_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"family": "flowmini", "format": 1}))
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    (tmp_path / "models").symlink_to(models_folder)
    payload = {
        "family": "flowmini",
        "checkpoint": str(tmp_path),
        "options": {"steps": 1, "guidance": 1.0, "style_guidance": 1.0},
    }
    with pytest.raises(JobFailed) as failure:
        evaluate(payload, lambda *_, **__: None)  # type: ignore[arg-type]
    assert failure.value.code == "model_corrupt"
