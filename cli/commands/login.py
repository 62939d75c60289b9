"""`penstock login`, `logout`, `open`."""

from __future__ import annotations

import socket
import sys
import webbrowser
from typing import Annotated

import httpx
import typer

from cli.client import Client, answer, open_http
from cli.commands.options import HomeOption
from cli.embedded.errors import StackError
from cli.login import Login, find, forget, note


def login(
    url: Annotated[str, typer.Argument(help="Address of the control plane, as in the browser.")],
    username: Annotated[str, typer.Option("--username", "-u", prompt=True)],
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
    read_only: Annotated[bool, typer.Option(help="Ask for a token that changes nothing.")] = False,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it is good for.")] = 30,
) -> None:
    """Sign in to a control plane and keep a token for the next commands. A stack of this folder needs none."""
    url = _checked(url)
    password = sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True)
    try:
        with open_http(url) as http:
            answer(http.get("session"))
            _protect(http, url)
            answer(http.post("session", json={"username": username, "password": password}))
            _protect(http, url)
            wanted = {"name": f"penstock on {socket.gethostname()}", "expires_in_days": days}
            wanted["scope"] = "read" if read_only else "write"
            made = answer(http.post("tokens", json=wanted))
            http.delete("session")
    except httpx.HTTPError as error:
        raise StackError(f"{url} does not answer: {error}") from error
    path = note(Login(url, str(made["token"])))
    typer.echo(f"signed in to {url} as {username} for {days} days; the token is in {path}")


def logout() -> None:
    """Forget the token of `penstock login`, and have it revoked."""
    noted = forget()
    if noted is None:
        typer.echo("nobody was signed in")
        return
    client = Client(noted)
    try:
        for token in client.get("tokens")["results"]:
            if token.get("current"):
                client.delete(f"tokens/{token['id']}")
    except StackError as error:
        raise StackError(f"the token is forgotten here but was not revoked: {error}") from error
    typer.echo(f"signed out of {noted.url}")


def open_console(home: HomeOption = None) -> None:
    """Open the console in a browser."""
    url = find(home).url
    typer.echo(url)
    if not webbrowser.open(url):
        typer.echo("no browser could be started here; open the address yourself", err=True)


def _checked(url: str) -> str:
    found = httpx.URL(url if "://" in url else f"https://{url}")
    if found.scheme != "https" and found.host not in ("127.0.0.1", "localhost", "::1"):
        raise StackError(f"{url} would send the password in clear", "use https")
    return str(found).rstrip("/")


def _protect(http: httpx.Client, url: str) -> None:
    """Send the CSRF cookie's value back, and say where we come from, as a browser does."""
    http.headers["X-CSRFToken"] = http.cookies.get("csrftoken") or ""
    http.headers["Referer"] = f"{url}/"
