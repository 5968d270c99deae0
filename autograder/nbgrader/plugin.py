"""What nbgrader calls to grade with autograde: preprocessors for `nbgrader autograde`, and the course's late policy.

A submission does not run in a kernel, where it could read the course: it is graded confined, as `autograde grade` does.
Each graded cell gets the task's points as its output, which nbgrader reads as partial credit, so printing to stderr costs
nothing. Before that, damaged cells of the notebook are repaired, and a cell at the top says how.
"""

from __future__ import annotations

import atexit
import os
import re
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.api import Gradebook  # type: ignore[import-untyped]
from nbgrader.plugins import LateSubmissionPlugin  # type: ignore[import-untyped]
from nbgrader.preprocessors import (  # type: ignore[import-untyped]
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets import Integer, Unicode

from autograder.course.cells import read_cells, task_source
from autograder.course.course_file import Course, load_course
from autograder.course.make_job import make_job
from autograder.grading.grade import PreparedTopic, lateness, prepare
from autograder.processes.pool import Pool
from autograder.records.jobs import CellReport, Run
from autograder.records.results import TaskResult
from autograder.reporting.labels import points_text
from autograder.student.answer import Answer
from autograder.student.as_html import html
from autograder.student.as_text import plain
from autograder.student.view import answer_view_of

__all__ = ["GradeConfined", "LatePolicy", "RepairCells", "configure", "find_alembic"]

_OUTPUT_SHOWN = 10_000
_REPAIRS = "autograde_repairs"


def configure(config: Any, *, course: str, seed: int) -> None:
    """Set up an nbgrader course: call it in nbgrader_config.py.

    Args:
        config: what `get_config()` returns.
        course: the folder of course.yml.
        seed: the seed of the grading run; `autograde grade --seed` with the same seed gives the same scores.
    """
    find_alembic()
    config.ClearSolutions.enabled = False  # a released notebook holds stubs, no solutions
    config.Autograde.sanitize_preprocessors = [
        RepairCells, ClearOutput, DeduplicateIds, OverwriteKernelspec, OverwriteCells, CheckCellMetadata,
    ]  # fmt: skip
    config.Autograde.autograde_preprocessors = [GradeConfined, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
    config.AssignLatePenalties.plugin_class = LatePolicy
    for plugin in (config.GradeConfined, config.LatePolicy):
        plugin.course = course
    config.GradeConfined.seed = seed


def find_alembic() -> None:
    """Put this environment's commands on PATH: nbgrader calls `alembic` by name, even if the environment is not active."""
    scripts, path = sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = f"{scripts}{os.pathsep}{path}"


class RepairCells(NbGraderPreprocessor):  # type: ignore[misc]
    """Gives a submission the cells that nbgrader needs, whatever happened to them, and says what was done.

    The student's own code is neither changed nor left out. It does not matter which cell holds a task's code: what
    counts is what the notebook defines in the end.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Repair a notebook; see nbconvert's Preprocessor."""
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gradebook:
            source = gradebook.find_notebook(where["notebook"], where["assignment"])
            wanted = {cell.name: _Wanted.of(cell) for cell in source.source_cells}
            for cell in source.grade_cells:
                wanted[cell.name].marks |= {"grade": True, "points": float(cell.max_score), "solution": False}
            for cell in source.solution_cells:
                wanted[cell.name].marks["solution"] = True
        repairs = list(_repaired(nb, wanted))
        for text in repairs:
            self.log.warning("%s, %s: %s", where.get("student"), where["notebook"], text)
        if repairs:
            lines = "\n".join(f"* {text}" for text in repairs)
            note = new_markdown_cell(f"**Repaired before grading**\n\n{lines}\n")  # type: ignore[no-untyped-call]
            note.metadata[_REPAIRS] = repairs
            nb.cells.insert(0, _fitting(nb, note))
        return nb, resources


class _Wanted:
    """A cell that nbgrader must find: its text and metadata."""

    def __init__(self, name: str, cell_type: str, source: str, locked: bool) -> None:
        self.name, self.cell_type, self.source, self.locked = name, cell_type, source, locked
        self.marks: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": name,
            "grade": False,
            "solution": False,
            "locked": locked,
            "task": False,
            "cell_type": cell_type,
        }

    @classmethod
    def of(cls, cell: Any) -> _Wanted:
        """The cell as nbgrader's database describes it."""
        return cls(cell.name, str(cell.cell_type), cell.source, bool(cell.locked))

    @property
    def task(self) -> str:
        """The task's name, for the cells of tasks and of their checks."""
        match = re.fullmatch(r'check\("(\w+)"\)', self.source.strip())
        return match[1] if match else ""


def _repaired(nb: Any, wanted: Mapping[str, _Wanted]) -> Iterator[str]:
    marked = any(_name(cell) in wanted for cell in nb.cells)
    for cell in nb.cells:
        if "nbgrader" in cell.metadata and _name(cell) not in wanted:
            del cell.metadata["nbgrader"]
    if not marked:
        yield "It had none of the cells to grade, as if it came from another file; they were added."
    for each in wanted.values():
        yield from _retyped(nb, each)
    for each in wanted.values():
        yield from _without_copies(nb, each)
    for each in wanted.values():
        if each.locked:
            yield from _put_back(nb, each, wanted, quiet=not marked)
    if marked:
        yield from _moved(nb, wanted)
    for cell in nb.cells:
        if (name := _name(cell)) in wanted:
            cell.metadata["nbgrader"] = {**wanted[name].marks}


def _name(cell: Any) -> str:
    marks = cell.metadata.get("nbgrader")
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    return name if isinstance(name, str) else ""


def _retyped(nb: Any, wanted: _Wanted) -> Iterator[str]:
    for index, cell in enumerate(nb.cells):
        if _name(cell) == wanted.name and cell.cell_type != wanted.cell_type:
            fresh = new_code_cell(cell.source, metadata=cell.metadata)  # type: ignore[no-untyped-call]
            fresh.id = cell.get("id", wanted.name)
            nb.cells[index] = _fitting(nb, fresh)
            yield f"The cell `{wanted.name}` had become a text cell; it is a code cell again."


def _without_copies(nb: Any, wanted: _Wanted) -> Iterator[str]:
    copies = [cell for cell in nb.cells if _name(cell) == wanted.name]
    for cell in copies[:-1]:
        del cell.metadata["nbgrader"]
    if len(copies) > 1:
        what = "they all check the same" if wanted.locked else "the last definition counts"
        yield f"The cell `{wanted.name}` appears {len(copies)} times; {what}."


def _put_back(nb: Any, wanted: _Wanted, others: Mapping[str, _Wanted], *, quiet: bool) -> Iterator[str]:
    there = [cell for cell in nb.cells if _name(cell) == wanted.name]
    if there:
        if there[0].source != wanted.source:
            there[0].source = wanted.source
            yield f"The locked cell `{wanted.name}` was changed; it was restored."
        return
    unmarked = [cell for cell in nb.cells if cell.cell_type == "code" and not _name(cell)]
    same = [cell for cell in unmarked if cell.source.strip() == wanted.source]
    if same:
        same[-1].metadata["nbgrader"] = dict(wanted.marks)
        if not quiet:
            yield f"The cell `{wanted.name}` had lost its nbgrader mark; it was restored."
        return
    cell = new_code_cell(wanted.source, id=wanted.name)  # type: ignore[no-untyped-call]
    cell.metadata = nbformat.from_dict({"nbgrader": dict(wanted.marks), "deletable": False, "editable": False})  # type: ignore[no-untyped-call]
    task = f"task-{wanted.task}"
    places = [index for index, each in enumerate(nb.cells) if wanted.task and _name(each) == task]
    nb.cells.insert(places[-1] + 1 if places else len(nb.cells), _fitting(nb, cell))
    if not quiet:
        yield f"The cell `{wanted.name}` was deleted; it was restored."


def _moved(nb: Any, wanted: Mapping[str, _Wanted]) -> Iterator[str]:
    """What happened to the tasks' own cells; nothing is changed."""
    cells = read_cells(nbformat.writes(nb).encode(), "notebook.ipynb")  # type: ignore[no-untyped-call]
    for each in wanted.values():
        if not each.task or f"task-{each.task}" not in wanted:
            continue
        own = [cell for cell in nb.cells if _name(cell) == f"task-{each.task}"]
        elsewhere = bool(task_source(cells, each.task))
        if not own:
            counts = "another cell defines it, and that one counts" if elsewhere else "nothing defines it"
            yield f"The cell of `{each.task}` was deleted; {counts}."
        elif not re.search(rf"\b{re.escape(each.task)}\b", own[-1].source):
            counts = "another cell does, and that one counts" if elsewhere else "no other cell does"
            yield f"The cell of `{each.task}` no longer defines it; {counts}."


def _fitting(nb: Any, cell: Any) -> Any:
    """A cell that fits the notebook's format: ids came with version 4.5, and must be unique."""
    if (nb.nbformat, nb.nbformat_minor) < (4, 5):
        cell.pop("id", None)
        return cell
    taken = {each.get("id") for each in nb.cells}
    while cell.get("id") in taken:
        cell.id = f"{cell.id}-again"[-60:]
    return cell


class GradeConfined(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades a notebook with autograde and writes the results into the notebook's outputs."""

    course = Unicode(".", help="The folder of course.yml.").tag(config=True)
    seed = Integer(0, help="The seed of the grading run.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade a notebook; see nbconvert's Preprocessor."""
        grader = _grader(self.course, self.seed)
        cells = read_cells(nbformat.writes(nb).encode(), "notebook.ipynb")  # type: ignore[no-untyped-call]
        run, tasks = grader.grade(resources["nbgrader"]["assignment"], cells)
        if run.problem:
            self.log.warning("%s: %s", resources["nbgrader"].get("student"), run.problem)
        reports = {report.number: report for report in run.cells}
        results = {task.task: task for task in tasks}
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, 1):
            cell.outputs, cell.execution_count = list(_outputs(reports.get(number))), number
            if cell.metadata.get("nbgrader", {}).get("grade"):
                task = results[str(cell.metadata["nbgrader"]["grade_id"]).removeprefix("check-")]
                cell.outputs = list(_verdict(grader.title(resources["nbgrader"]["assignment"]), task, number))
        return nb, resources


def _outputs(report: CellReport | None) -> Iterator[Any]:
    """What a cell printed and raised. This text comes from the student's process and goes only into this notebook."""
    if report is None:
        return
    if report.output:
        yield new_output("stream", name="stdout", text=report.output[:_OUTPUT_SHOWN])  # type: ignore[no-untyped-call]
    if report.error is not None:
        text = f"{report.error.type}: {report.error.message}"
        yield new_output("error", ename=report.error.type, evalue=report.error.message, traceback=[text])  # type: ignore[no-untyped-call]
    if report.note:
        yield new_output("stream", name="stdout", text=f"{report.note}\n")  # type: ignore[no-untyped-call]


def _verdict(title: str, task: TaskResult, number: int) -> Iterator[Any]:
    """A task's feedback, and its points as the value that nbgrader reads."""
    view = answer_view_of(title, Answer(topic=title, tasks=(task,)), hidden=True)
    yield new_output("display_data", data={"text/html": html(view), "text/plain": plain(view)})  # type: ignore[no-untyped-call]
    data = {"text/plain": points_text(task.earned)}
    yield new_output("execute_result", data=data, execution_count=number)  # type: ignore[no-untyped-call]


class _Grader:
    """A course with running zygotes, and the topics requested so far."""

    def __init__(self, course: Path, seed: int) -> None:
        self.course: Course = load_course(course)
        self._seed = seed
        self._pool = Pool()
        self._pool.__enter__()
        atexit.register(self._pool.__exit__, None, None, None)
        self._prepared: dict[str, PreparedTopic] = {}

    def title(self, topic: str) -> str:
        """A topic's title."""
        return self.course.topics[topic].title

    def grade(self, topic: str, cells: Any) -> tuple[Run, tuple[TaskResult, ...]]:
        """Run a submission's cells and score it."""
        if topic not in self._prepared:
            self._prepared[topic] = prepare(self.course, topic, self._pool, seed=self._seed, device="cpu")
        prepared = self._prepared[topic]
        key = prepared.key
        job = make_job(self.course, prepared.topic, cells, seed=key.seed, device=key.device, all_cells=True)
        run = next(iter(self._pool.map([job])))
        return run, prepared.scorer.score(run)


@cache
def _grader(course: str, seed: int) -> _Grader:
    return _Grader(Path(course).absolute(), seed)


class LatePolicy(LateSubmissionPlugin):  # type: ignore[misc]
    """The course's late policy, for nbgrader."""

    course = Unicode(".", help="The folder of course.yml.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points to deduct; see nbgrader's LateSubmissionPlugin."""
        from datetime import UTC, datetime, timedelta

        policy = load_course(Path(self.course)).late
        due = datetime(2000, 1, 1, tzinfo=UTC)
        late = lateness(policy, due, due + timedelta(seconds=total_seconds_late))
        return None if late is None or not late.penalty else score - round(score * (1 - late.penalty), 2)
