"""JSON of a repository: bounded in size and depth, without duplicate names, and without a word that asks for code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import WeightsCorrupt, WeightsIncompatible, WeightsTooLarge, WeightsUnsafe
from .headers import unique_names

MAX_CONFIG_BYTES = 1 << 20
# A vocabulary, a tokenizer or the index of a sharded model.
MAX_TABLE_BYTES = 48 << 20
_TABLES = frozenset({"vocab.json", "tokenizer.json", "added_tokens.json"})
_SHARDS = ".index."
_MAX_DEPTH = 24

# Names that make a loader import code that comes with the weights, or fetch more of it.
_CODE_KEYS = frozenset(
    {"auto_map", "trust_remote_code", "custom_pipeline", "custom_pipelines", "use_kernels", "kernel_config"}
)
# An attention implementation may name a repository of compiled kernels.
_OWN_ATTENTION = frozenset({None, False, "eager", "sdpa"})
# Tokenizers note where their maker's copy lay, often by a path; the libraries never read it, they look in the folder.
_UNREAD_FILES = frozenset({"special_tokens_map_file"})
# A network is built before its weights are read, so what its configuration may ask for is bounded:
# part of a key -> the largest number under it. They are far above any published model's.
_BOUNDS = (
    ("layers", 512),
    ("pos_embed", 1024),
    ("sample_size", 8192),
    ("position", 1 << 20),
    ("vocab_size", 1 << 22),
    ("channels", 1 << 16),
    ("heads", 1 << 12),
    ("dim", 1 << 20),
    ("_size", 1 << 20),
    ("num_train_timesteps", 1 << 16),
)


def read_json(path: Path, where: str) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        WeightsTooLarge: over 1 MB, or 48 MB for a vocabulary or an index of shards.
        WeightsCorrupt: no well-formed JSON object, a name twice, deeper than 24 levels, absurdly large dimensions.
        WeightsUnsafe: it asks for code that comes with it.
        WeightsIncompatible: it is quantised; such weights are not supported.
    """
    table = path.name in _TABLES or is_shard_index(path.name)
    limit = MAX_TABLE_BYTES if table else MAX_CONFIG_BYTES
    if path.stat().st_size > limit:
        raise WeightsTooLarge(where, f"more than {limit} bytes")
    try:
        found = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique_names)
    except (ValueError, RecursionError) as error:
        reason = "a name occurs twice" if "occurs twice" in str(error) else "not well-formed JSON, or nested too deep"
        raise WeightsCorrupt(where, reason) from None
    if not isinstance(found, dict):
        raise WeightsCorrupt(where, "not a JSON object")
    # A vocabulary may hold any word; its names are no instructions to a loader.
    _check_keys(found, where, bounded=not table)
    return found


def is_shard_index(name: str) -> bool:
    return _SHARDS in name


def _walk(value: Any, depth: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Every (key, value, depth) of a tree; elements of a list come with an empty key."""
    stack: list[tuple[str, Any, int]] = [("", value, depth)]
    while stack:
        key, here, level = stack.pop()
        yield key, here, level
        if isinstance(here, dict):
            stack.extend((name, child, level + 1) for name, child in here.items())
        elif isinstance(here, list):
            stack.extend((key, child, level + 1) for child in here)


def _check_keys(found: dict[str, Any], where: str, *, bounded: bool) -> None:
    for key, value, level in _walk(found):
        if level > _MAX_DEPTH:
            raise WeightsCorrupt(where, f"nested deeper than {_MAX_DEPTH} levels")
        if not bounded:
            continue
        _check_reach(key, value, where)
        if key == "quantization_config" and value is not None:
            raise WeightsIncompatible(where, "quantised weights are not supported")
        if isinstance(value, int | float) and not isinstance(value, bool):
            _check_bound(key, value, where)


def _check_reach(key: str, value: Any, where: str) -> None:
    asks = key in _CODE_KEYS and value not in (None, False)
    if asks or ("attn_implementation" in key and (isinstance(value, dict | list) or value not in _OWN_ATTENTION)):
        raise WeightsUnsafe(where, f"it asks for code of its own: {key}")
    names_file = key.endswith("_file") and key not in _UNREAD_FILES
    if names_file and isinstance(value, str) and {"/", "\\"} & set(value):
        raise WeightsUnsafe(where, f"{key} points to another folder")


def _check_bound(key: str, value: float, where: str) -> None:
    bound = next((most for part, most in _BOUNDS if part in key), None)
    if bound is not None and not -bound <= value <= bound:
        raise WeightsCorrupt(where, f"{key} is {value}, more than {bound}")
