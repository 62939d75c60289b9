"""The applications of runs, from request to proven end, and their logs. Call these with the run's row locked, but for
`application_take`, which is how a launch is won.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from controlplane.core.outbox import enqueue
from controlplane.core.pruning import delete_in_chunks, long_ago
from controlplane.runs.models import Application, LogChunk, Run
from controlplane.runs.states import ApplicationState

LAUNCH = "penstock.launch_application"
MOST_LOG = 8 * 1024 * 1024  # bytes kept of one application's log
CUT = "... the rest was not kept"


@transaction.atomic
def application_request(*, run: Run, stages: Sequence[str]) -> Application:
    """Have an application launched for these stages of a run."""
    number = run.applications.count() + 1
    made = Application.objects.create(run=run, number=number, run_tag=uuid.uuid4().hex, stages=list(stages))
    enqueue(task=LAUNCH, application_id=made.pk)
    return made


def application_take(*, application_id: int) -> Application | None:
    """Win the launch; None when a copy of the task was here before, or it is not wanted any more."""
    won = Application.objects.filter(pk=application_id, state=ApplicationState.REQUESTED).update(
        state=ApplicationState.LAUNCHED, launched_at=timezone.now()
    )
    chosen = Application.objects.select_related("run__pipeline", "run__version")
    return chosen.get(pk=application_id) if won else None


def application_launched(*, application: Application, pid: int | None) -> None:
    Application.objects.filter(pk=application.pk).update(pid=pid)


def application_stop_asked(*, application: Application) -> None:
    Application.objects.filter(pk=application.pk, stop_asked_at=None).update(stop_asked_at=timezone.now())
    application.refresh_from_db()


def application_end(*, application: Application, code: int | None, cause: str) -> None:
    """It is proven dead, or was never launched."""
    ended = {"state": ApplicationState.ENDED, "code": code, "cause": cause, "ended_at": timezone.now()}
    Application.objects.filter(pk=application.pk).exclude(state=ApplicationState.ENDED).update(**ended)
    application.refresh_from_db()


@transaction.atomic
def log_append(*, application: Application, data: bytes) -> None:
    """Keep what an application wrote since `log_end`. PostgreSQL knows no NUL; half a character becomes a mark."""
    if not data:
        return
    start = application.log_end
    if start < MOST_LOG:
        text = data[: MOST_LOG - start].decode("utf-8", "replace").replace("\0", "\ufffd")
        cut = f"{text}\n{CUT}\n" if start + len(data) > MOST_LOG else text
        LogChunk.objects.get_or_create(application=application, start=start, defaults={"text": cut})
    Application.objects.filter(pk=application.pk).update(log_end=start + len(data))
    application.refresh_from_db()


def logs_prune(*, days: int) -> int:
    """Forget the logs of applications that ended more than `days` ago; how many chunks. Raises ValueError below one."""
    return delete_in_chunks(LogChunk.objects.filter(application__ended_at__lt=long_ago(days)).order_by("pk"))
