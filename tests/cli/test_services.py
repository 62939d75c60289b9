"""The parts that come as packages: they start, they ask for a password, they end."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis as redis_client
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.embedded.home import Home

pytestmark = pytest.mark.integration


def test_postgres_refuses_a_wrong_password(postgres: str) -> None:
    parts = urlsplit(postgres)
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SHOW server_version_num").fetchone() >= ("180000",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.replace(parts.password or "", "wrong"))


def test_a_role_reaches_only_its_own_database(postgres: str, stack_home: Home) -> None:
    parts, secrets = urlsplit(postgres), stack_home.generated_secrets()
    own = f"postgresql://warehouse:{secrets['postgres_warehouse']}@{parts.hostname}:{parts.port}"
    with psycopg.connect(f"{own}/warehouse") as connection:
        connection.execute("CREATE TABLE probe (id int)")
        connection.rollback()
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(f"{own}/penstock")


def test_redis_wants_the_password(redis_url: str) -> None:
    assert redis_client.Redis.from_url(redis_url).ping()
    parts = urlsplit(redis_url)
    with pytest.raises(redis_client.AuthenticationError):
        redis_client.Redis(host=parts.hostname or "", port=parts.port or 0, retry=Retry(NoBackoff(), 0)).ping()


def test_no_password_is_on_a_command_line_or_in_a_log(postgres: str, redis_url: str, stack_home: Home) -> None:
    secrets = set(stack_home.generated_secrets().values())
    lines = [path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    assert any("redis" in line for line in lines)
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    logs = "".join(path.read_text() for path in stack_home.logs.glob("*.log"))
    assert "ready to accept connections" in logs
    assert not any(secret in logs for secret in secrets)
    assert stack_home.secrets.stat().st_mode & 0o077 == 0


def test_kafka_makes_no_topic_by_itself_and_keeps_its_own_time(kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    name = f"probe-{uuid.uuid4().hex[:8]}"
    assert (
        name not in admin.list_topics(name, timeout=10).topics or admin.list_topics(name, timeout=10).topics[name].error
    )
    admin.create_topics([NewTopic(name, num_partitions=3)])[name].result(timeout=20)
    resource = ConfigResource(ResourceType.TOPIC, name)
    found = admin.describe_configs([resource])[resource].result(timeout=20)
    assert found["message.timestamp.type"].value == "LogAppendTime"
    assert found["max.message.bytes"].value == str(4 * 1024 * 1024)
    with pytest.raises(KafkaException):
        admin.create_topics([NewTopic(name, num_partitions=3)])[name].result(timeout=20)


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
