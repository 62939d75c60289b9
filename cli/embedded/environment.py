"""The environment of every process of the one-machine stack; its meaning is in docs/wiring.md."""

from __future__ import annotations

import os
import sys

from cli.embedded.addresses import bootstrap_servers, postgres_url, redis_url
from cli.embedded.home import Home
from cli.embedded.jars import Jars
from cli.embedded.ports import Ports

SETTINGS = "controlplane.config.settings.one_machine"
PIPELINE = "plant"
TOPIC = "sensor-events"
TELEMETRY_TOPIC = "penstock.telemetry"


def environment(home: Home, ports: Ports, secrets: dict[str, str], jars: Jars) -> dict[str, str]:
    """The variables by which Django, Celery and the workers of this installation are configured."""
    return {
        "PENSTOCK_HOME": str(home.root),
        "PENSTOCK_SECRET_KEY": secrets["secret_key"],
        "PENSTOCK_DATABASE_URL": postgres_url(ports.postgres, "penstock", secrets["postgres_penstock"]),
        "PENSTOCK_WAREHOUSE_URL": postgres_url(ports.postgres, "warehouse", secrets["postgres_warehouse"]),
        "PENSTOCK_REDIS_URL": redis_url(ports.redis, secrets["redis"]),
        "PENSTOCK_BOOTSTRAP_SERVERS": bootstrap_servers(ports.kafka),
        "PENSTOCK_TELEMETRY_TOPIC": TELEMETRY_TOPIC,
        "PENSTOCK_LAKE": str(home.lake),
        "PENSTOCK_CHECKPOINTS": str(home.checkpoints),
        "PENSTOCK_WORKSPACES": str(home.workspaces),
        "PENSTOCK_JARS": str(jars.spark),
        "PENSTOCK_LOGS": str(home.logs),
        "PENSTOCK_DRIVER_MEMORY": os.environ.get("PENSTOCK_DRIVER_MEMORY", "2g"),
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",  # a log that lags behind its process tells nothing of its end
    }
