"""Where a learning platform expects the page of each submission: found in what `collect` recorded, and in the download."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from autograder.errors import SubmissionError
from autograder.intake.collected import COLLECTED, Collected
from autograder.reporting.feedback_packages import CANVAS_NAME, canvas_name, moodle_name

__all__ = ["canvas_places", "moodle_places"]


def moodle_places(submitted: Path, names: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """By student and topic, the path of a page in a zip for Moodle, for all submissions that came from Moodle.

    Args:
        submitted: the folder that `collect` filled.
        names: people's names, by student.

    Raises:
        SubmissionError: if `collect` did not fill the folder, or its record cannot be read.
    """
    places = {}
    for row in _collected(submitted, "moodle"):
        participant = row["who"].partition(" ")[2]
        if participant.isdecimal():
            name = names.get(row["student"], row["student"])
            places[row["student"], row["topic"]] = moodle_name(name, participant, row["topic"])
    return places


def canvas_places(submitted: Path, download: Path | None = None) -> dict[tuple[str, str], str]:
    """By student and topic, the name of a page in a zip for Canvas, for all submissions that came from Canvas.

    Args:
        submitted: the folder that `collect` filled.
        download: Canvas's zip, or the folder that it was unpacked to: only names are read, and only submissions in it have
            a place. If None, the names are those that `collect` recorded.

    Raises:
        SubmissionError: if `collect` did not fill the folder or recorded no names, or the download cannot be read.
    """
    return _recorded_places(submitted) if download is None else _places_in(download, submitted)


def _recorded_places(submitted: Path) -> dict[tuple[str, str], str]:
    places, unknown = {}, []
    for row in _collected(submitted, "canvas"):
        user = row["who"].partition(" ")[2]
        parts = row["in_download"].removeprefix("'").split("/")  # a file may be inside a student's own zip
        named = next((part for part in parts if (match := CANVAS_NAME.fullmatch(part)) and match["user"] == user), None)
        if named is not None:
            places[row["student"], row["topic"]] = canvas_name(named)
        elif not row["in_download"]:
            unknown.append(row["student"])
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise SubmissionError(
            f"{submitted / COLLECTED}: does not say how Canvas named the files of {', '.join(unknown[:3])}{more}. "
            "Collect the download again, or name it with --download."
        )
    return places


def _places_in(download: Path, submitted: Path) -> dict[tuple[str, str], str]:
    files: dict[str, dict[str, str]] = {}
    for name in sorted(_file_names(download)):
        if match := CANVAS_NAME.fullmatch(name):
            files.setdefault(match["user"], {})[match["file"]] = name
    places = {}
    for row in _collected(submitted, "canvas"):
        own = files.get(row["who"].partition(" ")[2], {})
        handed_in = Path(row["handed_in_as"].removeprefix("'")).name
        downloaded = own.get(handed_in) or (next(iter(own.values())) if len(own) == 1 else None)
        if downloaded is not None:
            places[row["student"], row["topic"]] = canvas_name(downloaded)
    return places


def _collected(submitted: Path, platform: str) -> Iterator[dict[str, str]]:
    """The rows of collected.csv about submissions that count and came from a platform."""
    path = submitted / COLLECTED
    rows = Collected.read(path).counts.values()
    if not rows:
        raise SubmissionError(
            f"{path}: is missing; it says whose file is whose on {platform.capitalize()}. Collect the download with "
            "`autograde collect`, name the folder with --submitted, or use --zip plain."
        )
    yield from (row for row in rows if row["who"].startswith(f"{platform} "))


def _file_names(download: Path) -> Iterable[str]:
    """The names of all files in a zip or folder, without their folders."""
    if download.is_dir():
        return [path.name for path in download.rglob("*") if path.is_file()]
    try:
        with zipfile.ZipFile(download) as archive:
            return [Path(name).name for name in archive.namelist() if not name.endswith("/")]
    except FileNotFoundError as error:
        raise SubmissionError(f"{download}: there is no such file; name the zip that Canvas gave you.") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise SubmissionError(f"{download}: is not a zip that can be read ({error}); download it again.") from error
