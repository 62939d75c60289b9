"""Tests: services come from fixtures, so what names one is filled in when it is known."""

import os
import secrets

PLACES = ("BOOTSTRAP_SERVERS", "LAKE", "CHECKPOINTS", "WORKSPACES", "JARS", "LOGS")
ADDRESSES = {"DATABASE_URL": "postgresql://", "WAREHOUSE_URL": "postgresql://", "REDIS_URL": "redis://127.0.0.1:1"}
for name, value in (ADDRESSES | dict.fromkeys(PLACES, "unset")).items():
    os.environ.setdefault(f"PENSTOCK_{name}", value)
os.environ.setdefault("PENSTOCK_SECRET_KEY", secrets.token_urlsafe(32))

from controlplane.config.settings.base import *  # noqa: E402, F403

ALLOWED_HOSTS = ["testserver"]
# The slow ones are Django's to test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
