"""Decides by hash which subjects are learnt from and which are kept back, the same on every machine and every day."""

import hashlib
from typing import Literal

Split = Literal["train", "validation"]
# 64 bits of a hash as a fraction of one.
_WHOLE = 1 << 64


def share_of(subject: str, seed: int, purpose: str = "split") -> float:
    """A number in [0, 1), uniform over subjects, that depends on nothing but the arguments."""
    digest = hashlib.sha256(f"{purpose}\0{seed}\0{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _WHOLE


def split_of(subject: str, seed: int, validation_fraction: float) -> Split:
    """The side of every picture of this subject, so that no subject is on both sides.

    A larger fraction only moves subjects from train to validation. Raises ValueError unless it is in [0, 1].
    """
    if not 0 <= validation_fraction <= 1:
        raise ValueError(f"validation_fraction must be within [0, 1], not {validation_fraction}")
    return "validation" if share_of(subject, seed) < validation_fraction else "train"
