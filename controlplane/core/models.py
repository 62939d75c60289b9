"""The outbox: tasks to be sent, written in the transaction that makes them due."""

from django.db import models


class Outbox(models.Model):
    """A task that must be sent. Redis is never the only place where that is known."""

    task = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "outbox"
        indexes = [
            models.Index(fields=["created_at"], name="outbox_unsent", condition=models.Q(sent_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.pk}"
