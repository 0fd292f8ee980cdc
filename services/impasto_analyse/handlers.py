"""The handlers of the queue `analyse`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import analyse_artwork
from impasto_analyse.artwork.handler import analyse
from impasto_worker.handling import Handler

HANDLERS: Final = [Handler(analyse_artwork.KIND, analyse)]
