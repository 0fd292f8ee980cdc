"""The handlers of the queue `preprocess`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import checkpoint_import, dataset_prepare
from impasto_preprocess.checkpoint_import.handler import import_checkpoint
from impasto_preprocess.prepare.handler import prepare
from impasto_worker.handling import Handler

HANDLERS: Final = [
    Handler(dataset_prepare.KIND, prepare),
    Handler(checkpoint_import.KIND, import_checkpoint),
]
