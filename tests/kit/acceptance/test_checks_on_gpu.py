"""The course's checks can run on a GPU: the reference passes through them with the simulated one as the device under test.

What they see is not compared here, as a real GPU computes other last digits; that nothing stays behind on the CPU is.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import simulated_gpu
from autograder.checking import run_check
from autograder.checking.code import Code
from autograder.checking.run_check import load_checks
from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import Topic, load_topic
from autograder.records.jobs import CheckModule, CheckRequest

COURSE = load_course(Path(__file__).parents[3])
GPU = "cuda:0"


class _CpuGenerators(run_check.Generators):
    """The generators of a real GPU are not there."""

    def __init__(self, seed: int, *, on_gpu: bool) -> None:
        super().__init__(seed, on_gpu=False)


def _requests(topic: Topic) -> Iterator[tuple[CheckModule, CheckRequest]]:
    job = make_job(COURSE, topic, topic.reference, seed=1001, device=GPU)
    for module, requests in ((job.visible, job.visible_requests), (job.hidden, job.hidden_requests)):
        for request in requests:
            assert module is not None
            yield module, request


def _namespace(topic: Topic) -> dict[str, object]:
    namespace: dict[str, object] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cell in topic.reference:
            exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)
    return namespace


@pytest.mark.slow
@pytest.mark.parametrize("name", COURSE.topics)
def test_checks_run_on_a_gpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_check, "Generators", _CpuGenerators)
    topic = load_topic(COURSE, name)
    code = Code(_namespace(topic))
    loaded: dict[str, dict[str, Callable[..., Any]]] = {}
    problems = []
    for module, request in _requests(topic):
        if module.filename not in loaded:
            loaded[module.filename] = load_checks(module)
        with simulated_gpu():
            seen = run_check.run_check(loaded[module.filename][request.check], code, request, GPU)
        if seen.error is not None:
            problems.append(f"{request.check} raises {seen.error.type}: {seen.error.message}")
    assert problems == []
