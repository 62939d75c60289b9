"""A real Kafka in KRaft mode: one node that is broker and controller, on the loopback interface."""

from __future__ import annotations

import base64
import socket
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from cli.embedded import java
from cli.embedded.addresses import bootstrap_servers
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.ports import HOST
from cli.embedded.service import Service

# Heap touched at the start: memory is flat from the first minute on, and a machine too small shows it at once.
JVM = ("-Xms512m", "-Xmx512m", "-XX:+UseG1GC", "-XX:+AlwaysPreTouch", "-XX:+ExitOnOutOfMemoryError")
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=3
auto.create.topics.enable=false
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
log.message.timestamp.type=LogAppendTime
log.cleaner.dedupe.buffer.size=33554432
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
"""
LOGGING = """<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
  <Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def service(home: Home, port: int, controller: int, jars: Path) -> Service:
    """Kafka as a service; `jars` is the broker's class path. The storage is formatted when it is not."""
    folder = home.data("kafka")
    data, properties, logging = folder / "data", folder / "server.properties", folder / "log4j2.xml"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        properties.write_text(PROPERTIES.format(host=HOST, port=port, controller=controller, data=data))
        logging.write_text(LOGGING)
    except OSError as error:
        raise StackError(f"cannot write {folder}: {error.strerror}") from error
    command = (java.require().path, "-cp", f"{jars}/*", f"-Dlog4j2.configurationFile={logging}")
    if not (data / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        argv = [
            *command,
            "-Xmx256m",
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(properties),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=folder)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
            raise StackError(f"Kafka's storage could not be formatted: {words[-1]}")
    return Service(
        name="kafka",
        argv=(*command, *JVM, "kafka.Kafka", str(properties)),
        cwd=folder,
        ready=lambda _: answers(port),
        grace=30.0,
    )


def answers(port: int) -> bool:
    """Whether the broker gives metadata that has a broker in it."""
    try:
        # First a plain connection: a client of librdkafka that is refused says so on stderr.
        socket.create_connection((HOST, port), timeout=2).close()
        admin = AdminClient({"bootstrap.servers": bootstrap_servers(port), "log_level": 0})
        return bool(admin.list_topics(timeout=5).brokers)
    except (OSError, KafkaException):
        return False
