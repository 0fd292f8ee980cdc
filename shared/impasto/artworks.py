"""Artworks: a picture with its caption, maker, licence and consent, and what ingestion said of each file."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def clean_text(text: str) -> str:
    """NFC, no control characters but newline and tab, no lone surrogates.

    Raises:
        ValueError: the text holds characters that cannot be stored or shown.
    """
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in text):
        raise ValueError("text must not hold control characters or lone surrogates")
    return unicodedata.normalize("NFC", text).strip()


ShortText = Annotated[str, Field(max_length=300), AfterValidator(clean_text)]
LongText = Annotated[str, Field(max_length=4000), AfterValidator(clean_text)]


class ArtworkMetadata(BaseModel):
    """What the uploader says about a picture; every field may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    caption: LongText = Field("", description="What is to be seen, in a sentence.", examples=["a red heart, flat"])
    title: ShortText = Field("", description="The work's title.")
    artist: ShortText = Field("", description="Who made it, or whose hand it is in.", examples=["Katsushika Hokusai"])
    date: ShortText = Field("", description="When it was made, as one would write it.", examples=["c. 1831"])
    medium: ShortText = Field("", description="Oil, woodcut, vector, photograph ...", examples=["woodblock print"])
    subject: ShortText = Field("", description="What it shows; a data set is split by this. Default: the title.")
    collection: ShortText = Field("", description="A name to find works by later.")
    licence: ShortText = Field("", description="An SPDX identifier or a name.", examples=["CC0-1.0"])
    consent: Literal["", "granted", "denied", "not_needed"] = Field("", description="The maker's word on training.")
    provenance: LongText = Field("", description="Where the file came from.")


class Artwork(ArtworkMetadata):
    """An artwork as it is stored and shown."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    sha256: str
    media_type: str
    width: int
    height: int
    size_bytes: int
    file_name: str = ""
    warnings: list[str] = []
    created_at: datetime


class FileVerdict(BaseModel):
    """What became of one uploaded file."""

    file_name: str
    verdict: Literal["accepted", "duplicate", "refused"]
    artwork: Artwork | None = None
    error: dict[str, Any] | None = None


class UploadResult(BaseModel):
    """The answer to an upload: a verdict for each file, in the order sent."""

    files: list[FileVerdict]
    accepted: int
    duplicate: int
    refused: int
