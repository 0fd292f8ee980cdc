"""Why weights from outside are refused.

WeightsError             a ValueError with a stable `code` and the place, `where`, relative to the repository
  WeightsUnsafe          model_format_unsafe: it could run code, or it reaches out of its folder
  WeightsCorrupt         model_corrupt: it contradicts itself or its format
  WeightsNotFinite       model_nan: it holds NaN or infinite numbers
  WeightsIncompatible    model_incompatible: well-formed, but not what is asked for or known here
  WeightsTooLarge        model_too_large: over a limit
"""

from typing import ClassVar


class WeightsError(ValueError):
    """Root of the tree. `where` is a path in the repository, or `path:tensor`; never a path of the machine."""

    code: ClassVar[str] = "model_corrupt"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where, self.reason = where, reason


class WeightsUnsafe(WeightsError):
    """Loading it could run code of its maker, or read files outside its folder."""

    code = "model_format_unsafe"


class WeightsCorrupt(WeightsError):
    """Damaged, cut short, or made to mislead a reader."""

    code = "model_corrupt"


class WeightsNotFinite(WeightsError):
    """At least one number is NaN or infinite."""

    code = "model_nan"


class WeightsIncompatible(WeightsError):
    """Of another architecture, or of one that is not known here."""

    code = "model_incompatible"


class WeightsTooLarge(WeightsError):
    """More bytes, files or tensors than allowed."""

    code = "model_too_large"
