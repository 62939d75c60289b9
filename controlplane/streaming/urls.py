from django.urls import path

from controlplane.streaming import api

urlpatterns = [
    path("pipelines/<slug:name>/streaming-job", api.StreamingJobView.as_view()),
    path("pipelines/<slug:name>/streaming-job/start", api.StartView.as_view()),
    path("pipelines/<slug:name>/streaming-job/drain", api.DrainView.as_view()),
    path("pipelines/<slug:name>/streaming-job/stop", api.StopView.as_view()),
    path("pipelines/<slug:name>/streaming-job/restart", api.RestartView.as_view()),
    path("pipelines/<slug:name>/streaming-job/rollback", api.RollbackView.as_view()),
    path("pipelines/<slug:name>/streaming-job/preflight", api.PreflightView.as_view()),
    path("pipelines/<slug:name>/batches", api.BatchList.as_view()),
]
