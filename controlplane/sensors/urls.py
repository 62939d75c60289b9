from django.urls import path

from controlplane.sensors import api

urlpatterns = [
    path("sensor-types", api.SensorTypeList.as_view()),
    path("sensors", api.SensorList.as_view()),
]
