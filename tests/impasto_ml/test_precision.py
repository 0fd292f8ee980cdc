"""In which precision networks compute."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from impasto_ml.precision import computes_bfloat16, mixed

_CPU = torch.device("cpu")


def test_a_processor_is_asked_for_what_it_computes() -> None:
    """The kernel's list of its abilities, which is another program's finding."""
    known = set(Path("/proc/cpuinfo").read_text().split())
    assert computes_bfloat16("cpu") == bool(known & {"avx512_bf16", "amx_bf16", "bf16"})


@pytest.mark.parametrize("enabled", [True, False])
def test_products_are_of_what_the_processor_computes(enabled: bool) -> None:
    with mixed(_CPU, enabled=enabled):
        product = torch.eye(2) @ torch.eye(2)
    assert product.dtype == (torch.bfloat16 if enabled and computes_bfloat16("cpu") else torch.float32)
