"""Suites evaluated by Great Expectations over the rows of a span of time.

It is imported when there is something to evaluate: it takes seconds and a quarter of a gigabyte.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.columns import IDENTITY
from spark_jobs.jobs import tables
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.causes import one_line
from spark_jobs.suites import Evaluation, Expectation, Layer, Profile, Result, Suite, Verdict, worst
from spark_jobs.vocabulary import VOCABULARY

SECONDS = 60.0  # that a suite may take
SAMPLES = 5
LONGEST = 200  # characters of a value that is shown
SHOWN_VALUES = 20
TIMES = {Layer.BRONZE: "timestamp", Layer.SILVER: "timestamp", Layer.GOLD: "window_start"}


class Evaluate:
    """The stage: every suite over the rows from `start` to before `end`, and the profiles of its whole days."""

    def __init__(self, spark: SparkSession, lake: str, suites: Sequence[Suite], start: datetime, end: datetime) -> None:
        self._spark, self._lake, self._suites = spark, lake, suites
        self._start, self._end = start, end

    def run(self) -> Done:
        """`detail` has `evaluations` and `profiles`, as dicts. What is found fails nothing here."""
        evaluations = [evaluate(self._spark, self._lake, suite, self._start, self._end) for suite in self._suites]
        whole_days = self._start.time() == self._end.time() == datetime.min.time()
        found = profiles(rows_of(self._spark, self._lake, Layer.SILVER, self._start, self._end)) if whole_days else []
        detail = {
            "evaluations": [item.to_dict() for item in evaluations],
            "profiles": [asdict(item) for item in found],
        }
        return Done(rows_in=sum(item.rows for item in evaluations), detail=detail)


def rows_of(spark: SparkSession, lake: str, layer: str, start: datetime, end: datetime) -> DataFrame:
    """Rows of a layer by the time of their event, of Bronze those accepted. A reading may arrive minutes before its
    time, and any time after it.
    """
    layer = Layer(layer)
    rows = tables.read(spark, lake, layer.table)
    time_, days = F.col(TIMES[layer]), (start.date(), end.date())
    if layer == Layer.BRONZE:
        first = days[0] - timedelta(days=1)
        rows = rows.where((F.col("disposition") == "accepted") & (F.col("ingest_date") >= F.lit(first)))
    else:
        rows = rows.where(F.col("event_date").between(*map(F.lit, days)))
    return rows.where((time_ >= F.lit(start)) & (time_ < F.lit(end)))


def evaluate(
    spark: SparkSession, lake: str, suite: Suite, start: datetime, end: datetime, seconds: float = SECONDS
) -> Evaluation:
    """What a suite comes to.

    Where there are no rows nothing is asked, and every result is EMPTY. A column that the table lacks, a table that
    cannot be read and whatever else raises is an ERROR, which says nothing of the rows. So is what is not done after
    `seconds`: Spark's jobs are cancelled then. A task inside of a regular expression cannot be stopped; it keeps a
    core until the application ends, and nobody waits for it.
    """
    began, count, limit = time.monotonic(), 0, _Limit(seconds)
    try:
        with _cancelled_after(spark, seconds):
            rows = rows_of(spark, lake, suite.layer, start, end)
            rows = rows.select(_columns(suite, rows.columns)).persist(StorageLevel.MEMORY_AND_DISK)
            try:
                count = rows.count()
                results = _asked(rows, suite, limit) if count else _all(suite, Verdict.EMPTY, "no rows to look at")
            finally:
                rows.unpersist()
    except Exception as error:
        words = f"not done in {seconds:g} s" if limit.is_over() else one_line(str(error))
        results = _all(suite, Verdict.ERROR, f"{Layer(suite.layer).table} cannot be read: {words}")
    return Evaluation(
        suite=suite.name,
        version=suite.version,
        start=start.isoformat(),
        end=end.isoformat(),
        verdict=worst([item.verdict for item in results]),
        rows=count,
        seconds=round(time.monotonic() - began, 3),
        results=tuple(results),
    )


def profiles(silver: DataFrame) -> list[Profile]:
    """One of each day and sensor type.

    In: event_date, sensor_type, value (the type's unit), anomaly_score. `null_share` is of readings without a score.
    """
    grouped = silver.groupBy("event_date", "sensor_type").agg(
        F.count("*").alias("readings"),
        F.avg(F.col("anomaly_score").isNull().cast("double")).alias("null_share"),
        F.avg("value").alias("mean"),
        F.coalesce(F.stddev("value"), F.lit(0.0)).alias("spread"),
    )
    return [
        Profile(row.event_date.isoformat(), row.sensor_type, row.readings, row.null_share, row.mean, row.spread)
        for row in grouped.orderBy("event_date", "sensor_type").collect()
    ]


class _Limit:
    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.seconds = seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self._until


@contextmanager
def _cancelled_after(spark: SparkSession, seconds: float) -> Iterator[None]:
    """Spark's jobs of this thread are cancelled when time is up, those to come as well."""
    context, group = spark.sparkContext, f"suite-{uuid.uuid4()}"
    context.setJobGroup(group, "a quality suite", interruptOnCancel=True)
    timer = threading.Timer(seconds, context._jsc.sc().cancelJobGroupAndFutureJobs, [group])  # type: ignore[union-attr]
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for name in ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel"):
            context.setLocalProperty(name, None)  # type: ignore[arg-type]


def _columns(suite: Suite, there: list[str]) -> list[str]:
    """The columns that a suite looks at and those that tell its rows apart, as far as the table has them."""
    named = {*IDENTITY[suite.layer]}
    for item in suite.expectations:
        named |= {value for name, value in item.arguments.items() if name in ("column", "column_A", "column_B")}
        named |= set(item.arguments.get("column_list", ()))
    return [name for name in there if name in named]


def _asked(rows: DataFrame, suite: Suite, limit: _Limit) -> list[Result]:
    """Each expectation by counts alone; those that rows have broken once more, for a few of these rows."""
    results = _validated(rows, list(enumerate(suite.expectations)), limit, {"result_format": "BASIC"})
    broken = [
        (at, suite.expectations[at])
        for at, result in results.items()
        if result.verdict == Verdict.FAILED and VOCABULARY[result.type].per_row
    ]
    if broken and not limit.is_over():
        names = [name for name in IDENTITY[suite.layer] if name in rows.columns]
        wanted = {"result_format": "SUMMARY", "unexpected_index_column_names": names}
        for at, sampled in _validated(rows, broken, limit, wanted, SAMPLES).items():
            if sampled.verdict == Verdict.FAILED:
                results[at] = sampled
    return [results[at] for at in range(len(suite.expectations))]


def _validated(
    rows: DataFrame,
    expectations: list[tuple[int, Expectation]],
    limit: _Limit,
    result_format: dict[str, Any],
    samples: int = 0,
) -> dict[int, Result]:
    """Great Expectations' own word on each, by its place in the suite."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # nobody outside is told of anything; read when it is imported
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_spark("lake").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    asked = [get_expectation_impl(item.type)(**_arguments(item), meta={"at": at}) for at, item in expectations]
    suite = gx.ExpectationSuite(name="suite", expectations=asked)
    found = batch.validate(suite, result_format={**result_format, "partial_unexpected_count": samples})
    told, results = dict(expectations), dict[int, Result]()
    for item in found.results:
        assert item.expectation_config is not None
        at = int(item.expectation_config.meta["at"])
        results[at] = _result(told[at], bool(item.success), item.result, item.exception_info, limit)
    return results


def _arguments(expectation: Expectation) -> dict[str, Any]:
    if expectation.type == "expect_column_pair_values_a_to_be_greater_than_b":
        return {"ignore_row_if": "either_value_is_missing", **expectation.arguments}
    return expectation.arguments


def _result(
    expectation: Expectation, success: bool, found: dict[str, Any], raised: dict[str, Any], limit: _Limit
) -> Result:
    messages = _messages(raised)
    if messages:
        words = f"not done in {limit.seconds:g} s" if limit.is_over() else one_line(messages[0])
        return Result(expectation.type, expectation.arguments, Verdict.ERROR, message=words)
    unexpected = found.get("unexpected_count") if VOCABULARY[expectation.type].per_row else None
    return Result(
        expectation.type,
        expectation.arguments,
        Verdict.PASSED if success else Verdict.FAILED,
        observed=_plain(found.get("observed_value")),
        unexpected=None if unexpected is None else int(unexpected),
        samples=[] if success else _samples(found),
        message="" if success else _words(found, unexpected),
    )


def _messages(raised: dict[str, Any]) -> list[str]:
    """What was raised: one exception, or one of each metric."""
    infos = [raised] if "raised_exception" in raised else [item for item in raised.values() if isinstance(item, dict)]
    return [str(item.get("exception_message")) for item in infos if item.get("raised_exception", True)]


def _words(found: dict[str, Any], unexpected: int | None) -> str:
    if unexpected is not None:
        rows = found.get("element_count") or 0
        return f"{unexpected:,} of {rows:,} rows do not comply"
    return f"observed {_plain(found.get('observed_value'))}"


def _samples(found: dict[str, Any]) -> list[dict[str, Any]]:
    listed = found.get("partial_unexpected_index_list") or []
    return [{str(name): _plain(value) for name, value in row.items()} for row in listed[:SAMPLES]]


def _plain(value: Any) -> Any:
    """As JSON has it: no NaN, no object of NumPy, nothing long."""
    if hasattr(value, "item"):
        value = value.item()
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value == value and abs(value) != float("inf") else None
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date():
            return value.isoformat()
        case bytes() | bytearray():
            return bytes(value).hex()[:LONGEST]
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in list(value)[:SHOWN_VALUES]]
        case dict():
            return {str(name)[:LONGEST]: _plain(item) for name, item in list(value.items())[:SHOWN_VALUES]}
    return str(value)[:LONGEST]


def _all(suite: Suite, verdict: Verdict, words: str) -> list[Result]:
    return [Result(item.type, item.arguments, verdict, message=words) for item in suite.expectations]
