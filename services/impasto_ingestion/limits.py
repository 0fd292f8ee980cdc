"""What one upload may hold, in one place."""

from __future__ import annotations

from typing import Final

MOST_REQUEST_BYTES: Final = 256 << 20
MOST_FILE_BYTES: Final = 64 << 20
MOST_FILES: Final = 100
MOST_PARTS: Final = 200
# The longest field has 4,000 characters of at most 4 bytes.
MOST_FIELD_BYTES: Final = 16_000
MOST_METADATA_BYTES: Final = 2 << 20
# Uploads received at once; those beyond wait unread, so that the disk holds at most this many times a request.
MOST_UPLOADS_AT_ONCE: Final = 32
# And of these by one tenant.
MOST_UPLOADS_OF_A_TENANT: Final = 8
# The same for files of weights, each of which may fill a disk by itself.
MOST_WEIGHTS_AT_ONCE: Final = 4
MOST_WEIGHTS_OF_A_TENANT: Final = 2
