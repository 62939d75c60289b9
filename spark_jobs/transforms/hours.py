"""The hour that a time lies in, as the ledger has it."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

HOUR = 3600


def hour_of(time: str) -> Column:
    """The start of the hour (UTC) of a timestamp column, in seconds since the epoch.

    By arithmetic: `date_trunc` goes through a time zone's calendar for each row.
    """
    seconds = F.unix_seconds(time)
    return seconds - F.pmod(seconds, F.lit(HOUR))
