"""A process that runs a student's file from top to bottom, then its checks: `python -m autograder.student.worker FOLDER`.

The folder is empty and takes what IPython and the student's code write; the parent process removes it.

The worker answers on the standard output that it was started with; what student code prints is discarded. It first imports
everything slow, so that a worker started in advance answers at once.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from autograder.records.course_card import TaskCard
from autograder.records.jobs import Cell, CheckModule, CheckRequest, ScriptPart
from autograder.records.observation import ErrorFact, Observation

if TYPE_CHECKING:
    from autograder.checking.shell import Shell

__all__ = ["CellRan", "Done", "FromWorker", "Names", "Order", "Ready", "Saw", "Unloadable", "Unobserved"]

_SEED = 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `whole` is the text of a Python file whose cells all have the number 0, else empty. `data` is the
    release's folder of data, if it has one; the code gets a copy, of `files` only if they are not None. `scripts` are the
    tasks that are ranges of cells. `helpers` are the files beside the student's that it uses: the name of each in the
    working folder, and where it is."""

    cells: tuple[Cell, ...]
    whole: str
    module: CheckModule | None
    requests: tuple[CheckRequest, ...]
    cards: dict[str, TaskCard]
    data: str = ""
    scripts: dict[str, tuple[ScriptPart, ...]] = {}
    helpers: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] | None = None


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Everything that is slow has been imported."""


class CellRan(msgspec.Struct, frozen=True, tag="cell", kw_only=True):
    """A cell has run."""

    error: ErrorFact | None = None
    note: str = ""


class Names(msgspec.Struct, frozen=True, tag="names"):
    """The checks are loaded; what is wrong with tasks' names, which take their arguments in another order, and which never
    return the value that they should."""

    problems: dict[str, str]
    orders: dict[str, str]
    returnless: dict[str, str]


class Saw(msgspec.Struct, frozen=True, tag="saw"):
    """What a draw of a check saw."""

    observation: Observation


class Unobserved(msgspec.Struct, frozen=True, tag="unobserved"):
    """A draw of a check could not be reported, for this reason; or, if it is empty, was not run."""

    reason: str


class Unloadable(msgspec.Struct, frozen=True, tag="unloadable"):
    """The file of checks cannot be loaded."""

    problem: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Everything has run."""


FromWorker = Ready | CellRan | Names | Saw | Unobserved | Unloadable | Done


def main() -> None:
    """Serve one order."""
    send = _sender()
    import numpy
    import torch

    from autograder.checking import run_check  # noqa: F401 - imported here because it takes time
    from autograder.checking.shell import make_shell

    instructions = sys.stdin.buffer
    folder = Path(sys.argv[1])
    profile, scratch = folder / "profile", folder / "scratch"
    profile.mkdir()
    scratch.mkdir()
    shell = make_shell(profile)
    order = None
    with contextlib.suppress(BrokenPipeError):
        send(Ready())
        order = _read(instructions)
    if order is None:
        shutil.rmtree(folder, ignore_errors=True)  # the parent would, but it may have been killed
        return
    threading.Thread(target=_end_with_parent, args=(instructions, folder), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - it stays open as long as the process
    os.chdir(scratch)
    for name, path in order.helpers:
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # it is gone; the code will say so
            shutil.copyfile(path, scratch / name)
    if order.data:
        _copy_data(Path(order.data), order.files, scratch)
    shell.start_here()
    torch.default_generator.manual_seed(_SEED)
    numpy.random.seed(_SEED)
    random.seed(_SEED)
    _run(order, shell, send)


def _sender() -> Callable[[FromWorker], None]:
    """Returns a function that sends messages to the present standard output; redirects descriptors 1 and 2 to nowhere."""
    reports: BinaryIO = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    def send(message: FromWorker) -> None:
        body = msgspec.msgpack.encode(message)
        reports.write(len(body).to_bytes(4, "big") + body)
        reports.flush()

    return send


def _copy_data(data: Path, files: tuple[str, ...] | None, scratch: Path) -> None:
    if files is None:
        shutil.copytree(data, scratch / data.name)
    for name in files or ():
        if (data.parent / name).is_file():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data.parent / name, scratch / name)


def _end_with_parent(instructions: BinaryIO, folder: Path) -> None:
    """Wait until the parent is gone, however it ended; then end this process and all that it has started."""
    while instructions.read(1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    if hasattr(os, "killpg"):
        os.killpg(os.getpgid(0), signal.SIGKILL)  # the parent has made this process the first of a group
    os._exit(1)


def _read(stream: BinaryIO) -> Order | None:
    size = stream.read(4)
    return msgspec.msgpack.decode(stream.read(int.from_bytes(size, "big")), type=Order) if len(size) == 4 else None


def _run(order: Order, shell: Shell, send: Callable[[FromWorker], None]) -> None:
    from autograder.checking.code import Code
    from autograder.checking.error_facts import describe_error
    from autograder.checking.run_check import load_checks, run_check
    from autograder.student.definitions import other_order, problem_with, without_return

    if "optim" in "".join((order.module.source if order.module else "", *(cell.source for cell in order.cells))):
        import torch._dynamo  # noqa: F401 - the first optimizer imports it: seconds on a slow machine, and not the student's

    whole = order.whole.splitlines(keepends=True)
    for cell in order.cells:
        if whole:
            linecache.cache["<submission>"] = (len(order.whole), None, whole, "<submission>")
        error = shell.run(cell)
        if whole:
            linecache.cache["<submission>"] = (len(order.whole), None, whole, "<submission>")
        send(CellRan(error=None if error is None else describe_error(error), note=shell.note))
    sentences = {task: problem_with(task, card, shell.user_ns) for task, card in order.cards.items()}
    problems = {task: problem for task, problem in sentences.items() if problem}
    functions: dict[str, Callable[..., Any]] = {}
    try:
        if order.module is not None:
            functions = load_checks(order.module)
    except Exception as problem:  # student code may have changed what the checks import
        send(Unloadable(f"{type(problem).__name__}: {problem}"))
        return
    orders = {task: text for task, card in order.cards.items() if (text := other_order(task, card, shell.user_ns))}
    returnless = {task: text for task, card in order.cards.items() if (text := without_return(task, card, shell.user_ns))}
    send(Names(problems, orders, returnless))
    if functions:
        code = Code(shell.user_ns, order.scripts)
        for request in order.requests:
            if request.task in problems:
                send(Unobserved(""))
                continue
            try:
                message: FromWorker = Saw(run_check(functions[request.check], code, request))
                send(message)
            except Exception as problem:  # a check reports its own errors; this is about the report itself
                send(Unobserved(f"What the check saw could not be reported ({type(problem).__name__})."))
    send(Done())


if __name__ == "__main__":
    # The shell replaces this module by the notebook's own, but this one must live on.
    from autograder.student import worker

    worker.main()
