"""Makes the bucket if it is missing: `python -m impasto.embedded.bucket`."""

from __future__ import annotations

from impasto.backends.objects import S3Objects
from impasto.settings import Settings


def main() -> None:
    """Fails when the store does not answer or refuses; the supervisor then tries again."""
    S3Objects(Settings.from_environment().require("s3_endpoint", "s3_access_key", "s3_secret_key")).ensure_bucket()


if __name__ == "__main__":
    main()
