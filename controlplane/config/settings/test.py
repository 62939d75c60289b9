"""Tests: services come from fixtures, so what names one is filled in when it is known."""

import os
import secrets

PLACES = ("BOOTSTRAP_SERVERS", "LAKE", "CHECKPOINTS", "WORKSPACES", "JARS", "LOGS")
for name in ("DATABASE_URL", "WAREHOUSE_URL", "REDIS_URL", *PLACES):
    os.environ.setdefault(f"PENSTOCK_{name}", "postgresql://" if "_URL" in name and name != "REDIS_URL" else "unset")
os.environ.setdefault("PENSTOCK_SECRET_KEY", secrets.token_urlsafe(32))

from controlplane.config.settings.base import *  # noqa: E402, F403

ALLOWED_HOSTS = ["testserver"]
# The slow ones are Django's to test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
