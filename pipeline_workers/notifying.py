"""Sends what is to be told. A channel that is away holds up nothing: each message is tried again at its time."""

from __future__ import annotations

import logging

from django.conf import settings

from controlplane.alerts.selectors import notifications_due
from controlplane.alerts.services import notification_claim, notification_failed, notification_sent
from pipeline_workers.notifiers.base import Notifier, Undelivered
from pipeline_workers.notifiers.slack import SlackNotifier

logger = logging.getLogger(__name__)
AT_ONCE = 20


def notifier() -> Notifier | None:
    """Where this installation tells things; None where it does not."""
    webhook = settings.PENSTOCK["slack_webhook"]
    return SlackNotifier(webhook) if webhook else None


def notify_due(using: Notifier | None = None) -> None:
    channel = using or notifier()
    if channel is None:
        return
    for notification in notifications_due()[:AT_ONCE]:
        if not notification_claim(notification=notification):
            continue
        try:
            channel.send(notification.subject, notification.text)
        except Undelivered as error:
            logger.warning("notification %s waits: %s", notification.pk, error)
            notification_failed(notification=notification, error=str(error))
        else:
            notification_sent(notification=notification)
