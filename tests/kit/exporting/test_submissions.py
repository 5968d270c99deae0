"""The formats of a single submission, and JUnit: what they hold, and that no hidden check's name is in them."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import msgspec
import pytest
from marked_class_example import ADJUSTMENTS, COURSE, RESULTS

from autograder.exporting.formats import OF_A_SUBMISSION
from autograder.exporting.junit import junit
from autograder.exporting.marked_class import Submission
from autograder.exporting.submission_lines import lines_of
from autograder.gradebook.adjustments import Adjustment
from autograder.gradebook.marks import mark_of


def submission(student: str, topic: str = "views") -> Submission:
    found = next(each for each in RESULTS if (each.student, each.topic) == (student, topic))
    return Submission(COURSE, found, mark_of(COURSE, student, topic, found, ADJUSTMENTS.get(student, ())))


EVERYBODY = [submission(each.student, each.topic) for each in RESULTS]


def test_lines_add_up_to_the_mark() -> None:
    for each in EVERYBODY:
        assert round(sum(line.earned for line in lines_of(each)), 2) == each.mark.earned
        assert round(sum(line.points for line in lines_of(each)), 2) == each.mark.points
    penalty = lines_of(submission("eve"))[-1]
    assert (penalty.name, penalty.earned, penalty.points) == ("Late penalty", -0.5, 0)


@pytest.mark.parametrize("name", OF_A_SUBMISSION)
def test_nothing_private_is_in_them_and_numbers_are_short(name: str) -> None:
    for each in EVERYBODY:
        text = json.dumps(OF_A_SUBMISSION[name](each))
        assert "secret" not in text
        assert "333333" not in text


def test_gradescope() -> None:
    made = OF_A_SUBMISSION["gradescope"](submission("lilei"))
    assert made["score"] == 4
    assert made["output"] == 'adjusted\ndouble: =1+1, "good" idea'
    double, guess = made["tests"]
    assert (double["name"], double["score"], double["max_score"], double["status"]) == ("double", 3, 4, "failed")
    assert double["output"].startswith(
        "These points were given by your instructor.\nYour code does the same as a well-known"
    )
    assert "✗ failed: What values is about.\n    `result` is off by 1." in double["output"]
    assert (guess["status"], guess["number"], guess["visibility"]) == ("passed", "2", "visible")


def test_github() -> None:
    made = OF_A_SUBMISSION["github"](submission("ada"))
    assert (made["version"], made["status"], made["max_score"]) == (1, "pass", 5)
    assert [(test["name"], test["status"], test["score"]) for test in made["tests"]] == [
        ("double", "pass", 4),
        ("guess", "pass", 1),
    ]
    assert OF_A_SUBMISSION["github"](submission("mueller"))["status"] == "error"
    late = OF_A_SUBMISSION["github"](submission("eve"))
    assert sum(test["score"] for test in late["tests"]) == 4.5


def test_prairielearn() -> None:
    made = OF_A_SUBMISSION["prairielearn"](submission("eve"))
    assert (made["gradable"], made["score"]) == (True, 0.9)
    assert made["tests"][0]["points"] == made["tests"][0]["max_points"] == 4
    unreadable = OF_A_SUBMISSION["prairielearn"](submission("mueller"))
    assert unreadable == {"gradable": False, "format_errors": ["views.ipynb is not a notebook."]}
    assert "score" not in OF_A_SUBMISSION["prairielearn"](submission("=cmd")), "who is excused has no points to divide by"


def test_junit() -> None:
    data = junit(EVERYBODY)
    assert b"secret" not in data
    root = ElementTree.fromstring(data)
    suites = {suite.get("name"): suite for suite in root}
    ada = suites["ada/views"]
    assert [ada.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["4", "0", "0", "0"]
    assert {p.get("name"): p.get("value") for p in suites["eve/views"].iter("property")}["mark"] == "4.5"
    lilei = suites["lilei/views"]
    assert [lilei.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "0"]
    first = next(lilei.iter("testcase"))
    assert (first.get("classname"), first.get("name")) == ("lilei.views.double", "values: What values is about.")
    failure = first.find("failure")
    assert failure is not None
    assert failure.get("message") == "`result` is off by 1."
    assert suites["mueller/views"].get("skipped") == "4"


def test_who_is_excused_has_no_score() -> None:
    excused = next(each for each in EVERYBODY if each.mark.excused)
    assert OF_A_SUBMISSION["gradescope"](excused) == {"output": "excused, adjusted"}
    assert OF_A_SUBMISSION["prairielearn"](excused) == {"gradable": False, "format_errors": ["excused, adjusted"]}
    github = OF_A_SUBMISSION["github"](excused)
    assert (github["status"], github["max_score"], github["tests"]) == ("pass", 0, [])
    names = {each.get("name") for each in ElementTree.fromstring(junit([excused])).iter("property")}
    assert names == {"points", "remark"}


def test_what_the_machine_failed_at_has_no_score() -> None:
    failed = msgspec.structs.replace(EVERYBODY[2].result, problem="The disk was full.", not_graded=True)
    waits = Submission(COURSE, failed, mark_of(COURSE, "ada", "views", failed, ()))
    assert OF_A_SUBMISSION["gradescope"](waits) == {"output": "Not graded: The disk was full. No points are lost."}
    assert OF_A_SUBMISSION["prairielearn"](waits) == {"gradable": False, "format_errors": ["The disk was full."]}
    github = OF_A_SUBMISSION["github"](waits)
    assert (github["status"], github["max_score"], len(github["tests"])) == ("error", 0, 1)
    assert github["tests"][0]["message"] == "The disk was full."
    properties = {each.get("name"): each.get("value") for each in ElementTree.fromstring(junit([waits])).iter("property")}
    assert properties == {"points": "5", "remark": "not graded", "problem": "The disk was full."}
    decided = (Adjustment(student="ada", topic="views", points=3),)
    given = Submission(COURSE, failed, mark_of(COURSE, "ada", "views", failed, decided))
    assert OF_A_SUBMISSION["gradescope"](given)["score"] == 3
    assert OF_A_SUBMISSION["prairielearn"](given)["score"] == 0.6
