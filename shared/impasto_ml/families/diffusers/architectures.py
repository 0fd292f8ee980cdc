"""The pipelines that may be loaded: which classes stand in which place, and how each is asked for a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from impasto_ml.weights import ComponentSlot, PipelineLayout

# Schedulers that call the network once a step and keep nothing on disk.
SCHEDULERS = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)
FLOW_SCHEDULERS = ("FlowMatchEulerDiscreteScheduler",)


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family of pipelines.

    `pipeline` draws from words, `from_picture` (if there is one) from a picture, too; both are diffusers' names.
    `denoiser` is the component that LoRA weights change. `guidance` is the argument that carries the scale of
    classifier-free guidance; `embedded_guidance`, the argument of a distilled network that was told the scale in
    training: there the first one is used with a negative prompt only. `callback`: how the pipeline tells of a step.
    `packed`: latents are rows of 2 x 2 patches. `arguments` are given with every call.
    """

    name: str
    pipeline: str
    from_picture: str | None
    denoiser: str
    layout: PipelineLayout
    guidance: str = "guidance_scale"
    embedded_guidance: str | None = None
    callback: str = "callback_on_step_end"
    packed: bool = False
    arguments: Mapping[str, object] = field(default_factory=dict)


def _diffusers(*names: str, required: bool = True) -> ComponentSlot:
    return ComponentSlot(frozenset(("diffusers", name) for name in names), required)


def _transformers(*names: str, required: bool = True) -> ComponentSlot:
    return ComponentSlot(frozenset(("transformers", name) for name in names), required)


_VAE = _diffusers("AutoencoderKL")
_CLIP, _CLIP_PROJECTED = _transformers("CLIPTextModel"), _transformers("CLIPTextModelWithProjection")
_CLIP_WORDS = _transformers("CLIPTokenizer", "CLIPTokenizerFast")
_T5, _T5_WORDS = _transformers("T5EncoderModel"), _transformers("T5Tokenizer", "T5TokenizerFast")
# One class under the names it has had.
_CLIP_PICTURES = ("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor")
_NONE = ComponentSlot(frozenset(), required=False)

_SD = PipelineLayout(
    {
        "vae": _VAE,
        "text_encoder": _CLIP,
        "tokenizer": _CLIP_WORDS,
        "unet": _diffusers("UNet2DConditionModel"),
        "scheduler": _diffusers(*SCHEDULERS),
        # The library names this one by the module of its own that holds it.
        "safety_checker": ComponentSlot(
            frozenset({("stable_diffusion", "StableDiffusionSafetyChecker")}), required=False
        ),
        "feature_extractor": _transformers(*_CLIP_PICTURES, required=False),
        "image_encoder": _NONE,
    },
    settings=frozenset({"requires_safety_checker"}),
)
_SDXL = PipelineLayout(
    {
        "vae": _VAE,
        "text_encoder": _CLIP,
        "text_encoder_2": _CLIP_PROJECTED,
        "tokenizer": _CLIP_WORDS,
        "tokenizer_2": _CLIP_WORDS,
        "unet": _diffusers("UNet2DConditionModel"),
        "scheduler": _diffusers(*SCHEDULERS),
        "image_encoder": _NONE,
        "feature_extractor": _NONE,
    },
    settings=frozenset({"force_zeros_for_empty_prompt", "add_watermarker", "requires_aesthetics_score"}),
)
_SD3 = PipelineLayout(
    {
        "vae": _VAE,
        "text_encoder": _CLIP_PROJECTED,
        "text_encoder_2": _CLIP_PROJECTED,
        # The largest encoder may be left out to save memory.
        "text_encoder_3": _transformers("T5EncoderModel", required=False),
        "tokenizer": _CLIP_WORDS,
        "tokenizer_2": _CLIP_WORDS,
        "tokenizer_3": _transformers("T5Tokenizer", "T5TokenizerFast", required=False),
        "transformer": _diffusers("SD3Transformer2DModel"),
        "scheduler": _diffusers(*FLOW_SCHEDULERS),
        "image_encoder": _NONE,
        "feature_extractor": _NONE,
    }
)
_FLUX = PipelineLayout(
    {
        "vae": _VAE,
        "text_encoder": _CLIP,
        "text_encoder_2": _T5,
        "tokenizer": _CLIP_WORDS,
        "tokenizer_2": _T5_WORDS,
        "transformer": _diffusers("FluxTransformer2DModel"),
        "scheduler": _diffusers(*FLOW_SCHEDULERS),
        "image_encoder": _NONE,
        "feature_extractor": _NONE,
    }
)
_PIXART = PipelineLayout(
    {
        "vae": _VAE,
        "text_encoder": _T5,
        "tokenizer": _T5_WORDS,
        # Older indexes have the name that this class had before.
        "transformer": _diffusers("PixArtTransformer2DModel", "Transformer2DModel"),
        "scheduler": _diffusers(*SCHEDULERS),
    }
)

# PixArt's own cleaning of captions needs further packages, and its binning of sizes would not draw what was asked for.
_PIXART_ARGUMENTS = {"clean_caption": False, "use_resolution_binning": False}

ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.pipeline: architecture
    for architecture in (
        Architecture("sd", "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "unet", _SD),
        Architecture("sdxl", "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "unet", _SDXL),
        Architecture("sd3", "StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline", "transformer", _SD3),
        Architecture(
            "flux",
            "FluxPipeline",
            "FluxImg2ImgPipeline",
            "transformer",
            _FLUX,
            guidance="true_cfg_scale",
            embedded_guidance="guidance_scale",
            packed=True,
        ),
        *(
            Architecture(name, pipeline, None, "transformer", _PIXART, callback="callback", arguments=_PIXART_ARGUMENTS)
            for name, pipeline in (("pixart-alpha", "PixArtAlphaPipeline"), ("pixart-sigma", "PixArtSigmaPipeline"))
        ),
    )
}

# A folder may name the variant that starts from a picture; the components are the same.
_BY_ANY_NAME: Mapping[str, Architecture] = {
    **ARCHITECTURES,
    **{a.from_picture: a for a in ARCHITECTURES.values() if a.from_picture},
}

LAYOUTS: Mapping[str, PipelineLayout] = {name: a.layout for name, a in _BY_ANY_NAME.items()}


def architecture_of(class_name: str) -> Architecture:
    """Raises KeyError for a class outside the table; `LAYOUTS` has the same names."""
    return _BY_ANY_NAME[class_name]
