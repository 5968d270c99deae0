"""Runs the cells of a notebook as IPython does, with magics, top-level await and the last expression's value shown.

A command that would start a process (`!pip install …`, `%pip`, `%%bash`) is skipped; the cell goes on, and a note says so.
"""

from __future__ import annotations

import ast
import contextlib
import fnmatch
import linecache
import os
import re
import sys
import warnings
from collections.abc import Callable
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from IPython.utils.text import LSString, SList
from traitlets.config import Config

from autograder.checking.error_facts import add_plain_file
from autograder.records.jobs import NOT_RUN, Cell

__all__ = ["NOT_RUN", "Shell", "make_shell"]


_PROCESS_MAGICS = ("pip", "uv", "conda", "mamba", "micromamba", "sc", "edit", "hist_restore")
_PROCESS_CELL_MAGICS = ("bash", "sh", "script", "perl", "ruby", "python", "python2", "python3", "pypy", "cmd")
_OUTPUT_MAGICS = ("sx", "system", "!")

_PROMPT = re.compile(r"\s*In \[\d+\]:")


class _FreshFinder(FileFinder):
    """Always looks at its folder: the folder's time, by which Python sees new files, is too coarse for quick code."""

    def find_spec(self, fullname: str, target: Any = None) -> ModuleSpec | None:
        self.invalidate_caches()
        return super().find_spec(fullname, target)


class _Database(dict[str, Any]):
    """What IPython keeps from one session to the next, such as `%bookmark` and `%store`; here only in memory."""

    def keys(self, pattern: str = "*") -> list[str]:  # type: ignore[override]
        return fnmatch.filter(self, pattern)

    def __delitem__(self, key: str) -> None:
        self.pop(key, None)


class _Compiler(CachingCompiler):
    """Compiles under the cell's own name instead of a hash."""

    name = "<cell 0>"

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.name


class _PlainDisplayHook(DisplayHook):
    """Shows a cell's last value without the prompt `Out[1]:`."""

    def quiet(self) -> bool:
        """A semicolon at the end of a cell hides its value."""
        ends_in_semicolon: Callable[[str], bool] = self.semicolon_at_end_of_expression
        return ends_in_semicolon(getattr(self.shell, "source", ""))

    def write_output_prompt(self) -> None:
        pass


