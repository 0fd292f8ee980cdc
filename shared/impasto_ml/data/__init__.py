"""Pictures and captions made ready to learn from, and the shards that hold them."""

from .captions import CaptionChange, CleanCaption, clean_caption
from .pictures import PictureTooLarge, flatten, has_alpha, open_picture
from .prepare import PictureRecipe, PreparedPicture, prepare_picture
from .shards import Sample, ShardError, ShardSummary, read_shards, write_shards
from .split import Split, share_of, split_of

__all__ = [
    "CaptionChange",
    "CleanCaption",
    "PictureRecipe",
    "PictureTooLarge",
    "PreparedPicture",
    "Sample",
    "ShardError",
    "ShardSummary",
    "Split",
    "clean_caption",
    "flatten",
    "has_alpha",
    "open_picture",
    "prepare_picture",
    "read_shards",
    "share_of",
    "split_of",
    "write_shards",
]
