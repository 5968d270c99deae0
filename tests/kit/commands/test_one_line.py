"""A user's mistake is one line with a remedy; a bug of ours is not hidden."""

from __future__ import annotations

import errno
import os
import signal
import time

import pytest
import typer

from autograder.commands.one_line import one_line_mistakes
from autograder.errors import AutogradeError


def said(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(typer.Exit) as caught, one_line_mistakes("Stopped."):
        raise error
    return caught.value.exit_code, capsys.readouterr().err


def failed(number: int, filename: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), filename)


def test_what_users_can_cause_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(AutogradeError("course.yml: wrong."), capsys) == (2, "course.yml: wrong.\n")
    assert said(KeyboardInterrupt(), capsys) == (130, "\nStopped.\n")
    full = "No space left on device; free some space and run the same command again.\n"
    # Writing to a full disk fails without a file name.
    assert said(failed(errno.ENOSPC), capsys) == (2, f"A file could not be written: {full}")
    assert said(failed(errno.ENOSPC, "out/x.json"), capsys) == (2, f"out/x.json: {full}")
    folder = "a folder was expected here; choose another path or move the file.\n"
    assert said(failed(errno.EEXIST, "out"), capsys) == (2, f"out: File exists; {folder}")
    links = "Too many levels of symbolic links; check the path, and run the same command again.\n"
    assert said(failed(errno.ELOOP, "out"), capsys) == (2, f"out: {links}")


def test_a_mistake_of_our_own_is_not_hidden() -> None:
    for error in (ValueError("wrong"), failed(errno.EBADF), BrokenPipeError()):
        with pytest.raises(type(error)), one_line_mistakes():
            raise error


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_signals_that_end_a_program_end_it_as_ctrl_c_does(
    name: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)  # the tests may run where it is ignored, with `nohup` for instance
    request.addfinalizer(lambda: signal.signal(number, before))
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), number)  # impatience does not disturb what is cleaned up
            cleaned.append(True)

    with pytest.raises(typer.Exit) as caught, one_line_mistakes("Stopped."):
        work()
    assert (caught.value.exit_code, capsys.readouterr().err, cleaned) == (128 + number, "\nStopped.\n", [True])
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_that_nohup_ignores_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with one_line_mistakes():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
