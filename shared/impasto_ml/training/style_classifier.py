"""Trains the style classifier on features from shards: seconds on a CPU, the same weights for the same seed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from impasto_ml.data.split import share_of
from impasto_ml.encoders.backbone_identity import BackboneIdentity
from impasto_ml.encoders.layout import COLOUR_FEATURES
from impasto_ml.families.style_classifier.config import FLAVORS, Flavor, StyleClassifierConfig
from impasto_ml.families.style_classifier.model import Standardise, StyleClassifier

from .calibration import fit_temperature
from .feature_table import FeatureTable
from .strangers import certainty_loss, made_strangers

_CHUNK = 1024
_LEAST_DEVIATION = 1e-3
# On easy sets every odd is at its bound; a deviation of nearly nothing would drown the other kind of evidence.
_LEAST_EVIDENCE_DEVIATION = 0.1
# Fewer pictures cannot carry a temperature and a threshold.
_LEAST_CALIBRATION = 20


@dataclass(frozen=True)
class TrainingOptions:
    """`calibration_fraction`: share of the training subjects kept back for temperature and threshold.

    `accepted`: share of the kept-back pictures, all of known hands, that the threshold must call known.
    `steps` counts optimiser steps, `epochs` passes over what is learnt; `steps`, `batch` and `learning_rate` are the
    flavor's own where they are None.
    """

    flavor: str = "base"
    seed: int = 0
    steps: int | None = None
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    calibration_fraction: float = 0.15
    accepted: float = 0.95
    report_every: int = 20

    def __post_init__(self) -> None:
        if self.flavor not in FLAVORS:
            raise ValueError(f"{self.flavor!r} is not a flavor: {', '.join(FLAVORS)}")
        if any(count is not None and count < 1 for count in (self.steps, self.epochs, self.batch)):
            raise ValueError("steps, epochs and batch are at least one")
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give either steps or epochs")
        if not (0 < self.calibration_fraction < 1 and 0 < self.accepted < 1):
            raise ValueError("calibration_fraction and accepted lie strictly between 0 and 1")

    def flavored(self) -> Flavor:
        """The flavor with what is overridden here."""
        chosen = FLAVORS[self.flavor]
        return replace(
            chosen, batch=self.batch or chosen.batch, learning_rate=self.learning_rate or chosen.learning_rate
        )

    def steps_for(self, pictures: int) -> int:
        """Optimiser steps when so many pictures are learnt."""
        flavor = self.flavored()
        return self.epochs * math.ceil(pictures / flavor.batch) if self.epochs else self.steps or flavor.steps


@dataclass(frozen=True)
class TrainingProgress:
    """`loss`: mean cross-entropy on training pictures since the last report, without that on made strangers.

    The last report of a run carries the finished classifier.
    """

    step: int
    steps: int
    loss: float
    classifier: StyleClassifier | None = None
    calibration_pictures: int = 0


def train(
    table: FeatureTable, options: TrainingOptions, device: str = "cpu", backbone: BackboneIdentity | None = None
) -> Iterator[TrainingProgress]:
    """Yields progress; stop iterating to cancel. Raises ValueError with fewer than two styles.

    `table` holds training subjects only: validation pictures take part in nothing here. `backbone`: whose features
    these are, if not the encoder's that shards carry.
    """
    config = StyleClassifierConfig.of(options.flavor, tuple(sorted(set(table.styles))), backbone)
    flavor = options.flavored()
    labels = np.array([config.styles.index(style) for style in table.styles])
    learnt, kept_back = _divide(table, labels, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        model = StyleClassifier(config)
    model = _with_statistics(model, table, learnt).to(device)
    steps = options.steps_for(len(learnt))
    loss = float("nan")
    for progress in _fit(model, table, labels, learnt, flavor, steps, options):
        loss = progress.loss
        yield progress
    model.eval().requires_grad_(False)
    _fill_bank(model, table, learnt, options.seed)
    calibrated = kept_back if len(kept_back) >= _LEAST_CALIBRATION else np.empty(0, dtype=np.intp)
    _calibrate(model, table, labels, calibrated, options)
    yield TrainingProgress(steps, steps, loss, model, len(calibrated))


def _divide(
    table: FeatureTable, labels: NDArray[np.intp], options: TrainingOptions
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices to learn from and to calibrate on, by subject; a style seen only in kept-back subjects is learnt."""
    shares = np.array([share_of(subject, options.seed, "calibration") for subject in table.subjects])
    kept = shares < options.calibration_fraction
    for label in range(int(labels.max()) + 1):
        if kept[labels == label].all():
            kept[labels == label] = False
    return np.flatnonzero(~kept), np.flatnonzero(kept)


