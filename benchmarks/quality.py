"""How long the provided suites take over a day of a million readings, warm, and how many expectations pass.

The lake is that of the batch benchmark: a day that refine and aggregate have made Silver and Gold of. The reference is
one bare pass of Spark over the same rows of the three layers, which counts the nulls of every column.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from benchmarks import backlog, harness
from benchmarks.batch import DAY, fill
from spark_jobs.jobs.evaluating import Evaluate, rows_of
from spark_jobs.suites import Layer, Suite, Verdict
from spark_jobs.vocabulary import PROVIDED

GOAL_SECONDS, GOAL_PASS = 15.0, 0.99
END = DAY + timedelta(days=1)


def main() -> int:
    """Exit 0 when both goals are reached."""
    parser = argparse.ArgumentParser(prog="benchmarks.quality", description=__doc__)
    parser.add_argument("--readings", type=int, default=1_000_000, help="of the day (%(default)s)")
    parser.add_argument("--sensors", type=int, default=1_000, help="of the fleet (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="that count (%(default)s)")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    lake = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
    spark = backlog.session("2g")
    try:
        fill(spark, str(lake), options.readings, options.sensors, 0)
        result = _measure(spark, str(lake), options.rounds)
    finally:
        spark.stop()
        shutil.rmtree(lake, ignore_errors=True)
    harness.report({"benchmark": "quality", **result, "load_before": before, "load_after": harness.load_average()})
    return 0 if result["seconds"] <= GOAL_SECONDS and result["passed"] >= GOAL_PASS else 1


def _measure(spark: SparkSession, lake: str, rounds: int) -> dict[str, Any]:
    suites = [Suite.of({**raw, "version": 1}) for raw in PROVIDED]
    taken, bare, found = list[float](), list[float](), list[dict[str, Any]]()
    for number in range(1 + rounds):
        began = time.monotonic()
        found = Evaluate(spark, lake, suites, DAY, END).run().detail["evaluations"]
        taken.append(time.monotonic() - began)
        bare.append(backlog.timed(lambda: _bare(spark, lake)))
        each = ", ".join(f"{item['suite']} {item['seconds']:.1f} s" for item in found)
        harness.say(f"round {number}: {taken[-1]:.1f} s ({each}); bare {bare[-1]:.1f} s")
    verdicts = [item["verdict"] for evaluation in found for item in evaluation["results"]]
    return {
        "rows": {item["suite"]: item["rows"] for item in found},
        "expectations": len(verdicts),
        "passed": round(sum(item == Verdict.PASSED for item in verdicts) / len(verdicts), 4),
        "pass_goal": GOAL_PASS,
        "cold_seconds": round(taken[0], 2),
        "seconds": round(statistics.median(taken[1:]), 2),
        "goal_seconds": GOAL_SECONDS,
        "ratio": round(statistics.median(this / that for this, that in zip(taken[1:], bare[1:], strict=True)), 2),
    }


def _bare(spark: SparkSession, lake: str) -> None:
    for layer in Layer:
        rows = rows_of(spark, lake, layer, DAY, END)
        rows.agg(*(F.count_if(F.col(name).isNull()) for name in rows.columns)).collect()


if __name__ == "__main__":
    sys.exit(main())
