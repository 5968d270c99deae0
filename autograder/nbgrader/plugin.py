"""What nbgrader calls to grade with autograde: preprocessors for `nbgrader autograde`, and the course's late policy.

A submission does not run in a kernel, where it could read the course: it is graded confined, as `autograde grade` does.
Each graded cell gets the task's points as its output, which nbgrader reads as partial credit, so printing to stderr costs
nothing. Before that, damaged cells of the notebook are repaired (`repair`), and a cell at the top says how.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from nbformat.v4 import new_output
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

from autograder.course.course_file import Course, load_course
from autograder.errors import SubmissionError
from autograder.gradebook.lateness import lateness
from autograder.grading.grader import Grader
from autograder.grading.submissions import files_of, submission_at
from autograder.nbgrader.database import find_alembic
from autograder.nbgrader.notebooks import TolerantExporter
from autograder.nbgrader.repair import RepairCells, cells_of
from autograder.records.jobs import CellReport, HelperFile
from autograder.records.results import TaskResult
from autograder.reporting.labels import points_text
from autograder.student.answer import Answer
from autograder.student.as_html import html
from autograder.student.as_text import plain
from autograder.student.view import answer_view_of

__all__ = ["GradeConfined", "LatePolicy", "SaveGrades", "configure"]

_OUTPUT_SHOWN = 10_000


def configure(config: Any, *, course: str, seed: int) -> None:
    """Set up an nbgrader course: call it in nbgrader_config.py.

    Args:
        config: what `get_config()` returns.
        course: the folder of course.yml.
        seed: the seed of the grading run; `autograde grade --seed` with the same seed gives the same scores.
    """
    find_alembic()
    config.ClearSolutions.enabled = False  # a released notebook holds stubs, no solutions
    config.Autograde.exporter_class = TolerantExporter
    config.Autograde.sanitize_preprocessors = [
        RepairCells, ClearOutput, DeduplicateIds, OverwriteKernelspec, OverwriteCells, CheckCellMetadata,
    ]  # fmt: skip
    config.Autograde.autograde_preprocessors = [GradeConfined, SaveGrades, AssignLatePenalties, CheckCellMetadata]
    config.AssignLatePenalties.plugin_class = LatePolicy
    for plugin in (config.GradeConfined, config.LatePolicy, config.SaveGrades):
        plugin.course = course
    config.GradeConfined.seed = seed


class GradeConfined(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades a notebook with autograde and writes the results into the notebook's outputs."""

    course = Unicode(".", help="The folder of course.yml.").tag(config=True)
    seed = Integer(0, help="The seed of the grading run.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade a notebook; see nbconvert's Preprocessor."""
        grader = _grader(self.course, self.seed)
        cells, problem = cells_of(nb)
        topic = resources["nbgrader"]["assignment"]
        run, tasks = grader.run_cells(cells, topic=topic, helpers=self._helpers(resources["nbgrader"], grader.course))
        if problem or run.problem:
            self.log.warning("%s: %s", resources["nbgrader"].get("student"), problem or run.problem)
        reports = {report.number: report for report in run.cells}
        results = {task.task: task for task in tasks}
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, 1):
            cell.outputs, cell.execution_count = list(_outputs(reports.get(number))), number
            if cell.metadata.get("nbgrader", {}).get("grade"):
                task = results[str(cell.metadata["nbgrader"]["grade_id"]).removeprefix("check-")]
                cell.outputs = list(_verdict(grader.course.topics[topic].title, task, number))
        return nb, resources

    def _helpers(self, where: Any, course: Course) -> tuple[HelperFile, ...]:
        """The files that were handed in beside the notebook and that it uses."""
        places = self.parent.parent.coursedir  # of the exporter's converter
        folder = places.format_path(places.submitted_directory, where["student"], where["assignment"])
        try:
            path = Path(folder, f"{where['notebook']}.ipynb")
            submission = submission_at(path, course, topic=where["assignment"], student=where["student"])
            return files_of(submission, submission.read(), course)[0]
        except SubmissionError:  # nothing was handed in, or it cannot be read
            return ()


class SaveGrades(SaveAutoGrades):  # type: ignore[misc]
    """Saves the points of the checks. Those of a manual task are left to a person, whom formgrader asks for them."""

    course = Unicode(".", help="The folder of course.yml.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save a notebook's points; see nbconvert's Preprocessor."""
        tasks = load_course(Path(self.course)).topics[resources["nbgrader"]["assignment"]].tasks
        self._manual = {f"check-{name}" for name, task in tasks.items() if task.kind == "manual"}
        saved: tuple[Any, Any] = super().preprocess(nb, resources)
        return saved

    def _add_score(self, cell: Any, resources: Any) -> None:
        super()._add_score(cell, resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        if name in self._manual:
            grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
            grade.auto_score, grade.needs_manual_grade = None, grade.manual_score is None
            self.gradebook.db.commit()


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


@cache
def _grader(course: str, seed: int) -> Grader:
    grader = Grader(Path(course).absolute(), seed=seed)
    atexit.register(grader.close)
    return grader


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
