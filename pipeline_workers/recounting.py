"""The accounts looked at as they were reported, and recounted: each night, and whenever somebody asks for it."""

from __future__ import annotations

import logging
from typing import Any

from controlplane.ledger.services import (
    imbalances_watch,
    verification_fail,
    verification_request,
    verification_start,
    verification_succeed,
)
from controlplane.pipelines.models import Pipeline
from pipeline_workers.deadletters.recounting import letters_recounted
from pipeline_workers.verification import Unreadable, verify

logger = logging.getLogger(__name__)


def watch_all() -> None:
    for pipeline in Pipeline.objects.all():
        imbalances_watch(pipeline=pipeline)


def recount_all() -> None:
    for pipeline in Pipeline.objects.all():
        verification_request(pipeline=pipeline.name, actor=None, reason="each night")


def recount(verification_id: int) -> None:
    verification = verification_start(verification_id=verification_id)
    if verification is None:
        return
    try:
        result = _counted(verification.pipeline)
    except Unreadable as error:
        verification_fail(verification_id=verification_id, reason=str(error))
    except Exception as error:
        logger.exception("%s failed", verification)
        verification_fail(verification_id=verification_id, reason=f"{type(error).__name__}: {error}")
    else:
        verification_succeed(verification_id=verification_id, result=result)


def _counted(pipeline: Pipeline) -> dict[str, Any]:
    result = verify(pipeline.name)
    equation, problems = letters_recounted(pipeline)
    result["equations"].append(equation)
    result["problems"] += problems
    result["balanced"] = result["balanced"] and not problems
    return result
