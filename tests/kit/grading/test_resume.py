"""Results whose checks waited for a GPU, and their completion. The device `meta` stands in for a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from small_course import write_course
from tiny_course import write_notebook

from autograder.course import make_job
from autograder.course.course_file import Course, load_course
from autograder.course.topic import load_topic
from autograder.errors import ResultError, SandboxUnavailable
from autograder.grading import resume as resuming
from autograder.grading.grade import PreparedTopic, choose_seed, grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.resume import Waiting, find_waiting, resume, seed_of
from autograder.grading.submissions import find_submissions
from autograder.processes.pool import Pool
from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, Graded, TopicResult
from autograder.scoring import score
from autograder.scoring.score import NO_DEVICE

pytestmark = pytest.mark.slow

SEED = 5
RIGHT = """
import torch
def scale(x, by):
    if by == 0: raise ValueError
    return x * by
def noise(n): return torch.randn(n, 2)
guess = "int64"
"""
ONLY_ON_THE_CPU = RIGHT.replace("return x * by", "return (x * by).double() if x.is_meta else x * by")
UNTOUCHED = RIGHT.replace("    if by == 0: raise ValueError\n    return x * by", "    raise NotImplementedError")
OTHER_GPU = "meta"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(write_course(tmp_path_factory.mktemp("course")))


@pytest.fixture
def out(course: Course, pool: Pool, tmp_path: Path) -> Path:
    """A class of three, graded without a GPU."""
    for name, source in (("ann", RIGHT), ("bo", ONLY_ON_THE_CPU), ("cy", UNTOUCHED)):
        write_notebook(tmp_path / "class" / name / "small.ipynb", source)
    out = tmp_path / "grades"
    choose_seed(course, out, seed=SEED, device="cpu", force=False)
    prepared = {"small": prepare(course, "small", pool, seed=SEED, device="cpu")}
    graded = {each.student: each for each in grade(course, prepared, found(course, tmp_path), pool, out)}
    assert {name: (each.earned, each.pending) for name, each in graded.items()} == {
        "ann": (6.2, 0.8), "bo": (6.2, 0.8), "cy": (3.0, 0.0),
    }  # fmt: skip
    return out


Elsewhere = dict[tuple[str, int], PreparedTopic]


def found(course: Course, folder: Path):  # type: ignore[no-untyped-def]
    return find_submissions([folder / "class"], course).submissions


def look(course: Course, out: Path) -> list[Waiting | Graded | str]:
    return list(find_waiting(course, {"small": load_topic(course, "small")}, found(course, out.parent), out))


@pytest.fixture
def elsewhere(course: Course, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """The topics as a machine with a GPU prepares them."""
    for module in (make_job, score):
        monkeypatch.setattr(module, "lacks_device", lambda spec, device: spec.device == "cuda" and device != OTHER_GPU)
    return {("small", 1): prepare(course, "small", pool, seed=SEED, device=OTHER_GPU)}


def check(result: TopicResult, name: str) -> CheckResult:
    return next(one for task in result.tasks for one in task.checks if one.name == name)


def test_pending_checks_are_completed_and_nothing_else_changes(
    course: Course, out: Path, elsewhere: Elsewhere, pool: Pool
) -> None:
    before = {name: read_result(out / name / "small.json") for name in ("ann", "bo", "cy")}
    assert check(before["ann"], "test_scale_cuda").reason == NO_DEVICE
    untouched = (out / "cy" / "small.json").read_bytes()
    entries = look(course, out)
    waiting = [entry for entry in entries if isinstance(entry, Waiting)]
    assert [entry.submission.student for entry in waiting] == ["ann", "bo"]
    assert [entry.student for entry in entries if isinstance(entry, Graded)] == ["cy"]

    graded = {each.student: each for each in resume(course, elsewhere, waiting, pool, out)}
    assert {name: (each.earned, each.pending) for name, each in graded.items()} == {"ann": (7.0, 0.0), "bo": (6.2, 0.0)}
    assert (out / "cy" / "small.json").read_bytes() == untouched
    for name in graded:
        result, old = read_result(out / name / "small.json"), before[name]
        assert result.completed is not None
        assert result.completed.device == OTHER_GPU
        assert check(result, "test_scale_cuda").device == OTHER_GPU
        same = {field: getattr(old, field) for field in ("fingerprint", "seed", "device", "graded_at", "usage", "cells")}
        assert {field: getattr(result, field) for field in same} == same
        for one in (
            each for task in old.tasks for each in task.checks if each.name not in ("test_scale_cuda", "side_effects")
        ):
            assert check(result, one.name) == one
    assert check(read_result(out / "bo" / "small.json"), "test_scale_cuda").outcome is Outcome.FAILED
    assert "ran later on meta" in (out / "ann" / "small.html").read_text(encoding="utf-8")

    assert [type(entry) for entry in look(course, out)] == [Graded, Graded, Graded]
    prepared = {"small": prepare(course, "small", pool, seed=SEED, device="cpu")}
    again = list(grade(course, prepared, found(course, out.parent), pool, out))
    assert [each.reused for each in again] == [True, True, True]
    assert [each.earned for each in again] == [7.0, 6.2, 3.0]


@pytest.mark.parametrize("place", ["_job", "_completed", "summary_of"])
def test_a_fault_of_ours_leaves_one_result_as_it_was(
    course: Course,
    out: Path,
    elsewhere: Elsewhere,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    waiting = [entry for entry in look(course, out) if isinstance(entry, Waiting)]
    before = (out / "ann" / "small.json").read_bytes()
    real = getattr(resuming, place)

    def faulty(*arguments: Any, **options: Any) -> Any:
        if any("/ann/" in repr(argument) for argument in arguments) and not options.get("reused"):
            raise RecursionError("too deep")
        return real(*arguments, **options)

    monkeypatch.setattr(resuming, place, faulty)
    graded = {each.student: each for each in resume(course, elsewhere, waiting, pool, out)}
    assert graded["bo"].pending == 0
    assert graded["ann"].pending == 0.8
    assert graded["ann"].troubles[-1].startswith("Grading failed with RecursionError: too deep.")
    assert (out / "ann" / "small.json").read_bytes() == before


def test_a_fault_in_reading_leaves_a_result_alone(course: Course, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(data: bytes, name: str) -> None:
        raise MemoryError

    monkeypatch.setattr(resuming, "read_cells", faulty)
    said = look(course, out)
    assert [type(entry) for entry in said] == [str, str, Graded]
    assert str(said[0]).startswith("ann, small: left alone. Grading failed with MemoryError.")


def test_what_has_changed_meanwhile_is_left_alone(course: Course, out: Path, tmp_path: Path) -> None:
    write_notebook(tmp_path / "class" / "ann" / "small.ipynb", RIGHT + "\n# later")
    (out / "bo" / "small.json").write_text("damaged")
    said = look(course, out)
    assert isinstance(said[0], str)
    assert said[0].startswith("ann, small: left alone: its file, the course or autograde has changed since grading")
    assert isinstance(said[1], str)
    assert "is damaged" in said[1]


def test_results_of_another_machine_are_recognised_by_their_own_versions(course: Course, out: Path) -> None:
    """A GPU machine has a different build of torch; what counts is whether the result is current where it was made."""
    path = out / "ann" / "small.json"
    result = read_result(path)
    assert isinstance(look(course, out)[0], Waiting)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(result, versions=result.versions | {"torch": "1.0"})))
    assert isinstance(look(course, out)[0], str)


def test_side_effects_on_the_gpu_count(course: Course, out: Path, elsewhere: Elsewhere, pool: Pool) -> None:
    source = RIGHT.replace("return x * by", "if x.is_meta: torch.rand(1)\n    return x * by")
    write_notebook(out.parent / "class" / "ann" / "small.ipynb", source)
    prepared = {"small": prepare(course, "small", pool, seed=SEED, device="cpu")}
    list(grade(course, prepared, found(course, out.parent), pool, out))
    waiting = [entry for entry in look(course, out) if isinstance(entry, Waiting)]
    graded = {each.student: each for each in resume(course, elsewhere, waiting, pool, out)}
    assert graded["ann"].earned == 6.2
    assert check(read_result(out / "ann" / "small.json"), "side_effects").outcome is Outcome.FAILED


def test_there_must_be_results(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="nothing to resume"):
        seed_of(tmp_path)


# ---- the command ------------------------------------------------------------------------------------------------------


def autograde(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("autograde")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_resume_goes_with_a_gpu(tmp_path: Path) -> None:
    done = autograde("grade", "--resume", folder=tmp_path)
    assert done.returncode == 2
    assert "use it with --device cuda" in done.stderr


@pytest.mark.slow
def test_without_a_gpu_the_command_says_what_to_do(course: Course) -> None:
    answer = json.loads(
        subprocess.run([sys.executable, "-m", "autograder.confined.look_for_gpu"], capture_output=True, check=True).stdout
    )
    if answer["gpu"] is not None:
        pytest.skip("this machine has a GPU")
    for further in ((), ("--resume",)):
        done = autograde("grade", "--device", "cuda", *further, folder=course.root)
        assert done.returncode == 2
        assert answer["problem"] in done.stderr
        assert "--resume --device cuda" in done.stderr


@pytest.mark.slow
def test_a_pool_for_a_gpu_that_is_not_there_says_so() -> None:
    if json.loads(
        subprocess.run([sys.executable, "-m", "autograder.confined.look_for_gpu"], capture_output=True, check=True).stdout
    )["gpu"]:
        pytest.skip("this machine has a GPU")
    with pytest.raises(SandboxUnavailable, match="could not be started"):
        Pool(1, device="cuda")


@pytest.mark.cuda
def test_a_class_is_graded_and_completed_on_a_gpu(course: Course, out: Path) -> None:
    answer = json.loads(
        subprocess.run([sys.executable, "-m", "autograder.confined.look_for_gpu"], capture_output=True, check=True).stdout
    )
    if answer["gpu"] is None:
        pytest.skip(f"no GPU: {answer['problem']}")
    folder = out.parent / "class"
    done = autograde("grade", str(folder), "--resume", "--device", "cuda", "-o", str(out), folder=course.root)
    assert done.returncode == 0, done.stderr
    result = read_result(out / "ann" / "small.json")
    assert (result.earned, result.pending) == (7.0, 0.0)
    assert result.completed is not None
    assert result.completed.versions["tf32"] == "off"

    done = autograde("grade", str(folder), "--device", "cuda", "-o", str(out.parent / "gpu"), folder=course.root)
    assert done.returncode == 0, done.stderr
    assert read_result(out.parent / "gpu" / "ann" / "small.json").earned == 7.0
