"""Styles: a named, versioned look: built-in ones, reference artworks, or a mix of both."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from impasto.builtin_styles import BUILT_IN
from impasto.datasets import Name
from impasto.identifiers import ArtworkId


def _known(slugs: dict[str, float]) -> dict[str, float]:
    names = [slug for slug, _ in BUILT_IN]
    if set(slugs) - set(names):
        raise ValueError(f"no built-in style of that name; there are {', '.join(names)}")
    return slugs


def _some_weight(mix: StyleMix) -> StyleMix:
    if not mix.builtin and not mix.artworks:
        raise ValueError("a mix needs at least one built-in style or one artwork")
    return mix


Weight = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
BuiltinName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


class StyleMix(BaseModel):
    """Weights of built-in styles and of artworks taken as style; they are scaled to sum to one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    builtin: Annotated[dict[BuiltinName, Weight], AfterValidator(_known)] = Field(
        {}, max_length=8, examples=[{"woodcut-sand": 0.5}]
    )
    artworks: dict[ArtworkId, Weight] = Field({}, max_length=8)


Mix = Annotated[StyleMix, AfterValidator(_some_weight)]


class NewStyle(BaseModel):
    """A style to keep: the same name again makes the next version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    mix: Mix
    strength: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)


class Style(BaseModel):
    """A style as it is shown; built-in ones have no version and belong to everybody."""

    id: str
    name: str
    version: int
    builtin: bool
    description: str = ""
    parameters: dict[str, Any] = {}
    created_at: datetime | None = None


BUILT_IN_STYLES: Final[tuple[Style, ...]] = tuple(
    Style(id=f"builtin:{slug}", name=slug, version=1, builtin=True, description=summary) for slug, summary in BUILT_IN
)
