"""Makes the smallest pipelines of each architecture, with random weights and without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import peft
import torch
import transformers
from safetensors.torch import save_file

LORA = "pytorch_lora_weights.safetensors"
_CLIP_START, _CLIP_END = "<|startoftext|>", "<|endoftext|>"


def _byte_symbols() -> list[str]:
    """The 256 printable stand-ins for bytes of byte-level BPE."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + n) for n in range(len(rest))]


def clip_tokenizer(words: int = 16) -> Any:
    symbols = _byte_symbols()
    names = [*symbols, *(s + "</w>" for s in symbols), _CLIP_START, _CLIP_END]
    return transformers.CLIPTokenizer(vocab={n: i for i, n in enumerate(names)}, merges=[], model_max_length=words)


def t5_tokenizer(words: int = 16) -> Any:
    letters = "▁abcdefghijklmnopqrstuvwxyz0123456789.,"
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -3.0) for letter in letters)]
    return transformers.T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=words)


def clip_text(with_projection: bool, width: int = 8, words: int = 16) -> Any:
    config = transformers.CLIPTextConfig(
        hidden_size=width,
        intermediate_size=8,
        projection_dim=width,
        num_attention_heads=2,
        num_hidden_layers=2,
        vocab_size=514,
        max_position_embeddings=words,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )
    kind = transformers.CLIPTextModelWithProjection if with_projection else transformers.CLIPTextModel
    return kind(config).eval()


def t5_text(width: int = 8) -> Any:
    config = transformers.T5Config(d_model=width, d_kv=4, d_ff=8, num_layers=1, num_heads=2, vocab_size=64)
    return transformers.T5EncoderModel(config).eval()


def vae(latents: int = 4, **changes: Any) -> Any:
    return diffusers.AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 8),
        layers_per_block=1,
        latent_channels=latents,
        norm_num_groups=2,
        sample_size=16,
        **changes,
    ).eval()


def _unet(**changes: Any) -> Any:
    settings: dict[str, Any] = {
        "sample_size": 8,
        "layers_per_block": 1,
        "block_out_channels": (4, 8),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 8,
        "attention_head_dim": 2,
        "norm_num_groups": 2,
    }
    return diffusers.UNet2DConditionModel(**(settings | changes)).eval()


def stable_diffusion() -> Any:
    return diffusers.StableDiffusionPipeline(
        vae=vae(),
        text_encoder=clip_text(with_projection=False),
        tokenizer=clip_tokenizer(),
        unet=_unet(),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl() -> Any:
    unet = _unet(
        transformer_layers_per_block=(1, 1),
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=8 + 6 * 4,
        cross_attention_dim=16,
        use_linear_projection=True,
    )
    return diffusers.StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=clip_text(with_projection=False),
        text_encoder_2=clip_text(with_projection=True),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear", timestep_spacing="leading"),
        add_watermarker=False,
    )


def stable_diffusion_3() -> Any:
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=8,
        patch_size=1,
        in_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=16,
        caption_projection_dim=16,
        pooled_projection_dim=16,
        out_channels=4,
        pos_embed_max_size=16,
    ).eval()
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(shift_factor=0.06, scaling_factor=1.5, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip_text(with_projection=True),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip_text(with_projection=True),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5_text(16),
        tokenizer_3=t5_tokenizer(),
    )


def stable_diffusion_3_without_t5() -> Any:
    whole = stable_diffusion_3()
    return diffusers.StableDiffusion3Pipeline(**whole.components | {"text_encoder_3": None, "tokenizer_3": None})


def flux(guidance_embeds: bool = True) -> Any:
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=3,
        joint_attention_dim=8,
        pooled_projection_dim=8,
        guidance_embeds=guidance_embeds,
        axes_dims_rope=(4, 2, 2),
    ).eval()
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=vae(shift_factor=0.1, scaling_factor=0.4, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip_text(with_projection=False),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5_text(),
        tokenizer_2=t5_tokenizer(),
        transformer=transformer,
    )


def _pixart(kind: Any) -> Any:
    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=8,
        num_layers=1,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=2,
        in_channels=4,
        cross_attention_dim=16,
        caption_channels=8,
        out_channels=8,
        use_additional_conditions=False,
    ).eval()
    return kind(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_text(),
        vae=vae(),
        transformer=transformer,
        scheduler=diffusers.DPMSolverMultistepScheduler(),
    )


def pixart_alpha() -> Any:
    return _pixart(diffusers.PixArtAlphaPipeline)


def pixart_sigma() -> Any:
    return _pixart(diffusers.PixArtSigmaPipeline)


MAKERS: Mapping[str, Callable[[], Any]] = {
    "sd": stable_diffusion,
    "sdxl": stable_diffusion_xl,
    "sd3": stable_diffusion_3,
    "sd3-without-t5": stable_diffusion_3_without_t5,
    "flux": flux,
    "pixart-alpha": pixart_alpha,
    "pixart-sigma": pixart_sigma,
}


def make(name: str, folder: Path, seed: int = 0) -> Path:
    """Saves a pipeline of that name into `folder`, which is returned."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        MAKERS[name]().save_pretrained(folder, safe_serialization=True)
    return folder


def make_lora(name: str, folder: Path, seed: int = 1, rank: int = 2, alpha: float = 4.0) -> Path:
    """LoRA of the denoiser's attention, made by peft and saved as diffusers saves it (PixArt's: as peft does)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipeline = MAKERS[name]()
        part = "unet" if hasattr(pipeline, "unet") else "transformer"
        network = getattr(pipeline, part)
        config = peft.LoraConfig(
            r=rank, lora_alpha=alpha, target_modules=["to_q", "to_k", "to_v"], init_lora_weights=False
        )
        wrapped = peft.get_peft_model(network, config)
        for key, value in network.named_parameters():
            if "lora_" in key:
                value.data.normal_()
    if not hasattr(pipeline, "save_lora_weights"):
        wrapped.save_pretrained(folder)
        return folder
    layers = {
        f"{part}.{key.removeprefix('base_model.model.')}": value
        for key, value in peft.get_peft_model_state_dict(wrapped).items()
    }
    notes = {f"{part}.r": rank, f"{part}.lora_alpha": alpha, f"{part}.target_modules": ["to_q", "to_k", "to_v"]}
    folder.mkdir(parents=True)
    save_file(layers, folder / LORA, {"format": "pt", "lora_adapter_metadata": json.dumps(notes)})
    return folder
