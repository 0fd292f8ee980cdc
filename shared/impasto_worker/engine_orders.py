"""What is asked of an engine and what it gives back, on both sides of the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto_ml.families.text_to_image import DrawingRequest


@dataclass(frozen=True, slots=True)
class EngineCheckpoint:
    """Weights to draw with: the family's name, the folder it loads, and the `key` under which it stays loaded.

    `weights_bytes`: what they take on the device, where that is known beforehand; otherwise the files' size is taken.
    """

    family: str
    folder: Path
    key: str
    weights_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DrawOrder:
    """The drawings of one job; their pictures become `<number>.png` in `out`, numbered from 0.

    `alone`: no other job may be drawn meanwhile. `previews`: somebody wants to see how it goes.
    """

    checkpoint: EngineCheckpoint
    requests: tuple[DrawingRequest, ...]
    out: Path
    alone: bool = False
    previews: bool = True

    def as_frame(self) -> dict[str, Any]:
        """As JSON; paths are absolute."""
        return {
            "family": self.checkpoint.family,
            "folder": str(self.checkpoint.folder.absolute()),
            "key": self.checkpoint.key,
            "weights_bytes": self.checkpoint.weights_bytes,
            "drawings": [_request_as_json(request) for request in self.requests],
            "out": str(self.out.absolute()),
            "alone": self.alone,
            "previews": self.previews,
        }

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> DrawOrder:
        """The order that `as_frame` wrote."""
        return cls(
            EngineCheckpoint(frame["family"], Path(frame["folder"]), frame["key"], frame["weights_bytes"]),
            tuple(_request_from_json(drawing) for drawing in frame["drawings"]),
            Path(frame["out"]),
            frame["alone"],
            frame["previews"],
        )


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A finished picture (PNG)."""

    path: Path
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A job's pictures in the order of its requests; how long they waited for room, and how long they were drawn."""

    pictures: tuple[DrawnPicture, ...]
    waited_s: float
    drawn_s: float


def _request_as_json(request: DrawingRequest) -> dict[str, Any]:
    return {
        "prompt": request.prompt,
        "seed": request.seed,
        "steps": request.steps,
        "guidance": request.guidance,
        "style_guidance": request.style_guidance,
        "style": dict(request.style),
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "picture": None if request.picture is None else str(request.picture.absolute()),
        "strength": request.strength,
        "adapters": [[str(folder.absolute()), scale] for folder, scale in request.adapters],
    }


def _request_from_json(drawing: Mapping[str, Any]) -> DrawingRequest:
    picture = drawing["picture"]
    adapters = tuple((Path(folder), scale) for folder, scale in drawing["adapters"])
    return DrawingRequest(**{**drawing, "picture": None if picture is None else Path(picture), "adapters": adapters})
