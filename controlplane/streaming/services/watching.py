"""Incidents of a streaming job: opened and cleared by whether it gets on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.services import incident_clear, incident_open
from controlplane.alerts.states import IncidentKind
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.stalls import Mark, Seen, has_recovered, marked, patience, stall
from controlplane.streaming.states import ALIVE, Desired, Observed


@transaction.atomic
def job_watch(*, job: StreamingJob, seen: Mapping[str, Seen], now: datetime) -> None:
    """Note how each query gets on, and open or clear the job's incidents by it. Call it with the job's row locked."""
    marks: dict[str, Mark] = {}
    if job.observed == Observed.RUNNING:
        known = {query: Mark(**mark) for query, mark in job.marks.items()}
        marks = {query: mark for query, item in seen.items() if (mark := marked(known.get(query), item, now))}
    told = {query: asdict(mark) for query, mark in marks.items()}
    if told != job.marks:
        StreamingJob.objects.filter(pk=job.pk).update(marks=told)
    if job.observed == Observed.RUNNING:
        _judge(job, marks, seen, now)
    elif job.desired == Desired.STOPPED and job.observed not in ALIVE:
        _clear(job, list(IncidentKind), "the job is not wanted to run any more")


def _judge(job: StreamingJob, marks: Mapping[str, Mark], seen: Mapping[str, Seen], now: datetime) -> None:
    allowed = patience(job.version.configuration if job.version else {})
    stalls = {query: words for query, item in seen.items() if (words := stall(marks.get(query), item, now, allowed))}
    if stalls:
        cause = "; ".join(f"{query}: {words}" for query, words in stalls.items())
        incident_open(kind=IncidentKind.STREAM_STALLED, object=job.path, cause=cause)
        return
    opened = incidents_open().filter(object=job.path).values_list("kind", "opened_at")
    _clear(job, [kind for kind, at in opened if has_recovered(seen, at)], "the job runs and gets on")


def _clear(job: StreamingJob, kinds: list[str], resolution: str) -> None:
    for kind in kinds:
        incident_clear(kind=kind, object=job.path, resolution=resolution)
