"""What a checkpoint learnt from: the dataset versions of its own training and of those that it began from."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.checkpoints import STARTER
from impasto.errors import NotFound
from impasto_worker.dataset_files import DatasetFiles, open_version
from impasto_worker.handling import JobContext


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """`versions` can be looked at; `unseen` names what cannot: versions that are gone, checkpoints made elsewhere."""

    versions: tuple[DatasetFiles, ...]
    unseen: tuple[str, ...]


def learnt_from(context: JobContext, checkpoint: str) -> LearntFrom:
    """Walks from the tenant's checkpoint, or the starter, to the first of its bases."""
    versions: dict[str, DatasetFiles] = {}
    unseen: list[str] = []
    walked: set[str] = set()
    here: str | None = checkpoint
    while here is not None and here not in walked:
        walked.add(here)
        version, base = _training(context, here)
        if version is None:
            # It came with Impasto, was imported, or is gone: nobody here has its works.
            unseen.append(here)
        elif version not in versions and version not in unseen:
            try:
                versions[version] = open_version(context, version)
            except NotFound:
                unseen.append(version)
        here = base
    return LearntFrom(tuple(versions.values()), tuple(unseen))


def _training(context: JobContext, identifier: str) -> tuple[str | None, str | None]:
    """The dataset version of a checkpoint's own training, and the checkpoint that it began from."""
    if identifier == STARTER:
        return None, None
    found = context.tools.catalogue.checkpoint(context.tenant_id, identifier)
    config = found.config if found else {}
    training = config.get("training", {})
    # An adapter has its base beside, as it did not begin from it: it is laid over it.
    base = training.get("base") or config.get("base")
    return (found and found.dataset_version_id) or training.get("dataset_version"), base
