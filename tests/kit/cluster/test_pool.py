"""Real schedulers and workers on this machine: results are those of a local run, whatever becomes of the workers."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dask_cluster import Cluster, dask_cluster, tls_settings
from tiny_course import RIGHT, WRONG, make_class, make_course
from typer.testing import CliRunner

from autograder.cluster.pool import ClusterPool
from autograder.commands.instructor import app
from autograder.course.cells import read_cells
from autograder.course.course_file import load_course
from autograder.course.make_job import make_job, with_cells
from autograder.course.topic import load_topic
from autograder.errors import MachineError
from autograder.grading.grade import prepare
from autograder.grading.grade_class import grade_class
from autograder.grading.submissions import find_submissions
from autograder.processes.pool import Pool
from autograder.records.jobs import Job, Run, Usage

pytestmark = pytest.mark.slow

SEED = 5
SILENT_SECONDS = 4.0
POISON = """
import os
import signal

from autograder.cluster import on_worker

_run = on_worker.__dict__.setdefault("_run", on_worker.run_job)  # Dask loads this file twice


def run_job(station, shared, own):
    if b"POISON" in own:
        os.kill(os.getpid(), signal.SIGKILL)
    return _run(station, shared, own)


on_worker.run_job = run_job
"""
ANOTHER_VERSION = """
from autograder.cluster import conditions

_here = conditions.__dict__.setdefault("_here", conditions.versions_on)  # Dask loads this file twice
conditions.versions_on = lambda device: _here(device) | {"torch": "1.0"}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("course"))
    (root / "data/hidden").mkdir(parents=True)
    for name in ("data/rows.txt", "data/hidden/rows.txt"):
        (root / name).write_text("2")
    path = root / "tests/hidden/test_views.py"
    rows = 'int(open("data/hidden/rows.txt").read())'
    path.write_text(path.read_text().replace("given.normal(2, 3)", f"given.normal({rows}, 3)"))
    make_class(root / "submitted")
    return root


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with TLS and two workers, `a` and one with another torch. All die of a submission with the word POISON."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "poison.py").write_text(POISON)
    (folder / "another_version.py").write_text(ANOTHER_VERSION)
    settings = tls_settings(folder)
    with pytest.MonkeyPatch.context() as patch, dask_cluster(folder, settings) as running:
        for name, value in settings.items():  # the command's side needs them, too
            patch.setenv(name, value)
        add(running, "a")
        running.worker("old", "--preload", str(folder / "another_version.py"))
        yield running


def add(cluster: Cluster, name: str) -> None:
    cluster.worker(name, "--preload", str(cluster.folder / "poison.py"))


@pytest.fixture(scope="module")
def notes() -> list[str]:
    return []


@pytest.fixture(scope="module")
def there(cluster: Cluster, notes: list[str]) -> Iterator[ClusterPool]:
    with ClusterPool(cluster.address, 1, silent_seconds=SILENT_SECONDS, on_note=notes.append) as running:
        yield running


@pytest.fixture(scope="module")
def job_of(root: Path) -> Callable[[str], Job]:
    course = load_course(root / "course.yml")
    topic = load_topic(course, "views")
    job = make_job(course, topic, (), seed=SEED)
    return lambda source: with_cells(job, topic, read_cells(source.encode(), "views.py"))


@pytest.fixture(scope="module")
def slow(job_of: Callable[[str], Job]) -> Job:
    return job_of(f"import time\ntime.sleep(0.3)\n{RIGHT}")


@pytest.fixture(scope="module")
def expected(slow: Job, pool: Pool) -> Run:
    return timeless(pool.run(slow))


def timeless(run: Run) -> Run:
    return msgspec.structs.replace(run, usage=Usage())


def results_in(folder: Path) -> dict[str, Any]:
    """The result files' content, times apart."""
    found = {}
    for path in sorted(folder.glob("*/views.json")):
        result = json.loads(path.read_bytes())
        del result["graded_at"], result["usage"]
        found[path.parent.name] = json.dumps(result)
    return found


@pytest.mark.slow
def test_the_command_gives_the_results_of_a_local_run(root: Path, cluster: Cluster, pool: Pool, tmp_path: Path) -> None:
    course = load_course(root / "course.yml")
    submissions = find_submissions([root / "submitted"], course).submissions
    here = list(grade_class(course, submissions, pool, tmp_path / "here", SEED, device="cpu"))
    words = ["grade", str(root / "submitted"), "--course", str(root), "--seed", str(SEED), "--out", str(tmp_path / "there")]
    done = CliRunner().invoke(app, [*words, "--jobs", "1", "--scheduler", cluster.address, "--json"])
    assert done.exit_code == 0, done.output
    assert f"Submissions ran on 1 worker of {cluster.address}." in done.stderr
    assert [json.loads(line)["student"] for line in done.stdout.splitlines()] == [each.student for each in here]
    assert len(here) == 6
    assert results_in(tmp_path / "there") == results_in(tmp_path / "here")
    assert next(each.earned for each in here if each.student == "ann") == 5  # its hidden check read the data there


