"""The courier: a process of the command's that carries jobs to Dask's workers and runs back.

Dask unpickles what a scheduler or a worker sends, so whoever has taken over one of them can run code in its client. That is
why the client is here, in a process that holds no key and can read none: before it connects, it gives up all files but
Python's own (where the kernel has Landlock). What it passes on to the command are bytes.

Jobs are sent to a worker of our choice (see `dispatch`), as Dask's own choice depends on settings of its scheduler, counts
what merely stood beside a job that killed its worker, and waits minutes for a frozen one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import sys
import sysconfig
import threading
import time
import traceback
import uuid
import warnings
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import msgspec
from distributed import Client, Future
from distributed.scheduler import KilledWorker

from autograder._words import counted
from autograder.cluster import on_worker
from autograder.cluster.dispatch import MOST_LOSSES, Dispatch
from autograder.cluster.messages import (
    Back,
    Begin,
    Connected,
    Drop,
    FromCourier,
    Note,
    Part,
    Post,
    Room,
    SetAside,
    Stopped,
    ToCourier,
    read_message,
    write_message,
)
from autograder.sandbox import landlock, libc

__all__ = ["main"]

_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 60.0
_NONE_FITS_SECONDS = 10.0
_PATIENCE_SECONDS = 60.0
_GPU = "GPU"
_READABLE = ("/usr", "/lib", "/lib64", "/etc", "/run/systemd/resolve", "/dev/urandom")


@dataclass
class _Known:
    """A worker that the scheduler knows."""

    info: dict[str, Any]
    seen: float
    capacity: int
    last_seen: float = 0.0
    station: Future[Any] | None = None
    parts: dict[str, Future[Any]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    ready: bool = False
    silent: bool = False
    refused: str = ""


class _Courier:
    """One command's jobs on one cluster."""

    def __init__(self, begin: Begin, client: Client) -> None:
        self._begin, self._client = begin, client
        self._dispatch = Dispatch()
        self._workers: dict[str, _Known] = {}
        self._parts: dict[str, bytes] = {}
        self._name = uuid.uuid4().hex
        self._count = itertools.count()
        self._room = -1
        self._lonely_since: float | None = None
        self._said_lonely = False

    async def run(self) -> None:
        """Work until the command closes its end."""
        messages: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        # Not a thread of the loop's: those are waited for at the end.
        threading.Thread(target=_read_all, args=(loop, messages), daemon=True).start()
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                waiting = asyncio.create_task(messages.get())
                await asyncio.wait((waiting, watching), return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    waiting.cancel()
                    return watching.result()
                if not (body := waiting.result()):
                    return None
                self._take(msgspec.msgpack.decode(body, type=ToCourier))
        finally:
            watching.cancel()

    def _take(self, message: ToCourier) -> None:
        match message:
            case Part():
                self._parts[message.name] = message.content
            case Post():
                self._dispatch.post(message)
                self._pump()
            case Drop():
                self._dispatch.drop()
                for worker in self._workers.values():
                    if worker.ready:
                        _cancel(worker)

    # ---- workers that come and go --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            try:
                scheduler: Any = self._client.scheduler
                found = await asyncio.wait_for(scheduler.identity(), _ANSWER_SECONDS)
            except (TimeoutError, OSError) as error:
                raise _Over(f"The scheduler at {self._begin.address} no longer answers ({_words(error)}).") from error
            self._compare(found["workers"])
            self._pump()
            self._look_for_company()
            await asyncio.sleep(_LOOK_SECONDS)

    def _compare(self, found: dict[str, dict[str, Any]]) -> None:
        """Take note of what has changed since the last look."""
        now = time.monotonic()
        for address in list(self._workers):
            if address not in found or _incarnation(found[address]) != _incarnation(self._workers[address].info):
                worker = self._workers[address]
                self._lose(address, "was lost" if not worker.refused else "")
                del self._workers[address]
        for address, info in found.items():
            if address not in self._workers:
                self._workers[address] = _Known(info, now, self._capacity(info))
                self._start(self._welcome(address), address)
            worker = self._workers[address]
            if info["last_seen"] != worker.last_seen:
                worker.last_seen, worker.seen = info["last_seen"], now
                if worker.silent:
                    worker.silent = False
                    if worker.ready:
                        self._arrive(address)
                    else:
                        self._start(self._welcome(address), address)
            elif now - worker.seen > self._begin.silent_seconds and not worker.silent:
                worker.silent = True
                self._lose(address, f"has said nothing for {self._begin.silent_seconds:g} s")

    def _capacity(self, info: dict[str, Any]) -> int:
        threads = int(info["nthreads"])
        if not self._on_gpu:
            return threads
        return min(threads, int((info.get("resources") or {}).get(_GPU, 0)))

    @property
    def _on_gpu(self) -> bool:
        return self._begin.conditions.device.startswith("cuda")

    async def _welcome(self, address: str) -> None:
        """Start a worker's processes, unless it does not fit."""
        worker = self._workers[address]
        if not worker.capacity:
            worker.refused = (
                "It announces no GPU: start it with --resources GPU=1." if self._on_gpu else "It has no threads."
            )
        else:
            conditions = msgspec.structs.replace(self._begin.conditions, workers=worker.capacity)
            worker.station = self._submit(address, "station", on_worker.open_station, conditions)
            try:
                asked = self._submit(address, "problem", on_worker.problem_of, worker.station)
                worker.refused = str(await self._result_of(asked))
            except Exception as error:  # whatever Dask raises, or the worker
                worker.refused = f"It could not start ({_words(error)}); install the same autograde-torch[cluster] there."
        if self._workers.get(address) is not worker:
            return
        if worker.refused:
            _say(Note(f"Worker {_shown(address, worker)} is not used. {worker.refused}"))
        else:
            worker.ready = True
            self._arrive(address)

    def _arrive(self, address: str) -> None:
        worker = self._workers[address]
        if worker.ready and not worker.silent and not worker.refused:
            self._dispatch.arrive(address, worker.capacity)
            self._pump()

    def _lose(self, address: str, what: str, *, blameless: bool = False) -> None:
        worker = self._workers[address]
        had = len(worker.tasks) if worker.ready else 0
        given_up = self._dispatch.leave(address, blameless=blameless)
        _cancel(worker)
        if what:
            rest = f"; {counted(had, 'submission')} of it will be graded elsewhere" if had else ""
            _say(Note(f"Worker {_shown(address, worker)} {what}{rest}."))
        for job in given_up:
            self._set_aside(job)

    def _set_aside(self, job: Post) -> None:
        _say(SetAside(job.number, f"The worker that ran it was lost {MOST_LOSSES} times."))

    def _look_for_company(self) -> None:
        """Say once that nobody is there; end if all who are there were refused."""
        if any(worker.ready and not worker.silent and not worker.refused for worker in self._workers.values()):
            self._lonely_since, self._said_lonely = None, False
            return
        now = time.monotonic()
        self._lonely_since = self._lonely_since or now
        lonely = now - self._lonely_since
        refused = [worker.refused for worker in self._workers.values() if worker.refused]
        if refused and len(refused) == len(self._workers) and lonely > _NONE_FITS_SECONDS:
            raise _Over(f"No worker of {self._begin.address} can be used. {refused[0]}")
        if lonely > _PATIENCE_SECONDS and not self._said_lonely:
            self._said_lonely = True
            _say(Note(f"No worker of {self._begin.address} is ready; waiting for one."))

    # ---- jobs ----------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        for job, address in self._dispatch.assign():
            self._start(self._carry(job, address), address)
        if self._dispatch.room != self._room:
            self._room = self._dispatch.room
            _say(Room(self._room))

    async def _carry(self, job: Post, address: str) -> None:
        worker = self._workers[address]
        if job.part not in worker.parts:
            worker.parts[job.part] = self._submit(address, "part", on_worker.read_part, self._parts[job.part])
        future = self._submit(
            address, "job", on_worker.run_job, worker.station, worker.parts[job.part], job.own, on_gpu=self._on_gpu
        )
        try:
            run = bytes(await asyncio.wait_for(self._result_of(future), job.seconds))
        except asyncio.CancelledError:
            if future.status != "cancelled":  # by us
                raise
            self._give_up(address, "was forgotten by the scheduler")
        except KilledWorker:  # started again under the same address several times, faster than we looked
            if self._dispatch.lose(job.number, address):
                self._set_aside(job)
        except TimeoutError:
            self._give_up(address, f"did not end a submission within {job.seconds:g} s", blameless=False)
        except Exception as error:  # whatever Dask raises, or the worker
            self._give_up(address, f"failed ({_words(error)})")
        else:
            self._dispatch.finish(job.number, address)
            _say(Back(number=job.number, run=run, worker=address))
        finally:
            future.release()  # type: ignore[no-untyped-call]
        self._pump()

    async def _result_of(self, future: Future[Any]) -> Any:
        """What a task returns. `Future.result` would fetch it with others' results, and wait for a frozen worker's."""
        scheduler: Any = self._client.scheduler
        while True:
            await future.exception()  # type: ignore[no-untyped-call]
            if future.status != "finished":
                return await future.result()  # it raises
            answer = await scheduler.gather(keys=[future.key])
            if answer["status"] == "OK":
                return answer["data"][future.key]
            await asyncio.sleep(_LOOK_SECONDS)  # the worker has just been lost

    def _give_up(self, address: str, what: str, *, blameless: bool = True) -> None:
        """Use a worker no more."""
        worker = self._workers[address]
        if not worker.refused:
            self._lose(address, what, blameless=blameless)
            worker.refused = f"It {what}."

    def _submit(self, address: str, what: str, function: Any, *args: Any, on_gpu: bool = False) -> Future[Any]:
        key = f"autograde_{what}-{self._name}-{next(self._count)}"
        resources = {_GPU: 1} if on_gpu else None
        return self._client.submit(
            function, *args, key=key, workers=[address], allow_other_workers=False, pure=False, resources=resources
        )

    def _start(self, work: Coroutine[Any, Any, None], address: str) -> None:
        """Do something that ends when the worker is lost."""
        tasks = self._workers[address].tasks
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _incarnation(info: dict[str, Any]) -> tuple[Any, Any]:
    """What changes when a worker is started again under the same address."""
    return info["id"], info["local_directory"]


class _Over(Exception):
    """Nothing more can be run; the text is a sentence that says why."""


def _cancel(worker: _Known) -> None:
    current = asyncio.current_task()
    for task in tuple(worker.tasks):
        if task is not current:
            task.cancel()


def _shown(address: str, worker: _Known) -> str:
    name = str(worker.info["id"])
    return address if name == address or not name.isprintable() else f"{name[:100]} ({address})"


def _words(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return "".join(c for c in text if c.isprintable())[:300].rstrip(".: ")


def _read_all(loop: asyncio.AbstractEventLoop, messages: asyncio.Queue[bytes]) -> None:
    """Hand each message to the loop; an empty one when the command is gone."""
    body = b"-"
    while body:
        body = read_message(sys.stdin.buffer)
        loop.call_soon_threadsafe(messages.put_nowait, body)


def _say(message: FromCourier) -> None:
    write_message(_answers, message)


def _give_up_files() -> None:
    """From now on, read Python's files and the system's only, write nothing, and run nothing."""
    with contextlib.suppress(OSError):  # an old kernel; docs/cluster.md says what that means
        libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
        python = {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix}
        landlock.restrict((*python, *_READABLE), ("/dev/null",), network=True)


async def _connected(begin: Begin) -> None:
    try:
        client = Client(begin.address, asynchronous=True, set_as_default=False)  # type: ignore[no-untyped-call]
        _give_up_files()  # it has read its certificates
        await client
    except Exception as error:
        raise _Over(f"There is no Dask scheduler at {begin.address} ({_words(error)}).") from error
    _say(Connected())
    async with client:
        await _Courier(begin, client).run()


_answers = sys.stdout.buffer


def main() -> None:
    """Carry jobs until the command closes this process's standard input."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    begin = msgspec.msgpack.decode(read_message(sys.stdin.buffer), type=ToCourier)
    assert isinstance(begin, Begin)
    try:
        asyncio.run(_connected(begin))
    except _Over as over:
        _say(Stopped(str(over)))
    except Exception:
        traceback.print_exc()  # the command shows its last line
        sys.stderr.flush()
    os._exit(0)  # a thread may still be reading


if __name__ == "__main__":
    main()
