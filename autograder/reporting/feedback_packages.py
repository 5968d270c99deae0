"""Packages that may be handed to students: their own pages, made anew, and nothing else.

plain    OUT/STUDENT/TOPIC.html, or with zips OUT/STUDENT.zip with TOPIC.html in it
moodle   OUT/TOPIC-moodle.zip with `Ada Lovelace_1234567_assignsubmission_file_/TOPIC.html`, for “Upload multiple feedback
         files in a zip”: Moodle looks for the participant's number between the first two underscores of a folder's name, and
         for the kind of plugin after it (mod/assign/feedback/file/importziplib.php, `is_valid_filename_for_import`)
canvas   OUT/TOPIC-canvas.zip with the names of the download, `lovelaceada_12345_67890_autograd.ipynb.html`, for “Upload
         Submissions”: Canvas looks for the numbers of the user and of the file that was handed in (canvas-lms, app/models/
         assignment.rb, `infer_comment_context_from_filename`), and shows the page under the name of that file
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from autograder._files import naming, write_whole
from autograder.gradebook.marks import Mark
from autograder.records.results import TopicResult
from autograder.reporting.templating import page_path
from autograder.reporting.topic_page import student_page

__all__ = ["CANVAS_NAME", "Feedback", "Layout", "canvas_name", "moodle_name", "write_feedback"]

Layout = Literal["folders", "plain", "moodle", "canvas"]

CANVAS_NAME = re.compile(r"(?:\w+?_)?(?:LATE_)?(?P<user>\d+)_(?P<number>\d+)_(?P<file>.+)")
"""A file's name in Canvas's download (canvas-lms, lib/content_zipper.rb)."""

_DATE = (1980, 1, 1, 0, 0, 0)  # the same zip for the same pages


@dataclass
class Feedback:
    """What was written: the files, how many pages are in them, and (student, topic) of pages that have no place in a zip."""

    files: list[Path] = field(default_factory=list)
    pages: int = 0
    without_place: list[tuple[str, str]] = field(default_factory=list)


def moodle_name(name: str, participant: str, topic: str) -> str:
    """A page's path in a zip for Moodle. An underscore in the person's name would be taken for the end of it."""
    plain = " ".join(re.sub(r"[_/\\:*?\"<>|\x00-\x1f]", " ", name).split()).strip(".") or "Participant"
    return f"{plain}_{participant}_assignsubmission_file_/{topic}.html"


def canvas_name(downloaded: str) -> str:
    """A page's name in a zip for Canvas: that of the downloaded file, with the ending of a page."""
    return f"{downloaded}.html"


def write_feedback(
    results: Iterable[tuple[TopicResult, Mark | None]],
    out: Path,
    *,
    layout: Layout = "folders",
    places: Mapping[tuple[str, str], str] | None = None,
) -> Feedback:
    """Write the students' pages for handing out.

    Args:
        results: each with its mark, and each student's together; without a mark, a page shows the checks' points alone.
        out: the folder for the packages.
        layout: how they are packed.
        places: by student and topic, the path of a page in a zip for Moodle or Canvas; pages without one become files.

    Raises:
        AutogradeError: if a student's or topic's name cannot be a file name.
    """
    feedback = Feedback()

    pages = ((result, student_page(result, mark=mark)) for result, mark in results)
    if layout in ("moodle", "canvas"):
        _write_by_topic(pages, out, layout, places or {}, feedback)
        return feedback
    for student, own in groupby(pages, lambda page: page[0].student):
        paths = [(page_path(out, student, result.topic), data) for result, data in own]
        feedback.pages += len(paths)
        if layout == "plain":
            target = out / f"{student}.zip"
            with _Zip(target) as archive:
                for path, data in paths:
                    archive.add(path.name, data)
            feedback.files.append(target)
        else:
            for path, data in paths:
                write_whole(path, data)
                feedback.files.append(path)
    return feedback


def _write_by_topic(
    pages: Iterable[tuple[TopicResult, bytes]],
    out: Path,
    layout: str,
    places: Mapping[tuple[str, str], str],
    feedback: Feedback,
) -> None:
    with ExitStack() as stack:
        archives: dict[str, _Zip] = {}
        for result, data in pages:
            feedback.pages += 1
            path = page_path(out, result.student, result.topic)
            place = places.get((result.student, result.topic))
            if place is None:
                write_whole(path, data)
                feedback.files.append(path)
                feedback.without_place.append((result.student, result.topic))
                continue
            if result.topic not in archives:
                target = out / f"{result.topic}-{layout}.zip"
                archives[result.topic] = stack.enter_context(_Zip(target))
                feedback.files.append(target)
            archives[result.topic].add(place, data)


class _Zip:
    """A zip that appears whole, and has the same bytes for the same pages."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> _Zip:
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._archive = zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED)
        return self

    def add(self, name: str, data: bytes) -> None:
        """Add a page under a name."""
        info = zipfile.ZipInfo(name, _DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        with naming(self._path):
            self._archive.writestr(info, data)

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            with naming(self._path):
                self._archive.close()
            if kind is None:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)
