"""What is fuzzed: each reader of bytes that are not ours, as a function of the bytes. To add one, write a function below.

A target passes if it ends, within TIME and MEMORY, with a value or with an error of the kit's own. Its words are what its
format is made of. Its corpus is the folder tests/kit/fuzz/corpus/NAME: examples, and every input that once went wrong.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from autograder.course.cells import notebook_topic, notebook_version, read_cells, task_source
from autograder.course.course_file import Course, LatePolicy, TaskEntry, TopicEntry, load_course
from autograder.course.roster import folder_name, read_roster
from autograder.course.source_notes import source_notes
from autograder.course.unneeded_cells import unneeded_cells
from autograder.errors import AutogradeError
from autograder.gradebook.adjustments import load_adjustments
from autograder.gradebook.lateness import lateness
from autograder.gradebook.marks import extension_for
from autograder.grading.result_files import read_result, read_run
from autograder.grading.submissions import find_submissions
from autograder.intake.archive import UNREADABLE, read_source
from autograder.intake.collect import collect
from autograder.intake.collected import COLLECTED, Collected
from autograder.intake.handin import Context
from autograder.keys.key import read_key
from autograder.processes.protocol import Frames, decode_from_child
from autograder.records.jobs import HelperFile

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
SECONDS, SECONDS_PER_MB = 1.0, 10.0
MEGABYTES, TIMES_ITS_SIZE = 128, 64

_COURSE = Course(
    title="A course",
    topics={name: TopicEntry(title=name, number=1, tasks={"f": TaskEntry(points=1)}) for name in ("views", "autograd")},
    root=Path(),
)


@dataclass(frozen=True)
class Target:
    """A reader. `run` gets the bytes and an empty folder for files."""

    name: str
    run: Callable[[bytes, Path], object]
    words: tuple[bytes, ...]

    def corpus(self) -> dict[str, bytes]:
        """Its examples, by name."""
        return {path.name: path.read_bytes() for path in sorted((CORPUS / self.name).glob("*"))}


TARGETS: dict[str, Target] = {}


def _target(words: str) -> Callable[[Callable[[bytes, Path], object]], Callable[[bytes, Path], object]]:
    """Register a target with its words: split at blanks; ␣ is a blank in a word."""

    def register(run: Callable[[bytes, Path], object]) -> Callable[[bytes, Path], object]:
        name = run.__name__.lstrip("_")
        TARGETS[name] = Target(name, run, tuple(word.replace("␣", " ").encode() for word in words.split(" ") if word))
        return run

    return register


class TooMuch(AssertionError):
    """A reader took more time or memory than its input is worth."""


def check(target: Target, data: bytes) -> None:
    """Give a reader some bytes.

    Raises:
        TooMuch: if that took too long or too much memory.
        Exception: any other one is a fault of the reader.
    """
    with tempfile.TemporaryDirectory(prefix="autograde-fuzz-") as folder:
        before = _forget_peak()
        started = time.process_time()
        with suppress(AutogradeError):
            target.run(data, Path(folder))
        took, grown = time.process_time() - started, _peak() - before
    if took > SECONDS + SECONDS_PER_MB * len(data) / 1e6:
        raise TooMuch(f"{target.name}: {len(data)} bytes took {took:.1f} s")
    if grown > (MEGABYTES << 20) + TIMES_ITS_SIZE * len(data):
        raise TooMuch(f"{target.name}: {len(data)} bytes took {grown >> 20} MB")


def _forget_peak() -> int:
    """Let the kernel measure the largest memory of this process anew; returns the current one in bytes (0: not Linux)."""
    if sys.platform != "linux":
        return 0
    Path("/proc/self/clear_refs").write_text("5")  # proc(5)
    return _peak()


def _peak() -> int:
    if sys.platform != "linux":
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) << 10


def _read_code(data: bytes, name: str) -> None:
    notebook_topic(data)
    notebook_version(data)
    cells = read_cells(data, name)
    for cell in cells:
        cell.source.encode()
    task_source(cells, "f")
    unneeded_cells(cells, {"a = 1"}, {"f"})
    "".join(source_notes(cells, (), [HelperFile("a.py", data)])).encode()


@_target(
    r'{ } [ ] : , " \\ "cells" "source" "cell_type" "code" "worksheets" "input" "metadata" "nbformat" 4 NaN -Infinity null '
    r'1e999 "\\ud800" "\\u" "autograde" "topic" "nbgrader" "solution" true'
)
def _notebook(data: bytes, folder: Path) -> None:
    _read_code(data, "a.ipynb")


@_target(
    "# %% [markdown] coding: utf-7 latin-1 def f(x): lambda lambda: elif if a: %magic x? !ls = ( ) [ ] \" ' ''' \\ \n \t \r "
    "\ufeff \x00 @ async global f\n pass\n return \n\n "
    "getattr(x, __import__( exec( .join([ + [::-1] \\ud800 import␣torch setattr(torch, "
)
def _python(data: bytes, folder: Path) -> None:
    _read_code(data, "a.py")


@_target("2027 -02 -31 : 15 23 .948203 UTC Z +14:00 -12:00 +99:99 0001 9999 T \n \ufeff")
def _timestamp(data: bytes, folder: Path) -> None:
    (folder / "ann").mkdir()
    (folder / "ann/views.py").write_text("a = 1")
    (folder / "ann/timestamp.txt").write_bytes(data)
    find_submissions([folder], _COURSE)


@_target(
    "title: topics: tasks: points: number: due: late: limits: draws: {a:1} [1] - & * << !!int !!float !!binary "
    "!!python/object | > ' \" # \n \n\n␣␣ 1e999 .nan ~ true 2027-03-01T12:00+00:00 0x 1:59 \t"
)
def _course(data: bytes, folder: Path) -> None:
    (folder / "course.yml").write_bytes(data)
    load_course(folder)


@_target(
    "-␣student: topic: views autograd task: f points: add: extension: 48h 999999w 9999-12-31T23:59-23:59 late_days: "
    "excused: at: comment: auto true & * << !!int 1e999 .inf 99999999 \" ' \n \n␣␣"
)
def _adjustments(data: bytes, folder: Path) -> None:
    (folder / "adjustments.yml").write_bytes(data)
    course = replace(_COURSE, root=folder)
    for decisions in load_adjustments(course).values():
        for topic in course.topics:
            extension = extension_for(course, topic, decisions)
            for when in (datetime.min, datetime.max):
                time = when.replace(tzinfo=UTC)
                lateness(LatePolicy(policy="per_day"), time, time, extension=extension)


@_target(
    "type observed observation check draw returned error tensor dtype float32 shape values device cpu hello layers loaded "
    "problem broken reason cell_finished note mapping sequence keys items \x00 \x7f"
)
def _protocol(data: bytes, folder: Path) -> None:
    frames = Frames(64 << 20)
    frames.feed(data)
    while (body := frames.next()) is not None:
        decode_from_child(body)


@_target("")
def _message(data: bytes, folder: Path) -> None:
    decode_from_child(data)


@_target("")
def _key(data: bytes, folder: Path) -> None:
    (folder / "a.key").write_bytes(data)
    read_key(folder / "a.key")


@_target("format_version topic seed device versions made_from public observations failures reference misconceptions tasks")
def _key_inside(data: bytes, folder: Path) -> None:
    """As `key`, but packed, and with the right checksum."""
    packed = zlib.compress(data)
    _key(b"autograde answer key\n" + hashlib.blake2b(packed, digest_size=32).digest() + packed, folder)


@_target(
    '{ } [ ] : , " "format_version" 1 "student" "topic" "tasks" "checks" "seed" 1e999 null "\\ud800" -1 "usage" '
    '"submission" "points"'
)
def _result(data: bytes, folder: Path) -> None:
    for name, read in {"views.json": read_result, "run.json": lambda path: read_run(path.parent)}.items():
        (folder / name).write_bytes(data)
        try:
            read(folder / name)
        except AutogradeError:
            continue


@_target('student name email id login also , ; \t \n \r " "" = @ # (1) Points␣Possible \ufeff \x00 / .. Last␣Name')
def _roster(data: bytes, folder: Path) -> None:
    (folder / "roster.csv").write_bytes(data)
    for person in read_roster(folder / "roster.csv").people:
        assert person.student == folder_name(person.student), person


@_target('student topic file counts submitted_at late sha256 handed_in_as who download , \n " \r \x00')
def _collected(data: bytes, folder: Path) -> None:
    (folder / COLLECTED).write_bytes(data)
    Collected.read(folder / COLLECTED)


@_target("PK\x03\x04 PK\x01\x02 PK\x05\x06 PK\x06\x06 \x00\x00 \x7f\x7f\x7f\x7f ../ / .zip a.py")
def _zip(data: bytes, folder: Path) -> None:
    (folder / "a.zip").write_bytes(data)
    _look_at(folder)


@_target(
    "/ // .. .git/ __MACOSX/ _assignsubmission_file_ _onlinetext_ 1234567 _LATE_ lastfirst views autograd .ipynb .py .zip "
    "(2) _attempt_ 2026-11-20-13-45-10 submission_1 submission_metadata.yml assignment_2_export "
    "Nov␣2,␣2026␣123␣PM ␣-␣ \t{} \t␤␣␣:submitters: ␤␣␣-␣ *a &a "
    "\n \ufeff Participant_ inbound + UTC : \\ timestamp.txt \x00 C: e\u0301"
)
def _names(data: bytes, folder: Path) -> None:
    """A download with these names in it: a line has a name, a tab, and the file's text with ␤ for its ends of lines."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same name twice is what students have, too
        for line in data.decode("utf-8", "replace").splitlines()[:200]:
            name, _, text = line.partition("\t")
            info = zipfile.ZipInfo()
            info.filename = name[:300] or "a"  # as it is: ZipInfo would cut it at a zero
            archive.writestr(info, text.replace("␤", "\n"))
    (folder / "a.zip").write_bytes(packed.getvalue())
    _look_at(folder)
    collect([folder / "a.zip"], _COURSE, folder / "out/submitted", roster=None, context=Context(("views", "autograd")))
    assert {path.name for path in folder.iterdir()} <= {"a.zip", "out"}
    assert {path.name for path in (folder / "out").glob("*")} <= {"submitted"}


def _look_at(folder: Path) -> None:
    with ExitStack() as stack:
        for entry in read_source(folder / "a.zip", stack).entries:
            try:
                entry.read(1 << 16)
            except UNREADABLE:
                continue
