"""Worked solutions in a release: as course.yml allows, the same bytes twice, and nothing readable of a closed one."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest
from released_course import release_course
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.errors import CourseError, ReleaseError
from autograder.processes.pool import Pool
from autograder.release import leaks
from autograder.release.build import build, check
from autograder.release.solutions import SECRET_FILE, closed_secrets, open_topics, passphrase_of, solution_files

pytestmark = pytest.mark.slow

SECRET_LINE = "a secret message of the solution"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """A course whose topic `small` is sealed, and whose topic `other` opens with the checks; with its release."""
    return release_course(tmp_path_factory.mktemp("course"), pool, solutions=("after_due", "after_pass")).parent


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "course"))


def told(*words: str) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of the instructor's command."""
    run = CliRunner().invoke(app, list(words))
    return run.exit_code, run.stdout, run.stderr


def leaked(root: Path, release: Path | None = None) -> list[str]:
    course, folder = load_course(root), release or root / "release"
    found = leaks.scan(root, folder, solved_in_public=open_topics(course), never_public=closed_secrets(course, folder))
    return [str(leak) for leak in found]


def test_the_release_has_a_sealed_and_a_readable_file(root: Path):
    names = sorted(path.name for path in (root / "release/solutions").iterdir())
    assert names == ["other.json", "small.sealed"]
    solved = json.loads((root / "release/solutions/other.json").read_text())
    assert solved["tasks"]["Keeper"]["source"].startswith("class Keeper:")
    assert "cryptography" in (root / "release/requirements.txt").read_text().splitlines()
    card = json.loads((root / "release/course.json").read_text())["topics"]
    assert [card[name]["solutions"] for name in ("small", "other")] == ["after_due", "after_pass"]
    setup = json.loads((root / "release/small.ipynb").read_text())["cells"][0]["source"]
    assert setup.startswith("from autograder import check, hint, progress, solution\n")


def test_nothing_readable_of_a_closed_solution_is_in_the_release(root: Path):
    assert leaked(root) == []
    for path in (root / "release").rglob("*"):
        assert path.is_dir() or SECRET_LINE.encode() not in path.read_bytes()


@pytest.mark.slow
def test_a_closed_solution_that_is_readable_is_a_leak(root: Path):
    course = load_course(root)
    sealed = root / "release/solutions/small.sealed"
    text = (root / "solutions/small.py").read_text()
    (root / "release/solutions/small.json").write_text(json.dumps({"tasks": {"scale": {"source": text}}}))
    assert any("solutions/small.json" in line and "solutions/small.py" in line for line in leaked(root))
    (root / "release/solutions/small.json").unlink()
    record = json.loads(sealed.read_text())
    record["sealed"] = base64.b64encode(text.encode()).decode()
    sealed.write_text(json.dumps(record))
    assert any("small.sealed" in line for line in leaked(root))
    shutil.copy(root / SECRET_FILE, root / "release/notes.txt")
    assert any("holds `the course's secret" in line for line in leaked(root))
    (root / "release/notes.txt").write_text(f"It is {passphrase_of_small(course)}!")
    assert any("holds `the passphrase of small` from the course's private folder" in line for line in leaked(root))


def passphrase_of_small(course) -> str:
    return passphrase_of(course, "small", course.root / "nowhere")


@pytest.mark.slow
def test_an_open_solution_is_a_leak_anywhere_else(root: Path):
    reference = (root / "solutions/other.py").read_text()
    (root / "solutions/other.py").write_text(reference + "\n\ndef helper_of_keeper(x):\n    return x.clone().flip(0)\n")
    (root / "release/solutions/other.json").write_text(json.dumps({"source": "def helper_of_keeper(x):\n"}))
    assert leaked(root) == []
    (root / "release/README.md").write_text("def helper_of_keeper(x):\n    return x.clone().flip(0)\n")
    assert any("README.md" in line and "solutions/other.py" in line for line in leaked(root))


def test_the_same_secret_gives_the_same_bytes(root: Path, tmp_path: Path):
    course = load_course(root)
    before = {path.name: path.read_bytes() for path in (root / "release/solutions").iterdir()}
    fresh = solution_files(course, tmp_path / "empty", new_secret=False)
    assert {Path(name).name: data for name, data in fresh.items()} == before
    (root / "solutions/small.py").write_text((root / "solutions/small.py").read_text().replace("by is 0", "by is zero"))
    assert solution_files(course, root / "release", new_secret=False)["solutions/small.sealed"] != before["small.sealed"]


