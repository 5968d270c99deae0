"""What the files of a hand-in say of themselves: which of them are submissions, and for which topics."""

from __future__ import annotations

from collections.abc import Collection, Container

from autograder._words import closest
from autograder.course.cells import notebook_topic
from autograder.course.file_names import is_start, split_duplicate, topic_in, topic_named
from autograder.errors import SubmissionError
from autograder.intake.archive import SUBMISSION_ENDINGS, UNREADABLE, Entry, shown
from autograder.intake.handin import File, Handin

__all__ = ["is_start_notebook", "is_submission_name", "submissions_in", "topic_inside", "why_none"]

_LARGEST_NOTEBOOK = 64 << 20


def submissions_in(handin: Handin, known: Collection[str], wanted: str | None) -> list[tuple[File, str, int, bool]]:
    """The submissions in a hand-in: each with its topic, which copy of the name it is, and whether the name is exact.

    Args:
        handin: the hand-in.
        known: the course's topics.
        wanted: the topic of a notebook that does not say it; if None, that in the assignment's name.
    """
    found: list[tuple[File, str, int, bool]] = []
    unknown: list[File] = []
    for file in handin.files:
        if is_start_notebook(file, known):
            continue
        ending = file.path.suffix.lower()
        stem, copy = split_duplicate(file.path.stem)
        exact = topic_named(stem, known)
        if ending == ".ipynb":
            topic = exact or topic_inside(file.entry, known) or topic_in(stem, known) or _folder_of(file.entry, known)
            if topic:
                found.append((file, topic, copy, exact is not None))
            else:
                unknown.append(file)
        elif ending == ".py":
            if exact:
                found.append((file, exact, copy, True))
            else:
                unknown.append(file)
    fallback = wanted or topic_in(handin.assignment, known)
    if fallback and all(topic != fallback for _, topic, *_ in found):
        likely = [file for file in unknown if file.path.suffix.lower() == ".ipynb"] or (unknown if not found else [])
        if len(likely) == 1:
            found.append((likely[0], fallback, 0, False))
    return found


def is_start_notebook(file: File, known: Collection[str]) -> bool:
    """Whether a file is the start notebook, which has nothing to grade: by its name, or else by its metadata."""
    if not is_submission_name(file) or topic_named(split_duplicate(file.path.stem)[0], known):
        return False
    return is_start(file.path.stem) or is_start(_metadata_topic(file.entry))


def is_submission_name(file: File) -> bool:
    """Whether a file has the ending of a submission."""
    return file.path.suffix.lower() in SUBMISSION_ENDINGS


def why_none(file: File, topics: Collection[str]) -> str:
    """Why a file is no submission."""
    if not is_submission_name(file):
        return "a submission ends in .ipynb or .py"
    near = closest(file.path.stem, topics)
    hint = f"did you mean {near[0]!r}?" if near else "if all are for one topic, name it with --topic"
    return f"no topic of the course is called “{shown(file.path.stem)}”; {hint}"


def topic_inside(entry: Entry, topics: Container[str]) -> str | None:
    """The topic in a notebook's metadata."""
    inside = _metadata_topic(entry)
    return inside if inside is not None and inside in topics else None


def _metadata_topic(entry: Entry) -> str | None:
    if entry.size > _LARGEST_NOTEBOOK or not entry.name.lower().endswith(".ipynb"):
        return None
    try:
        return notebook_topic(entry.read(_LARGEST_NOTEBOOK))
    except (*UNREADABLE, SubmissionError):
        return None


def _folder_of(entry: Entry, topics: Collection[str]) -> str | None:
    """The topic whose folder a file is in, as in nbgrader's layout."""
    return topic_named(entry.parts[-2], topics) if len(entry.parts) > 1 else None
