"""Session, tokens, audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import login, logout
from django.db.models import QuerySet
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.accounts.authentication import CookieAuthentication
from controlplane.accounts.logins import login_check
from controlplane.accounts.models import ApiToken, AuditEntry
from controlplane.accounts.services import token_make, token_revoke
from controlplane.core.api.fields import LineField, TextField, WholeField
from controlplane.core.api.parsing import StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.core.roles import Role, Scope


class SessionUserSerializer(serializers.Serializer):
    username = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)


class SessionSerializer(serializers.Serializer):
    user = SessionUserSerializer(allow_null=True)


class CredentialsSerializer(StrictSerializer):
    username = TextField(max_length=150)
    password = TextField(max_length=1000, trim_whitespace=False)


class SessionView(ApiView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="session_get", responses=SessionSerializer)
    def get(self, request: Request) -> Response:
        """Who is signed in, if anybody. Sets the CSRF cookie."""
        get_token(request._request)
        return self._answer(request.user)

    @extend_schema(operation_id="session_create", request=CredentialsSerializer, responses=SessionSerializer)
    def post(self, request: Request) -> Response:
        """Sign in. A foreign page must not be able to do that either, so it needs the CSRF token."""
        CookieAuthentication().enforce_csrf(request)
        given = self.checked(CredentialsSerializer, request.data)
        user = login_check(request=request._request, **given)
        login(request._request, user)
        return self._answer(user)

    @extend_schema(operation_id="session_delete", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out."""
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, user: Any) -> Response:
        return Response(SessionSerializer({"user": user if user.is_authenticated else None}).data)


class TokenSerializer(serializers.ModelSerializer):
    current = serializers.SerializerMethodField(help_text="Whether this request was made with it.")

    class Meta:
        model = ApiToken
        fields = ["id", "name", "scope", "created_at", "expires_at", "last_used_at", "current"]

    def get_current(self, token: ApiToken) -> bool:
        return bool(self.context["request"].auth == token)


class NewTokenSerializer(StrictSerializer):
    name = LineField(max_length=100)
    scope = serializers.ChoiceField(Scope.choices)
    expires_in_days = WholeField(min_value=1, max_value=365)


class MadeTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="In clear, this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


@extend_schema_view(get=extend_schema(operation_id="tokens_list"))
class TokenList(ListView):
    """One's own tokens."""

    write_role = Role.VIEWER
    serializer_class = TokenSerializer
    queryset = ApiToken.objects.all()

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.filter(user=self.request.user, revoked_at=None)

    @extend_schema(operation_id="tokens_create", request=NewTokenSerializer, responses={201: MadeTokenSerializer})
    def post(self, request: Request) -> Response:
        """Make a token. A token makes no other: who steals one has it until it expires, and no longer."""
        if request.auth is not None:
            raise PermissionDenied("a token is made in a session, not with another token")
        given = self.checked(NewTokenSerializer, request.data)
        token, text = token_make(
            user=request.user,
            name=given["name"],
            scope=Scope(given["scope"]),
            life=timedelta(days=given["expires_in_days"]),
            actor=request.user,
        )
        token.token = text
        answer = MadeTokenSerializer(token, context={"request": request}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class TokenDetail(ApiView):
    write_role = Role.VIEWER

    @extend_schema(operation_id="tokens_delete", responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke one of one's own tokens, at once."""
        token_revoke(token_id=token_id, owner=request.user, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AuditEntrySerializer(serializers.ModelSerializer):
    actor = serializers.CharField(source="actor.username", allow_null=True, default=None, help_text="Null is Penstock.")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "actor", "action", "object", "before", "after", "reason", "request_id"]


@extend_schema_view(get=extend_schema(operation_id="audit_list"))
class AuditList(ListView):
    """What was changed, by whom and why; newest first."""

    read_role = Role.ADMINISTRATOR
    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.select_related("actor")
