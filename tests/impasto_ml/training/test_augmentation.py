"""Augmented views: different from one another, the same for the same seed."""

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


def test_tiny_and_transparent_pictures_have_views_too() -> None:
    for picture in (Image.new("RGBA", (1, 1), (0, 0, 0, 0)), Image.new("L", (3, 200))):
        assert all(view.mode == "RGB" for view in augmented_views(picture, 8, 0, ""))
