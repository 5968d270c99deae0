"""Makes submitted/ out of downloads: STUDENT/TOPIC/TOPIC.ipynb, its helper files and timestamp.txt.

The latest attempt counts. What came before is in .earlier/, what belongs to nobody in .unassigned/; `grade` looks into
neither. collected.csv says of each file where it came from, when it was handed in, and whether it counts.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import IO

from autograder._files import naming, read_whole, write_whole
from autograder._words import counted
from autograder.course.course_file import Course
from autograder.course.exercise_work import ExerciseWork
from autograder.course.file_names import split_duplicate, start_note, topic_in, topic_named
from autograder.course.roster import Roster, folder_name
from autograder.errors import SubmissionError
from autograder.intake.archive import SUBMISSION_ENDINGS, UNREADABLE, Entry, Source, read_source, shown
from autograder.intake.collected import COLLECTED, Collected, Row
from autograder.intake.doubts import late_without_time, topics_without_times, under_two_names
from autograder.intake.formats import read_handins, recognise, title_of
from autograder.intake.handin import Context, File, Handin
from autograder.intake.names import is_start_notebook, is_submission_name, submissions_in, why_none
from autograder.intake.people import People

__all__ = ["Collection", "collect"]

_CHUNK = 1 << 20
_EARLIER = ".earlier"
_UNASSIGNED = ".unassigned"
_LONGEST_NAME = 120
_MOST_READ = 64 << 20
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass
class Collection:
    """What `collect` did: what each download was, the submissions by what became of them, and sentences about the rest."""

    downloads: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    students: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


_Order = tuple[bool, datetime, int, int, bool, bool, int, bool]


@dataclass(frozen=True)
class _Candidate:
    """A file that may be a student's submission for a topic; or `others`, what was handed in instead of one, the first
    of which is `file`. The greatest `order` counts: the latest that can be graded, or else the latest."""

    student: str
    topic: str
    file: File
    handin: Handin
    who: str
    download: str
    order: _Order
    others: tuple[File, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.student}/{self.topic}"


def collect(
    paths: Sequence[Path],
    course: Course,
    out: Path,
    *,
    roster: Roster | None,
    form: str | None = None,
    topic: str | None = None,
    context: Context,
) -> Collection:
    """Read downloads into a class's folder. Running it again changes nothing; a later download adds what is new.

    Args:
        paths: folders and zips.
        course: the course whose topics are looked for.
        out: the class's folder.
        roster: who is in the class; if None, everybody in the downloads.
        form: the downloads' format; recognised if None.
        topic: the topic of notebooks that do not say it.
        context: the course's topics, and the zone of times that have none.

    Raises:
        SubmissionError: if a download cannot be read, or has not the format; or if `out` is a file.
    """
    if out.exists() and not out.is_dir():
        raise SubmissionError(f"{out}: is a file, not the class's folder; name another one with -o.")
    log = Collected.read(out / COLLECTED)
    reserved = (*course.topics, COLLECTED)
    people = People(roster, log.known(), reserved)
    collector = _Collector(course, out, people, log, topic)
    with ExitStack() as stack:
        for number, path in enumerate(paths):
            if path.resolve() == out.resolve():
                raise SubmissionError(f"{path}: is the folder to collect into; name another one with -o.")
            source = read_source(path, stack)
            name = form or recognise(source)
            collector.take(number, name, source, context)
        try:
            collector.place()
        finally:
            log.write()
    result = collector.result
    result.late += late_without_time(log, out, result.students)
    result.undated += topics_without_times(course, log, out)
    result.notes += under_two_names(log, out, result.students)
    if collector.starts:
        result.notes.append(start_note(list(collector.starts)))
    if roster:
        there = result.students | {row["student"] for row in log.rows.values()}
        result.missing = [each.student for each in roster.people if each.student not in there]
    return result


@dataclass(frozen=True)
class _Other:
    """A hand-in that holds no submission; whose it is in the download with this number and name."""

    student: str
    number: int
    handin: Handin
    files: Sequence[File]
    who: str
    download: str

    def for_topic(self, topic: str, files: Sequence[File]) -> _Candidate:
        when = self.handin.when or _UNDATED
        order = (False, when, self.number, self.handin.attempt, False, False, 0, False)
        return _Candidate(self.student, topic, files[0], self.handin, self.who, self.download, order, tuple(files))


@dataclass
class _Collector:
    course: Course
    out: Path
    people: People
    log: Collected
    topic: str | None
    result: Collection = field(default_factory=Collection)
    candidates: dict[str, list[_Candidate]] = field(default_factory=dict)
    digests: dict[Entry, str] = field(default_factory=dict)
    starts: dict[str, None] = field(default_factory=dict)
    others: list[_Other] = field(default_factory=list)

    @cached_property
    def work(self) -> ExerciseWork:
        return ExerciseWork(self.course)

    def take(self, number: int, form: str, source: Source, context: Context) -> None:
        """Assign the hand-ins of a download."""
        reading = read_handins(source, form, context)
        self.result.downloads.append(f"{shown(str(source.path))}: {title_of(form)}")
        if not reading.handins:
            likely = recognise(source)
            hint = f"it is {title_of(likely)}" if likely != form else "name the format with --from"
            raise SubmissionError(f"{shown(str(source.path))}: nothing in it is named as in {title_of(form)}; {hint}.")
        for (_, reason), group in groupby(reading.strays, key=lambda stray: (stray[0].parts[0], stray[1])):
            strays = [entry for entry, _ in group]
            for entry in strays:
                source.left_out.pop(entry.shown, "")
            self.set_aside(source, strays, reason)
        students = self.people.assign(form, [handin.who for handin in reading.handins])
        for handin in reading.handins:
            student = students[handin.who.key]
            if student is None:
                self.set_aside(source, [file.entry for file in handin.files], self.people.why_not(handin.who))
            else:
                self.result.students.add(student)
                self.take_handin(number, student, handin, f"{form} {handin.who.key}", source)
        for name, reason in source.left_out.items():
            self.leave_out(name, reason)

    def take_handin(self, number: int, student: str, handin: Handin, who: str, source: Source) -> None:
        """Find the submissions among the files of a hand-in, and keep the rest where an instructor finds it."""
        topics = submissions_in(handin, self.course.topics, self.topic)
        several = {topic for topic, files in Counter(topic for _, topic, *_ in topics).items() if files > 1}
        for file, topic, copy, exact in topics:
            when = handin.when or _UNDATED
            work = topic not in several or self.holds_work(file, topic)
            order = (True, when, number, handin.attempt, work, file.path.suffix.lower() == ".ipynb", copy, exact)
            candidate = _Candidate(student, topic, file, handin, who, source.path.name, order)
            self.candidates.setdefault(candidate.place, []).append(candidate)
        taken = {file.path for file, *_ in topics}
        starts = [file for file in handin.files if is_start_notebook(file, self.course.topics)]
        if starts:
            self.starts[student] = None
            if len(starts) == len(handin.files):
                return
        others = [file for file in handin.files if file.path not in taken and file not in starts]
        notebooks = [file for file in others if file.path.suffix.lower() == ".ipynb"]
        for file in notebooks:
            self.leave_out(f"{file.entry.shown}, of {student}", why_none(file, self.course.topics))
        if not topics:
            rest = [file for file in others if file not in notebooks]
            self.leave_out_rest(source, student, rest, silent=bool(notebooks))
        if topics:
            for file in notebooks:
                self.write(file.entry, self.out / student / _safe(file.path))
        elif others:
            self.others.append(_Other(student, number, handin, others, who, source.path.name))

    def holds_work(self, file: File, topic: str) -> bool:
        """Whether anything but stubs is in a file; also if that cannot be told."""
        try:
            return self.work.is_in(file.entry.read(_MOST_READ), file.path.name, topic)
        except UNREADABLE:
            return True

    def leave_out_rest(self, source: Source, student: str, files: Sequence[File], *, silent: bool) -> None:
        """Say in a line what a hand-in without a submission consists of."""
        for file in files:
            if reason := source.left_out.pop(file.entry.shown, ""):
                self.leave_out(f"{file.entry.shown}, of {student}", reason)
                silent = True
        if files and not silent:
            self.leave_out(
                f"{_with_more([file.entry for file in files])}, of {student}", why_none(files[0], self.course.topics)
            )

    def set_aside(self, source: Source, entries: Sequence[Entry], reason: str) -> None:
        """Keep files that belong to nobody, and say why."""
        if entries:
            self.leave_out(_with_more(entries), reason)
        for entry in entries:
            self.write(entry, self.out / _UNASSIGNED / _safe(PurePosixPath(source.name, *entry.parts)))

    def leave_out(self, what: str, reason: str) -> None:
        self.result.left_out.append(shown(f"{what}: {reason}{'' if reason.endswith('?') else '.'}"))

    def place(self) -> None:
        """Write for each student and topic the latest attempt, and what came before beside it."""
        self.find_topics_of_others()
        for place in sorted(self.candidates):
            attempts = sorted(self.of_one_person(self.candidates[place]), key=lambda each: each.order)
            for each in attempts[:-1]:
                if each.others and not attempts[-1].others:
                    self.place_beside(each, counts=False)
                elif not self.same_file(each, attempts[-1]):
                    self.keep_earlier(each, whole=each.handin is not attempts[-1].handin)
            if attempts and attempts[-1].others:
                self.place_others(attempts[-1])
            elif attempts:
                self.place_latest(attempts[-1])

    def find_topics_of_others(self) -> None:
        """Take what was handed in instead of a submission for the topic that its name is, else for the one that the
        assignment says or all of the download is for, else for one that its name contains. What says no topic is kept in
        the student's folder."""
        topics = self.course.topics
        in_download: dict[int, set[str]] = {}
        for each in (each for found in self.candidates.values() for each in found):
            in_download.setdefault(each.order[2], set()).add(each.topic)
        for other in self.others:
            here = in_download.get(other.number, set())
            said = self.topic or topic_in(other.handin.assignment, topics) or (next(iter(here)) if len(here) == 1 else None)
            named = [topic_named(file.path.stem, topics) or said or topic_in(file.path.stem, topics) for file in other.files]
            default = next(filter(None, named), None)
            by_topic: dict[str | None, list[File]] = {}
            for file, topic in zip(other.files, named, strict=True):
                by_topic.setdefault(topic or default, []).append(file)
            for topic, found in by_topic.items():
                files = [file for file in found if self.digest(file.entry) is not None]
                if topic and files:
                    candidate = other.for_topic(topic, sorted(files, key=lambda file: not is_submission_name(file)))
                    self.candidates.setdefault(candidate.place, []).append(candidate)
                else:
                    self.keep_beside(other.student, files)

    def keep_beside(self, student: str, files: Sequence[File]) -> list[Path]:
        """Keep in a student's folder what is not a submission. Returns where."""
        kept = (self.write(file.entry, self.out / student / _safe(file.path)) for file in files)
        return [path for path in kept if path is not None]

    def of_one_person(self, attempts: list[_Candidate]) -> list[_Candidate]:
        """The attempts of the person whose folder it is. Without a roster, a namesake may be among them."""
        old = self.log.counting(attempts[0].student, attempts[0].topic)
        form = attempts[0].who.partition(" ")[0]
        owner = old["who"] if old and old["who"].startswith(f"{form} ") else attempts[0].who
        if self.people.roster:
            return attempts
        own = []
        for each in attempts:
            if each.who == owner or not each.who.startswith(f"{form} "):
                own.append(each)
            else:
                self.leave_out(
                    each.file.entry.shown,
                    f"it is by another person of the name “{each.student}” ({each.who}, not {owner}); a roster would tell "
                    "them apart",
                )
                for file in each.others or (each.file,):
                    self.write(file.entry, self.out / _UNASSIGNED / _safe(PurePosixPath(each.who, *file.path.parts)))
        return own

    def same_file(self, one: _Candidate, other: _Candidate) -> bool:
        return self.digest(one.file.entry) == self.digest(other.file.entry) and one.handin.when == other.handin.when

    def place_others(self, latest: _Candidate) -> None:
        """Keep what cannot be graded in the folder of its topic, so that `grade` sees that something was handed in. It is
        kept in the student's folder if a submission is there, and if `grade` would take it for one."""
        folder = self.out / latest.student / latest.topic
        old = self.log.counting(latest.student, latest.topic)
        same = old is not None and old["sha256"] == _digest_of_all(self.wanted(self.files_of(latest)))
        if not same and any(path.suffix.lower() in SUBMISSION_ENDINGS for path in _files_in(folder)):
            self.place_beside(latest, counts=False)
        elif any(map(is_submission_name, latest.others)):
            when = latest.handin.when
            self.place_beside(latest, counts=old is None or when is None or old["submitted_at"] <= _stamp(when))
        else:
            self.place_latest(latest)

    def place_beside(self, attempt: _Candidate, *, counts: bool) -> None:
        """Keep in the student's folder what cannot be graded, and write down where it came from."""
        digest = _digest_of_all(self.wanted(self.files_of(attempt)))
        for path in self.keep_beside(attempt.student, attempt.others)[:1]:
            self.note(attempt, path.relative_to(self.out).as_posix(), digest, counts=counts)

    def wanted(self, files: dict[Path, Entry]) -> dict[Path, str]:
        """The hashes of files that can be read."""
        return {path: digest for path, entry in files.items() if (digest := self.digest(entry))}

    def place_latest(self, latest: _Candidate) -> None:
        """Write the attempt that counts, unless it is there already, a later one is, or an instructor has changed it."""
        if self.digest(latest.file.entry) is None:
            return
        folder = self.out / latest.student / latest.topic
        files = self.files_of(latest)
        wanted = self.wanted(files)
        digest = _digest_of_all(wanted)
        old = self.log.counting(latest.student, latest.topic) if folder.exists() else None
        when = latest.handin.when
        done = Collection() if latest.others else self.result  # which counts submissions
        if old and old["sha256"] == digest:
            done.unchanged.append(latest.place)
            if not old["in_download"] and old["who"] == latest.who:
                self.log.keep(old | {"in_download": shown(_unlike_a_formula("/".join(latest.file.entry.parts)))})
            changed = [str(path) for path in wanted if self.digest_of(folder / path) != wanted[path]]
            if changed:
                names = shown(", ".join(changed))
                self.result.notes.append(f"{folder}: {names} was changed since it was collected, and stays as it is.")
            return
        if old and when and old["submitted_at"] > _stamp(when) and (latest.others or _is_submission(old)):
            done.unchanged.append(latest.place)
            self.keep_earlier(latest, whole=True)
            return
        if old and not when and self.log.was_replaced(latest.student, latest.topic, digest):
            done.unchanged.append(latest.place)
            self.result.notes.append(
                f"{latest.place}: what {shown(latest.download)} holds was replaced by a later attempt before, and stays so."
            )
            return
        if not folder.exists():
            done.new.append(latest.place)
        elif all(self.digest_of(folder / path) == wanted[path] for path in wanted):
            done.unchanged.append(latest.place)
        else:
            done.replaced.append(latest.place)
            self.move_aside(folder, old)
        for path in wanted:
            self.write(files[path], folder / path)
        if when:
            self.write_time(folder / "timestamp.txt", when)
        self.note(latest, f"{latest.place}/{next(iter(files))}", digest, counts=True)

    def files_of(self, latest: _Candidate) -> dict[Path, Entry]:
        """What belongs into a topic's folder: the submission, then its helpers at the same place as seen from it."""
        if latest.others:
            return _placed({}, ((_safe(file.path), file.entry) for file in latest.others))
        base = latest.file.path.parent
        files = {Path(f"{latest.topic}{latest.file.path.suffix.lower()}"): latest.file.entry}
        helpers = []
        for file in latest.handin.files:
            ending = file.path.suffix.lower()
            submission = ending == ".py" and topic_named(split_duplicate(file.path.stem)[0], self.course.topics)
            if ending == ".ipynb" or submission or file.path == latest.file.path:
                continue
            path = _safe(file.path.relative_to(base) if file.path.is_relative_to(base) else file.path)
            helpers.append((path, file.entry))
        return _placed(files, helpers)

    def keep_earlier(self, attempt: _Candidate, *, whole: bool) -> None:
        """Keep an attempt that does not count: with its helpers, if it is a hand-in of its own."""
        digest = self.digest(attempt.file.entry)
        if digest is None:
            return
        stamp = f"{attempt.handin.when:%Y-%m-%d %H.%M.%S}" if attempt.handin.when else "undated"
        folder = self.out / _EARLIER / attempt.student / attempt.topic / f"{stamp} {digest[:8]}"
        first, *more = self.files_of(attempt).items()
        target = folder / (first[0] if attempt.others else _safe(PurePosixPath(attempt.file.path.name)))
        if self.write(attempt.file.entry, target):
            self.note(attempt, target.relative_to(self.out).as_posix(), digest, counts=False)
        for path, entry in more if whole else []:
            self.write(entry, folder / path)

    def move_aside(self, folder: Path, old: dict[str, str] | None) -> None:
        """Move a folder that a later attempt replaces to the earlier ones."""
        name = (old["submitted_at"].replace(":", ".").removesuffix(" UTC") if old else "") or "undated"
        above = self.out / _EARLIER / folder.relative_to(self.out)
        number = 1
        while (target := above / f"{name}{f' ({number})' if number > 1 else ''}").exists():
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        if old:
            self.log.move(old, target.relative_to(self.out).as_posix())

    def note(self, attempt: _Candidate, file: str, digest: str, *, counts: bool) -> None:
        """Write down where a file came from."""
        when = attempt.handin.when
        row = {
            "student": attempt.student,
            "topic": attempt.topic,
            "file": file,
            "counts": "yes" if counts else "",
            "submitted_at": _stamp(when) if when else "",
            "late": "yes" if attempt.handin.late else "",
            "sha256": digest,
            "handed_in_as": _unlike_a_formula(str(attempt.file.path)),
            "who": attempt.who,
            "download": attempt.download,
            "in_download": _unlike_a_formula("/".join(attempt.file.entry.parts)),
        }
        self.log.keep({name: shown(text) for name, text in row.items()})

    def write_time(self, path: Path, when: datetime) -> None:
        data = f"{_stamp(when)}\n".encode()
        if not path.exists() or read_whole(path) != data:
            write_whole(path, data)

    def write(self, entry: Entry, target: Path) -> Path | None:
        """Copy a file; None if it is damaged. One with other content that is there already is not overwritten: the copy
        gets another name, which is returned."""
        try:
            digest = self.digest(entry)
            if digest is None:
                return None
            number = 1
            path = target
            while path.exists() or path.is_symlink():
                if self.digest_of(path) == digest:
                    return path
                number += 1
                path = target.with_name(f"{target.stem} ({number}){target.suffix}")
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{number}.part")
            try:
                with naming(path), entry.opened() as file, part.open("wb") as copy:
                    shutil.copyfileobj(file, copy, _CHUNK)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except (FileExistsError, NotADirectoryError):  # a file is called like the folder that it needs
            if target.is_relative_to(self.out / _UNASSIGNED):
                raise
            names = "_".join(target.relative_to(self.out).parts)
            return self.write(entry, self.out / _UNASSIGNED / _safe(PurePosixPath(names)))
        return path

    def digest(self, entry: Entry) -> str | None:
        """The hash of a file in a download; None if it is damaged, which is listed."""
        known = self.digests.get(entry)
        if known is not None:
            return known or None
        try:
            with entry.opened() as file:
                digest = _hash(file)
        except UNREADABLE as error:
            self.leave_out(entry.shown, f"it is damaged, or cannot be read ({shown(str(error))[:100].rstrip('.')})")
            digest = ""
        self.digests[entry] = digest
        return digest or None

    def digest_of(self, path: Path) -> str | None:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            return _hash(file)


