"""Training by rectified flow: it learns, it goes on bit for bit, and it says so when it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from impasto_ml.encoders.text import TextEncoder
from impasto_ml.families.flowmini import FlowMini, FlowMiniConfig
from impasto_ml.training.captioned import CaptionedPictures, Example, write_captioned
from impasto_ml.training.flow_matching import FlowTrainer, FlowTraining, TrainingDiverged
from tests.impasto_ml.families.flowmini.networks import STYLES, scenes

OPTIONS = FlowTraining(steps=6, batch=4, warm_up=2, seed=3)


@pytest.fixture(scope="module")
def pictures(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CaptionedPictures:
    torch.set_num_threads(1)
    return scenes(TextEncoder.load(models_folder), tmp_path_factory.mktemp("scenes"))


def trainer(pictures: CaptionedPictures, options: FlowTraining = OPTIONS, seed: int = 0) -> FlowTrainer:
    torch.manual_seed(seed)
    return FlowTrainer(FlowMini(FlowMiniConfig.of("tiny", STYLES)), pictures, options)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_falls(pictures: CaptionedPictures) -> None:
    learning = trainer(pictures, FlowTraining(steps=30, batch=8, learning_rate=2e-3, warm_up=5))
    losses = [learning.train_step() for _ in range(30)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


@pytest.mark.parametrize(
    "changes", [{}, {"style_rate": 20.0}, {"edges": 1.0, "twins": 0.5}], ids=["plain", "styles", "edges and twins"]
)
def test_six_steps_are_three_kept_as_a_file_and_three_more_by_another(
    pictures: CaptionedPictures, tmp_path: Path, changes: dict[str, float]
) -> None:
    options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
    undisturbed = trainer(pictures, options)
    whole = [undisturbed.train_step() for _ in range(6)]
    first = trainer(pictures, options)
    halves = [first.train_step() for _ in range(3)]
    save_file({name: tensor.contiguous() for name, tensor in first.state().items()}, tmp_path / "state.safetensors")
    second = trainer(pictures, options, seed=99)
    second.restore(load_file(tmp_path / "state.safetensors"))
    assert second.step == 3
    halves += [second.train_step() for _ in range(3)]
    assert halves == whole
    assert same(second.state(), undisturbed.state())
    assert same(second.averaged, undisturbed.averaged)


def test_a_restored_trainer_and_its_state_share_no_memory(pictures: CaptionedPictures) -> None:
    first, second = trainer(pictures), trainer(pictures, seed=99)
    first.train_step()
    second.restore(first.state())
    before = {name: value.clone() for name, value in second.state().items()}
    first.train_step()
    assert same(second.state(), before)


def test_a_state_before_the_first_step_can_be_gone_on_from(pictures: CaptionedPictures) -> None:
    first, second = trainer(pictures), trainer(pictures, seed=99)
    second.restore(first.state())
    assert (first.train_step(), first.train_step()) == (second.train_step(), second.train_step())


def test_the_state_of_another_network_is_refused(pictures: CaptionedPictures) -> None:
    state = trainer(pictures).state()
    wider = FlowTrainer(FlowMini(FlowMiniConfig.of("tiny", (*STYLES, "more"))), pictures, OPTIONS)
    with pytest.raises(ValueError, match="another network"):
        wider.restore(state)
    del state["averaged.no_words"]
    with pytest.raises(ValueError, match=r"averaged\.no_words"):
        trainer(pictures).restore(state)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_raised_and_changes_nothing(pictures: CaptionedPictures, value: float) -> None:
    learning = trainer(pictures)
    learning.train_step()
    with torch.no_grad():
        learning.model.head.bias[0] = value
    before = {name: tensor.clone() for name, tensor in learning.state().items() if not name.startswith("model.head")}
    with pytest.raises(TrainingDiverged, match="step 2"):
        learning.train_step()
    after = {name: tensor for name, tensor in learning.state().items() if name in before}
    assert same(after, before)
    assert learning.step == 1


def test_a_gradient_that_is_no_number_changes_nothing_either(pictures: CaptionedPictures) -> None:
    learning = trainer(pictures)
    learning.train_step()
    learning.model.no_words.register_hook(lambda gradient: gradient * float("nan"))
    before = {name: tensor.clone() for name, tensor in learning.state().items()}
    with pytest.raises(TrainingDiverged, match="gradient of step 2"):
        learning.train_step()
    assert same(learning.state(), before)


def test_dropping_every_caption_is_learning_without_words(models_folder: Path, tmp_path: Path) -> None:
    """Whatever is said of the pictures, it learns the same from them."""
    encoder, plain = TextEncoder.load(models_folder), [Image.new("RGB", (32, 32), c) for c in ("red", "blue")]
    tables = [
        write_captioned(
            tmp_path / said, [Example(picture, (said,), "oil") for picture in plain], encoder, size_px=32, styles=STYLES
        )
        for said in ("a fox", "the sea")
    ]
    deaf = [trainer(table, replace(OPTIONS, caption_dropout=1.0)) for table in tables]
    hearing = [trainer(table, replace(OPTIONS, caption_dropout=0.0)) for table in tables]
    losses = [[learning.train_step() for _ in range(4)] for learning in (*deaf, *hearing)]
    assert losses[0] == losses[1]
    assert losses[2] != losses[3]


def test_without_styles_their_rows_learn_nothing(pictures: CaptionedPictures) -> None:
    learning = trainer(pictures, replace(OPTIONS, style_dropout=1.0, weight_decay=0.0))
    before = learning.model.styles.weight.detach().clone()
    for _ in range(3):
        learning.train_step()
    changed = (learning.model.styles.weight != before).any(1)
    assert changed.tolist() == [True, False, False]


def test_the_rate_rises_is_held_and_falls(pictures: CaptionedPictures) -> None:
    options = FlowTraining(steps=100, learning_rate=1.0, warm_up=10, hold=0.5)
    rates = [options.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:50] == [1.0] * 40
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert 0.02 <= rates[-1] < 0.03


def test_the_averaged_weights_follow_and_draw_on_their_own(pictures: CaptionedPictures) -> None:
    learning = trainer(pictures)
    for _ in range(3):
        learning.train_step()
    drawer = learning.averaged_model()
    assert same(drawer.state_dict(), learning.averaged)
    assert not same(dict(learning.model.state_dict()), learning.averaged)
    kept = {name: value.clone() for name, value in drawer.state_dict().items()}
    learning.train_step()
    assert same(dict(drawer.state_dict()), kept)


def test_styles_can_learn_faster_than_the_rest(pictures: CaptionedPictures) -> None:
    def moved(style_rate: float) -> list[float]:
        learning = trainer(pictures, replace(OPTIONS, style_rate=style_rate, weight_decay=0.0))
        before = {name: value.clone() for name, value in learning.model.state_dict().items()}
        for _ in range(2):
            learning.train_step()
        after = learning.model.state_dict()
        return [float((after[name] - before[name]).abs().max()) for name in ("styles.weight", "head.weight")]

    (slow, rest), (fast, same_rest) = moved(1.0), moved(10.0)
    assert fast == pytest.approx(10 * slow, rel=0.1)
    assert same_rest == pytest.approx(rest, rel=0.1)


def test_with_twins_the_style_asked_for_wins_over_what_shows(models_folder: Path, tmp_path: Path) -> None:
    """Two greys of one drawing: shown the other's, with hardly any noise, it predicts the one of the style."""
    styles = dict(zip(STYLES, (40, 200), strict=True))
    examples = [
        Example(Image.new("RGB", (32, 32), (grey,) * 3), ("a wall",), style, drawing="wall")
        for style, grey in styles.items()
    ]
    encoder = TextEncoder.load(models_folder)
    table = write_captioned(tmp_path, examples, encoder, size_px=32, styles=STYLES)

    def grey_predicted(twins: float) -> float:
        options = FlowTraining(steps=60, batch=8, learning_rate=3e-3, warm_up=5, style_dropout=0.0, twins=twins)
        learning = trainer(table, options)
        for _ in range(options.steps):
            learning.train_step()
        batch = table.batch(1, np.random.default_rng(0))
        shown = torch.full((1, 3, 32, 32), 200 / 127.5 - 1)
        row = torch.eye(len(STYLES) + 1)[1:2]
        words, keep = torch.from_numpy(batch.words).float(), torch.from_numpy(batch.keep)
        with torch.inference_mode():
            x_hat = learning.model(shown, torch.tensor([0.9]), words, keep, row)
        return float(x_hat.mean().add(1).mul(127.5))

    assert grey_predicted(0.0) > 150
    assert grey_predicted(0.5) < 120
