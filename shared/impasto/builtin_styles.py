"""The built-in styles by slug, as the API lists them. A test holds this list against the network's own."""

from __future__ import annotations

from typing import Final

BUILT_IN: Final[tuple[tuple[str, str], ...]] = (
    ("golden-haze", "Soft ochre and sky blue in loose, sunlit oil strokes."),
    ("ink-and-yellow", "Heavy black contours on pale paper with flat lemon yellow."),
    ("quiet-gouache", "Pale washes, cream and charcoal, gently hatched skies."),
    ("carnival", "Short slashes of pure red, blue and gold on black; the subject dissolves."),
    ("claret-canvas", "Woven canvas grain, claret shadows and warm ochre light."),
    ("autumn-strokes", "Lively directional strokes in orange, rust and slate blue."),
    ("midnight-seeds", "Indigo night scattered with small amber seeds."),
    ("primary-glow", "Saturated yellow, red and blue glowing out of deep black."),
    ("spring-sketch", "White paper, fine pencil and splashes of magenta and yellow."),
    ("red-and-slate-dabs", "A mosaic of short slate and crimson dabs on white."),
    ("terracotta", "Burnt sienna and umber, dry brush on dark ground."),
    ("honey-engraving", "Engraved brown lines and stipple over honey-coloured paper."),
    ("lilac-morning", "Blurred lilac, peach and powder blue, as in morning mist."),
    ("lime-and-teal", "Acid green against teal, dark ridged contours."),
    ("sea-mist", "Pale teal monochrome with a breath of pink; very calm."),
    ("stained-glass", "Small pastel panes between dark leaded lines."),
    ("electric-dusk", "Ultramarine and orange crayon in diagonal hatching."),
    ("woven-blocks", "Red, orange and black bricks; little of the photo is left."),
    ("woodcut-sand", "Sand and olive, carved in flowing parallel grooves."),
    ("cobalt-night", "Cobalt and gold in swirling short strokes."),
    ("ember", "Deep red and black, lit as if by coals."),
    ("paper-cutout", "Flat coral, mustard and pale blue shapes with thick black edges."),
    ("charcoal-and-vermilion", "Charcoal contours, grey-blue air and vermilion."),
    ("dusk-pastel", "Velvety darks fading into cream and grey-blue pastel."),
    ("blue-woodblock", "Prussian blue and pale cream with foaming, broken edges."),
    ("burnished-mosaic", "Dark, dense chips of rust, gold and steel blue."),
)
