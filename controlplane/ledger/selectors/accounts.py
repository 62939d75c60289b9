"""The accounts of a pipeline, in total."""

from __future__ import annotations

from typing import Any

from controlplane.ledger.models import LedgerTotal
from controlplane.ledger.selectors.entries import gold_beyond_loads, total
from controlplane.ledger.selectors.equations import Equation, Name, equations
from controlplane.ledger.selectors.letters import letters_accounted
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.warehouse.selectors import readings_held
from spark_jobs.contracts import Measure


def accounts(pipeline: str) -> dict[str, Any]:
    """The five equations and their numbers, as docs/wiring.md lists them. Raises NotFound."""
    found = pipeline_named(pipeline)
    sums = sums_of(found)
    held = equations_of(found, sums)
    pending = {item.name: item.pending for item in held}
    return {
        "kafka": sums["kafka"],
        "accepted": sums["accepted"],
        "dead_letters": sums["dead_letter"],
        "expired": sums["expired"],
        "refined": sums["refined"],
        "silver": sums["kept"],
        "duplicates": sums["duplicate"],
        "deferred": sums["deferred"],
        "aggregated": sums["aggregated"],
        "gold_readings": sums["gold"],
        "warehouse_readings": sums["warehouse"],
        "anomalies": sums["anomaly"],
        "pending": {
            "bronze": pending[Name.REFINED],
            "silver": pending[Name.AGGREGATED],
            "gold": pending[Name.LOADED],
        },
        "equations": [as_dict(item) for item in held],
        "balanced": all(item.holds for item in held) and sums["kept"] == sums["silver"],
    }


def sums_of(pipeline: Pipeline) -> dict[str, int]:
    """The sum of every measure."""
    sums = dict.fromkeys([str(item) for item in Measure], 0)
    for measure, count in LedgerTotal.objects.filter(pipeline=pipeline).values_list("measure", "count"):
        sums[measure] += count
    return sums


def equations_of(pipeline: Pipeline, sums: dict[str, int]) -> list[Equation]:
    unloaded = sum(total(entries) for entries in gold_beyond_loads(pipeline)) + sum(readings_held(pipeline).values())
    return equations(sums, unloaded, letters_accounted(pipeline))


def as_dict(equation: Equation) -> dict[str, Any]:
    sides = {"left": equation.left, "right": equation.right, "pending": equation.pending}
    return {"name": str(equation.name), **sides, "holds": equation.holds}
