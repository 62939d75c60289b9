"""What is the same everywhere. Values come from the variables of docs/wiring.md; no secret has a default."""

import environ
from celery.schedules import crontab, schedule

from controlplane.config.settings.web import *  # noqa: F403

env = environ.Env()

SECRET_KEY = env("PENSTOCK_SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("PENSTOCK_ALLOWED_HOSTS", default=[])
ROOT_URLCONF = "controlplane.config.urls"
ASGI_APPLICATION = "controlplane.config.asgi.application"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "django_celery_beat",
    "django_prometheus",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "controlplane.core",
    "controlplane.queue",
    "controlplane.accounts",
    "controlplane.sensors",
    "controlplane.alerts",
    "controlplane.pipelines",
    "controlplane.streaming",
    "controlplane.ledger",
    "controlplane.warehouse",
    "controlplane.deadletters",
    "controlplane.quality",
    "controlplane.runs",
    "controlplane.backfills",
    "controlplane.schedules",
    "controlplane.telemetry",
]

DATABASES = {"default": {**env.db_url("PENSTOCK_DATABASE_URL"), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

REDIS_URL = env("PENSTOCK_REDIS_URL")
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}

# Longer than any task runs: a task that outlives it would be handed to a second worker.
VISIBILITY_TIMEOUT = 3600
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": VISIBILITY_TIMEOUT}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": VISIBILITY_TIMEOUT}
CELERY_VISIBILITY_TIMEOUT = VISIBILITY_TIMEOUT
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
# A pool process reads a table before it is ready; 4 s, the default, is little on a busy machine.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 60
CELERY_TIMEZONE = "UTC"
CELERY_IMPORTS = ["pipeline_workers.tasks"]
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# `expire_seconds` is what the scheduler in the database knows; it passes over Celery's own `expires`.
CELERY_BEAT_SCHEDULE = {
    "canary": {"task": "penstock.canary", "schedule": schedule(10.0), "options": {"expire_seconds": 10}},
    "reconcile": {"task": "penstock.reconcile", "schedule": schedule(5.0), "options": {"expire_seconds": 10}},
    "notify": {"task": "penstock.notify", "schedule": schedule(15.0), "options": {"expire_seconds": 15}},
    "advance runs": {"task": "penstock.advance_runs", "schedule": schedule(2.0), "options": {"expire_seconds": 4}},
    "index dead letters": {
        "task": "penstock.index_dead_letters",
        "schedule": schedule(3.0),
        "options": {"expire_seconds": 6},
    },
    "watch ledger": {"task": "penstock.watch_ledger", "schedule": schedule(30.0), "options": {"expire_seconds": 30}},
    "recount": {
        "task": "penstock.recount",
        "schedule": crontab(minute="30", hour="4"),
        "options": {"expire_seconds": 3600},
    },
    "sweep outbox": {"task": "penstock.sweep_outbox", "schedule": schedule(2.0), "options": {"expire_seconds": 5}},
    "prune rollups": {
        "task": "penstock.prune_rollups",
        "schedule": schedule(600.0),
        "options": {"expire_seconds": 300},
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "controlplane.core.request_id.RequestIdFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s%(request_tag)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    # httpx tells the whole address of what it calls, and a webhook's is a secret.
    "loggers": {"httpx": {"level": "WARNING"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}

PENSTOCK = {
    "name": env("PENSTOCK_NAME", default="penstock"),
    "bootstrap_servers": env("PENSTOCK_BOOTSTRAP_SERVERS"),
    "telemetry_topic": env("PENSTOCK_TELEMETRY_TOPIC", default="penstock.telemetry"),
    "control_topic": env("PENSTOCK_CONTROL_TOPIC", default="penstock.control"),
    "lake": env("PENSTOCK_LAKE"),
    "checkpoints": env("PENSTOCK_CHECKPOINTS"),
    "workspaces": env("PENSTOCK_WORKSPACES"),
    "warehouse_url": env("PENSTOCK_WAREHOUSE_URL"),
    "jars": env("PENSTOCK_JARS"),
    "logs": env("PENSTOCK_LOGS"),
    "slack_webhook": env("PENSTOCK_SLACK_WEBHOOK", default=""),
    "applications": env.int("PENSTOCK_APPLICATIONS", default=1),
    "driver_memory": env("PENSTOCK_DRIVER_MEMORY", default="2g"),
}
