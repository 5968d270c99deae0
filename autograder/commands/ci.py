"""The commands for continuous integration and for platforms that call a grader: `merge`, `annotate`, `export-gradescope`,
and those that the platforms' scripts call, `run-gradescope` and `run-prairielearn`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, ResultsOption, TopicArgument

__all__ = ["register"]


def merge(
    folders: Annotated[list[Path], typer.Argument(help="Folders of results.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for all results.")] = Path("grades"),
    course: CourseOption = Path("course.yml"),
) -> None:
    """Put the results of several runs of `grade --shard` into one folder.

    Example: autograde merge part-1 part-2 part-3 -o grades
    """
    with one_line_mistakes():
        from autograder._words import counted
        from autograder.course.course_file import load_course
        from autograder.grading import shards
        from autograder.grading.output_folder import locked

        loaded = load_course(course)
        with locked(out):
            number = shards.merge(loaded, folders, out)
        typer.echo(f"Merged {counted(number, 'result')} of {counted(len(folders), 'folder')}. Reports: {out / 'index.html'}")


def annotate(
    results: ResultsOption = Path("grades"),
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the reports.")] = Path("autograde-report"),
) -> None:
    """Report results in the formats of continuous integration: JUnit, code quality, a summary, GitHub's annotations.

    Submissions must be where they were graded, and unchanged. Nothing that a student may not see is in the reports.

    Example: autograde annotate -o autograde-report
    """
    with one_line_mistakes():
        from autograder.grading.annotate import checked_files
        from autograder.reporting.ci_reports import write_reports

        files, notes = checked_files(results)
        for note in notes:
            typer.echo(note, err=True)
        write_reports(files, out)


def export_gradescope(
    topic: TopicArgument,
    course: CourseOption = Path("course.yml"),
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The zip file.", show_default="TOPIC-gradescope.zip")
    ] = None,
) -> None:
    """Make the zip file that Gradescope takes as the autograder of an assignment.

    Example: autograde export-gradescope autograd -o autograd.zip
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.platforms.gradescope import export

        path = out or Path(f"{topic}-gradescope.zip")
        export(load_course(course), topic, path)
        typer.echo(f"Wrote {path}. Upload it as the autograder of a programming assignment; it holds the solutions.")


def run_gradescope(
    root: Annotated[Path, typer.Option(help="The folder that Gradescope calls /autograder.")] = Path("/autograder"),
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run even without any confinement.")] = False,
) -> None:
    """Grade the submission in Gradescope's container; `run_autograder` calls this.

    Example: autograde run-gradescope --root /autograder
    """
    from autograder.platforms.gradescope import run

    run(root, unsafe=unsafe)


def run_prairielearn(
    course: CourseOption,
    topic: Annotated[str, typer.Option(help="The topic.")],
    root: Annotated[Path, typer.Option(help="The folder that PrairieLearn calls /grade.")] = Path("/grade"),
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run even without any confinement.")] = False,
) -> None:
    """Grade the submission in PrairieLearn's container; the question's entrypoint calls this.

    Example: autograde run-prairielearn --course /grade/serverFilesCourse/course --topic autograd
    """
    from autograder.platforms.prairielearn import run

    run(course, topic, root, unsafe=unsafe)


def register(app: typer.Typer) -> None:
    """Add these commands to a command."""
    app.command()(merge)
    app.command()(annotate)
    app.command()(export_gradescope)
    app.command(hidden=True)(run_gradescope)
    app.command(hidden=True)(run_prairielearn)
