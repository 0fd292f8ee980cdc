"""Where an import's files come from: a folder of the operator's, uploaded files, or a hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impasto.errors import JobFailed
from impasto.kinds.checkpoint_import import ImportCheckpoint
from impasto_worker.handling import JobContext
from impasto_worker.pipeline_files import link

_DOWNLOAD: Final = "impasto_preprocess.checkpoint_import.hub:download"


@dataclass(frozen=True, slots=True)
class Obtained:
    """The files as a folder, and where they came from, to be kept with the checkpoint."""

    folder: Path
    origin: dict[str, Any]

    @property
    def revision(self) -> str | None:
        """The commit, of what came from a hub."""
        return self.origin.get("revision")


def obtain(context: JobContext, params: ImportCheckpoint) -> Obtained:
    """Has the files in a folder; nothing of them was looked at.

    Raises:
        JobFailed: there is no such folder, or the hub is switched off, out of reach or refuses.
    """
    source, folder = params.source, context.folder / "source"
    if source.folder is not None:
        return Obtained(_imports(context.tools.imports, source.folder), {"folder": source.folder})
    folder.mkdir()
    if source.files is not None:
        for count, (place, digest) in enumerate(source.files.items()):
            context.tell(0.2 * count / len(source.files), "fetching the files")
            link(context.fetch(digest.partition(":")[2]), folder / place)
        return Obtained(folder, {"files": len(source.files)})
    if not context.tools.hub:
        raise JobFailed(
            "hub_unreachable",
            "this worker downloads nothing from a hub",
            hint="set IMPASTO_HUB=1 for the worker of the queue preprocess, or upload the files",
        )
    payload = {
        "name": source.hub,
        "revision": source.revision,
        "out": str(folder),
        "adapter": params.adapter_of is not None,
    }
    return Obtained(folder, {"hub": source.hub, "revision": context.compute(_DOWNLOAD, payload)["revision"]})


def _imports(imports: Path, name: str) -> Path:
    folder = imports / name
    # A link in it may be the operator's wish, but not one that somebody else put there.
    if folder.is_symlink() or not folder.is_dir():
        raise JobFailed(
            "import_missing",
            f"the worker's folder of imports has no folder {name}",
            hint="put it there, where IMPASTO_IMPORTS of the worker of the queue preprocess points to",
        )
    return folder
