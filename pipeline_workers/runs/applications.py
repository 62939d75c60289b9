"""The stages of a run that its Spark application does: launched once, followed by its outcome file, ended by proof."""

from __future__ import annotations

import logging
import shutil
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from controlplane.core.outbox import enqueue
from controlplane.core.text import storable
from controlplane.runs.models import Application, Run, Stage
from controlplane.runs.selectors import applications_alive
from controlplane.runs.services import (
    application_end,
    application_launched,
    application_request,
    application_stop_asked,
    application_take,
    log_append,
)
from controlplane.runs.services.applications import LAUNCH
from controlplane.runs.states import IN_APPLICATION, ApplicationState, StageState
from pipeline_workers.launchers.applications import LocalApplications
from pipeline_workers.launchers.base import ApplicationLauncher, Evidence, Life
from pipeline_workers.runs.arguments import arguments_of, workspace_of
from pipeline_workers.runs.steps import Again, Done, Failed, Step, Waiting
from spark_jobs.applications import TERMINATED, Outcome, StageOutcome
from spark_jobs.applications import StageState as Told

logger = logging.getLogger(__name__)
LAUNCH_GRACE = timedelta(seconds=20)  # from the launch to a process that holds its workspace
FORGOTTEN = timedelta(seconds=30)  # a launch that the queue lost is asked for again
STOP_GRACE = timedelta(seconds=10)  # between asking an application to end and ending it
PLACES = 0x50454E02  # the advisory lock of who asks for an application
MOST_DEATHS = 3  # of applications that died without a word, until the run fails
EXIT_SECONDS = 60.0  # for a Spark session to stop, once all is done
LOG_BYTES = 256 * 1024


