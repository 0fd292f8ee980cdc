"""MiniLM: a six-layer BERT whose averaged token vectors place sentences by meaning.

Devlin et al. 2018 (arXiv 1810.04805) for the network, Wang et al. 2020 (arXiv 2002.10957) for its size, Reimers &
Gurevych 2019 (arXiv 1908.10084) for the mean pooling. Shapes: B texts, T tokens, D = 384, H heads.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 384
LAYERS = 6
HEADS = 12
MAX_TOKENS = 512
_VOCABULARY = 30522
_SEGMENTS = 2
_INNER = 1536
_EPS = 1e-12


class Embeddings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(_VOCABULARY, WIDTH)
        self.position_embeddings = nn.Embedding(MAX_TOKENS, WIDTH)
        self.token_type_embeddings = nn.Embedding(_SEGMENTS, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=_EPS)

    def forward(self, ids_BT: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: ids_BT.shape[1]]
        # A caption is one segment, so every token gets segment 0.
        total = self.word_embeddings(ids_BT) + positions + self.token_type_embeddings.weight[0]
        normed: Tensor = self.LayerNorm(total)
        return normed


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)

    def forward(self, x_BTD: Tensor, keep_B11T: Tensor) -> Tensor:
        query, key, value = (
            layer(x_BTD).unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=keep_B11T)
        return mixed.transpose(1, 2).flatten(2)


class ResidualOutput(nn.Module):
    """A projection added to what came in, then normalised: BERT's post-norm residual."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=_EPS)

    def forward(self, inner: Tensor, x_BTD: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dense(inner) + x_BTD)
        return normed


class Layer(nn.Module):
    """The nesting of modules is the checkpoint's naming: attention.self.query, attention.output.dense, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(), "output": ResidualOutput(WIDTH)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, _INNER)})
        self.output = ResidualOutput(_INNER)

    def forward(self, x_BTD: Tensor, keep_B11T: Tensor) -> Tensor:
        attended = self.attention["output"](self.attention["self"](x_BTD, keep_B11T), x_BTD)
        result: Tensor = self.output(F.gelu(self.intermediate["dense"](attended)), attended)
        return result


class MiniLM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer() for _ in range(LAYERS))})

    def forward(self, ids_BT: Tensor, keep_BT: Tensor) -> Tensor:
        """Token vectors B x T x 384. `keep_BT` is True at tokens and False at padding."""
        x = self.embeddings(ids_BT)
        mask = keep_BT[:, None, None, :]
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            x = layer(x, mask)
        hidden: Tensor = x
        return hidden


def pool(tokens_BTD: Tensor, keep_BT: Tensor) -> Tensor:
    """The mean over real tokens, scaled to length 1 (B x 384)."""
    weights = keep_BT[..., None].to(tokens_BTD.dtype)
    mean = (tokens_BTD * weights).sum(1) / weights.sum(1).clamp(min=1)
    return F.normalize(mean, dim=-1)


# In the file but no weights of ours: a constant range of positions, and BERT's pooler, which mean pooling replaces.
_NOT_USED = {"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}


def load_minilm(weights: Path) -> MiniLM:
    """The network in evaluation mode. RuntimeError names any missing or unexpected key."""
    network = MiniLM()
    state: dict[str, torch.Tensor] = {k: v for k, v in load_file(weights).items() if k not in _NOT_USED}
    network.load_state_dict(state, strict=True)
    return network.eval().requires_grad_(False)
