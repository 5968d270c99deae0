"""Shows a view to the student: HTML in a notebook, coloured text in a terminal, plain text elsewhere."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autograder.reporting.labels import Label, readable
from autograder.student.as_html import html
from autograder.student.view import AnswerView, HintView, Note, ProgressView, SolutionView, TaskAnswer, TopicRow

__all__ = ["Line", "lines", "plain", "show"]

View = AnswerView | HintView | ProgressView | SolutionView | Note

_GREEN, _RED, _YELLOW, _BLUE, _BOLD, _DIM = "32", "31", "33", "34", "1", "2"
_COLOURS = {
    "complete": _GREEN, "passed": _GREEN, "none": _RED, "failed": _RED, "problem": _RED, "error": _RED, "timeout": _RED,
    "partial": _YELLOW,
}  # fmt: skip
_WIDEST = 110
_BAR = 10


@dataclass(frozen=True)
class Line:
    """A line of text: its words, indent and label, and the SGR code whose colour repeats what they mean."""

    text: str
    indent: int = 0
    label: Label | None = None
    style: str = ""
    code: bool = False


def show(view: View) -> None:
    """Display or print a view."""
    shell = _kernel()
    if shell is not None:
        from IPython.display import display

        display({"text/html": html(view), "text/plain": plain(view)}, raw=True)  # type: ignore[no-untyped-call]
    elif _in_terminal():
        print(_coloured(view), flush=True)
    else:
        print(plain(view), flush=True)


def plain(view: View) -> str:
    """The view as text without colours; each paragraph is one line."""
    return "\n".join(" " * line.indent + _words(line) for line in lines(view))


def _coloured(view: View) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    shown = []
    for line in lines(view):
        label = "" if line.label is None else f"\x1b[{_COLOURS.get(line.label.style, _DIM)}m{_label(line.label)}\x1b[0m "
        hanging = line.indent + (0 if line.label is None else len(_label(line.label)) + 1)
        parts = [line.text] if line.code else textwrap.wrap(line.text, max(width - hanging, 30)) or [""]
        text = f"\n{' ' * hanging}".join(f"\x1b[{line.style}m{part}\x1b[0m" if line.style else part for part in parts)
        shown.append(" " * line.indent + label + text)
    return "\n".join(shown)


def _words(line: Line) -> str:
    return line.text if line.label is None else f"{_label(line.label)} {line.text}".rstrip()


def _label(label: Label) -> str:
    return f"{label.symbol} {label.word}"


def _kernel() -> Any:
    """The shell of a Jupyter kernel, if this is one."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _in_terminal() -> bool:
    import os

    stream = sys.stdout
    return stream is not None and stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


# ---- text -------------------------------------------------------------------------------------------------------------


def lines(view: View) -> Iterator[Line]:
    """The view as lines."""
    for line in _lines(view):
        yield Line(readable(line.text), line.indent, line.label, line.style, line.code)


def _lines(view: View) -> Iterator[Line]:
    if isinstance(view, AnswerView):
        yield from _answer_lines(view)
    elif isinstance(view, HintView):
        if view.hints:
            yield Line(f"Hint {len(view.hints)} of {view.total} for {view.task}", style=_BOLD)
            for number, text in enumerate(view.hints, 1):
                yield Line(f"{number}. {text}", 2, style=_BOLD if number == len(view.hints) else "")
        yield Line(view.note, style=_DIM)
    elif isinstance(view, ProgressView):
        yield from _progress_lines(view)
    elif isinstance(view, SolutionView):
        yield from _solution_lines(view)
    else:
        yield Line(view.text, style=_RED if view.problem else "")


def _answer_lines(view: AnswerView) -> Iterator[Line]:
    if not view.single:
        yield Line(f"{view.title}: {view.summary}", style=_BOLD)
    indent = 0 if view.single else 2
    for task in view.tasks:
        head = f"{task.name}  {task.summary}".rstrip()
        yield Line(head, indent, task.state, _BOLD)
        if view.single or task.telling:
            yield from _task_lines(task, indent + 2)
    for text in view.footer:
        yield Line(text, style=_DIM)


def _task_lines(task: TaskAnswer, indent: int) -> Iterator[Line]:
    if task.problem:
        yield Line(task.problem, indent)
        return
    for box in task.boxes:
        yield Line(box.kicker, indent)
        yield Line(box.feedback, indent + 2, style=_BLUE)
    for check in task.checks:
        yield Line(check.sentence, indent, check.state)
        for text in check.told:
            yield Line(text, indent + 4)
        if check.more:
            yield Line(f"and {check.more} more", indent + 4, style=_DIM)
        if check.line:
            yield Line(check.line, indent + 8, code=True)
    if task.printed and task.telling:
        yield Line("Output of your code:", indent)
        for text in task.printed.splitlines():
            yield Line(text, indent + 4, code=True)
    if task.warnings:
        yield Line("Warnings (these never count):", indent, style=_DIM)
        for text in task.warnings:
            yield Line(text, indent + 4, style=_DIM)


def _solution_lines(view: SolutionView) -> Iterator[Line]:
    yield Line(f"A worked solution of {view.task}", style=_BOLD)
    for text in view.source.splitlines():
        yield Line(text, 4, code=True)
    if view.mistakes:
        yield Line("What is wrong with the common wrong ways:", style=_BOLD)
        for text in view.mistakes:
            yield Line(f"• {text}", 2)


def _progress_lines(view: ProgressView) -> Iterator[Line]:
    yield Line(view.title, style=_BOLD)
    widest = max((len(row.name) for row in view.rows), default=0)
    words = max((len(row.state.word) for row in view.rows), default=0)
    for row in view.rows:
        facts = [f"{row.points} point{'' if row.points == '1' else 's'}"]
        facts += [f"{row.checks} visible checks passed"] if row.checks != "–" else []
        facts += [f"hints read: {row.hints}"] if row.hints != "–" else []
        label = Label(row.state.style, row.state.symbol, row.state.word.ljust(words))
        yield Line(f"{row.name.ljust(widest)}  {', '.join(facts)}", 2, label)
    yield Line(view.summary)
    if len(view.topics) > 1:
        yield Line("Topics", style=_BOLD)
        widest = max(len(topic.title) for topic in view.topics)
        for topic in view.topics:
            yield Line(f"{topic.title.ljust(widest)}  {_bar(topic)}  {topic.words}", 2, style=_BOLD if topic.here else "")


def _bar(topic: TopicRow) -> str:
    """Full only if all is done, and empty only if nothing is."""
    full = topic.done * _BAR // max(topic.total, 1)
    full = max(full, 1) if topic.done else 0
    return "█" * full + "░" * (_BAR - full)
