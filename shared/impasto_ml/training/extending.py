"""A network that knows more styles than before, and draws what it drew."""

from __future__ import annotations

import zlib
from dataclasses import replace

import torch
from torch import Tensor

from impasto_ml.families.flowmini.model import STYLE_SPREAD, FlowMini


def extended(base: FlowMini, styles: tuple[str, ...]) -> FlowMini:
    """The same network with a row for each of these styles that it does not know; its own rows stay as they are.

    A new row begins near the mean of those that were there, as far from it as they are: styles that begin at one
    place stay alike through a short training.

    Raises:
        ValueError: more than 64 styles.
    """
    new = tuple(style for style in styles if style not in base.config.styles)
    model = FlowMini(replace(base.config, styles=base.config.styles + new))
    state = base.state_dict()
    rows = state["styles.weight"]
    state["styles.weight"] = torch.cat([rows, *(_begun(rows, style) for style in new)])
    model.load_state_dict(state)
    return model


def _begun(rows: Tensor, style: str) -> Tensor:
    """1 x width, the same for the same name."""
    known = rows[1:] if len(rows) > 1 else rows[:1]
    mean = known.mean(0, keepdim=True)
    spread = (known - mean).square().mean().sqrt().item() if len(known) > 1 else STYLE_SPREAD
    dice = torch.Generator().manual_seed(zlib.crc32(style.encode()))
    return mean + spread * torch.randn(mean.shape, generator=dice).to(mean)
