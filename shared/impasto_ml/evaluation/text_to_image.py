"""Measures a model that draws from words: does it draw what is asked, as asked, and nothing that it has by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from impasto_ml.encoders.vectors import VectorEncoder
from impasto_ml.evaluation import text_to_image_comparing as comparing
from impasto_ml.evaluation import text_to_image_measures as measures
from impasto_ml.evaluation.kid import kid
from impasto_ml.evaluation.text_to_image_drawing import Asked, Hand
from impasto_ml.evaluation.text_to_image_looking import Looking, StyleJudge, Tell, stability
from impasto_ml.evaluation.text_to_image_measures import TextToImageEvaluation
from impasto_ml.evaluation.text_to_image_sheets import ContactSheet
from impasto_ml.evaluation.text_to_image_works import Works

__all__ = ["Asked", "Evaluated", "Hand", "StyleJudge", "TextToImageEvaluation", "Works", "evaluate"]

_REPEATED: Final = 8


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The figures; a sheet of what was drawn; a sheet of the worst copies, where works that were learnt are known."""

    measured: TextToImageEvaluation
    sheet: Image.Image
    copies: Image.Image | None


def _silent(fraction: float, message: str) -> None:
    """Nobody wants to know."""


def evaluate(
    hand: Hand,
    captions: Sequence[Asked],
    scenes: Sequence[Asked],
    encoder: VectorEncoder,
    encoder_name: str,
    judge: StyleJudge | None = None,
    works: Works | None = None,
    tell: Tell = _silent,
) -> Evaluated:
    """`encoder` makes the vectors that shards carry; by it pictures are near, different and likely.

    Memory: one vector a drawn caption and a held-out work (of at most 4,000), one chunk of the works learnt from.
    Raises ValueError when nothing is asked, and for a style that the checkpoint does not know.
    """
    if not captions and not scenes:
        raise ValueError("nothing is asked")
    looking = Looking(hand, encoder, ContactSheet(), tell, total=len(captions) + len(scenes))
    looked = looking.captions(captions, judge)
    readings, rows = looking.scenes(scenes, keep=not captions)
    tell(0.7, "looking at the held-out works")
    side = min(hand.drawer.size_px)
    real = comparing.look_at_held_out(works, encoder, judge, side) if works else None
    copied = None
    if works and real and captions:
        copied = comparing.find_copies(captions, looked, real, works, encoder, side, tell)
    tell(0.92, "drawing the same again")
    everything = (*captions, *scenes)
    measured = TextToImageEvaluation(
        drawn=len(everything),
        prompts=len({one.prompt for one in everything}),
        styles=tuple(sorted({one.style for one in everything if one.style})),
        encoder=encoder_name,
        held_out_works=len(real.rows) if real else 0,
        learnt_works=copied.works if copied else 0,
        style=comparing.style_agreement(captions, looked, judge, real) if judge else None,
        scenes_held_out=measures.attributes(scenes, readings, held_out=True),
        scenes_seen=measures.attributes(scenes, readings, held_out=False),
        kid=kid(looked.rows, real.rows, measures.numbered([c.prompt for c in captions])) if captions and real else None,
        copying=copied,
        spread=measures.spread(captions, looked.rows) if captions else measures.spread(scenes, rows),
        stability=stability(hand, everything[:_REPEATED]),
    )
    tell(0.96, "drawing the sheets")
    pairs = comparing.show_copies(hand, captions, copied.worst, works, side) if copied and works else None
    return Evaluated(measured, looking.sheet.picture(), pairs)
