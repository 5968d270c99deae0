"""`autograde sync-nbgrader`: results and decisions into nbgrader's gradebook, formgrader's marks into adjustments.yml.

ours                                  nbgrader's
points of a task's checks           → `auto_score` of the cell `check-TASK`; none for a manual task
points, add of an adjustment        ↔ `manual_score`, `extra_credit` of that cell
comments of adjustments of a task   ↔ `manual_comment` of the cell `task-TASK`
lateness, decisions about the topic → `late_submission_penalty`: what the scores are more than the mark
time, extension, due time           → the submission's and the assignment's

adjustments.yml is written before the database is, and what both said is noted last, in autograde-sync.json. So whatever
interrupts this, nothing is lost: the next run finds both sides saying the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from autograder._files import decode_versioned, locked, read_whole, write_whole
from autograder.course.course_file import Course
from autograder.errors import AutogradeError
from autograder.gradebook.adjustments import (
    ADJUSTMENTS_FILE,
    Adjustment,
    Adjustments,
    load_adjustments,
    signed,
    write_adjustments,
)
from autograder.gradebook.marks import Mark, decided_by, extension_for, marks_of_student, without_checks
from autograder.grading.handed_in import handed_in, outdated
from autograder.grading.marks import refresh
from autograder.grading.result_files import read_all
from autograder.nbgrader.config import read_settings
from autograder.nbgrader.database import open_gradebook, require_database
from autograder.nbgrader.merging import FIELDS, Merged, Prefer, Said, entry_for, merge
from autograder.nbgrader.rows import (
    SAME_SCORE,
    Rows,
    difference,
    find_notebook,
    in_utc,
    knows,
    new_submission,
    read_submissions,
    said_by,
    score_of,
    unknown_assignments,
)
from autograder.records.results import TopicResult

__all__ = ["SYNC_FILE", "Synced", "sync"]

SYNC_FILE = "autograde-sync.json"
_VERSION = 1
_SAME_SECOND = 1.0


@dataclass
class Synced:
    """What was brought together: lines about people's decisions in each direction and about conflicts, notes about what was
    left out, and how much of what else was written into nbgrader's gradebook."""

    pulled: list[str] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: Counter[str] = field(default_factory=Counter)


class _Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What both sides said last of a task; `student`, `topic` and `task` are for readers."""

    student: str
    topic: str
    task: str
    said: Said


class _SyncFile(msgspec.Struct, frozen=True, kw_only=True):
    """autograde-sync.json: what both sides said, by the id that nbgrader gave the grade."""

    format_version: int = _VERSION
    grades: dict[str, _Agreed] = {}


@dataclass
class _Task:
    """A student's task in nbgrader: rows of its tables, the decisions of each side, and what becomes of them."""

    name: str
    grade: Any
    comment: Any
    ours: Said
    theirs: Said
    merged: Merged


Key = tuple[str, str]


def sync(
    course: Course, results: Path, folder: Path, *, db_url: str = "", prefer: Prefer = "", dry_run: bool = False
) -> Synced:
    """Bring our results and decisions and those in nbgrader's gradebook together.

    Args:
        course: the course.
        results: the folder of results; it may be missing, then only decisions are exchanged.
        folder: the nbgrader course's folder.
        db_url: the URL of nbgrader's database; if empty, that of the folder's nbgrader_config.py.
        prefer: whose decision to take in a conflict; if empty, both sides are left as they are.
        dry_run: find out what would be done, and write nothing.

    Raises:
        AutogradeError: if the folder, the database or adjustments.yml cannot be read or written, or adjustments.yml is
            changed meanwhile. What one side has been given by then stays, and the next run goes on from there.
    """
    settings = read_settings(folder)
    url, root = db_url or settings.db_url, Path(settings.root)
    require_database(url, folder=root, tables=True)
    graded = {(result.student, result.topic): without_checks(result) for result in read_all(results)}
    with locked(folder), open_gradebook(url, settings.course_id, folder=root) as gradebook:
        run = _Sync(course, graded, gradebook.db, _read_agreed(folder / SYNC_FILE), prefer)
        run.bring_together()
        run.synced.notes += _left_out(run, results)
        if dry_run:
            gradebook.db.rollback()
            return run.synced
        run.write_decisions()
        gradebook.db.commit()
        _write_agreed(folder / SYNC_FILE, run.agreed_now())
    if run.entries and (results / "run.json").exists():
        refresh(course, results)
    return run.synced


