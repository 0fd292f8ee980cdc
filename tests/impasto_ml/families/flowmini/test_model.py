"""The network: what it looks at, and what it must not see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from impasto_ml.families.flowmini.layers import embed_places, embed_time
from impasto_ml.families.flowmini.model import LEAST_SPREAD, LEAST_TIME_LEFT, velocity
from tests.impasto_ml.families.flowmini.networks import lively

MODEL = lively()
SIDE = MODEL.config.size_px


def asked(**changes: Tensor) -> Tensor:
    """The network on one request, with changes, in full precision."""
    dice = torch.Generator().manual_seed(1)
    given = {
        "z": torch.randn(1, 3, SIDE, SIDE, generator=dice),
        "t": torch.tensor([0.4]),
        "words": torch.randn(1, 3, 384, generator=dice),
        "keep": torch.ones(1, 3).bool(),
        "style": torch.eye(3)[:1],
    } | changes
    with torch.inference_mode():
        drawn: Tensor = MODEL(given["z"], given["t"], given["words"], given["keep"], given["style"])
    return drawn


@pytest.mark.parametrize(
    "change",
    [
        {"z": torch.zeros(1, 3, SIDE, SIDE)},
        {"t": torch.tensor([0.9])},
        {"words": torch.ones(1, 3, 384)},
        {"keep": torch.tensor([[True, True, False]])},
        {"style": torch.eye(3)[1:2]},
        {"style": torch.tensor([[0.0, 0.5, 0.5]])},
    ],
    ids=["picture", "time", "words", "fewer words", "style", "mixed styles"],
)
def test_everything_that_is_asked_for_changes_the_picture(change: dict[str, Tensor]) -> None:
    assert (asked() - asked(**change)).abs().max() > 1e-3


def test_what_lies_at_padding_is_not_seen() -> None:
    keep = torch.tensor([[True, True, False]])
    junk = torch.full((1, 3, 384), 1e4)
    words = torch.randn(1, 3, 384)
    hidden = torch.where(keep[..., None], words, junk)
    torch.testing.assert_close(asked(words=words, keep=keep), asked(words=hidden, keep=keep), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        asked(words=words, keep=keep), asked(words=words[:, :2], keep=keep[:, :2]), atol=1e-4, rtol=0
    )


def test_a_row_without_words_is_a_number_and_the_same_however_long_its_padding() -> None:
    none = asked(words=torch.randn(1, 3, 384), keep=torch.zeros(1, 3).bool())
    empty = asked(words=torch.zeros(1, 0, 384), keep=torch.zeros(1, 0).bool())
    assert torch.isfinite(none).all()
    torch.testing.assert_close(none, empty, atol=1e-4, rtol=0)


def test_rows_of_a_batch_do_not_see_each_other() -> None:
    other = torch.randn(1, 3, SIDE, SIDE)
    dice = torch.Generator().manual_seed(1)
    z, words = torch.randn(1, 3, SIDE, SIDE, generator=dice), torch.randn(1, 3, 384, generator=dice)
    both = asked(
        z=torch.cat([z, other]),
        t=torch.tensor([0.4, 0.9]),
        words=torch.cat([words, 5 * words]),
        keep=torch.tensor([[True, True, True], [True, False, False]]),
        style=torch.eye(3)[:2],
    )
    torch.testing.assert_close(both[:1], asked(), atol=1e-4, rtol=0)


def test_times_have_embeddings_of_their_own() -> None:
    embedded = embed_time(torch.linspace(0, 1, 101), 48)
    assert embedded.shape == (101, 48)
    assert torch.cdist(embedded, embedded).add(torch.eye(101) * 9).min() > 0.01


def test_the_velocity_leads_from_the_noise_to_the_picture() -> None:
    x, noise, t = torch.rand(2, 3, 4, 4), torch.randn(2, 3, 4, 4), torch.tensor([0.0, 0.6])
    z = t[:, None, None, None] * x + (1 - t)[:, None, None, None] * noise
    torch.testing.assert_close(velocity(x, z, t), x - noise, atol=1e-5, rtol=0)


def test_near_the_picture_the_velocity_stays_bounded() -> None:
    x, z = torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    assert velocity(x, z, torch.tensor([1.0])).max() == pytest.approx(1 / LEAST_TIME_LEFT)


def test_no_two_places_of_a_grid_are_told_by_the_same_numbers() -> None:
    places = embed_places(16, 64).flatten(1).T
    apart = torch.cdist(places, places) + 100 * torch.eye(256)
    assert places.shape == (256, 64)
    assert apart.min() > 0.3


def test_words_are_heard_by_what_tells_them_from_other_words() -> None:
    model = lively()
    shared, own = torch.full((384,), 5.0), torch.randn(1, 3, 384, generator=torch.Generator().manual_seed(2))
    keep = torch.ones(1, 3).bool()
    plain, _, _ = model._words(own, keep)
    model.expect_words(shared, torch.full((384,), 2.0))
    torch.testing.assert_close(model._words(2 * own + shared, keep)[0], plain)


def test_numbers_that_never_change_do_not_make_other_words_infinite() -> None:
    model = lively()
    model.expect_words(torch.zeros(384), torch.zeros(384))
    assert model.words_spread.min() == pytest.approx(LEAST_SPREAD)
