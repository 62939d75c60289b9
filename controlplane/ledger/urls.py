from django.urls import path

from controlplane.ledger import api

urlpatterns = [
    path("pipelines/<slug:name>/ledger", api.AccountsView.as_view()),
    path("pipelines/<slug:name>/ledger/hours", api.HoursView.as_view()),
    path("pipelines/<slug:name>/ledger/verifications", api.VerificationRequests.as_view()),
    path("pipelines/<slug:name>/ledger/verifications/<int:verification_id>", api.VerificationDetail.as_view()),
    path("pipelines/<slug:name>/ledger-entries", api.EntryList.as_view()),
]
