"""How fast the list of runs answers with 10,000 runs and 100,000 stages in the database, and what its queries count.

The web process is the stack's own. Asked one request at a time, page 1 and page 100 in turn; what is timed is the whole
answer, as a client sees it.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import httpx
import numpy as np

from benchmarks import harness
from benchmarks.controlplane import services
from benchmarks.live import prepare
from cli.embedded import stack
from cli.embedded.environment import PIPELINE
from cli.embedded.ports import HOST
from cli.embedded.running import running

GOAL_MS = 50.0
RUNS, STAGES = 10_000, 10  # more than any run has, as the goal has it
PAGE = 20  # what the console and the command show

HISTORY = """
INSERT INTO runs_run (pipeline_id, kind, state, first_day, last_day, parameters, trigger, reason, retries, cause,
                      waiting, created_at, queued_at, started_at, ended_at, version_id)
SELECT %(pipeline)s, (ARRAY['daily', 'backfill', 'maintenance'])[1 + number %% 3],
       (ARRAY['succeeded', 'failed', 'cancelled'])[1 + number %% 3],
       date '2000-01-01' + number, date '2000-01-01' + number, '{"stale": "wait"}', 'schedule/daily', '', 0,
       CASE number %% 3 WHEN 1 THEN 'load: the warehouse does not answer' ELSE '' END, '', at, at, at, at, version.id
FROM generate_series(1, %(runs)s) AS number,
     LATERAL (SELECT now() - (%(runs)s - number) * interval '1 hour' AS at) AS times,
     (SELECT id FROM pipelines_pipelineversion LIMIT 1) AS version;
INSERT INTO runs_stage (run_id, position, name, state, rows_in, rows_out, detail, cause, started_at, ended_at)
SELECT id, position,
       (ARRAY['ensure_stream', 'freshness', 'bronze_to_silver', 'silver_to_gold', 'evaluate', 'quality', 'load'])
       [1 + position %% 7], 'succeeded', 1000000, 990000, '{"duplicates": 10000, "deferred": 500}', '',
       created_at, created_at
FROM runs_run, generate_series(1, %(stages)s) AS position;
"""


def main() -> int:
    """Exit 0 when the goal is reached on both pages and no list takes more queries than another."""
    options = _options()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with services("postgres", "redis") as (home, ports, env):
        token = prepare()
        _make_history()
        queries = {str(limit): _queries(token, limit) for limit in (1, 50, 200)}
        web = next(item for item in stack.control_services(ports, env) if item.name == "web")
        with running(web, home):
            taken = _measure(f"http://{HOST}:{ports.web}/api/v1/pipelines/{PIPELINE}/runs", token, options.requests)
    result: dict[str, Any] = {
        "benchmark": "runs",
        "runs": RUNS,
        "stages": RUNS * STAGES,
        "page": PAGE,
        "milliseconds": {
            name: {f"p{at}": round(float(np.percentile(times, at)) * 1000, 1) for at in (50, 95, 100)}
            for name, times in taken.items()
        },
        "queries_by_limit": queries,
        "goal_p95_milliseconds": GOAL_MS,
        "load_before": before,
        "load_after": harness.load_average(),
    }
    quick = all(times["p95"] < GOAL_MS for times in result["milliseconds"].values())
    result["reached"] = quick and len(set(queries.values())) == 1
    harness.report(result)
    return 0 if result["reached"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.runs", description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each page (%(default)s)")
    return parser.parse_args()


def _make_history() -> None:
    from django.db import connection

    from controlplane.pipelines.models import Pipeline

    wanted = {"pipeline": Pipeline.objects.get(name=PIPELINE).pk, "runs": RUNS, "stages": STAGES}
    with connection.cursor() as cursor:
        for statement in filter(str.strip, HISTORY.split(";\n")):
            cursor.execute(statement, wanted)
        cursor.execute("ANALYZE")


def _queries(token: str, limit: int) -> int:
    """How many queries a list of so many runs takes."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"Authorization": f"Bearer {token}", "Host": settings.ALLOWED_HOSTS[0]})
    for _ in range(2):  # the first notes that the token is in use
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(f"/api/v1/pipelines/{PIPELINE}/runs", {"limit": limit})
    assert len(answer.json()["results"]) == limit, answer.content
    return len(seen)


def _measure(url: str, token: str, requests: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"page_1": [], "page_100": []}
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as client:

        def page(cursor: str | None) -> dict[str, Any]:
            answer = client.get(url, params={"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
            answer.raise_for_status()
            return dict(answer.json())

        cursor = None
        for _ in range(99):  # also warms the process
            cursor = page(cursor)["next"]
        for _ in range(requests):
            for name, place in (("page_1", None), ("page_100", cursor)):
                began = time.monotonic()
                page(place)
                taken[name].append(time.monotonic() - began)
    return taken


if __name__ == "__main__":
    sys.exit(main())
