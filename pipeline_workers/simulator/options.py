"""The simulator's command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from pipeline_workers.simulator.fleet import Rates
from pipeline_workers.simulator.malformed import SMALL_KINDS
from pipeline_workers.simulator.source import MOST_RATE
from spark_jobs.contracts import DeadLetterReason

INJECTIONS = {"anomaly_rate": 0.02, "malformed_rate": 0.0, "duplicate_rate": 0.0, "late_rate": 0.0}


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The options, checked; `options.rates` is what to inject. Exits with 2 on options that make no sense."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.replay_csv is not None:
        _check_replay(parser, options)
    elif options.speed is not None or options.rebase_now:
        parser.error("--speed and --rebase-now belong to --replay-csv")
    elif not 0 <= options.rate <= MOST_RATE:
        parser.error(f"--rate lies between 0 and {MOST_RATE:,.0f} readings/s; 0 is full speed")
    shares = {
        name.removesuffix("_rate"): default if getattr(options, name) is None else getattr(options, name)
        for name, default in INJECTIONS.items()
    }
    options.rates = Rates(**shares, anomaly_size=options.anomaly_size, malformed_kinds=options.malformed_kinds)
    if options.replay_csv is None and (problem := options.rates.problem()):
        parser.error(problem)
    return options


def _check_replay(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    given = [name for name in (*INJECTIONS, "truth") if getattr(options, name) is not None]
    if given:
        parser.error(f"--{given[0].replace('_', '-')} does not go with --replay-csv: a replay sends what was recorded")
    if options.speed is None:
        options.speed = 1.0 if options.rebase_now else 0.0
    if options.rebase_now and not options.speed:
        parser.error("--rebase-now needs a --speed above 0: the recording would reach into the future")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulator",
        description="Sends the readings of a simulated sensor fleet, or recorded ones, to Kafka. "
        "Prints exact counts as JSON at the end; exits non-zero if a reading was not delivered.",
    )
    add = parser.add_argument
    servers = os.environ.get("PENSTOCK_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    add("--bootstrap-servers", default=servers, help="Kafka (%(default)s)")
    add("--topic", default="sensor-events", help="where the readings go (%(default)s)")
    add("--rate", type=float, default=100.0, help="messages a second; 0 is full speed (%(default)s)")
    add("--max-events", type=_count, help="stop after exactly so many messages of all kinds")
    add("--sensors", type=_count, default=100, help="sensors of the fleet, the types in turn (%(default)s)")
    add("--seed", type=int, default=0, help="same seed, same messages but for the start of time (%(default)s)")

    wrong = parser.add_argument_group("what goes wrong on the way", "shares of all messages, each exactly counted")
    wrong.add_argument("--anomaly-rate", type=float, help=f"spikes ({INJECTIONS['anomaly_rate']})")
    wrong.add_argument(
        "--anomaly-size",
        type=_size,
        default=(4.0, 8.0),
        metavar="LOW:HIGH",
        help="spikes in standard deviations, at least 3, to the side that is physically possible (4:8)",
    )
    wrong.add_argument("--malformed-rate", type=float, help="messages that ingest must refuse (0)")
    wrong.add_argument(
        "--malformed-kinds",
        type=_reasons,
        default=SMALL_KINDS,
        metavar="REASON,...",
        help=f"in turn; all but too_large unless named: {','.join(DeadLetterReason)}",
    )
    wrong.add_argument("--duplicate-rate", type=float, help="exact copies of an earlier reading (0)")
    wrong.add_argument("--late-rate", type=float, help="readings 11 to 60 minutes behind their sensor's newest (0)")
    wrong.add_argument("--truth", type=Path, metavar="FILE", help="write what was injected here, as JSON lines")

    replay = parser.add_argument_group("replay of recorded readings")
    replay.add_argument("--replay-csv", type=Path, metavar="FILE", help="CSV with the reading's fields as columns")
    replay.add_argument("--speed", type=_speed, help="times as fast as recorded; 0 is full speed (0; 1 with rebase)")
    replay.add_argument("--rebase-now", action="store_true", help="move the times: the first row lies at now")

    report = parser.add_argument_group("reports and commands")
    report.add_argument("--pipeline", default="plant", help="whose telemetry it is (%(default)s)")
    report.add_argument("--telemetry-topic", default="penstock.telemetry", help="empty for none (%(default)s)")
    report.add_argument("--controlled", action="store_true", help="pause and resume as the control topic says")
    report.add_argument("--control-topic", default="penstock.control", help="with --controlled (%(default)s)")
    report.add_argument("--metrics-port", type=int, help="serve Prometheus metrics on this port")
    report.add_argument("--metrics-address", default="127.0.0.1", help="and this address (%(default)s)")
    report.add_argument("--progress", action="store_true", help="show on stderr how far it is")
    report.add_argument(
        "--delivery-timeout",
        type=float,
        default=300.0,
        help="seconds after which an unacknowledged reading is an error (%(default)s)",
    )
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return speed


def _size(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not LOW:HIGH, such as 4:8") from None
    return low, high


def _reasons(text: str) -> tuple[DeadLetterReason, ...]:
    try:
        return tuple(DeadLetterReason(name.strip()) for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; known are {', '.join(DeadLetterReason)}") from None
