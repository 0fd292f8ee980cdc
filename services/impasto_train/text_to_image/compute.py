"""Trains in a runner: shards become a table, the network learns, and what is worth keeping is noted on the way."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from impasto.errors import JobFailed
from impasto_ml.data.pictures import FORMATS
from impasto_ml.data.shards import read_shards
from impasto_ml.encoders.text import TextEncoder
from impasto_ml.families.flowmini import FlowMini, FlowMiniConfig, FlowMiniDrawer, load_checkpoint, save_checkpoint
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.sampling.sheets import draw_sheet
from impasto_ml.training.captioned import Example, write_captioned
from impasto_ml.training.extending import extended
from impasto_ml.training.flow_matching import FlowTrainer, FlowTraining, TrainingDiverged
from impasto_worker.computing import device
from impasto_worker.runner_child import Report
from impasto_worker.stops import Left

_POINTS_AT_ONCE: Final = 10
_MEAN_OVER: Final = 50
_SAMPLE_SEED: Final = 1
_SAMPLE_STYLES: Final = 6
_RECENT: Final = "recent_losses"
# Deterministic on one device as well: the same steps give the same weights, wherever they were interrupted.
torch.use_deterministic_algorithms(True, warn_only=True)


def train(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes the checkpoint to `folder`; gives facts of the result.

    Notes on the way: `series` (points), `sample` (a file), `state` (a file to go on from).

    Raises:
        JobFailed: the loss became infinite.
        Left: it was told to, and has noted a state of the step where it was.
    """
    began = time.monotonic()
    torch.manual_seed(payload["options"]["seed"])
    report(0.0, "reading the pictures")
    encoder = TextEncoder.load(Path(payload["models"]), device())
    config, model = _network(payload)
    pictures = write_captioned(
        Path(payload["scratch"]), _examples(payload, report), encoder, size_px=config.size_px, styles=config.styles
    )
    if not payload["base"]:
        model.expect_words(*map(torch.from_numpy, pictures.spoken()))
    trainer = FlowTrainer(model, pictures, FlowTraining(**payload["options"]), device())
    run = _Run(payload, report, trainer, encoder)
    if payload["state"]:
        run.go_on_from(load_file(payload["state"]))
    run.to_the_end()
    folder = Path(payload["folder"])
    facts = payload["facts"] | {"pictures": len(pictures), "steps": trainer.step}
    save_checkpoint(folder, config, trainer.averaged, facts)
    return {
        "folder": str(folder),
        "styles": list(config.styles),
        "pictures": len(pictures),
        "steps": trainer.step,
        "final_loss": run.mean_loss,
        "last_step_loss": run.last_loss,
        "train_seconds": round(time.monotonic() - began, 2),
    }


def _network(payload: dict[str, Any]) -> tuple[FlowMiniConfig, FlowMini]:
    """The base with rows for the new styles, or a new network."""
    if payload["base"]:
        base = load_checkpoint(Path(payload["base"]))
        model = extended(base, tuple(payload["styles"]))
        return model.config, model
    config = FlowMiniConfig.of(payload["flavor"], tuple(payload["styles"]))
    return config, FlowMini(config)


def _examples(payload: dict[str, Any], report: Report) -> Iterator[Example]:
    label: str | None = payload["label"]
    for sample in read_shards(map(Path, payload["shards"]), pictures=True):
        if report.is_to_leave:
            raise Left  # nothing has been learnt yet
        with Image.open(io.BytesIO(sample.picture), formats=FORMATS) as picture:
            record = sample.record
            style = (record[label] or None) if label else None
            yield Example(picture.convert("RGB"), (record["caption"] or record["title"] or "",), style)


@dataclass
class _Run:
    """The loop over steps, and what it notes."""

    payload: dict[str, Any]
    report: Report
    trainer: FlowTrainer
    encoder: TextEncoder

    def __post_init__(self) -> None:
        self._points: list[dict[str, Any]] = []
        self._losses: deque[float] = deque(maxlen=_MEAN_OVER)
        self._kept = 0
        self.last_loss = 0.0

    @property
    def mean_loss(self) -> float:
        return sum(self._losses) / max(1, len(self._losses))

    def go_on_from(self, state: dict[str, torch.Tensor]) -> None:
        """From what an earlier attempt kept."""
        self.trainer.restore(state)
        self._losses.extend(state[_RECENT].tolist())
        self._kept = self.trainer.step

    def to_the_end(self) -> None:
        steps = self.trainer.options.steps
        while self.trainer.step < steps:
            if self.report.is_to_leave:
                self._leave()
            self._step()
            last = self.trainer.step == steps
            keeps = self.trainer.step % self.payload["checkpoint_every"] == 0 and not last
            # Points and a sample first: whoever goes on from the state tells only of the steps after it.
            if len(self._points) >= _POINTS_AT_ONCE or keeps or last:
                self._tell_points()
            if self.trainer.step % self.payload["sample_every"] == 0 or last:
                self._sample()
            if keeps:
                self._keep()

    def _leave(self) -> NoReturn:
        if self.trainer.step > self._kept:
            self._tell_points()
            self._keep()
        raise Left

    def _tell_points(self) -> None:
        if self._points:
            self.report.note(kind="series", points=self._points)
            self._points = []

    def _step(self) -> None:
        rate = self.trainer.options.rate(self.trainer.step)
        try:
            self.last_loss = self.trainer.train_step()
        except TrainingDiverged as error:
            raise JobFailed(
                "training_diverged", str(error), hint="train again with a smaller learning_rate", actual=rate
            ) from error
        self._losses.append(self.last_loss)
        step, steps = self.trainer.step, self.trainer.options.steps
        self._points.append({"step": step, "points": {"loss": self.last_loss, "learning_rate": rate}})
        told = {"loss": round(self.mean_loss, 5)}
        self.report(step / steps, f"step {step} of {steps}", step=step, steps=steps, series=told)

    def _sample(self) -> None:
        styles: list[str] = self.payload["styles"][:_SAMPLE_STYLES]
        requests = [
            DrawingRequest(prompt, _SAMPLE_SEED, style={style: 1.0} if style else {})
            for style in (styles or [""])
            for prompt in self.payload["sample_prompts"]
        ]
        drawer = FlowMiniDrawer(self.trainer.averaged_model(), self.encoder, device())
        sheet = draw_sheet(drawer, requests, len(self.payload["sample_prompts"]))
        path = Path(self.payload["notes"]) / f"sample-{self.trainer.step}.png"
        sheet.save(path)
        self.report.note(kind="sample", step=self.trainer.step, path=str(path))

    def _keep(self) -> None:
        path = Path(self.payload["notes"]) / f"state-{self.trainer.step}.safetensors"
        state = self.trainer.state() | {_RECENT: torch.tensor(self._losses, dtype=torch.float64)}
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        self._kept = self.trainer.step
        self.report.note(kind="state", step=self.trainer.step, path=str(path))
