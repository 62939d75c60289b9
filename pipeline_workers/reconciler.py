"""Desired state against observed state. A driver is launched only on proof that the old one is dead."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from controlplane.core.outbox import enqueue
from controlplane.pipelines.configuration import SETTINGS
from controlplane.pipelines.services import version_ensure
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.preflight import lost
from controlplane.streaming.selectors import batches_reported, checkpoint_folder, checkpoint_of, offsets_reported
from controlplane.streaming.services import job_give_up, job_move
from controlplane.streaming.states import ALIVE, Desired, Ending, Observed
from pipeline_workers.launchers.base import Evidence, Launcher, Life
from pipeline_workers.launchers.local import LocalLauncher
from spark_jobs.contracts import ContinuousArguments, SensorTypeSpec

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
LAUNCH_GRACE = timedelta(seconds=20)  # from the outbox to a process that holds its lock
SILENCE = timedelta(seconds=15)
DRAIN_GRACE = timedelta(seconds=90)
ENDINGS = {Ending.DRAIN: "drain", Ending.NOW: "stop at once"}


def launcher() -> Launcher:
    return LocalLauncher(settings.PENSTOCK["logs"])


def arguments_of(job: StreamingJob) -> ContinuousArguments:
    """What the job's driver is told: the version's configuration, and where things are in this installation."""
    version, place = job.version, settings.PENSTOCK
    if version is None:
        raise ValueError(f"{job} has no version yet")
    tuned = {name: value for name, value in version.configuration.items() if name in SETTINGS}
    return ContinuousArguments(
        pipeline=job.pipeline.name,
        version=version.number,
        generation=job.generation,
        run_tag=job.run_tag,
        fencing_token=job.fencing_token,
        bootstrap_servers=place["bootstrap_servers"],
        topic=job.pipeline.topic,
        telemetry_topic=place["telemetry_topic"],
        lake=place["lake"],
        checkpoint=str(checkpoint_folder(job)),
        jars=tuple(sorted(str(jar) for jar in Path(place["jars"]).glob("*.jar"))),
        sensor_types=tuple(SensorTypeSpec(**item) for item in version.sensor_types),
        driver_memory=place["driver_memory"],
        **tuned,
    )


def reconcile_all(using: Launcher | None = None) -> None:
    """One round over every job. A job that another round holds is left to it."""
    for pk in StreamingJob.objects.values_list("pk", flat=True):
        with transaction.atomic():
            job = StreamingJob.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if job is not None:
                reconcile(job, using or launcher())


def reconcile(job: StreamingJob, using: Launcher) -> None:
    """Bring one job a step nearer to what is wanted. Call it with the job's row locked."""
    evidence = Evidence(Life.DEAD, "it was never launched")
    if job.version is not None:
        evidence = using.probe(arguments_of(job), job.pid)
        if evidence.life == Life.ALIVE:
            using.watch(evidence, look_again)
    if job.observed in ALIVE:
        _observe(job, using, evidence)
    if job.observed in ALIVE:
        if job.is_to_end and evidence.life == Life.ALIVE:
            _end(job, using, evidence)
    elif job.desired == Desired.RUNNING:
        _launch(job, evidence)


def look_again() -> None:
    """Have a round now, not at its time. It looks for itself: what called this proves nothing."""
    try:
        current_app.send_task("penstock.reconcile")
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("the next round is left to its time: %s", error)


def _observe(job: StreamingJob, using: Launcher, evidence: Evidence) -> None:
    now = timezone.now()
    if evidence.life == Life.DEAD:
        starting = job.observed == Observed.LAUNCHING and job.pid is None
        since = job.launched_at or job.next_attempt_at
        if not (starting and since is not None and now - since < LAUNCH_GRACE):
            using.clear(arguments_of(job), job.pid)
            job_move(job=job, to=Observed.STOPPED, reason=_how_it_ended(job, evidence), pid=None)
    elif job.observed in (Observed.LAUNCHING, Observed.RUNNING):
        heard = max(item for item in (job.heartbeat_at, job.launched_at, now - 4 * SILENCE) if item is not None)
        if evidence.life == Life.UNKNOWN or now - heard > SILENCE * (2 if job.observed == Observed.LAUNCHING else 1):
            job_move(job=job, to=Observed.UNKNOWN, reason="the driver lives and says nothing")


