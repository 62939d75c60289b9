"""The Celery application. Its settings are Django's, under CELERY_."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings.one_machine")

app = Celery("penstock")
app.config_from_object("django.conf:settings", namespace="CELERY")
