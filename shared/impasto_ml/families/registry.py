"""The families that draw from words, by name; a plug-in adds its own under the entry points `impasto.families`."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol

from impasto_ml.families.text_to_image import TextToImage


class Loader(Protocol):
    """Loads a checkpoint's folder onto a device (`cpu`, `cuda:0` …), to be drawn with `threads` threads.

    Raises:
        ValueError, OSError: the folder does not hold what the family needs.
    """

    def __call__(self, folder: Path, device: str, threads: int) -> TextToImage[Any]: ...


# Named, not imported: a family's module imports torch.
FAMILIES: Final[dict[str, str]] = {
    "flowmini": "impasto_ml.families.flowmini:load",
    "diffusers": "impasto_ml.families.diffusers:load",
}


def family_names() -> tuple[str, ...]:
    """The names of all families that draw from words, without importing one."""
    plugged_in = (point.name for point in entry_points(group="impasto.families"))
    return tuple(dict.fromkeys((*FAMILIES, *plugged_in)))


def family_loader(name: str) -> Loader:
    """What loads checkpoints of this family.

    Raises:
        LookupError: there is no family of that name.
    """
    if (target := FAMILIES.get(name)) is not None:
        module, _, function = target.partition(":")
        built_in: Loader = getattr(importlib.import_module(module), function)
        return built_in
    for point in entry_points(group="impasto.families", name=name):
        plugged_in: Loader = point.load()
        return plugged_in
    raise LookupError(f"there is no family {name!r} that draws from words")
