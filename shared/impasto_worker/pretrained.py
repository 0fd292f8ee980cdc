"""Where a pretrained package lies and what lineage calls it; found before a runner is started for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.errors import JobFailed
from impasto_ml.pretrained import NotFetched, locate, package_named


@dataclass(frozen=True, slots=True)
class Weights:
    """A fetched package: `folder` holds its files, `node` is its name in lineage."""

    folder: Path
    node: str


def weights(models: Path, name: str) -> Weights:
    """The package of that name in the models' folder.

    Raises:
        JobFailed: it was not fetched (`pretrained_missing`).
    """
    try:
        folder = locate(models, name)
    except NotFetched as error:
        raise JobFailed(
            "pretrained_missing",
            f"the pretrained weights {name} are not installed on this worker",
            hint="run `impasto models fetch`",
            package=name,
        ) from error
    return Weights(folder, node_of(name))


def node_of(name: str) -> str:
    """What lineage calls the package of that name: `pretrained:<name>@<version>`."""
    return f"pretrained:{name}@{package_named(name).version}"
