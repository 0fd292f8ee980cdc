"""Configuration is data: bounded, unambiguous, and never a request for code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from impasto_ml.weights import WeightsError, read_json


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1, "a": 2}', "model_corrupt"),
        ('{"a": {"b": 1, "b": 2}}', "model_corrupt"),
        ("[]", "model_corrupt"),
        ("{", "model_corrupt"),
        ('"text"', "model_corrupt"),
        ('{"a":' + "[" * 30 + "]" * 30 + "}", "model_corrupt"),
        ('{"a":' + '{"a":' * 5000 + "1" + "}" * 5001, "model_corrupt"),
        (json.dumps({"a": "x" * (1 << 20)}), "model_too_large"),
        ('{"auto_map": {"AutoModel": "x.Y"}}', "model_format_unsafe"),
        ('{"deep": [{"auto_map": "x"}]}', "model_format_unsafe"),
        ('{"trust_remote_code": true}', "model_format_unsafe"),
        ('{"custom_pipelines": {"x": {}}}', "model_format_unsafe"),
        ('{"_attn_implementation": "someone/kernels"}', "model_format_unsafe"),
        ('{"text_config": {"attn_implementation": {"": "someone/kernels"}}}', "model_format_unsafe"),
        ('{"use_kernels": true}', "model_format_unsafe"),
        ('{"tokenizer_file": "../secret"}', "model_format_unsafe"),
        ('{"merges_file": "C:\\\\secret"}', "model_format_unsafe"),
        ('{"quantization_config": {"quant_method": "bitsandbytes"}}', "model_incompatible"),
        ('{"num_hidden_layers": 1000000000}', "model_corrupt"),
        ('{"block_out_channels": [128, 100000000]}', "model_corrupt"),
        ('{"pos_embed_max_size": 100000}', "model_corrupt"),
        ('{"sample_size": [1, 1e300]}', "model_corrupt"),
        ('{"hidden_size": -100000000}', "model_corrupt"),
    ],
)
def test_what_is_no_plain_configuration_is_refused(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WeightsError) as refused:
        read_json(tmp_path / "config.json", "unet/config.json")
    assert (refused.value.code, refused.value.where) == (code, "unet/config.json")


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 24, "vocab_size": 250_000, "max_position_embeddings": 131_072},
        {"block_out_channels": [320, 640, 1280, 1280], "sample_size": 128, "attention_head_dim": [5, 10, 20]},
        {"model_max_length": 1_000_000_000_000_000_019_884_624_838_656, "vocab_file": "vocab.json"},
        {
            "tokenizer_class": "CLIPTokenizer",
            "name_or_path": "openai/clip-vit-large-patch14",
            "model_max_length": 77,
            "special_tokens_map_file": "./special_tokens_map.json",
        },
        {"special_tokens_map_file": "/srv/copies/clip/special_tokens_map.json"},
        {"trust_remote_code": False, "auto_map": None, "_attn_implementation": "sdpa", "quantization_config": None},
    ],
)
def test_what_published_models_have_is_accepted(tmp_path: Path, config: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_json(tmp_path / "config.json", "config.json") == config


def test_a_vocabulary_may_hold_any_word_and_more_of_them(tmp_path: Path) -> None:
    words = {f"word-{n}": n for n in range(100_000)} | {"auto_map": 100_000, "layers": 10**9}
    (tmp_path / "vocab.json").write_text(json.dumps(words))
    assert len(read_json(tmp_path / "vocab.json", "vocab.json")) == 100_002
