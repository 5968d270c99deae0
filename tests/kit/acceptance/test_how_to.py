"""docs/how-to/ and docs/first-class.md: their topics are graded, their commands run, and students read what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_pages import ROOT, Block, blocks

from autograder import Grader
from autograder.course.course_file import load_course
from autograder.processes.pool import Pool
from autograder.records.results import TopicResult
from autograder.verifying.verify import verify

HOW_TO = sorted((ROOT / "docs/how-to").glob("*.md"))
FILE = re.compile(r"`([\w/]+\.(?:py|yml))`")


def file_of(block: Block) -> str:
    """The file that a block is, as the paragraph above it says; "" if none."""
    found = FILE.search(block.before)
    return found[1] if found and block.language in ("python", "yaml") else ""


def write_course(page: Path, root: Path) -> Path:
    """Write the files that a page shows."""
    for block in blocks(page):
        if name := file_of(block):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(block.text, encoding="utf-8")
    return root


def said(page: Path) -> list[tuple[str, list[str]]]:
    """Each answer that students hand in, with what the quotations below it say that they read."""
    answers = [block for block in blocks(page) if "hands in" in block.before and not file_of(block)]
    lines = page.read_text(encoding="utf-8").splitlines()
    starts = [block.line for block in answers]
    parts = [lines[start - 1 : end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=False)]
    return [
        (block.text, [line[2:] for line in part if line.startswith("> ")])
        for block, part in zip(answers, parts, strict=True)
    ]


def told(result: TopicResult) -> str:
    """All that a student reads about what went wrong."""
    failed = [check for task in result.tasks for check in task.checks]
    return "\n".join(
        f"{each.reason} {each.error_message}\n" + "\n".join(d.sentence for d in each.differences) for each in failed
    )


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_students_read_what_the_page_says(page: Path, tmp_path: Path, pool: Pool) -> None:
    root = write_course(page, tmp_path)
    (topic,) = load_course(root).topics
    reference = (root / f"solutions/{topic}.py").read_text(encoding="utf-8")
    stub = (root / f"exercises/{topic}.py").read_text(encoding="utf-8")
    with Grader(root, seed=5, pool=pool) as grader:
        right = grader.grade(reference, topic=topic)
        assert right.earned == sum(task.points for task in right.tasks if task.checks) > 0, told(right)
        assert grader.grade(stub, topic=topic).earned == 0
        for answer, sentences in said(page):
            result = grader.grade(answer, topic=topic)
            assert result.earned < result.points
            assert sentences
            for sentence in sentences:
                assert sentence in told(result)


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_verify_misses_only_what_the_page_leaves_out(page: Path, tmp_path: Path, pool: Pool) -> None:
    proof = verify(load_course(write_course(page, tmp_path)), None, pool, seeds=2, mutants=False)
    assert [each for each in proof.problems if not re.search(r" has (no alternative|no misconception|0 hints);", each)] == []


def test_the_pages_are_read(tmp_path: Path) -> None:
    assert {page.stem: len(said(page)) for page in HOW_TO} == {
        "manual-tasks": 0,
        "printed-output": 2,
        "second-device": 2,
        "unavailable": 2,
        "x-itself": 2,
    }


def outputs(page: Path, folder: Path, *, without: str = "^$") -> list[str]:
    """What the commands of a page print, one after the other, without lines that fit a pattern; each must succeed."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"}
    printed = []
    for block in blocks(page):
        if block.language != "sh":
            continue
        for line in block.text.splitlines():
            words = line.partition(" #")[0].strip()
            if words.startswith("cd "):
                folder = folder / words[3:]
            elif not re.search(without, words):
                done = subprocess.run(
                    words, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                printed.append(done.stdout)
    return printed


@pytest.mark.slow
def test_a_manual_task_from_answer_to_mark(tmp_path: Path) -> None:
    page = ROOT / "docs/how-to/manual-tasks.md"
    _, before, adjusted, after = outputs(page, write_course(page, tmp_path))
    assert "2 of 5" in before
    assert "4.5" in adjusted
    assert "4.5 of 5" in after


@pytest.mark.slow
def test_the_first_class(tmp_path: Path) -> None:
    page = ROOT / "docs/first-class.md"
    _, graded, why, _, after, released = outputs(page, tmp_path, without=r"^(python3|source|pip) ")
    (table,) = (block.text for block in blocks(page) if block.language == "text")
    for line in table.splitlines():
        assert line.split() == next(row for row in graded.splitlines() if row.split()[:1] == line.split()[:1]).split()[:2]
    known = (tmp_path / "mycourse/solutions/misconceptions/reductions.py").read_text(encoding="utf-8")
    assert any(sentence in " ".join(why.split()) for sentence in re.findall(r'@misconception\("\w+", "(.*?)"', known))
    assert "The idea is right." in after
    assert "release" in released
    assert (tmp_path / "mycourse/grades/index.html").is_file()
