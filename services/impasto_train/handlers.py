"""The handlers of the queue `train`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import train_style_classifier
from impasto_train.style_classifier.handler import train
from impasto_worker.handling import Handler

HANDLERS: Final = [Handler(train_style_classifier.KIND, train)]
