"""`impasto import`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import chosen, tables, words
from impasto.cli.checked import valid
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit

if TYPE_CHECKING:
    from impasto.client import FileProgress
    from impasto.kinds.checkpoint_import import ImportCheckpoint, ImportedCheckpoint, MemoryNeed


@click.command(name="import", short_help="Import a large pipeline or LoRA weights as a checkpoint.")
@click.argument("source", metavar="FOLDER|hub:OWNER/NAME|worker:NAME")
@click.option("--name", required=True, help="The checkpoint's name.")
@click.option("--adapter-of", metavar="ID|NAME", help="SOURCE holds LoRA weights for this checkpoint.")
@click.option("--revision", default="main", show_default=True, help="On the hub: a commit, a tag or a branch.")
@click.option("--evaluate/--no-evaluate", default=True, help="Measure it at once.")
@job_options
@command
def import_(
    session: Session,
    source: str,
    name: str,
    adapter_of: str | None,
    revision: str,
    evaluate: bool,
    job: dict[str, Any],
) -> None:
    """Import a pipeline of diffusers: a FOLDER of this machine (or, for an adapter, a file), which is uploaded;
    a repository on the hub, where the worker may ask it; or a folder in the worker's own folder of imports.

    \b
    impasto import models/sdxl --name sdxl
    impasto import ink.safetensors --name ink --adapter-of sdxl
    impasto generate "a red heart" --checkpoint sdxl --adapter ckp_…=0.8
    """
    base = chosen.checkpoint(session, adapter_of) if adapter_of else None
    kind, _, where = source.partition(":")
    if kind == "hub":
        params = _params(name, {"hub": where, "revision": revision}, base, evaluate)
    elif kind == "worker":
        params = _params(name, {"folder": where}, base, evaluate)
    else:
        params = _uploaded(session, Path(source).expanduser(), name, base, evaluate)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    if session.as_json:
        session.json({"job": submitted.id, "result": result})
        return
    _show(session, result)


def _params(name: str, source: dict[str, Any], base: str | None, evaluate: bool) -> ImportCheckpoint:
    from impasto.kinds.checkpoint_import import ImportCheckpoint  # late: kinds take a while to load

    return valid(ImportCheckpoint, name=name, source=source, adapter_of=base, evaluate=evaluate)


def _uploaded(session: Session, path: Path, name: str, base: str | None, evaluate: bool) -> ImportCheckpoint:
    from impasto.artifacts import digest_of
    from impasto.client.files import FolderUpload

    if not path.exists():
        raise click.BadParameter(f"there is no {path}", param_hint="SOURCE")
    shown, on_progress = _progress(session)
    sent = FolderUpload(path, on_progress)
    with shown:
        origin = session.client.about().ingestion_url
        for file in sent.paths:
            session.client.transport.run(sent.sending(file, digest_of(file), origin))
    return _params(name, {"files": sent.files}, base, evaluate)


def _show(session: Session, result: ImportedCheckpoint) -> None:
    click.echo(result.checkpoint)
    tables.facts(
        session,
        {
            "pipeline": result.pipeline,
            "files": f"{result.files:,}, {words.size(result.size_bytes)}",
            "on a GPU": _need(result.on_gpu),
            "on a CPU": _need(result.on_cpu),
        },
    )
    if result.evaluation:
        session.note(f"being measured; drawn with once that has ended: impasto jobs watch {result.evaluation}")


def _need(need: MemoryNeed) -> str:
    picture = f", and {words.size(need.drawing_bytes)} a picture" if need.drawing_bytes else ""
    return words.size(need.weights_bytes) + picture


def _progress(session: Session) -> tuple[AbstractContextManager[Any], Callable[[FileProgress], None]]:
    if not session.err.is_terminal:
        told = [-1]

        def tell_lines(p: FileProgress) -> None:
            if p.files_done != told[0]:
                told[0] = p.files_done
                session.note(f"{words.count(p.files_done, 'file')} of {p.files:,} uploaded")

        return nullcontext(), tell_lines
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bars = Progress(
        TextColumn("uploading"),
        BarColumn(24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=session.err,
        transient=True,
    )
    task = bars.add_task("", total=None)
    return bars, lambda p: bars.update(task, total=p.size_bytes, completed=p.sent_bytes)


COMMANDS = {"import": import_}
