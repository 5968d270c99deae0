"""Results for the machines of continuous integration: what they show beside a student's lines, and count.

Only what a student may be told is in them (`told` decides). The formats, each with its source:

* GitHub's workflow commands, `::error file=…,line=…::…`: docs.github.com, “Workflow commands for GitHub Actions”
* GitHub Classroom's points: the JSON that the action `autograding-grading-reporter` reads
* GitLab's code quality report: docs.gitlab.com, “Code Quality”, “Code Quality report format”
* JUnit's XML, as GitLab and GitHub's actions read it (junit.py)
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autograder._files import naming, write_whole
from autograder._words import counted
from autograder.course.cells import definition_line
from autograder.course.lines import Lines
from autograder.records.jobs import Cell, Outcome
from autograder.records.results import told_checks
from autograder.reporting.junit import Suite, junit
from autograder.reporting.labels import checks_passed, escaped, points_text, readable, task_state
from autograder.reporting.task_view import task_view
from autograder.reporting.told import Told, unavailable_sentence

__all__ = [
    "Checked",
    "Finding",
    "classroom_result",
    "code_quality",
    "findings",
    "github_commands",
    "summary",
    "write_reports",
]

_MOST_LINES = 12
_MOST_ANNOTATIONS = 40


@dataclass(frozen=True)
class Checked:
    """A file that was checked: its path in the repository, its bytes and cells, its topic's name and title, and what came
    of each task. `problem` is a sentence if nothing could be run."""

    path: str
    data: bytes
    cells: tuple[Cell, ...]
    topic: str
    title: str
    tasks: tuple[Told, ...]
    problem: str = ""


@dataclass(frozen=True)
class Finding:
    """Something to say about a line of a file. `name` identifies the check, and `worth` says whether it costs points."""

    path: str
    line: int
    title: str
    text: str
    name: str
    worth: bool = True


def findings(checked: Checked) -> list[Finding]:
    """What to say about a file: one finding for each failed check of an attempted task."""
    if checked.problem:
        return [Finding(checked.path, 1, checked.title, checked.problem, checked.topic)]
    lines = Lines(checked.data, checked.cells)
    return [finding for task in checked.tasks if task.attempted for finding in _of_task(checked, task, lines)]


def _of_task(checked: Checked, task: Told, lines: Lines) -> Iterator[Finding]:
    view = task_view(task, instructor=False)
    start = definition_line(checked.cells, task.task)
    for check, shown in zip(told_checks(task), view.checks, strict=True):
        if check.outcome in (Outcome.PASSED, Outcome.NOT_RUN):
            continue
        place = (check.at.cell, check.at.line) if check.visible and check.at else start
        texts = [*shown.details, *shown.sentences, *(diagnosis.feedback for diagnosis in view.diagnoses)]
        yield Finding(
            path=checked.path,
            line=lines.line(*place) if place else 1,
            title=f"{task.task}: {shown.sentence}",
            text=readable("\n".join(texts[:_MOST_LINES]) or "This check did not pass."),
            name=f"{checked.topic}.{task.task}.{check.name}",
        )
    if task.unavailable:
        yield Finding(
            path=checked.path,
            line=lines.line(*start) if start else 1,
            title=f"{task.task}: Only what the task allows is used.",
            text=" ".join(map(unavailable_sentence, task.unavailable)),
            name=f"{checked.topic}.{task.task}.unavailable",
        )


def github_commands(found: Iterable[Finding]) -> str:
    """Lines that make GitHub Actions annotate the findings' lines."""
    lines = [
        f"::error file={_property(each.path)},line={each.line},title={_property(each.title)}::{_data(each.text)}"
        for each in found
    ]
    return "".join(f"{line}\n" for line in lines[:_MOST_ANNOTATIONS])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def classroom_result(files: Iterable[Checked]) -> str:
    """The points as GitHub Classroom's reporter takes them from a step's output: JSON in base64."""
    files = list(files)
    tasks = [task for each in files for task in each.tasks]
    complete = not any(each.problem for each in files) and all(task.earned == task.points for task in tasks)
    result = {
        "version": 1,
        "status": "pass" if complete else "fail",
        "max_score": round(sum(task.points for task in tasks), 2),
        "tests": [
            {
                "name": task.task,
                "status": "pass" if task.earned == task.points else "fail",
                "score": round(task.earned, 2),
                "message": " ".join((task_state(task).word, *map(unavailable_sentence, task.unavailable))),
                "test_code": "",
                "filename": "",
                "line_no": 0,
                "duration": 0,
            }
            for task in tasks
        ],
    }
    return base64.b64encode(msgspec.json.encode(result)).decode()


