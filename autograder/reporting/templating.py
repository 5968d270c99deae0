"""What all pages share: templates, their filters, and writing a page in one step."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder._files import PACKAGE, write_whole
from autograder.errors import AutogradeError
from autograder.reporting.labels import Label, is_plain, points_text, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from autograder.reporting.task_view import CheckView, CodeLine

__all__ = ["environment", "page_path", "render", "script", "write"]


def page_path(out: Path, student: str, topic: str) -> Path:
    """The path of a result's page for its student, `out/STUDENT/TOPIC.html`.

    Raises:
        AutogradeError: if a name cannot be a file name.
    """
    for what, name in (("student", student), ("topic", topic)):
        if name in ("", ".", "..") or re.search(r"[/\\\x00]", name):
            raise AutogradeError(f"The {what} name {name!r} cannot be a file name; use one without / and \\.")
    return out / student / f"{topic}.html"


def render(template: str, page: Any) -> bytes:
    """The page that a template makes of `page`."""
    return environment().get_template(template).render(page=page).encode()


def write(path: Path, template: str, page: Any) -> Path:
    """Render a template with `page` and write it in one step, so that nobody sees half a page. Returns `path`."""
    write_whole(path, render(template, page))
    return path


@cache
def script(name: str, room: str = "reporting") -> tuple[Markup, str]:
    """A script that stands inside a page, and the source expression by which the page's policy allows it and no other.

    It is in the templates of a room. The expression is that of the Content Security Policy (W3C CSP Level 3, `hash-source`).
    """
    from markupsafe import Markup

    text = (PACKAGE / room / "templates" / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"


@cache
def environment() -> Environment:
    """The templates of pages, with their filters. Everything is escaped, and what is not text becomes a replacement sign."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=PackageLoader("autograder.reporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=lambda value: readable(value) if type(value) is str else value,
    )
    environment.filters |= {"prose": _prose, "tag": _tag, "rows": _rows, "items": _items, "points": points_text}
    return environment


@lru_cache(maxsize=4096)
def _prose(text: str) -> Markup:
    """A sentence in which `…` is code. Cached, since most sentences are on every student's page."""
    from markupsafe import Markup, escape

    parts = readable(text).split("`")
    if len(parts) % 2 == 0:
        return escape(readable(text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _items(checks: Sequence[CheckView]) -> Markup:
    """A task's checks as list items."""
    from markupsafe import Markup

    return Markup("\n".join([_plain_item(check) if check.is_plain else _told_item(check) for check in checks]))


def _told_item(check: CheckView) -> str:
    return environment().get_template("check.html.j2").render(check=check)


_plain_item = lru_cache(maxsize=4096)(_told_item)


def _rows(lines: Sequence[CodeLine]) -> Markup:
    """Lines of code, each in its own element; the one where the code stopped is marked."""
    from markupsafe import Markup, escape

    stopped = '<span class="pointer" aria-hidden="true">▶</span><span class="unseen">stopped here: </span>'
    start = {False: '<span class="row">', True: f'<span class="row marked">{stopped}'}
    texts = [line.text for line in lines]
    if all(map(is_plain, texts)):
        escaped = str(escape("\n".join(texts))).split("\n")
    else:
        escaped = [str(escape(readable(text))) for text in texts]
    return Markup("".join([f"{start[line.marked]}{text}\n</span>" for line, text in zip(lines, escaped, strict=True)]))


@cache
def _tag(label: Label) -> Markup:
    from markupsafe import Markup

    symbol = Markup('<span aria-hidden="true">{}</span>').format(label.symbol)
    return Markup('<span class="tag {}">{} {}</span>').format(label.style, symbol, label.word)
