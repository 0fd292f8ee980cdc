"""`checkpoint.import`: weights that others trained become checkpoints, looked through before anything reads them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from impasto.datasets import Name
from impasto.identifiers import CheckpointId, JobId, Sha256
from impasto.kinds.kind import Kind, Params, Result

_PART = "[A-Za-z0-9_][A-Za-z0-9._-]{0,199}"
_OWNER = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
# No name begins with a dot, so none leads out of its folder or is hidden in it.
FolderName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}$")]
FilePlace = Annotated[str, StringConstraints(pattern=f"^{_PART}(/{_PART}){{0,3}}$", max_length=300)]
UploadedDigest = Annotated[str, StringConstraints(pattern="^sha256:[0-9a-f]{64}$")]
HubName = Annotated[str, StringConstraints(pattern=f"^{_OWNER}/{_OWNER}$")]
Revision = Annotated[str, StringConstraints(pattern=f"^{_OWNER}$")]


class ImportSource(Params):
    """Where the files are: exactly one of `folder`, `files` and `hub`."""

    folder: FolderName | None = Field(None, description="A folder in the worker's folder of imports.")
    files: dict[FilePlace, UploadedDigest] | None = Field(
        None, min_length=1, max_length=2000, description="Uploaded files, by their place in the pipeline's folder."
    )
    hub: HubName | None = Field(None, description="`owner/name` on the hub, where the worker allows it.")
    revision: Revision = Field("main", description="Of `hub`: a commit, a tag or a branch.")

    @field_validator("files")
    @classmethod
    def _no_file_is_a_folder(cls, files: dict[str, str] | None) -> dict[str, str] | None:
        for place in files or ():
            above = place
            while "/" in above:
                above = above.rpartition("/")[0]
                if above in (files or ()):
                    raise ValueError(f"{above} is both a file and the folder of another one")
        return files

    @model_validator(mode="after")
    def _exactly_one(self) -> ImportSource:
        if sum(given is not None for given in (self.folder, self.files, self.hub)) != 1:
            raise ValueError("give exactly one of folder, files and hub")
        return self


class ImportCheckpoint(Params):
    """Import the folder of a pipeline, or LoRA weights for one that was imported."""

    name: Name = Field(examples=["sdxl"])
    source: ImportSource
    adapter_of: CheckpointId | None = Field(
        None, description="The checkpoint that these LoRA weights are for; then the source holds one weight file."
    )
    evaluate: bool = Field(True, description="Measure it at once; an adapter over its base.")


class MemoryNeed(Result):
    """What it takes on a device, in bytes: its weights, and one picture in its own size while it is drawn."""

    weights_bytes: int
    drawing_bytes: int


class ImportedCheckpoint(Result):
    """The new checkpoint, and the job that measures it."""

    checkpoint: CheckpointId
    family: str
    pipeline: str = Field(description="The class of the pipeline; of an adapter, its base's.")
    manifest_sha256: Sha256
    files: int
    size_bytes: int
    on_gpu: MemoryNeed = Field(description="In bf16.")
    on_cpu: MemoryNeed = Field(description="In fp32.")
    revision: str | None = Field(None, description="The commit that came from the hub.")
    evaluation: JobId | None = Field(None, description="The job that measures it, `evaluate.text_to_image`.")


KIND = Kind(
    name="checkpoint.import",
    params=ImportCheckpoint,
    result=ImportedCheckpoint,
    queue="preprocess",
    shape="run",
    run_limit_s=12 * 3600,
    summary="Import a large pipeline or LoRA weights as a checkpoint.",
)
