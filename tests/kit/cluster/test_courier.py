"""The courier reads none of the course's files, and gives jobs for a GPU to workers that announce one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.cluster import courier
from autograder.cluster.messages import Begin, FromCourier, Note, Post, Room
from autograder.cluster.wire import Conditions


class Answered:
    """A task that has ended."""

    status = "finished"

    def __init__(self, key: str) -> None:
        self.key = key

    async def exception(self) -> None:
        return None

    def release(self) -> None:
        pass


class Client:
    """Takes tasks, and has workers as Dask's scheduler describes them."""

    def __init__(self, workers: dict[str, dict[str, Any]]) -> None:
        self.workers, self.tasks = workers, []
        self.scheduler = self

    async def identity(self) -> dict[str, Any]:
        return {"workers": self.workers}

    async def gather(self, keys: list[str]) -> dict[str, Any]:
        return {"status": "OK", "data": {key: b"a run" if "_job-" in key else "" for key in keys}}

    def submit(self, function: Any, *args: Any, key: str, **options: Any) -> Answered:
        self.tasks.append((function.__name__, args, options))
        return Answered(key)


def worker(threads: int, **resources: float) -> dict[str, Any]:
    return {"id": "w", "local_directory": "/w", "nthreads": threads, "last_seen": 1.0, "resources": resources}


def test_jobs_for_a_gpu_go_to_workers_that_announce_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[FromCourier] = []
    monkeypatch.setattr(courier, "_say", said.append)
    client = Client({"tcp://gpu:1": worker(8, GPU=2.0), "tcp://cpu:1": worker(8)})
    conditions = Conditions(kit="", versions={}, workers=1, device="cuda")

    async def run() -> None:
        made = courier._Courier(Begin(address="tcp://s:1", conditions=conditions, silent_seconds=60), client)  # type: ignore[arg-type]
        made._parts["0"] = b"part"
        made._take(Post(number=1, part="0", own=b"own", seconds=5.0))
        watching = asyncio.create_task(made._watch())
        while not any(isinstance(message, courier.Back) for message in said):
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))
    assert Note("Worker w (tcp://cpu:1) is not used. It announces no GPU: start it with --resources GPU=1.") in said
    started = next(args[0] for name, args, _ in client.tasks if name == "open_station")
    assert started.workers == 2
    options = next(options for name, _, options in client.tasks if name == "run_job")
    assert (options["workers"], options["resources"]) == (["tcp://gpu:1"], {"GPU": 1})
    assert Room(8) in said


@pytest.mark.attack
def test_the_courier_gives_up_the_files(tmp_path: Path) -> None:
    (tmp_path / "answers.key").write_text("42")
    code = f"""
        import socket, ssl, json
        from autograder.cluster.courier import _give_up_files
        _give_up_files()
        for attempt in (
            lambda: open({str(tmp_path / "answers.key")!r}).read(),
            lambda: open({str(tmp_path / "new")!r}, "w"),
            lambda: __import__("subprocess").run(["/bin/true"]),
        ):
            try:
                attempt()
            except PermissionError:
                print("refused")
        print(open("/etc/passwd").read() != "", socket.create_server(("127.0.0.1", 0)).getsockname()[0])
        import distributed.comm.tcp
    """
    done = subprocess.run([sys.executable, "-c", "if True:" + code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["refused"] * 3 + ["True", "127.0.0.1"]