class Applications:
    """Launches, follows and ends the applications of runs."""

    def __init__(self, launcher: ApplicationLauncher | None = None) -> None:
        self._launcher = launcher or LocalApplications()

    def request(self, run: Run) -> str | None:
        """Ask for the application of a run that has none. What the run waits for, None when it has one.

        Call it in the transaction that starts the stage: of two runs that see a free place one gets it.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (PLACES,))
        if _alive(run) is not None:
            return None
        most = int(settings.PENSTOCK["applications"])
        others = applications_alive().exclude(run=run).select_related("run").order_by("pk")
        if others.count() < most:
            remaining = run.stages.exclude(state=StageState.SUCCEEDED).values_list("name", flat=True)
            application_request(run=run, stages=[name for name in remaining if name in IN_APPLICATION])
            return None
        return f"{others[0].run} has the only application that may run" if most == 1 else f"{most} others run"

    def launch(self, application_id: int) -> None:
        """Start an application, once: a second copy of the task finds it taken."""
        application = application_take(application_id=application_id)
        if application is None:
            return
        try:
            pid = self._launcher.launch(arguments_of(application))
        except OSError as error:
            application_end(application=application, code=None, cause=f"it could not be launched: {error}")
            raise
        application_launched(application=application, pid=pid)
        logger.info("%s: launched, pid %s, run tag %s", application, pid, application.run_tag)

    def look(self, run: Run, stage: Stage) -> Step:
        """How far the application is with a stage."""
        application = _alive(run)
        if application is None:
            return Again("it has no application any more")
        evidence = self._probe(application)
        outcome = Outcome.read(workspace_of(application))
        told = _told(outcome, application, stage)
        self._keep_log(application)
        if evidence.life == Life.DEAD and not self._is_due(application):
            self._keep_log(application, all_of_it=True)
            return self._ended(application, told, outcome)
        if told is not None and told.state == Told.SUCCEEDED:
            return self._leaving(application, told, evidence) if told.name == application.stages[-1] else _done(told)
        if evidence.life == Life.UNKNOWN:
            return Waiting(f"the application does not answer: {evidence.reason}")
        return Waiting("", detail=storable(told.detail) if told else None)

    def end(self, run: Run, now: datetime) -> str | None:
        """End what runs for the run. None when nothing does, by proof; else what is waited for."""
        application = _alive(run)
        if application is None:
            return None
        if Application.objects.filter(pk=application.pk, state=ApplicationState.REQUESTED).update(
            state=ApplicationState.ENDED, ended_at=now, cause="cancelled before its launch"
        ):
            return None
        evidence = self._probe(application)
        self._keep_log(application)
        if evidence.life == Life.DEAD:
            if self._is_due(application):
                return "the application is being launched; it is ended as soon as it is there"
            self._keep_log(application, all_of_it=True)
            outcome = Outcome.read(workspace_of(application))
            self._close(application, outcome.code if outcome else None, "cancelled")
            return None
        if application.stop_asked_at is None:
            self._launcher.stop(evidence)
            application_stop_asked(application=application)
        elif now - application.stop_asked_at > STOP_GRACE:
            self._launcher.kill(evidence)
        return "the application ends"

    def _leaving(self, application: Application, told: StageOutcome, evidence: Evidence) -> Step:
        """Its work is done; the place that it takes is free once its process has ended, which has a limit."""
        if told.ended_at is not None and time.time() - told.ended_at > EXIT_SECONDS:
            self._launcher.kill(evidence)
        return Waiting("the application ends")

    def _ended(self, application: Application, told: StageOutcome | None, outcome: Outcome | None) -> Step:
        code = outcome.code if outcome is not None and outcome.run_tag == application.run_tag else None
        if told is not None and told.state == Told.SUCCEEDED:
            # What it says of the later stages is read before it is put away.
            if code is None or application.stages[-1] == told.name:
                self._close(application, code, "")
            return _done(told)
        if outcome is not None and told is not None and told.state == Told.FAILED and code not in (None, TERMINATED):
            self._close(application, code, outcome.reason)
            return Failed(outcome.reason)
        words = outcome.reason if outcome and code == TERMINATED else self._last_words(application)
        self._close(application, code, words)
        deaths = application.run.applications.filter(code=None, requested_at__gte=application.run.queued_at)
        if deaths.exclude(ended_at=None).count() >= MOST_DEATHS:
            return Failed(f"its application died {MOST_DEATHS} times: {words}")
        return Again(words)

    def _close(self, application: Application, code: int | None, cause: str) -> None:
        """Its log and its word are kept; nothing else in its workspace is anybody's any more."""
        application_end(application=application, code=code, cause=cause)
        shutil.rmtree(workspace_of(application), ignore_errors=True)

    def _probe(self, application: Application) -> Evidence:
        return self._launcher.probe(workspace_of(application), application.pid)

    def _is_due(self, application: Application) -> bool:
        """Whether an application that is not there may be on its way."""
        now = timezone.now()
        if application.state == ApplicationState.REQUESTED:
            if now - application.requested_at > FORGOTTEN:
                Application.objects.filter(pk=application.pk).update(requested_at=now)
                enqueue(task=LAUNCH, application_id=application.pk)
            return True
        since = application.launched_at or application.requested_at
        return application.pid is None and now - since < LAUNCH_GRACE

    def _keep_log(self, application: Application, *, all_of_it: bool = False) -> None:
        while data := self._launcher.log(workspace_of(application), application.log_end, LOG_BYTES):
            log_append(application=application, data=data)
            if not all_of_it:
                return

    def _last_words(self, application: Application) -> str:
        last = application.log.order_by("-start").values_list("text", flat=True).first() or ""
        lines = [line.strip() for line in last.splitlines() if line.strip()]
        return f"the application died without a word{f'; the log ends: {lines[-1][:200]}' if lines else ''}"


def _alive(run: Run) -> Application | None:
    alive = run.applications.exclude(state=ApplicationState.ENDED).select_related("run__pipeline", "run__version")
    return alive.first()


def _told(outcome: Outcome | None, application: Application, stage: Stage) -> StageOutcome | None:
    """What this application, and no earlier one, says of the stage."""
    if outcome is None or outcome.run_tag != application.run_tag:
        return None
    return next((item for item in outcome.stages if item.name == stage.name), None)


def _done(told: StageOutcome) -> Done:
    began, ended = (datetime.fromtimestamp(at, UTC) if at else None for at in (told.started_at, told.ended_at))
    return Done(told.rows_in, told.rows_out, storable(told.detail), began, ended)
