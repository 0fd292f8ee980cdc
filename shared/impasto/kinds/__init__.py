"""The table of contents of the system: every job kind, one file each."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

from impasto.kinds import (
    analyse_artwork,
    checkpoint_import,
    dataset_prepare,
    evaluate_checkpoint,
    evaluate_text_to_image,
    generate_stylise,
    generate_text_to_image,
    generate_upscale,
    train_style_classifier,
    train_text_to_image,
)
from impasto.kinds.kind import Kind, Params, Result

__all__ = ["Kind", "Params", "Result", "all_kinds"]

_BUILT_IN: Final[tuple[Kind[Any, Any], ...]] = (
    dataset_prepare.KIND,
    checkpoint_import.KIND,
    train_style_classifier.KIND,
    train_text_to_image.KIND,
    evaluate_checkpoint.KIND,
    evaluate_text_to_image.KIND,
    generate_text_to_image.KIND,
    generate_stylise.KIND,
    generate_upscale.KIND,
    analyse_artwork.KIND,
)


@cache
def all_kinds() -> dict[str, Kind[Any, Any]]:
    """Every kind by name: the built-in ones and those that plug-ins register under `impasto.kinds`.

    Raises:
        ValueError: two kinds have the same name.
    """
    kinds: dict[str, Kind[Any, Any]] = {}
    for kind in (*_BUILT_IN, *(point.load() for point in entry_points(group="impasto.kinds"))):
        if kind.name in kinds:
            raise ValueError(f"two job kinds are named {kind.name!r}")
        kinds[kind.name] = kind
    return kinds
