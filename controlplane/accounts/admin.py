"""People, tokens, and the audit log. A person is retired, never deleted: the audit log names them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.views import PasswordChangeView
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy

from controlplane.accounts.forms import OwnPasswordForm, UserForm
from controlplane.accounts.models import ApiToken, AuditEntry, LoginAttempt, User
from controlplane.accounts.services import token_revoke, user_change, user_make
from controlplane.core.admin import ReadOnlyAdmin, ServiceAdmin
from controlplane.core.roles import Role

admin.site.unregister(Group)  # roles are what says who may do what


def own_password(request: HttpRequest) -> HttpResponseBase:
    """The site's page for one's own password, whose form would write past the service."""
    page = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse_lazy("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return page(request)


@admin.register(User)
class UserAdmin(ServiceAdmin):
    form = UserForm
    list_display = ["username", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return ["username", "last_login"] if obj else ["last_login"]

    def save_model(self, request: HttpRequest, obj: User, form: UserForm, change: bool) -> None:
        given = form.cleaned_data
        told = {"role": Role(given["role"]), "actor": request.user, "reason": given["reason"]}
        if change:
            password = given["new_password"] or None
            user_change(user=obj, active=given["is_active"], password=password, **told)
        else:
            obj.pk = user_make(username=given["username"], password=given["new_password"], **told).pk


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ["name", "user", "scope", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = ["scope"]
    list_select_related = ["user"]
    fields = list_display
    actions = ["revoke"]

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        for token in tokens.filter(revoked_at=None):
            token_revoke(token_id=token.pk, owner=None, actor=request.user)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "object", "reason"]
    list_filter = ["action"]
    list_select_related = ["actor"]
    search_fields = ["object", "request_id"]
    ordering = ["-id"]


@admin.register(LoginAttempt)
class LoginAttemptAdmin(ReadOnlyAdmin):
    list_display = ["at", "subject"]
    ordering = ["-id"]
