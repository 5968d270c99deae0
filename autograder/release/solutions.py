"""The worked solutions in a release, as course.yml allows them: readable, sealed with a passphrase, or none.

Each topic's passphrase is derived from one secret of the course, `.autograde/solutions.secret`, 64 hexadecimal digits that
the first release draws. The same secret and sources give the same bytes (see `_sealing.py`), and a topic's passphrase stays
the same when its solutions change.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autograder._files import read_whole, write_whole
from autograder._sealing import Sealed, seal, unseal
from autograder._words import suggestion
from autograder.course.course_file import Course
from autograder.course.topic import load_topic
from autograder.errors import ReleaseError
from autograder.records.worked_solutions import SealedSolutions, TopicSolutions, WorkedSolution, solutions_file
from autograder.release.worked_source import worked_source

__all__ = [
    "SECRET_FILE",
    "closed_secrets",
    "current_files",
    "open_topics",
    "passphrase_of",
    "solution_files",
    "write_passphrase",
]

SECRET_FILE = Path(".autograde", "solutions.secret")
_SECRET = re.compile(r"[0-9a-f]{64}")
_PASSPHRASE_BYTES = 15
_GROUP = 4


def solution_files(course: Course, old: Path, *, new_secret: bool) -> dict[str, bytes]:
    """The release's files of worked solutions, by name.

    Args:
        course: the course.
        old: the release that is there, whose published passphrases are kept.
        new_secret: whether to draw the course's secret if there is none and no release depends on it.

    Raises:
        ReleaseError: if the secret is lost, damaged or another than the one that sealed the release.
        AuthoringError: if a topic's files have mistakes.
    """
    files = {}
    for name, entry in course.topics.items():
        if entry.solutions == "after_pass":
            files[solutions_file(name, "json")] = _readable(course, name)
        elif entry.solutions == "after_due":
            passphrase = _passphrase(_secret(course, old, new=new_secret), name)
            _same_secret(course, name, old, passphrase)
            files[solutions_file(name, "sealed")] = _sealed(course, name, passphrase)
            published = solutions_file(name, "passphrase")
            if (old / published).is_file():
                files[published] = f"{passphrase}\n".encode()
    return files


def current_files(folder: Path) -> dict[str, bytes]:
    """A release's files of worked solutions as they are, by name."""
    paths = [path for path in sorted(folder.glob("solutions/*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): read_whole(path) for path in paths}


def passphrase_of(course: Course, topic: str, release: Path) -> str:
    """The passphrase that opens a topic's sealed solutions.

    Raises:
        ReleaseError: if the course has no such topic, its solutions are not sealed, or the secret is not there.
    """
    if topic not in course.topics:
        raise ReleaseError(f"--open {topic}: the course has no such topic; {suggestion(topic, course.topics)}")
    policy = course.topics[topic].solutions
    if policy != "after_due":
        raise ReleaseError(
            f"--open {topic}: its solutions are not sealed, since course.yml says `solutions: {policy}`; "
            "only those with `solutions: after_due` have a passphrase."
        )
    passphrase = _passphrase(_secret(course, release, new=False), topic)
    _same_secret(course, topic, release, passphrase)
    return passphrase


def write_passphrase(topic: str, passphrase: str, release: Path) -> Path:
    """Write a topic's passphrase into the release, which opens its solutions to whoever gets it; returns the file.

    Raises:
        ReleaseError: if the release has no sealed solutions of the topic.
    """
    if not (release / solutions_file(topic, "sealed")).is_file():
        raise ReleaseError(f"{release} has no sealed solutions of {topic}; run `autograde release` first.")
    path = release / solutions_file(topic, "passphrase")
    write_whole(path, f"{passphrase}\n".encode())
    return path


def open_topics(course: Course) -> list[str]:
    """The topics whose solutions are readable in the release."""
    return [name for name, entry in course.topics.items() if entry.solutions == "after_pass"]


def closed_secrets(course: Course, release: Path) -> dict[str, str]:
    """What must not be in the release, by what it is: the course's secret, and passphrases that were not published."""
    path = course.root / SECRET_FILE
    if not path.is_file():
        return {}
    secret = _read_secret(path)
    closed = {f"the course's secret ({SECRET_FILE.as_posix()})": secret.hex()}
    for name in course.topics:
        if not (release / solutions_file(name, "passphrase")).is_file():
            closed[f"the passphrase of {name}"] = _passphrase(secret, name)
    return closed


def _readable(course: Course, name: str) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_worked(course, name)), indent=1) + b"\n"


def _worked(course: Course, name: str) -> TopicSolutions:
    topic = load_topic(course, name)
    tasks = {}
    at_once = course.topics[name].solutions == "after_pass"
    for task, entry in course.topics[name].tasks.items():
        never_opens = at_once and entry.only_form
        if task in topic.definitions | topic.marked and not never_opens:
            sentences = [spec.feedback for spec in topic.misconceptions if spec.task == task]
            source = worked_source(course.root / "solutions" / f"{name}.py", task, set(course.topics[name].tasks))
            tasks[task] = WorkedSolution(source=source, mistakes=list(dict.fromkeys(sentences)))
    return TopicSolutions(topic=name, tasks=tasks)


def _sealed(course: Course, name: str, passphrase: str) -> bytes:
    sealed = seal(_readable(course, name), passphrase)
    record = SealedSolutions(topic=name, salt=sealed.salt, sealed=sealed.data)
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def _passphrase(secret: bytes, topic: str) -> str:
    """24 letters and digits in groups of four: 120 bits."""
    derived = hmac.digest(secret, f"worked solutions of {topic}".encode(), hashlib.sha256)[:_PASSPHRASE_BYTES]
    letters = base64.b32encode(derived).decode().lower()
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def _secret(course: Course, release: Path, *, new: bool) -> bytes:
    path = course.root / SECRET_FILE
    if path.is_file():
        return _read_secret(path)
    if sealed := next(_sealed_in(release), None):
        raise ReleaseError(
            f"{path} is lost, but {sealed} was sealed with it; restore it from a copy. If there is none, delete "
            f"{sealed.parent} and run `autograde release`: there will be new passphrases, for the new release only."
        )
    if not new:
        raise ReleaseError(f"{path} is not there yet, so nothing was sealed; run `autograde release`, which draws it.")
    secret = secrets.token_bytes(32)
    write_whole(path.parent / ".gitignore", b"*\n")
    write_whole(path, f"{secret.hex()}\n".encode(), mode=0o600)
    return secret


def _read_secret(path: Path) -> bytes:
    text = read_whole(path).decode("ascii", errors="replace").strip()
    if not _SECRET.fullmatch(text):
        raise ReleaseError(f"{path}: is damaged, not 64 hexadecimal digits; restore it from a copy.")
    return bytes.fromhex(text)


def _same_secret(course: Course, name: str, release: Path, passphrase: str) -> None:
    path = release / solutions_file(name, "sealed")
    if not path.is_file():
        return
    try:
        record = msgspec.json.decode(read_whole(path), type=SealedSolutions)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return  # damaged; it will be written again
    if unseal(Sealed(record.salt, record.sealed), passphrase) is None:
        raise ReleaseError(
            f"{path} was not sealed with {course.root / SECRET_FILE}, or was changed; restore the right secret, or delete "
            f"{path} and run `autograde release` to seal it anew, for the new release only."
        )


def _sealed_in(release: Path) -> Iterator[Path]:
    yield from sorted(release.glob("solutions/*.sealed"))
