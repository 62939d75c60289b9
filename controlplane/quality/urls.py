from django.urls import path

from controlplane.quality import api

# A list of evaluations is asked for at the address where one is requested, which is of the runs.
QUALITY = "pipelines/<slug:name>/quality"
SUITE = f"{QUALITY}/suites/<slug:suite>"
urlpatterns = [
    path(f"{QUALITY}/suites", api.SuiteList.as_view()),
    path(SUITE, api.SuiteDetail.as_view()),
    path(f"{SUITE}/versions", api.VersionList.as_view()),
    path(f"{SUITE}/enable", api.EnableView.as_view()),
    path(f"{SUITE}/disable", api.DisableView.as_view()),
    path(f"{SUITE}/expectations/<int:position>/history", api.HistoryList.as_view()),
    path(f"{QUALITY}/evaluations/<int:evaluation_id>", api.EvaluationDetail.as_view()),
    path(f"{QUALITY}/pass-rate", api.PassRateView.as_view()),
    path(f"{QUALITY}/vocabulary", api.VocabularyView.as_view()),
]
