"""Moodle: “Download all submissions” of an assignment.

In folders  `Ada Lovelace_1234567_assignsubmission_file/autograd.ipynb`, up to Moodle 3 with a final _
Flat        `Ada Lovelace_1234567_assignsubmission_file_autograd.ipynb`
Online text `Ada Lovelace_1234567_assignsubmission_onlinetext/onlinetext.html` beside it

The number is the participant's in this assignment; with anonymous submissions the name is the word for participant, and in
groups it is the group's. No times are in it. Source: Moodle's mod/assign/classes/downloader.php, `get_student_prefix` and
`load_submissionplugin_filelist`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, Handin, Parts, Reading, match_in, share, without_common_folders

__all__ = ["TITLE", "read", "recognises"]

TITLE = "Moodle's download of all submissions"
_NAMED = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?")


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of such a download."""
    return share(names, _NAMED) >= 0.5


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a download."""
    reading = Reading()
    found: dict[tuple[Parts, str, str], list[tuple[Parts, Entry]]] = {}
    for entry in source.entries:
        match = match_in(entry.parts, _NAMED)
        if match is None:
            reading.strays.append((entry, "its path does not say whose it is"))
            continue
        place, names = match
        inside = entry.parts[place + 1 :] or (names["file"] or names["kind"],)
        found.setdefault((entry.parts[:place], names["name"], names["id"] or ""), []).append((inside, entry))
    called = {name for _, name, _ in found}
    anonymous = len(found) > 1 and len(called) == 1 and all(name.isascii() and " " not in name for name in called)
    for (_, name, number), files in found.items():
        who = Claim(number or name, "" if anonymous else name, id=f"participant {number}" if number else "")
        reading.handins.append(Handin(who, without_common_folders(files), assignment=source.name))
    return reading
