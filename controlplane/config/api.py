"""Version 1 of the API: each app brings its part."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

urlpatterns = [
    path("schema", SpectacularJSONAPIView.as_view()),
    path("", include("controlplane.accounts.urls")),
    path("", include("controlplane.sensors.urls")),
    path("", include("controlplane.pipelines.urls")),
    path("", include("controlplane.streaming.urls")),
    path("", include("controlplane.ledger.urls")),
    path("", include("controlplane.warehouse.urls")),
    path("", include("controlplane.telemetry.urls")),
]
