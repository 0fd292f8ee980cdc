"""A checkpoint that nobody measured is refused when a job is submitted, not when it runs."""

from __future__ import annotations

import hashlib

import pytest

from impasto.identifiers import new_id
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


@pytest.mark.parametrize(("split", "status"), [(None, 409), ("train", 409), ("validation", 202)])
def test_a_checkpoint_without_a_finished_evaluation_is_409_unless_that_is_allowed(
    platform: Stack, split: str | None, status: int
) -> None:
    job = ended(platform, submit(platform, "test.stamp", {"text": f"measured on {split}"})["id"])
    digest, tenant, checkpoint = job["result"]["artifact"]["sha256"], platform.tenants["first"], new_id("ckp")
    dataset, version = new_id("dst"), new_id("dsv")
    platform.sql("UPDATE artifacts SET media_type = 'image/png' WHERE sha256 = %s", [digest])
    platform.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           VALUES (%s, %s, 'raw', 'style_classifier', 'tiny', %s, '{}', %s)""",
        [checkpoint, tenant, digest, job["id"]],
    )
    platform.sql(
        "INSERT INTO datasets (id, tenant_id, name) VALUES (%s, %s, %s)",
        [dataset, tenant, hashlib.sha256(dataset.encode()).hexdigest()[:20]],
    )
    platform.sql(
        """INSERT INTO dataset_versions (id, tenant_id, dataset_id, number, manifest_sha256, samples, train, validation,
               recipe, summary, job_id) VALUES (%s, %s, %s, 1, %s, 1, 1, 0, '{}', '{}', %s)""",
        [version, tenant, dataset, digest, job["id"]],
    )
    if split:
        platform.sql(
            """INSERT INTO evaluations (id, tenant_id, checkpoint_id, dataset_version_id, measures, job_id)
               VALUES (%s, %s, %s, %s, jsonb_build_object('split', %s::text), %s)""",
            [new_id("evl"), tenant, checkpoint, version, split, job["id"]],
        )
    params = {"picture": f"sha256:{digest}", "checkpoint": checkpoint}
    answer = ask(platform, "POST", "/v1/jobs", json={"kind": "analyse.artwork", "params": params})
    assert answer.status_code == status, answer.text
    if status == 409:
        assert answer.json()["code"] == "checkpoint_not_measured"
    assert submit(platform, "analyse.artwork", {**params, "allow_unmeasured": True})["state"] == "queued"
