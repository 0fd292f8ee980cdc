"""A network that knows more styles than before, and draws what it drew."""

from __future__ import annotations

from dataclasses import replace

import torch

from impasto_ml.families.flowmini.model import FlowMini


def extended(base: FlowMini, styles: tuple[str, ...]) -> FlowMini:
    """The same network with a row for each of these styles that it does not know; its own rows stay as they are.

    A new row begins as the mean of those that were there, a style like none of them.

    Raises:
        ValueError: more than 64 styles.
    """
    new = tuple(style for style in styles if style not in base.config.styles)
    model = FlowMini(replace(base.config, styles=base.config.styles + new))
    state = base.state_dict()
    rows = state["styles.weight"]
    mean = rows[1:].mean(0, keepdim=True) if len(rows) > 1 else rows[:1]
    state["styles.weight"] = torch.cat([rows, mean.expand(len(new), -1)])
    model.load_state_dict(state)
    return model
