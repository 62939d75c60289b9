"""What needs somebody's attention, the gravest first. Each rule looks at the figures and names at most one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.states import IncidentKind
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.states import Desired, Observed
from controlplane.telemetry.states import Severity, SimulatorDesired, SimulatorObserved
from controlplane.warehouse.models import LoadStatus
from controlplane.warehouse.selectors import unloaded_since

MUCH_LAG = 10_000  # readings
STALE_WAREHOUSE_SECONDS = 60.0  # what is promised from event to warehouse row
FORGOTTEN_SECONDS = 3600.0  # a simulator that was last heard of before that has been put away

Item = dict[str, Any]
Rule = Callable[[dict[str, Any], Pipeline], Item | None]


def attention(figures: dict[str, Any], pipeline: Pipeline, before: list[Item]) -> list[Item]:
    """The items; `since` (seconds since the epoch) is that of the same item in `before`, if it is there, else now."""
    since = {item["code"]: item["since"] for item in before}
    items = [item for rule in RULES if (item := rule(figures, pipeline))]
    for item in items:
        item["since"] = since.get(item["code"], figures["at"])
    return sorted(items, key=lambda item: list(Severity).index(item["severity"]))


def _item(code: str, severity: Severity, title: str, detail: str) -> Item:
    return {"code": code, "severity": str(severity), "title": title, "detail": detail}


def _driver(figures: dict[str, Any], _: Pipeline) -> Item | None:
    wanted, observed, reason = figures["desired"] == Desired.RUNNING, figures["observed"], figures["reason"]
    if observed == Observed.FAILED:
        return _item("driver_failed", Severity.FAILING, "The driver has failed", reason)
    if observed == Observed.UNKNOWN:
        silent = "no heartbeat in time" if figures["heartbeat_at"] else "no heartbeat yet"
        return _item("driver_unknown", Severity.UNKNOWN, "The driver is silent", reason or silent)
    if wanted and observed == Observed.STOPPED:
        return _item("driver_stopped", Severity.FAILING, "The driver is wanted and does not run", reason)
    if wanted and observed == Observed.LAUNCHING:
        return _item("driver_launching", Severity.WARNING, "The driver is starting", reason)
    return None


def _stalled(_: dict[str, Any], pipeline: Pipeline) -> Item | None:
    stalled = incidents_open(under=f"pipeline/{pipeline.name}/").filter(kind=IncidentKind.STREAM_STALLED).first()
    if stalled is None:
        return None
    return _item(stalled.kind, Severity.FAILING, "The driver runs and does not get on", stalled.cause)


def _lag(figures: dict[str, Any], _: Pipeline) -> Item | None:
    total, partitions = figures["lag"]["total"], figures["lag"]["partitions"]
    if total is None:
        silent = sorted(number for number, count in partitions.items() if count is None)
        detail = f"no end offset of partition {', '.join(silent)}" if silent else "no end offset of any partition yet"
        return _item("ends_unknown", Severity.UNKNOWN, "Kafka does not say how much there is to read", detail)
    if total > MUCH_LAG:
        return _item("lagging", Severity.WARNING, "Ingest lags", f"{total:,} readings are not read yet")
    return None


def _accounts(figures: dict[str, Any], _: Pipeline) -> Item | None:
    if figures["accounts"]["balanced"]:
        return None
    broken = [item["name"] for item in figures["accounts"]["equations"] if not item["holds"]]
    return _item(
        "unbalanced", Severity.FAILING, "The accounts do not balance", ", ".join(broken) or "Silver by hour and in all"
    )


def _warehouse(figures: dict[str, Any], pipeline: Pipeline) -> Item | None:
    waiting = figures["accounts"]["pending"]["gold"]
    if waiting <= 0:
        return None
    detail = f"{waiting:,} readings of Gold are not loaded yet"
    last = pipeline.loads.order_by("-pk").defer("latency").first()
    if last is not None and last.status == LoadStatus.FAILED:
        return _item("load_failed", Severity.FAILING, "The last load failed", f"{last.reason}; {detail}")
    since = unloaded_since(pipeline)
    if since is not None and figures["at"] - since.timestamp() > STALE_WAREHOUSE_SECONDS:
        return _item("warehouse_stale", Severity.WARNING, "The warehouse is stale", detail)
    return None


def _simulator(figures: dict[str, Any], _: Pipeline) -> Item | None:
    told = figures["simulator"]
    heard = told["at"]
    if told["observed"] != SimulatorObserved.UNKNOWN or told["desired"] != SimulatorDesired.RUNNING or heard is None:
        return None
    if figures["at"] - heard > FORGOTTEN_SECONDS:
        return None
    return _item("simulator_silent", Severity.UNKNOWN, "The simulator is silent", "no report in time")


RULES: tuple[Rule, ...] = (_driver, _stalled, _accounts, _lag, _warehouse, _simulator)