def _placed(files: dict[Path, Entry], more: Iterable[tuple[Path, Entry]]) -> dict[Path, Entry]:
    """Files by their paths, and more of them; of two with one path, the second gets a number."""
    placed = dict(files)
    for path, entry in more:
        number = 1
        while (free := path.with_name(f"{path.stem} ({number}){path.suffix}") if number > 1 else path) in placed:
            number += 1
        placed[free] = entry
    return placed


def _digest_of_all(wanted: dict[Path, str]) -> str:
    return hashlib.sha256("\n".join(f"{wanted[path]} {path}" for path in sorted(wanted)).encode()).hexdigest()


def _is_submission(row: Row) -> bool:
    """Whether the hand-in of a row is in the folder of its topic and can be graded."""
    return row["file"].startswith(f"{row['student']}/{row['topic']}/") and row["file"].lower().endswith(SUBMISSION_ENDINGS)


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _safe(path: PurePosixPath) -> Path:
    """A path of names that every system can write, inside the folder that it is put into."""
    names = [_safe_name(part) for part in path.parts]
    if names[-1].lower() == "timestamp.txt":  # which would say when it was handed in
        names[-1] = "timestamp (the student's).txt"
    return Path(*names)


def _safe_name(name: str) -> str:
    """A file's name as it is, if every system can write it; shortened before its ending."""
    if name.isprintable() and not set(name) & set("/\\") and len(name.encode()) <= _LONGEST_NAME and name.strip(". "):
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{folder_name(stem)}{dot}{folder_name(ending)}".strip(". ") or "_"


def _with_more(entries: Sequence[Entry]) -> str:
    """The first of several files, and how many more there are."""
    more = f" and {counted(len(entries) - 1, 'more file')}" if len(entries) > 1 else ""
    return f"{entries[0].shown}{more}"


def _stamp(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _hash(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _unlike_a_formula(path: str) -> str:
    """A path that no spreadsheet takes for a formula."""
    return f"'{path}" if path[0] in "=+-@" else path
