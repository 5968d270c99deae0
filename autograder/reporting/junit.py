"""JUnit XML, which CI systems show as a table of tests: a suite per submission, a case per check.

A check that failed is a failure, one that died or ran out of time an error, one that was not run is skipped. Only what
students may see is in it: a hidden check is called by its number and its sentence.
Source: https://github.com/testmoapp/junitxml, docs.gitlab.com, “Unit test reports”, and the schema that pytest's own output
is tested with, https://github.com/pytest-dev/pytest/blob/main/testing/example_scripts/junit-10.xsd
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, TaskResult, in_telling_order
from autograder.reporting.labels import readable, task_state
from autograder.reporting.task_view import CheckView, task_view

__all__ = ["Suite", "case_name", "junit"]

_TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.TIMEOUT: "error", Outcome.NOT_RUN: "skipped"}
_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass(frozen=True)
class Suite:
    """A submission: what the suite and the classes of its cases are called, its tasks, and what else is known of it.

    `path` is the file that the cases are about. `facts` become attributes of the suite, `properties` its properties.
    """

    name: str
    classname: str
    tasks: tuple[TaskResult, ...]
    path: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


def junit(suites: Iterable[Suite]) -> bytes:
    """The suites as XML."""
    root = ElementTree.Element("testsuites", name="autograde")
    root.extend(map(_suite, suites))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def case_name(check: CheckResult, task: TaskResult) -> str:
    """A check's name, or, if it is hidden, its number."""
    return check.name if check.visible else f"hidden_{task.checks.index(check) + 1}"


def _suite(suite: Suite) -> ElementTree.Element:
    cases = [case for task in suite.tasks for case in _cases(suite, task)]
    counts = {name: str(sum(case.find(tag) is not None for case in cases)) for name, tag in _COUNTS.items()}
    element = ElementTree.Element("testsuite", name=_text(suite.name), tests=str(len(cases)))
    element.attrib.update(counts | dict(suite.facts))
    properties = {name: value for name, value in suite.properties.items() if value}
    if properties:
        parent = ElementTree.SubElement(element, "properties")
        for name, value in properties.items():
            ElementTree.SubElement(parent, "property", name=name, value=_text(value))
    element.extend(cases)
    return element


def _cases(suite: Suite, task: TaskResult) -> Iterator[ElementTree.Element]:
    for check, view in zip(in_telling_order(task.checks), task_view(task, instructor=False).checks, strict=True):
        yield _case(suite, task, check, view)


def _case(suite: Suite, task: TaskResult, check: CheckResult, view: CheckView) -> ElementTree.Element:
    name = f"{case_name(check, task)}: {view.sentence}"
    case = ElementTree.Element("testcase", classname=_text(f"{suite.classname}.{task.task}"), name=_text(name), time="0")
    if suite.path:
        case.set("file", _text(suite.path))
    tag = _TAGS.get(check.outcome) if task.attempted else "skipped"
    if tag == "skipped":
        said = [*view.details, *view.sentences] if task.attempted else []
        ElementTree.SubElement(case, tag, message=_text(said[0] if said else task_state(task).word))
    elif tag is not None:
        said = [*view.details, *view.sentences] or [view.state.word]
        note = ElementTree.SubElement(case, tag, message=_text(said[0]), type=check.outcome.value)
        note.text = _text("\n".join(said))
    return case


def _text(text: str) -> str:
    """Text without the characters that XML does not have."""
    return "".join(c for c in readable(text) if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))
