"""The demonstration's own paintings and photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from impasto.artworks import ArtworkMetadata
from impasto_demo import paintings, photographs


def test_a_painting_is_the_same_each_time() -> None:
    first, second = (np.asarray(paintings.brush_strokes(96)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (96, 96, 3)


def test_paintings_use_many_tones() -> None:
    for picture in (paintings.brush_strokes(96), paintings.carved_waves(96)):
        assert np.asarray(picture.convert("L")).std() > 30


def test_a_painting_that_is_there_is_not_painted_again(tmp_path: Path) -> None:
    (tmp_path / "evening-wind.png").write_bytes(b"kept")
    painted = paintings.paint(tmp_path)
    assert painted["Evening wind"].read_bytes() == b"kept"
    assert painted["Carved sea"].stat().st_size > 1000


def test_photographs_fit_and_say_whose_they_are(tmp_path: Path) -> None:
    files = photographs.prepare(tmp_path, side_px=64)
    assert {photograph.name for photograph in files} == {"astronaut", "chelsea", "coffee", "rocket", "detail"}
    for photograph, file in files.items():
        assert file.is_file()
        metadata = ArtworkMetadata.model_validate(photograph.fields)
        assert metadata.artist
        assert metadata.licence in {"CC0-1.0", "public domain"}
