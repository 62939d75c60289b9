"""What needs somebody's attention, the gravest first, and where to look. Each item is there for as long as it is so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.states import IncidentKind
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.states import Desired, Observed
from controlplane.telemetry.states import Severity, SimulatorDesired, SimulatorObserved
from controlplane.warehouse.models import LoadStatus
from controlplane.warehouse.selectors import loaded_last, unloaded_since

MUCH_LAG = 10_000  # readings
STALE_WAREHOUSE_SECONDS = 60.0  # what is promised from event to warehouse row
LATE_WAREHOUSE_SECONDS = 600.0  # no load for so long, while Gold has some for it, is no delay any more
FORGOTTEN_SECONDS = 3600.0  # a simulator that was last heard of before that has been put away

Item = dict[str, Any]
Rule = Callable[[dict[str, Any], Pipeline], Item | None]


def attention(figures: dict[str, Any], pipeline: Pipeline, before: list[Item]) -> list[Item]:
    """The items; `since` (seconds since the epoch) is what is known of that, else that of the same item in `before`,
    if it is there, else now.
    """
    since = {item["code"]: item["since"] for item in before}
    items = [item for rule in RULES if (item := rule(figures, pipeline))]
    items += _incidents(pipeline, {item["code"] for item in items})
    for item in items:
        item.setdefault("since", since.get(item["code"], figures["at"]))
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


INCIDENTS: dict[str, tuple[str, str]] = {
    IncidentKind.DRIVER_GIVEN_UP: ("The driver was given up and has not got on since", "start it when that is mended"),
    IncidentKind.STREAM_STALLED: ("The driver runs and does not get on", "look at driver.log, then restart it"),
    IncidentKind.SCHEDULE_MISSED: ("A schedule was missed", "look at its slots, and whether worker and beat run"),
    IncidentKind.SLA_START: ("A run has not started in time", "look at what it waits for"),
    IncidentKind.SLA_END: ("A run is not over in time", "look at its stages"),
    IncidentKind.TABLE_STALE: ("A table is stale", "look at the driver and at the source"),
    IncidentKind.LEDGER_IMBALANCE: ("The accounts do not balance", "look at it with: penstock ledger verify"),
    IncidentKind.LETTERS_EXPIRING: ("Dead letters are about to expire", "mend, redrive or discard them"),
}
# What another rule says already, with the state that the driver is in.
SAID_BY: dict[str, str] = {IncidentKind.DRIVER_GIVEN_UP: "driver_failed"}


def _incidents(pipeline: Pipeline, said: set[str]) -> Iterable[Item]:
    """An item for each kind of which incidents are open, since the oldest of them, in the words of the newest."""
    kinds: dict[str, list[Any]] = {}
    for incident in incidents_open(under=f"pipeline/{pipeline.name}/").order_by("opened_at"):
        kinds.setdefault(incident.kind, []).append(incident)
    for kind, found in kinds.items():
        if SAID_BY.get(kind) in said:
            continue
        title, where = INCIDENTS.get(kind, (found[-1].get_kind_display(), f"look at {found[-1].object}"))
        more = f"; {len(found) - 1:,} more of the kind" if len(found) > 1 else ""
        item = _item(kind, Severity.FAILING, title, f"{found[-1].cause}{more}; {where}")
        yield item | {"since": found[0].opened_at.timestamp()}


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
    waiting, since = figures["accounts"]["pending"]["gold"], unloaded_since(pipeline)
    ended = pipeline.loads.filter(status__in=(LoadStatus.SUCCEEDED, LoadStatus.FAILED))
    newest = ended.order_by("-pk").defer("latency").first()  # that one waits or runs again mends nothing yet
    failed = newest is not None and newest.status == LoadStatus.FAILED
    detail = f"{max(0, waiting):,} readings of Gold are not loaded yet"
    if since is not None and figures["at"] - since.timestamp() > LATE_WAREHOUSE_SECONDS:
        last = loaded_last(pipeline)
        if last is None or figures["at"] - last.timestamp() > LATE_WAREHOUSE_SECONDS:
            told = f"the last load failed: {newest.reason}" if failed else "look at the loads and at the worker"
            never = f"no load has succeeded {f'since {_clock(last)}' if last else 'yet'}"
            item = _item("warehouse_behind", Severity.FAILING, "The warehouse is behind", f"{never}; {detail}; {told}")
            return item | {"since": max(since, last or since).timestamp()}
    if failed:
        return _item("load_failed", Severity.FAILING, "The last load failed", f"{newest.reason}; {detail}")
    if waiting > 0 and since is not None and figures["at"] - since.timestamp() > STALE_WAREHOUSE_SECONDS:
        return _item("warehouse_stale", Severity.WARNING, "The warehouse is stale", detail)
    return None


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _simulator(figures: dict[str, Any], _: Pipeline) -> Item | None:
    told = figures["simulator"]
    heard = told["at"]
    if told["observed"] != SimulatorObserved.UNKNOWN or told["desired"] != SimulatorDesired.RUNNING or heard is None:
        return None
    if figures["at"] - heard > FORGOTTEN_SECONDS:
        return None
    return _item("simulator_silent", Severity.UNKNOWN, "The simulator is silent", "no report in time")


RULES: tuple[Rule, ...] = (_driver, _accounts, _lag, _warehouse, _simulator)
