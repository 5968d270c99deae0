"""Decides which worker gets which job, and what becomes of a job whose worker is lost. Knows nothing of Dask.

What may have been running on a lost worker runs again alone on another, so that the next loss there is its own doing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from autograder.cluster.messages import Post

__all__ = ["MOST_LOSSES", "Dispatch"]

MOST_LOSSES = 3
_AHEAD = 4  # jobs that a worker has for each that it can run, so that the way there and back costs no time
_MAY_RUN = 2  # of those, the first, and as many that may have begun since we last heard of it


@dataclass
class _Worker:
    capacity: int
    jobs: dict[int, Post] = field(default_factory=dict)
    alone: bool = False


class Dispatch:
    """The jobs that wait and the workers that are there, by address."""

    def __init__(self) -> None:
        """Begin without any."""
        self._waiting: deque[Post] = deque()
        self._suspects: deque[Post] = deque()
        self._losses: dict[int, int] = {}
        self._workers: dict[str, _Worker] = {}

    @property
    def room(self) -> int:
        """How many jobs the workers can have at a time."""
        return _AHEAD * sum(worker.capacity for worker in self._workers.values())

    def post(self, job: Post) -> None:
        """Take a job."""
        self._waiting.append(job)

    def arrive(self, worker: str, capacity: int) -> None:
        """A worker is ready to run `capacity` jobs at a time."""
        self._workers.setdefault(worker, _Worker(capacity))

    def assign(self) -> Iterator[tuple[Post, str]]:
        """Give out what can be given out now."""
        while self._suspects:
            idle = next((name for name, worker in self._workers.items() if not worker.jobs), None)
            if idle is None:
                break
            self._workers[idle].alone = True
            yield self._give(self._suspects.popleft(), idle)
        # If suspects are left, the worker with the fewest jobs gets no more, so that one of them can soon be alone there.
        open_ones = sorted((len(each.jobs), name) for name, each in self._workers.items() if not each.alone)
        open_ones = open_ones[1:] if self._suspects else open_ones
        while self._waiting and open_ones:
            load, name = min((len(self._workers[name].jobs) / self._workers[name].capacity, name) for _, name in open_ones)
            if load >= _AHEAD:
                break
            yield self._give(self._waiting.popleft(), name)

    def _give(self, job: Post, worker: str) -> tuple[Post, str]:
        self._workers[worker].jobs[job.number] = job
        return job, worker

    def finish(self, number: int, worker: str) -> None:
        """A job's run has come back from a worker."""
        self._losses.pop(number, None)
        if worker in self._workers:
            self._workers[worker].jobs.pop(number, None)
            self._workers[worker].alone = False

    def leave(self, worker: str, *, blameless: bool = False) -> list[Post]:
        """A worker is lost. Its jobs wait again, but for those lost too often while they ran: they are given up.

        Args:
            worker: which.
            blameless: the jobs have nothing to do with it; their losses are not counted.

        Returns:
            Those that are given up.
        """
        gone = self._workers.pop(worker, None)
        if gone is None:
            return []
        jobs = list(gone.jobs.values())
        running = 0 if blameless else _MAY_RUN * gone.capacity
        self._waiting.extendleft(reversed(jobs[running:]))
        return [job for job in jobs[:running] if self._count_loss(job)]

    def lose(self, number: int, worker: str) -> bool:
        """One of a worker's jobs is lost, but not the worker. Returns whether the job is given up."""
        job = self._workers[worker].jobs[number]
        losses = self._losses.get(number, 0)
        self.finish(number, worker)
        self._losses[number] = losses
        return self._count_loss(job)

    def _count_loss(self, job: Post) -> bool:
        losses = self._losses.pop(job.number, 0) + 1
        if losses >= MOST_LOSSES:
            return True
        self._losses[job.number] = losses
        self._suspects.append(job)
        return False

    def drop(self) -> None:
        """Forget all jobs."""
        self._waiting.clear()
        self._suspects.clear()
        self._losses.clear()
        for worker in self._workers.values():
            worker.jobs.clear()
            worker.alone = False
