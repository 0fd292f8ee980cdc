"""`impasto generate`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from impasto.cli import chosen, outputs, words
from impasto.cli.checked import valid
from impasto.cli.pictures import show
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit


@click.command(short_help="Draw pictures from words.")
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT...")
@click.option("--checkpoint", default="starter", show_default=True, metavar="ID|NAME", help="Who draws.")
@click.option(
    "--style", "styles", multiple=True, metavar="NAME", help="One of the checkpoint's styles; may be repeated."
)
@click.option(
    "--seed", "seeds", multiple=True, type=click.IntRange(0), metavar="N", help="May be repeated. Default: 0."
)
@click.option("--steps", type=click.IntRange(1, 200), default=10, show_default=True)
@click.option(
    "--guidance", type=click.FloatRange(0, 30), default=2.5, show_default=True, help="How literally: 1 is least."
)
@click.option(
    "--style-guidance",
    type=click.FloatRange(0, 30),
    default=5.0,
    show_default=True,
    help="How much of a style named by --style.",
)
@click.option(
    "--negative", "negative_prompt", default="", metavar="TEXT", help="What not to draw, for families that can."
)
@click.option("--size", metavar="WxH", help="In pixels. Default: the checkpoint's own.")
@click.option("--from", "picture", metavar="FILE|ID", help="Start from this picture.")
@click.option("--strength", type=click.FloatRange(0, 1, min_open=True), default=0.7, show_default=True)
@click.option("--adapter", "adapters", multiple=True, metavar="ID[=WEIGHT]", help="A LoRA imported for the checkpoint.")
@click.option("--allow-unmeasured", is_flag=True, help="Draw with a checkpoint that was never evaluated.")
@click.option("--out", metavar="FILE|FOLDER", help="A file for one picture, a folder for several.")
@job_options
@command
def generate(
    session: Session, prompts: tuple[str, ...], checkpoint: str, out: str | None, job: dict[str, Any], **options: Any
) -> None:
    """Draw every PROMPT in every style with every seed.

    \b
    impasto generate "a red heart, flat" --out heart.png
    impasto generate "a fox" "a rocket" --style painted --style ink --seed 1 --seed 2 --out drawn/
    """
    from impasto.kinds.generate_text_to_image import GenerateTextToImage  # late: kinds take a while to load

    options["width"], options["height"] = _size(options.pop("size"))
    options["styles"], options["seeds"] = list(options["styles"]), list(options["seeds"]) or [0]
    options["adapters"] = [_adapter(text) for text in options["adapters"]]
    if options["picture"] is not None:
        options["picture"] = chosen.picture(session, options["picture"])
    who = checkpoint if checkpoint == "starter" else chosen.checkpoint(session, checkpoint)
    params = valid(GenerateTextToImage, checkpoint=who, prompts=list(prompts), **options)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    paths = _places(out, prompts, result.pictures)
    for picture, path in zip(result.pictures, paths, strict=True):
        outputs.fetch(session, picture.artifact, path)
    if session.as_json:
        session.json({"job": submitted.id, "out": [str(path) for path in paths], "result": result})
        return
    for path in paths:
        if len(paths) == 1:
            show(path)
        click.echo(str(path))
    count = f"{len(paths)} picture{'s' if len(paths) > 1 else ''}"
    session.note(f"{count}, drawn in {words.span(result.compute_seconds)}")


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    if not (found := re.fullmatch(r"(\d{2,4})[x×](\d{2,4})", text)):
        raise click.BadParameter(f"{text!r} is not like 1024x768", param_hint="--size")
    return int(found[1]), int(found[2])


def _adapter(text: str) -> dict[str, Any]:
    identifier, _, weight = text.partition("=")
    try:
        return {"checkpoint": identifier, "weight": float(weight or 1)}
    except ValueError as error:
        raise click.BadParameter(f"{weight!r} is no number", param_hint="--adapter") from error


def _places(out: str | None, prompts: tuple[str, ...], pictures: list[Any]) -> list[Path]:
    """Where each picture goes: `--out`, or names made of prompt, style and seed; nothing is overwritten unasked."""
    if out and len(pictures) == 1 and not out.endswith("/"):
        return [Path(out).expanduser()]
    folder = Path(out or ".").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    places: list[Path] = []
    for picture in pictures:
        parts = [_slug(prompts[picture.prompt]) or "picture", _slug(picture.style or ""), str(picture.seed)]
        places.append(outputs.unused(folder / f"{'-'.join(filter(None, parts))}.png", places))
    return places


def _slug(text: str) -> str:
    """What of a text can stand in a file's name anywhere: letters and digits of any script."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")[:48].rstrip("-")