def code_quality(found: Iterable[Finding]) -> bytes:
    """GitLab's code quality report."""
    report = [
        {
            "description": f"{each.title} {each.text}",
            "check_name": each.name,
            "fingerprint": hashlib.sha256(f"{each.path}\0{each.name}".encode()).hexdigest(),
            "severity": "major",
            "location": {"path": each.path, "lines": {"begin": each.line}},
        }
        for each in found
    ]
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def summary(files: Iterable[Checked], *, footer: str = "") -> str:
    """A summary in Markdown: for each file a table of its tasks, and what is known about the mistakes."""
    parts = []
    for each in files:
        earned, points = sum(task.earned for task in each.tasks), sum(task.points for task in each.tasks)
        worth = f": {points_text(earned)} of {points_text(points)} points" if each.tasks else ""
        parts.append(f"### {_markdown(each.title)}{worth}\n")
        if each.problem:
            parts.append(f"{_markdown(each.problem)}\n")
        if each.tasks:
            parts.append("| task | | points | checks |\n|---|---|---|---|")
        for task in each.tasks:
            state = task_state(task)
            parts.append(
                f"| `{task.task}` | {state.symbol} {state.word} | {points_text(task.earned)} of {points_text(task.points)} "
                f"| {checks_passed(task) or '–'} |"
            )
        parts.append("")
        feedback = [(task.task, diagnosis.feedback) for task in each.tasks for diagnosis in task.diagnoses]
        parts += [f"* `{task}`: {_markdown(text)}" for task, text in feedback]
        unavailable = [(task.task, name) for task in each.tasks for name in task.unavailable]
        parts += [f"* `{task}`: {unavailable_sentence(name)}" for task, name in unavailable]
        parts.append("")
    return "\n".join([*parts, footer]).strip() + "\n"


def _markdown(text: str) -> str:
    return escaped(html.escape(" ".join(readable(text).split()), quote=False), "\\|`[")


def write_reports(files: Sequence[Checked], out: Path, *, footer: str = "") -> None:
    """Write junit.xml, code-quality.json and summary.md to `out`; on GitHub, also annotate, summarise and give points.

    On GitHub, that is where GITHUB_ACTIONS is `true`; GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name the files to add to.
    """
    found = [finding for each in files for finding in findings(each)]
    attempted = [each for each in files if each.problem or any(task.attempted for task in each.tasks)]
    text = summary(attempted, footer=footer)
    write_whole(out / "junit.xml", junit(Suite(each.topic, each.topic, each.tasks, path=each.path) for each in files))
    write_whole(out / "code-quality.json", code_quality(found))
    write_whole(out / "summary.md", text.encode())
    tasks = [task for each in files for task in each.tasks]
    earned, points = (points_text(sum(numbers)) for numbers in ([t.earned for t in tasks], [t.points for t in tasks]))
    sys.stdout.write(f"Checked {counted(len(files), 'file')}: {earned} of {points} points. Reports: {out}\n")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        sys.stdout.write(github_commands(found))
        _append("GITHUB_STEP_SUMMARY", text)
        _append("GITHUB_OUTPUT", f"result={classroom_result(files)}\npoints={earned}\n")


def _append(variable: str, text: str) -> None:
    """Add to the file that GitHub names in an environment variable."""
    path = os.environ.get(variable)
    if path:
        with naming(Path(path)), Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
