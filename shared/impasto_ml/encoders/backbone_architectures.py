"""The architectures that may be loaded as backbones: named here, or refused before any library looks at the files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# More than any published backbone has, and little enough to be laid out in a moment.
_LARGEST_NUMBER: Final = 65_536
_MOST_LAYERS: Final = 128


@dataclass(frozen=True)
class Architecture:
    """`stem` begins the library's class names: `<stem>Config`, `<stem>Model`. `options`: how the model is built.

    `fields`: what is taken from a repository's config; everything else in it is left where it lies.
    """

    stem: str
    fields: frozenset[str]
    options: Mapping[str, Any]

    @property
    def trained_as(self) -> frozenset[str]:
        """What `architectures` may say."""
        ends = ("Model", "ForImageClassification", "ForMaskedImageModeling", "Backbone")
        return frozenset(self.stem + end for end in ends)


def _architecture(stem: str, fields: str, **options: Any) -> Architecture:
    return Architecture(stem, frozenset(fields.split()), options)


_TRANSFORMER: Final = """hidden_size num_hidden_layers num_attention_heads hidden_act layer_norm_eps image_size
    patch_size num_channels qkv_bias"""

ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "resnet": _architecture(
        "ResNet",
        """num_channels embedding_size hidden_sizes depths layer_type hidden_act downsample_in_first_stage
        downsample_in_bottleneck""",
    ),
    "vit": _architecture("ViT", f"{_TRANSFORMER} intermediate_size", add_pooling_layer=False),
    "convnext": _architecture(
        "ConvNext", "num_channels patch_size num_stages hidden_sizes depths hidden_act layer_norm_eps image_size"
        " layer_scale_init_value",
    ),
    "swin": _architecture(
        "Swin", """image_size patch_size num_channels embed_dim depths num_heads window_size mlp_ratio qkv_bias
        hidden_act use_absolute_embeddings layer_norm_eps""",
    ),
    "efficientnet": _architecture(
        "EfficientNet", """num_channels image_size width_coefficient depth_coefficient depth_divisor kernel_sizes
        in_channels out_channels depthwise_padding strides num_block_repeats expand_ratios squeeze_expansion_ratio
        hidden_act hidden_dim pooling_type batch_norm_eps""",
    ),
    "dinov2": _architecture(
        "Dinov2", f"{_TRANSFORMER} mlp_ratio layerscale_value use_swiglu_ffn use_mask_token",
    ),
}  # fmt: skip

# DenseNet and SENet, with their residual kin, as timm names them.
TIMM: Final = "timm"
_TIMM_NAME: Final = re.compile(
    r"densenet(blur)?\d{2,3}d?|(legacy_)?(senet|seresnet|seresnext)(aa)?\d{2,3}[dt]?s?(_\d+x\d+d)?"
)


def is_timm_architecture(name: object) -> bool:
    """Whether this is one of timm's DenseNets or SENets, with or without a training's tag behind a dot."""
    return isinstance(name, str) and len(name) <= 80 and _TIMM_NAME.fullmatch(name.partition(".")[0]) is not None


def chosen_fields(config: Mapping[str, Any], architecture: Architecture) -> dict[str, Any]:
    """What the model is built from. Raises ValueError for a number that no published backbone has."""
    chosen = {name: value for name, value in config.items() if name in architecture.fields}
    for name, value in chosen.items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, (dict, list)) or (isinstance(number, (int, float)) and abs(number) > _LARGEST_NUMBER):
                raise ValueError(f"{name} is beyond what is built")
    counts = (
        *_numbers(chosen, "depths"),
        *_numbers(chosen, "num_block_repeats"),
        *_numbers(chosen, "num_hidden_layers"),
    )
    scale = max(1.0, *_numbers(chosen, "depth_coefficient")) if "depth_coefficient" in chosen else 1.0
    if sum(counts) * scale > _MOST_LAYERS or len(counts) > _MOST_LAYERS:
        raise ValueError(f"more than {_MOST_LAYERS} layers")
    return chosen


def _numbers(chosen: Mapping[str, Any], name: str) -> list[float]:
    value = chosen.get(name, [])
    numbers = value if isinstance(value, list) else [value]
    if not all(isinstance(number, (int, float)) and number >= 0 for number in numbers):
        raise ValueError(f"{name} holds something that is no number")
    return [float(number) for number in numbers]
