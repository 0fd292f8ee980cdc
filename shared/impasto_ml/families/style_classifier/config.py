"""Sizes of the style classifier. The encoder is frozen, so a flavor is the head and how long it learns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impasto_ml.encoders.backbone_identity import BackboneIdentity
from impasto_ml.encoders.layout import STYLE_LAYOUT, VectorLayout, backbone_layout


@dataclass(frozen=True)
class Flavor:
    """`noise`: deviation of the Gaussian noise added to standardised features while learning.

    `stranger_weight`: of the loss on pictures of nobody's hand, beside 1 for that on the training pictures.
    """

    hidden: int
    dropout: float
    noise: float
    steps: int
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    stranger_weight: float = 0.5


FLAVORS: Mapping[str, Flavor] = {
    "tiny": Flavor(hidden=64, dropout=0.1, noise=0.1, steps=400),
    "base": Flavor(hidden=512, dropout=0.4, noise=0.2, steps=1500),
}


@dataclass(frozen=True)
class StyleClassifierConfig:
    """`styles`: class names in the order of the outputs. `bank`: how many training pictures are kept as neighbours.

    `backbone`: whose features the head reads; None for the style statistics that shards carry.
    """

    flavor: str
    styles: tuple[str, ...]
    hidden: int
    dropout: float
    bank: int = 8000
    backbone: BackboneIdentity | None = None

    def __post_init__(self) -> None:
        if len(self.styles) < 2 or len(set(self.styles)) != len(self.styles):
            raise ValueError("a style classifier needs at least two different styles")

    @property
    def layout(self) -> VectorLayout:
        """Of the vectors that this classifier takes."""
        return backbone_layout(self.backbone.width) if self.backbone else STYLE_LAYOUT

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "StyleClassifierConfig":
        """As `asdict` wrote it. Raises KeyError, TypeError or ValueError for anything else."""
        backbone = told.get("backbone")
        identity = None if backbone is None else BackboneIdentity.from_json(backbone)
        return cls(**{**told, "styles": tuple(told["styles"]), "backbone": identity})

    @classmethod
    def of(
        cls, flavor: str, styles: tuple[str, ...], backbone: BackboneIdentity | None = None
    ) -> "StyleClassifierConfig":
        """Raises ValueError for a flavor that does not exist."""
        if flavor not in FLAVORS:
            raise ValueError(f"{flavor!r} is not a flavor: {', '.join(FLAVORS)}")
        chosen = FLAVORS[flavor]
        return cls(flavor, styles, chosen.hidden, chosen.dropout, backbone=backbone)
