"""JUnit XML, which CI systems show as a table of tests: a suite per submission, a case per check.

A check that failed is a failure, one that died or ran out of time an error, one that was not run is skipped. Cases are
called by their sentence, as students may see them. The mark stands in the suite's properties.
Source: https://github.com/testmoapp/junitxml, and the schema that pytest's own output is tested with,
https://github.com/pytest-dev/pytest/blob/main/testing/example_scripts/junit-10.xsd
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from autograder.exporting.marked_class import Submission, number, remark
from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, TaskResult
from autograder.reporting.labels import readable
from autograder.reporting.task_view import CheckView, task_view

__all__ = ["junit"]

_TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.TIMEOUT: "error", Outcome.NOT_RUN: "skipped"}


def junit(submissions: Iterable[Submission]) -> bytes:
    """The results of submissions as XML."""
    suites = ElementTree.Element("testsuites", name="autograde")
    for submission in submissions:
        suites.append(_suite(submission))
    ElementTree.indent(suites)
    return bytes(ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(submission: Submission) -> ElementTree.Element:
    result, mark = submission.result, submission.mark
    checks = [check for task in result.tasks for check in task.checks]
    counts = {tag: sum(_TAGS.get(check.outcome) == tag for check in checks) for tag in ("failure", "error", "skipped")}
    suite = ElementTree.Element(
        "testsuite",
        name=_text(f"{result.student}/{result.topic}"),
        tests=str(len(checks)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
        time=f"{result.usage.wall_seconds:.3f}",
        timestamp=result.graded_at[:19],
    )
    properties = ElementTree.SubElement(suite, "properties")
    earned = "" if mark.undecided else number(mark.earned)
    facts = {"mark": earned, "points": number(mark.points), "remark": remark(mark), "problem": result.problem}
    for name, value in facts.items():
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=_text(value))
    for task in result.tasks:
        suite.extend(_cases(result.student, result.topic, task))
    return suite


def _cases(student: str, topic: str, task: TaskResult) -> Iterable[ElementTree.Element]:
    for check, view in zip(task.checks, task_view(task, instructor=False).checks, strict=True):
        yield _case(f"{student}.{topic}.{task.task}", check, view)


def _case(classname: str, check: CheckResult, view: CheckView) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_text(classname), name=_text(check.sentence), time="0")
    tag = _TAGS.get(check.outcome)
    if tag is not None:
        said = [*view.sentences, *view.details] or [view.state.word]
        note = ElementTree.SubElement(case, tag, message=_text(said[0]))
        if tag != "skipped":
            note.set("type", check.outcome.value)
        note.text = _text("\n".join(said))
    return case


def _text(text: str) -> str:
    """Text without the characters that XML does not have."""
    return "".join(c for c in readable(text) if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))
