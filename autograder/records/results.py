"""Results as saved: one JSON file per student and topic, `OUT/STUDENT/TOPIC.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from autograder.records.jobs import CellReport, Outcome, Usage
from autograder.records.observation import SourceLine

__all__ = [
    "FORMAT_VERSION",
    "INSTRUCTOR_PAGES",
    "NAMES_OF_RESULTS",
    "SIDE_EFFECTS",
    "TELLS",
    "CheckResult",
    "Completion",
    "Diagnosis",
    "Difference",
    "FirstCause",
    "Lateness",
    "SubmissionFile",
    "TaskResult",
    "Tells",
    "TopicResult",
    "in_telling_order",
    "told_checks",
    "told_first",
]

FORMAT_VERSION = 1

INSTRUCTOR_PAGES = "instructor-pages"
"""The folder, beside the students' own, of pages that no student may see."""

NAMES_OF_RESULTS = ("index.html", "run.json", "marks.json", "submissions.json", INSTRUCTOR_PAGES)
"""What lies beside the students' folders in a folder of results; no student can have such a name."""

SIDE_EFFECTS = "side_effects"
"""The name of the check that every task gets automatically."""

_FAILURES = (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT)

Tells = Literal["nothing", "sentence", "message", "inputs"]
"""How much a student may be told of a hidden check: only the task's points; whether it passed, and its sentence; also what
differs, in the kit's words; everything. `reporting.told` keeps to it."""

TELLS: tuple[Tells, ...] = ("nothing", "sentence", "message", "inputs")
"""The same in order."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference from the reference: `where` names the returned thing, `fact` says which fact of it differs, and
    `sentence` tells a student. `tells` is set for side effects: how much may be told of the checks in which it was seen."""

    where: str
    fact: str
    sentence: str
    tells: Tells | None = None


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of one check over all its draws. `name` is the test function's, or `side_effects` for the check that
    every task gets automatically. `reason` is set for `error`, `timeout` and `not_run`. `sentence` comes from the check's
    docstring. `weight` is its part of the task's points, compared with the other checks'. `device` is set if it ran on a
    different device from the rest of the result. `assertion`: it was judged beside the student's code, where a verdict can
    be forged. `rule`: it is judged on the source alone. `tells`: how much a student may be told of it if it is hidden."""

    name: str
    sentence: str
    visible: bool
    outcome: Outcome = Outcome.NOT_RUN
    gate: bool = False
    weight: float = 1.0
    draws_passed: int = 0
    draws: int = 0
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    error_type: str = ""
    error_message: str = ""
    at: SourceLine | None = None
    arguments: str = ""
    device: str = ""
    assertion: bool = False
    rule: bool = False
    tells: Tells = "message"

    @property
    def small(self) -> bool:
        """Whether its author gave it a weight below 1. (A weight of 0 comes from the kit, and says nothing of this kind.)"""
        return 0 < self.weight < 1


def in_telling_order(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Checks in the order in which they are told: small ones after all others, `side_effects` included.

    This and `told_first` are the rule on small checks (docs/reference/points.md): while another check of
    the task fails, a small one is neither the first that is listed nor what the student is told to look at first.
    """
    return sorted(checks, key=lambda check: check.small)


def told_checks(task: TaskResult) -> list[CheckResult]:
    """The checks of a task that are told, in their order: all of them, or, of a prediction, the one that decides.

    That is the first that failed, or else did not pass; of a right prediction its gate, or else the first.
    """
    checks = in_telling_order(task.checks)
    if not task.prediction or not checks:
        return checks
    missed = [check for check in checks if check.outcome is not Outcome.PASSED]
    failed = [check for check in missed if check.outcome in _FAILURES]
    return (failed or missed or [check for check in checks if check.gate] or checks)[:1]


