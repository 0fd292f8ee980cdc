"""The photographs: pictures that scikit-image carries, cut to size, with their makers and licences."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from PIL import Image

from impasto_demo.drawing import COLLECTION
from impasto_demo.packages import NoPackages

SIDE_PX: Final = 560
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file of scikit-image's data folder; the facts are those that the package's documentation states."""

    name: str
    file: str
    title: str
    caption: str
    artist: str
    licence: str

    @property
    def fields(self) -> dict[str, str]:
        """What the upload says of it."""
        return {
            "caption": self.caption,
            "title": self.title,
            "artist": self.artist,
            "medium": "photograph",
            "subject": self.name,
            "collection": f"{COLLECTION}-photographs",
            "licence": self.licence,
            "consent": "not_needed",
            "provenance": f"scikit-image {version('scikit-image')}, skimage/data/{self.file}",
        }


PHOTOGRAPHS: Final = (
    Photograph(
        "astronaut",
        "astronaut.png",
        "Eileen Collins",
        "an astronaut in an orange suit",
        "NASA",
        "public domain",
    ),
    Photograph("chelsea", "chelsea.png", "Chelsea", "a tabby cat looking aside", "Stefan van der Walt", "CC0-1.0"),
    Photograph("coffee", "coffee.png", "Coffee", "a cup of coffee on a wooden table", "Rachel Michetti", "CC0-1.0"),
    Photograph("rocket", "rocket.jpg", "Falcon 9", "a rocket rising from its pad at dusk", "SpaceX", "public domain"),
)
# What is enlarged: the eye of the cat, few enough pixels that the enlargement has something to add.
DETAIL: Final = Photograph(
    "detail", "chelsea.png", "Chelsea, a detail", "the eye of a tabby cat", "Stefan van der Walt", "CC0-1.0"
)
_DETAIL_BOX: Final[Box] = (118, 66, 262, 174)


def prepare(folder: Path, side_px: int = SIDE_PX) -> dict[Photograph, Path]:
    """Writes the photographs, at most so large.

    Raises:
        NoPackages: scikit-image is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = _data_folder()
    files = {}
    for photograph in (*PHOTOGRAPHS, DETAIL):
        file = folder / f"{photograph.name}.png"
        with Image.open(source / photograph.file) as opened:
            picture = opened.convert("RGB")
        if photograph is DETAIL:
            picture = picture.crop(_DETAIL_BOX)
        picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
        picture.save(file)
        files[photograph] = file
    return files


def _data_folder() -> Path:
    # Found, not imported: the package loads a hundred modules, and only its files are wanted.
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise NoPackages("scikit-image is not installed; `pip install 'impasto[demo]'` brings it")
    return Path(spec.origin).parent / "data"
