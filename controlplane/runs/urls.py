from django.urls import path

from controlplane.runs import api

urlpatterns = [
    path("pipelines/<slug:name>/runs", api.RunList.as_view()),
    path("pipelines/<slug:name>/quality/evaluations", api.EvaluationRequests.as_view()),
    path("runs/<int:run_id>", api.RunDetail.as_view()),
    path("runs/<int:run_id>/cancel", api.CancelView.as_view()),
    path("runs/<int:run_id>/retry", api.RetryView.as_view()),
    path("runs/<int:run_id>/rerun", api.RerunView.as_view()),
    path("runs/<int:run_id>/log", api.LogView.as_view()),
]
