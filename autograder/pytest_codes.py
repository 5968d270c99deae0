"""What the pytest plugin runs checks on: the namespace of a file of code and that of the reference."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from autograder.code_under_test import Code
from autograder.comparison import compare
from autograder.course import Course, load_course
from autograder.jobs import CheckRequest
from autograder.notebooks import read_cells
from autograder.observation import Observation
from autograder.shell import Shell, make_shell
from autograder.tensor_values import DEFAULT_TOLERANCES
from autograder.topic import derive_seed, draws_of
from autograder.topic_files import CheckSpec, read_checks

__all__ = ["Codes"]

_DRAWS = 3
_SECONDS = 5.0


class Codes:
    """The code given with `--code` and the references, each run once a session."""

    def __init__(self, code: str | None, folder: Path) -> None:
        """Remember what to run; `folder` is where pytest was started."""
        self._code = None if code is None else folder / code
        self._known: dict[Path, Code] = {}
        self._courses: dict[Path, Course | None] = {}
        self._specs: dict[Path, dict[str, CheckSpec]] = {}
        self._shell: Shell | None = None
        self._main = sys.modules["__main__"]
        self._profile = Path(tempfile.mkdtemp(prefix="autograde-"))

    def of(self, topic: str, checks: Path) -> tuple[Code, Code]:
        """The code under test and the reference for a file of checks; the same where no code was given."""
        solution = _root(checks) / "solutions" / f"{topic}.py"
        if not solution.is_file():
            raise pytest.UsageError(f"{checks.name}: the reference {solution} is not there to compare with.")
        reference = self._run(solution)
        return (reference if self._code is None else self._run(self._code)), reference

    def requests(self, topic: str, checks: Path, name: str, seed: int) -> list[CheckRequest]:
        """The draws of a check, as grading has them with this seed."""
        if checks not in self._specs:
            self._specs[checks] = {spec.name: spec for spec in read_checks(checks)}
        spec = self._specs[checks][name]
        course = self._course(checks)
        draws = draws_of(course, topic, spec) if course is not None and topic in course.topics else spec.draws or _DRAWS
        return [
            CheckRequest(
                check=name,
                task=spec.task,
                draw=draw,
                seed=derive_seed(seed, topic, name, draw),
                seconds=spec.seconds or _SECONDS,
            )
            for draw in range(draws)
        ]

    def problems(self, checks: Path, request: CheckRequest, expected: Observation, actual: Observation) -> list[str]:
        """What a student reads: differences, then side effects that the reference does not have."""
        course = self._course(checks)
        tolerances = DEFAULT_TOLERANCES if course is None else course.tolerances
        found = [difference.sentence for difference in compare(expected, actual, tolerances, task=request.task)]
        if actual.error is not None and actual.error.not_attempted:
            return [f"`{request.task}` is not attempted yet."]
        if found and actual.error is not None and actual.error.message:
            found.append(actual.error.message)
        effects = [effect for effect in actual.effects if effect not in expected.effects]
        return found + [f"Side effect: the code changes {effect}." for effect in effects]

    def close(self) -> None:
        """Put `__main__` back and remove what the shell wrote."""
        sys.modules["__main__"] = self._main
        shutil.rmtree(self._profile, ignore_errors=True)

    def _course(self, checks: Path) -> Course | None:
        root = _root(checks)
        if root not in self._courses:
            self._courses[root] = load_course(root) if (root / "course.yml").is_file() else None
        return self._courses[root]

    def _run(self, path: Path) -> Code:
        if path not in self._known:
            cells = read_cells(path.read_bytes(), path.name)
            if self._shell is None:
                self._shell = make_shell(self._profile)
            # Functions keep looking into the namespace that they were defined in, so each file has its own.
            self._shell.user_module = ModuleType("__main__")
            self._shell.user_ns = vars(self._shell.user_module)
            self._shell.init_user_ns()  # type: ignore[no-untyped-call]
            sys.modules["__main__"] = self._shell.user_module
            for cell in cells:
                error = self._shell.run(cell)
                if error is not None:
                    print(f"{path.name}, cell {cell.number}: {type(error).__name__}: {error}")
            self._known[path] = Code(self._shell.user_ns)
        return self._known[path]


def _root(checks: Path) -> Path:
    """The course's folder of tests/visible/test_TOPIC.py."""
    return checks.parents[2] if len(checks.parents) > 2 else checks.parent
