from django.urls import path

from controlplane.queue import api

urlpatterns = [
    path("queue", api.QueueView.as_view()),
]
