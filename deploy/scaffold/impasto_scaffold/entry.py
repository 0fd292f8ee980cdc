"""The command line: what is asked for, what was written, what to do next; or why nothing was written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from impasto_scaffold.families import plan_family
from impasto_scaffold.kinds import SHAPES, plan_kind
from impasto_scaffold.plan import Plan, Refused

_HERE = Path(__file__).parents[3]


def main(arguments: Sequence[str]) -> int:
    """0 when the files are written; 1 when something is in the way, and then nothing is written."""
    given = _parser().parse_args(arguments)
    try:
        plan = Plan(given.into.absolute())
        if given.what == "kind":
            next_commands = plan_kind(plan, given.name, given.queue, given.shape)
        else:
            next_commands = plan_family(plan, given.name)
        written, changed = plan.write()
    except Refused as refusal:
        print(f"nothing was written: {refusal}", file=sys.stderr)
        return 1
    for title, lines in (("wrote", written), ("changed", changed), ("next", next_commands)):
        print(title, *(f"  {line}" for line in lines), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scaffold", description="Write the first files of a kind or of a family.")
    commands = parser.add_subparsers(dest="what", required=True)
    kind = commands.add_parser("kind", help="a job kind: its params and result, its handler, its test")
    kind.add_argument("name", help="<area>.<noun>, such as generate.sepia")
    kind.add_argument("--queue", help="whose worker runs it; unless given, the area")
    kind.add_argument("--shape", default="pool", help=f"how it uses a runner: {', '.join(SHAPES)} (pool)")
    family = commands.add_parser("family", help="a model family that draws from words, and its test")
    family.add_argument("name", help="such as scribble")
    for command in (kind, family):
        command.add_argument("--into", type=Path, default=_HERE, metavar="PATH", help="another checkout")
    return parser
