from django.urls import path

from controlplane.ledger.api import accounts, inquiries

urlpatterns = [
    path("pipelines/<slug:name>/ledger", accounts.AccountsView.as_view()),
    path("pipelines/<slug:name>/ledger/hours", accounts.HoursView.as_view()),
    path("pipelines/<slug:name>/ledger/verifications", inquiries.VerificationRequests.as_view()),
    path("pipelines/<slug:name>/ledger/verifications/<int:verification_id>", inquiries.VerificationDetail.as_view()),
    path("pipelines/<slug:name>/ledger-entries", accounts.EntryList.as_view()),
    path("pipelines/<slug:name>/traces", inquiries.TraceRequests.as_view()),
    path("pipelines/<slug:name>/traces/<int:trace_id>", inquiries.TraceDetail.as_view()),
    path("pipelines/<slug:name>/delays", inquiries.DelaysRequests.as_view()),
    path("pipelines/<slug:name>/delays/<int:delays_id>", inquiries.DelaysDetail.as_view()),
]
