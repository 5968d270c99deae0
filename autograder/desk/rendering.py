"""Makes answers out of templates: this room's own, and those of the pages that `autograde grade` writes."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from autograder.reporting.templating import environment, script

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["problem_page", "respond"]


def respond(template: str, page: Any, *, status: int = 200, **more: Any) -> HTMLResponse:
    """A page that a template makes of `page`, and whatever else it needs, with a policy that allows nothing else.

    The policy names the style in the page's head and the scripts of these templates by their hashes.
    """
    text = _environment().get_template(template).render(page=page, **more)
    style = text.partition("<style>")[2].partition("</style>")[0]
    scripts = " ".join(script(name, room)[1] for name, room in (("class.js", "reporting"), ("keys.js", "desk")))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {scripts}; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(text, status, {"Content-Security-Policy": policy})


def problem_page(sentence: str, status: int) -> HTMLResponse:
    """A page that says what went wrong."""
    return respond("problem.html.j2", sentence, status=status)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, PackageLoader

    pages = environment()
    return pages.overlay(loader=ChoiceLoader([PackageLoader("autograder.desk"), PackageLoader("autograder.reporting")]))
