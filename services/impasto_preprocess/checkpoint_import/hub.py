"""Downloads the weights and configurations of a repository on a hub, in a runner; never code, never with a secret."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from impasto.errors import JobFailed
from impasto_worker.runner_child import Report

_PIPELINE: Final = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors"]
_ADAPTER: Final = ["*.safetensors", "adapter_config.json"]
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
    name, patterns = payload["name"], _ADAPTER if payload["adapter"] else _PIPELINE
    report(0.0, f"asking the hub for {name}")
    try:
        # Never with the operator's own token: tenants would reach what it reaches.
        found = hub.HfApi(token=False).model_info(
            name, revision=payload["revision"], files_metadata=True, timeout=_PATIENCE_S
        )
        size = sum(f.size or 0 for f in found.siblings or () if any(fnmatchcase(f.rfilename, p) for p in patterns))
        if size > _MOST_BYTES:
            raise JobFailed("model_too_large", f"{name} has more than {_MOST_BYTES} bytes", limit=_MOST_BYTES)
        report(0.02, f"downloading {size / 1e9:.1f} GB", steps=None)
        hub.snapshot_download(
            name, revision=found.sha, local_dir=Path(payload["out"]), allow_patterns=patterns, token=False
        )
    except JobFailed:
        raise
    except Exception as error:  # its errors have no root but those of its HTTP library
        raise _refusal(name, error) from error
    return {"revision": found.sha}


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
