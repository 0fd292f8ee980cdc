"""A repository is judged by every file in it, by its index, and by its limits; no library is needed for that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from impasto_ml.weights import (
    ComponentSlot,
    Limits,
    PipelineLayout,
    WeightsError,
    check_adapter,
    check_repository,
)

from .files import entry, write

_NET = ComponentSlot(frozenset({("diffusers", "Net")}))
_MAYBE = ComponentSlot(frozenset({("transformers", "Text")}), required=False)
_LAYOUTS = {"Painter": PipelineLayout({"net": _NET, "text": _MAYBE}, settings=frozenset({"fast"}))}
_WEIGHTS = "net/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model/net").mkdir(parents=True)
    index = {"_class_name": "Painter", "net": ["diffusers", "Net"], "text": [None, None], "fast": True}
    (tmp_path / "model/model_index.json").write_text(json.dumps(index))
    (tmp_path / "model/net/config.json").write_text('{"_class_name": "Net"}')
    write(tmp_path / "model" / _WEIGHTS, {"a": entry(0, 4, "F32", [1])}, bytes(4))
    return tmp_path / "model"


def _code(folder: Path, limits: Limits | None = None) -> tuple[str, str]:
    with pytest.raises(WeightsError) as refused:
        check_repository(folder, _LAYOUTS, limits=limits or Limits())
    return refused.value.code, refused.value.where


def test_a_good_one_tells_its_files_components_and_settings(folder: Path) -> None:
    found = check_repository(folder, _LAYOUTS)
    assert found.files == ("model_index.json", "net/config.json", _WEIGHTS)
    assert (found.index.components, found.index.settings) == ({"net": ("diffusers", "Net")}, {"fast": True})
    assert (found.weights["net"].size_bytes, found.weights["net"].variant) == (4, None)


@pytest.mark.parametrize(
    "name",
    ["x.bin", "x.CKPT", "x.pt", "x.pth", "x.pkl", "x.pickle", "x.pt2", "x.npz", "x.npy", "x.msgpack", "x.h5", "x.onnx",
     "x.py", "net/x.so", "x.safetensors.bin", "x.sh", "x.gguf", "x.zip", "x.ipynb", "x.yaml", "x.unheard", "noname",
     "other.model", ".env", "adapter_config.json"],
)  # fmt: skip
def test_a_file_of_an_unsafe_or_unknown_type_is_refused_by_its_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"{}")
    assert _code(folder) == ("model_format_unsafe", name)


@pytest.mark.parametrize("name", ["a.txt", "LICENSE", "pic.png", "net/spiece.model", "extra.json"])
def test_what_is_a_pickle_or_an_archive_inside_is_refused_under_any_name(folder: Path, name: str) -> None:
    for content in (b"\x80\x04K\x01.", b"PK\x03\x04"):
        (folder / name).write_bytes(content)
        assert _code(folder) == ("model_format_unsafe", name)


def test_links_may_stay_within_the_folder_only(folder: Path) -> None:
    (folder / "inside.safetensors").symlink_to(folder / _WEIGHTS)
    assert "inside.safetensors" in check_repository(folder, _LAYOUTS).files
    for target, code in (
        (folder.parent, "model_format_unsafe"),
        (folder / "net", "model_corrupt"),
        (folder / "gone", "model_corrupt"),
    ):
        (folder / "inside.safetensors").unlink()
        (folder / "inside.safetensors").symlink_to(target)
        assert _code(folder) == (code, "inside.safetensors")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"_class_name": "Sculptor"}, "model_incompatible"),
        ({"_class_name": ["pipeline", "Painter"]}, "model_format_unsafe"),
        ({"_class_name": None}, "model_format_unsafe"),
        ({"net": ["diffusers", "Other"]}, "model_format_unsafe"),
        ({"net": ["os", "system"]}, "model_format_unsafe"),
        ({"net": ["diffusers.pipelines", "Net"]}, "model_format_unsafe"),
        ({"net": [None, None]}, "model_incompatible"),
        ({"net": "Net"}, "model_incompatible"),
        ({"more": ["diffusers", "Net"]}, "model_incompatible"),
        ({"fast": "yes"}, "model_incompatible"),
        ({"text": ["transformers", "Text"]}, "model_incompatible"),
    ],
)
def test_an_index_may_name_nothing_outside_the_table(folder: Path, change: dict[str, object], code: str) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert _code(folder)[0] == code


@pytest.mark.parametrize(
    ("shard", "code"),
    [
        ("../net/x.safetensors", "model_format_unsafe"),
        ("/x.safetensors", "model_format_unsafe"),
        ("..\\x.safetensors", "model_format_unsafe"),
        (".x.safetensors", "model_format_unsafe"),
        ("x.bin", "model_format_unsafe"),
        ("gone.safetensors", "model_corrupt"),
    ],
)
def test_an_index_of_shards_points_to_safetensors_beside_it(folder: Path, shard: str, code: str) -> None:
    (folder / _WEIGHTS).rename(folder / "net/x.safetensors")
    index = folder / f"{_WEIGHTS}.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "x.safetensors"}}))
    assert check_repository(folder, _LAYOUTS).weights["net"].files == ("net/x.safetensors",)
    index.write_text(json.dumps({"weight_map": {"a": shard}}))
    assert _code(folder) == (code, f"{_WEIGHTS}.index.json")


def test_an_index_of_shards_that_nobody_would_follow_is_judged_too(folder: Path) -> None:
    (folder / "net/other.index.json").write_text(json.dumps({"weight_map": {"a": "../../x.safetensors"}}))
    assert _code(folder) == ("model_format_unsafe", "net/other.index.json")


@pytest.mark.parametrize(
    ("limits", "prepare"),
    [
        (Limits(total_bytes=100), lambda folder: None),
        (Limits(files=3), lambda folder: None),
        (Limits(depth=2), lambda folder: (folder / "a/b/c").mkdir(parents=True)),
    ],
)
def test_too_much_is_too_large(folder: Path, limits: Limits, prepare: Callable[[Path], object]) -> None:
    prepare(folder)
    assert _code(folder, limits)[0] == "model_too_large"


def test_no_folder_is_no_repository(folder: Path) -> None:
    assert _code(folder / "gone")[0] == "model_corrupt"
    assert _code(folder / "net")[0] == "model_incompatible"


def test_an_adapter_is_one_file_of_weights(folder: Path) -> None:
    path, header = check_adapter(folder / "net")
    assert (path.name, header.shapes) == ("diffusion_pytorch_model.safetensors", {"a": (1,)})
    write(folder / "net/more.safetensors", {})
    with pytest.raises(WeightsError) as refused:
        check_adapter(folder / "net")
    assert refused.value.code == "model_incompatible"
