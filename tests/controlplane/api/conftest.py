"""A small cast: one person of each role, and somebody whom nobody knows, each with a way to call the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope

PASSWORD = "correct horse battery staple"


class Caller:
    """Calls below /api/v1/ with a token of that scope, or as nobody."""

    def __init__(self, user: User | None = None, scope: Scope = Scope.WRITE) -> None:
        self.user = user
        headers = {}
        if user is not None:
            _, text = token_make(user=user, name="test", scope=scope, life=timedelta(days=1), actor=None)
            headers["Authorization"] = f"Bearer {text}"
        self.client = Client(headers=headers, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, **body: Any) -> HttpResponse:
        return self.client.post(f"/api/v1/{path}", body, content_type="application/json")

    def put(self, path: str, **body: Any) -> HttpResponse:
        return self.client.put(f"/api/v1/{path}", body, content_type="application/json")

    def delete(self, path: str) -> HttpResponse:
        return self.client.delete(f"/api/v1/{path}")


def person(role: Role) -> User:
    user = User(username=str(role), role=role)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def nobody(db: None) -> Caller:
    return Caller()


@pytest.fixture
def viewer(db: None) -> Caller:
    return Caller(person(Role.VIEWER))


@pytest.fixture
def operator(db: None) -> Caller:
    return Caller(person(Role.OPERATOR))


@pytest.fixture
def administrator(db: None) -> Caller:
    return Caller(person(Role.ADMINISTRATOR))
