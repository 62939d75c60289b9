"""Which state may follow which, and who is told when a move is not legal."""

from __future__ import annotations

import pytest

from controlplane.backfills.models import Backfill
from controlplane.backfills.services import backfill_move
from controlplane.backfills.states import ACTIVE, ENDED, MOVES, OF_RUN, SLOT_MOVES, BackfillState, SlotState
from controlplane.core.errors import IllegalMove
from controlplane.pipelines.models import Pipeline
from controlplane.runs.states import RunState
from tests.controlplane.backfills.days import asked


def test_every_state_is_known_and_whatever_is_active_can_end() -> None:
    assert set(MOVES) == set(BackfillState)
    assert set(SLOT_MOVES) == set(SlotState)
    assert set(OF_RUN) == set(RunState)
    assert all(BackfillState.CANCELLED in MOVES[state] for state in ACTIVE)
    assert all(not MOVES[state] & ACTIVE - {BackfillState.QUEUED} for state in ENDED)


@pytest.mark.integration
@pytest.mark.django_db
class TestMoves:
    def test_an_illegal_move_is_refused_and_changes_nothing(self, pipeline: Pipeline) -> None:
        made = asked()
        with pytest.raises(IllegalMove, match="queued may not become succeeded"):
            backfill_move(backfill=made, to=BackfillState.SUCCEEDED)
        made.refresh_from_db()
        assert (made.state, made.moves.count()) == ("queued", 0)

    def test_of_two_who_move_a_state_one_wins(self, pipeline: Pipeline) -> None:
        made = asked()
        other = Backfill.objects.get(pk=made.pk)
        backfill_move(backfill=made, to=BackfillState.PAUSED, reason="first")
        with pytest.raises(IllegalMove, match="moved by somebody else"):
            backfill_move(backfill=other, to=BackfillState.RUNNING)
        assert list(made.moves.values_list("before", "after", "reason")) == [("queued", "paused", "first")]
