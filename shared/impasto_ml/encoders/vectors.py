"""What a learner of features asks of whoever makes them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Vectors(Protocol):
    """Features of N pictures."""

    def __len__(self) -> int: ...

    def vectors(self) -> NDArray[np.float16]:
        """N rows, laid out as the encoder's `VectorLayout` says."""
        ...


class VectorEncoder(Protocol):
    """The picture encoder, or a pretrained backbone."""

    def encode(self, pictures: Sequence[Image.Image], tags: int = ..., batch_size: int = ...) -> Vectors:
        """Of pictures of any size; `tags` is how many class names each gets, from encoders that know any."""
        ...
