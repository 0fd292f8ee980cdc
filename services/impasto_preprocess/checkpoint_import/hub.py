"""Downloads the weights and configurations of a repository on a hub, in a runner; never code, never with a secret."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any, Final

from impasto.artifacts import WEIGHT_SUFFIXES
from impasto.errors import JobFailed
from impasto_worker.runner_child import Report

_INDEX: Final = "model_index.json"
_BESIDE_ADAPTER: Final = "adapter_config.json"
_MOST_BYTES: Final = 200 << 30
_PATIENCE_S: Final = 20.0


def download(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Fills the folder `out`; gives the commit in `revision`.

    Raises:
        JobFailed: the hub is out of reach or refuses, has no such repository, or more than 200 GB of it.
    """
    # Read when the library is imported: nobody at the hub learns who asks, and files come as plain HTTP.
    os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_HUB_DISABLE_XET": "1"}
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise JobFailed(
            "library_missing",
            "the worker lacks huggingface_hub",
            hint="pip install 'impasto[worker,diffusers]'",
        ) from error
    name, wanted = payload["name"], _of_adapter if payload["adapter"] else _of_pipeline
    report(0.0, f"asking the hub for {name}")
    try:
        # Never with the operator's own token: tenants would reach what it reaches.
        found = hub.HfApi(token=False).model_info(
            name, revision=payload["revision"], files_metadata=True, timeout=_PATIENCE_S
        )
        sizes = {file.rfilename: file.size or 0 for file in found.siblings or () if wanted(file.rfilename)}
        size = sum(sizes.values())
        if size > _MOST_BYTES:
            raise JobFailed("model_too_large", f"{name} has more than {_MOST_BYTES} bytes", limit=_MOST_BYTES)
        report(0.02, f"downloading {size / 1e9:.1f} GB")
        exactly = [glob.escape(file) for file in sizes] or [_INDEX]
        hub.snapshot_download(
            name, revision=found.sha, local_dir=Path(payload["out"]), allow_patterns=exactly, token=False
        )
    except JobFailed:
        raise
    except Exception as error:  # its errors have no root but those of its HTTP library
        raise _refusal(name, error) from error
    return {"revision": found.sha}


def _of_pipeline(file: str) -> bool:
    """Single files of all weights lie beside the folders of the components."""
    return file == _INDEX or ("/" in file and file.endswith(WEIGHT_SUFFIXES))


def _of_adapter(file: str) -> bool:
    return file == _BESIDE_ADAPTER or ("/" not in file and file.endswith(".safetensors"))


def _refusal(name: str, error: Exception) -> Exception:
    kind = type(error).__name__
    if kind in {"RepositoryNotFoundError", "RevisionNotFoundError", "GatedRepoError", "HFValidationError"}:
        return JobFailed(
            "hub_unreachable",
            f"the hub has no {name} of that revision for everybody",
            hint="check name and revision; where a licence has to be accepted first, download it and upload the files",
        )
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
        return error
    return JobFailed(
        "hub_unreachable",
        f"the hub does not answer ({kind})",
        hint="on a machine without a way out, upload the files or put the folder into IMPASTO_IMPORTS",
    )
