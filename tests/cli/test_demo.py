"""How the demo judges: it must refuse what is not accounted for."""

from __future__ import annotations

from typing import Any

import pytest

from cli.embedded import demo
from spark_jobs.contracts import SimulatorReport

REPORT = SimulatorReport(
    pipeline="plant", at=0.0, sent=1000, normal=960, anomalies=15, malformed=10, duplicates=10, late=5, final=True
)


def figures(**changes: Any) -> dict[str, Any]:
    accounts: dict[str, Any] = {
        "kafka": 1000,
        "accepted": 990,
        "dead_letters": 10,
        "refined": 990,
        "silver": 975,
        "duplicates": 10,
        "deferred": 5,
        "aggregated": 975,
        "gold_readings": 975,
        "warehouse_readings": 975,
        "anomalies": 14,
        "pending": {"bronze": 0, "silver": 0, "gold": 0},
        "equations": [{"name": "Kafka = Bronze", "left": 1000, "right": 1000, "pending": 0, "holds": True}],
        "balanced": True,
    }
    accounts |= changes
    return {"accounts": accounts, "lag": {"total": 0}, "observed": "running", "reason": ""}


RECOUNT: dict[str, Any] = {"problems": [], "balanced": True}


def test_balanced_accounts_pass() -> None:
    outcome = demo.judge(1000, figures(), REPORT, RECOUNT, 10.0)
    assert outcome.problems == []
    assert outcome.result["balanced"] is True
    assert outcome.result["events_per_second"] == 100.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"duplicates": 9}, "duplicates: the ledger has 9, the simulator sent 10"),
        ({"dead_letters": 11}, "dead_letters: the ledger has 11"),
        ({"deferred": 0}, "deferred: the ledger has 0"),
        ({"kafka": 1001}, "kafka: the ledger has 1001"),
        ({"warehouse_readings": 974}, "the warehouse has 974 of 975"),
        ({"balanced": False}, "the accounts do not balance"),
        ({"equations": [{"name": "Gold", "left": 1, "right": 2, "pending": 0, "holds": False}]}, "Gold does not hold"),
    ],
)
def test_what_is_not_accounted_for_is_a_problem(changes: dict[str, Any], said: str) -> None:
    outcome = demo.judge(1000, figures(**changes), REPORT, RECOUNT, 10.0)
    assert any(said in item for item in outcome.problems)
    assert outcome.result["balanced"] is False


def test_a_recount_that_differs_is_a_problem() -> None:
    outcome = demo.judge(1000, figures(), REPORT, {"problems": ["Silver has 974 rows"], "balanced": False}, 10.0)
    assert outcome.problems == ["recount: Silver has 974 rows"]


def test_readings_have_arrived_only_when_nothing_is_pending_and_nothing_lags() -> None:
    assert demo.arrived(figures(), 1000)
    assert not demo.arrived(figures(kafka=999), 1000)
    assert not demo.arrived(figures(pending={"bronze": 0, "silver": 1, "gold": 0}), 1000)
    assert not demo.arrived({**figures(), "lag": {"total": 3}}, 1000)
    assert not demo.arrived({**figures(), "lag": {"total": None}}, 1000), "not known is not zero"


def test_where_it_stands_names_what_is_pending() -> None:
    told = demo.describe(figures(pending={"bronze": 7, "silver": 0, "gold": 0}), 2000)
    assert "1,000 of 2,000 ingested" in told
    assert "pending: bronze 7" in told
