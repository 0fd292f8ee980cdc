"""Backup and restore of a whole platform, by its operator: a dump of the database, and every object by its digest."""

from impasto.backup.manifest import Manifest
from impasto.backup.places import Place, opened
from impasto.backup.restoring import Restored, restore
from impasto.backup.saving import Saved, save

__all__ = ["Manifest", "Place", "Restored", "Saved", "opened", "restore", "save"]
