"""The composition root: settings, addresses, and the Celery application (`celery -A controlplane.config`)."""

from controlplane.config.celery import app as celery

__all__ = ["celery"]
