"""A style classifier's checkpoint as a folder that the library loads: weights by link, config from the catalogue."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

from impasto.checkpoints import Checkpoint
from impasto.errors import Conflict, NotFound
from impasto_worker.handling import JobContext

STYLE_CLASSIFIER: Final = "style_classifier"
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"


def find_checkpoint(context: JobContext, identifier: str, family: str = STYLE_CLASSIFIER) -> Checkpoint:
    """The tenant's checkpoint of that id.

    Raises:
        NotFound: there is none.
        Conflict: it is of another family (`model_incompatible`).
    """
    if (found := context.tools.catalogue.checkpoint(context.tenant_id, identifier)) is None:
        raise NotFound("checkpoint", identifier)
    if found.family != family:
        raise Conflict(
            "model_incompatible",
            f"{identifier} is of the family {found.family}, and this needs {family}",
            limit=family,
            actual=found.family,
        )
    return found


def checkpoint_folder(context: JobContext, checkpoint: Checkpoint) -> Path:
    """The checkpoint as a folder in the cache, named by its id: a runner that loaded it once knows it again."""
    weights = context.fetch(checkpoint.weights_sha256)
    folder = context.tools.cache / "checkpoints" / context.tenant_id / checkpoint.id
    folder.mkdir(parents=True, exist_ok=True)
    config, link = folder / _CONFIG, folder / _WEIGHTS
    # Written beside and renamed: another slot may be reading the same checkpoint.
    part = context.folder / "config.part"
    part.write_text(json.dumps(checkpoint.config), "utf-8")
    part.replace(config)
    with suppress(FileExistsError):
        link.symlink_to(weights)
    return folder
