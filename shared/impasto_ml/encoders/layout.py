"""Where the parts of a picture's feature vector lie, for readers of shards that do not need the encoder itself."""

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
