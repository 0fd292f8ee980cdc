"""What a person names on the command line, as the platform knows it: pictures, styles, datasets, checkpoints."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.session import Session
from impasto.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from impasto.kinds.generate_stylise import Stylise


def picture(session: Session, named: str) -> str:
    """The picture's id: a file is uploaded (the same file twice is one artwork), an id is taken as it is.

    Raises:
        InvalidInput: neither a file nor an id, or a file that is not a usable picture.
    """
    if _is_id(named, "art") or named.startswith("sha256:"):
        return named
    path = Path(named).expanduser()
    if not path.is_file():
        raise InvalidInput(
            "value_invalid",
            f"there is no file {named!r}, and it is not an artwork's id or sha256:<digest>",
            field="picture",
        )
    from impasto.client.upload import only_artwork  # late: only when something is uploaded

    return only_artwork(session.client.upload(path))


def stylise_params(session: Session, picture_id: str, styles: Iterable[str], **options: object) -> Stylise:
    """The params of a stylise job, from `NAME`, `FILE`, `art_…` or `sty_…`, each with `=WEIGHT` if it is a mix.

    Raises:
        InvalidInput: a style that nothing is named like, or a kept style mixed with others.
    """
    from impasto.kinds.generate_stylise import Stylise
    from impasto.styles import StyleMix

    weights: dict[str, dict[str, float]] = {"builtin": {}, "artworks": {}, "kept": {}}
    for text in styles:
        named, weight = _weighted(text)
        where, name = _style(session, named)
        weights[where][name] = weights[where].get(name, 0.0) + weight
    kept = weights.pop("kept")
    if kept and (len(kept) > 1 or any(weights.values())):
        raise InvalidInput("value_invalid", "a kept style cannot be mixed with others", field="style")
    if kept:
        return Stylise.model_validate({"picture": picture_id, "style": next(iter(kept)), **options})
    # Weights are relative: only their ratio counts, but each may be at most 1.
    most = max((weight for group in weights.values() for weight in group.values()), default=1.0)
    scaled = {where: {name: w / max(most, 1.0) for name, w in group.items()} for where, group in weights.items()}
    return Stylise.model_validate({"picture": picture_id, "mix": StyleMix.model_validate(scaled), **options})


def dataset_version(session: Session, named: str) -> str:
    """A version's id: as it is, or the latest of the dataset of that name.

    Raises:
        NotFound: no such dataset, or it has no version yet.
    """
    if _is_id(named, "dsv"):
        return named
    dataset = session.client.datasets.get(named)
    if dataset.latest_version is None:
        raise NotFound("finished version of dataset", named)
    return dataset.latest_version


def checkpoint(session: Session, named: str) -> str:
    """A checkpoint's id: as it is, or the newest of that name.

    Raises:
        NotFound: no checkpoint has that name.
    """
    if _is_id(named, "ckp"):
        return named
    for found in session.client.checkpoints.list():
        if found.name == named:
            return found.id
    raise NotFound("checkpoint", named)


def _is_id(text: str, prefix: str) -> bool:
    from impasto.identifiers import is_id  # late: it brings pydantic, and `--help` does without

    return is_id(text, prefix)


def _weighted(text: str) -> tuple[str, float]:
    named, equals, weight = text.rpartition("=")
    if not equals or Path(text).is_file():
        return text, 1.0
    try:
        value = float(weight)
    except ValueError:
        return text, 1.0
    if not 0 < value < float("inf"):
        raise InvalidInput("value_out_of_range", f"the weight of {named!r} must be above 0", field="style")
    return named, value


def _style(session: Session, named: str) -> tuple[str, str]:
    if _is_id(named, "sty"):
        return "kept", named
    if _is_id(named, "art") or Path(named).expanduser().is_file():
        return "artworks", picture(session, named)
    names = []
    for style in session.client.styles.list():
        if style.name == named:
            return ("builtin", named) if style.builtin else ("kept", style.id)
        names.append(style.name)
    raise _unknown(named, names)


def _unknown(named: str, names: list[str]) -> InvalidInput:
    near = difflib.get_close_matches(named, names, n=1, cutoff=0.4)
    better = f"; did you mean {near[0]!r}?" if near else ""
    return InvalidInput(
        "value_invalid",
        f"there is no file and no style {named!r}{better}",
        field="style",
        hint="`impasto styles list` shows every style",
    )
