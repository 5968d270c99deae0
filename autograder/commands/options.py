"""What several of the instructor's commands share: options, the console, a bar of progress, what is said about a class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from autograder._words import suggestion
from autograder.commands import completion
from autograder.errors import AutogradeError

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.course.course_file import Course
    from autograder.grading.submissions import Discovery

__all__ = [
    "CacheOption",
    "CourseOption",
    "Device",
    "DeviceOption",
    "JobsOption",
    "JsonOption",
    "OutOption",
    "ResultsOption",
    "SandboxOption",
    "StudentArgument",
    "StudentsOption",
    "TopicArgument",
    "TopicsOption",
    "UnsafeOption",
    "WithSandbox",
    "ask_for",
    "check_topics",
    "choice",
    "console_of",
    "print_json",
    "print_left_out",
    "progress_of",
    "required",
]


class Device(StrEnum):
    """Where students' code runs."""

    CPU = "cpu"
    CUDA = "cuda"


def choice(kind: type[StrEnum], *names: str, help: str) -> Any:
    """An option whose value is one of an enumeration's; of anything else, the message says what may have been meant."""
    values = [str(each) for each in kind]

    def parse(text: str) -> StrEnum:
        if text not in values:
            raise typer.BadParameter(f"{text!r} is not one of these; {suggestion(text, values)}")
        return kind(text)

    return typer.Option(
        *names,
        help=help,
        parser=parse,
        metavar=f"[{'|'.join(values)}]",
        autocompletion=lambda incomplete: [value for value in values if value.startswith(incomplete)],
    )


StudentArgument = Annotated[
    str, typer.Argument(help="The student: the name of a folder in the results.", autocompletion=completion.students)
]
StudentsOption = Annotated[
    list[str] | None,
    typer.Option("--student", help="Only this student; can be repeated.", autocompletion=completion.students),
]
TopicArgument = Annotated[str, typer.Argument(help="The topic.", autocompletion=completion.topics)]
TopicsOption = Annotated[
    list[str] | None, typer.Option("--topic", help="Only this topic; can be repeated.", autocompletion=completion.topics)
]
ResultsOption = Annotated[Path, typer.Option("--results", help="The folder of the results, which `autograde grade` wrote.")]
DeviceOption = Annotated[Device, choice(Device, "--device", help="Where the students' code runs.")]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="AUTOGRADE_CACHE",
        help="The folder in which answer keys are kept between runs.",
        show_default="autograde/ in XDG_CACHE_HOME if that is set, else .autograde/ of the course",
    ),
]
CourseOption = Annotated[Path, typer.Option(help="course.yml, or the folder it is in.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON instead, as docs/commands.md describes; all else goes to standard error.")
]
JobsOption = Annotated[
    int | None, typer.Option(min=1, max=256, help="How many submissions to run at a time; one per core by default.")
]
SandboxOption = Annotated[
    str,
    typer.Option(
        "--require-sandbox",
        metavar="[=NAMES]",
        help="Refuse to run without all layers of confinement, or without those named: --require-sandbox=landlock,seccomp "
        "or a level, full, standard or minimal.",
        show_default=False,
    ),
]
OutOption = Annotated[Path, typer.Option("-o", "--out", help="The folder for the results.")]
UnsafeOption = Annotated[bool, typer.Option("--unsafe", help="Run even without any confinement.")]


class WithSandbox(TyperCommand):
    """A command in which `--require-sandbox` alone stands for `--require-sandbox=full`, and takes no other word with it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click.Command."""
        args = ["--require-sandbox=full" if word == "--require-sandbox" else word for word in args]
        return super().parse_args(ctx, args)


def print_json(value: object) -> None:
    """Print a value as a line of JSON."""
    import msgspec

    typer.echo(msgspec.json.encode(value).decode())


def console_of(*, stderr: bool = False) -> Console:
    """A console that prints text as it is."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, stderr=stderr)


@contextmanager
def progress_of(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A live bar on standard error, if that is a terminal. Call the value as `(done, total, what)`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = console_of(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(title, total=None)

        def step(done: int, total: int, what: str) -> None:
            progress.update(bar, completed=done, total=total, description=f"{title} {what}".replace("[", r"\["))

        yield step


def print_left_out(console: Console, discovery: Discovery) -> None:
    """Say which files are not graded, and what else there is to know about what was found."""
    from rich.text import Text

    if discovery.unrecognised:
        console.print(f"NOT GRADED, because not recognised ({len(discovery.unrecognised)}):", style="bold yellow")
        for line in discovery.unrecognised:
            console.print(Text(f"  {line}", "yellow"), soft_wrap=True)
    for note in discovery.notes:
        console.print(Text(note), soft_wrap=True)


def required(names: str) -> list[str]:
    """The layers and levels that --require-sandbox names.

    Raises:
        AutogradeError: if there is no such thing.
    """
    from autograder.sandbox import LAYERS, LEVELS

    wanted = [name for name in names.split(",") if name]
    known = (*LEVELS, *LAYERS)
    for name in wanted:
        if name not in known:
            raise AutogradeError(f"--require-sandbox={name}: there is no such layer or level; {suggestion(name, known)}")
    return wanted


def check_topics(course: Course, topics: Iterable[str], said: str = "--topic ") -> None:
    """Raise AutogradeError about the first topic that the course does not have. `said`: what stands before it."""
    for topic in topics:
        if topic not in course.topics:
            raise AutogradeError(f"{said}{topic}: the course has no such topic; {suggestion(topic, course.topics)}")


def ask_for(device: Device) -> None:
    """Raise DeviceUnavailable if the device is a GPU and there is none."""
    if device is Device.CUDA:
        from autograder.processes.gpu import find_gpu

        find_gpu()
