"""Steps along the flow: each picture at a time of its own, and only as much work as guidance needs."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from impasto_ml.families.flowmini.model import FlowMini
from impasto_ml.families.flowmini.sampling import Condition, denoise_step, schedule
from tests.impasto_ml.families.flowmini.networks import lively


def condition(tokens: int, style: int, seed: int = 0) -> Condition:
    words = torch.randn(1, tokens, 384, generator=torch.Generator().manual_seed(seed))
    return Condition(words, torch.ones(1, tokens).bool(), torch.eye(3)[style : style + 1])


def step(
    model: FlowMini,
    z: Tensor,
    t: list[float],
    then: list[float],
    asked: Condition,
    g: list[float],
    s: list[float] | None = None,
) -> Tensor:
    """`s`: guidance towards the style; as `g` unless it is given."""
    style = torch.tensor(g if s is None else s)
    moved, _ = denoise_step(model, z, torch.tensor(t), torch.tensor(then), asked, torch.tensor(g), style)
    return moved


@pytest.fixture
def rows() -> list[int]:
    """How many rows the network was given in each call."""
    return []


@pytest.fixture
def model(rows: list[int]) -> FlowMini:
    made = lively()
    made.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    return made


def noise(count: int) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    ("guidance", "style_guidance", "computed"),
    [
        ([1.0, 1.0], [1.0, 1.0], 2),
        ([1.0, 2.0], [1.0, 2.0], 3),
        ([2.0, 2.0], [2.0, 2.0], 4),
        ([1.0, 1.0], [1.0, 5.0], 3),
        ([2.0, 2.0], [2.0, 5.0], 5),
        ([2.0, 2.0], [5.0, 0.0], 5),
    ],
)
def test_only_what_counts_is_computed(
    model: FlowMini, rows: list[int], guidance: list[float], style_guidance: list[float], computed: int
) -> None:
    asked = Condition.stacked([condition(3, 1), condition(2, 2)])
    step(model, noise(2), [0.0, 0.5], [0.1, 0.6], asked, guidance, style_guidance)
    assert rows == [computed]


def test_guidance_of_one_beside_a_guided_picture_is_none(model: FlowMini) -> None:
    asked = Condition.stacked([condition(3, 1), condition(3, 2, seed=1)])
    alone = step(model, noise(1), [0.2], [0.3], condition(3, 1), [1.0])
    beside = step(model, torch.cat([noise(1), noise(1)]), [0.2, 0.5], [0.3, 0.6], asked, [1.0, 4.0])
    torch.testing.assert_close(beside[:1], alone, atol=4e-3, rtol=0)


def test_no_guidance_at_all_draws_as_if_nothing_was_asked(model: FlowMini) -> None:
    z, asked = noise(1), condition(3, 1)
    free = step(model, z, [0.2], [0.3], asked.nothing_asked(), [1.0])
    torch.testing.assert_close(step(model, z, [0.2], [0.3], asked, [0.0]), free, atol=4e-3, rtol=0)
    assert (step(model, z, [0.2], [0.3], asked, [1.0]) - free).abs().max() > 0.01


def test_guidance_goes_from_nothing_asked_through_what_was_asked_and_beyond(model: FlowMini) -> None:
    z, asked = noise(1), condition(3, 1)
    at = {scale: step(model, z, [0.2], [0.3], asked, [scale]) for scale in (0.0, 1.0, 3.0)}
    torch.testing.assert_close(at[3.0], at[0.0] + 3 * (at[1.0] - at[0.0]), atol=0.02, rtol=0)


def test_style_guidance_goes_from_the_words_alone_through_the_style_and_beyond(model: FlowMini) -> None:
    z, asked = noise(1), condition(3, 1)
    at = {scale: step(model, z, [0.2], [0.3], asked, [2.0], [scale]) for scale in (0.0, 1.0, 3.0)}
    words = step(model, z, [0.2], [0.3], asked.in_no_style(), [2.0])
    torch.testing.assert_close(at[0.0], words, atol=0.02, rtol=0)
    torch.testing.assert_close(at[3.0], at[0.0] + 3 * (at[1.0] - at[0.0]), atol=0.02, rtol=0)
    assert (at[3.0] - at[1.0]).abs().max() > 0.02


@pytest.mark.parametrize("start", [0.0, 0.3])
@pytest.mark.parametrize("steps", [1, 10, 200])
def test_a_schedule_leads_evenly_to_the_picture(steps: int, start: float) -> None:
    times = schedule(steps, start)
    assert (times[0], times[-1], len(times)) == (pytest.approx(start), pytest.approx(1), steps + 1)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == pytest.approx([(1 - start) / steps] * steps)


@pytest.mark.parametrize("steps", [1, 10, 60])
def test_the_last_step_leaves_no_noise_however_many_there_are(steps: int) -> None:
    model = lively()
    now, then = schedule(steps)[-2:]
    z, asked = 50 * noise(1), condition(3, 1)
    scales = torch.tensor([2.5]), torch.tensor([4.0])
    moved, seen = denoise_step(model, z, torch.tensor([now]), torch.tensor([then]), asked, *scales)
    torch.testing.assert_close(moved, seen, atol=1e-3, rtol=0)


def test_a_step_of_no_length_changes_nothing() -> None:
    z = noise(1)
    torch.testing.assert_close(step(lively(), z, [1.0], [1.0], condition(3, 1), [1.0]), z)


def test_conditions_are_padded_to_the_longest() -> None:
    both = Condition.stacked([condition(2, 0), condition(5, 1)])
    assert both.of(torch.tensor([1])).style.tolist() == both.style[1:].tolist()
    assert both.words.shape == (2, 5, 384)
    assert both.keep.tolist() == [[True] * 2 + [False] * 3, [True] * 5]
    assert both.style.argmax(1).tolist() == [0, 1]


def test_nothing_asked_keeps_no_word_and_no_style() -> None:
    nothing = Condition.stacked([condition(2, 1), condition(5, 2)]).nothing_asked()
    assert not nothing.keep.any()
    assert nothing.style.tolist() == [[1, 0, 0], [1, 0, 0]]


def test_in_no_style_keeps_the_words() -> None:
    asked = Condition.stacked([condition(2, 1), condition(5, 2)])
    plain = asked.in_no_style()
    assert torch.equal(plain.words, asked.words)
    assert torch.equal(plain.keep, asked.keep)
    assert plain.style.tolist() == [[1, 0, 0], [1, 0, 0]]
