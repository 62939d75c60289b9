from django.contrib import admin
from django.urls import include, path, re_path
from django_prometheus.exports import ExportToDjangoView

from controlplane.accounts.admin import own_password
from controlplane.config.console import console
from controlplane.config.health import healthz, readyz
from controlplane.core.admin import search
from controlplane.quality.pages import report

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", ExportToDjangoView),
    path("admin/password_change/", admin.site.admin_view(own_password)),
    path("admin/search/", admin.site.admin_view(search)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("controlplane.config.api")),
    path("quality/<slug:name>/", report),
    re_path(r"^(?!(?:api|admin|assets|static|ws)(?:/|$))", console),
]
handler400 = "controlplane.core.api.problems.bad_request"
handler403 = "controlplane.core.api.problems.forbidden"
handler404 = "controlplane.core.api.problems.not_found"
handler500 = "controlplane.core.api.problems.server_error"
