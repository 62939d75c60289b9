from django.urls import path

from controlplane.config.health import healthz

urlpatterns = [path("healthz", healthz)]