def _left_out(run: _Sync, results: Path) -> Iterator[str]:
    """Sentences about what else did not go into nbgrader, and about whom it did not know."""
    if not run.graded:
        yield f"{results}: there are no results, so only decisions and due times were brought together."
    if run.new_students:
        yield (
            f"nbgrader did not know {', '.join(run.new_students)}. If these students have other names there, correct their "
            "folders' names, or those in roster.csv, and remove them with `nbgrader db student remove`."
        )
    for name in unknown_assignments(run.db, run.course.topics):
        yield f"{name}: an assignment of nbgrader's that is not in course.yml; it was left alone."
    waiting = {key for key in handed_in(results) if key not in run.graded or run.graded[key].not_graded}
    changed = {key for key, content in outdated(results).items() if key in run.graded and _content(run, key) == content}
    for topic in run.topics:
        for keys, what in (
            (waiting, "not graded yet, so scores were left as they are; run `autograde grade`, then this again"),
            (changed, "another file was handed in since and is not graded yet, so scores are those of the earlier one"),
        ):
            if students := sorted(student for student, of in keys if of == topic):
                yield f"{topic}: {what}: {', '.join(students)}."


def _content(run: _Sync, key: Key) -> str:
    return run.graded[key].submission.content


def _read_agreed(path: Path) -> dict[str, _Agreed]:
    try:
        data = read_whole(path)
    except FileNotFoundError:
        return {}
    remedy = "remove it, and decisions that differ are named as conflicts"
    file = decode_versioned(
        data, _SyncFile, _VERSION, codec=msgspec.json, path=path, error=AutogradeError, remedy=remedy
    )  # fmt: skip
    return file.grades


def _write_agreed(path: Path, grades: dict[str, _Agreed]) -> None:
    data = msgspec.json.format(msgspec.json.encode(_SyncFile(grades=grades)), indent=1) + b"\n"
    if not path.exists() or read_whole(path) != data:
        write_whole(path, data)


