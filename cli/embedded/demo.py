"""A throw-away stack that is given a known number of readings and must account for every one of them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.embedded import figures, processes, start, telemetry
from cli.embedded.environment import PIPELINE, TOPIC
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.options import Options
from spark_jobs.contracts import SimulatorReport

Say = Callable[[str], None]
RATES = {"--anomaly-rate": 0.02, "--malformed-rate": 0.01, "--duplicate-rate": 0.01, "--late-rate": 0.005}
STALL_SECONDS = 240.0
POLL_SECONDS = 1.0
# What the ledger must have counted of what the simulator put in. Anomalies are not here: natural readings may
# deviate too, and a sensor's first thirty have no score.
MUST_EQUAL = {"kafka": "sent", "dead_letters": "malformed", "duplicates": "duplicates", "deferred": "late"}


@dataclass(frozen=True)
class Outcome:
    """The demo's result: what goes to standard output as JSON, and what did not hold."""

    result: dict[str, Any]
    accounts: dict[str, Any]
    problems: list[str]


@contextmanager
def throw_away_stack(say: Say, *, keep: bool) -> Iterator[Home]:
    """A stack of its own in a temporary folder; stopped and deleted whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="penstock-demo-"))
    home = Home(folder / ".penstock")
    try:
        process = start.start(home, Options(simulator=False), say, attached=True)
        try:
            yield home
        finally:
            start.end(home, process, lambda text: None)
            say("stopped")
    finally:
        if keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def run(home: Home, events: int, say: Say) -> Outcome:
    """Feed `events` readings at full speed, wait until all are accounted for, and judge."""
    figures.enter(home)
    servers = os.environ["PENSTOCK_BOOTSTRAP_SERVERS"]
    _simulate(home, servers, events)
    report = telemetry.final_simulator_report(servers, seconds=30)
    say(f"simulator: {report.sent:,} records on Kafka")
    now = _wait_for_all(report, events, say)
    seconds = _seconds(now, telemetry.first_record_at(servers, TOPIC))
    return judge(events, now, report, figures.verify(), seconds)


def _simulate(home: Home, servers: str, events: int) -> None:
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--bootstrap-servers", servers, "--topic", TOPIC]
    argv += ["--max-events", str(events), "--rate", "0"]
    for option, value in RATES.items():
        argv += [option, str(value)]
    log = home.logs / "simulator.log"
    process = processes.spawn(argv, log=log, env=os.environ, cwd=home.root, death_signal=signal.SIGKILL)
    try:
        code = process.wait(timeout=STALL_SECONDS + events / 1000)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if code != 0:
        words = log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"]
        raise StackError(f"the simulator ended with {code}: {words[-1]}")


def _wait_for_all(report: SimulatorReport, events: int, say: Say) -> dict[str, Any]:
    last: tuple[object, ...] = ()
    changed = time.monotonic()
    while True:
        now = figures.figures()
        stand = standing(now)
        if arrived(now, report.sent):
            return now
        if stand != last:
            last, changed = stand, time.monotonic()
            say(describe(now, report.sent))
        elif time.monotonic() - changed > STALL_SECONDS:
            raise StackError(f"nothing moved for {STALL_SECONDS:.0f} s: {describe(now, report.sent)}")
        time.sleep(POLL_SECONDS)


def standing(now: Mapping[str, Any]) -> tuple[object, ...]:
    """What changes while readings move; the same tuple twice is no progress."""
    accounts = now["accounts"]
    return tuple(accounts[name] for name in ("kafka", "silver", "gold_readings", "warehouse_readings"))


def arrived(now: Mapping[str, Any], sent: int) -> bool:
    """Whether ingest has read all that was sent and nothing is pending anywhere."""
    accounts = now["accounts"]
    pending = accounts["pending"].values()
    return accounts["kafka"] >= sent and (now["lag"] or {}).get("total") == 0 and all(item == 0 for item in pending)


def describe(now: Mapping[str, Any], sent: int) -> str:
    """Where the readings are, in one line."""
    accounts, lag = now["accounts"], now["lag"] or {}
    stands = f"{accounts['kafka']:,} of {sent:,} ingested, {accounts['silver']:,} in Silver, "
    stands += f"{accounts['gold_readings']:,} in Gold, {accounts['warehouse_readings']:,} in the warehouse"
    pending = ", ".join(f"{name} {value}" for name, value in accounts["pending"].items() if value)
    stands += f"; pending: {pending}" if pending else ""
    stands += f"; lag {lag.get('total')}" if lag.get("total") else ""
    reason = f"; {now['reason']}" if now.get("reason") else ""
    return f"{stands}; driver {now['observed'] or 'unknown'}{reason}"


def judge(
    events: int,
    now: Mapping[str, Any],
    report: SimulatorReport,
    verified: Mapping[str, Any],
    seconds: float | None,
) -> Outcome:
    """Hold the ledger against the simulator's own counts and against the recount."""
    accounts = dict(now["accounts"])
    problems = [f"{item['name']} does not hold" for item in accounts["equations"] if not item["holds"]]
    for counted, injected in MUST_EQUAL.items():
        if accounts[counted] != getattr(report, injected):
            problems.append(
                f"{counted}: the ledger has {accounts[counted]}, the simulator sent {getattr(report, injected)}"
            )
    if report.failed:
        problems.append(f"{report.failed} readings were not delivered")
    if accounts["warehouse_readings"] != accounts["silver"]:
        problems.append(f"the warehouse has {accounts['warehouse_readings']} of {accounts['silver']} readings")
    if not accounts["balanced"] and not problems:
        problems.append("the accounts do not balance")
    problems += [f"recount: {item}" for item in verified["problems"]]
    if not verified["balanced"] and not verified["problems"]:
        problems.append("recount: the accounts do not balance")
    names = ("kafka", "accepted", "dead_letters", "silver", "duplicates", "deferred", "pending", "anomalies")
    result = {
        "pipeline": PIPELINE,
        "events": events,
        **{name: accounts[name] for name in (*names, "gold_readings", "warehouse_readings")},
        "balanced": not problems,
        "injected": {name: getattr(report, name) for name in ("sent", "anomalies", "malformed", "duplicates", "late")},
        "events_per_second": round(events / seconds, 1) if seconds else None,
        "seconds": round(seconds, 2) if seconds else None,
        "problems": problems,
    }
    return Outcome(result, accounts, problems)


def _seconds(now: Mapping[str, Any], first: float) -> float | None:
    """From the first record on Kafka to the load that completed."""
    load = now.get("last_load") or {}
    at = load.get("at")
    return at - first if isinstance(at, int | float) and at > first else None
