"""Reports for continuous integration: right lines, right formats, and nothing that a student may not see."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec import structs
from rich.console import Console

from autograder.course.cells import read_cells
from autograder.records.jobs import Outcome
from autograder.records.observation import SourceLine
from autograder.records.results import (
    CheckResult,
    Diagnosis,
    Difference,
    SubmissionFile,
    TaskResult,
    TopicResult,
    in_telling_order,
    told_first,
)
from autograder.reporting.ci_reports import (
    Checked,
    classroom_result,
    code_quality,
    findings,
    github_commands,
    summary,
    write_reports,
)
from autograder.reporting.junit import Suite, junit
from autograder.reporting.task_view import task_view
from autograder.reporting.terminal import _print_task, print_result
from autograder.reporting.told import told
from autograder.reporting.topic_page import student_page
from autograder.student.answer import Answer
from autograder.student.as_html import html
from autograder.student.as_text import plain
from autograder.student.view import answer_view_of

SOURCE = b"# %%\nimport torch\n\n# %%\ndef double(x):\n    y = x\n    return y\n\n# %%\ndef later():\n    ...\n"
TASKS = (
    TaskResult(
        task="double",
        points=4.0,
        earned=1.0,
        checks=(
            CheckResult(name="test_ok", sentence="It is there.", visible=True, outcome=Outcome.PASSED),
            CheckResult(
                name="test_values",
                sentence="Doubled: 100%, exactly.",
                visible=True,
                outcome=Outcome.FAILED,
                differences=(Difference(where="result", fact="values", sentence="`result` is half\nof it."),),
                error_type="ValueError",
                error_message="x | <b>",
                at=SourceLine(2, 3, "    return y"),
            ),
            CheckResult(
                name="test_hidden_secret",
                sentence="A matrix stays one.",
                visible=False,
                outcome=Outcome.ERROR,
                error_message="hidden text",
                reason="a hidden reason",
                at=SourceLine(2, 2, "    y = x"),
            ),
        ),
        diagnoses=(Diagnosis(misconception="m", feedback="Is it <twice>?", exact=True, checks=("test_values",)),),
        source="def double(x):\n    y = x\n    return y",
    ),
    TaskResult(task="later", points=1.0, attempted=False, checks=(CheckResult(name="t", sentence="S.", visible=True),)),
)
CHECKED = Checked("src/a,b.py", SOURCE, read_cells(SOURCE, "a.py"), "views", "Views", tuple(map(told, TASKS)))


def test_findings_point_to_the_line_that_failed_or_to_the_definition() -> None:
    visible, hidden = findings(CHECKED)
    assert (visible.line, visible.name) == (7, "views.double.test_values")
    assert (hidden.line, hidden.name) == (5, "views.double.hidden_3")
    assert findings(Checked("x.py", b"", (), "views", "Views", (), problem="x.py is empty."))[0].text == "x.py is empty."


def test_github_annotations_are_a_line_each() -> None:
    first, second = github_commands(findings(CHECKED)).splitlines()
    head, _, text = first.removeprefix("::error ").partition("::")
    assert head == "file=src/a%2Cb.py,line=7,title=double%3A Doubled%3A 100%25%2C exactly."
    assert "`result` is half%0Aof it." in text
    assert second.startswith("::error file=src/a%2Cb.py,line=5,")


def test_points_for_github_classroom() -> None:
    result = json.loads(base64.b64decode(classroom_result([CHECKED])))
    assert (result["version"], result["status"], result["max_score"]) == (1, "fail", 5.0)
    assert [(test["name"], test["status"], test["score"]) for test in result["tests"]] == [
        ("double", "fail", 1.0), ("later", "fail", 0.0),
    ]  # fmt: skip


def test_gitlab_code_quality() -> None:
    report = json.loads(code_quality(findings(CHECKED)))
    assert report[0]["location"] == {"path": "src/a,b.py", "lines": {"begin": 7}}
    assert len({each["fingerprint"] for each in report}) == 2
    assert {each["severity"] for each in report} == {"major"}


def test_junit() -> None:
    root = ElementTree.fromstring(junit([Suite("views", "views", CHECKED.tasks, path=CHECKED.path)]))
    [suite] = root
    assert suite.attrib == {"name": "views", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    case = {"classname": "views.double", "name": "test_ok: It is there.", "time": "0", "file": "src/a,b.py"}
    assert suite[0].attrib == case
    assert [case.get("classname") for case in suite] == ["views.double"] * 3 + ["views.later"]
    assert "`result` is half" in (suite[1][0].text or "")


def test_the_summary() -> None:
    text = summary([CHECKED], footer="That is all.")
    assert text.startswith("### Views: 1 of 5 points\n")
    assert "| `double` | ◐ partly right | 1 of 4 | 1 of 3 |" in text
    assert "* `double`: Is it &lt;twice&gt;?" in text
    assert text.endswith("That is all.\n")


def guess(form: Outcome, answer: Outcome) -> TaskResult:
    """A prediction with a check of its form, one of its value, and `side_effects`."""
    checks = (
        CheckResult(name="test_form", sentence="It is a number.", visible=True, outcome=form, weight=0.0),
        CheckResult(name="test_guess", sentence="It is right.", visible=False, outcome=answer, gate=True),
        CheckResult(name="side_effects", sentence="It changes nothing else.", visible=True, outcome=Outcome.PASSED),
    )
    earned = 1.0 if answer is Outcome.PASSED else 0.0
    return TaskResult(task="guess", points=1.0, earned=earned, prediction=True, gated=not earned, checks=checks)


@pytest.mark.parametrize(
    ("form", "answer", "said", "failures"),
    [
        (Outcome.PASSED, Outcome.PASSED, "hidden_2: It is right.", "0"),
        (Outcome.PASSED, Outcome.FAILED, "hidden_2: It is right.", "1"),
        (Outcome.FAILED, Outcome.FAILED, "test_form: It is a number.", "1"),
    ],
)
def test_a_prediction_is_right_or_wrong_in_every_output(form: Outcome, answer: Outcome, said: str, failures: str) -> None:
    task = guess(form, answer)
    checked = replace(CHECKED, tasks=(told(task),))
    assert re.search(r"\| `guess` \| . [a-z ]+ \| [01] of 1 \| – \|", summary([checked]))
    suite = ElementTree.fromstring(junit([Suite("s", "views", checked.tasks)]))[0]
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["1", failures, "0"]
    assert suite[0].get("name") == said
    assert len(findings(checked)) == int(failures)
    view = task_view(told(task), instructor=False)
    assert (view.passed, view.folded, view.points_made, view.notes) == ("", "", "", ())
    assert [check.sentence for check in view.checks] == [said.partition(": ")[2]]
    answered = answer_view_of("Views", Answer(topic="views", tasks=(task,)), hidden=True).tasks[0]
    assert (answered.summary, len(answered.checks)) == (f"{task.earned:g} of 1 points", 1)
    file = SubmissionFile(path="views.py", sha256="")
    result = TopicResult(student="ann", topic="views", title="Views", submission=file, fingerprint="", seed=1, device="cpu",
                         versions={}, points=1.0, earned=task.earned, tasks=(task,))  # fmt: skip
    screen = Console(record=True, width=100, file=io.StringIO())
    print_result(result, screen)
    for text in (screen.export_text(), student_page(result).decode()):
        assert said.partition(": ")[2] in text
        assert not re.search(r"[0-9] of [23]\b|other checks earn nothing|its values are wrong|checks passed", text)


def test_results_of_before_have_no_predictions_and_their_checks_are_counted() -> None:
    old = structs.replace(guess(Outcome.PASSED, Outcome.FAILED), prediction=False)
    assert (
        "2 of 3 checks passed" in answer_view_of("Views", Answer(topic="views", tasks=(old,)), hidden=True).tasks[0].summary
    )


def test_no_report_holds_text_of_hidden_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path / name))
    write_reports([CHECKED], tmp_path / "reports")
    everything = capsys.readouterr().out + "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    for secret in ("test_hidden_secret", "hidden text", "hidden reason", "`m`"):
        assert secret not in everything
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == (tmp_path / "reports/summary.md").read_text()
    assert (tmp_path / "GITHUB_OUTPUT").read_text().splitlines()[1] == "points=1"


def test_what_could_not_be_judged_is_not_reported_as_done() -> None:
    waits = Checked("a.py", b"", (), "views", "Views", (), problem="Not graded: the disk was full. No points are lost.")
    decoded = json.loads(base64.b64decode(classroom_result([waits])))
    assert (decoded["status"], decoded["max_score"], decoded["tests"]) == ("fail", 0, [])
    assert summary([waits]) == "### Views\n\nNot graded: the disk was full. No points are lost.\n"


def test_a_small_check_is_told_last_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    def failed(name: str, weight: float = 1.0, *, visible: bool = True) -> CheckResult:
        sentence = f"About {name}."
        return CheckResult(name=name, sentence=sentence, visible=visible, outcome=Outcome.FAILED, weight=weight)

    tests = (failed("toll", 0.25), failed("values"), failed("hidden", visible=False), failed("side_effects"))
    task = TaskResult(task="double", points=4.0, checks=tests, diagnoses=TASKS[0].diagnoses)
    order = ["About values.", "About hidden.", "About side_effects.", "About toll."]
    checked = replace(CHECKED, tasks=(told(task),))
    assert [each.title for each in findings(checked)] == [f"double: {sentence}" for sentence in order]
    assert findings(checked)[-1].name == "views.double.toll"
    root = ElementTree.fromstring(junit([Suite("a", "a", (told(task),))]))
    assert [case.get("name", "").partition(": ")[2] for case in root.iter("testcase")] == order
    answer = Answer(topic="views", tasks=(task,))
    for hidden in (False, True):
        view = answer_view_of("Views", answer, hidden=hidden)
        assert [check.sentence for check in view.tasks[0].checks] == order
        said, page = plain(view), html(view)
        for text in (said, page):
            places = [text.index(sentence) for sentence in order]
            assert places == sorted(places)
    console = Console(width=200)
    _print_task(task, console)
    said = capsys.readouterr().out
    assert [said.index(sentence) for sentence in order] == sorted(said.index(sentence) for sentence in order)


def test_only_the_weights_of_authors_make_a_check_small() -> None:
    weights = (0.0, 1.0, 0.5, 2.0)
    checks = [CheckResult(name=str(w), sentence="", visible=True, weight=w, outcome=Outcome.FAILED) for w in weights]
    assert [check.weight for check in in_telling_order(checks)] == [0.0, 1.0, 2.0, 0.5]
    assert told_first(checks) == {"0.0", "1.0", "2.0"}
    passed = [check if check.small else structs.replace(check, outcome=Outcome.PASSED) for check in checks]
    assert told_first(passed) == {"0.5"}