class _Sync:
    """One run, in one transaction of the database."""

    def __init__(
        self, course: Course, graded: Mapping[Key, TopicResult], db: Any, agreed: dict[str, _Agreed], prefer: Prefer
    ) -> None:
        self.course, self.graded, self.db, self.agreed, self.prefer = course, graded, db, agreed, prefer
        self.synced = Synced()
        self.entries: list[Adjustment] = []
        self.tasks: dict[Key, list[_Task]] = {}
        self.submissions: dict[Key, Rows] = {}
        self.topics: list[str] = []
        self.new_students: list[str] = []
        self.decided: Adjustments = {}

    def bring_together(self) -> None:
        """Change everything that is to change, adjustments.yml in `entries` only, the database without a commit."""
        if self.db.get_bind().dialect.name == "sqlite":
            self.db.rollback()
            self.db.execute(text("BEGIN IMMEDIATE"))  # nobody else writes from here on; elsewhere rows are locked
        self.decided = load_adjustments(self.course)
        for topic in self.course.topics:
            self._read_topic(topic)
        for (student, topic), tasks in self.tasks.items():
            for task in tasks:
                self._exchange(student, topic, task)
        decided = dict(self.decided)
        for entry in self.entries:
            decided[entry.student] = (*decided.get(entry.student, ()), entry)
        topics: dict[str, list[str]] = {}
        for student, topic in (*self.tasks, *self.graded):
            topics.setdefault(student, []).append(topic)
        for student, own in topics.items():
            results = [self.graded[student, topic] for topic in dict.fromkeys(own) if (student, topic) in self.graded]
            for mark in marks_of_student(self.course, student, results, decided.get(student, ()), topics=own):
                if (student, mark.topic) in self.tasks:
                    self._push_mark(mark, decided)

    def write_decisions(self) -> None:
        """Append what came from nbgrader to adjustments.yml.

        Raises:
            AutogradeError: if the file has changed since it was read.
        """

        def unchanged(now: Adjustments) -> None:
            if now != self.decided:
                path = self.course.root / ADJUSTMENTS_FILE
                raise AutogradeError(
                    f"{path}: it has changed meanwhile, so nothing was written; run the same command again."
                )

        if self.entries:
            write_adjustments(self.course, [signed(entry) for entry in self.entries], check=unchanged)

    def agreed_now(self) -> dict[str, _Agreed]:
        """What both sides say now. Where they do not agree, what they said last stays."""
        agreed = {key: last for key, last in self.agreed.items() if last.topic not in self.topics}
        for (student, topic), tasks in sorted(self.tasks.items()):
            for task in tasks:
                base = self._base(task.grade)
                kept = {name: getattr(base, name) for name in task.merged.conflicts}
                said = msgspec.structs.replace(task.merged.said, **kept)
                if said != Said():
                    agreed[task.grade.id] = _Agreed(student=student, topic=topic, task=task.name, said=said)
        return agreed

    # ---- reading ------------------------------------------------------------------------------------------------------

    def _read_topic(self, topic: str) -> None:
        """Find a topic's submissions in the database, make those that are missing there, and merge the decisions."""
        assignment, notebook = find_notebook(self.db, topic)
        due = self.course.topics[topic].due
        if assignment is not None and due is not None:
            self._set(assignment, "duedate", in_utc(due), "due time")
        wanted = sorted(student for student in {*self._students(topic)} if self._has_something(student, topic))
        if notebook is None:
            if wanted:
                self.synced.notes.append(
                    f"{topic}: left out, since nbgrader has no notebook for it; run `nbgrader generate_assignment {topic}`."
                )
            return
        if other := difference(notebook, self.course.topics[topic].tasks):
            self.synced.notes.append(
                f"{topic}: left out, since {other}; run `nbgrader generate_assignment {topic} --force`."
            )
            return
        self.topics.append(topic)
        found = read_submissions(self.db, notebook)
        for student in wanted:
            if student not in found:
                if not knows(self.db, student) and student not in self.new_students:
                    self.new_students.append(student)
                found[student] = new_submission(self.db, assignment, notebook, student)
                self.synced.written["submission"] += 1
        for student, submission in sorted(found.items()):
            key = student, topic
            self.submissions[key] = submission
            tasks = self.course.topics[topic].tasks
            known = (name for name in tasks if f"check-{name}" in submission.grades)  # older ones may lack a new task
            self.tasks[key] = [self._task(key, name, tasks[name].points) for name in known]

    def _students(self, topic: str) -> Iterator[str]:
        yield from (student for student, each in self.graded if each == topic)
        yield from (student for student, own in self.decided.items() if any(entry.topic == topic for entry in own))

    def _has_something(self, student: str, topic: str) -> bool:
        """Whether nbgrader has to know a submission: there are points, or somebody has decided about them."""
        result = self.graded.get((student, topic))
        own = [entry for entry in self.decided.get(student, ()) if entry.topic == topic]
        decided = any(entry.points is not None or entry.add or entry.comment for entry in own)
        return decided or (result is not None and not result.not_graded)

    def _task(self, key: Key, name: str, points: float) -> _Task:
        student, topic = key
        grade, comment = self.submissions[key].of_task(name)
        decided = decided_by(entry for entry in self.decided.get(student, ()) if (entry.topic, entry.task) == (topic, name))
        ours = Said(points=decided.points, add=round(decided.add, 6), comment="\n\n".join(decided.comments).strip())
        theirs = said_by(grade, comment, points)
        if comment is None:  # the notebook has no cell for one
            theirs = msgspec.structs.replace(theirs, comment=ours.comment)
        merged = merge(ours, theirs, self._base(grade), prefer=self.prefer)
        return _Task(name, grade, comment, ours, theirs, merged)

    def _base(self, grade: Any) -> Said:
        last = self.agreed.get(grade.id)
        return last.said if last else Said()

    # ---- bringing together ----------------------------------------------------------------------------------------------

    def _exchange(self, student: str, topic: str, task: _Task) -> None:
        """A task's decisions: note what goes to adjustments.yml, and write what goes to nbgrader."""
        where, wanted = f"{student}, {topic}, {task.name}", task.merged.said
        for name in task.merged.conflicts:
            ours, theirs = (Said(**{name: getattr(each, name)}) for each in (task.ours, task.theirs))
            self.synced.conflicts.append(f"{where}: {ours} in {ADJUSTMENTS_FILE}, {theirs} in nbgrader")
        entry = entry_for(student, topic, task.name, task.ours, wanted)
        if entry is not None:
            self.entries.append(msgspec.structs.replace(entry, by="formgrader"))
            self.synced.pulled.append(f"{where}: {wanted} (was: {task.ours})")
        changed = _changed(task)
        if "points" in changed:
            task.grade.manual_score = wanted.points
        if "points" in changed or "add" in changed:
            task.grade.extra_credit = wanted.add or None
        if "comment" in changed:
            task.comment.manual_comment = wanted.comment or None
        if changed:
            self.synced.pushed.append(f"{where}: {wanted} (was: {task.theirs})")

    def _push_mark(self, mark: Mark, decided: Adjustments) -> None:
        """What checks, lateness and decisions about the whole topic give, into nbgrader's gradebook."""
        key = mark.student, mark.topic
        rows, tasks = self.submissions[key], self.tasks[key]
        result = self.graded.get(key)
        own = decided.get(mark.student, ())
        extension = extension_for(self.course, mark.topic, own)
        if extension and self.course.topics[mark.topic].due:
            self._set(rows.submission, "extension", extension, "extension")
        graded = result is not None and not result.not_graded and self._is_latest(mark, rows.submission)
        for task in tasks:
            self._push_score(mark, task, graded=graded)
        if mark.excused and graded:
            self.synced.notes.append(
                f"{mark.student}, {mark.topic}: excused, which nbgrader does not know; its scores were left as they are."
            )
        elif (graded or self._only_decided(mark, tasks, own)) and not any(task.merged.conflicts for task in tasks):
            more = sum(score_of(task.grade) for task in tasks) - mark.earned
            penalty = 0.0 if abs(more) <= SAME_SCORE * (len(tasks) + 1) else round(more, 2)
            if abs((rows.notebook.late_submission_penalty or 0.0) - penalty) > SAME_SCORE:
                self._set(rows.notebook, "late_submission_penalty", penalty, "deduction")

    def _only_decided(self, mark: Mark, tasks: Sequence[_Task], own: Sequence[Adjustment]) -> bool:
        """Whether there are no scores of checks on either side, but somebody has decided about the topic as a whole."""
        whole = decided_by([entry for entry in own if entry.topic == mark.topic and not entry.task])
        return mark.state == "missing" and whole.changes and all(task.grade.auto_score is None for task in tasks)

    def _is_latest(self, mark: Mark, submission: Any) -> bool:
        """Whether nbgrader has no later submission than the graded one; if so, the time is brought up to date."""
        if not mark.submitted_at:
            return True
        when = in_utc(datetime.fromisoformat(mark.submitted_at))
        there = submission.timestamp
        if there is not None and (there - when).total_seconds() > _SAME_SECOND:
            self.synced.notes.append(
                f"{mark.student}, {mark.topic}: the scores were left out, since nbgrader has a submission of "
                f"{there:%Y-%m-%d %H:%M} UTC and the graded one is of {when:%Y-%m-%d %H:%M} UTC; grade the later one first."
            )
            return False
        if there is None or (when - there).total_seconds() > _SAME_SECOND:
            self._set(submission, "timestamp", when, "submission time")
        return True

    def _push_score(self, mark: Mark, task: _Task, *, graded: bool) -> None:
        own = next(each for each in mark.tasks if each.task == task.name)
        grade = task.grade
        if own.manual:
            self._set(grade, "auto_score", None, "check score")
        elif graded and (grade.auto_score is None or abs(grade.auto_score - own.automatic) > SAME_SCORE):
            self._set(grade, "auto_score", own.automatic, "check score")
        if grade.manual_score is None:
            self._set(grade, "needs_manual_grade", grade.auto_score is None, "needs-grading flag")
        elif "points" in _changed(task):  # it comes from here, so somebody has looked at it
            self._set(grade, "needs_manual_grade", False, "needs-grading flag")

    def _set(self, row: Any, name: str, value: Any, what: str) -> None:
        if getattr(row, name) != value:
            setattr(row, name, value)
            self.synced.written[what] += 1


def _changed(task: _Task) -> list[str]:
    """Which of nbgrader's values of a task are to become ours."""
    differing = (name for name in FIELDS if getattr(task.merged.said, name) != getattr(task.theirs, name))
    return [name for name in differing if name not in task.merged.conflicts]
