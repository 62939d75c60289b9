from django.urls import path

from controlplane.pipelines import api

urlpatterns = [
    path("environment", api.EnvironmentView.as_view()),
    path("pipelines", api.PipelineList.as_view()),
    path("pipelines/<slug:name>", api.PipelineDetail.as_view()),
    path("pipelines/<slug:name>/versions", api.VersionList.as_view()),
    path("pipelines/<slug:name>/versions/<int:number>", api.VersionDetail.as_view()),
    path("sensor-types/<slug:name>", api.SensorTypeDetail.as_view()),
]
