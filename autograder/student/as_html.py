"""Views as HTML for notebooks.

Text and background take the notebook's own colours, so that they suit every theme; labels set both. There is no template
engine, because importing one would take longer than checking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from autograder.reporting.labels import Label, readable
from autograder.student.view import AnswerView, HintView, Note, ProgressView, SolutionView, TaskAnswer, TopicRow

__all__ = ["html"]

_STYLE = """<style>
.autograde { border-left: 4px solid #6b7686; padding: .25em .9em; margin: .25em 0; font-size: 1em; line-height: 1.5; \
max-width: 60em; color: inherit; }
.autograde.autograde-complete { border-color: #1f8a4c; }
.autograde.autograde-partial { border-color: #b07410; }
.autograde.autograde-none, .autograde.autograde-problem { border-color: #c73a33; }
.autograde p { margin: .35em 0; }
.autograde ul, .autograde ol { margin: .35em 0; padding-left: 1.4em; }
.autograde li { margin: .3em 0; }
.autograde code, .autograde pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .95em; \
color: inherit; background: rgba(128, 128, 128, .12); border-radius: 3px; }
.autograde code { padding: 0 .25em; overflow-wrap: anywhere; }
.autograde pre { padding: .4em .6em; margin: .35em 0; overflow-x: auto; white-space: pre-wrap; }
.autograde .autograde-head { font-size: 1.08em; font-weight: 600; }
.autograde-tag { display: inline-block; border-radius: 1em; padding: 0 .6em; font-size: .9em; font-weight: 600; \
white-space: nowrap; color: #ffffff; background: #4d5868; }
.autograde-tag.autograde-passed, .autograde-tag.autograde-complete { background: #12693a; }
.autograde-tag.autograde-failed, .autograde-tag.autograde-none, .autograde-tag.autograde-problem { background: #a3201a; }
.autograde-tag.autograde-error, .autograde-tag.autograde-timeout, .autograde-tag.autograde-partial { background: #7a4b00; }
.autograde-callout { border: 1px solid rgba(128, 128, 128, .6); border-left: 4px solid #2f6fc4; border-radius: 4px; \
padding: .1em .8em; margin: .5em 0; }
.autograde table { border-collapse: collapse; margin: .4em 0; color: inherit; }
.autograde caption { text-align: left; font-weight: 600; color: inherit; padding: 0 0 .3em; }
.autograde table.autograde-table th, .autograde table.autograde-table td { text-align: left; padding: .25em .8em .25em 0; \
background: none; color: inherit; border: 0; border-bottom: 1px solid rgba(128, 128, 128, .4); }
.autograde table.autograde-table tbody th { min-width: 8em; font-weight: 400; }
.autograde table.autograde-table tr { background: none; }
.autograde table.autograde-table .autograde-number { text-align: right; }
.autograde-bar { display: inline-block; width: 8em; height: .7em; border: 1px solid #6b7686; border-radius: .35em; \
overflow: hidden; vertical-align: middle; }
.autograde-bar > span { display: block; height: 100%; background: #1f8a4c; }
@media (max-width: 600px) {
.autograde { padding-right: 0; }
.autograde .autograde-wide { display: none; }
.autograde table.autograde-table th, .autograde table.autograde-table td { white-space: normal; padding-right: .4em; }
.autograde table.autograde-table tbody th { min-width: 0; }
.autograde table.autograde-table code { overflow-wrap: normal; }
.autograde-bar { width: 3.5em; }
.autograde ul, .autograde ol { padding-left: 1em; }
}
</style>"""
_NUMBER = "autograde-number autograde-wide"  # a narrow page leaves it out


def html(view: AnswerView | HintView | ProgressView | SolutionView | Note) -> str:
    """The view for a notebook: one element with its own style and no scripts."""
    if isinstance(view, AnswerView):
        style = view.tasks[0].state.style if view.single else ""
        name, parts = f"Check of {view.tasks[0].name if view.single else view.title}", _answer(view)
    elif isinstance(view, HintView):
        style, name, parts = "", f"Hints for {view.task}", _hints(view)
    elif isinstance(view, SolutionView):
        style, name, parts = "", f"Solution of {view.task}", _solution(view)
    elif isinstance(view, ProgressView):
        style, name, parts = "", f"Progress in {view.title}", _progress(view)
    else:
        style, name, parts = "problem" if view.problem else "", "autograde", iter([_paragraph(view.text)])
    classes = f"autograde autograde-{style}" if style else "autograde"
    head = f'<div class="{classes}" role="group" aria-label="{_text(name)}">'
    return "\n".join([_STYLE, head, *parts, "</div>"])


def _text(text: str) -> str:
    return escape(readable(text))


def _prose(text: str) -> str:
    """A sentence in which `…` is code."""
    parts = readable(text).split("`")
    if len(parts) % 2 == 0:
        return _text(text)
    return "".join(f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(parts))


def _paragraph(text: str) -> str:
    return f"<p>{_prose(text)}</p>"


def _block(text: str, name: str) -> str:
    return f'<pre tabindex="0" role="region" aria-label="{_text(name)}">{_text(text)}</pre>'


def _tag(label: Label) -> str:
    symbol = f'<span aria-hidden="true">{_text(label.symbol)}</span>'
    return f'<span class="autograde-tag autograde-{label.style}">{symbol} {_text(label.word)}</span>'


def _list(items: Iterable[str], kind: str = "ul") -> str:
    return "\n".join([f"<{kind}>", *(f"<li>{item}</li>" for item in items), f"</{kind}>"])


def _answer(view: AnswerView) -> Iterator[str]:
    if not view.single:
        yield f'<p class="autograde-head">{_text(view.title)}: {_text(view.summary)}</p>'
    for task in view.tasks:
        yield f'<p class="autograde-head"><code>{_text(task.name)}</code> {_tag(task.state)} {_text(task.summary)}</p>'
        if view.single or task.telling:
            yield from _task(task)
    for text in view.footer:
        yield _paragraph(text)


def _task(task: TaskAnswer) -> Iterator[str]:
    if task.problem:
        yield _paragraph(task.problem)
        return
    for box in task.boxes:
        sentence = f"<strong>{_prose(box.feedback)}</strong>"
        yield f'<div class="autograde-callout"><p>{_text(box.kicker)}</p><p>{sentence}</p></div>'
    items = []
    for check in task.checks:
        parts = [f"{_tag(check.state)} {_prose(check.sentence)}"]
        parts += [_paragraph(text) for text in check.told]
        if check.folded:
            parts.append(f"<details><summary>and {check.more} more</summary>{_list(map(_prose, check.folded))}</details>")
        parts += [_block(check.line, "Your line")] if check.line else []
        items.append("\n".join(parts))
    yield _list(items)
    if task.printed and task.telling:
        block = _block(task.printed, "Output of your code")
        yield f"<details><summary>Output of your code</summary>{block}</details>"
    if task.warnings:
        yield "<p>Warnings (these never count):</p>"
        yield _list(map(_text, task.warnings))


def _hints(view: HintView) -> Iterator[str]:
    if view.hints:
        yield f'<p class="autograde-head">Hint {len(view.hints)} of {view.total} for <code>{_text(view.task)}</code></p>'
        *earlier, last = map(_prose, view.hints)
        yield _list([*earlier, f"<strong>{last}</strong>"], "ol")
    yield _paragraph(view.note)


def _solution(view: SolutionView) -> Iterator[str]:
    yield f'<p class="autograde-head">A worked solution of <code>{_text(view.task)}</code></p>'
    yield _block(view.source, "The solution")
    if view.mistakes:
        yield "<p>What is wrong with the common wrong ways:</p>"
        yield _list(map(_prose, view.mistakes))


def _progress(view: ProgressView) -> Iterator[str]:
    yield f'<table class="autograde-table"><caption>{_text(view.title)}</caption><thead><tr>'
    yield '<th scope="col">Task</th><th scope="col">State</th>'
    for name in ("Points", "Visible checks passed", "Hints read"):
        yield f'<th scope="col" class="{_NUMBER}">{name}</th>'
    yield "</tr></thead><tbody>"
    for row in view.rows:
        cells = "".join(f'<td class="{_NUMBER}">{_text(text)}</td>' for text in (row.points, row.checks, row.hints))
        name = _text(row.name).replace("_", "_<wbr>")  # where a narrow page may break it
        yield f'<tr><th scope="row"><code>{name}</code></th><td>{_tag(row.state)}</td>{cells}</tr>'
    yield "</tbody></table>"
    yield _paragraph(view.summary)
    if len(view.topics) > 1:
        yield '<table class="autograde-table"><caption>Topics</caption><tbody>'
        for topic in view.topics:
            name = f"<strong>{_text(topic.title)}</strong>" if topic.here else _text(topic.title)
            yield f'<tr><th scope="row">{name}</th><td>{_bar(topic)}</td><td>{_text(topic.words)}</td></tr>'
        yield "</tbody></table>"


def _bar(topic: TopicRow) -> str:
    """A picture of what the words beside it say."""
    percent = 100 * topic.done // max(topic.total, 1)
    return f'<span class="autograde-bar" aria-hidden="true"><span style="width: {percent}%"></span></span>'
