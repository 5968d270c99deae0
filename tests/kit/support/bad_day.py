"""A course and a class, and runs that grade it: for tests of what happens to machines."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_course import make_course, write_notebook
from typer.testing import CliRunner

from autograder._temporary import TemporaryFolder
from autograder.commands import grade
from autograder.commands.instructor import app
from autograder.processes.pool import Pool

COMMAND = [sys.executable, "-c", "from autograder.commands.instructor import main; main()"]
END_SECONDS = 180.0


def _as_it_is(command: Sequence[str]) -> Sequence[str]:
    return command


class Day:
    """A course and a class, and the runs that grade it. Their temporary files go to a folder of their own."""

    def __init__(self, root: Path, students: dict[str, tuple[str, ...]]) -> None:
        """Write both below `root`; `students` are their cells by name."""
        self.root, self.out, self.temporary = make_course(root / "course"), root / "grades", root / "temporary"
        self.temporary.mkdir()
        for name, cells in students.items():
            write_notebook(self.root / "class" / name / "views.ipynb", *cells)

    def start(
        self,
        *words: str,
        out: Path | None = None,
        jobs: int = 2,
        inside: Callable[[Sequence[str]], Sequence[str]] = _as_it_is,
    ) -> subprocess.Popen[str]:
        """Start to grade the class, into `out` if not into `self.out`; `inside` says what is to run the command."""
        command = [*COMMAND, "grade", "class", "-o", str(out or self.out), "--jobs", str(jobs), *(words or ("--seed", "5"))]
        return subprocess.Popen(
            [*inside(command)],
            cwd=self.root,
            env=os.environ | {"TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def grade(
        self,
        *words: str,
        out: Path | None = None,
        jobs: int = 2,
        inside: Callable[[Sequence[str]], Sequence[str]] = _as_it_is,
    ) -> tuple[int, str]:
        """Grade the class; returns the exit code and what was printed."""
        process = self.start(*words, out=out, jobs=jobs, inside=inside)
        said, _ = process.communicate(timeout=END_SECONDS)
        assert "Traceback" not in said, said
        return process.returncode, said

    def finish(self) -> None:
        """Grade what is left, undisturbed."""
        code, said = self.grade(jobs=1)
        assert code == 0, said

    def finish_with(self, pool: Pool) -> None:
        """Grade what is left, undisturbed, by the command in this process with a pool that runs already: a pool's start
        takes longer than all the rest."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.root)
            patch.setattr(tempfile, "tempdir", str(self.temporary))
            patch.setattr(grade, "_pool", lambda *arguments, **options: contextlib.nullcontext(pool))
            with TemporaryFolder():  # as a new pool would
                done = CliRunner().invoke(app, ["grade", "class", "-o", str(self.out), "--seed", "5"])
        assert done.exit_code == 0, done.output

    def results(self, out: Path | None = None) -> dict[str, Any]:
        """What the results say, without what differs from run to run."""
        found = {}
        for path in sorted((out or self.out).glob("*/views.json")):
            found[path.parent.name] = json.loads(path.read_text())
            del found[path.parent.name]["graded_at"], found[path.parent.name]["usage"]
        return found

    def forget(self) -> None:
        """Begin anew, even with the answer key."""
        for folder in (self.out, self.root / ".autograde"):
            shutil.rmtree(folder, ignore_errors=True)

    def left_behind(self) -> list[Path]:
        """What a run should have removed."""
        return [*self.temporary.iterdir(), *self.root.parent.rglob("*.part")]
