"""The confined process that runs one submission: its cells, then checks, one instruction at a time.

It is forked from a warm zygote, and from the first cell on, everything in it is at the mercy of student code. It has no
expected values; what it sends is validated and judged elsewhere.
"""

from __future__ import annotations

import functools
import io
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch

from autograder import sandbox
from autograder.checking.code import Code
from autograder.checking.error_facts import describe_error
from autograder.checking.run_check import load_checks, load_replacement, run_check
from autograder.checking.shell import Shell
from autograder.confined import substitutes
from autograder.processes.protocol import (
    Arranged,
    Broken,
    CellFinished,
    Fork,
    FromChild,
    Hello,
    Loaded,
    Observed,
    Replace,
    Replaced,
    RunCell,
    RunChecks,
    ToChild,
    WriteFiles,
    frame,
    read_frame,
)
from autograder.sandbox import limits

__all__ = ["SEED", "Streams", "make_streams", "run_child"]

SEED = 0
"""The seed of the random numbers that a submission's cells get."""
_FOLDERS_OF_THE_GRADER = ("XDG_CACHE_HOME", "MPLCONFIGDIR")
_to_child: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild)


class Streams(NamedTuple):
    """`sys.stdin`, `sys.stdout` and `sys.stderr` of every child."""

    stdin: io.TextIOWrapper
    stdout: io.TextIOWrapper
    stderr: io.TextIOWrapper


def make_streams() -> Streams:
    """Make the streams in the zygote: a child only has to redirect descriptors 1 and 2."""
    kept = [os.dup(number) for number in (1, 2)]
    pipe = os.pipe()  # as in a child: a stream remembers whether it is seekable
    try:
        for number in (1, 2):
            os.dup2(pipe[1], number)
        stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
        return Streams(stdin, _writer(1), _writer(2))
    finally:
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
        for descriptor in (*kept, *pipe):
            os.close(descriptor)


def run_child(
    order: Fork, setup: sandbox.Confinement, shell: Shell, streams: Streams, descriptors: tuple[int, int, int]
) -> None:
    """Be the child; returns when there is nothing more to do.

    Args:
        order: the zygote's order to fork, with the limits.
        setup: what the zygote found out about confinement.
        shell: the warm shell, which runs the cells.
        streams: from `make_streams`.
        descriptors: instructions to read, reports to write, and where everything printed goes.
    """
    instructions, reports, output = descriptors
    _connect(streams, output)
    layers = sandbox.confine(setup, order.limits, order.scratch, keep=(instructions, reports))
    os.environ["HOME"] = os.environ["TMPDIR"] = os.getcwd()  # noqa: PTH109 - cheaper in a fresh fork
    for name in _FOLDERS_OF_THE_GRADER:
        os.environ.pop(name, None)
    tempfile.tempdir = None  # to be chosen again, where the child can write
    shell.start_here()
    if order.gpu:
        _open_gpu(order.limits.gpu_memory_mb)
        if layers["limits"] == "on":
            limits.bind_address_space(order.limits)
    if not setup.bare:
        substitutes.refuse_in_words(shell)
    _send(reports, Hello(layers))
    random.seed(SEED)  # Python reseeds every fork
    while True:
        try:
            message = _to_child.decode(read_frame(instructions))
        except EOFError:
            return
        if isinstance(message, RunCell):
            _run_cell(shell, message, reports)
        elif isinstance(message, WriteFiles):
            _send(reports, Arranged(_problem(functools.partial(_write_files, shell, message))))
        elif isinstance(message, Replace):
            _send(reports, Replaced(_problem(functools.partial(_replace, shell, message))))
        else:
            _run_checks(shell, message, reports)


def _open_gpu(memory_mb: int) -> None:
    """Open this process's CUDA context with the settings that results record (`gpu.SETTINGS`), and limit its memory.

    PyTorch's allocator enforces the limit. A student who replaces the allocator can get round it, which costs others time
    but no marks.
    """
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (memory_mb << 20) / total))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    torch.cuda.manual_seed_all(SEED)
    torch.ones(1, device="cuda").sum().item()  # the first kernel takes a second that no check should pay for


def _connect(streams: Streams, output: int) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.argv = ["notebook"]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _writer(descriptor: int) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="replace", line_buffering=descriptor == 2)


def _send(reports: int, message: FromChild) -> None:
    data = memoryview(frame(message))
    while data:
        data = data[os.write(reports, data) :]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # whatever a student replaced it with
            continue


def _run_cell(shell: Shell, message: RunCell, reports: int) -> None:
    error = shell.run(message.cell, has_value=message.has_value)
    described = None if error is None else describe_error(error)
    _flush()
    _send(reports, CellFinished(error=described, note=shell.note))


def _write_files(shell: Shell, message: WriteFiles) -> None:
    here = Path.cwd()
    for file in message.files:
        path = here / file.name
        if message.read_only:
            _write_read_only(here, path, file.content)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
    if message.script:
        shell.be_script(str(here / message.script))


def _write_read_only(here: Path, path: Path, content: bytes) -> None:
    """Write a file that cannot be written again, in the place of whatever student code has put there."""
    for folder in reversed(path.relative_to(here).parents):
        if (here / folder).is_symlink() or not (here / folder).is_dir():
            (here / folder).unlink(missing_ok=True)
            (here / folder).mkdir()
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    # The mode must be there from the start: seccomp only pretends to change one.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _replace(shell: Shell, message: Replace) -> None:
    task = message.replacement.task
    replacement = load_replacement(message.replacement, message.code)
    if message.replacement.marked and isinstance(replacement, type):
        shell.user_ns.update({name: getattr(replacement, name) for name in vars(replacement) if not name.startswith("_")})
        return
    current = shell.user_ns.get(task)
    is_variable = task in shell.user_ns and not callable(current)
    shell.user_ns[task] = replacement() if is_variable else replacement


def _problem(action: Callable[[], None]) -> str:
    """Call `action`; if it fails, return a sentence about what went wrong, else an empty text."""
    try:
        action()
    except BaseException as error:  # this too may run what student code has changed
        described = describe_error(error)
        return f"{described.type}: {described.message}"[:2000]
    return ""


def _run_checks(shell: Shell, message: RunChecks, reports: int) -> None:
    checks: dict[str, Callable[..., Any]] = {}
    problem = _problem(lambda: checks.update(load_checks(message.module, message.code)))
    missing = [] if problem else [request.check for request in message.requests if request.check not in checks]
    if missing:
        problem = f"{message.module.filename} has no check {missing[0]}"
    _send(reports, Loaded(problem))
    if problem:
        return
    code = Code(shell.user_ns, message.scripts)
    for request in message.requests:
        try:
            answer: FromChild = Observed(run_check(checks[request.check], code, request, message.device))
            _send(reports, answer)
        except BaseException as error:  # checks report their own errors; this is about the report itself
            _send(reports, Broken(request.check, request.draw, type(error).__name__))
