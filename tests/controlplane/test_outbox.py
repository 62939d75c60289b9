from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from controlplane.core import outbox
from controlplane.core.models import Outbox

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


class Broker:
    """Stands where Celery's application does: takes tasks, or is away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.away = False

    def send_task(self, task: str, kwargs: dict[str, Any]) -> None:
        if self.away:
            raise OperationalError("away")
        self.sent.append((task, kwargs))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    stand_in = Broker()
    monkeypatch.setattr(outbox, "current_app", stand_in)
    return stand_in


def test_a_task_leaves_when_its_transaction_commits_and_not_before(broker: Broker) -> None:
    with transaction.atomic():
        outbox.enqueue(task="t", number=1)
        assert broker.sent == []
    assert broker.sent == [("t", {"number": 1})]


def test_a_task_of_a_transaction_that_is_rolled_back_never_leaves(broker: Broker) -> None:
    with transaction.atomic():
        outbox.enqueue(task="t")
        transaction.set_rollback(True)
    outbox.sweep()
    assert broker.sent == []


def test_the_sweeper_sends_what_a_broker_that_was_away_did_not_take_and_only_once(broker: Broker) -> None:
    broker.away = True
    with transaction.atomic():
        row = outbox.enqueue(task="t")
    broker.away = False
    assert outbox.sweep() == 0  # the one who wrote it may still be sending
    Outbox.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert outbox.sweep() == 1
    assert outbox.sweep() == 0
    assert broker.sent == [("t", {})]
