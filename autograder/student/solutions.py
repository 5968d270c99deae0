"""A worked solution from the release, if the course has it open by now. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from autograder._files import decode_versioned, read_whole, write_whole
from autograder._sealing import Sealed, unseal
from autograder._words import suggestion
from autograder.errors import RequestError
from autograder.records.course_card import TopicCard
from autograder.records.worked_solutions import FORMAT_VERSION, SealedSolutions, TopicSolutions, solutions_file
from autograder.student.lookup import topic_meant
from autograder.student.released import find_release
from autograder.student.store import Store
from autograder.student.view import SolutionView

__all__ = ["worked_solution"]

T = TypeVar("T")


def worked_solution(
    task: str,
    topic: str = "",
    passphrase: str = "",
    namespace: Mapping[str, Any] | None = None,
    *,
    sealed: str = 'autograde solution {} --passphrase "…"',
    check: str = "autograde check",
) -> SolutionView:
    """A task's solution.

    A passphrase that was right is kept in the release's folder, so that it need not be given again.

    Args:
        task: the task's name.
        topic: its topic's name, if that is not clear.
        passphrase: what the instructor published; empty if it was not given.
        namespace: the student's names, if there are any.
        sealed: how to ask for a sealed solution; `{}` stands for the task.
        check: how to check the task, likewise.

    Raises:
        RequestError: if there is no such task, it is a prediction, its solution is closed, or the passphrase is wrong.
        AutogradeError: if a package is missing; the text says what to install.
    """
    release = find_release()
    name = topic_meant(release, [task], topic, namespace or {})
    card = release.card.topics[name]
    if task not in card.tasks:
        raise RequestError(f"There is no task {task!r} in {name}; {suggestion(task, card.tasks)}")
    if card.tasks[task].kind == "variable":
        raise RequestError(
            f"{task} is a value, not code, so it has no worked solution; run the lines it is about and compare."
        )
    if card.solutions == "never":
        raise RequestError(f"There are no worked solutions of {name}. Its hints may help, or ask your instructor.")
    if card.solutions == "after_pass":
        if card.tasks[task].only_form:
            raise RequestError(f"The solution of {task} stays closed: only grading says whether your own is right.")
        if Store(release.folder).task(name, task).state != "complete":
            raise RequestError(
                f"The solution of {task} opens once your own passes all visible checks; run {check.format(task)} first."
            )
        path = release.folder / solutions_file(name, "json")
        solutions = _decoded(_bytes(path), TopicSolutions, path)
    else:
        solutions = _unsealed(release.folder, name, card, passphrase, sealed.format(task))
    if task not in solutions.tasks:
        raise RequestError(f"The release has no worked solution of {task}; take all files fresh from one release.")
    found = solutions.tasks[task]
    return SolutionView(task, found.source, tuple(found.mistakes))


def _unsealed(folder: Path, topic: str, card: TopicCard, passphrase: str, how: str) -> TopicSolutions:
    path = folder / solutions_file(topic, "sealed")
    record = _decoded(_bytes(path), SealedSolutions, path)
    kept = folder / solutions_file(topic, "passphrase")
    given = isinstance(passphrase, str) and passphrase.strip()
    words = passphrase if given else _kept(kept)
    if not words:
        due = f" It is due {card.due:%Y-%m-%d %H:%M}." if card.due else ""
        raise RequestError(
            f"The solutions of {topic} are sealed until your instructor publishes the passphrase.{due} Then write {how}."
        )
    text = unseal(Sealed(record.salt, record.sealed), words)
    if text is None:
        where = "This passphrase" if given else f"The passphrase in {kept}"
        raise RequestError(
            f"{where} does not open the solutions of {topic}; copy it whole, check that it is this topic's, "
            f"and write {how}. If it is, take {path.name} fresh from the release."
        )
    if given:
        with suppress(OSError):
            write_whole(kept, f"{words.strip()}\n".encode())
    return _decoded(text, TopicSolutions, path)


def _kept(path: Path) -> str:
    try:
        return read_whole(path).decode("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _bytes(path: Path) -> bytes:
    try:
        return read_whole(path)
    except OSError as error:
        raise RequestError(f"{path} is missing; take it from the release.") from error


def _decoded(data: bytes, kind: type[T], path: Path) -> T:
    return decode_versioned(
        data,
        kind,
        FORMAT_VERSION,
        codec=msgspec.json,
        path=path,
        error=RequestError,
        remedy="take a fresh one from the release",
        newer="install the release's requirements again",
    )
