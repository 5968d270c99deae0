"""The reference for authors is complete, and whoever follows docs/authoring.md word for word gets a topic that verifies."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import msgspec
import pytest
from course_files import write_files
from markdown_pages import ROOT, examples

import autograder
from autograder import Grader
from autograder.checking.given import Given
from autograder.course import new_topic
from autograder.course.course_file import LatePolicy, TaskEntry, TopicEntry, load_course
from autograder.processes.pool import Pool
from autograder.records.jobs import Limits
from autograder.release import build
from autograder.verifying.verify import verify

GUIDE = ROOT / "docs/authoring.md"


def reference(page: str) -> str:
    return (ROOT / f"docs/reference/{page}.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", autograder.__all__)
def test_every_public_name_is_explained(name):
    assert re.search(rf"^\| .*`{name}\(", reference("names"), re.MULTILINE)


def test_everything_of_given_is_explained():
    names = {name for name, _ in inspect.getmembers(Given) if not name.startswith("_")} | {"device", "second_device"}
    assert [name for name in sorted(names) if not re.search(rf"`{name}\b", reference("given"))] == []


def test_every_key_of_the_course_is_explained():
    section = reference("course-yml")
    fields = [field.name for kind in (Limits, LatePolicy, TaskEntry, TopicEntry) for field in msgspec.structs.fields(kind)]
    assert [name for name in fields if f"`{name}`" not in section and f".{name.upper()[:-1]}`" not in section] == []


def write_bank(root: Path, solution: str, **more: str) -> None:
    """Write a course of one topic, `bank`, around a section's example."""
    task = re.search(r"^def (\w+)", solution, re.MULTILINE)
    assert task is not None
    stub = solution[: task.start()] + solution[task.start() :].partition("\n")[0] + "\n    raise NotImplementedError\n"
    files = {
        "course.yml": f"title: T\ntopics: {{bank: {{title: B, number: 1, tasks: {{{task[1]}: {{points: 2}}}}}}}}\n",
        "exercises/bank.py": f"# %%\n{stub}",
        "solutions/bank.py": f"# %%\n{solution}",
        **more,
    }
    write_files(root, files)


ACCOUNT = """
from decimal import Decimal


class Account:
    def __init__(self, owner, balance):
        self.owner, self.balance = owner, balance


def open_account(owner, cents):
    return Account(owner, Decimal(cents) / 100)
"""


def test_the_example_of_an_observer_works(tmp_path: Path, pool: Pool) -> None:
    (example,) = examples("observers")
    write_bank(tmp_path, ACCOUNT, **{"tests/visible/test_bank.py": example})
    with Grader(tmp_path, seed=3, pool=pool) as grader:
        right = grader.grade(ACCOUNT, topic="bank")
        wrong = grader.grade(ACCOUNT.replace("Decimal(cents) / 100", "Decimal(cents // 100)"), topic="bank")
    assert (right.earned, wrong.earned) == (2, 0)
    assert re.fullmatch(
        r"`account\[\"balance\"\]\[\"text\"\]` is '\d+'; it should be '\d+\.\d+'\.",
        wrong.tasks[0].checks[0].differences[0].sentence,
    )


def insert(path: Path, text: str, before: str = "") -> None:
    """Put text before a line, or at the end."""
    old = path.read_text(encoding="utf-8")
    position = old.index(before) if before else len(old)
    head, tail = old[:position].rstrip("\n"), old[position:]
    path.write_text(f"{head}\n\n\n{text}" + (f"\n\n{tail}" if tail else ""), encoding="utf-8")


def test_following_the_guide_gives_a_topic_that_verifies_and_can_be_released(tmp_path: Path, pool: Pool):
    exercise, reference, visible, hidden, alternative, misconceptions = blocks("python")[:6]
    points, hints, *_ = blocks("yaml")
    (tmp_path / "course.yml").write_text("title: A course\ntopics:\n")
    new_topic.create(tmp_path, "strides")
    insert(tmp_path / "exercises/strides.py", exercise, before="# %% [markdown]\n# ## What to read next")
    (tmp_path / "course.yml").write_text((tmp_path / "course.yml").read_text() + points)
    for name, text in {
        "exercises/hints/strides.yml": hints,
        "solutions/strides.py": reference,
        "tests/visible/test_strides.py": visible,
        "tests/hidden/test_strides.py": hidden,
        "solutions/alternatives/strides.py": alternative,
        "solutions/misconceptions/strides.py": misconceptions,
    }.items():
        insert(tmp_path / name, text)
    path = tmp_path / "tests/hidden/test_strides.py"
    path.write_text(path.read_text().replace("import checks, only\n", "import checks, only, raises\n"))
    course = load_course(tmp_path)
    verification = verify(course, None, pool, seeds=1)
    assert verification.problems == []
    assert verification.topics[0].tasks == 2
    assert verification.topics[0].mutants > 10
    for path in new_topic.topic_paths(tmp_path, "strides"):
        path.write_text(path.read_text().replace(new_topic.MARK, ""))
    build.build(course, pool, tmp_path / "release")
    assert build.check(course, pool, tmp_path / "release") == []
