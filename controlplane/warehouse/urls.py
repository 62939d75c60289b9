from django.urls import path

from controlplane.warehouse import api

urlpatterns = [path("pipelines/<slug:name>/loads", api.LoadList.as_view())]
