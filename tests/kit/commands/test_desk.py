"""The command `autograde desk`: it opens, it stops, and each mistake is one line."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from desk_course import form_in, make_class_with_answers, make_manual_course, write_results
from typer.testing import CliRunner

from autograder.commands.instructor import app

COMMAND = [sys.executable, "-c", "from autograder.commands.instructor import main; main()", "desk"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_manual_course(tmp_path_factory.mktemp("course"))
    make_class_with_answers(root / "submitted")
    return write_results(root)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_desk_opens_decides_and_closes(root: Path, end: signal.Signals) -> None:
    desk = subprocess.Popen(
        [*COMMAND, "--by", end.name], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert desk.stdout is not None
        line = desk.stdout.readline()
        found = re.fullmatch(r"The desk is open until Ctrl-C: (http://127\.0\.0\.1:\d+)/\?token=([\w-]{43})\n", line)
        assert found
        with httpx.Client(base_url=found[1], timeout=60) as client:
            assert client.get("/").status_code == 403
            assert client.get("/", params={"token": found[2]}).status_code == 200
            form = form_in(client.get("/instructor-pages/bo/views.html").text, "/desk/decide", task="guess")
            assert client.post("/desk/decide", data={**form, "comment": f"From {end.name}."}).status_code == 303
            os.kill(desk.pid, end)
        assert desk.communicate(timeout=60) == ("The desk is closed.\n", "")
        assert desk.returncode == 0
    finally:
        desk.kill()
        desk.wait()
    assert f"by: {end.name}" in (root / "adjustments.yml").read_text()
    assert f"From {end.name}." in (root / "grades/bo/views.html").read_text()


def test_each_mistake_is_one_line(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)

    def mistake(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["desk", *arguments])
        assert done.exit_code == 2
        [line] = done.stderr.splitlines()
        return line

    assert (
        mistake("--results", "gone")
        == "gone: there is no such folder; run `autograde grade` first, or name the folder with --results."
    )
    assert mistake("--results", str(tmp_path)).startswith(
        f"{tmp_path}: there are no results here; run `autograde grade` first"
    )
    assert mistake("--course", "gone.yml").startswith("gone.yml: ")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert mistake("--port", str(port)) == (
            f"127.0.0.1, port {port}: cannot listen (Address already in use); choose another port, or 0 for a free one."
        )
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert mistake() == ('This command needs uvicorn, which is not installed; run: pip install "autograde-torch[serve]"')
