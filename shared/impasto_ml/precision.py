"""Mixed precision where the device computes in bfloat16, and full precision where it would only pretend to."""

from __future__ import annotations

from functools import cache

import torch


@cache
def computes_bfloat16(device_type: str) -> bool:
    """Whether products of bfloat16 are an instruction of this device.

    A CPU without it converts to and fro: a step of training takes nine times as long as in float32 there.
    """
    if device_type == "cpu":
        able = torch.cpu.get_capabilities()
        # The last is ARM's.
        return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return device_type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def mixed(device: torch.device, *, enabled: bool = True) -> torch.autocast:
    """A context in which networks compute in bfloat16, if the device does that and it is `enabled`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled and computes_bfloat16(device.type))
