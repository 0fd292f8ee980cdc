"""The manifest of a dataset version: canonical JSON whose digest names the recipe, the split and every shard.

It holds no time, no job and no dataset name, so the same artworks under the same recipe have the same manifest.
"""

from __future__ import annotations

import json
from typing import Any, Final

from impasto.kinds.dataset_prepare import PrepareDataset
from impasto_preprocess.prepare.tally import Tally

FORMAT: Final = 1


def recipe_of(params: PrepareDataset) -> dict[str, Any]:
    """What was done to the artworks; which artworks were chosen is told by the index."""
    return params.model_dump(mode="json", include={"picture", "caption", "split", "samples_per_shard"})


def manifest_of(params: PrepareDataset, tally: Tally, index_sha256: str, encoders: list[str]) -> bytes:
    """The manifest's bytes: `shards` (sha256, split, samples, size_bytes), `index` (JSON lines, one a sample),
    `totals`, `labels` by split, `channels`, `licences` and the `encoders` that the features come from."""
    described = {
        "format": FORMAT,
        "recipe": recipe_of(params),
        "encoders": encoders,
        "shards": tally.shards,
        "index": index_sha256,
        "totals": {"samples": tally.total, "train": tally.samples["train"], "validation": tally.samples["validation"]},
        "labels": tally.labels,
        "channels": tally.channels(),
        "licences": tally.licences,
    }
    return json.dumps(described, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
