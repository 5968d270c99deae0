"""Which worker gets which job, and what becomes of those that were lost."""

from __future__ import annotations

from autograder.cluster.dispatch import MOST_LOSSES, Dispatch
from autograder.cluster.messages import Post


def dispatch(jobs: int, **capacities: int) -> Dispatch:
    made = Dispatch()
    for number in range(jobs):
        made.post(Post(number=number, part="0", own=b"", seconds=1.0))
    for worker, capacity in capacities.items():
        made.arrive(worker, capacity)
    return made


def given(made: Dispatch) -> list[tuple[int, str]]:
    return [(job.number, worker) for job, worker in made.assign()]


def test_each_worker_gets_what_it_can_run_and_some_ahead() -> None:
    made = dispatch(40, a=1, b=3)
    first = given(made)
    assert [number for number, _ in first] == list(range(16))
    assert [worker for _, worker in first].count("a") == 4
    assert made.room == 16
    assert given(made) == []
    made.finish(0, first[0][1])
    assert given(made) == [(16, first[0][1])]


def test_a_worker_that_comes_late_gets_its_share() -> None:
    made = dispatch(9, a=1)
    assert given(made) == [(number, "a") for number in range(4)]
    made.arrive("b", 1)
    assert given(made) == [(number, "b") for number in range(4, 8)]


def test_what_may_have_been_running_on_a_lost_worker_runs_alone_and_the_rest_as_before() -> None:
    made = dispatch(9, a=1, b=1)
    assert given(made) == [(number, "ab"[number % 2]) for number in range(8)]
    assert made.leave("a") == []
    assert given(made) == []  # b has jobs, and gets no others while 0 and 2 wait for a worker of their own
    for number in (1, 3, 5, 7):
        made.finish(number, "b")
    assert given(made) == [(0, "b")]
    made.finish(0, "b")
    assert given(made) == [(2, "b")]
    made.finish(2, "b")
    assert given(made) == [(4, "b"), (6, "b"), (8, "b")]


def test_a_job_that_loses_its_worker_again_and_again_is_given_up_and_its_neighbour_is_not() -> None:
    made = dispatch(2, w0=1)
    assert given(made) == [(0, "w0"), (1, "w0")]
    given_up = []
    finished = []
    for number in range(MOST_LOSSES + 1):
        given_up += made.leave(f"w{number}")
        made.arrive(f"w{number + 1}", 1)
        for job, worker in given(made):
            if job == 1:
                made.finish(job, worker)
                finished.append(job)
        given(made)
    assert [job.number for job in given_up] == [0]
    assert finished == [1]


def test_jobs_are_not_to_blame_for_a_worker_that_cannot_run_any() -> None:
    made = dispatch(3, a=1)
    for _ in range(MOST_LOSSES + 1):
        assert given(made) == [(0, "a"), (1, "a"), (2, "a")]
        assert made.leave("a", blameless=True) == []
        made.arrive("a", 1)


def test_one_of_a_workers_jobs_can_be_lost() -> None:
    made = dispatch(2, a=1)
    for losses in range(1, MOST_LOSSES + 1):
        assert (0, "a") in given(made)
        made.finish(1, "a")
        assert made.lose(0, "a") is (losses == MOST_LOSSES)


def test_what_is_dropped_is_forgotten() -> None:
    made = dispatch(4, a=1)
    given(made)
    made.drop()
    assert given(made) == []
    assert made.leave("a") == []
