"""What is asked of a confined child, and what came of it.

All code runs the same way: the reference, an alternative, a misconception, a mutant, an untouched stub and a student's
submission are each a `Job`. `autograder.processes.pool` runs jobs and returns a `Run` for each.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from autograder.records.observation import ErrorFact, Observation

__all__ = [
    "CELL_NOTES",
    "NOT_COMPILED",
    "NOT_RUN",
    "Cell",
    "CellReport",
    "CheckModule",
    "CheckRequest",
    "HelperFile",
    "Job",
    "Limits",
    "NotObserved",
    "Outcome",
    "Replacement",
    "Run",
    "ScriptPart",
    "SourceRule",
    "Usage",
]


NOT_RUN = "shell commands are not run while grading"
NOT_COMPILED = "while grading, torch.compile uses the backend “eager”, because “inductor” needs a C++ compiler"
CELL_NOTES = (NOT_RUN, NOT_COMPILED)
"""All that is noted of a cell that ran. Notes come out of the process that runs student code, so no others are believed."""


class Outcome(StrEnum):
    """The outcome of a check, or of a cell. The default is `not_run`, worth nothing."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    NOT_RUN = "not_run"


class Cell(msgspec.Struct, frozen=True):
    """A code cell. `number` counts code cells from 1, as a reader does; a plain Python file is one cell, number 0."""

    number: int
    source: str


class ScriptPart(msgspec.Struct, frozen=True):
    """A range of a cell that is a task, or a part of one. Its `line` in the cell counts from 1."""

    cell: int
    line: int
    source: str


class HelperFile(msgspec.Struct, frozen=True):
    """A file that code finds in its working folder; `name` is its path there, with `/`."""

    name: str
    content: bytes


class CheckModule(msgspec.Struct, frozen=True):
    """The source of a checks file; `filename` only names it in tracebacks."""

    filename: str
    source: str


class Replacement(msgspec.Struct, frozen=True):
    """Replaces `task` by `name` from another module (misconceptions, alternatives), after the cells ran.

    If the task is a marked range (`marked`), `name` may also be a class: what it defines replaces what has the same names.
    """

    task: str
    name: str
    filename: str
    source: str
    marked: bool = False


class CheckRequest(msgspec.Struct, frozen=True):
    """One run of one check: `draw` counts from 0, `seed` (0 ≤ seed < 2**63) seeds its inputs and the global generators.

    `from_cpu`: the check starts on the CPU and moves things to a second device itself, even when the rest is on a GPU.
    """

    check: str
    task: str
    draw: int
    seed: int
    seconds: float
    from_cpu: bool = False


class SourceRule(msgspec.Struct, frozen=True):
    """A rule on how a task's answer is written: how many loops, or uses of `names`, its source may have.

    `check` is its name among the checks. A name is a full one, `torch.mean`, or that of a method, `.mean`. `demand` says
    the rule to students.
    """

    check: str
    task: str
    kind: Literal["loops", "calls"]
    names: tuple[str, ...]
    at_most: int
    demand: str


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one submission may use. Seconds are wall-clock time, megabytes are 2**20 bytes."""

    cell_seconds: float = 20.0
    check_seconds: float = 5.0
    topic_seconds: float = 120.0
    memory_mb: int = 1024
    scratch_mb: int = 16
    output_kb: int = 256
    report_mb: int = 64
    threads: int = 64
    gpu_memory_mb: int = 2048


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Code to run, and the checks to run on it.

    `visible` and `hidden` are the checks files, each with its requests. The hidden part reaches the child only after all
    of the visible part is done. `unneeded` are the numbers of cells that run only if one of the others fails; a cell
    skipped for this reason has no report. `helpers` lie in the working folder; one of them may be the plain file `script`,
    whose cells have the number 0. The course's own `data` replace any of the same name; `hidden_data` come with the hidden
    part. Neither counts against `limits`. No child hears of `rules`: they are judged on the source. `untouched` are tasks
    whose code is the exercise's stub, whatever that does. `scripts` are the tasks that are ranges of cells, which checks
    run once more. `own`: all of the code is the course's, so that what its process says may be shown.
    """

    topic: str
    cells: tuple[Cell, ...]
    unneeded: frozenset[int] = frozenset()
    helpers: tuple[HelperFile, ...] = ()
    data: tuple[HelperFile, ...] = ()
    hidden_data: tuple[HelperFile, ...] = ()
    script: str = ""
    visible: CheckModule | None = None
    visible_requests: tuple[CheckRequest, ...] = ()
    hidden: CheckModule | None = None
    hidden_requests: tuple[CheckRequest, ...] = ()
    rules: tuple[SourceRule, ...] = ()
    untouched: frozenset[str] = frozenset()
    scripts: dict[str, tuple[ScriptPart, ...]] = {}
    replacement: Replacement | None = None
    limits: Limits = Limits()
    device: str = "cpu"
    own: bool = False


class CellReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a cell ran. `output` is what it printed, cut to a limit. `note` is a sentence about anything that went wrong
    without an exception (killed, out of time, a shell command that was not run)."""

    number: int
    outcome: Outcome
    error: ErrorFact | None = None
    output: str = ""
    note: str = ""


class NotObserved(msgspec.Struct, frozen=True):
    """Why a request has no observation: `error` (the process died or sent nonsense), `timeout` or `not_run`.
    `reason` is a sentence for people."""

    outcome: Outcome
    reason: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What all children of a job used in total: seconds of wall and CPU time, the largest one's peak memory, forks."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    children: int = 0


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job.

    `observations` has an entry for every request, keyed by (check, draw). Only a validated `Observation` is evidence;
    anything else is a `NotObserved`. `layers` are the children's confinement layers, name → `on` or `off: why`; where
    children differ, the weaker one is given. `problem` is set if the code could not be run at all. `tries` says how often
    it was run because something seemed to come from outside. `not_graded`: the machine was to blame even in the last try,
    as `problem` says, and nothing follows about the code.
    """

    cells: tuple[CellReport, ...] = ()
    observations: dict[tuple[str, int], Observation | NotObserved] = {}
    layers: dict[str, str] = {}
    usage: Usage = Usage()
    problem: str = ""
    tries: int = 1
    not_graded: bool = False
