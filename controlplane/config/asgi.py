"""The ASGI application: HTTP now, websockets beside it once there is something to push."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.config.settings.one_machine")

application = ProtocolTypeRouter({"http": get_asgi_application()})
