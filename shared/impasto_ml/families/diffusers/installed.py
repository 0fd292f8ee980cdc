"""The libraries of this family are an extra: imported when a pipeline is loaded, never before."""

from importlib import import_module
from typing import Any

HINT = "pip install 'impasto[worker,diffusers]'"


class FamilyNotInstalled(ImportError):
    """The packages of a model family are missing; `hint` is the command that installs them."""

    def __init__(self, package: str, hint: str = HINT) -> None:
        super().__init__(f"{package} is not installed: {hint}", name=package)
        self.hint = hint


def library(name: str) -> Any:
    """The module `diffusers`, `transformers` or `peft`, quiet: their warnings quote prompts.

    Raises:
        FamilyNotInstalled: it cannot be imported.
    """
    try:
        module = import_module(name)
        if name != "peft":
            import_module(f"{name}.utils.logging").set_verbosity_error()
            import_module(f"{name}.utils.logging").disable_progress_bar()
    except ImportError as error:
        raise FamilyNotInstalled(name) from error
    return module
