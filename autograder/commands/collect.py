"""`autograde collect`: from a download to the folder that `grade` reads; and why `grade` does not read a download."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from autograder._words import counted
from autograder.commands import completion
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, JsonOption, check_topics, print_json
from autograder.errors import AutogradeError

if TYPE_CHECKING:
    from autograder.course.course_file import Course
    from autograder.course.roster import Roster
    from autograder.intake.collect import Collection

__all__ = ["refuse_downloads", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(collect)


def collect(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Downloads of Moodle, Canvas, Blackboard, Brightspace, Gradescope, ILIAS, GitHub Classroom or nbgrader, "
            "folders or zips; or folders or files named after students."
        ),
    ],
    roster: Annotated[
        Path | None,
        typer.Option(
            help="A list of people that your learning platform exports (CSV).", show_default="roster.csv of the course"
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="The format: moodle, canvas, blackboard, brightspace, gradescope, ilias, github, nbgrader or plain.",
            show_default="recognised",
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(help="The topic of notebooks that do not say it.", autocompletion=completion.topics),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="The zone of times written without one, for example Europe/Berlin.", show_default="local"),
    ] = None,
    course: CourseOption = Path("course.yml"),
    out: Annotated[Path, typer.Option("-o", "--out", help="The class's folder.")] = Path("submitted"),
    as_json: JsonOption = False,
) -> None:
    """Read downloads of a learning platform into submitted/. Running it again changes nothing; later attempts replace.

    Example: autograde collect CS101-autograd-77.zip --roster participants.csv
    """
    with one_line_mistakes("Interrupted. What was collected stays; run the same command again to complete it."):
        from autograder.course.course_file import load_course
        from autograder.intake import collect as intake
        from autograder.intake.handin import Context

        loaded = load_course(course)
        check_topics(loaded, [topic] if topic else [])
        people, words = _roster(loaded, roster)
        context = Context(tuple(loaded.topics), _zone(timezone))
        done = intake.collect(sources, loaded, out, roster=people, form=form, topic=topic, context=context)
        if as_json:
            print_json(done)
        _print(done, out, words, err=as_json)
        if not (done.new or done.replaced or done.unchanged):
            raise AutogradeError("No submission was found. Name the format with --from, or the topic with --topic.")
        typer.echo(f"Next: autograde grade {_quoted(out)}", err=as_json)


def refuse_downloads(paths: Sequence[Path], course: Course) -> None:
    """Raise if one of the paths is plainly a download, of which grading would make one student.

    Raises:
        AutogradeError: the text says what it is, and how to collect it.
    """
    from autograder.intake.formats import download_at, title_of

    for path in paths:
        if form := download_at(path, course.topics):
            what = f"a zip ({title_of(form)})" if path.is_file() else title_of(form)
            raise AutogradeError(
                f"{path} is {what}. Collect it first: autograde collect {_quoted(path)} -o submitted/, then: "
                "autograde grade submitted/"
            )


def _roster(course: Course, path: Path | None) -> tuple[Roster | None, list[str]]:
    """Who is in the class, and what to say of it. The first list becomes the course's roster."""
    from autograder.course.roster import ROSTER_FILE, load_roster, read_roster, write_roster
    from autograder.intake.people import merged

    own = load_roster(course)
    if path is None:
        hint = (
            "There is no roster: whoever is in the downloads is taken for a student. With --roster FILE names are certain."
        )
        return own, [] if own else [hint]
    people, new = merged(own, read_roster(path))
    if own is None:
        write_roster(course.root / ROSTER_FILE, people.people)
        return people, [f"Wrote {course.root / ROSTER_FILE} with {len(people.people)} people."]
    words = [f"Not in {ROSTER_FILE}, but in {path}: {', '.join(each.student for each in new)}. Add them to {ROSTER_FILE}."]
    return people, words if new else []


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise AutogradeError(f"--timezone {name}: there is no such zone; write one like Europe/Berlin.") from error


def _print(done: Collection, out: Path, words: list[str], *, err: bool) -> None:
    say = partial(typer.echo, err=err)
    for line in done.downloads:
        say(line)
    say(
        f"{counted(len(done.new) + len(done.replaced) + len(done.unchanged), 'submission')} of "
        f"{counted(len(done.students), 'student')} in {out}: {len(done.new)} new, {len(done.replaced)} replaced, "
        f"{len(done.unchanged)} unchanged."
    )
    if done.replaced:
        say(f"Replaced by a later attempt; the earlier one is in {out / '.earlier'}: {', '.join(done.replaced)}")
    if done.left_out:
        typer.secho(f"NOT COLLECTED as a submission ({len(done.left_out)}):", bold=True, err=err)
        for line in done.left_out:
            say(f"  {line}")
        say(f"These files are kept: in {out / '.unassigned'}, or in the student's folder.")
    if done.late:
        say(f"Marked as late, without a time: {', '.join(done.late)}. To count it, write the time into timestamp.txt there.")
    for topic in done.undated:
        say(
            f"{topic} has a due time, but not every download says when it was handed in, so nothing in it counts as late. "
            f"Where it was, write the time into {out}/STUDENT/{topic}/timestamp.txt, such as 2027-02-02 15:58:23 UTC."
        )
    if done.missing:
        say(f"Nothing yet of {counted(len(done.missing), 'student')} of the roster: {', '.join(done.missing)}")
    for line in [*done.notes, *words]:
        say(line)


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
