"""What the checkpoint of a streaming job holds, read from its files without Spark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spark_jobs.contracts import Query

FORMAT = "v1"


@dataclass(frozen=True)
class Checkpoint:
    """`offsets` is where ingest goes on, by partition; None while no batch of it is committed.

    `topic_id` is the topic's that the offsets are of, `begun` the newest batch of each query that has begun one, and
    `broken` has a sentence for each file that cannot be used.
    """

    offsets: Mapping[int, int] | None = None
    topic_id: str | None = None
    broken: tuple[str, ...] = ()
    begun: Mapping[str, int] = field(default_factory=dict)


def checkpoint_read(folder: Path, topic: str) -> Checkpoint:
    """What is there, however little; a folder that is not there is a checkpoint that holds nothing."""
    broken: list[str] = []
    topic_id = offsets = None
    try:
        topic_id = _topic_id(folder)
    except (OSError, ValueError, KeyError, TypeError):
        broken.append("topic.json cannot be read")
    begun = {str(query): max(batches) for query in Query if (batches := _batches(folder / query / "offsets"))}
    for query in Query:
        try:
            found = _committed(folder / query)
            if query == Query.INGEST and found is not None:
                offsets = {int(partition): int(offset) for partition, offset in json.loads(found)[topic].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            broken.append(f"the offsets of {query} cannot be read: {str(error) or type(error).__name__}")
    if offsets is not None and not (folder / "topic.json").exists():
        broken.append("topic.json is gone, which says of which topic the offsets are")
    return Checkpoint(offsets, topic_id, tuple(broken), begun)


def _topic_id(folder: Path) -> str | None:
    noted = folder / "topic.json"
    return str(json.loads(noted.read_text(encoding="utf-8"))["id"]) if noted.exists() else None


def _committed(query: Path) -> str | None:
    """The first source's line of the offsets that the query's newest committed batch reached."""
    batches = _batches(query / "commits")
    if not batches:
        return None
    lines = (query / "offsets" / str(max(batches))).read_text(encoding="utf-8").splitlines()
    if len(lines) < 3 or lines[0] != FORMAT:
        raise ValueError(f"batch {max(batches)} has no offsets in format {FORMAT}")
    return lines[2]


def _batches(log: Path) -> list[int]:
    return [int(item.name) for item in log.glob("[0-9]*") if item.name.isdigit()]
