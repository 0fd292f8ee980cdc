"""The starter: a checkpoint that comes with Impasto, belongs to everybody, and was measured before it was shipped."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from datetime import datetime
from functools import cache
from pathlib import Path

from impasto.checkpoints import STARTER, Checkpoint, Evaluation


def starter_folder(place: Path | None = None) -> Path | None:
    """`place`, or where its files lie in the installed library; None where there are none.

    It lies in the library that computes, which is found and not imported: that would load torch.
    """
    folder = place or _installed()
    return folder if folder and (folder / "model.safetensors").is_file() else None


def _installed() -> Path | None:
    spec = importlib.util.find_spec("impasto_ml")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "families" / "flowmini" / "starter"


@cache
def starter_checkpoint(place: Path | None = None) -> Checkpoint | None:
    """The starter as the API shows it, with its evaluation; from the folder `place`, if one is given."""
    if (folder := starter_folder(place)) is None:
        return None
    config = json.loads((folder / "config.json").read_text("utf-8"))
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    made_at = datetime.fromisoformat(config["training"]["made_at"])
    evaluations = _evaluations(folder / "evaluation.json", weights, made_at)
    return Checkpoint(
        id=STARTER,
        name=STARTER,
        family=config["family"],
        flavor=config["config"]["flavor"],
        weights_sha256=weights,
        config=config,
        dataset_version_id=None,
        job_id=None,
        measured=bool(evaluations),
        created_at=made_at,
        evaluations=evaluations,
    )


def _evaluations(path: Path, weights_sha256: str, made_at: datetime) -> list[Evaluation]:
    """None where nothing was measured, or something else than these weights."""
    measures = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if measures.get("weights_sha256") != weights_sha256:
        return []
    return [
        Evaluation(
            id=f"{STARTER}-evaluation",
            checkpoint_id=STARTER,
            dataset_version_id=None,
            measures=measures,
            job_id=None,
            created_at=made_at,
        )
    ]


def starter_node(place: Path | None = None) -> str:
    """What lineage calls it: `pretrained:starter@<first digits of its digest>`.

    Raises:
        LookupError: it is not installed.
    """
    if (starter := starter_checkpoint(place)) is None:
        raise LookupError("the starter is not installed")
    return f"pretrained:{STARTER}@{starter.weights_sha256[:12]}"
