"""`impasto dataset prepare|list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from impasto.cli import tables, words
from impasto.cli.checked import valid
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit

if TYPE_CHECKING:
    from impasto.kinds.dataset_prepare import PreparedDataset


@click.group(short_help="Prepare datasets and look at them.")
def dataset() -> None:
    """Prepare datasets from uploaded artworks, and look at their versions."""


@dataset.command(short_help="Prepare a new version from artworks.")
@click.argument("name")
@click.option("--collection", help="Only artworks of this collection.")
@click.option("--artist", help="Only this artist's.")
@click.option("--medium", help="Only this medium.")
@click.option("--size", "size_px", type=click.IntRange(16, 1024), default=224, show_default=True, metavar="PX")
@click.option("--fit", type=click.Choice(["pad", "centre_crop", "salient_crop", "stretch"]), default="pad")
@click.option("--rotate", type=click.Choice(["0", "90", "180", "270"]), default="0", help="Degrees.")
@click.option("--normalise", type=click.Choice(["none", "autocontrast", "grey_world"]), default="none")
@click.option("--background", default="#ffffff", metavar="#RRGGBB", help="What padding is filled with.")
@click.option("--validation", type=click.FloatRange(0, 0.9), default=0.2, show_default=True, metavar="FRACTION")
@click.option("--split-by", type=click.Choice(["subject", "artwork"]), default="subject", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the split.")
@click.option("--clean/--no-clean", default=True, help="Mend and normalise captions.")
@click.option("--tags/--no-tags", default=True, help="Tag captions and pictures.")
@job_options
@command
def prepare(session: Session, name: str, job: dict[str, Any], **options: Any) -> None:
    """Prepare a new version of the dataset NAME; the dataset is made if there is none.

    \b
    impasto dataset prepare hands --collection prints --size 224 --validation 0.2
    """
    submitted, result = submit(session, _params(name, options), job)
    if result is None:
        return
    if session.as_json:
        session.json({"job": submitted.id, "result": result})
    else:
        _prepared(session, result)


@dataset.command("list", short_help="List datasets.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@command
def list_(session: Session, limit: int) -> None:
    """List datasets, newest first."""
    found = list(session.client.datasets.list(limit=limit))
    if session.as_json:
        session.json(found)
        return
    rows = ((d.name, d.versions, d.latest_version or "–", words.ago(d.created_at)) for d in found)
    tables.table(
        session,
        ["NAME", "#VERSIONS", "LATEST", "MADE"],
        rows,
        "no datasets yet; make one: impasto dataset prepare NAME --collection …",
    )


@dataset.command(short_help="Show a dataset and its versions.")
@click.argument("dataset")
@command
def show(session: Session, dataset: str) -> None:
    """Show DATASET (a name or id) with its versions, or one version (dsv_…)."""
    client = session.client
    if dataset.startswith("dsv_"):
        version = client.datasets.version(dataset)
        if session.as_json:
            session.json(version)
        else:
            tables.facts(session, tables.flat(version.model_dump(mode="json")))
        return
    found, versions = client.datasets.get(dataset), list(client.datasets.versions(dataset))
    if session.as_json:
        session.json({"dataset": found, "versions": versions})
        return
    tables.facts(session, {"name": found.name, "id": found.id, "made": words.ago(found.created_at)})
    rows = ((f"v{v.number}", v.id, v.samples, v.train, v.validation, words.ago(v.created_at)) for v in versions)
    tables.table(session, ["VERSION", "ID", "#SAMPLES", "#TRAIN", "#VALIDATION", "MADE"], rows, "no version yet")


def _params(name: str, o: dict[str, Any]) -> Any:
    from impasto.kinds.dataset_prepare import PrepareDataset  # late: kinds take a while to load

    return valid(
        PrepareDataset,
        dataset=name,
        select={"collection": o["collection"], "artist": o["artist"], "medium": o["medium"]},
        picture={
            "size_px": o["size_px"],
            "fit": o["fit"],
            "rotate_degrees": int(o["rotate"]),
            "normalise": o["normalise"],
            "background": o["background"],
        },
        caption={"clean": o["clean"], "tags": o["tags"]},
        split={"validation_fraction": o["validation"], "by": o["split_by"], "seed": o["seed"]},
    )


def _prepared(session: Session, result: PreparedDataset) -> None:
    click.echo(f"{result.dataset} v{result.number}  {result.dataset_version}")
    tags = ", ".join(f"{tag} {number}" for tag, number in list(result.top_tags.items())[:8])
    tables.facts(
        session,
        {
            "samples": f"{result.samples:,} ({result.train:,} to train on, {result.validation:,} held back)",
            "shards": result.shards,
            "captions": f"{result.captions_changed:,} mended, {result.captions_cut:,} cut",
            "top tags": tags,
            "left out": f"{result.refused_count:,}" if result.refused_count else "",
        },
    )
    for refused in result.refused[:10]:
        session.note(f"  {refused.artwork}: {refused.message}")
    session.note(f"next: impasto train {result.dataset}")
