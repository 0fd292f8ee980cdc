"""Asked of the platform beside the jobs of drawing from words: the starter, a loss, the halves of a dataset."""

from __future__ import annotations

import json

from impasto import Client
from impasto.checkpoints import STARTER, Checkpoint
from impasto.errors import NotFound


def starter_of(client: Client) -> Checkpoint | None:
    """The checkpoint that comes with the platform; None on one that has none."""
    try:
        return client.checkpoints.get(STARTER)
    except NotFound:
        return None


def loss_of(client: Client, job_id: str) -> list[tuple[int, float]]:
    """The loss by step of a training."""
    return [(point.step, point.points["loss"]) for point in client.jobs.series(job_id) if "loss" in point.points]


def places_of(client: Client, manifest_sha256: str) -> dict[str, str]:
    """By subject: `train` or `validation`, the half of a dataset version where its works are."""
    manifest = json.loads(client.artifacts.read(manifest_sha256))
    lines = client.artifacts.read(manifest["index"]).splitlines()
    return {line["subject"]: line["split"] for line in map(json.loads, lines)}
