from django.urls import path

from controlplane.telemetry import api

urlpatterns = [
    path("pipelines/<slug:name>/overview", api.OverviewView.as_view()),
    path("pipelines/<slug:name>/series", api.SeriesView.as_view()),
    path("pipelines/<slug:name>/simulator", api.SimulatorView.as_view()),
    path("pipelines/<slug:name>/simulator/start", api.StartView.as_view()),
    path("pipelines/<slug:name>/simulator/stop", api.StopView.as_view()),
]
