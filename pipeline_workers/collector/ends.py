"""Asks the brokers for the end of every partition, without waiting for the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.services import ends_take

SAMPLE_SECONDS = 1.0
ANSWER_SECONDS = 5.0
logger = logging.getLogger("penstock.collector")

Asked = Mapping[Any, "Future[Any]"]


class EndsSampler:
    """Samples the topics of all pipelines every second. A broker that is away costs no time, only samples."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 2})
        self._partitions: dict[str, list[TopicPartition]] = {}
        self._described: Asked = {}
        self._asked: dict[Pipeline, Asked] = {}
        self._next = 0.0

    def take(self) -> set[str]:
        """Take the answers that have come, ask anew when it is time; gives the pipelines whose ends were taken."""
        taken = {pipeline.name for pipeline in list(self._asked) if self._answered(pipeline)}
        self._learn_partitions()
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SAMPLE_SECONDS
            self._ask()
        return taken

    def _ask(self) -> None:
        pipelines = list(Pipeline.objects.all())
        unknown = {pipeline.topic for pipeline in pipelines} - self._partitions.keys()
        if unknown and not self._described:
            self._described = self._admin.describe_topics(
                TopicCollection(sorted(unknown)), request_timeout=ANSWER_SECONDS
            )
        for pipeline in pipelines:
            if pipeline.topic in self._partitions and pipeline not in self._asked:
                latest = {item: OffsetSpec.latest() for item in self._partitions[pipeline.topic]}
                self._asked[pipeline] = self._admin.list_offsets(latest, request_timeout=ANSWER_SECONDS)

    def _answered(self, pipeline: Pipeline) -> bool:
        """Whether all of the pipeline's ends have come, and were taken."""
        asked = self._asked[pipeline]
        if not all(future.done() for future in asked.values()):
            return False
        del self._asked[pipeline]
        try:
            ends = {item.partition: future.result().offset for item, future in asked.items()}
        except KafkaException as error:
            logger.warning("the ends of %s are not known: %s", pipeline.topic, error.args[0].str())
            # A topic may have been made anew meanwhile.
            self._partitions.pop(pipeline.topic, None)
            return False
        ends_take(pipeline=pipeline, ends=ends)
        return True

    def _learn_partitions(self) -> None:
        if not self._described or not all(future.done() for future in self._described.values()):
            return
        described, self._described = self._described, {}
        for topic, future in described.items():
            try:
                found = future.result().partitions
            except KafkaException as error:
                logger.warning("topic %s cannot be described: %s", topic, error.args[0].str())
                continue
            self._partitions[topic] = [TopicPartition(topic, item.id) for item in found]
