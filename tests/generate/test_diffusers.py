"""Imported pipelines draw on the whole platform: with adapters, from pictures, each architecture once."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from impasto.errors import JobFailed
from impasto.kinds.checkpoint_import import ImportCheckpoint, ImportedCheckpoint, ImportSource
from impasto.kinds.generate_text_to_image import GeneratedTextToImage, GenerateTextToImage
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.pipelines import imported, lora, pipeline, place


@pytest.fixture(scope="module")
def base(platform: Stack) -> ImportedCheckpoint:
    return imported(platform, "sd")


@pytest.fixture(scope="module")
def ink(platform: Stack, base: ImportedCheckpoint) -> ImportedCheckpoint:
    """LoRA weights for `base`, uploaded as one file."""
    file = next(lora("sd").glob("*.safetensors"))
    job = platform.client().import_pipeline(file, name="ink", adapter_of=base.checkpoint, evaluate=False)
    result: ImportedCheckpoint = job.wait(timeout=120)
    return result


def draw(stack: Stack, checkpoint: str, **rest: Any) -> GeneratedTextToImage:
    given: dict[str, Any] = {"prompts": ["a red heart"], "seeds": [7], "steps": 4, "allow_unmeasured": True}
    result: GeneratedTextToImage = stack.client().run(GenerateTextToImage(checkpoint=checkpoint, **(given | rest)))
    return result


def refusal(stack: Stack, checkpoint: str, **rest: Any) -> JobFailed:
    with pytest.raises(JobFailed) as refused:
        draw(stack, checkpoint, **rest)
    return refused.value


def test_a_picture_is_drawn_over_as_much_as_is_asked(platform: Stack, base: ImportedCheckpoint) -> None:
    first = draw(platform, base.checkpoint).pictures[0]
    start = f"sha256:{first.artifact.sha256}"
    little = draw(platform, base.checkpoint, picture=start, strength=0.3, seeds=[9]).pictures[0]
    much = draw(platform, base.checkpoint, picture=start, strength=1.0, seeds=[9]).pictures[0]
    images = [
        Image.open(io.BytesIO(platform.client().artifacts.read(p.artifact.sha256))) for p in (first, little, much)
    ]
    assert {image.size for image in images} == {(16, 16)}
    assert images[1].tobytes() != images[2].tobytes()


def test_an_adapter_changes_the_picture_and_the_base_comes_back_exactly(
    platform: Stack, base: ImportedCheckpoint, ink: ImportedCheckpoint
) -> None:
    assert (ink.family, ink.pipeline) == ("diffusers_adapter", base.pipeline)
    plain = draw(platform, base.checkpoint)
    laid_over = {"checkpoint": ink.checkpoint, "weight": 0.8}
    inked = draw(platform, base.checkpoint, adapters=[laid_over])
    stronger = draw(platform, base.checkpoint, adapters=[laid_over | {"weight": 1.6}])
    again = draw(platform, base.checkpoint)
    digests = [result.pictures[0].artifact.sha256 for result in (plain, inked, stronger, again)]
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3


def test_lineage_leads_from_base_and_adapter_to_the_picture(
    platform: Stack, base: ImportedCheckpoint, ink: ImportedCheckpoint
) -> None:
    picture = draw(platform, base.checkpoint, seeds=[8], adapters=[{"checkpoint": ink.checkpoint}]).pictures[0]
    graph = ask(platform, "GET", f"/v1/lineage/{picture.artifact.sha256}").json()
    edges = {(edge["source"], edge["target"]) for edge in graph["edges"]}
    assert {(base.checkpoint, ink.checkpoint), (f"pretrained:ink@{ink.manifest_sha256[:12]}", ink.checkpoint)} <= edges
    assert {
        source for source, target in edges if target == f"sha256:{picture.artifact.sha256}"
    } == {base.checkpoint, ink.checkpoint}  # fmt: skip


def test_an_adapter_of_another_base_is_refused(platform: Stack, ink: ImportedCheckpoint) -> None:
    other = imported(platform, "sd", seed=5)
    refused = refusal(platform, other.checkpoint, adapters=[{"checkpoint": ink.checkpoint}])
    assert refused.code == "model_incompatible"
    assert refused.data["field"] == "params.adapters"


def test_what_is_no_adapter_and_whoever_takes_none_is_refused(
    platform: Stack, base: ImportedCheckpoint, ink: ImportedCheckpoint
) -> None:
    assert refusal(platform, base.checkpoint, adapters=[{"checkpoint": base.checkpoint}]).code == "model_incompatible"
    assert refusal(platform, ink.checkpoint).code == "model_incompatible"


def test_an_adapter_of_the_same_weights_fits_their_second_import(platform: Stack, ink: ImportedCheckpoint) -> None:
    place(platform, "sd-again", pipeline("sd"))
    source = ImportSource(folder="sd-again")
    again = platform.client().run(ImportCheckpoint(name="sd-again", source=source, evaluate=False))
    assert len(draw(platform, again.checkpoint, adapters=[{"checkpoint": ink.checkpoint}]).pictures) == 1


def test_a_size_that_it_cannot_draw_is_refused_with_the_nearest(platform: Stack, base: ImportedCheckpoint) -> None:
    refused = refusal(platform, base.checkpoint, width=20, height=20)
    assert (refused.code, refused.data["limit"]) == ("dimensions_invalid", [24, 24])


def test_its_folder_holds_no_links_that_lead_out(platform: Stack, base: ImportedCheckpoint) -> None:
    draw(platform, base.checkpoint)
    folders = list((platform.settings.data_folder / "cache").glob(f"*/pipelines/*/{base.checkpoint}"))
    assert folders
    files = [file for file in folders[0].rglob("*") if not file.is_dir()]
    assert len(files) == base.files
    assert not any(file.is_symlink() for file in files)
    assert all(file.stat().st_nlink > 1 for file in files), "the bytes are the cache's, not copies"


@pytest.mark.parametrize("name", ["sdxl", "sd3", "flux", "pixart-sigma"])
def test_every_architecture_is_imported_and_draws(platform: Stack, name: str) -> None:
    result = imported(platform, name)
    picture = draw(platform, result.checkpoint, steps=1).pictures[0]
    image = Image.open(io.BytesIO(platform.client().artifacts.read(picture.artifact.sha256)))
    assert image.size == (picture.width, picture.height)


def test_a_worker_without_the_extra_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "diffusers.py").write_text("raise ImportError('not here')")
    probe = (
        "import sys; from pathlib import Path\n"
        "from impasto.errors import JobFailed\n"
        "from impasto_worker.engine_child import load\n"
        "from impasto_worker.engine_orders import EngineCheckpoint\n"
        "try: load(EngineCheckpoint('diffusers', Path(sys.argv[1]), 'key'))\n"
        "except JobFailed as error: print(error.code, error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{probe}", str(pipeline("sd"))],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "library_missing pip install 'impasto[worker,diffusers]'"


def test_it_can_be_seen_while_it_is_drawn(platform: Stack, base: ImportedCheckpoint) -> None:
    client = platform.client()
    params = GenerateTextToImage(
        checkpoint=base.checkpoint, prompts=["a red heart"], seeds=[*range(8)], steps=100, allow_unmeasured=True
    )
    job = client.submit(params)
    shown = eventually(lambda: client.jobs.preview(job.id), "a preview", most_s=90)
    assert Image.open(io.BytesIO(shown)).format == "JPEG"
    assert len(job.wait(timeout=120).pictures) == 8
