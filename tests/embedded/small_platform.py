"""A supervisor with small real processes: `small_platform.py DATA SHAPE`; the tests kill and stop its parts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from impasto.embedded.layout import Layout
from impasto.embedded.part import Part
from impasto.embedded.probes import Alive, Said
from impasto.embedded.state import held
from impasto.embedded.supervisor import Supervisor, end_left_overs

SLEEP = "import time; time.sleep(1000)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
READY = "import os, time; time.sleep(0.3); open(os.environ['IMPASTO_READY_FILE'], 'w').close(); time.sleep(1000)"
STOPS = """
import pathlib, signal, sys, time
def stop(*_):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
time.sleep(1000)
"""


def python(name: str, code: str, *arguments: str, **options: object) -> Part:
    options.setdefault("probe", Alive(0.2))
    return Part(name, (sys.executable, "-c", code, *arguments), **options)  # type: ignore[arg-type]


def plain(layout: Layout) -> list[Part]:
    wrote = str(layout.data / "order")
    first = python("first", "import time; time.sleep(0.2); print('secret')", once=True, output=layout.data / "key")
    server = python("server", STOPS, wrote, "server", after=("first",))
    return [python("client", STOPS, wrote, "client", after=("server",)), server, first]


def says(layout: Layout) -> list[Part]:
    ready = layout.ready_file("server")
    probe = Said(ready, else_after_s=100)
    return [python("server", READY, probe=probe, environment={"IMPASTO_READY_FILE": str(ready)})]


SHAPES: dict[str, Callable[[Layout], list[Part]]] = {
    "plain": plain,
    "says": says,
    "crashing": lambda _: [python("server", SLEEP), python("broken", "raise SystemExit(7)", probe=Alive(5))],
    "optional": lambda _: [
        python("extra", "raise SystemExit(3)", once=True, optional=True),
        python("server", SLEEP, after=("extra",)),
    ],
    "stubborn": lambda _: [python("server", STUBBORN, grace_s=0.5)],
    "missing": lambda _: [Part("server", ("/no/such/program",))],
}


def main() -> None:
    logging.basicConfig(level="INFO")
    layout = Layout.at(sys.argv[1])
    layout.make()
    with held(layout.lock) as got:
        if not got:
            sys.exit("taken")
        end_left_overs(layout)
        Supervisor(SHAPES[sys.argv[2]](layout), layout, {"url": "http://127.0.0.1:1"}).run()


if __name__ == "__main__":
    main()
