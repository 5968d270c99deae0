"""JUnit XML, which CI systems show as a table of tests: a suite per submission, a case per check, or per prediction.

A check that failed is a failure, one that died or ran out of time an error, one that was not run is skipped. Only what
students may be told is in it: a hidden check is called by its number and its sentence. A task that uses what a hidden check
does not allow has a case more.
Source: https://github.com/testmoapp/junitxml, docs.gitlab.com, “Unit test reports”, and the schema that pytest's own output
is tested with, https://github.com/pytest-dev/pytest/blob/main/testing/example_scripts/junit-10.xsd
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, told_checks
from autograder.reporting.labels import readable, task_state
from autograder.reporting.task_view import CheckView, task_view
from autograder.reporting.told import Told, unavailable_sentence

__all__ = ["Suite", "junit"]

_TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.TIMEOUT: "error", Outcome.NOT_RUN: "skipped"}
_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass(frozen=True)
class Suite:
    """A submission: what the suite and the classes of its cases are called, its tasks, and what else is known of it.

    `path` is the file that the cases are about. `facts` become attributes of the suite, `properties` its properties.
    """

    name: str
    classname: str
    tasks: tuple[Told, ...]
    path: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


def junit(suites: Iterable[Suite]) -> bytes:
    """The suites as XML."""
    root = ElementTree.Element("testsuites", name="autograde")
    root.extend(map(_suite, suites))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


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


def _cases(suite: Suite, task: Told) -> Iterator[ElementTree.Element]:
    for check, view in zip(told_checks(task), task_view(task, instructor=False).checks, strict=True):
        yield _case(suite, task, check, view)
    if task.unavailable:
        case = _empty_case(suite, task, "unavailable: Only what the task allows is used.")
        sentences = [unavailable_sentence(name) for name in task.unavailable]
        note = ElementTree.SubElement(case, "failure", message=sentences[0], type=Outcome.FAILED.value)
        note.text = "\n".join(sentences)
        yield case


def _empty_case(suite: Suite, task: Told, name: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_text(f"{suite.classname}.{task.task}"), name=_text(name), time="0")
    if suite.path:
        case.set("file", _text(suite.path))
    return case


def _case(suite: Suite, task: Told, check: CheckResult, view: CheckView) -> ElementTree.Element:
    case = _empty_case(suite, task, f"{check.name}: {view.sentence}")
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
