"""Training of flowmini by rectified flow: deterministic by step, so that another process can go on where one ended.

Liu et al. 2022 (arXiv 2209.03003), equation 1; times are drawn from a logit-normal (Esser et al. 2024, arXiv
2403.03206, section 3.1). What a step does depends on the seed, the step's number and the state alone.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from impasto_ml.families.flowmini.model import FlowMini, for_pictures, velocity
from impasto_ml.precision import mixed
from impasto_ml.training.captioned import Batch, CaptionedPictures
from impasto_ml.training.edges import edge_loss

_TIME_SPREAD: Final = 1.2
_CLIP: Final = 1.0
_STYLES: Final = 1
_FUSED: Final = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.MATH,
]
# Sequences are short: on a CPU the fused attention goes back many times more slowly than plain products.
_ATTENTION: Final = {"cpu": [SDPBackend.MATH]}


class TrainingDiverged(ArithmeticError):
    """The loss is no number any more."""


@dataclass(frozen=True, slots=True)
class FlowTraining:
    """How to learn. The rate rises for `warm_up` steps, is held until `hold` of all steps, then falls as a cosine.

    `caption_dropout` and `style_dropout` are the chances that a picture is shown without its words or its style;
    guidance needs the first. `ema` is the decay of the averaged weights, the ones that draw. `style_rate` multiplies
    the learning rate of the table of styles: a new style must leave the place where it began within a short training.
    `time_mean` is where times are drawn around at 64 px, as a logit. A larger picture shows through more noise (Esser
    et al. 2024, section 5.3.2), and what is drawn where is only learnt while it does not show; nearer to the picture,
    details are learnt. `edges` is the weight of the loss of edges beside that of the velocity: see `edge_loss`.
    `twins` is the chance that what shows through the noise is the picture's twin while its own style is asked for: what
    begins to show while drawing may be in another's style, and the one asked for must win.
    """

    steps: int
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: int = 100
    hold: float = 0.5
    ema: float = 0.999
    caption_dropout: float = 0.1
    style_dropout: float = 0.2
    style_rate: float = 1.0
    time_mean: float = -1.2
    edges: float = 0.0
    twins: float = 0.0
    seed: int = 0

    def rate(self, step: int) -> float:
        """The learning rate of the step that follows `step` finished ones."""
        rising = min(1.0, (step + 1) / max(1, self.warm_up))
        done = step / max(1, self.steps)
        falling = 1.0 if done < self.hold else 0.5 * (1 + math.cos(math.pi * (done - self.hold) / (1 - self.hold)))
        return self.learning_rate * rising * max(falling, 0.02)


class FlowTrainer:
    """A network that learns. `step` counts finished steps; `averaged` are the weights that draw."""

    def __init__(
        self, model: FlowMini, pictures: CaptionedPictures, options: FlowTraining, device: str = "cpu"
    ) -> None:
        self.model: FlowMini = for_pictures(model, torch.device(device)).train()
        self.options, self.step = options, 0
        self._pictures, self._device = pictures, torch.device(device)
        self._time_mean = options.time_mean - math.log(model.config.size_px / 64)
        self._learnt = _by_group(self.model)
        groups: list[dict[str, Any]] = [{"params": [value for _, value in group]} for group in self._learnt]
        # Decay would pull styles towards one another.
        groups[_STYLES] |= {"weight_decay": 0.0} if options.style_rate != 1 else {}
        self._optimiser = torch.optim.AdamW(
            groups, options.learning_rate, betas=(0.9, 0.99), weight_decay=options.weight_decay, fused=True
        )
        self.averaged = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def train_step(self) -> float:
        """One step of gradient descent; gives its loss.

        Raises:
            TrainingDiverged: the loss or its gradient is NaN or infinite; nothing was changed.
        """
        dice = np.random.default_rng((self.options.seed, self.step))
        with sdpa_kernel(_ATTENTION.get(self._device.type, _FUSED)):
            loss = self._loss(self._pictures.batch(self.options.batch, dice, self.options.twins), dice)
        if not torch.isfinite(loss):
            raise TrainingDiverged(f"the loss of step {self.step + 1} is {loss.item()}")
        for number, group in enumerate(self._optimiser.param_groups):
            group["lr"] = self.options.rate(self.step) * (self.options.style_rate if number == _STYLES else 1)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if not torch.isfinite(nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP)):
            raise TrainingDiverged(f"the gradient of step {self.step + 1} is not finite")
        self._optimiser.step()
        self.step += 1
        self._average()
        return float(loss.item())

    def averaged_model(self) -> FlowMini:
        """Another network with the averaged weights, to draw with while this one goes on learning."""
        model = FlowMini(self.model.config)
        model.load_state_dict(self.averaged)
        return model.eval()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on besides seed and step, as named tensors."""
        state = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        state |= {f"averaged.{name}": value for name, value in self.averaged.items()}
        names = [name for group in self._learnt for name, _ in group]
        for index, moments in self._optimiser.state_dict()["state"].items():
            state |= {f"adam.{names[index]}.{key}": moments[key] for key in ("exp_avg", "exp_avg_sq")}
        state["step"] = torch.tensor(self.step)
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Goes on from what `state` gave.

        Raises:
            ValueError: it is the state of another network.
        """
        try:
            self.model.load_state_dict({name: state[f"model.{name}"] for name in self.averaged})
            self.averaged = {name: state[f"averaged.{name}"].clone().to(self._device) for name in self.averaged}
            self.step = int(state["step"])
            packed = self._optimiser.state_dict()
            packed["state"] = {
                index: {
                    "step": torch.tensor(float(self.step)),
                    # Laid out in memory as the parameter: the fused optimiser goes by memory and not by strides.
                    **{
                        key: torch.empty_like(value, requires_grad=False).copy_(state[f"adam.{name}.{key}"])
                        for key in ("exp_avg", "exp_avg_sq")
                    },
                }
                for index, (name, value) in enumerate(itertools.chain(*self._learnt))
                if self.step
            }
            self._optimiser.load_state_dict(packed)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"this is the state of another network: {error}") from error

    def _loss(self, batch: Batch, dice: np.random.Generator) -> Tensor:
        """Mean square of the error of the velocity."""
        x = self._scaled(batch.pictures)
        count = len(x)
        noise = torch.from_numpy(dice.standard_normal(tuple(x.shape), np.float32)).to(self._device)
        t_B = torch.from_numpy(dice.standard_normal(count, np.float32)).mul(_TIME_SPREAD).add(self._time_mean).sigmoid()
        t_B = t_B.to(self._device)
        spoken = torch.from_numpy(dice.random(count) >= self.options.caption_dropout)
        asked = torch.from_numpy(dice.random(count) >= self.options.style_dropout)
        keep = (torch.from_numpy(batch.keep) & spoken[:, None]).to(self._device)
        rows = torch.where(asked, torch.from_numpy(batch.styles), 0)
        style = nn.functional.one_hot(rows, len(self.model.config.styles) + 1).float().to(self._device)
        words = torch.from_numpy(batch.words).float().to(self._device)
        left = (1 - t_B)[:, None, None, None]
        shown = x
        if self.options.twins:
            # Without a style asked for nothing says that the twin is not what is wanted.
            shown = torch.where(asked.to(self._device)[:, None, None, None], self._scaled(batch.twins), x)
        z = (1 - left) * shown + left * noise
        with mixed(self._device):
            x_hat = self.model(z, t_B, words, keep, style)
        loss: Tensor = (velocity(x_hat, z, t_B) - velocity(x, z, t_B)).square().mean()
        return loss + self.options.edges * edge_loss(x_hat, x, t_B) if self.options.edges else loss

    def _scaled(self, pictures: NDArray[np.uint8]) -> Tensor:
        """B x 3 x S x S in [-1, 1]."""
        x = torch.from_numpy(pictures).to(self._device).float().div(127.5).sub(1)
        return x.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.options.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            self.averaged[name].lerp_(value, 1 - decay)


def _by_group(model: FlowMini) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Tensor]]]:
    """The named parameters, without and only the table of styles, in the optimiser's order."""
    named = list(model.named_parameters())
    return [pair for pair in named if pair[1] is not model.styles.weight], [("styles.weight", model.styles.weight)]
