"""Checkpoints of the tests' family, and an engine's calls from many threads."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from impasto.testing.processes import eventually
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_worker.engine import Engine, EngineCall
from impasto_worker.engine_orders import Drawn, DrawOrder, EngineCheckpoint


class Studio:
    """Makes checkpoints in a folder and has an engine draw with them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.gate = folder / "gate"
        self.log = folder / "log"
        self._threads = ThreadPoolExecutor(100)
        self._orders = 0

    def checkpoint(self, name: str = "first", **config: Any) -> EngineCheckpoint:
        """A checkpoint of the family `gradients` that keeps a log of its steps and waits at the gate.

        `files_bytes`: how large its files are, if not as large as what is loaded.
        """
        place = self.folder / name
        place.mkdir()
        settings = {"gate": str(self.gate), "log": str(self.log), **config}
        (place / "config.json").write_text(json.dumps(settings))
        (place / "model.safetensors").write_bytes(
            bytes(settings.pop("files_bytes", settings.get("memory_bytes", 1000)))
        )
        return EngineCheckpoint("gradients", place, name)

    def call(self, checkpoint: EngineCheckpoint, *requests: DrawingRequest, alone: bool = False) -> EngineCall:
        self._orders += 1
        out = self.folder / f"out{self._orders}"
        out.mkdir()
        return self.engine.call(DrawOrder(checkpoint, requests, out, alone=alone))

    def draw(self, checkpoint: EngineCheckpoint, *requests: DrawingRequest, alone: bool = False) -> Future[Drawn]:
        """Drawn in a thread, as a slot does."""
        return self.run(self.call(checkpoint, *requests, alone=alone))

    def run(self, call: EngineCall, **listeners: Any) -> Future[Drawn]:
        return self._threads.submit(call.run, **listeners)

    def at_the_gate(self) -> None:
        """Waits until a step has begun and waits for the gate to go."""
        eventually(self.gate.with_suffix(".reached").exists, "a step waits at the gate")

    def entered(self, calls: int) -> None:
        """Waits until so many jobs were handed to the engine's process, which may be at the gate."""
        eventually(lambda: self.engine._process and len(self.engine._process._calls) == calls, f"{calls} calls")

    def steps(self) -> list[list[str]]:
        """The prompts of each step so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def close(self) -> None:
        self.gate.unlink(missing_ok=True)
        self.engine.close()
        self._threads.shutdown()


def request(prompt: str = "", seed: int = 0, steps: int = 4, **rest: Any) -> DrawingRequest:
    return DrawingRequest(prompt, seed, steps, **rest)
