"""The services of the one-machine stack, in the stages in which they start."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from cli.embedded import kafka, postgres, probes, redis
from cli.embedded.environment import TELEMETRY_TOPIC, TOPIC
from cli.embedded.home import Home
from cli.embedded.jars import Jars
from cli.embedded.ports import HOST, Ports
from cli.embedded.service import Service
from pipeline_workers import collector

PYTHON = sys.executable
# Nothing may launch the driver again while it drains, and what it says at its end still needs Kafka and the collector.
BEFORE_DRIVER = ("simulator", "beat", "worker")
AFTER_DRIVER = ("web", "collector", "kafka", "redis", "postgres")

PROVISION = (PYTHON, "-m", "pipeline_workers.provision", "--start")
PROVISION_SECONDS = 180.0


def data_services(home: Home, ports: Ports, secrets: dict[str, str], jars: Jars) -> list[Service]:
    """What keeps data; these three need nothing of each other."""
    return [
        postgres.service(home, ports.postgres, secrets),
        redis.service(home, ports.redis, secrets),
        kafka.service(home, ports.kafka, ports.kafka_controller, jars.kafka),
    ]


def control_services(ports: Ports, env: Mapping[str, str]) -> list[Service]:
    """What Penstock itself runs, once the data services are provisioned."""
    celery = (PYTHON, "-m", "celery", "-A", "controlplane.config")
    worker = (*celery, "worker", "--pool", "prefork", "--concurrency", "2", "-O", "fair", "--prefetch-multiplier", "1")
    web = (PYTHON, "-m", "uvicorn", "controlplane.config.asgi:application", "--host", HOST, "--port", str(ports.web))
    servers = env["PENSTOCK_BOOTSTRAP_SERVERS"]
    return [
        Service(
            name="worker",
            argv=(*worker, "--loglevel", "INFO"),
            env=env,
            ready=probes.Canary(env["PENSTOCK_REDIS_URL"]),
            grace=20.0,
        ),
        Service(
            name="beat",
            argv=(*celery, "beat", "--loglevel", "INFO", "--pidfile="),
            env=env,
            ready=lambda running: running.wrote("beat: Starting"),
        ),
        Service(
            name="web",
            # There is no proxy: whoever forwards an address would choose whom the logins' throttle counts.
            argv=(*web, "--no-proxy-headers", "--timeout-graceful-shutdown", "5", "--log-level", "warning"),
            env=env,
            ready=lambda _: answers(f"http://{HOST}:{ports.web}/healthz"),
        ),
        Service(
            name="collector",
            argv=(PYTHON, "-m", "pipeline_workers.collector"),
            env=env,
            ready=lambda _: probes.group_assigned(servers, collector.group(TELEMETRY_TOPIC)),
            ready_seconds=90.0,  # after a crash Kafka waits for the one before until its session is over
        ),
    ]


def simulator_service(env: Mapping[str, str], options: tuple[str, ...]) -> Service:
    """The sensor fleet; `options` are those of `penstock simulate`."""
    target = ("--bootstrap-servers", env["PENSTOCK_BOOTSTRAP_SERVERS"], "--topic", TOPIC)
    return Service(
        name="simulator",
        argv=(PYTHON, "-m", "pipeline_workers.simulator", *target, "--controlled", *options),
        env=env,
        ready=probes.Reported(env["PENSTOCK_BOOTSTRAP_SERVERS"]),
        may_finish=True,
    )


def answers(url: str) -> bool:
    """Whether a URL of our own web process gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - the scheme is ours
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
