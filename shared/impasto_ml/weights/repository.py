"""A whole folder with a pipeline, as people download it: which files lie there, and that each is what it should be."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .components import WeightFiles, check_shard_names, find_weights
from .configuration import is_shard_index, read_json
from .content import UNSAFE_SUFFIXES, disguise
from .errors import WeightsCorrupt, WeightsIncompatible, WeightsTooLarge, WeightsUnsafe
from .finite import check_finite
from .headers import Header, check_weight_file
from .pipelines import INDEX, PipelineIndex, PipelineLayout, check_index

_TEXT_SUFFIXES = frozenset({".txt", ".md"})
_PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_SENTENCEPIECE = frozenset({"spiece.model", "sentencepiece.bpe.model", "tokenizer.model"})
_PLAIN_NAMES = ("license", "notice", ".gitattributes", "readme")
# A loader follows this file to weights that lie elsewhere.
_REDIRECTIONS = frozenset({"adapter_config.json"})
# Bookkeeping of the hub's download command; nothing reads it.
_IGNORED = ".cache"
_MAX_SMALL_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a repository may hold; `total_bytes` counts all files, `depth` counts folders below the first."""

    total_bytes: int = 200 << 30
    files: int = 2000
    depth: int = 3


@dataclass(frozen=True, slots=True)
class Repository:
    """A checked folder. `files` are relative to it; `headers` by relative path; `weights` by component."""

    folder: Path
    index: PipelineIndex
    files: tuple[str, ...]
    headers: Mapping[str, Header]
    weights: Mapping[str, WeightFiles]


_DEFAULT_LIMITS = Limits()


def check_repository(
    folder: Path, layouts: Mapping[str, PipelineLayout], *, limits: Limits = _DEFAULT_LIMITS, numbers: bool = True
) -> Repository:
    """Checks every file in `folder`; nothing of it is imported, unpickled or given to a library.

    `layouts`: the pipelines that are allowed. `numbers`: read all weights for NaN and infinities, too.

    Raises:
        WeightsError: one of its kinds, with the file's place in the folder.
    """
    if not folder.is_dir():
        raise WeightsCorrupt("", "not a folder")
    files = tuple(sorted(_files(folder, limits)))
    # All names are judged before any content is read.
    for name in files:
        _check_name(name)
    if INDEX not in files:
        raise WeightsIncompatible(INDEX, "there is no such file: not the folder of a pipeline")
    headers: dict[str, Header] = {}
    for name in files:
        header = _check_content(folder / name, name)
        if header is not None:
            headers[name] = header
    index = check_index(read_json(folder / INDEX, INDEX), layouts)
    weights = find_weights(folder, index, headers)
    if numbers:
        for name, header in headers.items():
            check_finite(folder / name, name, header)
    return Repository(folder, index, files, headers, weights)


def check_adapter(folder: Path, *, limits: Limits = _DEFAULT_LIMITS, numbers: bool = True) -> tuple[Path, Header]:
    """The one weight file of an adapter's folder, checked like a repository's.

    Raises:
        WeightsError: one of its kinds; WeightsIncompatible unless there is exactly one file of weights.
    """
    if not folder.is_dir():
        raise WeightsCorrupt("", "not a folder")
    files = tuple(sorted(_files(folder, limits)))
    for name in files:
        # Beside an adapter this file is only read for numbers.
        if name not in _REDIRECTIONS:
            _check_name(name)
    headers = {name: header for name in files if (header := _check_content(folder / name, name)) is not None}
    if len(headers) != 1:
        raise WeightsIncompatible("", f"an adapter has one file of weights, here are {len(headers)}")
    ((name, header),) = headers.items()
    if numbers:
        check_finite(folder / name, name, header)
    return folder / name, header


def _files(folder: Path, limits: Limits) -> Iterator[str]:
    root, total, count = folder.resolve(), 0, 0
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for entry in sorted(here.iterdir()):
            name = entry.relative_to(folder).as_posix()
            mode = entry.lstat().st_mode
            count += 1
            if count > limits.files:
                raise WeightsTooLarge("", f"more than {limits.files} files")
            if stat.S_ISLNK(mode):
                _check_link(entry, root, name)
            elif stat.S_ISDIR(mode):
                if name == _IGNORED:
                    continue
                if depth == limits.depth:
                    raise WeightsTooLarge(name, f"more than {limits.depth} folders deep")
                waiting.append((entry, depth + 1))
                continue
            elif not stat.S_ISREG(mode):
                raise WeightsUnsafe(name, "neither a file nor a folder")
            total += entry.stat().st_size
            if total > limits.total_bytes:
                raise WeightsTooLarge("", f"more than {limits.total_bytes} bytes")
            yield name


def _check_link(entry: Path, root: Path, name: str) -> None:
    target = entry.resolve()
    if not target.is_relative_to(root):
        raise WeightsUnsafe(name, "a link that leads out of the folder")
    if not target.is_file():
        raise WeightsCorrupt(name, "a link to what is no file")


def _check_name(name: str) -> None:
    path = Path(name.lower())
    if path.suffix in UNSAFE_SUFFIXES:
        raise WeightsUnsafe(name, f"files of type {path.suffix} can hold code; weights come as safetensors")
    if path.name in _REDIRECTIONS:
        raise WeightsUnsafe(name, "it leads a loader to other weights; register adapters on their own")
    plain = path.name.startswith(_PLAIN_NAMES) or path.name in _SENTENCEPIECE
    if not plain and path.suffix not in {".json", ".safetensors"} | _TEXT_SUFFIXES | _PICTURE_SUFFIXES:
        raise WeightsUnsafe(name, "an unknown type of file")


def _check_content(path: Path, name: str) -> Header | None:
    if path.suffix.lower() == ".safetensors":
        return check_weight_file(path, name)
    if hidden := disguise(path):
        raise WeightsUnsafe(name, f"it is {hidden} under another name")
    if path.suffix.lower() == ".json":
        found = read_json(path, name)
        if is_shard_index(path.name):
            check_shard_names(found, name)
    elif path.stat().st_size > _MAX_SMALL_BYTES:
        raise WeightsTooLarge(name, f"more than {_MAX_SMALL_BYTES} bytes")
    return None
