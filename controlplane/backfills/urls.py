from django.urls import path

from controlplane.backfills import api

urlpatterns = [
    path("pipelines/<slug:name>/backfills", api.BackfillList.as_view()),
    path("pipelines/<slug:name>/backfills/preview", api.PreviewView.as_view()),
    path("backfills/<int:backfill_id>", api.BackfillDetail.as_view()),
    path("backfills/<int:backfill_id>/pause", api.PauseView.as_view()),
    path("backfills/<int:backfill_id>/resume", api.ResumeView.as_view()),
    path("backfills/<int:backfill_id>/cancel", api.CancelView.as_view()),
    path("backfills/<int:backfill_id>/retry", api.RetryView.as_view()),
]