def _with_statistics(model: StyleClassifier, table: FeatureTable, learnt: NDArray[np.intp]) -> StyleClassifier:
    """Standardisation, in two passes that hold one chunk of pictures."""
    chunks = _chunks(learnt)
    total = sum(table.batch(chunk).astype(np.float64).sum(0) for chunk in chunks)
    mean = total / len(learnt)
    squares = sum(((table.batch(chunk) - mean) ** 2).sum(0) for chunk in chunks)
    deviation = np.sqrt(squares / len(learnt)) + _LEAST_DEVIATION
    for part, columns in (
        (model.standardise, slice(None, -COLOUR_FEATURES)),
        (model.colour_standardise, slice(-COLOUR_FEATURES, None)),
    ):
        part.mean = torch.from_numpy(mean[columns]).float()
        part.deviation = torch.from_numpy(deviation[columns]).float()
    return model


@torch.inference_mode()
def _fill_bank(model: StyleClassifier, table: FeatureTable, learnt: NDArray[np.intp], seed: int) -> None:
    """Where the learnt pictures, or as many as the bank holds, lie in the hidden layer now that it has learnt."""
    size = min(model.config.bank, len(learnt))
    chosen = np.sort(np.random.default_rng([seed, 1]).choice(learnt, size, replace=False))
    places = [model.hidden(_style(model.standardise, table.batch(chunk))).half() for chunk in _chunks(chosen)]
    model.bank = torch.cat(places)


def _chunks(index: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [index[start : start + _CHUNK] for start in range(0, len(index), _CHUNK)]


def _style(standardise: Standardise, rows: NDArray[np.float32]) -> Tensor:
    result: Tensor = standardise(torch.from_numpy(rows[:, :-COLOUR_FEATURES]).to(standardise.mean.device))
    return result


def _fit(
    model: StyleClassifier,
    table: FeatureTable,
    labels: NDArray[np.intp],
    learnt: NDArray[np.intp],
    flavor: Flavor,
    steps: int,
    options: TrainingOptions,
) -> Iterator[TrainingProgress]:
    """AdamW under a one-cycle rate; the head and the colour yardstick learn side by side from the same batches.

    The head's loss is cross-entropy plus the flavor's weight times that on strangers made from the batch.
    """
    parameters = [*model.head.parameters(), *model.colour_head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=flavor.learning_rate, weight_decay=flavor.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, flavor.learning_rate, total_steps=steps + 1)
    draw = np.random.default_rng([options.seed, 2])
    device = model.temperature.device
    losses: list[float] = []
    for step in range(1, steps + 1):
        index = draw.choice(learnt, flavor.batch)
        rows = table.batch(index, draw.integers(table.rows.shape[1], size=flavor.batch))
        truth = torch.from_numpy(labels[index]).to(device)
        width = model.layout.learnt_width
        noise = torch.from_numpy(draw.standard_normal((flavor.batch, width), dtype=np.float32)).to(device)
        x = _style(model.standardise, rows)
        strangers = made_strangers(x, truth, draw)
        logits = _head(model.head, torch.cat([x + flavor.noise * noise, strangers]), flavor.dropout, draw)
        loss = F.cross_entropy(logits[: flavor.batch], truth)
        strange = flavor.stranger_weight * certainty_loss(logits[flavor.batch :])
        colour = model.colour_standardise(torch.from_numpy(rows[:, -COLOUR_FEATURES:]).to(device))
        whole = loss + strange + F.cross_entropy(model.colour_head(colour), truth)
        optimiser.zero_grad()
        whole.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rate.step()
        losses.append(loss.item())
        if step % options.report_every == 0 or step == steps:
            yield TrainingProgress(step, steps, float(np.mean(losses)))
            losses.clear()


def _head(head: nn.Sequential, x: Tensor, dropout: float, draw: np.random.Generator) -> Tensor:
    """The head with dropout drawn from our own generator.

    torch's generator is global: a run would repeat only while nobody else in the process draws from it.
    """
    hidden = head[1](head[0](x))
    keep = torch.from_numpy(draw.random(tuple(hidden.shape), dtype=np.float32)).to(hidden.device) >= dropout
    logits: Tensor = head[3](hidden * keep / (1 - dropout))
    return logits


@torch.inference_mode()
def _calibrate(
    model: StyleClassifier,
    table: FeatureTable,
    labels: NDArray[np.intp],
    index: NDArray[np.intp],
    options: TrainingOptions,
) -> None:
    """Temperature, the scale of both kinds of evidence and the threshold. Without pictures all stay neutral."""
    if not len(index):
        return
    inputs = [_style(model.standardise, table.batch(chunk)) for chunk in _chunks(index)]
    logits = torch.cat([model(x) for x in inputs]).cpu()
    model.temperature.fill_(fit_temperature(logits, torch.from_numpy(labels[index])))
    evidence = torch.cat([model.evidence(x) for x in inputs])
    model.score_mean.copy_(evidence.mean(0))
    model.score_deviation.copy_(evidence.std(0).clamp(min=_LEAST_EVIDENCE_DEVIATION))
    familiarity = torch.cat([model.familiarity(x) for x in inputs])
    model.threshold.copy_(torch.quantile(familiarity, 1 - options.accepted))
