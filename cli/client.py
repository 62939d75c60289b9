"""The REST API as the command uses it. What it refuses is a StackError of one line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import quote

import httpx

from cli.embedded.errors import StackError
from cli.login import Login

SECONDS = 30.0
FIELDS = 5  # that an error names


class Client:
    """Calls below /api/v1/ with a bearer token."""

    def __init__(self, login: Login) -> None:
        self.url = login.url
        self._http = open_http(login.url, headers={"Authorization": f"Bearer {login.token}"})

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        return self._call("GET", path, params=query)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self._call("POST", path, json=body)

    def lines(self, path: str, **query: str | int) -> Iterator[str]:
        """The lines of an answer as they come."""
        try:
            with self._http.stream("GET", path, params=query) as response:
                if not response.is_success:
                    response.read()
                    answer(response)
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise StackError(f"{self.url} does not answer: {error}", "does it run? see: penstock status") from error

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        return self._call("PUT", path, json=body)

    def delete(self, path: str, **body: Any) -> None:
        self._call("DELETE", path, **({"json": body} if body else {}))

    @cached_property
    def pipeline(self) -> str:
        """The path of the only pipeline. Raises StackError when there are none or several."""
        names = self.get("environment")["pipelines"]
        if len(names) != 1:
            raise StackError(f"there are {len(names)} pipelines: {', '.join(names)}; this command knows one")
        return f"pipelines/{names[0]}"

    def path(self, pipeline: str | None) -> str:
        """The path of a pipeline by its name, of the only one without. Raises StackError."""
        return self.pipeline if pipeline is None else f"pipelines/{quote(pipeline, safe='')}"

    def figures(self) -> dict[str, Any]:
        """The live figures of the pipeline."""
        return dict(self.get(f"{self.pipeline}/overview")["data"])

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            return answer(self._http.request(method, path, **options))
        except httpx.HTTPError as error:
            raise StackError(f"{self.url} does not answer: {error}", "does it run? see: penstock status") from error


def open_http(url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """Proxies and .netrc of the environment are nothing to an operator's own control plane."""
    return httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=SECONDS, trust_env=False)


def _named(errors: dict[str, list[str]]) -> str:
    """What is wrong by field, in a line."""
    told = [f"{name}: {', '.join(texts)}" for name, texts in list(errors.items())[:FIELDS]]
    return "; ".join(told) + (f"; and {len(errors) - FIELDS} more" if len(errors) > FIELDS else "")


def answer(response: httpx.Response) -> dict[str, Any]:
    """The body of an answer; StackError with the problem's own words when it is one."""
    try:
        body = response.json() if response.content else {}
    except ValueError:
        body = {}
    if response.is_success and isinstance(body, dict):
        return body
    problem = body if isinstance(body, dict) else {}
    words = problem.get("detail") or problem.get("title")
    if words and (errors := problem.get("errors")):
        words = f"{words}: {_named(errors)}"
    if not words:  # whatever answered, it was not the API
        words = f"{response.request.url}: {response.status_code} {response.reason_phrase}"
    hint = f"request {response.headers.get('X-Request-ID', 'without an id')}"
    if response.status_code == httpx.codes.UNAUTHORIZED:
        hint = "sign in with: penstock login URL"
    raise StackError(words, hint)