def told_first(checks: Sequence[CheckResult]) -> frozenset[str]:
    """The names of those failed checks of a task that a student may be told to look at first: small ones only if no other
    check failed."""
    failed = [check for check in checks if check.outcome in _FAILURES]
    return frozenset(check.name for check in [each for each in failed if not each.small] or failed)


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """A misconception with the same observations as the submission: on every check of the task if `exact`, else on
    `checks`."""

    misconception: str
    feedback: str
    exact: bool
    checks: tuple[str, ...]


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """A task's checks, points and diagnosis. `prediction`: a variable that one check finds right or wrong, so that its
    checks are not counted for anybody to read. `gated`: points were lost because no gate check passed.
    `pending`: points of checks that wait for a device. `note` is a sentence on how the file gives the task's name: where it
    has no answer under it (`standing` is `missing`), where one is there but out of reach (`stopped`), or where another
    line may count than the student thinks. `unavailable` names functions that the answer used and a hidden check does not
    allow. `untold` is set in what students get: the weights of the checks that they are told nothing of."""

    task: str
    points: float
    earned: float = 0.0
    pending: float = 0.0
    attempted: bool = True
    prediction: bool = False
    gated: bool = False
    checks: tuple[CheckResult, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    source: str = ""
    note: str = ""
    standing: Literal["", "missing", "stopped"] = ""
    unavailable: tuple[str, ...] = ()
    untold: float = 0.0


class FirstCause(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that failed (0: a plain file), what it raised, and the tasks that could not be judged because of it."""

    cell: int
    error: str
    tasks: tuple[str, ...]


class SubmissionFile(msgspec.Struct, frozen=True, kw_only=True):
    """The graded file: its path as given, the SHA-256 of its bytes, the time of submission (ISO 8601) if known, and a digest
    of the files beside it that it could use, if there were any."""

    path: str
    sha256: str
    submitted_at: str | None = None
    files: str = ""

    @property
    def content(self) -> str:
        """What was handed in, whatever it is called and whenever it came: the digests of the file and those beside it."""
        return f"{self.sha256}:{self.files}"


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """How late a submission was beyond its due time and extension, how many days of the student's budget that took, and the
    share of points taken off (0 to 1)."""

    days: float
    penalty: float
    budget_days: int = 0


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The run on another device that completed a result's pending checks."""

    device: str
    versions: dict[str, str]
    layers: dict[str, str] = {}
    unsafe: bool = False
    problem: str = ""
    graded_at: str = ""
    usage: Usage = Usage()


class TopicResult(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one submission. Two runs with the same seed on the same files differ only in `graded_at` and `usage`.

    `fingerprint` is a hash of everything the result depends on: submission, course files, seed, device, versions.
    `version` counts the changed files that a student handed in during a run; each has a seed of its own. `notes` tell the
    instructor what the source reaches for, such as `gc`. `problem` is set, and every check is `not_run`, if the
    submission could not be read. `completed` is set if checks that had no device at first ran on one later. The points of
    a saved result are those of the checks, without `lateness`: OUT/marks.json says what it is worth with lateness and
    people's decisions. `sandbox` is the level of confinement that `layers` amount to: `full`, `standard`, `minimal` or
    `none`; empty if nothing was run. `not_graded`: the machine failed, as `problem` says; then `earned` says nothing, and
    the submission is graded again in the next run. `tries` says how often the code was run, the later times alone,
    because it was ended by a signal or slept until its time was over, which a bad machine might have caused.
    """

    format_version: int = FORMAT_VERSION
    student: str
    topic: str
    title: str
    submission: SubmissionFile
    fingerprint: str
    seed: int
    version: int = 1
    device: str
    versions: dict[str, str]
    layers: dict[str, str] = {}
    sandbox: str = ""
    unsafe: bool = False
    problem: str = ""
    not_graded: bool = False
    tries: int = 1
    notes: tuple[str, ...] = ()
    points: float = 0.0
    earned: float = 0.0
    pending: float = 0.0
    lateness: Lateness | None = None
    cells: tuple[CellReport, ...] = ()
    causes: tuple[FirstCause, ...] = ()
    tasks: tuple[TaskResult, ...] = ()
    graded_at: str = ""
    usage: Usage = Usage()
    completed: Completion | None = None


@dataclass(frozen=True)
class Graded:
    """The parts of a result that the class table and the summary need; the rest is in its file. `diagnoses` are (task,
    misconception, feedback). `troubles` are sentences about what could not be read, died or ran out of time. `causes` are
    failed cells that tasks depend on, `notes` what the source reaches for. `reused`: the submission has not changed since
    it was graded. `proposed`: the result waits to be accepted. `not_graded`: the machine failed, and `earned` says nothing.
    `incomplete`: something is to be run again, all of it or what waits for a device. `told` are those of the troubles that
    the student may know."""

    student: str
    topic: str
    points: float
    earned: float
    pending: float
    penalty: float
    reused: bool
    attempted: bool
    diagnoses: tuple[tuple[str, str, str], ...]
    troubles: tuple[str, ...]
    causes: tuple[FirstCause, ...] = ()
    notes: tuple[str, ...] = ()
    proposed: bool = False
    not_graded: bool = False
    incomplete: bool = False
    told: tuple[str, ...] = ()
