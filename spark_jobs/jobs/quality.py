"""The quality application: suites over a span of time. `python -m spark_jobs.jobs.quality ARGUMENTS`.

It reads the lake and writes nothing; what it found is in its outcome. Exit codes: see spark_jobs/jobs/application.py.
"""

from __future__ import annotations

import sys
from datetime import datetime

from pyspark.sql import SparkSession

from spark_jobs.applications import QualityArguments, StageName
from spark_jobs.jobs.application import Stages, serve
from spark_jobs.jobs.evaluating import Evaluate
from spark_jobs.jobs.session import open_session


def stages(arguments: QualityArguments) -> Stages:
    start, end = datetime.fromisoformat(arguments.start), datetime.fromisoformat(arguments.end)
    if end <= start:
        raise ValueError(f"the span ends at {arguments.end}, not after {arguments.start}")
    spark = open_session(
        f"penstock-{arguments.pipeline}-quality-{arguments.run}",
        master=arguments.master,
        jars=arguments.jars,
        memory=arguments.driver_memory,
        conf=arguments.spark_conf,
    )
    return {StageName.EVALUATE: Evaluate(spark, arguments.lake, arguments.suites, start, end).run}


def main(argv: list[str]) -> int:
    try:
        return serve(argv, QualityArguments, __doc__ or "", stages)
    finally:
        if (spark := SparkSession.getActiveSession()) is not None:
            spark.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
