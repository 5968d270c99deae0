"""Brightspace (D2L): “Download” of an assignment's submissions.

In folders  `39786-640693 - Ada Lovelace - Oct 10, 2026 1022 AM/autograd.ipynb`
Flat        `39786-640693 - Ada Lovelace - Oct 10, 2026 1022 AM - autograd.ipynb`
            some sites put the OrgDefinedId before the name; an index.html lists them all

The numbers are the user's and the assignment's. The time, in which 1022 is 10:22, is the site's, without a zone. Source:
tools that read it, and their samples (the zip tests of cqc_cpcc, scripts for Nottingham Trent's NOW).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, Handin, Parts, Reading, match_in, share, without_common_folders

__all__ = ["TITLE", "read", "recognises"]

TITLE = "Brightspace's download of submissions"
_NAMED = re.compile(
    r"(?P<user>\d+)-(?P<folder>\d+) - (?:(?P<id>[A-Za-z]?\d{4,}) - )?(?P<name>.+?) ?- ?"
    r"(?P<time>(?:\w+\.? \d{1,2}|\d{1,2}\.? \w+),? \d{4},? \d{3,4}(?: ?[APap]\.?[Mm]\.?)?)(?: - (?P<file>.+))?"
)
_TIMES = ("%b %d %Y %I%M %p", "%B %d %Y %I%M %p", "%d %b %Y %H%M", "%d %B %Y %H%M", "%b %d %Y %H%M", "%B %d %Y %H%M")


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of such a download."""
    return share(names, _NAMED) >= 0.5


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a download, one for each attempt."""
    reading = Reading()
    named_parts = [match[1] for each in source.entries if (match := match_in(each.parts, _NAMED))]
    users_first = len({match["user"] for match in named_parts}) > 1 or len({match["name"] for match in named_parts}) < 2
    found: dict[tuple[Parts, str, str, str, str], list[tuple[Parts, Entry]]] = {}
    for entry in source.entries:
        match = match_in(entry.parts, _NAMED)
        if match is None:
            if entry.name != "index.html":
                reading.strays.append((entry, "its path does not say whose it is"))
            continue
        place, named = match
        user = named["user"] if users_first else named["folder"]
        key = (entry.parts[:place], user, named["name"], named["id"] or "", named["time"])
        found.setdefault(key, []).append((entry.parts[place + 1 :] or (named["file"] or entry.name,), entry))
    for (above, user, name, number, time), files in found.items():
        who = Claim(user, name, id=number)
        assignment = above[-1] if above else source.name
        reading.handins.append(Handin(who, without_common_folders(files), _time(time, context), assignment=assignment))
    return reading


def _time(text: str, context: Context) -> datetime | None:
    """`Oct 10, 2026 1022 AM`; None in a language that is not English."""
    plain = " ".join(text.replace(",", " ").replace(".", " ").split())
    plain = re.sub(r"\b(\d{3})( [AP]M)?$", r"0\1\2", plain.upper().replace("A M", "AM").replace("P M", "PM"))
    for form in _TIMES:
        try:
            return context.local(datetime.strptime(plain, form))
        except (ValueError, OverflowError):
            continue
    return None
