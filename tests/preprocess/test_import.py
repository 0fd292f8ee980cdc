"""`checkpoint.import` on the whole platform: pipelines and adapters come in, are measured at once, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from impasto.errors import JobFailed
from impasto.kinds.checkpoint_import import ImportCheckpoint, ImportedCheckpoint, ImportSource
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit
from tests.cli.run import impasto
from tests.impasto_ml.families.diffusers import hostile
from tests.pipelines import imported, lora, pipeline, place


@pytest.fixture(scope="module")
def measured(platform: Stack) -> ImportedCheckpoint:
    """Stable Diffusion, imported from a folder; its evaluation has begun by itself."""
    return imported(platform, "sd", evaluate=True)


def _refusal(stack: Stack, folder: str, **params: Any) -> JobFailed:
    with pytest.raises(JobFailed) as refused:
        stack.client().run(ImportCheckpoint(name="refused", source=ImportSource(folder=folder), **params))
    return refused.value


def test_an_imported_pipeline_is_not_used_before_its_evaluation_has_ended(
    platform: Stack, measured: ImportedCheckpoint
) -> None:
    twin = _unmeasured_twin(platform, measured.checkpoint, "4")
    refused = {"kind": "generate.text_to_image", "params": {"checkpoint": twin, "prompts": ["a heart"]}}
    answer = ask(platform, "POST", "/v1/jobs", json=refused)
    assert (answer.status_code, answer.json()["code"]) == (409, "checkpoint_not_measured")
    body = {"kind": "generate.text_to_image", "params": {"checkpoint": measured.checkpoint, "prompts": ["a heart"]}}
    assert measured.evaluation is not None
    evaluation = ended(platform, measured.evaluation, most_s=120)
    assert (evaluation["state"], evaluation["kind"]) == ("succeeded", "evaluate.text_to_image"), evaluation["error"]
    assert evaluation["params"]["checkpoint"] == measured.checkpoint
    assert ask(platform, "GET", f"/v1/checkpoints/{measured.checkpoint}").json()["measured"] is True
    drawn = submit(platform, "generate.text_to_image", body["params"])
    assert ended(platform, drawn["id"], most_s=120)["state"] == "succeeded"


def _unmeasured_twin(stack: Stack, checkpoint: str, digit: str) -> str:
    """The same weights, as they are in the moment after their import, however fast their evaluation is."""
    (twin,) = stack.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           SELECT 'ckp_' || repeat(%s, 26), tenant_id, 'not-yet', family, flavor, weights_sha256, config, job_id
           FROM checkpoints WHERE id = %s RETURNING id""",
        [digit, checkpoint],
    )[0]
    return str(twin)


def test_its_evaluation_was_accepted_in_the_very_commit_that_made_it(
    platform: Stack, measured: ImportedCheckpoint
) -> None:
    rows = platform.sql(
        """SELECT e.created_at = i.finished_at, (SELECT array_agg(type ORDER BY number) FROM job_events
                  WHERE job_id = e.id AND number = 1), e.queue
           FROM jobs e, jobs i WHERE e.id = %s AND i.id = (SELECT job_id FROM checkpoints WHERE id = %s)""",
        [measured.evaluation, measured.checkpoint],
    )
    assert rows == [(True, ["job.queued"], "evaluate")]


def test_its_class_size_and_needs_are_told(platform: Stack, measured: ImportedCheckpoint) -> None:
    folder = pipeline("sd")
    kept = [file for file in folder.rglob("*") if file.suffix in (".json", ".txt", ".safetensors")]
    assert (measured.family, measured.pipeline) == ("diffusers", "StableDiffusionPipeline")
    assert (measured.files, measured.size_bytes) == (len(kept), sum(file.stat().st_size for file in kept))
    assert measured.on_cpu.weights_bytes == 2 * measured.on_gpu.weights_bytes > 0
    assert measured.on_cpu.drawing_bytes > measured.on_gpu.drawing_bytes > 0
    checkpoint = ask(platform, "GET", f"/v1/checkpoints/{measured.checkpoint}").json()
    assert (checkpoint["family"], checkpoint["flavor"]) == ("diffusers", "StableDiffusionPipeline")
    assert checkpoint["weights_sha256"] == measured.manifest_sha256
    manifest = ask(platform, "GET", f"/v1/artifacts/{measured.manifest_sha256}").json()
    assert set(manifest["files"]) == {file.relative_to(folder).as_posix() for file in kept}
    assert manifest["shapes"]["unet"]["conv_in.weight"] == [4, 4, 3, 3]


