"""What to ask of a model that draws from words: captions of works it never saw, and scenes whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from impasto_ml.data.scenes import Scene, every_scene
from impasto_ml.data.split import share_of
from impasto_ml.evaluation.text_to_image_drawing import Asked

# Of one kind of prompt; what is more is left out by asking fewer prompts.
_MOST_PICTURES: Final = 20_000


def ask_captions(
    captions: Iterable[str], styles: Sequence[str], seeds: int, most: int, first_seed: int = 0
) -> list[Asked]:
    """At most `most` different captions, chosen by hash, each in every style (or in none) with `seeds` seeds.

    Seeds count from `first_seed`, the same for all, so that pictures differ by what was asked and not by luck.
    """
    different = {text.strip() for text in captions} - {""}
    chosen = sorted(different, key=lambda text: (share_of(text, first_seed, "captions"), text))
    return [
        Asked(text, style, first_seed + seed)
        for text in chosen[: _fitting(most, styles, seeds)]
        for style in (styles or (None,))
        for seed in range(seeds)
    ]


def ask_scenes(styles: Sequence[str], seeds: int, most: int, first_seed: int = 0) -> list[Asked]:
    """At most `most` scenes, half of them of the combinations that the procedural lessons keep back.

    A style named like a manner of scenes is asked for that manner; other styles are asked for the same scenes.
    """
    scenes = sorted(
        {Scene(scene.colour, scene.shape, scene.place, "flat") for scene in every_scene()},
        key=lambda scene: (share_of(scene.prompt, first_seed, "scenes"), scene.prompt),
    )
    fitting = _fitting(most, styles, seeds)
    held_out = [scene for scene in scenes if scene.held_out][: (fitting + 1) // 2]
    seen = [scene for scene in scenes if not scene.held_out][: fitting - len(held_out)]
    return [
        Asked(scene.prompt, style, first_seed + seed, Scene(scene.colour, scene.shape, scene.place, style or "flat"))
        for scene in held_out + seen
        for style in (styles or (None,))
        for seed in range(seeds)
    ]


def _fitting(most: int, styles: Sequence[str], seeds: int) -> int:
    return max(1, min(most, _MOST_PICTURES // (max(1, len(styles)) * seeds)))
