"""How many of the injected anomalies are flagged, and how many normal readings falsely so.

The simulator's truth file says which readings it made deviate (by 4 to 8 standard deviations); silver/readings says
which were flagged. Both shares are among scored readings: a sensor's first thirty have no score.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from benchmarks import harness
from cli.embedded.environment import PIPELINE
from spark_jobs.contracts import Table

GOALS = {"flagged": 0.90, "false_alarms": 0.01}
RATES = {"--anomaly-rate": "0.02", "--malformed-rate": "0.005", "--duplicate-rate": "0.005", "--late-rate": "0.005"}
# By sensor and time, which is how the truth names a reading. Late ones are deferred, duplicates are in Silver once.
MATCHED = """
    SELECT sensor_type, t.deviations IS NOT NULL AS injected, len(anomaly_reasons) > 0 AS flagged
    FROM silver LEFT JOIN truth t ON t.sensor_id = silver.sensor_id AND t.micros = epoch_us(silver.timestamp)
    WHERE anomaly_score IS NOT NULL
"""
SHARES = f"""
    SELECT sensor_type, count(*) FILTER (injected), count(*) FILTER (injected AND flagged),
        count(*) FILTER (NOT injected), count(*) FILTER (NOT injected AND flagged)
    FROM ({MATCHED}) GROUP BY ALL ORDER BY ALL
"""


def main() -> int:
    """Exit 0 when every type reaches both goals."""
    options = _options()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    if options.truth:
        types = judge(options.silver, options.truth)
    else:
        types = _measure(options)
    result: dict[str, Any] = {
        "benchmark": "anomalies",
        "types": types,
        "goals": GOALS,
        "load_before": before,
        "load_after": harness.load_average(),
        "reached": bool(types) and all(_reached(found) for found in types.values()),
    }
    harness.report(result)
    return 0 if result["reached"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.anomalies", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="messages to send (%(default)s)")
    parser.add_argument("--sensors", type=int, default=100, help="of the fleet (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the fleet (%(default)s)")
    parser.add_argument("--anomaly-size", default="4:8", help="in standard deviations (%(default)s)")
    parser.add_argument("--home", type=Path, help="a running stack; without it a throw-away one")
    parser.add_argument("--truth", type=Path, help="send nothing: judge by this truth file of an earlier simulator")
    parser.add_argument("--silver", type=Path, help="with --truth: the folder of silver/readings")
    options = parser.parse_args()
    if bool(options.truth) != bool(options.silver):
        parser.error("--truth and --silver go together")
    return options


def _measure(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    with harness.stack(options.home) as home, tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        truth = Path(folder) / "truth.jsonl"
        argv = [sys.executable, "-m", "pipeline_workers.simulator", "--rate", "0", "--pipeline", PIPELINE]
        argv += ["--max-events", str(options.events), "--sensors", str(options.sensors), "--seed", str(options.seed)]
        argv += ["--anomaly-size", options.anomaly_size, "--truth", str(truth)]
        argv += [part for pair in RATES.items() for part in pair]
        done = subprocess.run(argv, cwd=harness.ROOT, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise SystemExit(f"the simulator failed: {done.stderr.strip()}")
        harness.say(f"sent: {done.stdout.strip()}")
        if not harness.wait_until_settled(300 + options.events / 1000, json.loads(done.stdout)["sent"]):
            raise SystemExit("the readings did not all arrive in time")
        return judge(Path(Table.SILVER.under(str(home.lake))), truth)


def judge(silver: Path, truth: Path) -> dict[str, dict[str, Any]]:
    """Per sensor type: how many were injected and flagged, how many were normal and falsely flagged."""
    anomalies = [item for item in map(json.loads, truth.read_text().splitlines()) if item["kind"] == "anomaly"]
    with duckdb.connect() as sql:
        sql.execute("SET TimeZone='UTC'")
        sql.execute("CREATE TABLE truth (sensor_id VARCHAR, micros BIGINT, deviations DOUBLE)")
        for item in anomalies:
            sql.execute(
                "INSERT INTO truth VALUES (?, epoch_us(?::TIMESTAMPTZ), ?)",
                [item["sensor_id"], item["timestamp"], item["deviations"]],
            )
        sql.register("silver", DeltaTable(str(silver)).to_pyarrow_dataset())
        rows = sql.execute(SHARES).fetchall()
    return {
        str(sensor_type): {
            "injected": injected,
            "flagged": flagged,
            "flagged_share": round(flagged / injected, 4) if injected else None,
            "normal": normal,
            "false_alarms": false,
            "false_alarm_share": round(false / normal, 5) if normal else None,
        }
        for sensor_type, injected, flagged, normal, false in rows
    }


def _reached(found: dict[str, Any]) -> bool:
    return (
        found["flagged_share"] is not None
        and found["false_alarm_share"] is not None
        and found["flagged_share"] >= GOALS["flagged"]
        and found["false_alarm_share"] < GOALS["false_alarms"]
    )


if __name__ == "__main__":
    sys.exit(main())
