"""`autograde export-nbgrader`: a course folder in which nbgrader's own commands work and give autograde's scores.

nbgrader_config.py            tells nbgrader to grade with autograde (see `config`)
gradebook.db                  the topics with their due times; or they are in another database
source/TOPIC/TOPIC.ipynb      the released notebook, with what `check` needs beside it
submitted/STUDENT/TOPIC/      a class's submissions, if there are any

The folder holds nothing private. nbgrader's autograde step reads what is private from the original course.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import nbformat

from autograder._files import read_whole, write_whole
from autograder._temporary import TemporaryFolder
from autograder.course.course_file import Course
from autograder.course.helper_files import read_helpers
from autograder.errors import ReleaseError
from autograder.grading.submissions import MAX_FILE_MB, Submission
from autograder.nbgrader.config import CONFIG_FILE, kept_settings, new_settings, write_config
from autograder.nbgrader.database import open_gradebook, require_database
from autograder.nbgrader.notebooks import as_notebook
from autograder.processes.pool import Pool
from autograder.records.course_card import COURSE_FILE, CourseCard
from autograder.release.build import build

__all__ = ["Exported", "add_submissions", "export"]

_SECRET = "submission_secret.txt"
_LONGEST_SECRET = 1000


@dataclass(frozen=True)
class Exported:
    """The names of the assignments, and sentences about an nbgrader_config.py that was kept."""

    assignments: tuple[str, ...]
    notes: tuple[str, ...]


def export(course: Course, pool: Pool, out: Path, *, seed: int | None = None, db_url: str = "") -> Exported:
    """Write an nbgrader course.

    Args:
        course: the course.
        pool: runs what the release's keys need.
        out: the folder; created if missing, and refused if it holds anything but an earlier export. Its
            nbgrader_config.py is never overwritten.
        seed: the seed of the grading run; if None, that of an earlier export, or a new one.
        db_url: the URL of nbgrader's database; if empty, that of nbgrader_config.py, or a file in the folder.

    Raises:
        AutogradeError: if `seed` or `db_url` are not those in the nbgrader_config.py there, or there is no such database.
        ReleaseError: if the folder holds something else, or the release would hold something private.
        AuthoringError: if a topic's files have mistakes.
    """
    there = (out / CONFIG_FILE).exists()
    if not there and out.exists() and any(out.iterdir()):
        raise ReleaseError(f"{out} holds files, but no nbgrader course of autograde's; name an empty folder with -o.")
    drawn = 1 + secrets.randbelow(2**31 - 1)
    settings = new_settings(course, out, db_url=db_url, seed=drawn if seed is None else seed)
    notes: list[str] = []
    if there:
        settings, notes = kept_settings(out, settings, seed_given=seed is not None, db_url_given=bool(db_url))
    require_database(settings.db_url, folder=out)
    with TemporaryFolder() as folder:
        fresh = folder / "release"
        build(course, pool, fresh)
        for name in course.topics:
            target = out / "source" / name
            shutil.rmtree(target, ignore_errors=True)
            _write_source(fresh, name, course.notebook(name), target)
    if not there:
        write_config(out, settings)
    with open_gradebook(settings.db_url, settings.course_id, folder=out) as gradebook:
        for name, topic in course.topics.items():
            due = {"duedate": topic.due.isoformat()} if topic.due else {}
            gradebook.update_or_create_assignment(name, **due)
    return Exported(tuple(course.topics), tuple(notes))


def _write_source(fresh: Path, name: str, notebook: str, target: Path) -> None:
    """Write the assignment of one topic: the only folder that nbgrader gives to students. Its notebook has no number."""
    target.mkdir(parents=True)
    shutil.copyfile(fresh / notebook, target / f"{name}.ipynb")
    card = msgspec.json.decode((fresh / COURSE_FILE).read_bytes(), type=CourseCard)
    own = card.topics[name].data
    data = card.data if own is None else own
    for path in ("requirements.txt", f"keys/{name}.key", f"checks/test_{name}.py", f"hints/{name}.yml", *data):
        if (fresh / path).exists():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / path, target / path)
    if (fresh / "wheels").exists():
        shutil.copytree(fresh / "wheels", target / "wheels")
    topic = msgspec.structs.replace(card.topics[name], notebook="")
    card = msgspec.structs.replace(card, topics={name: topic}, data=data)
    write_whole(target / COURSE_FILE, msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def add_submissions(submissions: Iterable[Submission], out: Path) -> list[str]:
    """Put a class's submissions where nbgrader looks for them, with the files that they use. Returns a sentence about each
    one that had to be changed (see `as_notebook`).

    `nbgrader release_feedback` needs a submission's time and its secret, which names its feedback in the exchange. The
    secret is the one beside the submission, or that of an earlier export, or a new one.
    """
    notes = []
    for submission in submissions:
        folder = out / "submitted" / submission.student / submission.topic
        notebook, note = as_notebook(submission)
        if note:
            notes.append(f"{submission.student}, {submission.topic}: {note}")
        write_whole(folder / f"{submission.topic}.ipynb", (nbformat.writes(notebook) + "\n").encode())  # type: ignore[no-untyped-call]
        for helper in read_helpers(submission.path, submission.helpers, MAX_FILE_MB << 20):
            write_whole(folder / helper.name, helper.content)
        when = submission.submitted_at
        write_whole(folder / "timestamp.txt", f"{when:%Y-%m-%d %H:%M:%S %z}\n".encode() if when else b"")
        if (secret := _secret_of(submission)) or not (folder / _SECRET).exists():
            write_whole(folder / _SECRET, secret or secrets.token_hex(64).encode(), mode=0o600)
    return notes


def _secret_of(submission: Submission) -> bytes:
    """The secret beside a submission that came through nbgrader's exchange, or nothing."""
    with contextlib.suppress(OSError):
        path = (submission.path.parent / _SECRET).resolve(strict=True)
        root = (submission.folder or submission.path.parent).resolve()
        if path.is_relative_to(root) and path.stat().st_size <= _LONGEST_SECRET:
            return read_whole(path).strip()
    return b""
