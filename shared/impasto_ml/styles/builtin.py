"""The 26 built-in styles of the multi-style network: stable slugs, names and what each one looks like."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impasto_ml.analysis.pixels import Array


@dataclass(frozen=True)
class BuiltinStyle:
    """One style of the network; its place in BUILTIN_STYLES is its index there. The slug never changes."""

    slug: str
    name: str
    summary: str


# The package numbers its styles and names none: names and lines below describe what each drew on four photographs.
BUILTIN_STYLES: tuple[BuiltinStyle, ...] = (
    BuiltinStyle("golden-haze", "Golden Haze", "Soft ochre and sky blue in loose, sunlit oil strokes."),
    BuiltinStyle("ink-and-yellow", "Ink and Yellow", "Heavy black contours on pale paper with flat lemon yellow."),
    BuiltinStyle("quiet-gouache", "Quiet Gouache", "Pale washes, cream and charcoal, gently hatched skies."),
    BuiltinStyle("carnival", "Carnival", "Short slashes of pure red, blue and gold on black; the subject dissolves."),
    BuiltinStyle("claret-canvas", "Claret Canvas", "Woven canvas grain, claret shadows and warm ochre light."),
    BuiltinStyle("autumn-strokes", "Autumn Strokes", "Lively directional strokes in orange, rust and slate blue."),
    BuiltinStyle("midnight-seeds", "Midnight Seeds", "Indigo night scattered with small amber seeds."),
    BuiltinStyle("primary-glow", "Primary Glow", "Saturated yellow, red and blue glowing out of deep black."),
    BuiltinStyle("spring-sketch", "Spring Sketch", "White paper, fine pencil and splashes of magenta and yellow."),
    BuiltinStyle("red-and-slate-dabs", "Red and Slate Dabs", "A mosaic of short slate and crimson dabs on white."),
    BuiltinStyle("terracotta", "Terracotta", "Burnt sienna and umber, dry brush on dark ground."),
    BuiltinStyle("honey-engraving", "Honey Engraving", "Engraved brown lines and stipple over honey-coloured paper."),
    BuiltinStyle("lilac-morning", "Lilac Morning", "Blurred lilac, peach and powder blue, as in morning mist."),
    BuiltinStyle("lime-and-teal", "Lime and Teal", "Acid green against teal, dark ridged contours."),
    BuiltinStyle("sea-mist", "Sea Mist", "Pale teal monochrome with a breath of pink; very calm."),
    BuiltinStyle("stained-glass", "Stained Glass", "Small pastel panes between dark leaded lines."),
    BuiltinStyle("electric-dusk", "Electric Dusk", "Ultramarine and orange crayon in diagonal hatching."),
    BuiltinStyle("woven-blocks", "Woven Blocks", "Red, orange and black bricks; little of the photo is left."),
    BuiltinStyle("woodcut-sand", "Woodcut Sand", "Sand and olive, carved in flowing parallel grooves."),
    BuiltinStyle("cobalt-night", "Cobalt Night", "Cobalt and gold in swirling short strokes."),
    BuiltinStyle("ember", "Ember", "Deep red and black, lit as if by coals."),
    BuiltinStyle("paper-cutout", "Paper Cutout", "Flat coral, mustard and pale blue shapes with thick black edges."),
    BuiltinStyle("charcoal-and-vermilion", "Charcoal and Vermilion", "Charcoal contours, grey-blue air and vermilion."),
    BuiltinStyle("dusk-pastel", "Dusk Pastel", "Velvety darks fading into cream and grey-blue pastel."),
    BuiltinStyle("blue-woodblock", "Blue Woodblock", "Prussian blue and pale cream with foaming, broken edges."),
    BuiltinStyle("burnished-mosaic", "Burnished Mosaic", "Dark, dense chips of rust, gold and steel blue."),
)

_INDEX = {style.slug: index for index, style in enumerate(BUILTIN_STYLES)}


def blend_weights(weights: Mapping[str, float]) -> Array:
    """(26,) network weights that sum to 1, from relative weights by slug.

    Raises:
        ValueError: a slug is unknown, a weight is negative or not finite, or all are zero.
    """
    vector = np.zeros(len(BUILTIN_STYLES), dtype=np.float32)
    for slug, weight in weights.items():
        if slug not in _INDEX:
            raise ValueError(f"unknown built-in style {slug!r}; known: {', '.join(sorted(_INDEX))}")
        vector[_INDEX[slug]] += weight
    if not np.isfinite(vector).all() or (vector < 0).any() or vector.sum() <= 0:
        raise ValueError("style weights must be finite, not negative and not all zero")
    return np.asarray(vector / vector.sum(), dtype=np.float32)
