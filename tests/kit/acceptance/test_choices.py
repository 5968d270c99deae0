"""Tasks of kind: choice, from course.yml to the student's check and the mark; the right answer stays out of the release."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from course_files import write_files
from markdown_pages import examples
from tiny_course import write_notebook
from typer.testing import CliRunner

from autograder.commands.student import app
from autograder.course.course_file import load_course
from autograder.errors import AuthoringError, CourseError
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.keys.key import read_key
from autograder.processes.pool import Pool
from autograder.records.jobs import Outcome
from autograder.records.results import TopicResult
from autograder.release import build
from autograder.verifying.verify import verify

(TASKS,) = examples("choices", "yaml")
STUBS, RIGHT, MISTAKES = examples("choices")
COURSE = f"title: A quiz\ntopics:\n  memory:\n    number: 1\n    title: Memory\n    tasks:\n{TASKS}"
WRONG = RIGHT.replace('"b"', '"a"').replace('"d"]', '"b"]').replace("4.0", "4.5").replace('"no"', '"yes"')
IN_OTHER_WORDS = """\
copies = " B"
views = ("d", "A", "a")
import torch
megabytes = torch.tensor(4.001)
contiguous = "No"
"""
BROKEN = "copies = ['b']\nviews = 'a'\nmegabytes = '4'\ncontiguous = 0\n"
NAMES = ("copies", "views", "megabytes", "contiguous")


def make_quiz(root: Path) -> Path:
    write_files(
        root,
        {
            "course.yml": COURSE,
            "exercises/memory.py": f"# %%\nimport torch\n\n# %%\n{STUBS}",
            "solutions/memory.py": f"# %%\n{RIGHT}",
            "solutions/misconceptions/memory.py": MISTAKES,
        },
    )
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """The quiz of the guide, with its release."""
    root = make_quiz(tmp_path_factory.mktemp("course"))
    build.build(load_course(root), pool, root / "release")
    return root


@pytest.fixture(scope="module")
def results(root: Path, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TopicResult]:
    submitted, out = tmp_path_factory.mktemp("submitted"), tmp_path_factory.mktemp("grades")
    answers = {"right": RIGHT, "wrong": WRONG, "other_words": IN_OTHER_WORDS, "broken": BROKEN, "empty": STUBS}
    for student, answer in answers.items():
        write_notebook(submitted / student / "memory.ipynb", answer)
    course = load_course(root)
    prepared = {"memory": prepare(course, "memory", pool, seed=3, device="cpu")}
    list(grade(course, prepared, find_submissions([submitted], course).submissions, pool, out))
    return {student: read_result(out / student / "memory.json") for student in answers}


def outcomes(result: TopicResult, check: str) -> list[Outcome]:
    return [each.outcome for task in result.tasks for each in task.checks if each.name == f"test_{check}_of_{task.task}"]


@pytest.mark.parametrize("student", ["right", "other_words"])
def test_right_answers_earn_all_points_in_whatever_words(results: dict[str, TopicResult], student: str) -> None:
    assert results[student].earned == results[student].points == 5


def test_wrong_answers_earn_nothing_and_have_the_right_form(results: dict[str, TopicResult]) -> None:
    assert results["wrong"].earned == 0
    assert outcomes(results["wrong"], "form") == [Outcome.PASSED] * 4
    assert outcomes(results["wrong"], "answer") == [Outcome.FAILED] * 4
    sentences = [
        check.differences[0].sentence for task in results["wrong"].tasks for check in task.checks if check.differences
    ]
    assert sentences[0] == "`copies` is not the right answer."
    assert sentences[2] == "`megabytes` is not the right answer (yours: 4.5)."


def test_only_the_answer_has_weight(results: dict[str, TopicResult]) -> None:
    weights = {check.name: check.weight for check in results["right"].tasks[0].checks}
    assert weights == {"test_form_of_copies": 0, "test_answer_of_copies": 1, "side_effects": 0}


def test_a_wrong_option_shows_the_text_of_its_misconception(results: dict[str, TopicResult]) -> None:
    diagnoses = [each.feedback for task in results["wrong"].tasks for each in task.diagnoses if each.exact]
    assert diagnoses == ["Change the result: does x change, too?"]


def test_an_answer_of_another_form_is_told_what_it_must_be(results: dict[str, TopicResult]) -> None:
    assert results["broken"].earned == 0
    sentences = [each.sentence for task in results["broken"].tasks for each in task.checks[0].differences]
    assert sentences == [
        '`copies` must be "a", "b" or "c".',
        '`views` must be a list of one or more of "a", "b", "c" and "d".',
        "`megabytes` must be a number.",
        '`contiguous` must be "yes" or "no".',
    ]


def test_a_stub_is_not_attempted(results: dict[str, TopicResult]) -> None:
    assert [task.attempted for task in results["empty"].tasks] == [False] * 4


def test_verify_proves_a_quiz(root: Path, pool: Pool) -> None:
    proof = verify(load_course(root), None, pool, seeds=2)
    assert proof.problems == []


def test_verify_finds_an_answer_that_is_told_apart_from_nothing(root: Path, pool: Pool, tmp_path: Path) -> None:
    quiz = shutil.copytree(root, tmp_path / "quiz")
    (quiz / "solutions/memory.py").write_text(RIGHT.replace("4.0", "1e300"))
    problems = verify(load_course(quiz), None, pool, seeds=2).problems
    assert "memory: megabytes: the answer 1e+300 passes the check test_answer_of_megabytes." in problems


def test_the_release_holds_no_answer_but_those_that_the_author_lets_be_told(root: Path, pool: Pool) -> None:
    key = read_key(root / "release/keys/memory.key")
    assert sorted(key.reference) == ["test_answer_of_contiguous", *(f"test_form_of_{name}" for name in sorted(NAMES))]
    assert key.misconceptions == {}
    assert key.feedback == {}
    held = [seen.returned for name in NAMES[:3] for seen in key.reference[f"test_form_of_{name}"]]
    assert {item.value for fact in held for item in fact.items} == {"the right form"}
    assert "'no'" not in repr(key.reference["test_answer_of_contiguous"])
    assert build.check(load_course(root), pool, root / "release") == []


@pytest.fixture
def release(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    release = shutil.copytree(root / "release", tmp_path / "release")
    monkeypatch.chdir(release)
    return release


def checked(release: Path, answers: str) -> str:
    (release / "memory.py").write_text(answers)
    return re.sub(r"\s+", " ", CliRunner().invoke(app, ["check", "memory.py"]).output)


def test_check_tells_the_form_and_the_rest_only_where_the_author_allows_it(release: Path) -> None:
    right, wrong = (checked(release, answers) for answers in (RIGHT, WRONG))
    for told in (right, wrong):
        assert "✓ answered copies ✓ answered views ✓ answered megabytes" in told
        assert "Grading says whether copies, views and megabytes are right." in told.replace("`", "")
    assert "✓ passes contiguous" in right
    assert "`contiguous` is not the right answer." in wrong
    assert "does x change" not in wrong


MISTAKES_IN_COURSE = [
    ("options: [a, b, c]}", "options: [a, b], side_effects: 2}", "copies.side_effects is 2, but nothing of a choice has"),
    ("options: [a, b, c]}", "}", "copies.kind is choice; write either options or, for a number, tolerance."),
    ("options: [a, b, c]}", "options: [a, b], tolerance: 1}", "copies.kind is choice; write either options or, for a"),
    ("options: [a, b, c]}", "options: [a]}", "copies.options is a list; write 2 to 26 different texts, like [a, b, c],"),
    ("options: [a, b, c]}", "options: [a, A ]}", 'copies.options is "a, A"; write 2 to 26 different texts, like [a, b, c],'),
    (
        "options: [a, b, c]}",
        "options: [yes, no]}",
        "copies.options is a list; write 2 to 26 different texts, like [a, b, c],",
    ),
    ("tolerance: 0.01}", "tolerance: -1}", "megabytes.tolerance is -1; write a number of at least 0: how far off an answer"),
    ("tolerance: 0.01}", "tolerance: 0, several: true}", "megabytes.several is true, but there are no options; remove it."),
    ("tolerance: 0.01}", "tolerance: 0, tells: verdict}", "megabytes.tells is verdict, but then the release would hold the"),
    ("tells: verdict", "tells: all", 'contiguous.tells is "all"; write form or verdict.'),
    (
        "kind: choice, options: [a, b, c]}",
        "options: [a, b]}",
        "copies.options is only for a choice; remove it, or write kind",
    ),
    (
        "kind: choice, tolerance: 0.01}",
        "tolerance: 0}",
        "megabytes.tolerance is only for a choice or an output; remove it, or write kind: choice or kind: output.",
    ),
    (
        "kind: choice, tolerance: 0.01}",
        "tells: verdict}",
        "megabytes.tells is only for a choice or an output; remove it, or write kind: choice or kind: output.",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES_IN_COURSE)
def test_mistakes_in_course_yml_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    quiz = make_quiz(tmp_path)
    (quiz / "tests/visible").mkdir(parents=True)
    (quiz / "tests/visible/test_memory.py").write_text("")
    assert old in COURSE
    (quiz / "course.yml").write_text(COURSE.replace(old, new, 1))
    with pytest.raises(CourseError) as caught:
        load_course(quiz)
    assert f"course.yml: topics.memory.tasks.{message}" in str(caught.value)


def test_a_choice_is_a_variable(tmp_path: Path) -> None:
    quiz = make_quiz(tmp_path)
    (quiz / "exercises/memory.py").write_text(STUBS.replace("copies = ...", "def copies(): ..."))
    with pytest.raises(CourseError, match=r"tasks\.copies is a choice; write `copies = \.\.\.` in exercises/memory\.py\.$"):
        load_course(quiz)


def test_a_choice_has_no_other_checks(tmp_path: Path, pool: Pool) -> None:
    quiz = make_quiz(tmp_path)
    (quiz / "tests/hidden").mkdir(parents=True)
    own = 'from autograder import checks\n\n\n@checks("copies")\ndef test_own(code, given):\n    """Own."""\n'
    (quiz / "tests/hidden/test_memory.py").write_text(own)
    with pytest.raises(
        AuthoringError, match=r"test_memory\.py:5: test_own is for copies, a choice, which has checks of its"
    ):
        prepare(load_course(quiz), "memory", pool, seed=3, device="cpu")


def test_a_reference_of_another_form_is_the_authors_mistake(tmp_path: Path, pool: Pool) -> None:
    quiz = make_quiz(tmp_path)
    (quiz / "solutions/memory.py").write_text(RIGHT.replace('"b"', '"e"'))
    with pytest.raises(
        AuthoringError, match=r'^solutions/memory\.py: `copies` must be "a", "b" or "c", as course\.yml says\.$'
    ):
        prepare(load_course(quiz), "memory", pool, seed=3, device="cpu")
