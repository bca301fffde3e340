"""Models of random weights, 12 MB in all, that stable-diffusion.cpp takes for real ones.

Of a FLUX.2 klein it reads the widths and the number of blocks out of the file, so one block as wide as one
attention head will do; the same holds for Qwen 3, its text encoder, but for the size of the vocabulary. The
tiny autoencoder (TAEF2) has one size only. An SD 1.5 would be two gigabytes: its widths are fixed.
"""

import json
from math import prod
from pathlib import Path

import numpy as np

CHECKPOINT, LORA = "random.safetensors", "ink.safetensors"
Shapes = dict[str, tuple[int, ...]]
"""The tensors of a file: their names and their sizes, in PyTorch's order."""

_WIDTH = 128  # of the diffusion model: a head
_LATENT = 128  # channels: 32, of 2 by 2 pixels each
_TEXT = 16  # the text encoder's width
_VOCABULARY = 151_936
_HEADS, _KEY_HEADS, _HEAD = 32, 8, 128  # of the text encoder: fixed
_CHANNELS, _POOL, _DEPTH = 64, 256, 32  # of the autoencoder: fixed


def write(path: Path, shapes: Shapes) -> None:
    """A safetensors file, in half precision: scales are 1, biases 0, matrices random and always the same."""
    random = np.random.default_rng(0)
    header, data = {}, bytearray()
    for name, shape in shapes.items():
        if len(shape) == 1:
            values = np.full(shape, 0.0 if name.endswith("bias") else 1.0)
        else:
            values = random.standard_normal(shape) * np.sqrt(2 / prod(shape[1:]))
        start = len(data)
        data += values.astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, len(data)]}
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)


def checkpoint() -> Shapes:
    """The diffusion model and its text encoder."""
    shapes = {f"model.diffusion_model.{name}": shape for name, shape in _diffusion().items()}
    return shapes | {f"text_encoders.llm.model.{name}.weight": shape for name, shape in _encoder().items()}


def lora() -> Shapes:
    """An adapter for one matrix of the diffusion model."""
    name = "diffusion_model.double_blocks.0.img_attn.proj"
    return {f"{name}.lora_A.weight": (4, _WIDTH), f"{name}.lora_B.weight": (_WIDTH, 4)}


def autoencoder() -> Shapes:
    """Both halves. The numbers that are left out are layers without weights."""
    shapes: Shapes = {}
    for half, plain, pooled, bare, first, last in (
        ("decoder", (7, 8, 9, 12, 13, 14, 17), (2, 3, 4), (6, 11, 16), (0, _DEPTH), (18, 3)),
        ("encoder", (1, 3, 4, 5, 7, 8, 9), (11, 12, 13), (2, 6, 10), (0, 3), (14, _DEPTH)),
    ):
        layer = f"tae.{half}.layers"
        shapes |= _convolution(f"{layer}.{first[0]}", _CHANNELS, first[1])
        shapes |= _convolution(f"{layer}.{last[0]}", last[1], _CHANNELS)
        for at in (*plain, *pooled):
            for step in (0, 2, 4):
                shapes |= _convolution(f"{layer}.{at}.conv.{step}", _CHANNELS, _CHANNELS)
        for at in pooled:
            shapes[f"{layer}.{at}.pool.0.weight"] = (_POOL, _CHANNELS, 1, 1)
            shapes[f"{layer}.{at}.pool.1.weight"] = shapes[f"{layer}.{at}.pool.1.bias"] = (_POOL,)
            shapes[f"{layer}.{at}.pool.3.weight"] = (_CHANNELS, _POOL, 1, 1)
        for at in bare:
            shapes[f"{layer}.{at}.weight"] = (_CHANNELS, _CHANNELS, 3, 3)
    return shapes


def _convolution(name: str, out: int, into: int) -> Shapes:
    return {f"{name}.weight": (out, into, 3, 3), f"{name}.bias": (out,)}


def _diffusion() -> Shapes:
    wide = _WIDTH
    shapes: Shapes = {
        "img_in.weight": (wide, _LATENT),
        "txt_in.weight": (wide, _TEXT),
        "time_in.in_layer.weight": (wide, 256),
        "time_in.out_layer.weight": (wide, wide),
        "double_stream_modulation_img.lin.weight": (6 * wide, wide),
        "double_stream_modulation_txt.lin.weight": (6 * wide, wide),
        "single_stream_modulation.lin.weight": (3 * wide, wide),
        "final_layer.adaLN_modulation.1.weight": (2 * wide, wide),
        "final_layer.linear.weight": (_LATENT, wide),
    }
    for stream in ("img", "txt"):
        block = f"double_blocks.0.{stream}"
        shapes |= {
            f"{block}_attn.qkv.weight": (3 * wide, wide),
            f"{block}_attn.norm.query_norm.scale": (wide,),
            f"{block}_attn.norm.key_norm.scale": (wide,),
            f"{block}_attn.proj.weight": (wide, wide),
            f"{block}_mlp.0.weight": (6 * wide, wide),
            f"{block}_mlp.2.weight": (wide, 3 * wide),
        }
    return shapes


def _encoder() -> Shapes:
    queries, keys = (_HEADS * _HEAD, _TEXT), (_KEY_HEADS * _HEAD, _TEXT)
    layer: Shapes = {
        "input_layernorm": (_TEXT,),
        "self_attn.q_proj": queries,
        "self_attn.k_proj": keys,
        "self_attn.v_proj": keys,
        "self_attn.o_proj": queries[::-1],
        "self_attn.q_norm": (_HEAD,),
        "self_attn.k_norm": (_HEAD,),
        "post_attention_layernorm": (_TEXT,),
        "mlp.gate_proj": (_TEXT, _TEXT),
        "mlp.up_proj": (_TEXT, _TEXT),
        "mlp.down_proj": (_TEXT, _TEXT),
    }
    shapes = {f"layers.0.{name}": shape for name, shape in layer.items()}
    return {"embed_tokens": (_VOCABULARY, _TEXT), "norm": (_TEXT,), **shapes}
