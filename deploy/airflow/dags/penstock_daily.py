"""Penstock's daily run, started by Airflow: the streaming job, Silver, Gold, quality checks, load, notification.

Where Airflow does this, switch Penstock's own schedule of the daily run off: else both would.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag, get_current_context, task
from penstock_api import ask, done, pipeline_path


@dag(
    schedule="30 0 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["penstock"],
    params={
        "pipeline": Param("plant", type="string", minLength=1),
        "day": Param(None, type=["null", "string"], format="date", description="UTC; the day before, where not told"),
        "reason": Param("", type="string", maxLength=500),
    },
)
def penstock_daily() -> None:
    @task
    def where() -> str:
        return f"{pipeline_path(get_current_context()['params']['pipeline'])}/runs"

    @task
    def what() -> dict[str, str]:
        context = get_current_context()
        day_before = (context["dag_run"].run_after - timedelta(days=1)).date()
        return {"kind": "daily", "first_day": context["params"]["day"] or day_before.isoformat()}

    done("runs", ask(where(), what()))


penstock_daily()
