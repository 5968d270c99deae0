"""An extra that is not installed is one sentence, whichever command misses it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tiny_course import make_course

from autograder._files import PACKAGE
from autograder.commands.extras import EXTRAS, missing_extra
from autograder.commands.one_line import one_line_mistakes

PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
MODULES = {"ipython": "IPython", "pyyaml": "yaml", "scikit-learn": "sklearn", "pytest-timeout": "pytest_timeout"}
COME_ALONG = {
    "traitlets": "ipython",
    "markupsafe": "jinja2",
    "nbconvert": "nbgrader",
    "sqlalchemy": "nbgrader",
}  # what a requirement itself requires


def modules(requirements: list[str]) -> set[str]:
    names = {re.match(r"[\w-]+", line).group() for line in requirements}  # type: ignore[union-attr]
    return {MODULES.get(name, name) for name in names}


def imported(path: Path) -> set[str]:
    """The top-level names of everything that a file imports, except for type checkers alone."""
    names = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names


def test_whatever_is_imported_is_required_or_an_extra():
    for extra in ("watch", "grade", "serve", "cluster"):
        required = modules(PROJECT["optional-dependencies"][extra]) - {"pytest_timeout", "autograde-torch"}
        assert {module for module, name in EXTRAS.items() if name == extra} == required
    known = modules(PROJECT["dependencies"]) | set(EXTRAS) | set(COME_ALONG) | {"autograder"} | sys.stdlib_module_names
    unknown = {(path.name, name) for path in PACKAGE.rglob("*.py") for name in imported(path) - known}
    assert unknown == set()


def test_only_extras_get_the_sentence():
    assert "needs nbformat, which is not installed" in missing_extra(ModuleNotFoundError(name="nbformat.v4"))
    assert missing_extra(ModuleNotFoundError(name="autograder.nothing")) == ""
    with pytest.raises(ModuleNotFoundError), one_line_mistakes():
        raise ModuleNotFoundError(name="numpy.nothing")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("init other", "jinja2"),
        ("new strides", "jinja2"),
        ("release", "jupytext"),
        ("release", "nbformat"),
        ("grade class", "jinja2"),
        ("grade class", "rich"),
        ("grade class --scheduler tcp://127.0.0.1:8786", "distributed"),
        ("verify", "rich"),
        ("show ann views", "rich"),
        ("export-nbgrader", "nbformat"),
        ("sync-nbgrader", "nbgrader"),
        ("serve --port 0", "uvicorn"),
        ("similar", "rapidfuzz"),
    ],
)
def test_a_command_without_its_extra(command: str, missing: str, tmp_path: Path):
    make_course(tmp_path)
    block = f"import sys; sys.modules['{missing}'] = None; from autograder.commands.instructor import main; main()"
    run = subprocess.run([sys.executable, "-c", block, *command.split()], cwd=tmp_path, capture_output=True, text=True,
                         timeout=100, check=False)  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == (
        f'This command needs {missing}, which is not installed; run: pip install "autograde-torch[{EXTRAS[missing]}]"\n'
    )
