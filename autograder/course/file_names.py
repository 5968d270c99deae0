"""What a file's name says of its topic. Whoever finds a notebook by its name asks here.

dtypes.ipynb, 01_dtypes.ipynb             `topic_named`: the topic's name, also with the number that a release puts before it
01_dtypes (2).ipynb, dtypes-Copy1.ipynb   the same, once `split_duplicate` has taken off what makes it a further copy
ada_01_dtypes.ipynb, my dtypes.ipynb      `topic_in`: the name as a word among others
00_start.ipynb, ada_00_start.ipynb        `is_start`: the start notebook, which belongs to no topic

A name that is a topic's as it stands comes first, so a topic may be called like a numbered one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "START",
    "START_HAS_NO_TASKS",
    "is_course_folder",
    "is_start",
    "name_span",
    "released_name",
    "split_duplicate",
    "start_note",
    "topic_in",
    "topic_named",
    "topic_of_stem",
]

START = "00_start"
"""What the start notebook is called, in exercises/ and in the release. No topic can have this name."""

START_HAS_NO_TASKS = "it is the start notebook, which has nothing to grade"
"""Why a file is left out, as the end of a sentence."""

_COURSE_FOLDER = re.compile(
    "course|data|datasets?|docs|examples|exercises|figures|images|img|lectures|materials?|pictures|plots|release|resources|"
    "slides|solutions|src|templates|tests|tutorials",
    re.IGNORECASE,
)
_MOST_NAMED = 3

_NUMBER = re.compile(r"(?!00)\d{2,3}_")  # 00 is the start notebook's
_COUNTED = re.compile(r"^(?P<stem>.*?)(?: ?\((?P<first>\d{1,3})\)|-(?P<second>\d{1,2}))$")
_COPY = re.compile(r"^(?P<stem>.*?)[ _-]*(?:-Copy\d*|[ _-](?:copy|copie|kopie|backup|old))$", re.IGNORECASE)


def released_name(topic: str, topics: Iterable[str], *, numbered: bool) -> str:
    """What a topic's notebook is called in the release, without its ending: `01_dtypes`, or `dtypes` without numbers."""
    return f"{list(topics).index(topic) + 1:02d}_{topic}" if numbered else topic


def topic_named(stem: str, topics: Collection[str]) -> str | None:
    """The topic that a name without its ending is, in any case: as it stands, or else without a number before it."""
    by_name = {topic.lower(): topic for topic in topics}
    lower = stem.lower()
    number = _NUMBER.match(lower)
    return by_name.get(lower) or (by_name.get(lower[number.end() :]) if number else None)


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
    if is_start(stem):
        return None
    lower = stem.lower()
    found = [each for each in topics if re.search(_as_a_word(each.lower()), lower)]
    longest = [each for each in found if not any(each != other and each.lower() in other.lower() for other in found)]
    return longest[0] if len(longest) == 1 else None


def topic_of_stem(stem: str, topics: Collection[str]) -> str | None:
    """The topic that a notebook's name says in any of these ways; None if it says none."""
    return topic_named(split_duplicate(stem)[0], topics) or topic_named(stem, topics) or topic_in(stem, topics)


def is_start(name: str | None) -> bool:
    """Whether a name without its ending, or the topic in a notebook's metadata, is the start notebook's."""
    return re.search(_as_a_word(START), (name or "").lower()) is not None


def start_note(students: Sequence[str]) -> str:
    """A sentence about students who handed in the start notebook, too."""
    named, more = students[:_MOST_NAMED], len(students) - _MOST_NAMED
    names = [*named, f"{more} more"] if more > 0 else named
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{listed} handed in the start notebook ({START}), which has nothing to grade; it was left out."


def is_course_folder(name: str) -> bool:
    """Whether a folder beside students' folders is called like one of a course: `images`, `solutions`."""
    return _COURSE_FOLDER.fullmatch(name) is not None


def name_span(stem: str, topics: Collection[str]) -> tuple[int, int] | None:
    """Where in a name the topic, or the start notebook, stands, with the number before it; None if it contains neither."""
    name = START if is_start(stem) else topic_in(stem, topics)
    if name is None:
        return None
    numbered = re.search(rf"(?<![a-z0-9])(?:(?!00)\d\d_)?{re.escape(name)}(?![a-z0-9])", stem, re.IGNORECASE)
    return numbered.span() if numbered else None


def _as_a_word(name: str) -> str:
    return rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])"
