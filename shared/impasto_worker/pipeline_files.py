"""An imported pipeline or adapter as the folder it came from: hard links into the cache, whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impasto.checkpoints import Checkpoint
from impasto.errors import Conflict, NotFound
from impasto_worker.handling import JobContext
from impasto_worker.transfer import PIPELINES

DIFFUSERS: Final = "diffusers"
ADAPTER: Final = "diffusers_adapter"


@dataclass(frozen=True, slots=True)
class PipelineManifest:
    """`files`: digest and size by place. `shapes`: of every tensor, by component; empty for an adapter."""

    pipeline: str
    files: dict[str, dict[str, Any]]
    shapes: dict[str, dict[str, list[int]]]

    def write(self, path: Path) -> Path:
        """The same files make the same bytes, and so the same digest."""
        told = {"format": 1, "pipeline": self.pipeline, "files": self.files, "shapes": self.shapes}
        path.write_text(json.dumps(told, sort_keys=True, separators=(",", ":")), "utf-8")
        return path


def open_manifest(context: JobContext, checkpoint: Checkpoint) -> PipelineManifest:
    """What the checkpoint's files are."""
    told = json.loads(context.fetch(checkpoint.weights_sha256).read_text("utf-8"))
    return PipelineManifest(told["pipeline"], told["files"], told["shapes"])


def pipeline_folder(context: JobContext, checkpoint: Checkpoint) -> Path:
    """The folder, named by the checkpoint's id: an engine that loaded it once knows it again.

    No symbolic links: whoever loads it takes those for a way out of the folder.
    """
    manifest = open_manifest(context, checkpoint)
    folder = context.tools.cache / PIPELINES / context.tenant_id / checkpoint.id
    if not _used(folder, manifest):
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        try:
            for place, file in manifest.files.items():
                link(context.fetch(file["sha256"]), part / place)
            part.rename(folder)
        except OSError:
            # Another slot was faster.
            if not _used(folder, manifest):
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the two lie on different disks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def find_adapter(context: JobContext, identifier: str, base: str, base_sha256: str) -> Checkpoint:
    """An adapter that was imported for these weights.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is no adapter, or one of another base (`model_incompatible`).
    """
    if (found := context.tools.catalogue.checkpoint(context.tenant_id, identifier)) is None:
        raise NotFound("checkpoint", identifier)
    if found.family != ADAPTER or found.config["base_sha256"] != base_sha256:
        what = f"an adapter of {found.config['base']}" if found.family == ADAPTER else f"a {found.family}"
        raise Conflict(
            "model_incompatible",
            f"{identifier} is {what}, and {base} needs one of its own",
            hint=f"import it with adapter_of {base}",
            field="params.adapters",
        )
    return found


def _used(folder: Path, manifest: PipelineManifest) -> bool:
    """Notes that the folder is in use, if it is there: its files are those of the cache, which forgets old ones."""
    try:
        for place in manifest.files:
            os.utime(folder / place)
    except FileNotFoundError:
        return False
    return True
