"""The supervisor's process: `python -m impasto.embedded --data FOLDER --port PORT`; `impasto up` starts it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack

from impasto.backends.telemetry.lines import write_lines
from impasto.embedded.layout import Layout
from impasto.embedded.metrics import metrics_ports, write_targets
from impasto.embedded.parts import Plan, build, servers
from impasto.embedded.state import held
from impasto.embedded.supervisor import Supervisor, end_left_overs
from impasto.errors import ImpastoError
from impasto.settings import Settings

_LOCK_PATIENCE_S = 1.0


def main() -> None:
    """Runs until it is told to stop; leaves at once when another supervisor has the data folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--servers-alone", action="store_true", help="no part of ours: for backup and restore")
    arguments = parser.parse_args()
    layout = Layout.at(arguments.data)
    layout.make()
    write_lines(Settings.from_environment(), "supervisor")
    with ExitStack() as stack:
        if not _lock(stack, layout):
            sys.exit("another supervisor runs this data folder")
        end_left_overs(layout)
        layout.state.unlink(missing_ok=True)
        try:
            plan = Plan.make(layout, arguments.port, os.environ)
            parts = servers(plan) if arguments.servers_alone else build(plan)
        except ImpastoError as error:
            sys.exit(f"{error.message}\n{error.hint or ''}".strip())
        products = {name: f"{choice.product} {choice.version}".strip() for name, choice in plan.choices.items()}
        about = {"port": arguments.port, "url": f"http://127.0.0.1:{arguments.port}", "ports": plan.ports}
        metrics = metrics_ports((part.name for part in parts), arguments.port, plan.ports)
        write_targets(layout.metrics, metrics)
        Supervisor(parts, layout, about | {"servers": products, "metrics": metrics}).run()
        layout.state.unlink(missing_ok=True)


def _lock(stack: ExitStack, layout: Layout) -> bool:
    # Somebody who only looks whether the lock is held holds it for an instant.
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while not stack.enter_context(held(layout.lock)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


if __name__ == "__main__":
    main()
