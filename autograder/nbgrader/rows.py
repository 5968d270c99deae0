"""The rows of nbgrader's database that say what a class's submissions for one topic are worth.

Source of the columns: nbgrader 0.9, nbgrader/api.py; formgrader writes `manual_score`, `extra_credit`, `manual_comment` and
`needs_manual_grade` only (server_extensions/formgrader/apihandlers.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from autograder.course.course_file import TaskEntry
from autograder.nbgrader.merging import Said

__all__ = [
    "SAME_SCORE",
    "Rows",
    "difference",
    "find_notebook",
    "in_utc",
    "knows",
    "new_submission",
    "read_submissions",
    "said_by",
    "score_of",
    "unknown_assignments",
]

SAME_SCORE = 0.005
"""By how much two scores differ at most that are the same: nbgrader's autograde step writes two decimals."""


@dataclass
class Rows:
    """A student's SubmittedAssignment, the SubmittedNotebook in it, and its Grades and Comments by their cells' names."""

    submission: Any
    notebook: Any
    grades: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, Any] = field(default_factory=dict)

    def of_task(self, name: str) -> tuple[Any, Any]:
        """A task's grade, and its comment; None if the notebook has no cell for one."""
        return self.grades[f"check-{name}"], self.comments.get(f"task-{name}")


def find_notebook(db: Any, topic: str) -> tuple[Any, Any]:
    """A topic's Assignment and the Notebook in it; None for what is not there."""
    from nbgrader.api import Assignment, Notebook  # type: ignore[import-untyped]

    assignment = db.scalar(select(Assignment).where(Assignment.name == topic))
    if assignment is None:
        return None, None
    return assignment, db.scalar(select(Notebook).where(Notebook.assignment_id == assignment.id, Notebook.name == topic))


def unknown_assignments(db: Any, topics: Collection[str]) -> list[str]:
    """The names of assignments that are no topics."""
    from nbgrader.api import Assignment

    return sorted(set(db.scalars(select(Assignment.name))) - set(topics))


def knows(db: Any, student: str) -> bool:
    """Whether there is a student of this name."""
    from nbgrader.api import Student

    return db.get(Student, student) is not None


def difference(notebook: Any, tasks: Mapping[str, TaskEntry]) -> str:
    """In what nbgrader's notebook differs from the course; empty if in nothing that matters."""
    points = {cell.name: cell.max_score for cell in notebook.grade_cells}
    for name, task in tasks.items():
        there = points.get(f"check-{name}")
        if there is None:
            return f"nbgrader's notebook lacks the cell `check-{name}`"
        if abs(there - task.points) > SAME_SCORE:
            return f"{name} has {there:g} points in nbgrader's notebook, and {task.points:g} in course.yml"
    return ""


def read_submissions(db: Any, notebook: Any) -> dict[str, Rows]:
    """A notebook's submissions by student. Where the database can, others wait with writing grades and comments."""
    from nbgrader.api import BaseCell, Comment, Grade, SubmittedAssignment, SubmittedNotebook

    own = SubmittedNotebook.notebook_id == notebook.id
    inside = SubmittedNotebook.assignment_id == SubmittedAssignment.id
    found = {}
    for submission, submitted in db.execute(select(SubmittedAssignment, SubmittedNotebook).where(own, inside)):
        found[submitted.id] = Rows(submission, submitted)
    for kind in (Grade, Comment):
        rows = (
            select(kind, BaseCell.name)
            .join(BaseCell, kind.cell_id == BaseCell.id)
            .join(SubmittedNotebook, kind.notebook_id == SubmittedNotebook.id)
            .where(own)
            .with_for_update(of=kind)
        )
        for row, name in db.execute(rows):
            each = found[row.notebook_id]
            (each.grades if kind is Grade else each.comments)[name] = row
    return {rows.submission.student_id: rows for rows in found.values()}


def new_submission(db: Any, assignment: Any, notebook: Any, student: str) -> Rows:
    """A submission as nbgrader's `Gradebook.add_submission` makes it, without its commit."""
    from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook

    graded, answered = [*notebook.grade_cells, *notebook.task_cells], [*notebook.solution_cells, *notebook.task_cells]
    person = db.get(Student, student) or Student(id=student)
    with db.no_autoflush:
        submission = SubmittedAssignment(assignment=assignment, student=person)
        submitted = SubmittedNotebook(notebook=notebook, assignment=submission)
        grades = {cell.name: Grade(cell=cell, notebook=submitted) for cell in graded}
        comments = {cell.name: Comment(cell=cell, notebook=submitted) for cell in answered}
        db.add(submission)
    db.flush()
    return Rows(submission, submitted, grades, comments)


def said_by(grade: Any, comment: Any, most: float) -> Said:
    """What a person says in nbgrader. Points above the task's and below 0 are an addition, as adjustments.yml has them."""
    points, add = grade.manual_score, grade.extra_credit or 0.0
    if points is not None and not 0 <= points <= most:
        inside = min(max(points, 0.0), most)
        points, add = inside, add + points - inside
    words = (comment.manual_comment or "") if comment is not None else ""
    return Said(
        points=None if points is None else round(points, 6),
        add=round(add, 6),
        comment=words.replace("\r\n", "\n").strip(),
    )


def score_of(grade: Any) -> float:
    """A grade's score, as nbgrader's `Grade.score` computes it."""
    points = grade.manual_score if grade.manual_score is not None else grade.auto_score
    return float((points or 0.0) + (grade.extra_credit or 0.0))


def in_utc(when: datetime) -> datetime:
    """A time as nbgrader's database has it: in UTC, without saying so."""
    return when.astimezone(UTC).replace(tzinfo=None)
