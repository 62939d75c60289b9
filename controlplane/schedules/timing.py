"""When something is due: by a cron text in a time zone, or every so many seconds. All that is asked here and elsewhere
is answered by `Timing.after`: what a preview says is what is run.

Where clocks are put forward, a time that does not exist is due at the first moment that does; where they are put back,
one that exists twice is due the first time only. Texts whose minute or hour begins with a star go by elapsed time
instead, through both. So does cron on Debian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from controlplane.core.errors import Invalid

LEAST_SECONDS, MOST_SECONDS = 60, 366 * 86_400
NO_ZONES = {"Factory", "localtime"}  # names that mean nothing, or another thing on each machine


@dataclass(frozen=True)
class Timing:
    """Either `cron`, five fields, or `interval_seconds`, whose multiples are counted from the epoch."""

    cron: str
    interval_seconds: int | None
    timezone: str

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Due times after a moment, in UTC, each later than the one before. Nothing is remembered between calls."""
        if self.interval_seconds is not None:
            number = int(moment.timestamp() // self.interval_seconds)
            while True:
                number += 1
                yield datetime.fromtimestamp(number * self.interval_seconds, UTC)
        last = moment
        # From an hour that exists twice it would go on with times that have been; and times in a gap fall together.
        for found in CronSim(self.cron, moment.astimezone(ZoneInfo(self.timezone))):
            due = found.astimezone(UTC)
            if due > last:
                last = due
                yield due

    def up_to(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Due times from a moment to another, both included."""
        for due in self.after(first - timedelta(seconds=1)):
            if due > last:
                return
            yield due

    def next(self, moment: datetime, count: int = 5) -> list[datetime]:
        return list(islice(self.after(moment), count))


def timing_checked(*, cron: str, interval_seconds: int | None, timezone: str, now: datetime) -> Timing:
    """Raises Invalid with a sentence for each field that is not right."""
    errors: dict[str, list[str]] = {}
    if bool(cron) == (interval_seconds is not None):
        words = "give a cron text or an interval, and not both"
        errors["cron"] = errors["interval_seconds"] = [words]
    elif interval_seconds is not None and not LEAST_SECONDS <= interval_seconds <= MOST_SECONDS:
        errors["interval_seconds"] = [f"between {LEAST_SECONDS} and {MOST_SECONDS} s"]
    if timezone not in _zones():
        errors["timezone"] = ["this is no time zone of the IANA's, such as Europe/Berlin"]
    timing = Timing(cron=cron, interval_seconds=interval_seconds, timezone=timezone)
    if not errors and cron and (complaint := _cron_complaint(timing, now)):
        errors["cron"] = [complaint]
    if errors:
        raise Invalid("it is not clear when this is due", errors)
    return timing


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - NO_ZONES)


def _cron_complaint(timing: Timing, now: datetime) -> str | None:
    if len(timing.cron.split()) != 5:
        return "five fields are needed: minute, hour, day of month, month, day of week"
    try:
        return None if timing.next(now, 1) else "there is no such time in the next 50 years"
    except CronSimError as error:
        return f"{str(error).lower()}; the fields are minute, hour, day of month, month, day of week"
