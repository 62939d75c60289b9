"""The Celery application. Its settings are Django's, under CELERY_."""

import os
import time
from typing import Any

from celery import Celery
from celery.signals import before_task_publish

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings.one_machine")

app = Celery("penstock")
app.config_from_object("django.conf:settings", namespace="CELERY")


@before_task_publish.connect
def note_the_time(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Whoever publishes: the age of what waits in the queue can be read from it."""
    if headers is not None:
        headers["sent_at"] = time.time()
