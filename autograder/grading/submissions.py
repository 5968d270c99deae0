"""Finds a class's submissions: who handed in what for which topic, and what could not be recognised.

What students hand in is opened by `_opened` only: regular files inside their own folder, up to a size.

PATH/STUDENT/TOPIC.ipynb, PATH/STUDENT/TOPIC.py     one folder per student; a number before TOPIC may stay, 01_TOPIC
PATH/STUDENT/TOPIC/ANY.ipynb                        nbgrader's layout, with its timestamp.txt
PATH = STUDENT, or PATH = one such file             a single student, a single file

Nothing is skipped silently: a file that looks like a submission but is not one is listed with the reason.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from autograder._words import counted, suggestion
from autograder.course.cells import notebook_topic, text_of
from autograder.course.course_file import Course
from autograder.course.data_files import data_names
from autograder.course.exercise_work import ExerciseWork
from autograder.course.file_names import (
    START_HAS_NO_TASKS,
    is_course_folder,
    is_start,
    split_duplicate,
    start_note,
    topic_in,
    topic_named,
)
from autograder.course.helper_files import MOST_HELPERS, find_helpers, read_helpers
from autograder.course.roster import ROSTER_FILE, load_roster
from autograder.errors import SubmissionError
from autograder.records.jobs import HelperFile
from autograder.records.results import NAMES_OF_RESULTS

__all__ = ["FEW", "MAX_FILE_MB", "Discovery", "Submission", "files_of", "find_submissions", "submission_at"]

FEW = 4
"""With more submissions than that, there is work for all processes, and nearly every task has a wrong answer."""
MAX_FILE_MB = 64
_TIME_FILE = "timestamp.txt"
_MAX_TIMESTAMP = 1000
_ENDINGS = (".ipynb", ".py")
_IGNORED = {"__pycache__", "__MACOSX", "node_modules"}


@dataclass(frozen=True)
class Submission:
    """One student's file for one topic. `submitted_at` is None if it was not recorded; `helpers` are files that it uses.

    `folder` is the one that links must not lead out of, usually the student's; the file's own if None. With `content`, the
    submission is these bytes, and `path` only names them. `version` counts what the student has handed in for the topic; see
    `grading.versions`. `problem` says why it cannot be graded, whatever is in it.
    """

    student: str
    topic: str
    path: Path
    submitted_at: datetime | None = None
    folder: Path | None = None
    helpers: tuple[Path, ...] = ()
    content: bytes | None = None
    version: int = 1
    problem: str = ""

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            SubmissionError: if it cannot be graded or read, is larger than 64 MB, is no regular file or leads out of the
                folder.
        """
        if self.problem:
            raise SubmissionError(self.problem)
        most = MAX_FILE_MB * 2**20
        try:
            data = self.content
            if data is None:
                data = _opened(self.path, self.folder or self.path.parent, most)
        except (OSError, RuntimeError) as error:
            raise SubmissionError(f"{self.path.name} cannot be read ({_reason(error)}).") from error
        if data is None or len(data) > most:
            raise SubmissionError(f"{self.path.name} is larger than {MAX_FILE_MB} MB; clear its outputs.")
        return data


