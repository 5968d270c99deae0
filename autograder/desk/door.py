"""Who may come in: a layer in front of the desk's pages.

The desk listens on loopback only, where any program of the machine and any web page in the instructor's browser can reach
it. So each request must

* name this machine as its host: a page cannot lead its reader here under a name of its own (DNS rebinding);
* bring the cookie that the address with the token gives, HttpOnly and SameSite=Strict;
* not come from another site, as far as the browser says (`Sec-Fetch-Site`, `Origin`).

Each form brings a word of its own besides (`Keys.form`), which other sites cannot read. Each answer says what the page may
load and do, and that nobody may keep, frame or refer to it (W3C CSP Level 3; Fetch Metadata).
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autograder.desk.rendering import problem_page, respond

__all__ = ["Door", "Keys", "is_same"]

_HERE = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?")
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _word() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """The secrets of one desk: the token in its address, the cookie that this gives, and the word in its forms."""

    token: str = field(default_factory=_word)
    cookie: str = field(default_factory=_word)
    form: str = field(default_factory=_word)


class Door:
    """Lets in who may come in, and gives every answer its headers."""

    def __init__(self, pages: ASGIApp, keys: Keys) -> None:
        """Guard `pages`."""
        self._pages, self._keys = pages, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                fixed = {**_HEADERS, "Content-Security-Policy": _NOTHING}
                missing = [(name.lower().encode(), text.encode()) for name, text in fixed.items()]
                message["headers"] = [*message["headers"], *(each for each in missing if each[0] not in given)]
            await send(message)

        request = Request(scope)
        answer = self._turned_away(request)
        await (answer or self._pages)(scope, receive, with_headers)

    def _turned_away(self, request: Request) -> Response | None:
        """The answer to whoever may not see the pages, or not yet; None for those who may."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not _HERE.fullmatch(hosts[0]):
            return problem_page("This desk answers to 127.0.0.1 and localhost only.", 421)
        name = f"autograde-desk-{(request.scope.get('server') or ('', 0))[1]}"  # cookies do not know ports
        given = request.query_params.get("token")
        if given is not None and request.method in ("GET", "HEAD"):
            if not is_same(given, self._keys.token):
                return problem_page("The token in the address is not this desk's. Open the address that it printed.", 403)
            # A redirect would still count as coming from the program that opened the address, and leave the cookie behind.
            inside = respond("come_in.html.j2", None)
            inside.set_cookie(name, self._keys.cookie, httponly=True, samesite="strict")
            return inside
        if not is_same(request.cookies.get(name, ""), self._keys.cookie):
            return problem_page("Open the address that `autograde desk` printed: it has the token that lets you in.", 403)
        if request.method not in ("GET", "HEAD") and _is_from_elsewhere(request, hosts[0]):
            return problem_page("This form came from another site, so nothing was done.", 403)
        return None


def is_same(given: str, right: str) -> bool:
    """Whether a secret is the right one; how long that takes says nothing."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())


def _is_from_elsewhere(request: Request, host: str) -> bool:
    """Whether the browser says so. With `Referrer-Policy: no-referrer` it sends `Origin: null` from our own pages."""
    origin = request.headers.get("origin", "null")
    site = request.headers.get("sec-fetch-site", "same-origin")
    return site not in ("same-origin", "none") or origin not in ("null", f"http://{host}")
