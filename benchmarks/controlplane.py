"""A throw-away control plane without driver and simulator, and a history as long as months of work would leave."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django

from benchmarks import harness
from cli.embedded import jars, ports, postgres, stack
from cli.embedded.environment import environment
from cli.embedded.home import Home
from cli.embedded.ports import Ports
from cli.embedded.running import running

# One in three batches is of aggregate and has the event times of its readings; each load carries one of them.
HISTORY = """
INSERT INTO ledger_ledgerentry (pipeline_id, query, generation, batch, hour, measure, detail, count, recorded_at)
SELECT %(pipeline)s, (ARRAY['ingest', 'refine', 'aggregate'])[1 + number %% 3], 1, number / 3,
       (extract(epoch FROM now())::bigint / 3600 - kind %% 3) * 3600,
       CASE number %% 3
           WHEN 0 THEN (ARRAY['kafka', 'accepted', 'dead_letter'])[1 + kind %% 3]
           WHEN 1 THEN (ARRAY['refined', 'kept', 'silver', 'anomaly', 'duplicate'])[1 + kind %% 5]
           ELSE (ARRAY['aggregated', 'gold'])[1 + kind %% 2]
       END,
       'detail ' || kind, 100, now() - (%(batches)s - number) * interval '1 second'
FROM generate_series(0, %(batches)s - 1) AS number, generate_series(0, 9) AS kind;
INSERT INTO ledger_ledgertotal (pipeline_id, measure, detail, count)
SELECT pipeline_id, measure, CASE measure WHEN 'dead_letter' THEN detail ELSE '' END, sum(count)
FROM ledger_ledgerentry GROUP BY 1, 2, 3;
INSERT INTO streaming_microbatch
    (pipeline_id, query, generation, batch, table_version, rows_in, seconds, committed_at, event_times, carried_by)
SELECT %(pipeline)s, (ARRAY['ingest', 'refine', 'aggregate'])[1 + number %% 3], 1, number / 3, number, 1000, 1.5,
       now() - (%(batches)s - number) * interval '1 second',
       CASE number %% 3 WHEN 2 THEN times.quantiles ELSE '[]' END, CASE number %% 3 WHEN 2 THEN 1 END
FROM generate_series(0, %(batches)s - 1) AS number,
     (SELECT jsonb_agg(1.79e9 + step * 0.01) AS quantiles FROM generate_series(0, 100) AS step) AS times;
INSERT INTO warehouse_load (pipeline_id, status, reason, attempts, requested_at, started_at, committed_at, seconds,
                            gold_version, gold_seq, windows, readings, latency)
SELECT %(pipeline)s, 'succeeded', '', 0, at, at, at, 0.5, number, (1::bigint << 40) | number, 100, 1000, ages.quantiles
FROM (SELECT number, now() - (%(batches)s / 3 - number) * interval '3 seconds' AS at
      FROM generate_series(0, %(batches)s / 3) AS number) AS loads,
     (SELECT jsonb_agg(2 + step * 0.05) AS quantiles FROM generate_series(0, 100) AS step) AS ages;
INSERT INTO telemetry_rollup (pipeline_id, metric, label, resolution, bucket, sum, weight, least, greatest)
SELECT %(pipeline)s, metric, label, resolution,
       (extract(epoch FROM now())::bigint / resolution - number) * resolution, 1000, 1, 1, 1000
FROM (VALUES ('ingested', ''), ('accepted', ''), ('silver', ''), ('anomalies', ''), ('gold', ''), ('loaded', ''),
             ('dead_letters', 'empty'), ('dead_letters', 'wrong_type'), ('dead_letters', 'not_utf8'),
             ('lag', ''), ('lag', '0'), ('lag', '1'), ('lag', '2'),
             ('latency_p50', ''), ('latency_p95', ''), ('latency_p99', '')) AS series (metric, label),
     (VALUES (10, 8640), (60, 10080), (3600, 8760)) AS kept (resolution, buckets),
     LATERAL generate_series(1, buckets) AS number;
"""


@contextlib.contextmanager
def services(*names: str) -> Iterator[tuple[Home, Ports, dict[str, str]]]:
    """The data services of those names, PostgreSQL migrated, and this process configured as one of the installation."""
    with contextlib.ExitStack() as owned:
        folder = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
        owned.callback(shutil.rmtree, folder, ignore_errors=True)
        home = Home(folder / ".penstock")
        home.make()
        chosen, secrets, fetched = Ports(*ports.free(5)), home.generated_secrets(), jars.ensure(harness.say)
        for service in stack.data_services(home, chosen, secrets, fetched):
            if service.name in names:
                owned.enter_context(running(service, home))
        postgres.provide(chosen.postgres, secrets)
        env = environment(home, chosen, secrets, fetched)
        os.environ.update(env)
        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", interactive=False, verbosity=0)
        owned.callback(connections.close_all)
        yield home, chosen, env


def make_history(pipeline: int, batches: int) -> None:
    """So many batches with ten ledger entries each, the loads that carried them, and series kept as long as any are."""
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in filter(str.strip, HISTORY.split(";\n")):
            cursor.execute(statement, {"pipeline": pipeline, "batches": batches})
        cursor.execute("ANALYZE")
