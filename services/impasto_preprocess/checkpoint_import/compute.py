"""Looks weights through in a runner: files first, then tensors against classes, then numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from impasto.errors import JobFailed
from impasto_ml.families.diffusers import (
    LAYOUTS,
    FamilyNotInstalled,
    check_fits,
    check_tensors,
    default_size,
    estimate,
)
from impasto_ml.weights import Repository, WeightsError, check_adapter, check_finite, check_repository
from impasto_worker.runner_child import Report
from impasto_worker.weight_faults import named_fault


def check_pipeline(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """The pipeline's class, the files that are kept of it, and what it needs; shapes of its tensors go to `shapes`.

    Raises:
        JobFailed: it is refused, with the code and the place, or a library is missing.
    """
    folder = Path(payload["folder"])
    report(0.2, "looking at the files")
    try:
        found = check_repository(folder, LAYOUTS, numbers=False)
        report(0.22, "comparing the tensors with their classes")
        check_tensors(found)
        kept = _kept(found)
        for count, name in enumerate(sorted(kept & found.headers.keys())):
            report(0.2 + 0.4 * count / len(found.headers), "looking at the numbers")
            check_finite(folder / name, name, found.headers[name])
        size = default_size(found)
        needs = {dtype: estimate(found, dtype, size) for dtype in (torch.bfloat16, torch.float32)}
    except (WeightsError, FamilyNotInstalled) as error:
        raise _ended(error) from error
    shapes = {name: {t.name: t.shape for t in files.tensors} for name, files in found.weights.items()}
    Path(payload["shapes"]).write_text(json.dumps(shapes), "utf-8")
    return {
        "pipeline": found.index.class_name,
        "files": sorted(kept),
        **{
            place: {"weights_bytes": needs[dtype].weights_bytes, "drawing_bytes": needs[dtype].drawing}
            for place, dtype in (("on_gpu", torch.bfloat16), ("on_cpu", torch.float32))
        },
    }


def check_lora(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """The files that are kept of an adapter and what it needs. `shapes` are its base's, `denoiser` a configuration.

    Raises:
        JobFailed: it is refused, with the code and the place, or a library is missing.
    """
    folder = Path(payload["folder"])
    report(0.2, "looking at the file")
    try:
        path, header = check_adapter(folder)
        denoiser = json.loads(Path(payload["denoiser"]).read_text("utf-8"))
        shapes = json.loads(Path(payload["shapes"]).read_text("utf-8"))
        report(0.5, "comparing it with its base")
        check_fits(folder, payload["pipeline"], denoiser, shapes)
    except (WeightsError, FamilyNotInstalled) as error:
        raise _ended(error) from error
    size = sum(tensor.size_bytes for tensor in header.tensors)
    beside = [name for name in ("adapter_config.json",) if (path.parent / name).is_file()]
    kept = [path.relative_to(folder).as_posix(), *((path.parent / n).relative_to(folder).as_posix() for n in beside)]
    need = {"weights_bytes": size, "drawing_bytes": 0}
    return {"files": sorted(kept), "on_gpu": need, "on_cpu": need}


def _kept(found: Repository) -> set[str]:
    """What is loaded, and the texts beside it: no second variant of the weights, no pictures of a page."""
    used = {name for files in found.weights.values() for name in files.files}
    return used | {name for name in found.files if Path(name).suffix in (".json", ".txt", ".model")}


def _ended(error: WeightsError | FamilyNotInstalled) -> JobFailed:
    named = named_fault(error)
    assert named is not None
    return named
