"""Style transfer with the real networks."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage import data

from impasto_ml.styles.transfer import StyleTransfer

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in levels."""
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def rises(values: list[float]) -> bool:
    return all(later > earlier for earlier, later in itertools.pairwise(values))


def test_a_style_code_is_a_hundred_numbers_and_tells_artworks_apart(
    styles: StyleTransfer, swirls: Image.Image, rain: Image.Image
) -> None:
    code = styles.style_code(swirls)
    assert code.shape == (100,)
    assert code.dtype == np.float32
    near = np.linalg.norm(code - styles.style_code(swirls.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    far = np.linalg.norm(code - styles.style_code(rain))
    assert far > 2 * near


def test_no_strength_gives_the_photograph_back(styles: StyleTransfer, photo: Image.Image, swirls: Image.Image) -> None:
    assert distance(styles.stylise(photo, styles.style_code(swirls), 0.0), photo) < 0.6
    assert distance(styles.stylise_builtin(photo, {"ember": 1}, 0.0), photo) < 0.6


def test_strength_leads_away_from_the_photograph(
    styles: StyleTransfer, photo: Image.Image, swirls: Image.Image
) -> None:
    code = styles.style_code(swirls)
    assert rises([distance(styles.stylise(photo, code, step), photo) for step in STEPS])
    assert rises([distance(styles.stylise_builtin(photo, {"cobalt-night": 1}, step), photo) for step in STEPS])


def test_a_mix_of_codes_lies_between_its_parts(
    styles: StyleTransfer, photo: Image.Image, swirls: Image.Image, rain: Image.Image
) -> None:
    one, other = styles.style_code(swirls), styles.style_code(rain)
    ends = [styles.stylise(photo, code) for code in (one, other)]
    middle = styles.stylise(photo, styles.mix([one, other], [1, 1]))
    apart = distance(*ends)
    assert all(0 < distance(middle, end) < apart for end in ends)
    assert np.allclose(styles.mix([one, other], [3, 1]), 0.75 * one + 0.25 * other, atol=1e-6)


def test_built_in_styles_differ_and_their_blend_lies_between(styles: StyleTransfer, photo: Image.Image) -> None:
    one, other = (styles.stylise_builtin(photo, {slug: 1}) for slug in ("ember", "sea-mist"))
    middle = styles.stylise_builtin(photo, {"ember": 1, "sea-mist": 1})
    assert distance(one, other) > 40
    assert max(distance(middle, one), distance(middle, other)) < distance(one, other)


def test_a_mix_of_both_kinds_leads_from_the_artwork_to_the_built_in_style(
    styles: StyleTransfer, photo: Image.Image, swirls: Image.Image
) -> None:
    code = styles.style_code(swirls)
    drawn = [styles.stylise_mixed(photo, {"ink-and-yellow": step}, [code], [1 - step]) for step in STEPS]
    assert drawn[0].tobytes() == styles.stylise(photo, code).tobytes()
    assert drawn[-1].tobytes() == styles.stylise_builtin(photo, {"ink-and-yellow": 1}).tobytes()
    assert rises([distance(picture, drawn[0]) for picture in drawn])
    assert rises([-distance(picture, drawn[-1]) for picture in drawn])
    weak = styles.stylise_mixed(photo, {"ink-and-yellow": 0.5}, [code], [0.5], strength=0.0)
    assert distance(weak, photo) < 0.6


def test_the_same_call_gives_the_same_picture(styles: StyleTransfer, photo: Image.Image, swirls: Image.Image) -> None:
    code = styles.style_code(swirls)
    assert styles.stylise(photo, code, 0.7).tobytes() == styles.stylise(photo, code, 0.7).tobytes()
    blend = {"carnival": 0.4, "stained-glass": 0.6}
    assert styles.stylise_builtin(photo, blend).tobytes() == styles.stylise_builtin(photo, blend).tobytes()


def test_the_photographs_colours_are_kept_on_request(
    styles: StyleTransfer, photo: Image.Image, swirls: Image.Image
) -> None:
    code = styles.style_code(swirls)

    def chroma(picture: Image.Image) -> np.ndarray:
        return np.asarray(picture.convert("YCbCr"), dtype=float)[..., 1:].mean(axis=(0, 1))

    styled, kept = styles.stylise(photo, code), styles.stylise(photo, code, colour="photo")
    assert np.abs(chroma(kept) - chroma(photo)).max() < 4
    assert np.abs(chroma(styled) - chroma(photo)).max() > 12
    assert distance(kept, photo) > 10


@pytest.mark.parametrize("size", [(16, 16), (37, 501), (511, 64), (385, 383)])
def test_the_result_has_the_photographs_size(styles: StyleTransfer, swirls: Image.Image, size: tuple[int, int]) -> None:
    sized = Image.fromarray(data.coffee()).resize(size)
    assert styles.stylise(sized, styles.style_code(swirls)).size == size
    assert styles.stylise_builtin(sized, {"ember": 1}).size == size


def test_a_large_photograph_is_drawn_in_its_own_size_along_its_own_edges(styles: StyleTransfer) -> None:
    large = Image.fromarray(data.coffee()).resize((1500, 1001), Image.Resampling.LANCZOS)
    drawn = styles.stylise_builtin(large, {"dusk-pastel": 1})
    assert drawn.size == large.size
    small = drawn.resize((512, 342), Image.Resampling.BOX)
    plain = small.resize(large.size, Image.Resampling.BICUBIC)
    edges = np.asarray(large.convert("L").filter(ImageFilter.FIND_EDGES), dtype=float) > 60

    def steepness(picture: Image.Image) -> float:
        return float(np.asarray(picture.convert("L").filter(ImageFilter.FIND_EDGES), dtype=float)[edges].mean())

    assert steepness(drawn) > 1.15 * steepness(plain)


def test_the_border_is_drawn_like_the_inside(styles: StyleTransfer, photo: Image.Image, swirls: Image.Image) -> None:
    drawn = np.asarray(styles.stylise(photo, styles.style_code(swirls)).convert("L"), dtype=float)
    rows = np.abs(np.diff(drawn, axis=0)).mean(axis=1)
    assert max(rows[:3].max(), rows[-3:].max()) < 2.5 * np.median(rows)


def test_transparency_is_kept(styles: StyleTransfer, photo: Image.Image) -> None:
    layer = photo.copy()
    layer.putalpha(Image.linear_gradient("L").resize(photo.size))
    drawn = styles.stylise_builtin(layer, {"ember": 1})
    assert drawn.mode == "RGBA"
    assert drawn.getchannel("A").tobytes() == layer.getchannel("A").tobytes()


def test_the_callers_mistakes_are_value_errors(
    styles: StyleTransfer, photo: Image.Image, tmp_path: Path, style_folder: Path
) -> None:
    code = np.zeros(100, dtype=np.float32)
    with pytest.raises(ValueError, match="strength"):
        styles.stylise(photo, code, 1.1)
    with pytest.raises(ValueError, match="colour"):
        styles.stylise(photo, code, colour="grey")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="100 finite"):
        styles.stylise(photo, code[:99])
    with pytest.raises(ValueError, match="16 px"):
        styles.stylise(photo.resize((15, 40)), code)
    with pytest.raises(ValueError, match="weights"):
        styles.mix([code], [1, 2])
    with pytest.raises(ValueError, match="not all zero"):
        styles.mix([code], [0])
    with pytest.raises(ValueError, match="negative"):
        styles.stylise_mixed(photo, {"ember": -1}, [code], [2])
    with pytest.raises(ValueError, match="unknown built-in"):
        styles.stylise_mixed(photo, {"coal": 1}, [code], [1])
    with pytest.raises(ValueError, match=r"arbitrary_predict\.onnx"):
        StyleTransfer.load(tmp_path)
    with pytest.raises(ValueError, match="max_side"):
        StyleTransfer.load(style_folder, max_side=10)
