"""`autograde export`: marks in the formats of learning platforms, spreadsheets and CI."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands import completion
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, ResultsOption, StudentsOption, TopicsOption, check_topics

if TYPE_CHECKING:
    from autograder.course.course_file import Course
    from autograder.exporting.marked_class import MarkedClass, Submission

__all__ = ["register"]


def export(
    format: Annotated[
        str,
        typer.Argument(
            help="canvas, moodle, gradescope, github, prairielearn, junit, csv, xlsx or nbgrader.",
            autocompletion=completion.formats,
        ),
    ],
    results: ResultsOption = Path("grades"),
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The file to write; for several submissions a folder.", show_default="here"),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(help="Fill in this file, as Canvas or Moodle exported it. It stays as it is; -o is written."),
    ] = None,
    topic: TopicsOption = None,
    student: StudentsOption = None,
    column: Annotated[
        list[str] | None, typer.Option(help="TOPIC=HEADER: the column of a topic, where its header does not say so.")
    ] = None,
    zero_missing: Annotated[
        bool, typer.Option("--zero-missing", help="Write 0 for what was not handed in or cannot be read.")
    ] = False,
    scale: Annotated[bool, typer.Option("--scale", help="Convert points to the platform's maximum.")] = False,
    course: CourseOption = Path("course.yml"),
) -> None:
    """Export marks, with lateness and people's decisions in them.

    Example: autograde export canvas --into Grades.csv -o Filled.csv
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.course.roster import load_roster
        from autograder.errors import ResultError
        from autograder.exporting.formats import FORMATS, OF_A_CLASS, OF_A_SUBMISSION, PLATFORMS
        from autograder.exporting.junit import junit
        from autograder.exporting.marked_class import marked_class
        from autograder.grading.handed_in import handed_in
        from autograder.grading.marks import marks_in, students_of

        loaded = load_course(course)
        _check(format, FORMATS, results, into if format not in PLATFORMS else None)
        check_topics(loaded, topic or ())
        _check_students(student or (), students_of(loaded, results))
        if not handed_in(results):
            raise ResultError(f"{results}: there are no results; run `autograde grade` first, or name it with --results.")
        marked = marked_class(
            loaded, marks_in(loaded, results), load_roster(loaded), topics=topic or (), students=student or (),
            zero_missing=zero_missing, scale=scale,
        )  # fmt: skip
        if format in OF_A_SUBMISSION:
            _write_each(format, list(_submissions(loaded, results, marked)), out)
        elif format == "junit":
            _write(junit(_submissions(loaded, results, marked)), out)
        elif format in PLATFORMS:
            _write(PLATFORMS[format](marked, into, _columns(column or (), loaded)), out)
        else:
            if format == "xlsx" and out is None:
                out = Path("marks.xlsx")
            _write(OF_A_CLASS[format](marked), out)
        _print_notes(marked)


def register(app: typer.Typer) -> None:
    """Add this command to the instructor's."""
    app.command()(export)


def _check(name: str, formats: Sequence[str], results: Path, misplaced: Path | None) -> None:
    from autograder._words import suggestion
    from autograder.errors import AutogradeError, ResultError

    if name not in formats:
        raise AutogradeError(f"{name}: there is no such format; {suggestion(name, formats)}")
    if misplaced is not None:
        raise AutogradeError(f"--into is for canvas and moodle; {name} is always a new file.")
    if not results.is_dir():
        raise ResultError(f"{results}: there is no such folder; run `autograde grade` first, or name it with --results.")


def _check_students(names: Sequence[str], known: Sequence[str]) -> None:
    from autograder._words import suggestion
    from autograder.errors import AutogradeError

    for name in names:
        if name not in known:
            raise AutogradeError(f"--student {name}: there is no such student; {suggestion(name, known)}")


def _columns(given: Sequence[str], course: Course) -> dict[str, str]:
    from autograder.errors import AutogradeError

    pairs = dict(each.partition("=")[::2] for each in given)
    check_topics(course, pairs, "--column ")
    for topic, header in pairs.items():
        if not header:
            raise AutogradeError(f"--column {topic}: write TOPIC=HEADER with the header of its column.")
    return pairs


def _submissions(course: Course, results: Path, marked: MarkedClass) -> Iterator[Submission]:
    from autograder.exporting.marked_class import Submission
    from autograder.grading.result_files import read_all

    for result in read_all(results):
        mark = marked.marks.get((result.student, result.topic))
        if mark is not None and result.topic in marked.topics:
            yield Submission(course, result, mark)


def _write_each(name: str, submissions: Sequence[Submission], out: Path | None) -> None:
    import msgspec

    from autograder.errors import AutogradeError
    from autograder.exporting.formats import OF_A_SUBMISSION

    files = [msgspec.json.format(msgspec.json.encode(OF_A_SUBMISSION[name](each)), indent=2) + b"\n" for each in submissions]
    if len(files) == 1 and (out is None or out.suffix == ".json"):
        _write(files[0], out)
        return
    if out is None:
        raise AutogradeError(
            f"{name} is for one submission, and there are {len(files)}; name a folder with -o, or choose one with --student "
            "and --topic."
        )
    for each, data in zip(submissions, files, strict=True):
        _write(data, out / each.result.student / f"{each.result.topic}.json", quiet=True)
    typer.echo(f"Wrote {len(files)} files below {out}.", err=True)


def _write(data: bytes, out: Path | None, *, quiet: bool = False) -> None:
    from autograder._files import write_whole

    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    write_whole(out, data)
    if not quiet:
        typer.echo(f"Wrote {out}.", err=True)


def _print_notes(marked: MarkedClass) -> None:
    """What somebody should know who sends these marks."""
    from autograder.gradebook.marks import CHANGED_SINCE

    chosen = [mark for (_, topic), mark in marked.marks.items() if topic in marked.topics]
    always = ("not graded", CHANGED_SINCE)  # whatever a person has decided about the mark
    empty = "and counts as 0" if marked.zero_missing else "and is left empty"
    for flag, what in {
        "pending": "still has pending points, and counts without them",
        "not graded": "has not been graded, and is left empty",
        CHANGED_SINCE: "has changed since it was graded: the mark is that of the earlier file. Run `autograde grade` first",
        "unreadable": f"was handed in but cannot be graded, {empty}",
        "missing": f"was not handed in, {empty}",
    }.items():
        meant = [mark for mark in chosen if flag in mark.flags and (flag in always or not mark.adjusted)]
        named = [f"{mark.student} ({mark.topic})" for mark in meant]
        if named:
            more = f" and {len(named) - 5} more" if len(named) > 5 else ""
            marked.notes.append(f"{len(named)} × {what}: {', '.join(named[:5])}{more}.")
    for note in marked.notes:
        typer.echo(note, err=True)
