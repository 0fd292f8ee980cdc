"""Ways to make a good repository hostile or broken. A canary is a file that none of them may make."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


@dataclass(frozen=True)
class _Sings:
    """Unpickling it runs a command."""

    canary: Path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.canary}",)


def _edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


def _index(folder: Path, **values: Any) -> None:
    _edit(folder / "model_index.json", lambda index: index.update(values))


def _code(path: Path, canary: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"import pathlib\npathlib.Path({str(canary)!r}).touch()\nclass Mine: pass\n")


def _raw(path: Path, header: str | bytes, data: bytes = b"") -> None:
    body = header if isinstance(header, bytes) else header.encode()
    path.write_bytes(struct.pack("<Q", len(body)) + body + data)


def _entry(start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - start) // 4], "data_offsets": [start, end]}


def _tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    state = load_file(path)
    change(state)
    save_file(state, path, {"format": "pt"})


def pickle_beside(folder: Path, canary: Path) -> None:
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(pickle.dumps(_Sings(canary)))


def pickle_instead(folder: Path, canary: Path) -> None:
    (folder / UNET).unlink()
    (folder / "unet/diffusion_pytorch_model.bin").write_bytes(pickle.dumps(_Sings(canary)))


def pickle_renamed(folder: Path, canary: Path) -> None:
    (folder / UNET).write_bytes(pickle.dumps(_Sings(canary)))


def old_pickle_renamed(folder: Path, canary: Path) -> None:
    (folder / UNET).write_bytes(pickle.dumps(_Sings(canary), protocol=0))


def torch_zip_renamed(folder: Path, canary: Path) -> None:
    torch.save({"weight": _Sings(canary)}, folder / UNET)


def zip_as_vocabulary(folder: Path, canary: Path) -> None:
    with zipfile.ZipFile(folder / "tokenizer/merges.txt", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(_Sings(canary)))


def compiled_program(folder: Path, canary: Path) -> None:
    (folder / "unet/model.pt2").write_bytes(pickle.dumps(_Sings(canary)))


def remote_code(folder: Path, canary: Path) -> None:
    _code(folder / "text_encoder/modeling_mine.py", canary)
    _edit(folder / "text_encoder/config.json", lambda c: c.update(auto_map={"AutoModel": "modeling_mine.Mine"}))


def remote_code_elsewhere(folder: Path, _canary: Path) -> None:
    _edit(folder / "tokenizer/tokenizer_config.json", lambda c: c.update(auto_map={"AutoTokenizer": "a/b--c.Mine"}))


def remote_kernels(folder: Path, _canary: Path) -> None:
    _edit(folder / "text_encoder/config.json", lambda c: c.update(_attn_implementation="someone/kernels"))


def custom_pipeline(folder: Path, canary: Path) -> None:
    _code(folder / "pipeline.py", canary)
    _index(folder, _class_name=["pipeline", "Mine"])


def custom_component(folder: Path, canary: Path) -> None:
    _code(folder / "unet/mine.py", canary)
    _index(folder, unet=["mine", "Mine"])


def custom_component_without_file(folder: Path, _canary: Path) -> None:
    _index(folder, unet=["subprocess", "Popen"])


def wrong_class_in_place(folder: Path, _canary: Path) -> None:
    _index(folder, unet=["diffusers", "DiffusionPipeline"])


def linked_out(folder: Path, canary: Path) -> None:
    outside = canary.parent / "outside.safetensors"
    (folder / UNET).rename(outside)
    (folder / UNET).symlink_to(outside)


def linked_folder(folder: Path, canary: Path) -> None:
    (folder / "unet").rename(canary.parent / "unet")
    (folder / "unet").symlink_to(canary.parent / "unet")


def shards_elsewhere(folder: Path, canary: Path) -> None:
    (folder / UNET).rename(canary.parent / "outside.safetensors")
    names = load_file(canary.parent / "outside.safetensors")
    table = {"metadata": {}, "weight_map": dict.fromkeys(names, "../../outside.safetensors")}
    (folder / f"{UNET}.index.json").write_text(json.dumps(table))


def shards_as_pickles(folder: Path, _canary: Path) -> None:
    table = {"metadata": {}, "weight_map": {"conv_in.weight": "pytorch_model.bin"}}
    (folder / "unet/pytorch_model.bin.index.json").write_text(json.dumps(table))


def vocabulary_elsewhere(folder: Path, _canary: Path) -> None:
    _edit(folder / "tokenizer/tokenizer_config.json", lambda c: c.update(vocab_file="/etc/passwd"))


def adapter_redirects(folder: Path, _canary: Path) -> None:
    (folder / "text_encoder/adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/tmp"}))


def pipe_as_weights(folder: Path, _canary: Path) -> None:
    (folder / UNET).unlink()
    os.mkfifo(folder / UNET)


def bloated_header(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, b"{" + b" " * (17 << 20) + b"}")


def many_tensors(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, json.dumps({f"t{n}": _entry(0, 0) for n in range(30_000)}))


def nothing_but_commas(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, b"{" + b",".join(b'"%d":0' % n for n in range(500_000)) + b"}")


def header_past_the_end(folder: Path, _canary: Path) -> None:
    (folder / UNET).write_bytes(struct.pack("<Q", 1 << 20) + b"{}")


def overlapping(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, json.dumps({"a": _entry(0, 8), "b": _entry(4, 12)}), bytes(12))


def past_the_end(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, json.dumps({"a": _entry(0, 4096)}), bytes(8))


def with_a_hole(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, json.dumps({"a": _entry(0, 8), "b": _entry(12, 16)}), bytes(16))


def with_a_tail(folder: Path, canary: Path) -> None:
    with (folder / UNET).open("ab") as file:
        file.write(pickle.dumps(_Sings(canary)))


def twice_the_same_name(folder: Path, _canary: Path) -> None:
    entry = json.dumps(_entry(0, 8))
    _raw(folder / UNET, f'{{"a": {entry}, "a": {entry}}}', bytes(8))


def nested_header(folder: Path, _canary: Path) -> None:
    _raw(folder / UNET, b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}")


def nested_config(folder: Path, _canary: Path) -> None:
    (folder / "unet/config.json").write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")


def huge_config(folder: Path, _canary: Path) -> None:
    (folder / "unet/config.json").write_text(json.dumps({"a": "x" * (2 << 20)}))


def a_billion_layers(folder: Path, _canary: Path) -> None:
    _edit(folder / "text_encoder/config.json", lambda c: c.update(num_hidden_layers=10**9))


def not_finite(folder: Path, _canary: Path) -> None:
    _tensors(folder / UNET, lambda state: state["conv_in.weight"].view(-1)[5].fill_(float("nan")))


def infinite(folder: Path, _canary: Path) -> None:
    _tensors(folder / TEXT, lambda state: next(iter(state.values())).view(-1)[0].fill_(float("-inf")))


def tensor_missing(folder: Path, _canary: Path) -> None:
    _tensors(folder / UNET, lambda state: state.pop("conv_in.weight"))


def tensor_missing_in_text(folder: Path, _canary: Path) -> None:
    _tensors(folder / TEXT, lambda state: state.pop("final_layer_norm.weight"))


def tensor_left_over(folder: Path, _canary: Path) -> None:
    _tensors(folder / UNET, lambda state: state.update(stranger=torch.ones(3)))


def tensor_misshapen(folder: Path, _canary: Path) -> None:
    _tensors(folder / UNET, lambda state: state.update({"conv_in.weight": torch.ones(2, 4, 3, 3)}))


def saved_with_a_live_adapter(folder: Path, _canary: Path) -> None:
    def rename(state: dict[str, torch.Tensor]) -> None:
        for name in [n for n in state if ".to_q.weight" in n]:
            state[name.replace(".to_q.", ".to_q.base_layer.")] = state.pop(name)

    _tensors(folder / UNET, rename)


def other_network(folder: Path, _canary: Path) -> None:
    _edit(folder / "unet/config.json", lambda c: c.update(_class_name="UNet2DModel"))


def other_pipeline(folder: Path, _canary: Path) -> None:
    _index(folder, _class_name="StableDiffusionXLPipeline")


def unknown_pipeline(folder: Path, _canary: Path) -> None:
    _index(folder, _class_name="AudioLDM2Pipeline")


def quantised(folder: Path, _canary: Path) -> None:
    _edit(folder / "unet/config.json", lambda c: c.update(quantization_config={"quant_method": "mine"}))


def without_weights(folder: Path, _canary: Path) -> None:
    (folder / UNET).unlink()


def no_pipeline(folder: Path, _canary: Path) -> None:
    (folder / "model_index.json").unlink()


REFUSED: Mapping[Callable[[Path, Path], None], str] = {
    **dict.fromkeys(
        (
            pickle_beside, pickle_instead, pickle_renamed, old_pickle_renamed, torch_zip_renamed, zip_as_vocabulary,
            compiled_program, remote_code, remote_code_elsewhere, remote_kernels, custom_pipeline, custom_component,
            custom_component_without_file, wrong_class_in_place, linked_out, linked_folder, shards_elsewhere,
            shards_as_pickles, vocabulary_elsewhere, adapter_redirects, pipe_as_weights,
        ),
        "model_format_unsafe",
    ),
    **dict.fromkeys((bloated_header, many_tensors, nothing_but_commas, huge_config), "model_too_large"),
    **dict.fromkeys(
        (
            header_past_the_end, overlapping, past_the_end, with_a_hole, with_a_tail, twice_the_same_name,
            nested_header, nested_config, a_billion_layers,
        ),
        "model_corrupt",
    ),
    **dict.fromkeys((not_finite, infinite), "model_nan"),
    **dict.fromkeys(
        (
            tensor_missing, tensor_missing_in_text, tensor_left_over, tensor_misshapen, saved_with_a_live_adapter,
            other_network, other_pipeline, unknown_pipeline, quantised, without_weights, no_pipeline,
        ),
        "model_incompatible",
    ),
}  # fmt: skip
