"""Which checkpoints which evaluation takes: one that is given the wrong kind is told the right one."""

from __future__ import annotations

from impasto.checkpoints import Checkpoint
from impasto.errors import Conflict
from impasto_ml.families.registry import family_names
from impasto_worker.checkpoint_files import find_checkpoint
from impasto_worker.drawing_checkpoints import DrawingCheckpoint, drawing_checkpoint
from impasto_worker.handling import JobContext
from impasto_worker.pipeline_files import ADAPTER


def style_classifier(context: JobContext, identifier: str, hint: str | None = None) -> Checkpoint:
    """The tenant's style classifier of that id.

    Raises:
        NotFound: there is none.
        Conflict: the checkpoint is of another family (`model_incompatible`).
    """
    try:
        return find_checkpoint(context, identifier)
    except Conflict as error:
        draws = error.data.get("actual") in family_names()
        told = hint or ("submit evaluate.text_to_image for a checkpoint that draws" if draws else error.hint)
        raise Conflict(error.code, error.message, hint=told, **error.data) from error


def as_adapter(context: JobContext, identifier: str) -> Checkpoint | None:
    """The tenant's adapter of that id, which is drawn with over its base; None if this is no adapter's."""
    found = context.tools.catalogue.checkpoint(context.tenant_id, identifier)
    return found if found and found.family == ADAPTER else None


def drawing_model(context: JobContext, identifier: str) -> DrawingCheckpoint:
    """The tenant's checkpoint of that id, which draws from words.

    Raises:
        NotFound: there is none.
        Conflict: the checkpoint is of another family (`model_incompatible`).
    """
    try:
        return drawing_checkpoint(context, identifier)
    except Conflict as error:
        told = "submit evaluate.checkpoint for a style classifier"
        raise Conflict(error.code, error.message, hint=told, **error.data) from error
