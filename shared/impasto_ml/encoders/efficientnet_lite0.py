"""EfficientNet-Lite0: an ImageNet classifier whose early layers say how a picture is drawn and whose last say what.

Tan & Le 2019 (arXiv 1905.11946) and TensorFlow's "lite" variant of it: ReLU6 in place of swish, no squeeze-and-excite,
stem and head not scaled. Shapes: B pictures, C channels, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

FEATURES = 1280
CLASSES = 1000
_BN_EPS = 1e-3


@dataclass(frozen=True)
class Stage:
    """One row of the architecture's table: `repeats` blocks of which the first has `stride`."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STEM_CHANNELS = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does it: an odd pixel of padding goes to the right and the bottom."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x_BCHW, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        height, width = x_BCHW.shape[-2:]
        down = max((-(-height // stride) - 1) * stride + kernel - height, 0)
        across = max((-(-width // stride) - 1) * stride + kernel - width, 0)
        padded = F.pad(x_BCHW, (across // 2, across - across // 2, down // 2, down - down // 2))
        return F.conv2d(padded, self.weight, self.bias, stride, 0, 1, self.groups)


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> SameConv:
    return SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BN_EPS)


class Block(nn.Module):
    """Inverted residual: widen (unless `expand` is 1), filter each channel by itself, narrow without activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inputs * expand
        self.expands = expand != 1
        if self.expands:
            self._expand_conv: nn.Module = _conv(inputs, wide)
            self._bn0: nn.Module = _norm(wide)
        self._depthwise_conv: nn.Module = _conv(wide, wide, kernel, stride, groups=wide)
        self._bn1: nn.Module = _norm(wide)
        self._project_conv: nn.Module = _conv(wide, outputs)
        self._bn2: nn.Module = _norm(outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = x_BCHW
        if self.expands:
            y = F.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = F.relu6(self._bn1(self._depthwise_conv(y)), inplace=True)
        y = self._bn2(self._project_conv(y))
        result: Tensor = y + x_BCHW if self.residual else y
        return result

    def fold(self) -> None:
        for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            if hasattr(self, conv):
                _fold(self, conv, norm)


class EfficientNetLite0(nn.Module):
    """Input: B x 3 x H x W in [-1, 1], RGB; trained at 224 x 224."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem: nn.Module = _conv(3, STEM_CHANNELS, 3, 2)
        self._bn0: nn.Module = _norm(STEM_CHANNELS)
        blocks, inputs = [], STEM_CHANNELS
        for stage in STAGES:
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                blocks.append(Block(inputs, stage.channels, stage.kernel, stride, stage.expand))
                inputs = stage.channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head: nn.Module = _conv(inputs, FEATURES)
        self._bn1: nn.Module = _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x_BCHW: Tensor, taps: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """Pooled features (B x 1280) and the maps after the blocks numbered in `taps` (-1 is the stem), in order."""
        y = F.relu6(self._bn0(self._conv_stem(x_BCHW)), inplace=True)
        seen = [y] if -1 in taps else []
        for index, block in enumerate(self._blocks):
            y = block(y)
            if index in taps:
                seen.append(y)
        y = F.relu6(self._bn1(self._conv_head(y)), inplace=True)
        return y.mean(dim=(-2, -1)), seen

    def logits(self, features_BF: Tensor) -> Tensor:
        """ImageNet class scores (B x 1000) from pooled features."""
        logits: Tensor = self._fc(features_BF)
        return logits

    def fold(self) -> None:
        """Multiplies every batch norm into the convolution before it: the same function in half the memory passes."""
        _fold(self, "_conv_stem", "_bn0")
        _fold(self, "_conv_head", "_bn1")
        for block in self._blocks:
            assert isinstance(block, Block)
            block.fold()


def _fold(owner: nn.Module, conv: str, norm: str) -> None:
    before, after = owner.get_submodule(conv), owner.get_submodule(norm)
    assert isinstance(before, SameConv)
    assert isinstance(after, nn.BatchNorm2d)
    setattr(owner, conv, fuse_conv_bn_eval(before, after))
    setattr(owner, norm, nn.Identity())


def load_efficientnet_lite0(weights: Path) -> EfficientNetLite0:
    """The network in evaluation mode with norms folded in. RuntimeError names any missing or unexpected key."""
    network = EfficientNetLite0()
    network.load_state_dict(load_file(weights), strict=True)
    network.eval().requires_grad_(False)
    network.fold()
    return network