@pytest.mark.slow
def test_open_prints_the_passphrase_and_publish_writes_it_where_releases_keep_it(root: Path, pool: Pool):
    words = ("release", "--open", "small", "--course", str(root))
    code, printed, _ = told(*words)
    assert (code, len(printed.strip())) == (0, 29)
    assert not (root / "release/solutions/small.passphrase").exists()
    assert told(*words, "--publish")[:2] == (0, printed)
    assert (root / "release/solutions/small.passphrase").read_text() == printed
    assert check(load_course(root), pool, root / "release") == []
    build(load_course(root), pool, root / "release")
    assert (root / "release/solutions/small.passphrase").read_text() == printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--open", "smal"], "--open smal: the course has no such topic; did you mean 'small'?"),
        (["--open", "other"], "its solutions are not sealed, since course.yml says `solutions: after_pass`"),
        (["--publish"], "--publish goes with --open TOPIC"),
        (["--open", "small", "--check"], "neither goes with --check"),
        (["--open", "small", "--publish", "-o", "elsewhere"], "has no sealed solutions of small; run `autograde release`"),
    ],
)
def test_what_cannot_be_opened(root: Path, words: list[str], sentence: str):
    code, _, complaint = told("release", *words, "--course", str(root))
    assert code == 2
    assert sentence in complaint


def test_before_the_due_time_there_is_a_note(root: Path):
    path = root / "course.yml"
    path.write_text(
        path.read_text().replace("solutions: after_due", "solutions: after_due\n    due: 2999-01-01T12:00+00:00")
    )
    assert told("release", "--open", "small", "--course", str(root))[2] == "note: small is not due until 2999-01-01 12:00.\n"


def test_a_lost_secret_is_told_and_never_replaced(root: Path, pool: Pool):
    (root / SECRET_FILE).unlink()
    with pytest.raises(ReleaseError, match=r"is lost, but .*small\.sealed was sealed with it; restore it from a copy"):
        build(load_course(root), pool, root / "release")
    problems = check(load_course(root), pool, root / "release")
    assert len(problems) == 1
    assert "is lost" in problems[0]
    shutil.rmtree(root / "release/solutions")
    with pytest.raises(ReleaseError, match="is not there yet"):
        solution_files(load_course(root), root / "release", new_secret=False)
    solution_files(load_course(root), root / "release", new_secret=True)
    assert (root / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    assert (root / ".autograde/.gitignore").read_text() == "*\n"


def test_a_damaged_or_another_secret_is_told(root: Path):
    (root / SECRET_FILE).write_text("0123")
    with pytest.raises(ReleaseError, match="is damaged, not 64 hexadecimal digits"):
        passphrase_of(load_course(root), "small", root / "release")
    (root / SECRET_FILE).write_text("ab" * 32)
    with pytest.raises(ReleaseError, match="was not sealed with"):
        passphrase_of(load_course(root), "small", root / "release")


def test_going_back_to_never_takes_the_files_away(root: Path, pool: Pool):
    path = root / "course.yml"
    path.write_text(path.read_text().replace("after_due", "never").replace("after_pass", "never"))
    build(load_course(root), pool, root / "release")
    assert list((root / "release/solutions").iterdir()) == []
    assert "cryptography" not in (root / "release/requirements.txt").read_text()
    assert "solutions" not in (root / "release/course.json").read_text()


def test_a_course_says_it_for_all_topics_and_a_topic_for_itself(root: Path):
    path = root / "course.yml"
    text = path.read_text().replace("    solutions: after_due\n", "")
    path.write_text(text.replace("draws: 2", "draws: 2\nsolutions: never"))
    assert [topic.solutions for topic in load_course(root).topics.values()] == ["never", "after_pass"]
    path.write_text(text.replace("draws: 2", "draws: 2\nsolutions: soon"))
    with pytest.raises(CourseError, match='solutions is "soon"; write never, after_due or after_pass'):
        load_course(root)
