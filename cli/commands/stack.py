"""`penstock up`, `down`, `reset`, `jars`."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from types import FrameType
from typing import Annotated

import typer

from cli import login
from cli.client import Client
from cli.commands.options import AnomalyRateOption, HomeOption, RateOption
from cli.console import Say, steps
from cli.embedded import jars as jar_cache
from cli.embedded import start, state, strays
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.options import Options
from cli.live import View

PortOption = Annotated[int | None, typer.Option(show_default="kept from the last up, free at the first")]


def up(
    home: HomeOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once the stack is ready.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the live figures while it runs.")] = False,
    simulator: Annotated[bool, typer.Option(help="Run the sensor fleet too.")] = True,
    rate: RateOption = 100.0,
    anomaly_rate: AnomalyRateOption = 0.02,
    postgres_port: PortOption = None,
    redis_port: PortOption = None,
    kafka_port: PortOption = None,
    kafka_controller_port: PortOption = None,
    web_port: PortOption = None,
) -> None:
    """Start the one-machine stack and stay until Ctrl-C, which stops all of it."""
    place = Home.locate(home)
    options = Options(
        simulator=simulator,
        simulator_options=("--rate", f"{rate:g}", "--anomaly-rate", f"{anomaly_rate:g}"),
        ports={
            "postgres": postgres_port,
            "redis": redis_port,
            "kafka": kafka_port,
            "kafka_controller": kafka_controller_port,
            "web": web_port,
        },
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    with steps("starting") as say:
        process = start.start(place, options, say, attached=not detach)
        say(f"up in {time.monotonic() - began:.0f} s; " + ("see: penstock status" if detach else "Ctrl-C stops it"))
    _tell_the_way_in(place)
    if not detach:
        _stay(place, process, watch)


def _tell_the_way_in(home: Home) -> None:
    """Here and not in the supervisor: what that says stands in a log."""
    typer.echo(f"console   {login.of_stack(home).url}")
    typer.echo(f"sign in   admin, {home.generated_secrets()['admin_password']} (made for this installation)")


def _stay(home: Home, process: subprocess.Popen[bytes], watch: bool) -> None:
    try:
        if watch:
            View(Client(login.of_stack(home)), home).show(lambda: process.poll() is None)
        else:
            with steps("running; Ctrl-C stops it") as say:
                _relay(home, process, say)
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the stop is under way; a second Ctrl-C must not cut it short
        with steps("stopping") as say:
            start.end(home, process, say)
            say("down")
        return
    if code := process.wait():
        raise StackError(state.load(home).reason or f"the supervisor ended with {code}")


def _relay(home: Home, process: subprocess.Popen[bytes], say: Say) -> None:
    told = state.load(home).told
    while process.poll() is None:
        now = state.load(home)
        for step in now.steps_after(told):
            say(step)
        told = now.told
        time.sleep(0.5)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def down(home: HomeOption = None) -> None:
    """Stop the stack of this folder, and whatever an earlier one left behind."""
    with steps("stopping") as say:
        say("down" if start.down(Home.locate(home), say) else "nothing was up")


def reset(
    home: HomeOption = None, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete this folder's stack with all its data: readings, lake, warehouse, secrets."""
    place = Home.locate(home)
    if not place.root.exists():
        typer.echo(f"there is nothing at {place.root}")
        return
    if place.root.is_dir():
        if state.is_up(place):
            raise StackError(f"the stack in {place.root} is up", "first: penstock down")
        if not any((place.root / name).exists() for name in ("config.json", "secrets.json", "stack.json", "logs")):
            raise StackError(f"{place.root} does not look like a Penstock folder, so it is left alone")
    if not yes:
        typer.confirm(f"Delete {place.root} with all its data?", abort=True)
    try:
        if place.root.is_dir():
            with state.held(place):
                strays.stop_jobs(place, typer.echo)
                strays.clean_up(place, typer.echo, None)
            shutil.rmtree(place.root)
        else:
            place.root.unlink()
    except OSError as error:
        raise StackError(f"cannot delete {place.root}: {error.strerror}") from error
    typer.echo(f"deleted {place.root}")


def jars() -> None:
    """Fetch the jars of Kafka and Spark, once per user."""
    if jar_cache.located() is None:
        with steps("fetching jars") as say:
            jar_cache.ensure(say)
            say("jars: fetched")
