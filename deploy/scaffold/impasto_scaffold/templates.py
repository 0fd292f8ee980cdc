"""The templates: what a new file says before anybody has changed it."""

from __future__ import annotations

from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parents[1] / "templates"


def rendered(template: str, values: dict[str, str]) -> str:
    """The text of `<template>.template` with every `$name` in it replaced."""
    return Template((_FOLDER / f"{template}.template").read_text("utf-8")).substitute(values)