def test_the_courses_own_code_stays_here(root: Path, there: ClusterPool, cluster: Cluster) -> None:
    course = load_course(root / "course.yml")
    before = there.answered.copy()
    prepare(course, "views", there, seed=SEED + 1, device="cpu")
    assert there.answered == before
    own = make_job(course, load_topic(course, "views"), (), seed=SEED, own=True)
    with pytest.raises(ValueError, match="does not travel"):
        there._courier.post(own)


def test_a_worker_with_another_version_is_not_used(
    there: ClusterPool, cluster: Cluster, notes: list[str], slow: Job
) -> None:
    for _ in there.map(while_not(slow, lambda: any("old" in note for note in notes))):
        pass
    note = next(note for note in notes if "old" in note)
    assert note.startswith("Worker old (tls://127.0.0.1:")
    assert "is not used. It has torch 1.0, but the command " in note
    assert note.endswith("; install the same version.")
    cluster.end("old")


def while_not(job: Job, over: Callable[[], bool]) -> Iterator[Job]:
    """The job again and again, and a few times more."""
    yield from itertools.takewhile(lambda _: not over(), itertools.repeat(job, 2000))
    yield from itertools.repeat(job, 3)


@pytest.mark.fault
@pytest.mark.slow
def test_a_late_worker_helps_and_is_given_up_on_when_it_freezes_or_dies(
    there: ClusterPool, cluster: Cluster, notes: list[str], slow: Job, expected: Run
) -> None:
    before = set(there.answered)
    add(cluster, "late")
    told = len(notes)
    stages = iter(("work", "freeze", "work again", "die", "over"))
    stage = next(stages)
    at_thaw = 0

    def runs_of_late() -> int:
        return sum(count for worker, count in there.answered.items() if worker not in before | others)

    others = set(there.answered)

    def over() -> bool:
        nonlocal stage, at_thaw
        said = [note for note in notes[told:] if "late" in note]
        if stage == "work" and runs_of_late() > 1:
            cluster.signal("late", signal.SIGSTOP)
            stage = next(stages)
        elif stage == "freeze" and any("has said nothing for 4 s" in note for note in said):
            at_thaw = runs_of_late()
            cluster.signal("late", signal.SIGCONT)
            stage = next(stages)
        elif stage == "work again" and runs_of_late() > at_thaw + 1:
            cluster.signal("late", signal.SIGKILL)
            stage = next(stages)
        elif stage == "die" and any("was lost" in note for note in said):
            stage = next(stages)
        return stage == "over"

    runs = list(there.map(while_not(slow, over)))
    assert stage == "over"
    assert {timeless(run) == expected for run in runs} == {True}
    assert any("will be graded elsewhere" in note for note in notes[told:])


@pytest.mark.fault
@pytest.mark.slow
def test_a_submission_that_kills_its_worker_thrice_is_set_aside(
    there: ClusterPool, cluster: Cluster, notes: list[str], job_of: Callable[[str], Job], pool: Pool
) -> None:
    for name in ("b", "c", "d"):
        add(cluster, name)
    right, wrong, poisoned = map(job_of, (RIGHT, WRONG, f"# POISON\n{RIGHT}"))
    told = len(notes)
    runs = list(there.map([right, wrong, poisoned, right, wrong, right]))
    bad = runs.pop(2)
    assert bad.not_graded
    assert bad.problem == "The worker that ran it was lost 3 times."
    assert [timeless(run) for run in runs] == [timeless(pool.run(job)) for job in (right, wrong, right, wrong, right)]
    assert sum("was lost" in note for note in notes[told:]) == 3


def test_nothing_that_was_started_for_a_run_stays(there: ClusterPool, cluster: Cluster) -> None:
    there.close()
    assert there._courier._process.returncode == 0
    assert list(there._folder.path.parent.glob(there._folder.path.name)) == []


@pytest.mark.apart
def test_no_scheduler_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    with pytest.raises(MachineError, match=r"There is no Dask scheduler at tcp://127.0.0.1:9 \(.*\). The results so far"):
        ClusterPool("tcp://127.0.0.1:9", 1)


@pytest.mark.apart
@pytest.mark.fault
def test_a_courier_that_ends_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "distributed.py").write_text("raise RuntimeError('it is broken')")
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    with pytest.raises(MachineError, match=r"The process that talks to tcp://127.0.0.1:9 ended: RuntimeError: it is broken"):
        ClusterPool("tcp://127.0.0.1:9", 1)
