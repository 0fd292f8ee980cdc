"""The studio's process: `python -m impasto_studio`."""

from __future__ import annotations

import os

import uvicorn

from impasto.backends.telemetry.lines import write_lines
from impasto.settings import REST_S, Settings


def main() -> None:
    """Serves pages until it is told to stop."""
    settings = Settings.from_environment().require("studio_secret", "gateway_url")
    # Lines alone: whoever asks the gateway is a caller like any other, and traces begin there.
    write_lines(settings, "studio")
    # Sessions are kept on disk, and each holds somebody's key: nobody else on this machine may read them.
    os.umask(0o077)
    os.environ["NICEGUI_STORAGE_PATH"] = str(settings.data_folder / "studio" / "sessions")
    from impasto_studio.app import create_app  # the pages' library reads that variable when it is imported

    uvicorn.run(
        create_app(settings),
        host=settings.studio_host,
        port=int(settings.studio_port),
        access_log=False,
        log_config=None,  # ours
        log_level="warning",
        timeout_graceful_shutdown=3,
        timeout_keep_alive=REST_S,
        server_header=False,
    )


if __name__ == "__main__":
    main()
