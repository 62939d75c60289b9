"""Version 1 of the API: each app brings its part."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

urlpatterns = [
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    # The page holds nothing; what it shows is the schema, which it asks for as whoever is signed in.
    path("docs", SpectacularSwaggerSplitView.as_view(permission_classes=[AllowAny])),
    path("", include("controlplane.accounts.urls")),
    path("", include("controlplane.queue.urls")),
    path("", include("controlplane.sensors.urls")),
    path("", include("controlplane.alerts.urls")),
    path("", include("controlplane.pipelines.urls")),
    path("", include("controlplane.streaming.urls")),
    path("", include("controlplane.ledger.urls")),
    path("", include("controlplane.warehouse.urls")),
    path("", include("controlplane.deadletters.urls")),
    path("", include("controlplane.quality.urls")),
    path("", include("controlplane.runs.urls")),
    path("", include("controlplane.backfills.urls")),
    path("", include("controlplane.schedules.urls")),
    path("", include("controlplane.telemetry.urls")),
]
