"""What ingestion's routes share, made once in the lifespan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from impasto.backends.objects import S3Objects
from impasto_ingestion.intake import Intake
from impasto_ingestion.places import Places
from impasto_ingestion.workplace import Workplace


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once in the lifespan."""

    objects: S3Objects
    intake: Intake
    workplace: Workplace
    places: Places
    file_places: Places
    file_most_bytes: int


async def parts(request: Request) -> Parts:
    """The parts of this process."""
    found: Parts = request.app.state.parts
    return found


TheParts = Annotated[Parts, Depends(parts)]
