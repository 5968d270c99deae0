"""Checks as ordinary pytest tests: `pytest tests/visible/test_autograd.py --code autograd.ipynb`.

Each function marked with `@checks` is one test. It runs all its draws on the code and on the reference, in this process
and without confinement, and fails with what differs. Without `--code`, the code is the reference itself. Other tests run
as usual. Nothing heavy is imported until a check runs, since pytest loads this plugin in every session.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograder._files import read_whole
from autograder.errors import AutogradeError

if TYPE_CHECKING:
    from autograder.checking.code import Code
    from autograder.pytest_plugin.code_files import Codes
    from autograder.records.jobs import CheckRequest
    from autograder.records.observation import Observation

__all__ = ["CheckFailed", "CheckItem"]

_CODES: pytest.StashKey[Codes] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--code` and `--code-seed`."""
    group = parser.getgroup("autograde", "checks of exercises")
    group.addoption("--code", metavar="FILE", help="run @checks on this notebook or Python file (default: the reference)")
    group.addoption("--code-seed", type=int, metavar="N", help="seed for the inputs of @checks (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a `--code` that cannot be read."""
    name = config.getoption("code")
    if name is None:
        return
    path = config.invocation_params.dir / name
    if not path.is_file():
        raise pytest.UsageError(f"--code {name}: there is no such file.")
    if path.suffix not in {".py", ".ipynb"}:
        raise pytest.UsageError(f"--code {name}: give a notebook (.ipynb) or a Python file (.py).")


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> CheckItem | None:
    """Turn a function marked with `@checks` into an item."""
    mark = vars(obj).get("__autograde__") if callable(obj) and hasattr(obj, "__dict__") else None
    if mark is None or getattr(mark, "kind", "") != "check":
        return None
    if not collector.path.stem.startswith("test_"):
        raise collector.CollectError(f"{collector.path.name}: rename it; a file of checks is called test_TOPIC.py.")
    return CheckItem.from_parent(collector, name=name, function=obj)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--code`, leave out the checks of other topics."""
    topics = {item.topic for item in items if isinstance(item, CheckItem)}
    name = config.getoption("code")
    if name is None or len(topics) < 2:
        return
    path = config.invocation_params.dir / name
    topic = _topic_of(path, topics)
    if topic is None:
        raise pytest.UsageError(
            f"--code {name}: is it for {' or for '.join(sorted(topics))}? Name one file of checks: test_TOPIC.py."
        )
    others = [item for item in items if isinstance(item, CheckItem) and item.topic != topic]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Undo what running notebooks changed."""
    codes = session.config.stash.get(_CODES, None)
    if codes is not None:
        codes.close()


def _codes(config: pytest.Config) -> Codes:
    from autograder.pytest_plugin.code_files import Codes

    if _CODES not in config.stash:
        name = config.getoption("code")
        path = None if name is None else config.invocation_params.dir / name
        config.stash[_CODES] = Codes(path, config.getoption("code_seed"))
    return config.stash[_CODES]


def _topic_of(path: Path, topics: set[str]) -> str | None:
    from autograder.course.cells import notebook_topic
    from autograder.course.file_names import topic_named, topic_of_stem

    named = notebook_topic(read_whole(path)) if path.suffix == ".ipynb" else None
    if named in topics:
        return named
    return topic_of_stem(path.stem, topics) or topic_named(path.absolute().parent.name, topics)


class CheckFailed(Exception):
    """The code differs from the reference; the message says how."""


class CheckItem(pytest.Item):
    """One check, with all its draws."""

    def __init__(self, *, function: Callable[..., Any], **arguments: Any) -> None:
        """Take the check's function; its pytest marks apply to the item."""
        super().__init__(**arguments)
        self.obj = function
        self.topic = self.path.stem.removeprefix("test_")
        marks = getattr(function, "pytestmark", [])
        self.own_markers.extend(marks)
        self.keywords.update({mark.name: mark for mark in marks})

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the check is defined."""
        return self.path, self.obj.__code__.co_firstlineno - 1, self.name

    def runtest(self) -> None:
        """Run every draw on the code and on the reference, and compare."""
        from autograder.checking.run_check import run_check

        checks = _codes(self.config).checks(self.path)
        code = checks.code()
        for request in checks.requests(self.name):
            actual = run_check(self.obj, code, request)
            self.add_report_section("call", "stdout of the code", actual.output)
            self._stop_where_it_is_wanted(actual, code, request)
            problems = checks.problems(self.obj, request, actual)
            if problems:
                draw = f"\n(on draw {request.draw + 1} of its inputs)" if request.draw else ""
                raise CheckFailed("\n".join(problems) + draw)

    def _stop_where_it_is_wanted(self, actual: Observation, code: Code, request: CheckRequest) -> None:
        error = actual.error
        if error is not None and error.type == "KeyboardInterrupt":
            raise KeyboardInterrupt
        if error is not None and self.config.getoption("usepdb"):
            # Run the check again, so that the debugger opens where the code raised; the observation comes too late.
            from autograder.checking.given import Given

            given = Given(request.seed)
            try:
                self.obj(code, given)
            finally:
                given.close()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Only what differs, if a check failed; pytest's own report for anything else."""
        if isinstance(excinfo.value, CheckFailed):
            sentence = " ".join((self.obj.__doc__ or "").split())
            return f"{excinfo.value}\n\nThis check: {sentence}"
        if isinstance(excinfo.value, AutogradeError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)
