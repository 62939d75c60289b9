from django.urls import path

from controlplane.schedules import api

urlpatterns = [
    path("pipelines/<slug:name>/schedules", api.ScheduleList.as_view()),
    path("pipelines/<slug:name>/schedules/<slug:schedule>", api.ScheduleDetail.as_view()),
    path("pipelines/<slug:name>/schedules/<slug:schedule>/enable", api.EnableView.as_view()),
    path("pipelines/<slug:name>/schedules/<slug:schedule>/disable", api.DisableView.as_view()),
    path("pipelines/<slug:name>/schedules/<slug:schedule>/run", api.RunView.as_view()),
    path("pipelines/<slug:name>/schedules/<slug:schedule>/next", api.NextView.as_view()),
    path("pipelines/<slug:name>/schedules/<slug:schedule>/slots", api.SlotList.as_view()),
    path("pipelines/<slug:name>/freshness", api.FreshnessView.as_view()),
]
