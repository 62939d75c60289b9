"""Whether a driver may be started with a version on the checkpoint that is there. Decides, and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from controlplane.pipelines.configuration import SETTINGS
from controlplane.streaming.broker import Topic
from controlplane.streaming.checkpoint import Checkpoint

PACE = frozenset({"trigger_seconds", "max_offsets_per_trigger"})  # the other settings say how readings are judged


class Verdict(models.TextChoices):
    SAFE_RESTART = "safe_restart"
    NEW_CHECKPOINT = "new_checkpoint"


@dataclass(frozen=True)
class Preflight:
    """`backfill_from` has the offset of each partition from which a new checkpoint would have to read."""

    verdict: str
    reasons: tuple[str, ...]
    backfill_from: Mapping[int, int] | None = None

    def __str__(self) -> str:
        told = "; ".join(self.reasons)
        if self.backfill_from is None:
            return told
        offsets = ", ".join(f"partition {partition}: {offset}" for partition, offset in self.backfill_from.items())
        return f"{told}; a new checkpoint is needed, and a backfill from {offsets}"


def preflight(
    *,
    running: Mapping[str, Any],
    wanted: Mapping[str, Any],
    checkpoint: Checkpoint,
    reported: Mapping[int, int],
    committed: Mapping[str, int],
    topic: Topic,
) -> Preflight:
    """Judge by the configurations of the version that runs and the one that is wanted, by what the checkpoint holds,
    by how far ingest has reported to have read each partition, by the newest batch that each query has reported, and by
    the topic as it is.
    """
    if made_anew := checkpoint.topic_id not in (None, topic.id):
        reasons = ["the topic was made anew: the checkpoint's offsets mean other records"]
    elif checkpoint.broken:
        reasons = [f"the checkpoint is broken: {words}" for words in checkpoint.broken]
    elif reason := lost(checkpoint, reported, committed):
        reasons = [reason]
    else:
        reasons = [
            f"partition {partition}: offsets {offset} to {topic.begins[partition] - 1} were deleted unread"
            for partition, offset in sorted((checkpoint.offsets or {}).items())
            if topic.begins.get(partition, 0) > offset
        ]
    if not reasons:
        return Preflight(Verdict.SAFE_RESTART, _changes(running, wanted))
    known = {} if made_anew else checkpoint.offsets or reported
    starts = {partition: max(begin, known.get(partition, 0)) for partition, begin in sorted(topic.begins.items())}
    return Preflight(Verdict.NEW_CHECKPOINT, tuple(reasons), starts)


def lost(checkpoint: Checkpoint, reported: Mapping[int, int], committed: Mapping[str, int]) -> str | None:
    """A sentence on a checkpoint that is gone, or older than what was committed: its batches would be counted from a
    lower number again, and those whose numbers the lake has would be passed over without a word.
    """
    if checkpoint.broken:
        return None
    if checkpoint.offsets is None and any(reported.values()):
        return "the checkpoint holds nothing, though batches were committed: it was deleted or moved"
    for query, batch in committed.items():
        begun = checkpoint.begun.get(query)
        if begun is None or begun < batch:
            ends = "holds no batch" if begun is None else f"ends at batch {begun}"
            return f"the checkpoint of {query} {ends}, though batch {batch} was committed: it was deleted, or is older"
    return None


def _changes(running: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence on each setting that changes, and on what follows from it."""
    changes = []
    for name, setting in SETTINGS.items():
        before, after = running.get(name, setting.default), wanted.get(name, setting.default)
        if before != after:
            effect = "no state depends on it" if name in PACE else "readings before the restart keep their judgement"
            changes.append(f"{name} changes from {before:g} to {after:g}: {effect}")
    return tuple(changes) or ("the configuration stays as it is",)
