"""The artwork network on any size."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from impasto_ml.analysis.pixels import blur, to_array, to_picture
from impasto_ml.styles.canvas import OVERLAP, draw_any_size, windows
from impasto_ml.styles.networks import WINDOW, Networks
from impasto_ml.styles.transfer import StyleTransfer


@given(height=st.integers(WINDOW, 3000), width=st.integers(WINDOW, 3000))
def test_windows_reach_every_edge_and_overlap_enough(height: int, width: int) -> None:
    places = list(windows(height, width))
    for axis, length in ((0, height), (1, width)):
        starts = sorted({place[axis] for place in places})
        assert (starts[0], starts[-1]) == (0, length - WINDOW)
        assert all(0 < later - earlier <= WINDOW - OVERLAP for earlier, later in itertools.pairwise(starts))


def test_windows_take_colour_from_the_whole_and_leave_no_seam(
    style_folder: object, styles: StyleTransfer, swirls: Image.Image
) -> None:
    networks = Networks(style_folder)  # type: ignore[arg-type]
    rgb = to_array(Image.fromarray(data.astronaut()).resize((600, 420)))
    code = styles.style_code(swirls)
    drawn = draw_any_size(networks, rgb, code)
    assert drawn.shape == rgb.shape
    small = to_array(to_picture(rgb).resize((384, 269), Image.Resampling.LANCZOS))
    whole = to_array(to_picture(draw_any_size(networks, small, code)).resize((600, 420), Image.Resampling.BICUBIC))
    assert np.abs(blur(drawn, 30) - blur(whole, 30)).mean() < 0.03
    # 648 px with the margin: the second window begins at 264, the first ends at 384; 24 px of margin are cut off.
    steps = np.abs(np.diff(drawn, axis=1)).mean(axis=(0, 2))
    for seam in (264 - 24 - 1, 384 - 24 - 1):
        # Strokes make steps everywhere. Windows that do not fade into one another: 1.35 times its neighbours.
        assert steps[seam] < 1.2 * steps[[seam - 1, seam + 1]].mean()


def test_more_detail_is_drawn_than_one_window_holds(
    style_folder: object, styles: StyleTransfer, swirls: Image.Image
) -> None:
    networks = Networks(style_folder)  # type: ignore[arg-type]
    rgb = to_array(Image.fromarray(data.astronaut()).resize((700, 700)))
    code = styles.style_code(swirls)
    fine = draw_any_size(networks, rgb, code)
    small = to_array(to_picture(rgb).resize((336, 336), Image.Resampling.LANCZOS))
    coarse = to_array(to_picture(draw_any_size(networks, small, code)).resize((700, 700), Image.Resampling.BICUBIC))

    def finest(values: np.ndarray) -> float:
        return float(np.abs(values - blur(values, 1.0)).mean())

    assert finest(fine) > 1.5 * finest(coarse)
