"""Pretrained vision networks as picture encoders: ResNet, ViT, ConvNeXt, Swin, EfficientNet, DINOv2, DenseNet, SENet.

Repositories of the transformers and timm libraries in a folder; nothing is fetched, and nothing of them is run but
arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn

from impasto_ml.data.pictures import flatten
from impasto_ml.weights import WeightsIncompatible

from .backbone_architectures import TIMM
from .backbone_identity import BackboneIdentity
from .backbone_networks import build_network, build_timm_network, pooled
from .backbone_preprocessing import made_pixels
from .backbone_repository import BackboneRepository, find_backbone, read_repository
from .colour import colour_features
from .layout import COLOUR_FEATURES
from .picture import SIZE_PX

_BATCH = 16
# Where a number of a network is larger than half precision holds, it is as large as that holds.
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class BackboneFeatures:
    """Of N pictures, float32: `pooled` N x D, `colour` N x 70."""

    pooled: NDArray[np.float32]
    colour: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pooled)

    def vectors(self) -> NDArray[np.float16]:
        """N x (D + 70): pooled, then colour."""
        together = np.concatenate([self.pooled, self.colour], axis=1)
        return together.clip(-_LARGEST, _LARGEST).astype(np.float16)


class Backbone:
    """A frozen network that gives D pooled features a picture; `identity` is what learners of them remember."""

    def __init__(self, network: nn.Module, repository: BackboneRepository, device: str = "cpu") -> None:
        """Raises WeightsIncompatible where the network cannot see pictures of the repository's size."""
        self._device = torch.device(device)
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._steps = repository.preprocessing
        blank = Image.new("RGB", (SIZE_PX, SIZE_PX))
        try:
            width = self._run(made_pixels([blank], self._steps)).shape[1]
        except (RuntimeError, ValueError, IndexError) as error:
            raise WeightsIncompatible("", f"it cannot see its own pictures: {str(error)[:200]}") from error
        self.identity = BackboneIdentity(
            repository.name, repository.digest, repository.architecture, width, repository.preprocessing
        )

    @classmethod
    def load(cls, backbones: Path, name: str, device: str = "cpu") -> "Backbone":
        """The backbone of that name in the folder of backbones.

        Raises:
            BackboneMissing: there is none.
            LibraryMissing: the library that builds it is not installed.
            WeightsError: it is damaged, unsafe, of another architecture, or not whole.
        """
        repository = read_repository(find_backbone(backbones, name))
        build = build_timm_network if repository.architecture == TIMM else build_network
        return cls(build(repository), repository, device)

    def encode(self, pictures: Sequence[Image.Image], tags: int = 0, batch_size: int = _BATCH) -> BackboneFeatures:
        """Of pictures of any size; memory: one batch. `tags` is for encoders that know class names: not this one."""
        parts = [self._encoded(pictures[at : at + batch_size]) for at in range(0, len(pictures), batch_size)]
        if not parts:
            return BackboneFeatures(*(np.empty((0, n), np.float32) for n in (self.identity.width, COLOUR_FEATURES)))
        features, colour = (np.concatenate(part) for part in zip(*parts, strict=True))
        return BackboneFeatures(features, colour)

    def _encoded(self, pictures: Sequence[Image.Image]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        flat = [flatten(picture) for picture in pictures]
        return self._run(made_pixels(flat, self._steps)), colour_features(_squares(flat))

    @torch.inference_mode()
    def _run(self, pixels_BCHW: NDArray[np.float32]) -> NDArray[np.float32]:
        output: Any = self._network(torch.from_numpy(pixels_BCHW).to(self._device))
        features: Tensor = pooled(output)
        result: NDArray[np.float32] = features.float().cpu().numpy()
        return result


def _squares(pictures: Sequence[Image.Image]) -> NDArray[np.uint8]:
    """What colour is counted on: the same squares as the first encoder's, so that yardsticks can be compared."""
    size = (SIZE_PX, SIZE_PX)
    return np.stack(
        [np.asarray(ImageOps.fit(picture, size, Image.Resampling.BICUBIC), np.uint8) for picture in pictures]
    )
