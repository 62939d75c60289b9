"""A recount that somebody asked for: taken once, and ended by what came of it."""

from __future__ import annotations

import logging

from controlplane.ledger.services import verification_fail, verification_start, verification_succeed
from pipeline_workers.verification import Unreadable, verify

logger = logging.getLogger(__name__)


def recount(verification_id: int) -> None:
    verification = verification_start(verification_id=verification_id)
    if verification is None:
        return
    try:
        result = verify(verification.pipeline.name)
    except Unreadable as error:
        verification_fail(verification_id=verification_id, reason=str(error))
    except Exception as error:
        logger.exception("%s failed", verification)
        verification_fail(verification_id=verification_id, reason=f"{type(error).__name__}: {error}")
    else:
        verification_succeed(verification_id=verification_id, result=result)