def test_lineage_begins_with_the_weights_by_their_digest(platform: Stack, measured: ImportedCheckpoint) -> None:
    edges = platform.sql("SELECT source, relation FROM lineage_edges WHERE target = %s", [measured.checkpoint])
    assert edges == [(f"pretrained:sd-0@{measured.manifest_sha256[:12]}", "trained_into")]


def test_uploaded_files_make_the_same_checkpoint_and_are_sent_only_once(
    platform: Stack, measured: ImportedCheckpoint
) -> None:
    told: list[int] = []
    client = platform.client()
    for _ in range(2):
        job = client.import_pipeline(
            pipeline("sd"), name="sent", evaluate=False, on_progress=lambda p: told.append(p.sent_bytes)
        )
        result = job.wait(timeout=60)
        assert result.manifest_sha256 == measured.manifest_sha256
        assert result.evaluation is None
    assert told[-1] == result.size_bytes
    rows = platform.sql("SELECT count(*) FROM artifacts WHERE media_type = 'application/vnd.safetensors'")
    assert rows[0][0] >= 3


def test_the_command_line_uploads_a_folder(platform: Stack) -> None:
    done = impasto(
        "import", str(pipeline("sd")), "--name", "by-hand", "--no-evaluate", url=platform.url, key=platform.api_key
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("ckp_")
    assert "StableDiffusionPipeline" in done.stdout


@pytest.mark.parametrize(
    "damage",
    [
        hostile.pickle_renamed,
        hostile.remote_code,
        hostile.linked_out,
        hostile.not_finite,
        hostile.bloated_header,
        hostile.twice_the_same_name,
    ],
)
def test_hostile_folders_are_refused_by_name_and_no_canary_sings(
    platform: Stack, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    name, canary = f"hostile-{damage.__name__}", tmp_path / "canary"
    damage(place(platform, name, pipeline("sd")), canary)
    refused = _refusal(platform, name)
    assert refused.code == hostile.REFUSED[damage]
    assert refused.data["where"]
    assert str(platform.settings.data_folder) not in refused.message
    assert not canary.exists()
    assert platform.sql("SELECT 1 FROM checkpoints WHERE name = 'refused'") == []


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (hostile.tensor_missing, "unet"),
        (hostile.tensor_missing_in_text, "text_encoder"),
        (hostile.tensor_left_over, "unet"),
        (hostile.tensor_misshapen, "unet"),
    ],
)
def test_what_lacks_a_tensor_or_has_one_too_many_becomes_no_checkpoint(
    platform: Stack, tmp_path: Path, damage: Callable[[Path, Path], None], where: str
) -> None:
    name = f"unfit-{damage.__name__}".replace("_", "-")
    damage(place(platform, name, pipeline("sd")), tmp_path)
    refused = _refusal(platform, name)
    assert (refused.code, refused.data["where"]) == ("model_incompatible", where)
    assert platform.sql("SELECT 1 FROM checkpoints WHERE name = 'refused'") == []


def test_an_adapter_for_another_architecture_is_refused_when_it_is_imported(
    platform: Stack, measured: ImportedCheckpoint
) -> None:
    place(platform, "lora-pixart", lora("pixart-sigma"))
    refused = _refusal(platform, "lora-pixart", adapter_of=measured.checkpoint)
    assert refused.code == "model_incompatible"