def _opened(path: Path, folder: Path, most: int) -> bytes | None:
    """The bytes of a regular file inside a folder once links are followed; None if there are more than `most`.

    Raises:
        OSError: if there is no such file, or something else than a file.
        RuntimeError: if links go in circles.
    """
    real = path.resolve(strict=True)
    if not real.is_relative_to(folder.resolve()):
        raise OSError(_LEADS_OUT)
    if not real.is_file():
        raise OSError(_NO_FILE)
    # Should something else be in its place by now: opening a pipe must not wait, and a link is not followed.
    with open(real, "rb", opener=lambda name, flags: os.open(name, flags | _OPEN_FLAGS)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(_NO_FILE)
        return file.read(status.st_size) if status.st_size <= most else None


_OPEN_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def _reason(error: OSError | RuntimeError) -> str:
    return getattr(error, "strerror", None) or str(error)


_LEADS_OUT = "it is a link that leads out of the folder"
_NO_FILE = "it is not a regular file"


@dataclass(frozen=True)
class Discovery:
    """What was found: the submissions, by student and then in the order of the course's topics; every student who has a
    folder; and sentences about what was left out (`unrecognised`) or chosen (`notes`). `found`: student and topic of each
    submission for these topics, whoever was asked for."""

    submissions: tuple[Submission, ...]
    students: tuple[str, ...]
    found: tuple[tuple[str, str], ...] = ()
    unrecognised: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_submissions(
    paths: Sequence[Path], course: Course, *, topics: Sequence[str] = (), students: Sequence[str] = ()
) -> Discovery:
    """Search paths for submissions to a course.

    Args:
        paths: a class's folders, a student's folders, or single files.
        course: the course whose topics to look for.
        topics: only these; all if empty.
        students: only these; all if empty.

    Raises:
        SubmissionError: if a path does not exist or is the course's own folder, or a requested topic or student is not
            there.
        CourseError: if the roster cannot be read.
    """
    for topic in topics:
        if topic not in course.topics:
            raise SubmissionError(f"--topic {topic}: the course has no such topic; {suggestion(topic, course.topics)}")
    search = _Search(course)
    for path in paths:
        search.look_at(path)
    for student in students:
        if student not in search.students:
            raise SubmissionError(
                f"--student {student}: there is no such student; {suggestion(student, sorted(search.students))}"
            )
    search.list_strays()
    search.assign_others(topics)
    if starts := [student for student in search.starts if not students or student in students]:
        search.notes.append(start_note(starts))
    order = list(course.topics)
    candidates = sorted({**search.candidates, **search.others}, key=lambda key: (key[0], order.index(key[1])))
    found = tuple(key for key in candidates if not topics or key[1] in topics)
    return Discovery(
        submissions=tuple(search.choose(*key) for key in found if not students or key[0] in students),
        students=tuple(sorted(student for student in search.students if not students or student in students)),
        found=found,
        unrecognised=tuple(search.unrecognised),
        notes=tuple(search.notes),
    )


@dataclass(frozen=True)
class _Candidate:
    path: Path
    named: bool  # whether the file is named after the topic; if not, its folder or the notebook's metadata names it
    folder: Path
    root: Path  # what links must not lead out of


@dataclass
class _Search:
    course: Course
    candidates: dict[tuple[str, str], list[_Candidate]] = field(default_factory=dict)
    students: dict[str, Path] = field(default_factory=dict)
    unrecognised: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strays: list[tuple[str, Path, str, int]] = field(default_factory=list)  # each may be what a submission uses
    starts: dict[str, None] = field(default_factory=dict)  # students who handed in the start notebook, too
    others: dict[tuple[str, str], list[Path]] = field(default_factory=dict)  # what cannot be graded, such as a PDF
    without_topic: dict[str, list[Path]] = field(default_factory=dict)  # the same, where only the student is known

    def look_at(self, path: Path) -> None:
        if _is_folder(path):
            root = path.resolve()
            if root == self.course.root.resolve() and (path / "course.yml").is_file():
                raise SubmissionError(f"{path}: is the course's own folder; name the one that holds the students' folders.")
            folders = [each for each in _entries(path) if _is_folder(each)]
            own = self.is_student(path)
            classes = [each for each in folders if not self.topic_of_name(each.name) and self.is_student(each)]
            if own and not classes:
                self.look_at_student(path, _name(path))
                return
            for folder in folders:
                if not self.inside(folder, root):
                    continue
                if reason := self.why_nobodys(folder):
                    self.leave_out(folder, reason)
                else:
                    self.look_at_student(folder, folder.name)
            for file in _entries(path):
                if not _is_folder(file) and self.looks_like_one(file):
                    self.leave_out(file, "it is outside every student's folder")
        elif path.exists():
            self.look_at_file(path)
        else:
            raise SubmissionError(f"{path}: there is no such file or folder.")

    def look_at_file(self, path: Path) -> None:
        folder = path.absolute().parent
        root = path.resolve().parent  # whoever names a link means the file that it leads to
        if path.suffix.lower() not in _ENDINGS:
            self.leave_out(path, "a submission ends in .ipynb or .py")
            return
        if self.is_start_notebook(path, root):
            self.leave_out(path, START_HAS_NO_TASKS)
            return
        topic = self.topic_of_file(path, root)
        in_topic_folder = self.topic_of_name(folder.name)
        if in_topic_folder and topic in (None, in_topic_folder):
            self.add(_name(folder.parent), in_topic_folder, _Candidate(path, topic is not None, folder, root))
        elif topic:
            self.add(_name(folder), topic, _Candidate(path, True, folder, root))
        else:
            self.leave_out(path, self.why_no_topic(path))

    def is_student(self, folder: Path) -> bool:
        """Whether a folder holds one student's submissions, rather than students' folders."""
        return any(
            self.topic_of_name(each.name)
            if _is_folder(each)
            else self.looks_like_one(each) and (self.topic_of_file(each, folder.resolve()) or is_start(each.stem))
            for each in _entries(folder)
        )

    def why_nobodys(self, folder: Path) -> str:
        """Why a folder beside students' folders is not a student's; "" if it may be one."""
        if folder.name.casefold() in self.people:
            return ""
        if is_course_folder(folder.name) or (folder / "course.yml").is_file():
            return "it is a course's folder, not a student's"
        inside = [*_entries(folder), *(each for inner in _entries(folder) if _is_folder(inner) for each in _entries(inner))]
        if self.people and not any(self.looks_like_one(each) for each in inside):
            return f"it holds no submission, and {ROSTER_FILE} has no such student"
        return ""

    @cached_property
    def people(self) -> frozenset[str]:
        """What the people of the roster are called."""
        roster = load_roster(self.course)
        names = ((each.student, each.name, each.login, each.id) for each in roster.people) if roster else ()
        return frozenset(name.casefold() for person in names for name in person if name)

    def look_at_student(self, folder: Path, student: str) -> None:
        if not student.isprintable() or _not_utf8(student) or "\\" in student:
            self.leave_out(folder, "a student's folder needs a name of printable characters, without \\")
            return
        if student.lower() in NAMES_OF_RESULTS:
            self.leave_out(folder, f"the results need the name {student.lower()} for themselves; rename the folder")
            return
        self.students.setdefault(student, folder)
        own = folder.resolve()  # a link to another student's file would submit that student's work
        before = self.found()
        for entry in _entries(folder):
            if not self.inside(entry, own):
                continue
            if self.is_start_notebook(entry, own):
                self.starts[student] = None
                continue
            topic = self.topic_of_name(entry.name)
            if _is_folder(entry) and topic:
                self.look_at_topic_folder(entry, student, topic, own)
            elif _is_folder(entry):
                for inner in _entries(entry):
                    if not _is_folder(inner) and self.looks_like_one(inner):
                        reason = f"it is nested too deeply; a submission is {student}/TOPIC.ipynb"
                        self.strays.append((student, inner, reason, len(self.unrecognised)))
            elif self.looks_like_one(entry):
                topic = self.topic_of_file(entry, own)
                if entry.suffix.lower() not in _ENDINGS:
                    self.leave_out(entry, "a submission ends in .ipynb or .py")
                    if topic:
                        self.others.setdefault((student, topic), []).append(entry)
                elif topic:
                    self.add(student, topic, _Candidate(entry, self.topic_of_name(entry.stem) == topic, folder, own))
                else:
                    self.strays.append((student, entry, self.why_no_topic(entry), len(self.unrecognised)))
        if before == self.found():
            only = "nothing but the start notebook" if student in self.starts else "no submission"
            self.leave_out(folder, f"it holds {only}")
        if all(name != student for name, _ in (*self.candidates, *self.others)):
            self.without_topic.setdefault(student, []).extend(
                each for each in _entries(folder) if self.is_handed_in(each, own)
            )

    def is_handed_in(self, path: Path, root: Path) -> bool:
        """Whether a student may have meant a file or folder as a hand-in, though it cannot be graded."""
        if path.name.lower() == _TIME_FILE or not self.inside(path, root) or self.is_start_notebook(path, root):
            return False
        return not _is_folder(path) or any(_entries(path))

    def assign_others(self, topics: Sequence[str]) -> None:
        """Find the topic of what students handed in who have no submission at all: by its name, or because the class has
        handed in for no other. A folder without any submission may be anything."""
        known = set(topics) or {topic for _, topic in (*self.candidates, *self.others)}
        only = next(iter(known)) if len(known) == 1 and (self.candidates or len(self.students) == 1) else None
        for student, paths in self.without_topic.items():
            for path in paths:
                if topic := topic_in(path.stem, self.course.topics) or only:
                    self.others.setdefault((student, topic), []).append(path)
        self.others = {key: paths for key, paths in self.others.items() if key not in self.candidates and paths}

    def found(self) -> tuple[int, int, int]:
        return len(self.unrecognised), len(self.strays), sum(map(len, self.candidates.values()))

    def list_strays(self) -> None:
        """Leave out what looks like a submission, is none, and helps none."""
        used = {
            student: {
                path
                for (name, topic), found in self.candidates.items()
                if name == student
                for each in found
                for paths in self.helpers(each.path, topic)
                for path in paths
            }
            for student in {student for student, *_ in self.strays}
        }
        for student, path, reason, place in reversed(self.strays):
            if path not in used[student]:
                self.leave_out(path, reason, place)

    def helpers(self, path: Path, topic: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        room = _room(self.course, topic)
        return find_helpers(path, lambda name: self.topic_of_name(name) is not None, room, self.data)

    @cached_property
    def data(self) -> frozenset[str]:
        return data_names(self.course.root)

    def look_at_topic_folder(self, folder: Path, student: str, topic: str, root: Path) -> None:
        files = [each for each in _entries(folder) if not _is_folder(each) and self.inside(each, root)]
        starts = [each for each in files if self.is_start_notebook(each, root)]
        self.starts |= dict.fromkeys([student] if starts else [])
        files = [each for each in files if each not in starts]
        candidates = [each for each in files if each.suffix.lower() == ".ipynb"]
        candidates = candidates or [each for each in files if each.suffix.lower() == ".py"]
        if not candidates:
            self.leave_out(folder, "it holds no .ipynb or .py file")
            others = [each for each in _entries(folder) if self.is_handed_in(each, root)]
            self.others.setdefault((student, topic), []).extend(others)
        for each in candidates:
            other = self.topic_of_file(each, root)
            if other and other != topic:
                self.leave_out(each, f"it is a notebook for {other}, but in the folder of {topic}")
            else:
                self.add(student, topic, _Candidate(each, self.topic_of_name(each.stem) == topic, folder, root))

    def add(self, student: str, topic: str, candidate: _Candidate) -> None:
        self.students.setdefault(student, candidate.folder)
        others = self.candidates.setdefault((student, topic), [])
        if all(other.path.resolve() != candidate.path.resolve() for other in others):
            others.append(candidate)

    def leave_out(self, path: Path, reason: str, place: int | None = None) -> None:
        line = f"{_printable(path)}: {reason}{'' if reason.endswith('?') else '.'}"
        if line not in self.unrecognised:
            self.unrecognised.insert(len(self.unrecognised) if place is None else place, line)

    def inside(self, path: Path, root: Path) -> bool:
        """Whether a path, links followed, is a file or folder inside the folder being graded; if not, it is left out."""
        try:
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
            if not real.is_relative_to(root):
                reason = _LEADS_OUT
            elif stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                return True
            else:
                reason = _NO_FILE
        except (OSError, RuntimeError):  # a loop of links raises RuntimeError
            reason = "it is a link that leads nowhere"
        self.leave_out(path, reason)
        return False

    def topic_of_name(self, name: str) -> str | None:
        return topic_named(name, self.course.topics)

    def topic_of_file(self, path: Path, root: Path) -> str | None:
        """The topic that a file is named after, else the one in a notebook's metadata, else one in a notebook's name."""
        named = self.topic_of_name(path.stem)
        if named or path.suffix.lower() not in _ENDINGS:
            return named
        notebook = path.suffix.lower() == ".ipynb"
        stem, copy = split_duplicate(path.stem)
        if notebook or copy > 0:  # views_old.py may be a module
            named = self.topic_of_name(stem)
        inside = None if named else self.topic_inside(path, root)
        if named or inside in self.course.topics:
            return named or inside
        return topic_in(stem, self.course.topics) if notebook and inside is None else None

    def topic_inside(self, path: Path, root: Path) -> str | None:
        try:
            return notebook_topic(Submission("", "", path, folder=root).read())
        except SubmissionError:
            return None

    def is_start_notebook(self, path: Path, root: Path) -> bool:
        """Whether a file, or a folder, is the start notebook: by its name, or a notebook by its metadata."""
        if self.topic_of_name(split_duplicate(path.stem)[0]):
            return False
        if _is_folder(path):
            return is_start(path.name)
        if path.suffix.lower() not in _ENDINGS:
            return False
        return is_start(path.stem) or (path.suffix.lower() == ".ipynb" and is_start(self.topic_inside(path, root)))

    def looks_like_one(self, path: Path) -> bool:
        return path.suffix.lower() in _ENDINGS or self.topic_of_name(path.stem) is not None

    def why_no_topic(self, path: Path) -> str:
        hint = suggestion(path.stem, self.course.topics).rstrip(".")
        return f"no topic of the course is called “{_printable(Path(path.stem))}”; {hint}"

    def choose(self, student: str, topic: str) -> Submission:
        """The file to grade, of several for one topic.

        One with work in it comes before one with nothing but stubs, a notebook before a Python file, then the one named
        after the topic, then the first by name. (File times mean nothing after a download.)
        """
        if (student, topic) not in self.candidates:
            return self.other(student, topic)
        candidates = self.candidates[student, topic]
        work = {each.path: len(candidates) == 1 or self.holds_work(each, topic) for each in candidates}
        best, *others = sorted(
            candidates, key=lambda each: (not work[each.path], each.path.suffix.lower() != ".ipynb", not each.named)
        )
        helpers, too_much = self.helpers(best.path, topic)
        others = [each for each in others if each.path not in helpers]
        if others:
            ignored = ", ".join(_printable(each.path) for each in others)
            self.notes.append(
                f"{student} handed in several files for {topic}: {_printable(best.path)} is graded, not {ignored}."
            )
        if too_much:
            names = ", ".join(_printable(each) for each in too_much)
            self.notes.append(
                f"{student}, {topic}: graded without {names}. Beside a submission there is room for {MOST_HELPERS} files, "
                f"{_room(self.course, topic) >> 20} MB together; a larger limits.scratch_mb in course.yml makes more room."
            )
        return Submission(student, topic, best.path, self.when(best.folder, student), best.root, helpers)

    def other(self, student: str, topic: str) -> Submission:
        """What a student handed in instead of a submission: it counts as handed in, and cannot be graded."""
        first, *more = sorted(self.others[student, topic], key=lambda each: each.suffix.lower() not in _ENDINGS)
        names = _printable(Path(first.name)) + (f" and {counted(len(more), 'more file')}" if more else "")
        named = first.suffix.lower() in _ENDINGS and not _is_folder(first)
        remedy = f"A submission is called {topic}.ipynb or {topic}.py" if named else "A submission ends in .ipynb or .py"
        problem = f"What was handed in cannot be graded: {names}. {remedy}."
        return Submission(student, topic, first, self.when(first.parent, student), problem=problem)

    def when(self, folder: Path, student: str) -> datetime | None:
        """When a student handed in, as timestamp.txt says; None if it does not say it."""
        try:
            return _submitted_at(folder)
        except ValueError as error:
            self.notes.append(f"{_printable(folder / _TIME_FILE)}: {error}; {student} is not counted as late.")
            return None

    def holds_work(self, candidate: _Candidate, topic: str) -> bool:
        try:
            data = Submission("", topic, candidate.path, folder=candidate.root).read()
        except SubmissionError:
            return True
        return self.work.is_in(data, candidate.path.name, topic)

    @cached_property
    def work(self) -> ExerciseWork:
        return ExerciseWork(self.course)


def submission_at(path: Path, course: Course, *, topic: str | None = None, student: str | None = None) -> Submission:
    """The submission that a single file is, with the files beside it that it uses.

    Args:
        path: the file.
        course: the course.
        topic: its topic; if None, what the file's name, its folder or its metadata say.
        student: the student; if None, the folder's name.

    Raises:
        SubmissionError: if there is no such file, or nothing says which topic it is for.
    """
    search = _Search(course)
    if not path.is_file():
        raise SubmissionError(f"{path}: there is no such file.")
    folder = path.absolute().parent
    if topic is None:
        search.look_at_file(path)
        if not search.candidates:
            remedy = "" if START_HAS_NO_TASKS in search.unrecognised[0] else " Name the topic."
            raise SubmissionError(f"{search.unrecognised[0]}{remedy}")
    else:
        search.add(_name(folder), topic, _Candidate(path, True, folder, path.resolve().parent))
    [key] = search.candidates
    found = search.choose(*key)
    return found if student is None else replace(found, student=student)


def files_of(submission: Submission, data: bytes, course: Course) -> tuple[tuple[HelperFile, ...], str]:
    """What lies in the working folder of a submission with these bytes: its helpers, and if it is a Python file, itself.

    Returns:
        The files, and the Python file's name in the working folder or "".
    """
    room = _room(course, submission.topic)
    helpers = read_helpers(submission.path, submission.helpers, room)
    if submission.path.suffix.lower() != ".py":
        return helpers, ""
    name = (
        submission.path.name if _printable(Path(submission.path.name)) == submission.path.name else f"{submission.topic}.py"
    )
    return (*helpers, HelperFile(name, data[:room])), name


def _room(course: Course, topic: str) -> int:
    """How many bytes of helpers there may be: half of the scratch folder."""
    return course.topics[topic].limits.scratch_mb << 19


def _entries(folder: Path) -> Iterator[Path]:
    """The contents of a folder, by name, without hidden files and the like."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        paths = []
    return (path for path in paths if not path.name.startswith(".") and path.name not in _IGNORED)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # in a folder that may not be looked into
        return False


def _name(folder: Path) -> str:
    return folder.resolve().name or "student"


def _not_utf8(name: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in name)


def _printable(path: Path) -> str:
    return _clean(str(path))


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() and not _not_utf8(c) else "�" for c in text)


_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?$")


def _submitted_at(folder: Path) -> datetime | None:
    """The time in timestamp.txt, as nbgrader writes it: `2027-02-02 15:58:23.948203 UTC`. Without a zone it is UTC.

    Raises:
        ValueError: if there is such a file but no time in it; the text says why.
    """
    try:
        data = _opened(folder / _TIME_FILE, folder, _MAX_TIMESTAMP)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:
        raise ValueError(_reason(error)) from error
    if data is None:
        raise ValueError("it holds more than a time like 2027-02-02 15:58:23 UTC")
    text = text_of(data).decode("utf-8", "replace").strip()
    match = _TIMESTAMP.match(text)
    try:
        if match:
            zone = match[3] if match[3] and match[3][0] in "+-" else "+00:00"
            when = datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)
            if 1970 <= when.year < 2200:
                return when
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"“{_clean(text[:40])}” is not a time like 2027-02-02 15:58:23 UTC")
