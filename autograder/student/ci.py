"""`autograde ci`: checks a student's files where continuous integration runs, and reports in its formats.

It runs in the student's own repository, where students can change everything: what it says is what `autograde check` says,
and counts for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder._files import read_whole
from autograder.course.file_names import is_start, topic_named
from autograder.errors import RequestError, SubmissionError
from autograder.reporting.ci_reports import Checked
from autograder.reporting.told import told
from autograder.student.check_file import answer_file
from autograder.student.released import Release, find_release
from autograder.student.run_file import Runner
from autograder.student.store import Store
from autograder.student.student_file import file_of, read_file

__all__ = ["FOOTER", "check_files"]

FOOTER = "These are the visible checks. Grading also runs hidden checks, on other inputs, and only that counts.\n"


def check_files(files: Sequence[Path]) -> list[Checked]:
    """Check files, or, if none are named, each topic's file in the working folder. A file that cannot be read is reported.
    The start notebook is passed over.

    Raises:
        RequestError: if there is no release, a file that is named is not there, or there is none to check.
    """
    for path in files:
        if not path.is_file():
            raise RequestError(f"{path}: there is no such file; name a notebook or Python file, or none to check them all.")
    release = find_release(files[0].absolute().parent if files else None)
    found = [path for path in files if not is_start(path.stem) or topic_named(path.stem, release.card.topics)]
    if not files:
        of_topics = [file_of(release, name, Path.cwd()) for name in release.card.topics]
        found = [path.relative_to(Path.cwd()) for path in of_topics if path is not None]
    if not found:
        raise RequestError("There is no notebook or Python file for this course here; name the files to check.")
    with Runner() as runner:
        return [_check(release, path, runner) for path in found]


def _check(release: Release, path: Path, runner: Runner) -> Checked:
    try:
        read = read_file(release, path, None)
        data = read_whole(path)
    except (RequestError, SubmissionError, OSError) as error:
        return Checked(str(path), b"", (), path.stem, path.name, (), problem=str(error))
    topic = release.topic(read.topic)
    answered = answer_file(topic, read, runner.run(topic, read), Store(release.folder)).answer
    tasks = tuple(map(told, answered.tasks))
    return Checked(str(path), data, read.cells, read.topic, topic.card.title, tasks)
