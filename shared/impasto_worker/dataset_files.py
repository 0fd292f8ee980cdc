"""A dataset version as files: its manifest, and the shards of one split, fetched and verified."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from impasto.errors import NotFound
from impasto_worker.handling import JobContext

Split = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """A version's manifest; nothing but it is fetched until shards are asked for."""

    version: str
    manifest: dict[str, Any]

    def shards(self, context: JobContext, split: Split) -> list[str]:
        """Paths of the split's shards, in the manifest's order."""
        return [str(context.fetch(shard["sha256"])) for shard in self.manifest["shards"] if shard["split"] == split]

    def index(self, context: JobContext) -> Path:
        """JSON lines, one a sample: id, sha256, subject, artist, medium, licence, shard, split."""
        return context.fetch(self.manifest["index"])

    def labels(self, split: Split, label: str) -> Counter[str]:
        """How many of the split's samples carry each label; those without one are not counted."""
        counts: dict[str, int] = self.manifest["labels"][split][label]
        return Counter({name: count for name, count in counts.items() if name})


def open_version(context: JobContext, version: str) -> DatasetFiles:
    """The tenant's dataset version.

    Raises:
        NotFound: there is none.
    """
    if (found := context.tools.catalogue.version(context.tenant_id, version)) is None:
        raise NotFound("dataset version", version)
    path = context.fetch(found.manifest_sha256)
    return DatasetFiles(version, json.loads(path.read_text("utf-8")))
