from django.urls import path

from controlplane.deadletters import api

PIPELINE = "pipelines/<slug:name>"
urlpatterns = [
    path("dead-letter-reasons", api.ReasonsView.as_view()),
    path("dead-letters/<int:letter_id>", api.LetterDetail.as_view()),
    path("redrives/<int:redrive_id>", api.RedriveDetail.as_view()),
    path("redrives/<int:redrive_id>/cancel", api.RedriveCancelView.as_view()),
    path(f"{PIPELINE}/dead-letter-groups", api.GroupList.as_view()),
    path(f"{PIPELINE}/dead-letters", api.LetterList.as_view()),
    path(f"{PIPELINE}/dead-letters/download", api.DownloadView.as_view()),
    path(f"{PIPELINE}/dead-letters/mend", api.MendView.as_view()),
    path(f"{PIPELINE}/dead-letters/discard", api.DiscardView.as_view()),
    path(f"{PIPELINE}/dead-letters/reopen", api.ReopenView.as_view()),
    path(f"{PIPELINE}/redrives", api.RedriveList.as_view()),
]
