"""The guide's example of rules on the source, from its files to what students and instructors are told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from course_files import write_files
from markdown_pages import examples

from autograder import Grader
from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.errors import AuthoringError
from autograder.keys.build import build_key
from autograder.keys.key import read_key
from autograder.processes.pool import Pool
from autograder.records.observation import Observation, SourceFact
from autograder.records.results import TaskResult
from autograder.release import build
from autograder.reporting.task_view import task_view
from autograder.student.notebook import check
from autograder.student.released import PLACE, find_release
from autograder.student.run_file import Runner
from autograder.student.student_file import read_file
from autograder.verifying.verify import verify

REFERENCE = "import torch\n\n\ndef row_means(x):\n    return x.sum(dim=1) / x.shape[1]\n"
STUB = "import torch\n\n\ndef row_means(x):\n    raise NotImplementedError\n"
LOOP = REFERENCE.replace("x.sum(dim=1) / x.shape[1]", "torch.stack([row.sum() / len(row) for row in x])")
FORBIDDEN = "from torch import mean as m\n\ndef row_means(x):\n    return m(x, dim=1)\n"
RULES = {"row_means_forbids_loops": "passed", "row_means_never_calls_torch_mean__mean": "passed"}
SENTENCE = "`row_means` must do without loops (for, while, comprehensions)."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    checks, misconceptions = examples("source-rules")
    files = {
        "course.yml": "title: T\ntopics: {rows: {title: R, number: 1, tasks: {row_means: {points: 5}}}}\n",
        "exercises/rows.py": f"# %%\n{STUB}",
        "exercises/hints/rows.yml": "row_means: [Add up., Divide., Use sum.]\n",
        "solutions/rows.py": f"# %%\n{REFERENCE}",
        "solutions/misconceptions/rows.py": misconceptions,
        "solutions/alternatives/rows.py": (
            'import torch\nfrom autograder import alternative\n\n\n@alternative("row_means")\n'
            "def multiplied(x):\n    return x @ torch.full((x.shape[1],), 1 / x.shape[1], dtype=x.dtype)\n"
        ),
        "tests/visible/test_rows.py": checks,
        "tests/hidden/test_rows.py": 'from autograder import source\n\nsource.calls_at_most("row_means", ".sum", 1)\n',
    }
    write_files(root, files)
    return root


@pytest.fixture(scope="module")
def grader(root: Path, pool: Pool) -> Iterator[Grader]:
    with Grader(root, seed=3, pool=pool) as running:
        yield running


def grade(grader: Grader, source: str) -> TaskResult:
    return grader.grade(source, topic="rows").tasks[0]


def outcomes(result: TaskResult) -> dict[str, str]:
    return {each.name: each.outcome.value for each in result.checks if each.rule}


def test_who_keeps_the_rules_gets_all_points(grader: Grader) -> None:
    result = grade(grader, REFERENCE)
    assert (result.earned, result.diagnoses) == (5, ())
    assert outcomes(result) == {**RULES, "row_means_calls_at_most__sum": "passed"}
    assert grade(grader, "%%time\n" + REFERENCE).checks[1].outcome == "passed"


def test_who_breaks_one_loses_its_weight_and_is_told_where(grader: Grader) -> None:
    result = grade(grader, LOOP)
    assert result.earned == round(5 * 5 / 6, 2)
    assert [each.misconception for each in result.diagnoses] == ["goes_row_by_row"]
    (rule,) = [each for each in result.checks if each.outcome != "passed"]
    assert [each.sentence for each in rule.differences] == [f"Line 5: {SENTENCE}"]
    result = grade(grader, FORBIDDEN)
    assert result.earned == round(5 * 4 / 6, 2)
    assert [each.misconception for each in result.diagnoses] == ["lets_torch_do_it"]


def test_a_hidden_rule(grader: Grader) -> None:
    result = grade(grader, REFERENCE.replace("x.shape[1]", "torch.ones_like(x).sum(dim=1)"))
    assert result.earned == round(5 * 5 / 6, 2)
    sentence = "`row_means` must use `.sum` in no more than 1 place."
    assert result.checks[3].differences[0].sentence == f"Line 5 and 1 more place: {sentence}"


def test_pages_say_what_is_a_rule(grader: Grader) -> None:
    view = task_view(grade(grader, LOOP), instructor=False)
    assert [each.label.endswith("· rule on the source") for each in view.checks] == [False, True, True, True, False]
    assert view.checks[1].sentence == SENTENCE


@pytest.mark.parametrize(
    "source",
    [
        STUB,
        "",
        "import torch",
        "def row_means(x):\n    return None\n",
        "def row_means(x):\n    return x\n",
        "def row_means(:",
    ],
)
def test_rules_alone_earn_nothing(grader: Grader, source: str) -> None:
    result = grade(grader, source)
    assert result.earned == 0
    if not result.attempted:
        assert "passed" not in outcomes(result).values()


@pytest.mark.parametrize(
    "last", ["from helper import row_means", "exec('def row_means(x):\\n    return x.sum(1) / x.shape[1]')"]
)
def test_what_cannot_be_read_keeps_no_rule(grader: Grader, tmp_path: Path, last: str) -> None:
    (tmp_path / "helper.py").write_text(REFERENCE)
    (tmp_path / "rows.py").write_text(f"import torch\n{last}\n")
    result = grader.grade(tmp_path / "rows.py").tasks[0]
    assert result.earned == round(5 * 2 / 6, 2)
    assert set(outcomes(result).values()) == {"failed"}
    assert "no definition of it that can be read" in result.checks[1].differences[0].sentence


def changed(root: Path, to: Path, name: str, text: str) -> Path:
    shutil.copytree(root, to / "course", ignore=shutil.ignore_patterns(".autograde", "release"))
    (to / "course" / name).write_text(text, encoding="utf-8")
    return to / "course"


def test_a_reference_that_breaks_a_rule_is_the_authors_mistake(root: Path, tmp_path: Path, pool: Pool) -> None:
    course = load_course(changed(root, tmp_path, "solutions/rows.py", f"# %%\n{LOOP}"))
    with pytest.raises(AuthoringError) as error:
        build_key(course, load_topic(course, "rows"), seed=1, pool=pool, cache=None)
    assert str(error.value) == f"solutions/rows.py: the reference breaks a rule of its own: {SENTENCE}"


def test_a_rule_for_an_unknown_task_and_twice(root: Path, tmp_path: Path) -> None:
    text = 'from autograder import source\nsource.forbids_loops("row_means")\nsource.forbids_loops("row_mean")\n'
    course = load_course(changed(root, tmp_path, "tests/hidden/test_rows.py", text))
    with pytest.raises(AuthoringError) as error:
        load_topic(course, "rows")
    twice, unknown = str(error.value).splitlines()
    assert twice.endswith("is already defined in tests/visible/test_rows.py; remove one of the two.")
    assert ":3: row_mean_forbids_loops is for the task 'row_mean', which course.yml does not have; " in unknown


def test_verify_asks_for_a_misconception_that_breaks_each_rule(root: Path, pool: Pool) -> None:
    verification = verify(load_course(root), None, pool, seeds=1, mutants=False)
    assert verification.problems == [
        "rows: row_means: no misconception breaks the rule row_means_calls_at_most__sum; write one that does in "
        "solutions/misconceptions/rows.py."
    ]


# ---- the student's side -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(root: Path, pool: Pool) -> Path:
    build.build(load_course(root), pool, root / "release")
    return root / "release"


@pytest.fixture
def folder(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(shutil.copytree(released, tmp_path / "mine"))
    return Path.cwd()


def test_the_public_key_holds_visible_rules_only(released: Path) -> None:
    key = read_key(released / "keys" / "rows.key")
    facts = {name: draws[0].returned for name, draws in key.reference.items()}
    assert [name for name, fact in facts.items() if isinstance(fact, SourceFact)] == list(RULES)


def told(capsys: pytest.CaptureFixture[str], *cells: str, **names: object) -> str:
    namespace: dict[str, object] = {"__name__": "__main__", **names}
    for cell in cells:
        exec(cell, namespace)
    exec("check('row_means')", namespace | {"check": check, "In": ["", *cells]} if "In" not in names else namespace)
    return capsys.readouterr().out


def test_a_notebook_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "4 of 4 visible checks passed" in told(capsys, LOOP, REFERENCE)
    said = told(capsys, REFERENCE, LOOP)
    assert f"Cell 2, line 5: {SENTENCE}" in said
    assert "Which operation adds up along a dimension, without a loop?" in said


def test_a_file_is_told(folder: Path) -> None:
    (folder / "rows.py").write_text(LOOP)
    release = find_release()
    run = Runner().run(release.topic("rows"), read_file(release, folder / "rows.py"))
    seen = run.seen["row_means_forbids_loops", 0]
    assert isinstance(seen, Observation)
    assert isinstance(seen.returned, SourceFact)
    assert [(place.cell, place.line) for place in seen.returned.places] == [(0, 5)]


def test_where_the_source_is_not_known_the_rule_is_not_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, LOOP, In=None, check=check)
    assert SENTENCE in said
    assert "must do without loops" not in said.replace(SENTENCE, "", 1)
