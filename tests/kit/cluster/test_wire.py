"""A job arrives whole but for its rules, and of what comes back only a sound run of this very job is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tiny_course import RIGHT, make_course

from autograder.cluster.wire import joined, largest_run, read_part, read_run, split, write_run
from autograder.course.cells import read_cells
from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.errors import ProtocolError
from autograder.processes.pool import Pool
from autograder.processes.protocol import CellFinished, Hello, Observed, encode
from autograder.records.jobs import HelperFile, Job, NotObserved, Outcome, Run, SourceRule
from autograder.records.observation import Observation, SourceFact


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    course = load_course(make_course(tmp_path_factory.mktemp("course")) / "course.yml")
    cells = read_cells(RIGHT.encode(), "views.py")
    made = make_job(course, load_topic(course, "views"), cells, seed=5)
    rule = SourceRule("no_loops", "double", "loops", (), 0, "Use no loop.")
    return msgspec.structs.replace(made, helpers=(HelperFile("data.csv", b"1,2"),), rules=(rule,))


@pytest.fixture(scope="module")
def run(job: Job, pool: Pool) -> Run:
    return pool.run(job)


def test_a_job_arrives_whole_but_for_its_rules(job: Job) -> None:
    shared, own = split(job)
    assert joined(read_part(shared), own) == msgspec.structs.replace(job, rules=())
    assert RIGHT.encode() not in shared
    assert b"no_loops" not in shared + own


def test_what_submissions_share_is_the_same_bytes_for_all(job: Job, tmp_path: Path) -> None:
    other = msgspec.structs.replace(job, cells=read_cells(b"x = 1", "views.py"), helpers=(), script="")
    assert split(other)[0] == split(job)[0]


def test_a_run_comes_back_as_it_was_with_what_the_rules_say(job: Job, run: Run) -> None:
    data = write_run(joined(read_part(split(job)[0]), split(job)[1]), run)
    assert read_run(job, data) == run
    rule = run.observations["no_loops", 0]
    assert isinstance(rule, Observation)
    assert isinstance(rule.returned, SourceFact)


def test_equal_answers_are_one_object(job: Job, run: Run) -> None:
    first, second = (read_run(job, write_run(job, run)) for _ in range(2))
    key = next(iter(first.observations))
    assert first.observations[key] is second.observations[key]


def test_a_run_without_observations_comes_back(job: Job, run: Run) -> None:
    failure = NotObserved(Outcome.TIMEOUT, "The code did not end within 5 s.")
    lost = msgspec.structs.replace(run, observations=dict.fromkeys(run.observations, failure), problem="It ended.")
    seen = read_run(job, write_run(job, lost))
    assert seen.observations[job.visible_requests[0].check, 0] == failure
    assert seen.problem == "It ended."


FORGERIES: dict[str, tuple[Callable[[list[Any]], Any], str]] = {
    "no list": (lambda raw: {"cells": 1}, "is not a run"),
    "too few answers": (lambda raw: raw[1].pop(), "does not answer"),
    "a verdict": (lambda raw: raw[1].__setitem__(0, {"outcome": "passed", "reason": ""}), "has a verdict"),
    "an answer in another's place": (lambda raw: raw[1].__setitem__(0, raw[1][2]), "answered with something else"),
    "another message": (lambda raw: raw[1].__setitem__(0, encode(Hello({}))), "answered with something else"),
    "a broken message": (lambda raw: raw[1].__setitem__(0, b"\xc1"), "not a message"),
    "a cell too many": (lambda raw: raw[0].append(raw[0][0]), "does not have"),
    "another cell": (lambda raw: raw[0][0].__setitem__(0, 77), "does not have"),
    "no report of a cell": (lambda raw: raw[0][0].__setitem__(2, encode(Hello({}))), "a cell's report"),
    "a long note": (
        lambda raw: raw[0][0].__setitem__(2, encode(CellFinished(note="x" * 200_000))),
        "a text has 200,000 characters",
    ),
    "much output": (lambda raw: raw[0][0].__setitem__(3, "x" * (1 << 20)), "more output"),
    "a layer of its own": (lambda raw: raw[2].__setitem__("armour", "on"), "do not exist"),
    "a long problem": (lambda raw: raw.__setitem__(4, "x" * 5000), "too long"),
    "negative seconds": (lambda raw: raw[3].__setitem__("wall_seconds", -1.0), "negative or endless"),
    "endless seconds": (lambda raw: raw[3].__setitem__("cpu_seconds", float("inf")), "negative or endless"),
    "many tries": (lambda raw: raw.__setitem__(5, 1000), "negative or endless"),
}


@pytest.mark.attack
@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_run_is_refused(what: str, job: Job, run: Run) -> None:
    change, words = FORGERIES[what]
    raw = msgspec.msgpack.decode(write_run(job, run))
    new = change(raw)
    with pytest.raises(ProtocolError, match=words):
        read_run(job, msgspec.msgpack.encode(new if isinstance(new, dict) and "cells" in new else raw))


@pytest.mark.attack
def test_a_rule_is_judged_here_whatever_the_worker_says(job: Job, run: Run) -> None:
    raw = msgspec.msgpack.decode(write_run(job, run))
    raw[1][0] = encode(Observed(run.observations["no_loops", 0]))  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="only the trusted side makes"):
        read_run(job, msgspec.msgpack.encode(raw))


NO_RUNS = {
    "nothing": b"",
    "an endless list": b"\xdd\xff\xff\xff\xff",
    "many empty lists": b"\x90" * 600_000,
    "a list that ends early": b"\xdc\xff\xff" + b"\xc0" * 10,
}


@pytest.mark.attack
@pytest.mark.parametrize("what", NO_RUNS)
def test_bytes_that_are_no_run_are_refused(what: str, job: Job) -> None:
    with pytest.raises(ProtocolError):
        read_run(job, NO_RUNS[what])


def test_a_run_has_a_largest_size(job: Job) -> None:
    small = msgspec.structs.replace(job, limits=msgspec.structs.replace(job.limits, report_mb=1, output_kb=1))
    with pytest.raises(ProtocolError, match="more than the course's limits allow"):
        read_run(small, bytes(largest_run(small.limits) + 1))
