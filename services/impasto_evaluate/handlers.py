"""The handlers of the queue `evaluate`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import evaluate_checkpoint
from impasto_evaluate.checkpoint.handler import evaluate
from impasto_worker.handling import Handler

HANDLERS: Final = [Handler(evaluate_checkpoint.KIND, evaluate)]
