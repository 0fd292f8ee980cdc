"""`dataset.prepare`: artworks in, an immutable dataset version of WebDataset shards out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from impasto.artworks import ShortText
from impasto.datasets import Name
from impasto.identifiers import ArtworkId, DatasetVersionId, Sha256
from impasto.kinds.kind import Kind, Params, Result


class ArtworkSelection(Params):
    """Which of the tenant's artworks: those listed, or those that match every field given (all of them if none is)."""

    ids: list[ArtworkId] | None = Field(None, min_length=1, max_length=10_000)
    collection: ShortText | None = None
    artist: ShortText | None = None
    medium: ShortText | None = None

    @model_validator(mode="after")
    def _ids_or_filter(self) -> ArtworkSelection:
        if self.ids is not None and (self.collection or self.artist or self.medium):
            raise ValueError("give either ids, or collection, artist and medium")
        return self


class PictureRecipe(Params):
    """What is done to each picture. Uploads are already upright and sRGB."""

    size_px: int = Field(224, ge=16, le=1024, description="Side of the square sample, in pixels.")
    fit: Literal["pad", "centre_crop", "salient_crop", "stretch"] = "pad"
    rotate_degrees: Literal[0, 90, 180, 270] = 0
    normalise: Literal["none", "autocontrast", "grey_world"] = "none"
    background: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#ffffff"


class CaptionRecipe(Params):
    """What is done to each caption."""

    clean: bool = Field(True, description="Mend mojibake, normalise to NFC, collapse white space.")
    max_tokens: int = Field(128, ge=8, le=512, description="Longer captions are cut; the result says how many were.")
    tags: bool = Field(True, description="Tag captions and pictures.")


class SplitRecipe(Params):
    """How samples are held back. By subject: no subject is in both halves."""

    validation_fraction: float = Field(0.2, ge=0, le=0.9)
    by: Literal["subject", "artwork"] = "subject"
    seed: int = Field(0, ge=0, lt=2**32)


class PrepareDataset(Params):
    """Prepare a dataset version from artworks."""

    dataset: Name = Field(description="The dataset's name; made if it does not exist.", examples=["icons"])
    select: ArtworkSelection = ArtworkSelection()
    picture: PictureRecipe = PictureRecipe()
    caption: CaptionRecipe = CaptionRecipe()
    split: SplitRecipe = SplitRecipe()
    samples_per_shard: int = Field(256, ge=16, le=10_000)


class RefusedArtwork(Result):
    """An artwork that could not be made into a sample, and why."""

    artwork: ArtworkId
    code: str
    message: str


class PreparedDataset(Result):
    """The new version, and what was told on the way."""

    dataset_version: DatasetVersionId
    dataset: str
    number: int
    manifest_sha256: Sha256
    samples: int
    train: int
    validation: int
    shards: int
    captions_changed: int
    captions_cut: int
    refused: list[RefusedArtwork]
    refused_count: int
    top_tags: dict[str, int]


KIND = Kind(
    name="dataset.prepare",
    params=PrepareDataset,
    result=PreparedDataset,
    queue="preprocess",
    shape="pool",
    run_limit_s=6 * 3600,
    no_progress_s=1800,
    summary="Prepare a dataset version from artworks.",
)
