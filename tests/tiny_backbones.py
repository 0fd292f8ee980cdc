"""Tiny repositories of vision networks with random weights, written as the transformers library writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SIDE_PX: Final = 32

# model_type -> (the library's class, its config, the processor, how many features it pools).
TINY: Final[Mapping[str, tuple[str, dict[str, Any], str, int]]] = {
    "resnet": (
        "ResNetForImageClassification",
        {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 24], "depths": [1, 1, 1, 1], "layer_type": "basic"},
        "ConvNextImageProcessor",
        24,
    ),
    "vit": (
        "ViTForImageClassification",
        {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8},
        "ViTImageProcessor",
        32,
    ),
    "convnext": (
        "ConvNextForImageClassification",
        {"hidden_sizes": [8, 16, 16, 20], "depths": [1, 1, 1, 1]},
        "ConvNextImageProcessor",
        20,
    ),
    "swin": (
        "SwinForImageClassification",
        {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "patch_size": 4, "window_size": 4},
        "ViTImageProcessor",
        16,
    ),
    "efficientnet": (
        "EfficientNetForImageClassification",
        {
            "width_coefficient": 0.25, "depth_coefficient": 0.3, "hidden_dim": 320, "in_channels": [32, 16],
            "out_channels": [16, 24], "kernel_sizes": [3, 3], "strides": [1, 2], "num_block_repeats": [1, 1],
            "expand_ratios": [1, 6],
        },
        "EfficientNetImageProcessor",
        320,
    ),
    "dinov2": (
        "Dinov2Model",
        {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8},
        "BitImageProcessor",
        32,
    ),
}  # fmt: skip


def tiny_backbone(backbones: Path, model_type: str, name: str = "", seed: int = 0) -> Path:
    """Writes the repository into the folder of backbones, under the name of its type unless another is given."""
    import torch
    import transformers

    chosen, fields, processor, _ = TINY[model_type]
    folder = backbones / (name or model_type)
    config = getattr(transformers, TINY[model_type][0].partition("For")[0].removesuffix("Model") + "Config")
    if model_type != "resnet":
        fields = fields | {"image_size": SIDE_PX}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        getattr(transformers, chosen)(config(**fields)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor_config(processor)))
    return folder


def processor_config(processor: str) -> dict[str, Any]:
    """As a repository keeps it, for pictures of 32 pixels."""
    square = {"height": SIDE_PX, "width": SIDE_PX}
    told: dict[str, Any] = {
        "image_processor_type": processor,
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "rescale_factor": 1 / 255,
        "resample": 3,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "size": {"shortest_edge": SIDE_PX} if processor == "ConvNextImageProcessor" else square,
    }
    if processor == "BitImageProcessor":
        told |= {"size": {"shortest_edge": SIDE_PX + 8}, "do_center_crop": True, "crop_size": square}
    if processor == "EfficientNetImageProcessor":
        told |= {"rescale_offset": False, "include_top": True}
    return told
