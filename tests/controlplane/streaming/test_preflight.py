"""What a preflight says of versions, checkpoints and topics; nothing of it is real."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlplane.streaming.broker import Topic
from controlplane.streaming.checkpoint import Checkpoint
from controlplane.streaming.preflight import Preflight, Verdict, preflight

HELD = Checkpoint(offsets={0: 100, 1: 200}, topic_id="a", begun={"ingest": 8, "refine": 9, "aggregate": 7})
COMMITTED = {"ingest": 8, "refine": 8, "aggregate": 7}
TOPIC = Topic(id="a", begins={0: 0, 1: 0})


def judged(**facts: Any) -> Preflight:
    known = {"running": {}, "wanted": {}, "checkpoint": HELD, "reported": {0: 90, 1: 190}, "topic": TOPIC}
    return preflight(**{"committed": COMMITTED, **known, **facts})


def test_the_same_configuration_on_its_checkpoint_is_safe() -> None:
    assert judged() == Preflight(Verdict.SAFE_RESTART, ("the configuration stays as it is",))
    assert judged(wanted={"trigger_seconds": 4.0}) == judged(), "what is set to its default is no change"


def test_every_change_is_named_with_what_follows_from_it() -> None:
    found = judged(running={"zscore_threshold": 4.5}, wanted={"trigger_seconds": 10})
    assert found.verdict == Verdict.SAFE_RESTART
    assert found.reasons == (
        "trigger_seconds changes from 4 to 10: no state depends on it",
        "zscore_threshold changes from 4.5 to 3: readings before the restart keep their judgement",
    )


def test_a_job_that_never_ran_is_safe() -> None:
    assert judged(checkpoint=Checkpoint(), reported={}, committed={}).verdict == Verdict.SAFE_RESTART


@pytest.mark.parametrize(
    ("facts", "reason", "backfill_from"),
    [
        pytest.param(
            {"checkpoint": Checkpoint()},
            "the checkpoint holds nothing, though batches were committed: it was deleted or moved",
            {0: 90, 1: 190},
            id="gone",
        ),
        pytest.param(
            {"checkpoint": Checkpoint(topic_id="a", broken=("the offsets of ingest cannot be read: x",))},
            "the checkpoint is broken: the offsets of ingest cannot be read: x",
            {0: 90, 1: 190},
            id="broken",
        ),
        pytest.param(
            {"checkpoint": replace(HELD, begun={"ingest": 8, "aggregate": 7})},
            "the checkpoint of refine holds no batch, though batch 8 was committed: it was deleted, or is older",
            {0: 100, 1: 200},
            id="a query's is gone",
        ),
        pytest.param(
            {"checkpoint": replace(HELD, begun={"ingest": 7, "refine": 9, "aggregate": 7})},
            "the checkpoint of ingest ends at batch 7, though batch 8 was committed: it was deleted, or is older",
            {0: 100, 1: 200},
            id="older",
        ),
        pytest.param(
            {"topic": Topic("b", {0: 0, 1: 0})},
            "the topic was made anew: the checkpoint's offsets mean other records",
            {0: 0, 1: 0},
            id="another topic",
        ),
        pytest.param(
            {"topic": Topic("a", {0: 150, 1: 200})},
            "partition 0: offsets 100 to 149 were deleted unread",
            {0: 150, 1: 200},
            id="retention was faster",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_needs_a_new_one_from_a_named_offset(
    facts: dict[str, Any], reason: str, backfill_from: dict[int, int]
) -> None:
    found = judged(**facts)
    assert (found.verdict, found.reasons, found.backfill_from) == (Verdict.NEW_CHECKPOINT, (reason,), backfill_from)
    assert f"partition 0: {backfill_from[0]}" in str(found)
