"""Draws with a diffusers pipeline step by step: its own call runs in a thread that stops after every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from impasto_ml.families.text_to_image import DrawingRequest
from impasto_ml.weights import Repository

from . import memory
from .adapters import AttachedAdapters, Scales
from .calls import arguments, check_request, open_picture
from .loading import LoadedPipeline, load_pipeline
from .previews import fit_colours, picture_of, unpack
from .progress import PausingBar
from .sizes import Sizes
from .stepping import Stepwise

_MOST_PIXELS = 4 << 20


@dataclass(eq=False, slots=True)
class DiffusersDrawing:
    """One picture on its way; `size` is width and height in pixels, `latents` are the newest."""

    size: tuple[int, int]
    adapters: Scales
    step: int = 0
    steps: int = 0
    latents: Tensor | None = None
    picture: Image.Image | None = None
    running: Stepwise[Image.Image] | None = field(default=None, repr=False)

    @property
    def done(self) -> bool:
        return self.step >= self.steps

    @property
    def lost(self) -> bool:
        """Its pipeline's call has ended without a picture."""
        return self.running is None and self.picture is None


class DiffusersTextToImage:
    """A loaded pipeline as a `TextToImage`. Drawings take turns; each keeps its own scheduler and random numbers."""

    in_turn: ClassVar[bool] = True

    def __init__(self, loaded: LoadedPipeline, *, most_pixels: int = _MOST_PIXELS, attached: int = 8) -> None:
        """`most_pixels` a picture may have; `attached` adapters stay in memory beside the weights."""
        self.loaded = loaded
        self._denoiser = loaded.components[loaded.architecture.denoiser]
        self._latent_px = 2 ** (len(loaded.components["vae"].config.block_out_channels) - 1)
        self.sizes = self._sizes(most_pixels)
        self.adapters = AttachedAdapters(loaded, most=attached)
        self._open: set[DiffusersDrawing] = set()

    @classmethod
    def load(
        cls, folder: Path, device: str = "cpu", dtype: torch.dtype | None = None, repository: Repository | None = None
    ) -> DiffusersTextToImage:
        """As `load_pipeline`, which says what it raises."""
        return cls(load_pipeline(folder, device, dtype, repository))

    @property
    def memory_bytes(self) -> int:
        modules = [c for c in self.loaded.components.values() if isinstance(c, torch.nn.Module)]
        return sum(p.nbytes for m in modules for p in (*m.parameters(), *m.buffers()))

    def drawing_bytes(self, request: DrawingRequest) -> int:
        """Grows with the request's pixels. Raises SizeNotAllowed."""
        vae, network = self.loaded.components["vae"].config, self._denoiser.config
        return memory.drawing_bytes(vae, network, self.loaded.dtype, self.sizes.check(request.width, request.height))

    @property
    def size_px(self) -> tuple[int, int]:
        return self.sizes.default

    def begin(self, request: DrawingRequest) -> DiffusersDrawing:
        """Encodes the prompt and makes the noise.

        Raises:
            ValueError: SizeNotAllowed names the nearest size; a style, a picture or a number it cannot take.
            WeightsError: an adapter is refused.
        """
        check_request(request, self.loaded.architecture)
        drawing = DiffusersDrawing(self.sizes.check(request.width, request.height), request.adapters)
        if request.picture is not None and int(request.steps * request.strength) < 1:
            # So little strength that no step is left: it stays as it is.
            drawing.picture = open_picture(request.picture, drawing.size)
            return drawing
        self.adapters.activate(drawing.adapters)
        drawing.running = Stepwise(self._body(drawing, request))
        self._open.add(drawing)
        self._advance(drawing)
        return drawing

    def denoise_step(self, drawings: Sequence[DiffusersDrawing]) -> None:
        """One step each, one after another: pipelines take no batch of different requests.

        A drawing whose step raises is lost; those after it are untouched.
        """
        for drawing in drawings:
            assert not drawing.done
            assert not drawing.lost
            self.adapters.activate(drawing.adapters)
            self._advance(drawing)

    def preview(self, drawing: DiffusersDrawing) -> Image.Image:
        """At most 256 px, without the decoder; grey before the first step."""
        if drawing.picture is not None:
            return drawing.picture
        if drawing.latents is None:
            return Image.new("RGB", drawing.size, (128, 128, 128))
        width, height = (side // self._latent_px for side in drawing.size)
        packed = self.loaded.architecture.packed
        latents = unpack(drawing.latents, height, width) if packed else drawing.latents[0]
        return picture_of(latents, self._colours, drawing.size)

    def finish(self, drawing: DiffusersDrawing) -> Image.Image:
        """Decodes; the second call gives the same picture. A drawing whose decoding raises is lost."""
        assert drawing.done
        if drawing.picture is None:
            assert drawing.running is not None
            self._advance(drawing)
            drawing.picture = drawing.running.result
            self._forget(drawing)
        assert drawing.picture is not None
        return drawing.picture

    def abandon(self, drawing: DiffusersDrawing) -> None:
        """Its thread is gone when this returns. Harmless for a finished drawing, and twice."""
        self._forget(drawing)

    def close(self) -> None:
        """Abandons whatever is still being drawn."""
        for drawing in list(self._open):
            self.abandon(drawing)

    def __enter__(self) -> DiffusersTextToImage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @cached_property
    def _colours(self) -> Tensor:
        return fit_colours(self.loaded.components["vae"], self._latent_px)

    def _sizes(self, most_pixels: int) -> Sizes:
        config, latent_px = self._denoiser.config, self._latent_px
        pipeline = self.loaded.pipeline()
        latents = config.get("sample_size") or pipeline.default_sample_size
        width, height = (latents, latents) if isinstance(latents, int) else (latents[1], latents[0])
        patch = 2 if self.loaded.architecture.packed else int(config.get("patch_size") or 1)
        positions = config.get("pos_embed_max_size")
        return Sizes.of((width * latent_px, height * latent_px), latent_px, patch, positions, most_pixels)

    def _body(self, drawing: DiffusersDrawing, request: DrawingRequest) -> Callable[[Callable[[], None]], Image.Image]:
        architecture = self.loaded.architecture
        embedded = bool(self._denoiser.config.get("guidance_embeds"))
        given = arguments(request, architecture, drawing.size, embedded=embedded)
        # Schedulers count their steps: each drawing has its own.
        scheduler = self.loaded.components["scheduler"]
        scheduler = type(scheduler).from_config(scheduler.config)
        pipeline = self.loaded.pipeline(from_picture=request.picture is not None, scheduler=scheduler)

        def body(pause: Callable[[], None]) -> Image.Image:
            if self.loaded.device.index is not None:
                # Which device is the current one is told to each thread anew.
                torch.cuda.set_device(self.loaded.device)

            def begun(total: int) -> None:
                # PixArt tells of as many steps as were asked for, the others of each one that their schedule has.
                drawing.steps = total if architecture.callback == "callback" else pipeline.num_timesteps
                pause()

            def stepped(latents: Tensor) -> None:
                drawing.step += 1
                drawing.latents = latents
                pause()

            def on_step_end(_pipeline: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                stepped(tensors["latents"])
                return {}

            def on_step(_step: int, _time: Any, latents: Tensor) -> None:
                stepped(latents)

            pipeline.progress_bar = PausingBar(begun)
            given[architecture.callback] = on_step if architecture.callback == "callback" else on_step_end
            pictures: list[Image.Image] = pipeline(**given).images
            return pictures[0]

        return body

    def _advance(self, drawing: DiffusersDrawing) -> None:
        assert drawing.running is not None
        try:
            drawing.running.advance()
        except BaseException:
            self._forget(drawing)
            raise

    def _forget(self, drawing: DiffusersDrawing) -> None:
        self._open.discard(drawing)
        if drawing.running is not None:
            drawing.running.abandon()
        drawing.running, drawing.latents = None, None
