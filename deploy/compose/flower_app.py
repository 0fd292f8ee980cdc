"""The Celery application that Flower looks through: `celery --app=flower_app flower`, in the image `flower`."""

from __future__ import annotations

import os

from impasto.backends.bells import celery_app

app = celery_app(os.environ["IMPASTO_REDIS_URL"])
