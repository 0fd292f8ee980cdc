"""Params from options: a value that the kind does not allow is a usage error that names the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from impasto.kinds.kind import Params

P = TypeVar("P", bound="Params")


def valid(kind: type[P], **values: Any) -> P:
    """The params.

    Raises:
        click.UsageError: a value is not allowed.
    """
    from pydantic import ValidationError  # late: `--help` does without it

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise click.UsageError(f"{where}: {first['msg']}" if where else first["msg"]) from error
