"""Canvas: “Download Submissions” of an assignment.

`lovelaceada_LATE_12345_67890_autograd-1.ipynb`: the sortable name in lower case without what is no letter, digit or _; LATE
if Canvas says so; the user's id; the file's id; the file's name, to which Canvas adds -1, -2 … when it is
handed in again. Anonymous assignments have `anon_x1Y2z` in place of name and id; text and links end in `_text.html` and
`_link.html` without a file's id. No times are in it. Source: canvas-lms, lib/content_zipper.rb, `get_filename` and
`add_upload_submission`.

No two files have the same id: where several people have an `01`, as in `ada_12345_01_autograd.ipynb`, it is a notebook's
number, and the files are named after people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, Handin, Parts, Reading, match_in, share, without_common_folders

__all__ = ["TITLE", "read", "recognises"]

TITLE = "Canvas's download of submissions"
_NAMED = re.compile(
    r"(?:(?P<name>(?!LATE_|anon_)\w+?)_)?(?P<late>LATE_)?(?P<user>\d+|anon_[A-Za-z0-9]+)_(?:(?P<number>\d+)_(?P<file>.+)|(?P<text>text|link)\.html)"
)


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of such a download."""
    named = [match[1] for parts in names if (match := match_in(parts, _NAMED))]
    lower = [match for match in named if (match["name"] or "").lower() == (match["name"] or "")]
    owners: dict[str, set[str]] = {}
    for each in named:
        owners.setdefault(each["number"] or "", set()).add(each["user"])
    shared = any(len(users) > 1 for number, users in owners.items() if number)
    return share(names, _NAMED) >= 0.5 and len(lower) == len(named) and not shared


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a download: one for each person, since it holds the files of the last attempt only."""
    reading = Reading()
    found: dict[tuple[Parts, str], list[tuple[Parts, Entry]]] = {}
    names: dict[tuple[Parts, str], re.Match[str]] = {}
    late = set()
    for entry in source.entries:
        match = match_in(entry.parts, _NAMED)
        if match is None:
            reading.strays.append((entry, "its name does not say whose it is"))
            continue
        place, named = match
        key = (entry.parts[:place], named["user"])
        inside = entry.parts[place + 1 :] or (named["file"] or f"{named['text']}.html",)
        found.setdefault(key, []).append((inside, entry))
        names.setdefault(key, named)
        if named["late"]:
            late.add(key)
    for key, files in found.items():
        user = key[1]
        anonymous = user.startswith("anon_")
        who = Claim(user, "" if anonymous else names[key]["name"] or "", id=user)
        reading.handins.append(Handin(who, without_common_folders(files), late=key in late, assignment=source.name))
    return reading
