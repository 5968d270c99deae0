"""What files say of themselves: their topics, and whether they are further copies of the same name."""

from __future__ import annotations

import re
from collections.abc import Collection, Container

from autograder._words import closest
from autograder.course.cells import notebook_topic
from autograder.errors import SubmissionError
from autograder.intake.archive import UNREADABLE, Entry, shown
from autograder.intake.handin import File, Handin

__all__ = ["split_duplicate", "submissions_in", "topic_in", "topic_inside", "why_none"]

_LARGEST_NOTEBOOK = 64 << 20
_ENDINGS = (".ipynb", ".py")

_COUNTED = re.compile(r"^(?P<stem>.*?)(?: ?\((?P<first>\d{1,3})\)|-(?P<second>\d{1,2}))$")
_COPY = re.compile(r"^(?P<stem>.*?)[ _-]*(?:-Copy\d*|[ _-](?:copy|copie|kopie|backup|old))$", re.IGNORECASE)


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
        ending = file.path.suffix.lower()
        stem, copy = split_duplicate(file.path.stem)
        exact = stem.lower() if stem.lower() in known else None
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


def why_none(file: File, topics: Collection[str]) -> str:
    """Why a file is no submission."""
    if file.path.suffix.lower() not in _ENDINGS:
        return "a submission ends in .ipynb or .py"
    near = closest(file.path.stem, topics)
    hint = f"did you mean {near[0]!r}?" if near else "if all are for one topic, name it with --topic"
    return f"no topic of the course is called “{shown(file.path.stem)}”; {hint}"


def split_duplicate(stem: str) -> tuple[str, int]:
    """A name without what a browser, a platform or Jupyter adds to the name of a further copy, and which copy it is.

    `autograd (2)` is the second one, `autograd-1` Canvas's second; `autograd-Copy1` is what somebody put aside: -1.
    """
    if match := _COUNTED.match(stem):
        return match["stem"].rstrip(), int(match["first"] or match["second"])
    if match := _COPY.match(stem):
        return match["stem"].rstrip(), -1
    return stem, 0


def topic_in(stem: str, topics: Collection[str]) -> str | None:
    """The one topic that a name contains as a word, in any case; None if it contains none, or several."""
    lower = stem.lower()
    found = [each for each in topics if re.search(rf"(?<![a-z0-9]){re.escape(each)}(?![a-z0-9])", lower)]
    longest = [each for each in found if not any(each != other and each in other for other in found)]
    return longest[0] if len(longest) == 1 else None


def topic_inside(entry: Entry, topics: Container[str]) -> str | None:
    """The topic in a notebook's metadata."""
    if entry.size > _LARGEST_NOTEBOOK or not entry.name.lower().endswith(".ipynb"):
        return None
    try:
        inside = notebook_topic(entry.read(_LARGEST_NOTEBOOK))
    except (*UNREADABLE, SubmissionError):
        return None
    return inside if inside is not None and inside in topics else None


def _folder_of(entry: Entry, topics: Container[str]) -> str | None:
    """The topic whose folder a file is in, as in nbgrader's layout."""
    above = entry.parts[-2].lower() if len(entry.parts) > 1 else ""
    return above if above in topics else None
