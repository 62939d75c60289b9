"""`penstock demo` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
KEYS = {
    "events", "kafka", "accepted", "dead_letters", "silver", "duplicates", "deferred", "pending", "anomalies",
    "gold_readings", "warehouse_readings", "balanced", "events_per_second", "seconds",
}  # fmt: skip


def test_every_reading_of_a_demo_is_accounted_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    argv = [sys.executable, "-m", "cli.main", "demo", "--events", "6000", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() >= KEYS
    assert result["balanced"] is True
    assert result["kafka"] == result["accepted"] + result["dead_letters"] == 6000
    assert result["silver"] == result["accepted"] - result["duplicates"] - result["deferred"]
    assert result["warehouse_readings"] == result["gold_readings"] == result["silver"]
    assert min(result["dead_letters"], result["duplicates"], result["deferred"], result["anomalies"]) > 0
    assert result["events_per_second"] > 0
    assert list(folder.glob("penstock-demo-*")) == []
