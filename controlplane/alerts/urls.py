from django.urls import path

from controlplane.alerts import api

urlpatterns = [
    path("incidents", api.IncidentList.as_view()),
]
