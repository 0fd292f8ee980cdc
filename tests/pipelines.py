"""Tiny pipelines on the platform: made once for a run, imported once for a platform."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from impasto.kinds.checkpoint_import import ImportCheckpoint, ImportedCheckpoint, ImportSource
from impasto.testing.stacks import Stack

_IMPORTED: dict[tuple[str, str, bool], ImportedCheckpoint] = {}


@cache
def _root() -> Path:
    """A folder for the whole run."""
    folder = Path(mkdtemp(prefix="impasto-pipelines-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def pipeline(name: str, seed: int = 0) -> Path:
    """The folder of a tiny pipeline by its name in `tiny.MAKERS`; not to be changed."""
    from tests.impasto_ml.families.diffusers import tiny  # late: it imports diffusers

    return tiny.make(name, _root() / f"{name}-{seed}", seed)


@cache
def lora(name: str, seed: int = 1) -> Path:
    """The folder of LoRA weights for that pipeline; not to be changed."""
    from tests.impasto_ml.families.diffusers import tiny  # late, as above

    return tiny.make_lora(name, _root() / f"lora-{name}-{seed}", seed)


def place(stack: Stack, name: str, folder: Path) -> Path:
    """Puts a copy into the platform's folder of imports under that name."""
    target = stack.settings.imports_folder / name
    if not target.exists():
        shutil.copytree(folder, target)
    return target


def imported(stack: Stack, name: str, *, evaluate: bool = False, seed: int = 0) -> ImportedCheckpoint:
    """The tiny pipeline as a checkpoint of the first tenant, imported by whoever asks first."""
    key = (stack.url, f"{name}-{seed}", evaluate)
    if key not in _IMPORTED:
        place(stack, key[1], pipeline(name, seed))
        _IMPORTED[key] = stack.client().run(
            ImportCheckpoint(name=key[1], source=ImportSource(folder=key[1]), evaluate=evaluate)
        )
    return _IMPORTED[key]
