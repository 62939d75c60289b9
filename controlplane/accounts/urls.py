from django.urls import path

from controlplane.accounts import api

urlpatterns = [
    path("session", api.SessionView.as_view()),
    path("tokens", api.TokenList.as_view()),
    path("tokens/<int:token_id>", api.TokenDetail.as_view()),
    path("audit", api.AuditList.as_view()),
]