def _how_it_ended(job: StreamingJob, evidence: Evidence) -> str:
    """By the driver's own word where it left or reported one, else by what had been asked of it."""
    if words := evidence.words or job.last_words:
        return words
    if not (job.is_to_end and job.observed == Observed.DRAINING):
        return "it died without a word"
    if job.ending == Ending.NOW:
        return "stopped at once, as asked"
    if job.drain_asked_at is not None and timezone.now() - job.drain_asked_at > DRAIN_GRACE:
        return f"ended, as it had not drained in {DRAIN_GRACE.total_seconds():.0f} s"
    return "it died without a word while it drained"


def _launch(job: StreamingJob, evidence: Evidence) -> None:
    now = timezone.now()
    if evidence.life != Life.DEAD:
        if evidence.run_tag == job.run_tag and job.observed == Observed.STOPPED:
            job_move(job=job, to=Observed.LAUNCHING, reason="adopted", pid=evidence.pid, launched_at=now)
        else:
            StreamingJob.objects.filter(pk=job.pk).update(reason=f"not launched: {evidence.reason}")
        return
    if hopeless := _hopeless(job):
        if job.observed != Observed.FAILED:
            job_give_up(job=job, reason=hopeless)
        return
    if job.next_attempt_at is not None and job.next_attempt_at > now:
        return
    pause = min(FIRST_PAUSE * 2**job.attempts, LONGEST_PAUSE)
    moved = job_move(
        job=job,
        to=Observed.LAUNCHING,
        reason=job.reason if job.attempts else "",  # why it has to be tried again
        last_words="",
        version=version_ensure(pipeline=job.pipeline),
        fencing_token=job.fencing_token + 1,
        run_tag=uuid.uuid4().hex,
        pid=None,
        launched_at=None,
        heartbeat_at=None,
        drain_asked_at=None,
        attempts=job.attempts + 1,
        next_attempt_at=now + pause,
    )
    if moved:
        enqueue(task="penstock.launch_streaming_job", job_id=job.pk, fencing_token=job.fencing_token)


def _hopeless(job: StreamingJob) -> str | None:
    """Why another try would come to nothing, or to harm."""
    if job.attempts >= MAX_ATTEMPTS:
        return f"given up after {MAX_ATTEMPTS} tries: {job.reason}"
    return lost(checkpoint_of(job), offsets_reported(job.pipeline), batches_reported(job))


def launch(job_id: int, fencing_token: int, using: Launcher | None = None) -> None:
    """Start the driver of this launch, once: a second copy of the task finds it taken."""
    taken = StreamingJob.objects.filter(
        pk=job_id, fencing_token=fencing_token, observed=Observed.LAUNCHING, launched_at=None
    ).update(launched_at=timezone.now())
    if not taken:
        return
    job = StreamingJob.objects.select_related("pipeline", "version").get(pk=job_id)
    pid = (using or launcher()).launch(arguments_of(job))
    StreamingJob.objects.filter(pk=job_id, fencing_token=fencing_token).update(pid=pid)
    logger.info("%s: launched, pid %s, run tag %s", job, pid, job.run_tag)


def _end(job: StreamingJob, using: Launcher, evidence: Evidence) -> None:
    """Drain the driver, once; end it at once where that is wanted, or where the drain takes too long."""
    now = timezone.now()
    if job.ending == Ending.NOW or (job.drain_asked_at is not None and now - job.drain_asked_at > DRAIN_GRACE):
        using.stop(evidence)
    elif job.drain_asked_at is None:
        using.drain(evidence)
        StreamingJob.objects.filter(pk=job.pk).update(drain_asked_at=now)
    if job.observed != Observed.DRAINING:
        job_move(job=job, to=Observed.DRAINING, reason=f"asked to {ENDINGS[Ending(job.ending)]}")
