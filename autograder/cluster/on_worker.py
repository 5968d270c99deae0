"""What runs in a worker's process: it starts confined processes once, and runs jobs in them.

Dask finds these functions by name, so the kit must be installed where its scheduler and workers run. No key, score or name
of a student ever comes here.
"""

from __future__ import annotations

import weakref

from autograder.cluster.conditions import why_not
from autograder.cluster.wire import Conditions, joined, read_part, write_run
from autograder.errors import AutogradeError
from autograder.processes.pool import Pool
from autograder.records.jobs import Job

__all__ = ["Station", "open_station", "problem_of", "read_part", "run_job"]


class Station:
    """A worker's running pool, or the `problem` because of which it has none.

    Dask keeps it as a task's result. When the command ends, or is killed, Dask drops it, and the pool closes.
    """

    def __init__(self, conditions: Conditions) -> None:
        """Start the pool, if the worker meets the conditions."""
        self.problem = why_not(conditions)
        self._pool = None
        if self.problem:
            return
        try:
            self._pool = Pool(
                conditions.workers, device=conditions.device, require=conditions.require, unsafe=conditions.unsafe
            )
        except AutogradeError as error:
            self.problem = str(error)
        else:
            weakref.finalize(self, self._pool.close)

    def run(self, job: Job) -> bytes:
        """Run a job and return its run, see `wire.read_run`."""
        if self._pool is None:
            raise AutogradeError(self.problem)
        return write_run(job, self._pool.run(job))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """What Dask gets if it copies a worker's data elsewhere: nothing that works."""
        return str, ("a station stays on its worker",)


def open_station(conditions: Conditions) -> Station:
    """Start a worker's pool."""
    return Station(conditions)


def problem_of(station: Station) -> str:
    """Why a worker cannot be used; empty if it can."""
    return station.problem


def run_job(station: Station, shared: Job, own: bytes) -> bytes:
    """Run a job on the worker that has the station, and whatever submissions for its topic share."""
    return station.run(joined(shared, own))
