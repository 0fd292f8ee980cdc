"""What a sample says beside its picture: the caption as it was read, tags, and where the picture came from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from impasto_ml.data.captions import CleanCaption, clean_caption
from impasto_ml.data.prepare import PreparedPicture
from impasto_ml.encoders.caption_tags import CaptionTag, CaptionTagger
from impasto_ml.encoders.picture import PictureTag
from impasto_ml.encoders.text import TextEncoder, TokenisedCaption

_LEAST_PROBABILITY: Final = 0.2
# At 95 without chroma subsampling, coloured edges survive and a sample is a quarter of its PNG.
_QUALITY: Final = 95


@dataclass(frozen=True)
class ReadCaption:
    """A caption cleaned, tokenised and tagged."""

    clean: CleanCaption
    tokens: TokenisedCaption
    tags: tuple[CaptionTag, ...]


class Captions:
    """Reads captions with one encoder."""

    def __init__(self, encoder: TextEncoder, tagger: CaptionTagger) -> None:
        self._encoder, self._tagger = encoder, tagger

    def read(self, captions: Sequence[str], recipe: dict[str, Any]) -> list[ReadCaption]:
        """Each caption by the recipe's `clean`, `max_tokens` and `tags`; an empty one has no tags."""
        cleaned = [clean_caption(text) if recipe["clean"] else CleanCaption(text, ()) for text in captions]
        tokens = [self._encoder.tokenise(caption.text, recipe["max_tokens"]) for caption in cleaned]
        tags: dict[str, tuple[CaptionTag, ...]] = {}
        if recipe["tags"]:
            texts = sorted({caption.text for caption in cleaned if caption.text})
            tags = dict(zip(texts, self._tagger.tags(texts), strict=True))
        return [ReadCaption(c, t, tags.get(c.text, ())) for c, t in zip(cleaned, tokens, strict=True)]


def record_of(
    artwork: dict[str, Any], caption: ReadCaption, picture: PreparedPicture, seen: Sequence[PictureTag]
) -> dict[str, Any]:
    """The sample's JSON. Scores are rounded: they are read by people, and last digits must not change a digest."""
    return {
        "artwork": artwork["id"],
        "sha256": artwork["sha256"],
        **{name: artwork[name] for name in ("title", "artist", "medium", "subject", "collection", "licence")},
        "caption": caption.clean.text,
        "caption_changes": list(caption.clean.changes),
        "caption_overflow": caption.tokens.overflow,
        "tokens": list(caption.tokens.ids),
        "tags": {tag.name: round(tag.score, 3) for tag in caption.tags},
        "picture_tags": {t.name: round(t.probability, 3) for t in seen if t.probability >= _LEAST_PROBABILITY},
        "source_size": list(picture.source_size),
        "crop": list(picture.crop),
        "content": list(picture.content),
    }


def as_jpeg(picture: Image.Image) -> bytes:
    """The sample's picture, encoded."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()
