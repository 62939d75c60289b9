"""How long a live state takes from its publication to a hundred browsers, and whether any gap goes unseen.

Sockets are real ones to a uvicorn process; the publisher is a process of its own, as the collector is, and notes when
it hands each state to the broadcaster. Both clocks are the machine's monotonic one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import harness
from benchmarks.controlplane import services
from cli.embedded import stack
from cli.embedded.environment import PIPELINE, TOPIC
from cli.embedded.ports import HOST
from cli.embedded.running import running

GOAL_MS = 150.0


def main() -> int:
    """Exit 0 when the goal is reached and every message has come to every socket, or left a gap that shows."""
    options = _options()
    if options.publish:
        return _publish(options)
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with services("postgres", "redis") as (home, ports, env):
        token = prepare()
        web = next(item for item in stack.control_services(ports, env) if item.name == "web")
        with running(web, home):
            published, sockets = asyncio.run(_measure(options, f"ws://{HOST}:{ports.web}/ws/v1/live", token))
    took = np.array([at - published[seq] for received in sockets for seq, at in received])
    unseen = sum(_unseen(received, published) for received in sockets)
    result: dict[str, Any] = {
        "benchmark": "live",
        "sockets": options.sockets,
        "messages_per_second": options.rate,
        "published": len(published),
        "received": len(took),
        "expected": len(published) * options.sockets,
        "milliseconds": {f"p{at}": round(float(np.percentile(took, at)) * 1000, 1) for at in (50, 95, 99, 100)},
        "unseen_gaps": unseen,
        "goal_p95_milliseconds": GOAL_MS,
        "load_before": before,
        "load_after": harness.load_average(),
    }
    result["reached"] = result["milliseconds"]["p95"] < GOAL_MS and not unseen
    harness.report(result)
    return 0 if result["reached"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.live", description=__doc__)
    parser.add_argument("--sockets", type=int, default=100, help="browsers (%(default)s)")
    parser.add_argument("--rate", type=float, default=5.0, help="messages a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long (%(default)s)")
    parser.add_argument("--publish", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def prepare() -> str:
    """A pipeline, and a token to read it with."""
    from controlplane.accounts.models import User
    from controlplane.accounts.services import token_make
    from controlplane.core.roles import Role, Scope
    from controlplane.pipelines.services import pipeline_ensure
    from controlplane.streaming.services import job_ensure

    job_ensure(pipeline=pipeline_ensure(name=PIPELINE, topic=TOPIC))
    user = User.objects.create(username="benchmark", role=Role.VIEWER)
    return token_make(user=user, name="benchmark", scope=Scope.READ, life=timedelta(hours=1), actor=None)[1]


def _publish(options: argparse.Namespace) -> int:
    """The publisher's process: prints number and time of every state that it handed to the broadcaster."""
    import django

    django.setup()
    from controlplane.pipelines.models import Pipeline
    from controlplane.telemetry.broadcasting import Broadcaster
    from controlplane.telemetry.models import LiveState
    from controlplane.telemetry.services import live_publish

    pipeline, broadcaster, published = Pipeline.objects.get(name=PIPELINE), Broadcaster(), {}

    def broadcast(state: LiveState) -> None:
        published[state.seq] = time.monotonic()
        broadcaster(state)

    pace, started = threading.Event(), time.monotonic()
    for number in range(int(options.rate * options.seconds)):
        pace.wait(max(0.0, started + number / options.rate - time.monotonic()))
        live_publish(pipeline=pipeline, broadcast=broadcast)
    pace.wait(1.0)  # the last one is on its way
    broadcaster.close()
    sys.stdout.write(json.dumps(published))
    return 0


async def _measure(
    options: argparse.Namespace, url: str, token: str
) -> tuple[dict[int, float], list[list[tuple[int, float]]]]:
    """When each number was published, and when each socket had which."""
    async with contextlib.AsyncExitStack() as owned:
        links = [await owned.enter_async_context(_subscribed(url, token)) for _ in range(options.sockets)]
        received: list[list[tuple[int, float]]] = [[] for _ in links]
        readers = [asyncio.create_task(_read(*pair)) for pair in zip(links, received, strict=True)]
        argv = [sys.executable, "-m", "benchmarks.live", "--publish"]
        argv += ["--rate", str(options.rate), "--seconds", str(options.seconds)]
        publisher = await asyncio.create_subprocess_exec(*argv, cwd=harness.ROOT, stdout=subprocess.PIPE)
        told, _ = await publisher.communicate()
        if publisher.returncode:
            raise SystemExit("the publisher failed")
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return {int(seq): at for seq, at in json.loads(told).items()}, received


@contextlib.asynccontextmanager
async def _subscribed(url: str, token: str) -> AsyncIterator[ClientConnection]:
    async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as link:
        await link.send(json.dumps({"type": "subscribe", "topics": [f"pipeline.{PIPELINE}"]}))
        answer = json.loads(await link.recv())
        assert answer["type"] == "subscribed", answer
        yield link


async def _read(link: ClientConnection, received: list[tuple[int, float]]) -> None:
    async for text in link:
        at = time.monotonic()
        received.append((json.loads(text)["seq"], at))


def _unseen(received: list[tuple[int, float]], published: dict[int, float]) -> int:
    """Messages that were lost without a later one to show it, and numbers that came twice or out of order."""
    numbers = [seq for seq, _ in received]
    disorder = sum(later <= earlier for earlier, later in itertools.pairwise(numbers))
    return disorder + max(published) - max(numbers, default=0)


if __name__ == "__main__":
    sys.exit(main())