def test_an_adapter_is_measured_over_its_base_and_not_used_before(
    platform: Stack, measured: ImportedCheckpoint
) -> None:
    assert measured.evaluation is not None
    ended(platform, measured.evaluation, most_s=120)
    place(platform, "lora-measured", lora("sd"))
    source = ImportSource(folder="lora-measured")
    ink = platform.client().run(ImportCheckpoint(name="ink", source=source, adapter_of=measured.checkpoint))
    assert ink.evaluation is not None
    evaluation = ended(platform, ink.evaluation, most_s=120)
    assert evaluation["state"] == "succeeded", evaluation["error"]
    assert ask(platform, "GET", f"/v1/checkpoints/{ink.checkpoint}").json()["measured"] is True
    # It was drawn with, and not its base alone.
    of_base = ended(platform, measured.evaluation)["result"]
    assert evaluation["result"]["sheet"]["sha256"] != of_base["sheet"]["sha256"]
    params = {"checkpoint": measured.checkpoint, "prompts": ["a heart"], "steps": 2}
    twin = _unmeasured_twin(platform, ink.checkpoint, "5")
    used = params | {"adapters": [{"checkpoint": ink.checkpoint}, {"checkpoint": twin}]}
    job = {"kind": "generate.text_to_image", "params": used}
    for answer, where in (
        (ask(platform, "POST", "/v1/jobs", json=job), "params"),
        (ask(platform, "POST", "/v1/jobs/bulk", json={"jobs": [job]}), "jobs.0.params"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "checkpoint_not_measured")
        assert answer.json()["field"] == f"{where}.adapters.1.checkpoint"
    for allowed in (used | {"allow_unmeasured": True}, params | {"adapters": [{"checkpoint": ink.checkpoint}]}):
        drawn = submit(platform, "generate.text_to_image", allowed)
        assert ended(platform, drawn["id"], most_s=120)["state"] == "succeeded"


def test_a_folder_that_is_not_there_is_named(platform: Stack) -> None:
    assert _refusal(platform, "nowhere").code == "import_missing"


@pytest.mark.parametrize(
    ("source", "place_of_fault"),
    [
        ({"folder": ".."}, "params.source.folder"),
        ({"folder": "a/b"}, "params.source.folder"),
        ({"files": {"../x.json": "sha256:" + "0" * 64}}, "params.source.files.../x.json.[key]"),
        ({"files": {"a/b/c": "sha256:" + "0" * 64, "a": "sha256:" + "0" * 64}}, "params.source.files"),
        ({"hub": "nobody"}, "params.source.hub"),
        ({}, "params.source"),
        ({"folder": "a", "hub": "b/c"}, "params.source"),
    ],
)
def test_a_source_that_leads_elsewhere_is_422_with_its_place(
    platform: Stack, source: dict[str, Any], place_of_fault: str
) -> None:
    answer = ask(platform, "POST", "/v1/jobs", json={"kind": "checkpoint.import", "params": _params(source)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == place_of_fault


def test_another_tenant_finds_neither_files_nor_checkpoint(platform: Stack, measured: ImportedCheckpoint) -> None:
    manifest = ask(platform, "GET", f"/v1/artifacts/{measured.manifest_sha256}").json()
    files = {place: f"sha256:{file['sha256']}" for place, file in manifest["files"].items()}
    for params in (
        _params({"files": files}),
        _params({"folder": "sd-0"}) | {"adapter_of": measured.checkpoint},
    ):
        body = {"kind": "checkpoint.import", "params": params}
        assert ask(platform, "POST", "/v1/jobs", tenant="second", json=body).status_code == 404
    assert ask(platform, "GET", f"/v1/checkpoints/{measured.checkpoint}", tenant="second").status_code == 404


def test_nothing_comes_from_a_hub_unless_the_worker_may(platform: Stack) -> None:
    with pytest.raises(JobFailed) as refused:
        platform.client().run(ImportCheckpoint(name="hub", source=ImportSource(hub="owner/name")))
    assert refused.value.code == "hub_unreachable"
    assert "IMPASTO_HUB" in str(refused.value.hint)


def test_files_that_lie_beside_a_pipeline_are_not_kept(platform: Stack) -> None:
    folder = place(platform, "with-more", pipeline("sd"))
    shutil.copyfile(folder / "vae/diffusion_pytorch_model.safetensors", folder / "everything.safetensors")
    (folder / "README.md").write_text("# A model")
    result = platform.client().run(
        ImportCheckpoint(name="with-more", source=ImportSource(folder="with-more"), evaluate=False)
    )
    manifest = ask(platform, "GET", f"/v1/artifacts/{result.manifest_sha256}").json()
    assert not {"everything.safetensors", "README.md"} & set(manifest["files"])
    assert json.loads((folder / "model_index.json").read_text())["_class_name"] == result.pipeline


def _params(source: dict[str, Any]) -> dict[str, Any]:
    return {"name": "x", "source": source}
