"""Everything about one artwork that needs no large model: palette, composition, quality, and safety if it is asked."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from impasto_ml.analysis.composition import Composition, read_composition
from impasto_ml.analysis.palette import Palette, read_palette
from impasto_ml.analysis.quality import Quality, read_quality
from impasto_ml.analysis.saliency import saliency_map

if TYPE_CHECKING:  # onnxruntime is loaded only by who wants the score
    from impasto_ml.analysis.safety import SafetyClassifier, SafetyScore


@dataclass(frozen=True)
class ArtworkAnalysis:
    """The parts, and the picture's size in px; `safety` is None where no classifier was given."""

    width: int
    height: int
    palette: Palette
    composition: Composition
    quality: Quality
    safety: "SafetyScore | None" = None

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return asdict(self)


def analyse(picture: Image.Image, safety: "SafetyClassifier | None" = None) -> ArtworkAnalysis:
    """The analysis of a picture of any size and mode; transparent parts count as white paper."""
    saliency = saliency_map(picture)
    return ArtworkAnalysis(
        width=picture.width,
        height=picture.height,
        palette=read_palette(picture),
        composition=read_composition(picture, saliency),
        quality=read_quality(picture),
        safety=None if safety is None else safety.score(picture),
    )
