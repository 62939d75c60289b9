"""Each schedule's row of Celery beat. Beat only wakes a worker at about the due time: which times are due, and whether
something was made of them already, the worker asks the schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from controlplane.schedules.models import Schedule
from controlplane.schedules.timing import Timing

TASK = "penstock.schedule_due"
EXPIRES = 60  # seconds in which no worker took it; the round sees to the slot then


def beat_keep(*, schedule: Schedule) -> None:
    """Have beat do as the schedule says. Call it in the transaction that changes the schedule."""
    told = {
        "name": f"schedule {schedule.pk}: {schedule.pipeline.name}/{schedule.name}",
        "task": TASK,
        "kwargs": json.dumps({"schedule_id": schedule.pk}),
        "enabled": schedule.enabled,
        "expire_seconds": EXPIRES,
        "interval": _interval(schedule.interval_seconds) if schedule.interval_seconds else None,
        "crontab": None if schedule.interval_seconds else _crontab(schedule.timing),
    }
    beat = schedule.beat or PeriodicTask()
    for name, value in told.items():
        setattr(beat, name, value)
    beat.save()
    if schedule.beat_id != beat.pk:
        schedule.beat = beat
        schedule.save(update_fields=["beat"])


def beat_forget(*, schedule: Schedule) -> None:
    if schedule.beat is not None:
        schedule.beat.delete()
        schedule.beat = None


def _interval(seconds: int) -> IntervalSchedule:
    wanted = {"every": seconds, "period": IntervalSchedule.SECONDS}
    return IntervalSchedule.objects.filter(**wanted).first() or IntervalSchedule.objects.create(**wanted)


def _crontab(timing: Timing) -> CrontabSchedule:
    """The cron text in words that Celery knows too; where it does not, at least as often."""
    told = CronSim(timing.cron, datetime(2000, 1, 1))  # noqa: DTZ001 - only the fields are read
    # Celery knows no last day and no second Monday, and of two fields of days it wants both, not either.
    plain = told.day_and and all(isinstance(item, int) and item >= 0 for item in {*told.days, *told.weekdays})
    wanted = {
        "minute": _field(told.minutes, 60),
        "hour": _field(told.hours, 24),
        "day_of_month": _field(told.days, 31) if plain else "*",
        "month_of_year": _field(told.months, 12),
        "day_of_week": _field({item % 7 for item in told.weekdays if isinstance(item, int)}, 7) if plain else "*",
        "timezone": ZoneInfo(timing.timezone),
    }
    return CrontabSchedule.objects.filter(**wanted).first() or CrontabSchedule.objects.create(**wanted)


def _field(values: Iterable[int], all_of_them: int) -> str:
    listed = sorted(values)
    return "*" if len(listed) == all_of_them else ",".join(str(value) for value in listed)
