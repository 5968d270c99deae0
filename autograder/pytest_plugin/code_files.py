"""What the pytest plugin runs checks on (a file of code) and compares with (a reference or its public answer key)."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder._files import read_whole
from autograder._temporary import TemporaryFolder
from autograder.checking.code import Code
from autograder.checking.run_check import run_check
from autograder.checking.shell import Shell, make_shell
from autograder.comparing.arrays import DEFAULT_TOLERANCES
from autograder.comparing.compare import compare
from autograder.course.cells import read_cells
from autograder.course.course_file import Course, load_course
from autograder.course.declarations import CheckSpec, read_checks
from autograder.course.marked import marked_names
from autograder.course.scripts import scripts_in
from autograder.course.topic_checks import derive_seed
from autograder.errors import AuthoringError
from autograder.keys.key import AnswerKey, current_versions, read_key
from autograder.records.jobs import CheckRequest
from autograder.records.observation import Observation

__all__ = ["CheckFile", "Codes"]

_DRAWS = 3
_SECONDS = 5.0


class Codes:
    """Runs each file of code once per session."""

    def __init__(self, code: Path | None, seed: int | None) -> None:
        """Remember what `--code` and `--code-seed` say."""
        self.path = code
        self.seed = seed
        self._known: dict[Path, Code] = {}
        self._files: dict[Path, CheckFile] = {}
        self._shell: Shell | None = None
        self._main = sys.modules["__main__"]
        self._profile = TemporaryFolder()

    def checks(self, path: Path) -> CheckFile:
        """The file of checks at a path."""
        if path not in self._files:
            self._files[path] = CheckFile(path, self)
        return self._files[path]

    def run(self, path: Path) -> Code:
        """The names that a notebook or Python file defines. If a cell raises, this is printed and the rest still runs."""
        if path not in self._known:
            cells = read_cells(read_whole(path), path.name)
            if self._shell is None:
                with contextlib.redirect_stdout(io.StringIO()):
                    self._shell = make_shell(self._profile.path)
            # Functions look names up in the namespace they were defined in, so each file gets its own.
            module = ModuleType("__main__")
            self._shell.user_module, self._shell.user_ns = module, vars(module)
            self._shell.init_user_ns()  # type: ignore[no-untyped-call]
            sys.modules["__main__"] = module
            for cell in cells:
                error = self._shell.run(cell)
                if error is not None:
                    print(f"{path.name}, cell {cell.number}: {type(error).__name__}: {error}")
            self._known[path] = Code(self._shell.user_ns, scripts_in(cells, marked_names(cells)))
        return self._known[path]

    def close(self) -> None:
        """Restore `__main__` and remove what the shell wrote."""
        sys.modules["__main__"] = self._main
        self._profile.close()


class CheckFile:
    """A file of checks, test_TOPIC.py, with what to compare against.

    That is the reference, `solutions/TOPIC.py`, if the file is in a course (tests/visible/test_TOPIC.py). Otherwise it is
    the public answer key: `keys/TOPIC.key` beside the folder of checks, or in the course's `release/`.
    """

    def __init__(self, path: Path, codes: Codes) -> None:
        """Find the reference or the key.

        Raises:
            AuthoringError: if there is neither, or only a key but no code to run.
            KeyMismatch: if the key cannot be used.
            CourseError: if there is a course.yml with mistakes.
        """
        self.topic = path.stem.removeprefix("test_")
        self._codes = codes
        self._specs: dict[str, CheckSpec] = {spec.name: spec for spec in read_checks(path)}
        root = path.parent.parent.parent
        solution = root / "solutions" / f"{self.topic}.py"
        self._solution = solution if solution.is_file() else None
        self._course: Course | None = load_course(root) if self._solution and (root / "course.yml").is_file() else None
        self._key: AnswerKey | None = None
        if self._solution is None:
            folders = (path.parent.parent / "keys", root / "release" / "keys")
            keys = [folder / f"{self.topic}.key" for folder in folders if (folder / f"{self.topic}.key").is_file()]
            if not keys:
                raise AuthoringError(
                    f"{path.name}: there is nothing to compare with: neither {solution} nor {folders[0] / self.topic}.key."
                )
            self._key = read_key(keys[0], versions=current_versions())
            if codes.path is None:
                raise AuthoringError(f"{path.name}: name the code to check with --code FILE.")
            if codes.seed not in (None, self._key.seed):
                raise AuthoringError(f"--code-seed {codes.seed}: {keys[0].name} works only with the seed {self._key.seed}.")

    def code(self) -> Code:
        """The code under test: what `--code` names, else the reference."""
        path = self._codes.path or self._solution
        assert path is not None
        return self._codes.run(path)

    def requests(self, name: str) -> Iterator[CheckRequest]:
        """The draws of a check, the same as in grading with this seed."""
        spec = self._specs[name]
        seed = self._codes.seed or 0
        draws = spec.draws or _DRAWS
        if self._key is not None:
            seed, draws = self._key.seed, len(self._key.reference.get(name, ()))
            if not draws:
                raise AuthoringError(f"{name}: the answer key lacks this check; take fresh files from the release.")
        elif self._course is not None and self.topic in self._course.topics:
            draws = spec.draws or self._course.topics[self.topic].draws or self._course.draws
        for draw in range(draws):
            yield CheckRequest(
                check=name,
                task=spec.task,
                draw=draw,
                seed=derive_seed(seed, self.topic, name, draw),
                seconds=spec.seconds or _SECONDS,
            )

    def problems(self, function: Callable[..., Any], request: CheckRequest, actual: Observation) -> list[str]:
        """What a student reads: the differences, then the side effects that the reference does not have."""
        if self._key is not None:
            expected = self._key.reference[request.check][request.draw]
        else:
            assert self._solution is not None
            expected = run_check(function, self._codes.run(self._solution), request)
        if actual.error is not None and actual.error.not_attempted:
            return [f"`{request.task}` is not attempted yet."]
        tolerances = DEFAULT_TOLERANCES if self._course is None else self._course.tolerances
        problems = [difference.sentence for difference in compare(expected, actual, tolerances, task=request.task)]
        if problems and actual.error is not None and not actual.error.undefined:
            problems += [line for line in (actual.error.message, _called_with(actual)) if line]
        return problems + [_side_effect(effect) for effect in actual.effects if effect not in expected.effects]


def _called_with(actual: Observation) -> str:
    return f"(called with {actual.error.arguments})" if actual.error is not None and actual.error.arguments else ""


def _side_effect(effect: str) -> str:
    name, _, aspect = effect.rpartition(": ")
    return f"Side effect: the code changes {aspect} of `{name}`." if name else f"Side effect: the code changes the {effect}."
