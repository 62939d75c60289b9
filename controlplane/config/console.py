"""The console's built files: hashed ones that never change, and the one page that all of its addresses get."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Penstock</title>
<h1>The console was not built</h1>
<p>Run <code>make setup</code> and start Penstock again. <a href="/api/v1/docs">The API</a> works without it.</p>
</html>
"""


@require_safe
def console(request: HttpRequest) -> HttpResponse:
    """The page, asked for again each time, as it names the hashes; which page it shows is the browser's to say."""
    page = settings.CONSOLE / "index.html"
    built = page.is_file()
    response = HttpResponse(page.read_bytes() if built else NOT_BUILT, status=200 if built else 503)
    response["Cache-Control"] = "no-cache"
    return response


class FilesMiddleware(WhiteNoiseMiddleware):
    """Answers with a file's bytes: a file response would be read whole all the same under ASGI, and warned of."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with closing(found.file) as file:
                content = file.read()
        return HttpResponse(content, status=int(found.status), headers=dict(found.headers))
