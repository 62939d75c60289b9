"""An inquiry taken once, and ended by what came of it."""

from __future__ import annotations

import logging
from typing import Any

from controlplane.ledger.models import Inquiry
from controlplane.ledger.services import inquiry_fail, inquiry_start, inquiry_succeed
from controlplane.ledger.states import InquiryKind
from pipeline_workers.inquiries import delays, recounting, tracing
from pipeline_workers.verification import Unreadable

logger = logging.getLogger(__name__)


def answer(inquiry_id: int) -> None:
    inquiry = inquiry_start(inquiry_id=inquiry_id)
    if inquiry is None:
        return
    try:
        result = _answered(inquiry)
    except Unreadable as error:
        inquiry_fail(inquiry_id=inquiry_id, reason=str(error))
    except Exception as error:
        logger.exception("%s failed", inquiry)
        inquiry_fail(inquiry_id=inquiry_id, reason=f"{type(error).__name__}: {error}")
    else:
        inquiry_succeed(inquiry_id=inquiry_id, result=result)


def _answered(inquiry: Inquiry) -> dict[str, Any]:
    match inquiry.kind:
        case InquiryKind.RECOUNT:
            return recounting.recount(inquiry.pipeline)
        case InquiryKind.TRACE:
            return tracing.trace(inquiry.pipeline, inquiry.question)
        case InquiryKind.DELAYS:
            return delays.delays(inquiry.pipeline, inquiry.question)
    raise ValueError(f"nobody answers a {inquiry.kind}")
