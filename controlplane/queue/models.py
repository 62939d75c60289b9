"""When a worker last took a canary from the queue."""

from django.db import models


class WorkerHeartbeat(models.Model):
    """By a worker's name as Celery has it. A worker that answers a ping may take no task: this one took one."""

    worker = models.CharField(max_length=255, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.worker} at {self.at}"
