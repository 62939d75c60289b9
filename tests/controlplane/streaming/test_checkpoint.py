from __future__ import annotations

import json
from pathlib import Path

import pytest

from controlplane.streaming.checkpoint import Checkpoint, checkpoint_read

TOPIC = "sensor-events"
SOURCES = {"ingest": {TOPIC: {"0": 120, "1": 80}}, "refine": {"reservoirVersion": 7}, "aggregate": {}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint as Spark leaves it: two batches committed of each query, a third one begun."""
    for query, source in SOURCES.items():
        for kind, newest in (("offsets", 2), ("commits", 1)):
            (tmp_path / query / kind).mkdir(parents=True)
            for batch in range(newest + 1):
                told = source if batch == 1 else {TOPIC: {"0": 0, "1": 0}}
                lines = ["v1", "{}", json.dumps(told)] if kind == "offsets" else ["v1", "{}"]
                (tmp_path / query / kind / str(batch)).write_text("\n".join(lines))
                (tmp_path / query / kind / f".{batch}.crc").write_bytes(b"\xff")
    (tmp_path / "topic.json").write_text(json.dumps({"topic": TOPIC, "id": "a"}))
    return tmp_path


def test_ingest_goes_on_where_its_newest_committed_batch_ended(folder: Path) -> None:
    assert checkpoint_read(folder, TOPIC) == Checkpoint({0: 120, 1: 80}, "a", begun=dict.fromkeys(SOURCES, 2))


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert checkpoint_read(tmp_path / "none", TOPIC) == Checkpoint()


@pytest.mark.parametrize("query", SOURCES)
@pytest.mark.parametrize("content", [None, b"", b"v1\n{}", b"v9\n{}\n{}", b"\xff\xfe\n\n\n"])
def test_a_query_whose_offsets_cannot_be_read_is_named(folder: Path, query: str, content: bytes | None) -> None:
    newest = folder / query / "offsets" / "1"
    newest.unlink() if content is None else newest.write_bytes(content)
    (words,) = checkpoint_read(folder, TOPIC).broken
    assert words.startswith(f"the offsets of {query} cannot be read: ")


@pytest.mark.parametrize(
    "content", ["v1\n{}\nnonsense", "v1\n{}\n[]", 'v1\n{}\n{"other-topic": {"0": 1}}', "v1\n{}\n7"]
)
def test_offsets_that_are_none_of_the_topic_are_broken(folder: Path, content: str) -> None:
    (folder / "ingest" / "offsets" / "1").write_text(content)
    found = checkpoint_read(folder, TOPIC)
    assert (found.offsets, len(found.broken)) == (None, 1)


def test_a_note_of_the_topic_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "topic.json").write_text("[")
    assert checkpoint_read(folder, TOPIC).broken == ("topic.json cannot be read",)


def test_offsets_of_a_topic_that_nobody_noted_are_broken(folder: Path) -> None:
    (folder / "topic.json").unlink()
    assert checkpoint_read(folder, TOPIC).broken == ("topic.json is gone, which says of which topic the offsets are",)
