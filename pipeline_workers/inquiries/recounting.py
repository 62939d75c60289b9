"""The accounts looked at as they were reported, and recounted: each night, and whenever somebody asks for it."""

from __future__ import annotations

from typing import Any

from controlplane.ledger.services import imbalances_watch, recount_request
from controlplane.pipelines.models import Pipeline
from pipeline_workers.deadletters.recounting import letters_recounted
from pipeline_workers.verification import verify


def watch_all() -> None:
    for pipeline in Pipeline.objects.all():
        imbalances_watch(pipeline=pipeline)


def recount_all() -> None:
    for pipeline in Pipeline.objects.all():
        recount_request(pipeline=pipeline.name, actor=None, reason="each night")


def recount(pipeline: Pipeline) -> dict[str, Any]:
    """The accounts as docs/wiring.md has a recount. Raises Unreadable."""
    result = verify(pipeline.name)
    equation, problems = letters_recounted(pipeline)
    result["equations"].append(equation)
    result["problems"] += [problem for problem in problems if problem not in result["problems"]]
    result["balanced"] = result["balanced"] and not problems
    return result
