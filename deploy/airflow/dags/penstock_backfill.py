"""A backfill of Penstock over a range of days (UTC, by event time, both ends included), triggered by hand."""

from __future__ import annotations

import pendulum
from airflow.sdk import Param, dag, get_current_context, task
from penstock_api import ask, done, pipeline_path


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    max_active_runs=1,
    tags=["penstock"],
    params={
        "pipeline": Param("plant", type="string", minLength=1),
        "first_day": Param(type="string", format="date"),
        "last_day": Param(type="string", format="date"),
        "reason": Param(type="string", minLength=1, maxLength=500),
    },
)
def penstock_backfill() -> None:
    @task
    def where() -> str:
        return f"{pipeline_path(get_current_context()['params']['pipeline'])}/backfills"

    @task
    def what() -> dict[str, str]:
        params = get_current_context()["params"]
        return {name: params[name] for name in ("first_day", "last_day")}

    done("backfills", ask(where(), what()))


penstock_backfill()
