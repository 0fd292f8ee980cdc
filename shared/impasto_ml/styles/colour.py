"""Closed-form colour: keep a photograph's colours under a style's brushwork, or give one picture another's colours."""

import numpy as np

from impasto_ml.analysis.pixels import Array, from_oklab, to_oklab

_GAIN_RANGE = (0.6, 1.6)
"""How far the contrast of the drawing may be corrected; beyond it noise is amplified or strokes vanish."""


def keep_photo_colour(drawn: Array, photo: Array) -> Array:
    """The drawing's lightness on the photograph's colours; both (height, width, 3) in 0..1, of one shape.

    Luminance-only transfer after Gatys et al. 2016 ("Preserving Color in Neural Artistic Style Transfer", section 4),
    in Oklab; the drawing's lightness is first given the photograph's mean and deviation.
    """
    if drawn.shape != photo.shape:
        raise ValueError(f"the drawing is {drawn.shape}, the photograph {photo.shape}")
    kept = to_oklab(photo)
    light = to_oklab(drawn)[..., 0]
    target = kept[..., 0]
    gain = np.clip(target.std() / max(float(light.std()), 1e-4), *_GAIN_RANGE)
    kept[..., 0] = np.clip((light - light.mean()) * gain + target.mean(), 0, 1)
    return from_oklab(kept)


def match_colour(picture: Array, reference: Array) -> Array:
    """`picture` with the mean and covariance of `reference`'s colours; both (height, width, 3) in 0..1, any sizes.

    The linear Monge-Kantorovitch map (Pitié and Kokaram 2007, equation 13) in Oklab: of all linear maps that fit both
    moments it moves colours least.
    """
    source, target = to_oklab(picture).reshape(-1, 3), to_oklab(reference).reshape(-1, 3)
    root, inverse_root = _roots(np.cov(source.T) + 1e-6 * np.eye(3))
    middle, _ = _roots(root @ (np.cov(target.T) + 1e-6 * np.eye(3)) @ root)
    transform = inverse_root @ middle @ inverse_root
    moved = (source - source.mean(axis=0)) @ transform.T.astype(np.float32) + target.mean(axis=0)
    return from_oklab(np.asarray(moved, dtype=np.float32)).reshape(picture.shape)


def _roots(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square root of a symmetric positive matrix, and its inverse."""
    values, vectors = np.linalg.eigh(matrix)
    values = np.sqrt(np.maximum(values, 1e-12))
    return (vectors * values) @ vectors.T, (vectors / values) @ vectors.T
