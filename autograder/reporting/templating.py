"""What all pages share: templates, cleaned text, words for outcomes and states, and writing a file at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder._files import write_whole
from autograder.errors import AutogradeError
from autograder.records.jobs import Outcome
from autograder.records.results import TaskResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from autograder.reporting.task_view import CheckView, CodeLine

__all__ = ["OUTCOMES", "Label", "page_path", "points_text", "readable", "task_state", "write"]

_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


@dataclass(frozen=True)
class Label:
    """A state as a word, a symbol and a style: never a colour alone."""

    style: str
    symbol: str
    word: str


OUTCOMES = {
    Outcome.PASSED: ("✓", "passed"),
    Outcome.FAILED: ("✗", "failed"),
    Outcome.ERROR: ("!", "error"),
    Outcome.TIMEOUT: ("∞", "time-out"),
    Outcome.NOT_RUN: ("○", "not run"),
}


def page_path(out: Path, student: str, topic: str) -> Path:
    """Where the page of a result lies, `out/STUDENT/TOPIC.html`.

    Raises:
        AutogradeError: if a name cannot be a file's name.
    """
    for what, name in (("student", student), ("topic", topic)):
        if name in ("", ".", "..") or re.search(r"[/\\\x00]", name):
            raise AutogradeError(f"The {what} name {name!r} cannot name a file; use a name without / and \\.")
    return out / student / f"{topic}.html"


def write(path: Path, template: str, page: Any) -> Path:
    """Render a template with `page` and put it in place at once, so that nobody sees half a page."""
    write_whole(path, _environment().get_template(template).render(page=page).encode())
    return path


@cache
def _environment() -> Environment:
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
    environment.filters |= {"prose": _prose, "tag": _tag, "rows": _rows, "items": _items}
    return environment


def readable(text: str) -> str:
    """The text without terminal colours; what has no glyph or would reorder the line shows as a replacement sign."""
    if _is_plain(text):
        return text
    return _NOT_TEXT.sub("\ufffd", _ANSI.sub("", text.replace("\r\n", "\n")))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


@lru_cache(maxsize=4096)
def _prose(text: str) -> Markup:
    """A sentence in which `…` is code. Most sentences stand in every student's page."""
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
    return _environment().get_template("check.html.j2").render(check=check)


_plain_item = lru_cache(maxsize=4096)(_told_item)


def _rows(lines: Sequence[CodeLine]) -> Markup:
    """Lines of code, each an element of its own; the one where the code stopped is marked."""
    from markupsafe import Markup, escape

    stopped = '<span class="pointer" aria-hidden="true">▶</span><span class="unseen">stopped here: </span>'
    start = {False: '<span class="row">', True: f'<span class="row marked">{stopped}'}
    texts = [line.text for line in lines]
    if all(map(_is_plain, texts)):
        escaped = str(escape("\n".join(texts))).split("\n")
    else:
        escaped = [str(escape(readable(text))) for text in texts]
    return Markup("".join([f"{start[line.marked]}{text}\n</span>" for line, text in zip(lines, escaped, strict=True)]))


@cache
def _tag(label: Label) -> Markup:
    from markupsafe import Markup

    symbol = Markup('<span aria-hidden="true">{}</span>').format(label.symbol)
    return Markup('<span class="tag {}">{} {}</span>').format(label.style, symbol, label.word)


def points_text(number: float) -> str:
    """Points without needless zeros: 4, 2.5, 1.33."""
    return f"{round(number, 2):g}"


def task_state(task: TaskResult) -> Label:
    """How a task stands, in a word."""
    if not task.attempted:
        return Label("untouched", "○", "not attempted")
    if task.pending:
        return Label("pending", "…", "pending")
    if task.checks and all(check.outcome is Outcome.PASSED for check in task.checks):
        return Label("complete", "✓", "complete")
    if task.earned:
        return Label("partial", "◐", "partly right")
    if all(check.outcome is Outcome.NOT_RUN for check in task.checks):
        return Label("idle", "○", "not run")
    return Label("none", "✗", "no points yet")
