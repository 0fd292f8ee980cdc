"""What a backup says of itself: `manifest.json`, written last, so that a folder without one holds no backup."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from impasto.embedded.files import write_private
from impasto.errors import ImpastoError

FORMAT: Final = 1
NAME: Final = "manifest.json"


class BackupFile(BaseModel):
    """A file of the backup, by its name in the folder."""

    name: str
    sha256: str
    size_bytes: int


class Manifest(BaseModel):
    """`counts` are rows by table, in the snapshot that the dump shows; `objects` are different ones, by digest."""

    format: int = FORMAT
    impasto: str
    made_at: str
    postgres_major: int
    migration: str
    counts: dict[str, int]
    objects: int
    objects_bytes: int
    dump: BackupFile
    listing: BackupFile

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of the backup in `folder`.

        Raises:
            ImpastoError: there is none, or it is of another format.
        """
        try:
            found = cls.model_validate_json((folder / NAME).read_text())
        except FileNotFoundError as error:
            raise unusable(
                f"there is no {NAME} in {folder}", "the backup did not come to its end: make it again"
            ) from error
        except ValidationError as error:
            raise unusable(f"{folder / NAME} cannot be read: it is damaged, or of another version") from error
        if found.format != FORMAT:
            raise unusable(f"the backup is of format {found.format}; this version reads {FORMAT}")
        return found

    def write(self, folder: Path) -> None:
        write_private(folder / NAME, self.model_dump_json(indent=1) + "\n")


def unusable(message: str, hint: str | None = None) -> ImpastoError:
    return ImpastoError("backup_unusable", message, hint=hint)
