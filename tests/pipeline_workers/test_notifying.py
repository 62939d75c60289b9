"""What is to be told is sent once where it can be, and waits where it cannot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.utils import timezone

from controlplane.alerts import services
from controlplane.alerts.models import Notification
from controlplane.alerts.services import notification_claim, notification_make
from pipeline_workers.notifiers.base import Undelivered
from pipeline_workers.notifiers.slack import SlackNotifier
from pipeline_workers.notifying import notify_due

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
SECRET = "/services/T0/B0/never-told"


class Slack:
    """A server of this machine that takes what Slack would."""

    def __init__(self) -> None:
        self.status, self.received = 200, list[dict[str, Any]]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.status)
                self.send_header("Location", "http://169.254.169.254/latest")
                self.end_headers()
                self.wfile.write(b"ok" if outer.status == 200 else b"no_service")

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def notifier(self) -> SlackNotifier:
        return SlackNotifier(f"http://127.0.0.1:{self.server.server_port}{SECRET}", frozenset({"127.0.0.1"}))


@pytest.fixture
def slack() -> Iterator[Slack]:
    made = Slack()
    yield made
    made.server.shutdown()
    made.server.server_close()


def due(notification: Notification) -> Notification:
    Notification.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    notification.refresh_from_db()
    return notification


def test_a_message_is_sent_once(slack: Slack) -> None:
    told = notification_make(subject="run 7 failed", text="the warehouse is away")
    notify_due(slack.notifier)
    notify_due(slack.notifier)
    told.refresh_from_db()
    assert (told.state, told.attempts) == ("sent", 1)
    (only,) = slack.received
    assert only["text"] == "run 7 failed"
    assert only["blocks"][1]["text"]["text"] == "the warehouse is away"


@pytest.mark.parametrize("status", [500, 302])
def test_what_slack_does_not_take_is_tried_again_later(slack: Slack, status: int) -> None:
    slack.status = status
    told = notification_make(subject="run 7 failed", text="x")
    notify_due(slack.notifier)
    told.refresh_from_db()
    assert (told.state, told.error) == ("waiting", f"Slack answers {status}: no_service")
    assert told.next_attempt_at > timezone.now()
    notify_due(slack.notifier)
    assert len(slack.received) == 1  # not before its time
    slack.status = 200
    due(told)
    notify_due(slack.notifier)
    told.refresh_from_db()
    assert (told.state, told.error, len(slack.received)) == ("sent", "", 2)


def test_it_is_given_up_after_so_many_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_ATTEMPTS", 2)
    told = notification_make(subject="s", text="x")
    nobody = SlackNotifier("http://127.0.0.1:1/", frozenset({"127.0.0.1"}))
    for state in ("waiting", "given_up", "given_up"):
        notify_due(nobody)
        told = due(told)
        assert told.state == state
    assert (told.attempts, told.error) == (2, "Slack does not answer: ConnectError")


def test_of_two_who_look_one_sends() -> None:
    told = notification_make(subject="s", text="x")
    seen_by_another = Notification.objects.get(pk=told.pk)
    assert notification_claim(notification=told)
    assert not notification_claim(notification=seen_by_another)


@pytest.mark.parametrize(
    "webhook",
    ["http://hooks.slack.com/services/x", "https://10.0.0.1/x", "https://hooks.slack.com.example/x", "file:///x", "x"],
)
def test_nothing_leaves_for_anywhere_else(webhook: str) -> None:
    with pytest.raises(Undelivered, match="no https address of Slack") as refused:
        SlackNotifier(webhook).send("s", "x")
    assert webhook not in str(refused.value)


def test_without_a_webhook_messages_wait() -> None:
    told = notification_make(subject="s", text="x")
    notify_due()
    told.refresh_from_db()
    assert (told.state, told.attempts) == ("waiting", 0)
