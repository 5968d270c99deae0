"""`autograde report` and `autograde feedback`: what an instructor reads of a class, and what its students get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder._words import counted, suggestion
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, ResultsOption, TopicsOption, check_topics, choice

if TYPE_CHECKING:
    from autograder.course.course_file import Course
    from autograder.reporting.class_figures import ClassFigures

__all__ = ["register"]


class Format(StrEnum):
    """What a report is."""

    HTML = "html"
    MD = "md"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class Platform(StrEnum):
    """Whose feedback files zips are laid out as."""

    MOODLE = "moodle"
    CANVAS = "canvas"
    PLAIN = "plain"


def report(
    results: ResultsOption = Path("grades"),
    format_: Annotated[Format, choice(Format, "--format", help="What to write.")] = Format.HTML,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file to write.", show_default="standard output; html: index.html")
    ] = None,
    table: Annotated[str, typer.Option(help="Which table csv has.")] = "students",
    topic: TopicsOption = None,
    course: CourseOption = Path("course.yml"),
) -> None:
    """Write what the class's page says from results that are there, as a page, Markdown, JSON, CSV or XLSX.

    Example: autograde report --format xlsx -o class.xlsx
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import AutogradeError
        from autograder.grading.marks import figures_of
        from autograder.reporting.class_report import CSV_TABLES

        loaded = load_course(course)
        _look_at(results, topic or (), loaded)
        if table not in CSV_TABLES:
            raise AutogradeError(f"--table {table}: there is no such table; {suggestion(table, CSV_TABLES)}")
        if format_ is Format.HTML and out is not None:
            raise AutogradeError(
                f"--format html writes {results / 'index.html'}, beside the pages that it links to; leave out -o."
            )
        if format_ is Format.XLSX and out is None:
            raise AutogradeError("--format xlsx needs a file; name it with -o, for example -o class.xlsx.")
        figures = figures_of(loaded, results, topics=topic or ())
        if format_ is Format.HTML:
            _write_page(loaded, figures, results)
        else:
            _write_file(figures, format_, table, out)


def feedback(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for what students get.")],
    results: ResultsOption = Path("grades"),
    zip_: Annotated[Platform | None, choice(Platform, "--zip", help="Make zips, laid out for this platform.")] = None,
    topic: TopicsOption = None,
    submitted: Annotated[
        Path, typer.Option(help="For moodle and canvas: the folder that `autograde collect` filled.")
    ] = Path("submitted"),
    download: Annotated[
        Path | None,
        typer.Option(
            help="For canvas: the zip that Canvas gave you, or the folder it was unpacked to.",
            show_default="the names that `collect` recorded",
        ),
    ] = None,
    course: CourseOption = Path("course.yml"),
) -> None:
    """Make what may be handed to students: each one's own pages, without hidden checks' names, seeds or JSON.

    Example: autograde feedback -o feedback --zip moodle --topic autograd
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import AutogradeError
        from autograder.grading.marks import marked_results, people_of
        from autograder.intake.feedback_places import canvas_places, moodle_places
        from autograder.reporting.feedback_packages import write_feedback

        loaded = load_course(course)
        _look_at(results, topic or (), loaded)
        if out.resolve() == results.resolve() or results.resolve() in out.resolve().parents:
            raise AutogradeError(f"-o {out}: is among the results, which students must not get; name another folder.")
        places = None
        if zip_ is Platform.MOODLE:
            places = moodle_places(submitted, people_of(loaded))
        elif zip_ is Platform.CANVAS:
            places = canvas_places(submitted, download)
        chosen = (each for each in marked_results(loaded, results) if not topic or each[0].topic in topic)
        packed = write_feedback(chosen, out, layout=zip_.value if zip_ else "folders", places=places)
        for student, of in packed.without_place:
            typer.echo(
                f"{student}, {of}: not in the zip, as collected.csv does not say where it came from; the page is "
                f"{out / student / of}.html",
                err=True,
            )
        typer.echo(f"wrote {counted(packed.pages, 'page')} in {counted(len(packed.files), 'file')} below {out}")


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command()(report)
    app.command()(feedback)


def _look_at(results: Path, topics: Sequence[str], course: Course) -> None:
    """Raise AutogradeError if there are no results, or a topic is not there."""
    from autograder.errors import AutogradeError

    check_topics(course, topics)
    if next(results.glob("*/*.json"), None) is None:
        raise AutogradeError(
            f"{results}: there are no results; run `autograde grade` first, or name the folder with --results."
        )


def _write_page(course: Course, figures: ClassFigures, results: Path) -> None:
    from autograder.grading.marks import marked_results
    from autograder.reporting.class_page import write_figures
    from autograder.reporting.topic_page import missing_pages, write_pages

    for result, mark in marked_results(course, results):
        if missing_pages(results, result.student, result.topic):
            write_pages(result, results, mark=mark)
    typer.echo(f"wrote {write_figures(figures, results)}")


def _write_file(figures: ClassFigures, format_: Format, table: str, out: Path | None) -> None:
    from autograder._files import write_whole
    from autograder.reporting import class_report

    writers: dict[Format, Callable[[ClassFigures], bytes]] = {
        Format.MD: class_report.as_markdown,
        Format.JSON: class_report.as_json,
        Format.CSV: partial(class_report.as_csv, table=table),
        Format.XLSX: class_report.as_xlsx,
    }
    data = writers[format_](figures)
    if out is None:
        typer.echo(data.decode(), nl=False)
    else:
        write_whole(out, data)
        typer.echo(f"wrote {out}")
