"""Gradescope: the zip file of an autograder, and what runs in it.

Source: gradescope-autograders.readthedocs.io, "Autograder Specifications" (the folders below /autograder, setup.sh,
run_autograder, the format of results.json) and "Submission Metadata" (submission_metadata.json).
"""

from __future__ import annotations

import io
import secrets
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from autograder._files import write_whole
from autograder._words import suggestion
from autograder.course.course_file import Course
from autograder.course.data_files import read_data
from autograder.errors import AutogradeError, CourseError
from autograder.exporting.gradescope import gradescope
from autograder.grading.grader import Grader
from autograder.grading.versions import MOST_VERSIONS
from autograder.platforms.one_submission import find_one, results_of
from autograder.records.results import TopicResult
from autograder.release.wheel import whole_wheel

__all__ = ["export", "run"]

_TIME = (1980, 1, 1, 0, 0, 0)
_FOLDERS = ("exercises", "solutions", "tests/visible", "tests/hidden")
_SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, as root, to build the autograder's image.
set -euo pipefail
cd /autograder/source
export UV_PYTHON_INSTALL_DIR=/opt/python # not below /root, which confined code may not enter
python3 -m pip install --quiet uv || python3 -m pip install --quiet --break-system-packages uv
python3 -m uv venv --quiet --python 3.12 /autograder/venv
python3 -m uv pip install --quiet --python /autograder/venv/bin/python --torch-backend cpu "$(ls wheels/*.whl)[grade]"
# The answer key is made now, so that no submission has to wait for it.
/autograder/venv/bin/python - <<'END'
import json
from autograder import Grader

assignment = json.load(open("assignment.json"))
with Grader("course", seed=assignment["seed"]) as grader:
    grader.prepare(assignment["topic"])
END
"""
_RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission. AUTOGRADER_ROOT is another folder than /autograder when it is tried elsewhere.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
PATH="$root/venv/bin:$PATH"
exec autograde run-gradescope --root "$root"
"""


class _Assignment(msgspec.Struct, frozen=True):
    """What of an exported autograder is not the course: assignment.json."""

    topic: str
    seed: int


class _Metadata(msgspec.Struct):
    """What is used of Gradescope's submission_metadata.json."""

    previous_submissions: list[msgspec.Raw]


def export(course: Course, topic: str, path: Path, *, seed: int | None = None) -> None:
    """Write the zip file of the autograder for a topic.

    Args:
        course: the course.
        topic: the topic.
        path: the zip file.
        seed: of everybody's first submission, from which those of the second, third and so on follow; drawn if None.

    Raises:
        CourseError: if the course has no such topic.
        AuthoringError: if its data cannot be handed to student code.
    """
    if topic not in course.topics:
        raise CourseError(f"{topic}: the course has no such topic; {suggestion(topic, course.topics)}")
    seed = 1 + secrets.randbelow(2**31 - 1) if seed is None else seed
    name, wheel = whole_wheel()
    files = {
        "setup.sh": _SETUP.encode(),
        "run_autograder": _RUN.encode(),
        "assignment.json": msgspec.json.encode(_Assignment(topic, seed)),
        f"wheels/{name}": wheel,
        "course/course.yml": (course.root / "course.yml").read_bytes(),
    }
    for file in (file for folder in _FOLDERS for file in sorted((course.root / folder).rglob("*"))):
        if file.suffix in (".py", ".yml"):
            files[f"course/{file.relative_to(course.root).as_posix()}"] = file.read_bytes()
    everything = read_data(course.root)
    files |= {f"course/{file.name}": file.content for file in (*everything.public, *everything.hidden, *everything.answers)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file_name, data in files.items():
            entry = zipfile.ZipInfo(file_name, _TIME)
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if file_name in ("setup.sh", "run_autograder") else 0o100644) << 16
            archive.writestr(entry, data)
    write_whole(path, buffer.getvalue())


def run(root: Path, *, unsafe: bool = False) -> None:
    """Grade ROOT/submission with what is in ROOT/source, and write ROOT/results/results.json, whatever happens."""
    try:
        assignment = msgspec.json.decode((root / "source/assignment.json").read_bytes(), type=_Assignment)
        with Grader(root / "source/course", seed=assignment.seed, workers=1, unsafe=unsafe) as grader:
            found = find_one(root / "submission", grader.course, assignment.topic)
            if isinstance(found, str):
                body = {"score": 0, "output": found}
            else:
                body = _body(grader.course, grader.grade(replace(found, version=_version(root))))
    except AutogradeError as error:
        # Without a score, Gradescope shows that the autograder failed, and to whom that is due.
        body = {"output": f"The autograder could not run: {error} This is not due to your submission."}
    write_whole(root / "results/results.json", msgspec.json.encode(body))


def _version(root: Path) -> int:
    """Which of its student's submissions this is: 1 for the first, and where Gradescope's file about it is not there.

    Whoever hands in again has read the results of the one before, numbers included, so each gets inputs of its own.
    """
    path = root / "submission_metadata.json"
    try:
        before = msgspec.json.decode(path.read_bytes(), type=_Metadata).previous_submissions
    except FileNotFoundError:
        return 1
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AutogradeError(
            f"{path}: it does not say which submission this is ({error}). Has Gradescope changed its format? Tell the "
            "kit's maintainers."
        ) from None
    return min(1 + len(before), MOST_VERSIONS)


def _body(course: Course, result: TopicResult) -> dict[str, Any]:
    if result.not_graded:
        return {"output": f"Not graded: {result.problem} Please hand in again."}
    return results_of(gradescope, course, result)
