"""The batch job: whole days of Silver and Gold made anew, and evaluated. `python -m spark_jobs.jobs.batch ARGUMENTS`.

It shares both with a continuous job that goes on meanwhile; docs/adr/0010 says how. Exit codes: see
spark_jobs/jobs/application.py.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, time, timedelta

from pyspark.sql import SparkSession

from spark_jobs.applications import BatchArguments, StageName
from spark_jobs.jobs import tables
from spark_jobs.jobs.application import Stages, serve
from spark_jobs.jobs.batch_gold import BatchGold
from spark_jobs.jobs.batch_silver import BatchSilver
from spark_jobs.jobs.evaluating import Evaluate
from spark_jobs.jobs.session import open_session
from spark_jobs.jobs.telemetry import Telemetry


def stages(arguments: BatchArguments) -> Stages:
    """One Spark session for all of them."""
    first, last = arguments.days
    if last < first:
        raise ValueError(f"the last day, {last}, is before the first, {first}")
    spark = open_session(
        f"penstock-{arguments.pipeline}-batch-{arguments.run}",
        master=arguments.master,
        jars=arguments.jars,
        memory=arguments.driver_memory,
        conf=arguments.spark_conf,
    )
    tables.ensure_tables(arguments.lake)
    telemetry = Telemetry(arguments)
    start, end = (datetime.combine(day, time.min, UTC) for day in (first, last + timedelta(days=1)))
    return {
        StageName.BRONZE_TO_SILVER: BatchSilver(spark, arguments, telemetry).run,
        StageName.SILVER_TO_GOLD: BatchGold(spark, arguments, telemetry).run,
        StageName.EVALUATE: Evaluate(spark, arguments.lake, arguments.suites, start, end).run,
    }


def main(argv: list[str]) -> int:
    try:
        return serve(argv, BatchArguments, __doc__ or "", stages)
    finally:
        if (spark := SparkSession.getActiveSession()) is not None:
            spark.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
