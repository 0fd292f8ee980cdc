"""`impasto evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from impasto.cli import chosen
from impasto.cli.checked import valid
from impasto.cli.evaluation_view import show_classifier, show_drawing
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit
from impasto.errors import InvalidInput

if TYPE_CHECKING:
    from impasto.checkpoints import Checkpoint
    from impasto.kinds.kind import Params

_CLASSIFIERS: Final = "style_classifier"
# An option of one kind of checkpoint is refused for the other, rather than ignored.
_OF_CLASSIFIERS: Final = ("split", "perturbation_seeds", "max_perturbed_samples")
_OF_DRAWING: Final = ("classifier", "seeds", "max_prompts", "steps", "guidance", "style_guidance")


@click.command(short_help="Measure a checkpoint on samples it has not seen.")
@click.argument("checkpoint")
@click.option("--dataset", help="A dataset's name or dsv_…; default: the one it was trained on (its held-back half).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--split", type=click.Choice(["validation", "train"]), help="Style classifiers. Default: validation.")
@click.option("--perturbation-seeds", type=click.IntRange(1, 16), help="Style classifiers. Default: 4.")
@click.option(
    "--max-perturbed",
    "max_perturbed_samples",
    type=click.IntRange(50, 100_000),
    help="Style classifiers: samples each perturbation is tried on. Default: 400.",
)
@click.option("--classifier", help="Checkpoints that draw: a measured style classifier that judges the styles.")
@click.option("--seeds", type=click.IntRange(1, 16), help="Checkpoints that draw: pictures a prompt. Default: 2.")
@click.option("--max-prompts", type=click.IntRange(1, 500), help="Checkpoints that draw. Default: 24.")
@click.option("--steps", type=click.IntRange(1, 200), help="Checkpoints that draw. Default: 10.")
@click.option("--guidance", type=click.FloatRange(0, 30), help="Checkpoints that draw. Default: 2.5.")
@click.option("--style-guidance", type=click.FloatRange(0, 30), help="Checkpoints that draw. Default: 5.")
@job_options
@command
def evaluate(session: Session, checkpoint: str, dataset: str | None, job: dict[str, Any], **options: Any) -> None:
    """Measure CHECKPOINT (ckp_… or a name: the newest), with 95 % intervals.

    A style classifier: accuracy, calibration, stability. One that draws: styles, attributes, likeness to works that it
    never saw, copies of those that it did, spread.

    \b
    impasto evaluate hands
    impasto evaluate my-hand --classifier hands
    """
    found = session.client.checkpoints.get(chosen.checkpoint(session, checkpoint))
    _refuse_starter(found)
    version = chosen.dataset_version(session, dataset) if dataset else found.dataset_version_id
    given = {name: value for name, value in options.items() if value is not None}
    classifies = found.family == _CLASSIFIERS
    params = (_of_classifier if classifies else _of_drawing)(session, found, version, given)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    if session.as_json:
        session.json({"job": submitted.id, "result": result})
    elif classifies:
        show_classifier(session, result)
    else:
        show_drawing(session, result)


def _of_classifier(session: Session, found: Checkpoint, version: str | None, given: dict[str, Any]) -> Params:
    from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint  # late: kinds take a while to load

    _refuse(given, _OF_DRAWING, "is for checkpoints that draw, and this one is a style classifier")
    if version is None:
        raise InvalidInput("value_invalid", "the checkpoint does not say what it was trained on", hint="give --dataset")
    return valid(EvaluateCheckpoint, checkpoint=found.id, dataset_version=version, **given)


def _of_drawing(session: Session, found: Checkpoint, version: str | None, given: dict[str, Any]) -> Params:
    from impasto.kinds.evaluate_text_to_image import EvaluateTextToImage

    _refuse(given, _OF_CLASSIFIERS, "is for style classifiers, and this checkpoint draws")
    if named := given.get("classifier"):
        given["classifier"] = chosen.checkpoint(session, named)
    return valid(EvaluateTextToImage, checkpoint=found.id, dataset_version=version, **given)


def _refuse_starter(found: Checkpoint) -> None:
    from impasto.checkpoints import STARTER

    if found.id == STARTER:
        raise InvalidInput(
            "value_invalid",
            "the starter was measured before it was shipped, and is nobody's to measure again",
            field="checkpoint",
            hint="impasto checkpoints show starter",
        )


def _refuse(given: dict[str, Any], names: tuple[str, ...], why: str) -> None:
    for name in names:
        if name in given:
            raise InvalidInput("value_invalid", f"{name.replace('_', ' ')} {why}", field=name)
