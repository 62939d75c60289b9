"""The ASGI application: HTTP, and the live socket beside it."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.core.asgi import get_asgi_application
from django.urls import re_path

from controlplane.core.bodies import SizedBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings.one_machine")

http = SizedBodies(get_asgi_application())

from controlplane.telemetry import realtime  # noqa: E402 - its models need the applications set up

sockets = URLRouter([*realtime.urlpatterns, re_path("", WebsocketDenier.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": sockets})
