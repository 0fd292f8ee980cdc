"""Augmented views: different from one another, the same for the same seed."""

import pytest
from PIL import Image
from skimage import data

from impasto_ml.training.augmentation import augmented_views

PHOTO = Image.fromarray(data.coffee()).resize((120, 90))


def test_views_differ_from_one_another_and_repeat_with_the_seed() -> None:
    views = [view.tobytes() for view in augmented_views(PHOTO, 6, 3, "key")]
    assert len(set(views)) >= 5
    assert views == [view.tobytes() for view in augmented_views(PHOTO, 6, 3, "key")]
    assert views != [view.tobytes() for view in augmented_views(PHOTO, 6, 4, "key")]
    assert views[:2] == [view.tobytes() for view in augmented_views(PHOTO, 2, 3, "key")]


@pytest.mark.parametrize(
    ("picture", "flat"),
    [
        (Image.new("RGBA", (1, 1), (0, 0, 0, 0)), Image.new("RGB", (1, 1), "white")),
        (Image.new("RGBA", (40, 30), (0, 0, 0, 0)), Image.new("RGB", (40, 30), "white")),
        (Image.new("L", (3, 200), 90), Image.new("RGB", (3, 200), (90, 90, 90))),
    ],
    ids=["tiny", "transparent", "grey"],
)
def test_views_are_of_the_picture_on_white_in_every_mode_and_size(picture: Image.Image, flat: Image.Image) -> None:
    seen, expected = (augmented_views(one, 8, 0, "") for one in (picture, flat))
    assert all(view.mode == "RGB" for view in seen)
    assert [view.tobytes() for view in seen] == [view.tobytes() for view in expected]
