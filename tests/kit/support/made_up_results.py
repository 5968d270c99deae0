"""Pages as read by a parser, and made-up results to show on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from autograder.records.jobs import Outcome, Usage
from autograder.records.results import CheckResult, Diagnosis, SubmissionFile, TaskResult, TopicResult

__all__ = ["MISTAKE", "PASSED", "SOURCE", "Element", "Page", "check", "page", "result", "task"]

VOID = {"meta", "br", "link", "img", "hr", "input"}
SOURCE = "def value_and_grad(f, x):\n    y = f(x)\n    y.backward()\n    return y.item(), x.grad\n"


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A parsed page, which must be well formed: every element is closed where it should be."""

    source: str
    elements: list[Element] = field(default_factory=list)
    stack: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(each.tag for each in self.stack))
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag):
        assert self.stack.pop().tag == tag
        if tag not in {"span", "code", "bdi", "a", "small", "strong"}:
            self.handle_data(" ")

    def handle_data(self, data):
        for element in self.stack:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if element.tag == tag and all(value in element.attributes.get(name, "") for name, value in attributes.items())
        ]

    @property
    def text(self) -> str:
        return " ".join(self.all("main")[0].text.split())


def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def check(name="test_values", outcome=Outcome.FAILED, visible=True, **fields) -> CheckResult:
    fields = {"sentence": f"What {name.removeprefix('test_')} says.", "draws": 3} | fields
    return CheckResult(name=name, outcome=outcome, visible=visible, **fields)


def task(*checks: CheckResult, **fields) -> TaskResult:
    return TaskResult(**({"task": "value_and_grad", "points": 5.0, "checks": checks, "source": SOURCE} | fields))


def result(*tasks: TaskResult, **fields) -> TopicResult:
    fields = {
        "student": "ada",
        "topic": "autograd",
        "title": "Automatic differentiation",
        "submission": SubmissionFile(path="submitted/ada/autograd.ipynb", sha256="ab" * 32),
        "fingerprint": "cd" * 16,
        "seed": 812,
        "device": "cpu",
        "versions": {"torch": "2.13.0"},
        "layers": {"landlock": "on", "seccomp": "on", "namespaces": "off: not permitted"},
        "points": sum(each.points for each in tasks),
        "earned": sum(each.earned for each in tasks),
        "graded_at": "2026-11-22T23:00:00+00:00",
        "usage": Usage(wall_seconds=1.5, cpu_seconds=1.0, peak_mb=300.0, children=2),
    } | fields
    return TopicResult(tasks=tasks, **fields)


PASSED = check("test_shape", Outcome.PASSED, draws_passed=3)
MISTAKE = Diagnosis(
    misconception="leaves_grad_behind",
    feedback="Calling `backward()` leaves a gradient behind. Look at `x.grad`.",
    exact=True,
    checks=("test_values",),
)
