"""Everything on loopback, started by `penstock up`."""

from controlplane.config.settings.base import *  # noqa: F403

ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
