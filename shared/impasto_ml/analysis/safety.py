"""How likely a picture is not safe for work, by the open_nsfw network under onnxruntime."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import onnxruntime
from PIL import Image

from impasto_ml.data.pictures import flatten

FILE = "open-nsfw.onnx"

_MEAN_BGR = np.array([104, 117, 123], dtype=np.float32)
_RESIZED, _INPUT = 256, 224


@dataclass(frozen=True)
class SafetyScore:
    """`nsfw` in 0..1 and what to make of it. Learnt on photographs: on drawings it is a hint, not a verdict."""

    nsfw: float
    word: Literal["safe", "review", "unsafe"]


class SafetyClassifier:
    """Yahoo's open_nsfw (2016), an ImageNet-sized ResNet for photographs; CPU."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, folder: Path | str, threads: int = 1) -> Self:
        """Load `open-nsfw.onnx` from `folder`.

        Raises:
            ValueError: the file is missing.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise ValueError(f"no {FILE} in {folder}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return cls(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))

    def score(self, picture: Image.Image) -> SafetyScore:
        """The score of a picture of any size."""
        name = self._session.get_inputs()[0].name
        nsfw = float(self._session.run(None, {name: _prepare(picture)[None]})[0][0][1])
        return SafetyScore(round(nsfw, 4), "unsafe" if nsfw >= 0.8 else "review" if nsfw >= 0.2 else "safe")


def _prepare(picture: Image.Image) -> np.ndarray:
    """(224, 224, 3) float32 BGR less the mean, made as the network was trained: JPEG round trip included."""
    offset = (_RESIZED - _INPUT) // 2
    small = flatten(picture).resize((_RESIZED, _RESIZED), Image.Resampling.BILINEAR, reducing_gap=3.0)
    crop = small.crop((offset, offset, offset + _INPUT, offset + _INPUT))
    with io.BytesIO() as buffer:
        crop.save(buffer, "JPEG")
        pixels = np.asarray(Image.open(buffer), dtype=np.float32)
    return np.ascontiguousarray(pixels[..., ::-1] - _MEAN_BGR)
