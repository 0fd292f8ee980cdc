"""Where the parts of a picture's feature vector lie, for readers of shards that do not need the encoder itself."""

from dataclasses import dataclass

POOLED_FEATURES = 1280
# Mean and deviation of the channels of the stem and of five blocks.
STYLE_CHANNELS = (32, 16, 24, 40, 80, 112)
STYLE_FEATURES = 2 * sum(STYLE_CHANNELS)
COLOUR_LEVELS = 4
COLOUR_FEATURES = COLOUR_LEVELS**3 + 6
VECTOR_FEATURES = POOLED_FEATURES + STYLE_FEATURES + COLOUR_FEATURES

POOLED = slice(0, POOLED_FEATURES)
STYLE = slice(POOLED_FEATURES, POOLED_FEATURES + STYLE_FEATURES)
COLOUR = slice(POOLED_FEATURES + STYLE_FEATURES, VECTOR_FEATURES)


@dataclass(frozen=True)
class VectorLayout:
    """A vector of `width` numbers: a head learns from those at `start` up to the colour features, which come last."""

    width: int
    start: int

    @property
    def learnt(self) -> slice:
        return slice(self.start, self.width - COLOUR_FEATURES)

    @property
    def colour(self) -> slice:
        return slice(self.width - COLOUR_FEATURES, self.width)

    @property
    def learnt_width(self) -> int:
        return self.width - COLOUR_FEATURES - self.start


# What shards carry: a head learns from the style statistics and leaves the content alone.
STYLE_LAYOUT = VectorLayout(VECTOR_FEATURES, POOLED_FEATURES)


def backbone_layout(width: int) -> VectorLayout:
    """Of a pretrained backbone with `width` pooled features, all of which are learnt from."""
    return VectorLayout(width + COLOUR_FEATURES, 0)
