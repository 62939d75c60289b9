"""People with a login, and a channel layer on the session's Redis."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.accounts.models import User
from controlplane.core.roles import Role


@pytest.fixture
def layers(redis_url: str, settings: Any) -> None:
    """Channels over a real Redis."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [redis_url]}}
    }


@pytest.fixture
def viewer(db: None) -> User:
    return User.objects.create_user("viewer", role=Role.VIEWER)


@pytest.fixture
def browser(viewer: User) -> Client:
    """A browser in which the viewer has signed in."""
    client = Client()
    client.force_login(viewer)
    return client
