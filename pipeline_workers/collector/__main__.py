"""Runs until it is told to stop."""

from __future__ import annotations

import signal
import sys

import django


def main() -> int:
    django.setup()
    from django.conf import settings

    from pipeline_workers.collector.consuming import Collector

    collector = Collector(settings.PENSTOCK["bootstrap_servers"], settings.PENSTOCK["telemetry_topic"])
    signal.signal(signal.SIGTERM, collector.stop)
    signal.signal(signal.SIGINT, collector.stop)
    collector.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
