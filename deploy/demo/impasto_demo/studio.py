"""The pictures that the demonstration makes: photographs redrawn in several ways, and a detail enlarged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from impasto import Client
from impasto.client import Job
from impasto.kinds.generate_stylise import Stylise, Stylised
from impasto.kinds.generate_upscale import Upscale
from impasto.styles import StyleMix
from impasto_demo.outcome import Enlargement, StylisedPicture, Work

# Each: weights of built-in styles, and of the demonstration's own paintings by title.
Look = tuple[dict[str, float], dict[str, float]]
LOOKS: Final[tuple[Look, ...]] = (
    ({"cobalt-night": 1.0}, {}),
    ({"paper-cutout": 1.0}, {}),
    ({"blue-woodblock": 1.0}, {}),
    ({}, {"Evening wind": 1.0}),
    ({"honey-engraving": 0.5}, {"Carved sea": 0.5}),
)
REDRAWN: Final = ("chelsea", "coffee")
FACTOR: Final[Literal[4]] = 4


@dataclass(slots=True)
class Studio:
    """Jobs that were submitted, each under the title it is shown by."""

    photographs: dict[str, Work]
    paintings: dict[str, Work]
    jobs: dict[str, Job[Any]]
    looks: dict[str, tuple[str, Look]]


ENLARGE: Final = "Enlarge a detail"


def submit(client: Client, photographs: dict[str, Work], paintings: dict[str, Work]) -> Studio:
    """Submits everything at once; the platform decides what runs beside what."""
    studio = Studio(photographs, paintings, {}, {})
    for photograph in REDRAWN:
        for look in LOOKS:
            builtin, painted = look
            artworks = {paintings[title].artwork_id: weight for title, weight in painted.items()}
            mix = StyleMix(builtin=builtin, artworks=artworks)
            params = Stylise(picture=photographs[photograph].artwork_id, mix=mix)
            title = f"{photographs[photograph].title}: {' + '.join([*builtin, *painted])}"
            studio.jobs[title] = client.submit(params)
            studio.looks[title] = (photograph, look)
    detail = Upscale(picture=photographs["detail"].artwork_id, factor=FACTOR, model="photo")
    studio.jobs[ENLARGE] = client.submit(detail)
    return studio


def collect(client: Client, studio: Studio, results: dict[str, Any], folder: Path) -> list[StylisedPicture]:
    """Downloads the redrawn pictures."""
    pictures = []
    for number, (title, (photograph, look)) in enumerate(studio.looks.items(), start=1):
        result: Stylised = results[title]
        path = client.artifacts.download(result.artifact.sha256, folder / "made" / f"stylised-{number:02}.png")
        styles: list[tuple[str, Literal["builtin", "artwork"], float]] = [
            *((name, "builtin", weight) for name, weight in look[0].items()),
            *((name, "artwork", weight) for name, weight in look[1].items()),
        ]
        pictures.append(
            StylisedPicture(
                photograph=photograph,
                styles=styles,
                job_id=studio.jobs[title].id,
                path=path.relative_to(folder).as_posix(),
                result=result,
            )
        )
    return pictures


def collect_enlargement(client: Client, studio: Studio, results: dict[str, Any], folder: Path) -> Enlargement:
    """Downloads the enlarged detail."""
    result = results[ENLARGE]
    path = client.artifacts.download(result.artifact.sha256, folder / "made" / "enlarged.png")
    return Enlargement(
        before=studio.photographs["detail"].path,
        after=path.relative_to(folder).as_posix(),
        factor=FACTOR,
        job_id=studio.jobs[ENLARGE].id,
        result=result,
    )