class Shell(InteractiveShell):
    """One notebook's shell; its `user_ns` is the namespace that checks read."""

    note = ""
    source = ""
    file = "<submission>"
    compile: _Compiler
    _usual_hooks = -1

    def run(self, cell: Cell, *, has_value: bool = True) -> BaseException | None:
        """Run a cell and return what it raised, if anything. Afterwards, `note` says what was not run.

        Pass `has_value=False` only for plain Python that does not end in an expression: nothing has to be shown then.
        """
        self.note, self.source = "", cell.source
        # By this name tracebacks call it.
        self.compile.name = f"<cell {cell.number}>" if cell.number else self.file
        code = self._plain(cell, has_value)
        if code is None or len(code) > 1:  # telling IPython takes longer than many cells, so only when needed
            # A plain file is not a notebook: its last value is not shown.
            self.ast_node_interactivity = "last_expr" if cell.number else "none"
            self.execution_count = max(cell.number, 1)
        self._keep_source(cell)
        error = self._run_as_ipython_does(cell.source) if code is None else self._execute(code)
        self._keep_source(cell)
        return error

    def _keep_source(self, cell: Cell) -> None:
        """Make inspect.getsource and tracebacks show what the student wrote, not what magics were turned into."""
        lines = cell.source.splitlines(keepends=True)
        linecache.cache[self.compile.name] = (len(cell.source), None, lines, self.compile.name)

    def _run_as_ipython_does(self, source: str) -> BaseException | None:
        run_cell: Callable[..., ExecutionResult] = self.run_cell
        result = run_cell(source, store_history=False)
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error

    def _plain(self, cell: Cell, has_value: bool) -> list[CodeType] | None:
        """A plain Python cell, compiled; None if IPython has to handle it.

        IPython would do the same after parsing it several times, which takes longer than most cells.
        """
        source = cell.source
        if self.ast_transformers or self._hooks() != self._usual_hooks or _PROMPT.match(source):
            return None
        compiler: Callable[..., CodeType] = self.compile  # it keeps `from __future__ import …` for later cells
        try:
            if not has_value:
                return [compiler(f"{source}\n", self.compile.name, "exec")]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it is compiled again below, with warnings
                body = ast.parse(source, self.compile.name).body
            if len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Name):
                return None  # `ls` alone is a magic
            shown = [body.pop()] if cell.number and body and isinstance(body[-1], ast.Expr) else []
            parts = [compiler(ast.Module(body, []), self.compile.name, "exec")]
            return parts + [compiler(ast.Interactive(list(shown)), self.compile.name, "single") for _ in shown]
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None

    def _execute(self, parts: list[CodeType]) -> BaseException | None:
        try:
            self.events.trigger("pre_execute")
            with self.display_trap:
                for part in parts:
                    exec(part, self.user_global_ns, self.user_ns)
        except BaseException as error:  # a cell may raise anything, even SystemExit; the next one still runs
            return error
        finally:
            self.events.trigger("post_execute")  # this is when matplotlib draws
        return None

    def _hooks(self) -> int:
        """How many functions look at a cell before or after it runs."""
        callbacks = self.events.callbacks
        looking = (*callbacks["pre_run_cell"], *callbacks["post_run_cell"], *self.input_transformers_post)
        return len(looking) + len(self.input_transformers_cleanup)

    def refuse(self) -> None:
        """Skip a command, and say so."""
        self.note = NOT_RUN
        print(f"({NOT_RUN})")

    def start_here(self) -> None:
        """Start in the working folder, as a kernel does: its modules can be imported, even those written a moment ago."""
        here = os.getcwd()  # noqa: PTH109 - cheaper in a fresh fork
        history: Any = self.history_manager
        history.dir_hist[:] = [here]  # for `%cd -`
        sys.dont_write_bytecode = True  # a rewritten module is loaded again
        sys.path.insert(0, "")
        sys.path_importer_cache[here] = _FreshFinder(here, (SourceFileLoader, SOURCE_SUFFIXES))

    def be_script(self, path: str) -> None:
        """Be what `python FILE` is: cells with the number 0 are from the file at this absolute path."""
        self.file = self.user_ns["__file__"] = path
        sys.argv = [Path(path).name]
        add_plain_file(path)

    def forget(self) -> None:
        """Empty the namespace."""
        reset: Callable[..., None] = self.reset
        reset(new_session=False)

    def system(self, cmd: str) -> None:
        """`!command`."""
        self.refuse()

    system_piped = system_raw = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """`x = !command`."""
        self.refuse()
        return SList() if split else LSString()

    def _tee(self, channel: str) -> Any:
        """Keep no copy of what is printed: IPython 9 would, in memory and without limit."""
        return contextlib.nullcontext()

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Say nothing: the error is part of the cell's report."""

    showsyntaxerror = showindentationerror = showtraceback

    def ask_exit(self) -> None:
        """`exit` in a cell: the cells after it still run."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: there is no GUI."""

    def enable_matplotlib(self, gui: str | None = None) -> tuple[str | None, str]:
        """`%matplotlib inline` and the like: plots are drawn without a screen, whatever the cell asks for."""
        return gui, "agg"


def make_shell(profile: Path) -> Shell:
    """A shell without history, colours or start-up files. Make it before the fork; `profile` is an empty folder.

    The notebook's `__main__` replaces the caller's.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Minimal"
    config.ProfileDir.location = str(profile)
    shell = Shell.instance(
        config=config,
        ipython_dir=str(profile),
        compiler_class=_Compiler,
        displayhook_class=_PlainDisplayHook,
    )
    shell.db = _Database()
    extensions: Any = shell.extension_manager
    extensions.load_extension("storemagic")  # as in a kernel
    register: Callable[..., None] = shell.register_magic_function
    for kind, names in (("line", _PROCESS_MAGICS), ("cell", _PROCESS_CELL_MAGICS)):
        for name in names:
            register(lambda *arguments: shell.refuse(), kind, name)
    for name in _OUTPUT_MAGICS:
        register(lambda *arguments: shell.getoutput(""), "line_cell", name)
    # Functions that checks call need `display` and `get_ipython` too, as in a notebook.
    shell.builtin_trap.activate()
    shell.run(Cell(1, "1 + 1\n%time pass"))
    shell.forget()
    shell._usual_hooks = shell._hooks()
    warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown")
    return shell
