"""The command `autograde`. It parses, calls and prints; nothing heavy is imported until a command needs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands import (
    adjust,
    ci,
    collect,
    completion,
    diff,
    export,
    grade,
    handing_out,
    importing,
    init,
    nbgrader,
    similar,
    student,
)  # fmt: skip
from autograder.commands import desk as instructors_desk
from autograder.commands import serve as serving
from autograder.commands.one_line import one_line_mistakes, require_supported_versions, tolerant_output
from autograder.commands.options import (
    CacheOption,
    CourseOption,
    Device,
    DeviceOption,
    JobsOption,
    JsonOption,
    ResultsOption,
    SandboxOption,
    StudentArgument,
    TopicArgument,
    UnsafeOption,
    WithSandbox,
    ask_for,
    check_topics,
    console_of,
    print_json,
    progress_of,
    required,
)
from autograder.commands.root import new_app

if TYPE_CHECKING:
    from autograder.course.course_file import Course

__all__ = ["app", "main"]

app = new_app("Grade PyTorch exercises.")

adjust.register(app)
diff.register(app)
export.register(app)
handing_out.register(app)
student.register(app)
collect.register(app)
init.register(app)
importing.register(app)
similar.register(app)
nbgrader.register(app)
grade.register(app)


@app.command()
def show(
    student: StudentArgument,
    topic: TopicArgument,
    results: ResultsOption = Path("grades"),
    course: CourseOption = Path("course.yml"),
    as_json: JsonOption = False,
) -> None:
    """Show one result in the terminal.

    Example: autograde show ada autograd
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.grading.marks import marks_in, students_of
        from autograder.grading.result_files import find_result, read_result
        from autograder.reporting.terminal import print_result

        loaded = load_course(course) if course.exists() else None
        path = find_result(results, student, topic, known=students_of(loaded, results) if loaded else ())
        marks = marks_in(loaded, results, only=student) if loaded else ()
        mark = next((mark for mark in marks if mark.topic == topic), None)
        if as_json:
            print_json({"mark": mark, "result": read_result(path)})
            return
        print_result(read_result(path), console_of(), mark=mark, page=path.with_suffix(".html"))


@app.command(cls=WithSandbox)
def verify(
    topics: Annotated[
        list[str] | None,
        typer.Argument(help="Topics to verify.", show_default="all", autocompletion=completion.topics),
    ] = None,
    course: CourseOption = Path("course.yml"),
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many seeds right answers must pass on.")] = 20,
    device: DeviceOption = Device.CPU,
    mutants: Annotated[
        bool, typer.Option("--mutants/--no-mutants", help="Try mutants of the reference; this takes the longest.")
    ] = True,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept surviving mutants that seem equivalent; you then edit the reasons.")
    ] = False,
    operators: Annotated[
        bool, typer.Option("--operators", help="List the operators that make mutants, and stop.", is_eager=True)
    ] = False,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
    require_sandbox: SandboxOption = "",
    unsafe: UnsafeOption = False,
) -> None:
    """Prove that the checks pass right answers, fail wrong ones, and recognise known mistakes.

    Example: autograde verify autograd --no-mutants
    """
    if operators:
        from autograder.verifying.operators import listing

        typer.echo(listing())
        return
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import AuthoringError
        from autograder.processes.pool import Pool
        from autograder.verifying.verify import verify as verify_course

        if accept and not mutants:
            raise AuthoringError("--accept needs mutants to accept; leave out --no-mutants.")
        loaded = load_course(course)
        check_topics(loaded, topics or (), "")
        ask_for(device)
        require = required(require_sandbox)
        console = console_of(stderr=as_json)
        with (
            progress_of("Verifying") as step,
            Pool(jobs, device=device.value, require=require, unsafe=unsafe) as pool,
        ):
            verification = verify_course(
                loaded,
                topics or None,
                pool,
                seeds=seeds,
                device=device.value,
                mutants=mutants,
                accept=accept,
                on_progress=step,
            )
        if as_json:
            for topic in verification.topics:
                print_json(topic.counts())
        if console.is_terminal:
            console.print(verification.table())
            console.print("\n".join([*verification.notes(), verification.summary()]), soft_wrap=True)
        else:
            console.print(verification.plain(), soft_wrap=True)
        if verification.problems:
            raise typer.Exit(1)


@app.command()
def new(
    topic: Annotated[str, typer.Argument(help="The new topic's name, for example `views`.")],
    course: CourseOption = Path("course.yml"),
) -> None:
    """Write the skeleton of a new topic: exercise, checks, reference, misconceptions, and its entry in course.yml.

    Example: autograde new views
    """
    with one_line_mistakes():
        from autograder.course import new_topic

        root = course if course.is_dir() else course.parent
        for path in new_topic.create(root, topic):
            typer.echo(f"wrote {path}")
        typer.echo(new_topic.next_steps(root, topic))


@app.command()
def release(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; report what is out of date or would leak.")] = False,
    open_: Annotated[
        str | None,
        typer.Option(
            "--open",
            metavar="TOPIC",
            help="Print the passphrase of this topic's sealed solutions.",
            autocompletion=completion.topics,
        ),
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="With --open: write the passphrase into the release as well.")
    ] = False,
    course: CourseOption = Path("course.yml"),
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The folder to release to.", show_default="release/ of the course")
    ] = None,
    cache: CacheOption = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Build what students get: notebooks, visible checks, public answer keys. Fails if anything private would leak.

    Example: autograde release --check
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import AutogradeError
        from autograder.processes.pool import Pool
        from autograder.release.build import build
        from autograder.release.build import check as check_release

        loaded = replace(load_course(course), cache=cache)
        folder = out or loaded.root / "release"
        if folder.exists() and not folder.is_dir():
            raise AutogradeError(f"{folder}: this is a file; name a folder for the release with -o.")
        if open_ is not None and not check:
            _open_solutions(loaded, open_, folder, publish=publish)
            return
        if open_ is not None or publish:
            raise AutogradeError("--publish goes with --open TOPIC, and neither goes with --check.")
        with Pool(unsafe=unsafe) as pool:
            if not check:
                notes: list[str] = []
                paths = build(loaded, pool, folder, notes)
                typer.echo(f"wrote {len(paths)} files below {folder}")
                for note in notes:
                    typer.echo(note, err=True)
                return
            problems = check_release(loaded, pool, folder)
        for problem in problems:
            typer.echo(problem, err=True)
        if problems:
            raise typer.Exit(1)
        typer.echo(f"{folder} is up to date and holds nothing private.")


def _open_solutions(course: Course, topic: str, folder: Path, *, publish: bool) -> None:
    from datetime import UTC, datetime

    from autograder.release.solutions import passphrase_of, write_passphrase

    passphrase = passphrase_of(course, topic, folder)
    typer.echo(passphrase)
    due = course.topics[topic].due
    if due is not None and datetime.now(UTC) < due:
        typer.echo(f"note: {topic} is not due until {due:%Y-%m-%d %H:%M}.", err=True)
    if publish:
        typer.echo(f"wrote {write_passphrase(topic, passphrase, folder)}", err=True)


app.command()(instructors_desk.desk)
app.command()(serving.serve)
ci.register(app)


def main() -> None:
    """Run the command line."""
    tolerant_output()
    require_supported_versions()
    app()
