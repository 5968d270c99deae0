"""The guide's tasks on training: a model that is handed in as a file, and a training loop with a budget."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch
from course_files import write_files
from markdown_pages import examples
from tiny_course import write_notebook
from torch import nn
from typer.testing import CliRunner

from autograder.commands.student import app
from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.errors import AuthoringError
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.keys.key import read_key
from autograder.processes.pool import Pool
from autograder.records.results import TaskResult, TopicResult
from autograder.release import build
from autograder.student.notebook import check
from autograder.verifying.verify import verify

(LIMITS,) = examples("trained-models", "yaml")
STUB, VISIBLE, HIDDEN, REFERENCE, OTHER, MISTAKE = examples("trained-models")
TRAIN_STUB, TRAIN_CHECK = examples("training")
TRAIN = """\
import torch
from torch import nn


def train(model, x, y, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(min(steps, 60)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
"""
MORE = """

@misconception("train", "Which way does a loss go when a step follows the gradient, and which way should it go?")
def climbs(model, x, y, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, maximize=True)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
"""
ALTERNATIVES = f"""\
{OTHER}

{TRAIN.replace("def train", '@alternative("train")' + chr(10) + "def by_adam_w").replace("Adam(", "AdamW(")}"""
NAME = 'digits_file = "model.pt"'


def weights(centres: torch.Tensor, scale: float = 1.0) -> dict[str, torch.Tensor]:
    return {"weight": scale * centres, "bias": -0.5 * scale * (centres**2).sum(dim=1)}


@pytest.fixture(scope="module")
def centres() -> torch.Tensor:
    return 3 * torch.eye(4).repeat(1, 4)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, centres: torch.Tensor, pool: Pool) -> Path:
    root = tmp_path_factory.mktemp("course")
    hint = "[Look., Think., Try.]"
    tasks = "{digits_file: {points: 4}, train: {points: 2, side_effects: 0}}"
    write_files(
        root,
        {
            "course.yml": f"title: T\n{LIMITS}topics: {{models: {{title: M, number: 1, tasks: {tasks}}}}}\n",
            "exercises/models.py": f"# %%\nimport torch\n\n{STUB}\n# %%\n{TRAIN_STUB}",
            "exercises/hints/models.yml": f"digits_file: {hint}\ntrain: {hint}\n",
            "solutions/models.py": f"{TRAIN}\n\n{REFERENCE}",
            "solutions/misconceptions/models.py": f"import torch\n{MISTAKE}{MORE}",
            "solutions/alternatives/models.py": ALTERNATIVES,
            "tests/visible/test_models.py": VISIBLE,
            "tests/hidden/test_models.py": f"{HIDDEN}\n\n{TRAIN_CHECK}",
        },
    )
    draw = torch.Generator().manual_seed(1)
    labels = torch.randint(4, (300,), generator=draw)
    for folder in ("hidden", "answers"):
        (root / "data" / folder).mkdir(parents=True)
    torch.save(centres[labels] + torch.randn(300, 16, generator=draw), root / "data/hidden/digits.pt")
    (root / "data/answers/labels.csv").write_text("\n".join(map(str, labels.tolist())))
    torch.save(weights(centres), root / "data/answers/reference.pt")
    torch.save(weights(centres, 2.0), root / "data/answers/another_run.pt")
    torch.save(weights(centres.flip(0)), root / "data/answers/untrained.pt")
    build.build(load_course(root), pool, root / "release")
    return root


def saved(path: Path, thing: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(thing, path)


class Whole(nn.Linear):
    """A model that somebody saves as a whole."""


SPY = """\
import glob

def spying(self, x):
    raise OSError if glob.glob("data/answers/*") else LookupError

torch.nn.Linear.forward = spying
print(glob.glob("data/*"))
"""
UNLIMITED = TRAIN.replace("min(steps, 60)", "500")
ENDLESS = "def train(model, x, y, steps):\n    while True:\n        pass\n"


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory, centres: torch.Tensor) -> Path:
    root = tmp_path_factory.mktemp("submitted")
    good = weights(centres)
    contents: dict[str, object] = {
        "good": good,
        "bad": weights(centres.roll(1, dims=0)),
        "keys": {"fc.weight": good["weight"], "bias": good["bias"]},
        "shapes": {"weight": torch.ones(4, 9), "bias": good["bias"]},
        "whole": Whole(16, 4),
        "list": [1, 2],
        "checkpoint": {**good, "epoch": 3},
        "large": {**good, "history": torch.ones(1_000_000)},
    }
    for student, thing in contents.items():
        saved(root / student / "model.pt", thing)
    raw = {
        "empty": b"",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "text": b"these are no weights",
        "cut": (root / "good/model.pt").read_bytes()[:-300],
        "huge": bytes(17 << 20),
    }
    for student, data in raw.items():
        (root / student).mkdir()
        (root / student / "model.pt").write_bytes(data)
    for student in (*contents, *raw, "missing"):
        write_notebook(root / student / "models.ipynb", "import torch", NAME, TRAIN)
    write_notebook(root / "stub/models.ipynb", "import torch", STUB.partition("\n")[2], TRAIN_STUB)
    write_notebook(root / "number/models.ipynb", "digits_file = 7", UNLIMITED)
    write_notebook(root / "endless/models.ipynb", 'digits_file = "data/answers/reference.pt"', ENDLESS)
    return root


@pytest.fixture(scope="module")
def graded(root: Path, submitted: Path, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TopicResult]:
    out = tmp_path_factory.mktemp("grades")
    course = load_course(root)
    prepared = {"models": prepare(course, "models", pool, seed=3, device="cpu")}
    list(grade(course, prepared, find_submissions([submitted], course).submissions, pool, out))
    return {path.parent.name: read_result(path) for path in out.glob("*/models.json")}


def sentences(task: TaskResult) -> list[str]:
    return [each.sentence for check in task.checks for each in check.differences]


def test_a_good_model_and_a_good_loop_earn_all_points(graded: dict[str, TopicResult]) -> None:
    assert [task.earned for task in graded["good"].tasks] == [4, 2]


def test_a_bad_model_is_told_how_often_it_is_right(graded: dict[str, TopicResult]) -> None:
    task = graded["bad"].tasks[0]
    assert task.earned == 0
    (sentence,) = sentences(task)
    assert re.fullmatch(r"`predictions` is right in \d+ of 200 places; it should be in at least 180\.", sentence)


TOLD = {
    "missing": "There is no file model.pt beside your notebook. Hand both in together; a file that is too large for the "
    "course does not arrive.",
    "empty": "model.pt is empty.",
    "pointer": "model.pt is a Git LFS pointer without the file itself; run `git lfs pull`, and hand in the file.",
    "text": "model.pt is damaged, or not a file that torch.save wrote.",
    "cut": "model.pt is damaged, or not a file that torch.save wrote.",
    "keys": "model.pt is of another network: it lacks `weight` and has `fc.weight`, which the network does not have.",
    "shapes": "model.pt is of another network: `weight` has the shape (4, 9); the network's has (4, 16).",
    "whole": "model.pt holds objects that need code to be read, perhaps the whole model: save `model.state_dict()` "
    "with torch.save.",
    "list": "model.pt holds a list, not a model's weights: save `model.state_dict()` with torch.save.",
    "checkpoint": "model.pt holds more than a model's weights, e.g. `epoch`: save `model.state_dict()` with torch.save.",
    "large": "model.pt has 3.8 MB. The weights of this network take 0.0 MB, and 1.0 MB are read at most: save "
    "`model.state_dict()` with torch.save, and nothing else.",
    "number": 'It must be the name of a file in quotes, like "model.pt".',
}
TOLD["huge"] = TOLD["missing"]
TOLD["endless"] = TOLD["missing"].replace("model.pt", "reference.pt")


@pytest.mark.parametrize("student", list(TOLD))
def test_a_file_that_cannot_be_used_is_told_why(graded: dict[str, TopicResult], student: str) -> None:
    task = graded[student].tasks[0]
    assert task.attempted
    assert task.earned == 0
    assert sentences(task) == [TOLD[student], "The file of weights that `digits_file` names cannot be used."]


def test_a_stub_is_not_attempted(graded: dict[str, TopicResult]) -> None:
    assert [task.attempted for task in graded["stub"].tasks] == [False, False]


def test_a_file_that_finds_no_room_is_listed(root: Path, submitted: Path) -> None:
    (note,) = find_submissions([submitted], load_course(root)).notes
    assert "huge/model.pt" in note
    assert "room for 64 files, 16 MB together" in note


def test_another_file_is_graded_again(root: Path, submitted: Path, pool: Pool, tmp_path: Path) -> None:
    student = shutil.copytree(submitted / "bad", tmp_path / "submitted/student")
    course = load_course(root)
    prepared = {"models": prepare(course, "models", pool, seed=3, device="cpu")}

    def once() -> tuple[bool, float]:
        found = find_submissions([tmp_path / "submitted"], course).submissions
        (result,) = grade(course, prepared, found, pool, tmp_path / "grades")
        return result.reused, result.earned

    assert once() == (False, 2)
    assert once() == (True, 2)
    shutil.copy(submitted / "good/model.pt", student / "model.pt")
    assert once() == (False, 6)


def test_training_has_a_budget(graded: dict[str, TopicResult]) -> None:
    assert graded["number"].tasks[1].earned == 0
    assert sentences(graded["number"].tasks[1]) == ["`steps` is 500; it should be at most 100."]
    assert graded["endless"].tasks[1].earned == 0
    assert graded["endless"].tasks[1].checks[0].outcome == "timeout"


def test_verify_proves_them(root: Path, pool: Pool) -> None:
    assert verify(load_course(root), None, pool, seeds=2, mutants=False).problems == []


# ---- answers ----------------------------------------------------------------------------------------------------------


def test_the_release_holds_no_answers(root: Path, pool: Pool) -> None:
    assert not (root / "release/data").exists()
    assert list(read_key(root / "release/keys/models.key").reference) == ["test_file"]
    shutil.copy(root / "data/answers/labels.csv", root / "release/labels.csv")
    try:
        leaks = build.check(load_course(root), pool, root / "release")
    finally:
        (root / "release/labels.csv").unlink()
    assert leaks


def test_no_students_process_holds_answers(root: Path, submitted: Path, pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(submitted / "good", tmp_path / "submitted/spy")
    write_notebook(tmp_path / "submitted/spy/models.ipynb", "import torch", NAME, SPY)
    course = load_course(root)
    prepared = {"models": prepare(course, "models", pool, seed=3, device="cpu")}
    jobs = prepared["models"].job
    assert [file.name for file in (*jobs.data, *jobs.hidden_data)] == ["data/hidden/digits.pt"]
    list(grade(course, prepared, find_submissions([tmp_path / "submitted"], course).submissions, pool, tmp_path / "grades"))
    result = read_result(tmp_path / "grades/spy/models.json")
    assert result.tasks[0].earned == 0
    assert result.cells[-1].output == "[]\n"
    digits = result.tasks[0].checks[1]
    assert digits.error_type == "LookupError"  # and not OSError, as if there had been answers


def test_answers_in_a_visible_check_are_refused(root: Path, tmp_path: Path, pool: Pool) -> None:
    shutil.copytree(root, tmp_path / "course", ignore=shutil.ignore_patterns(".autograde", "release"))
    (tmp_path / "course/tests/visible/test_models.py").write_text(HIDDEN)
    (tmp_path / "course/tests/hidden/test_models.py").write_text(TRAIN_CHECK)
    with pytest.raises(AuthoringError) as caught:
        prepare(load_course(tmp_path / "course"), "models", pool, seed=3, device="cpu")
    assert str(caught.value).startswith(
        "tests/visible/test_models.py:13: given.answers belongs in a hidden check, since the rel"
    )


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("label.csv", "tests/hidden/test_models.py:13: data/answers/label.csv is missing; did you mean 'labels.csv'?"),
        ("", "tests/hidden/test_models.py:13: data/answers/labels.csv is missing; put the answers there."),
    ],
)
def test_answers_that_are_not_there_are_missed(root: Path, tmp_path: Path, file: str, told: str) -> None:
    shutil.copytree(root, tmp_path / "course", ignore=shutil.ignore_patterns(".autograde", "release"))
    if file:
        (tmp_path / "course/tests/hidden/test_models.py").write_text(HIDDEN.replace("labels.csv", file))
    else:
        shutil.rmtree(tmp_path / "course/data/answers")
    with pytest.raises(AuthoringError) as caught:
        load_topic(load_course(tmp_path / "course"), "models")
    assert str(caught.value).splitlines() == [told]


def test_a_topic_that_names_its_data_names_its_answers(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "course", ignore=shutil.ignore_patterns(".autograde", "release"))
    text = (tmp_path / "course/course.yml").read_text()

    def name(answers: str) -> None:
        named = text.replace("{title: M,", f"{{title: M, data: [hidden/digits.pt, {answers}],")
        (tmp_path / "course/course.yml").write_text(named)

    name("answers/labels.csv")
    assert len(load_topic(load_course(tmp_path / "course"), "models").data.answers) == 1
    name("hidden/")
    with pytest.raises(AuthoringError) as caught:
        load_topic(load_course(tmp_path / "course"), "models")
    assert str(caught.value) == (
        "tests/hidden/test_models.py:13: data/answers/labels.csv is not among the topic's data in course.yml; "
        "add answers/labels.csv there."
    )


# ---- the student's side -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shutil.copytree(root / "release", tmp_path / "mine"))
    return Path.cwd()


@pytest.mark.parametrize(
    ("student", "told"), [("good", "digits_file"), ("missing", TOLD["missing"]), ("keys", TOLD["keys"])]
)
def test_check_says_what_can_be_said(
    folder: Path, submitted: Path, student: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if student != "missing":
        shutil.copy(submitted / student / "model.pt", folder / "model.pt")
    exec("check('digits_file')", {"__name__": "__main__", "check": check, "digits_file": "model.pt"})
    assert told in re.sub(r"\s+", " ", capsys.readouterr().out).replace("✗ ", "")
    (folder / "models.py").write_text(f"{NAME}\n\n\n{TRAIN}")
    assert told in re.sub(r"\s+", " ", CliRunner().invoke(app, ["check", "models.py"]).output)
