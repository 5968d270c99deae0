"""The commands of students: `autograde start`, `check`, `watch`, `hint`, `solution`, `progress` and `ci`.

Where only a release's wheel is installed, they are all that `autograde` offers; the instructor's command has them too.
Nothing heavy is imported until a command needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder._words import suggestion
from autograder.commands.one_line import one_line_mistakes, require_supported_versions, tolerant_output
from autograder.commands.root import new_app

__all__ = ["app", "main", "register"]


def _topics(incomplete: str) -> list[str]:
    """What the shell completes: the release's topics."""
    return [name for name, _ in _tasks_by_topic() if name.startswith(incomplete)]


def _tasks(context: typer.Context, incomplete: str) -> list[str]:
    """What the shell completes: the tasks of the topic that was named before, or of all topics."""
    chosen = context.params.get("topic")
    return [
        task for name, tasks in _tasks_by_topic() if chosen in (None, name) for task in tasks if task.startswith(incomplete)
    ]


def _tasks_by_topic() -> list[tuple[str, list[str]]]:
    try:
        from autograder.student.released import find_release

        return [(name, list(topic.tasks)) for name, topic in find_release().card.topics.items()]
    except Exception:  # whatever is wrong, the shell completes nothing, and the command will say it
        return []


FileArgument = Annotated[Path | None, typer.Argument(help="Your notebook or Python file.", show_default="the only one here")]
TopicOption = Annotated[str | None, typer.Option(help="Its topic, if its name does not say.", autocompletion=_topics)]
TaskArgument = Annotated[str, typer.Argument(help="The task.", autocompletion=_tasks)]


def start(
    topic: Annotated[str | None, typer.Argument(help="The topic, for example `autograd`.", autocompletion=_topics)] = None,
) -> None:
    """Turn a topic's notebook into a Python file, to work on in an editor.

    Example: autograde start autograd
    """
    with one_line_mistakes():
        from autograder._files import write_whole
        from autograder.errors import RequestError
        from autograder.student.released import find_release
        from autograder.student.student_file import python_file

        release = find_release()
        if topic is None:
            typer.echo("Start one of these topics with `autograde start TOPIC`:")
            for name, card in release.card.topics.items():
                typer.echo(f"  {name:16} {card.title}")
            return
        if topic not in release.card.topics:
            raise RequestError(f"There is no topic {topic!r}; {suggestion(topic, release.card.topics)}")
        path = Path(f"{topic}.py")
        if path.exists():
            raise RequestError(f"{path} already exists; keep working on it, or move it first.")
        write_whole(path, python_file(release.notebook(topic).read_bytes()).encode("utf-8"))
        typer.echo(f"Wrote {path}. Open it in your editor, and run `autograde watch {path}` in a terminal beside it.")


def check(file: FileArgument = None, topic: TopicOption = None) -> None:
    """Run a notebook or Python file from top to bottom, as grading does, and check its tasks.

    Example: autograde check autograd.ipynb
    """
    with one_line_mistakes():
        from autograder.student.as_text import show
        from autograder.student.check_file import answer_file
        from autograder.student.released import find_release
        from autograder.student.run_file import Runner
        from autograder.student.store import Store
        from autograder.student.student_file import find_file, read_file
        from autograder.student.view import Note, answer_view

        release = find_release(file.absolute().parent if file is not None else None)
        read = read_file(release, find_file(release, file), topic)
        chosen = release.topic(read.topic)
        with Runner(slow=lambda text: show(Note(f"{text} Press Ctrl-C to stop.", problem=False))) as runner:
            answered = answer_file(chosen, read, runner.run(chosen, read), Store(release.folder))
        for note in answered.notes:
            show(Note(note))
        show(answer_view(chosen, answered.answer))


def ci(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Your notebooks and Python files.", show_default="all in this folder")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the reports.")] = Path("autograde-report"),
) -> None:
    """Check files in continuous integration: reports, and on GitHub annotations, a summary and points.

    Example: autograde ci autograd.ipynb -o autograde-report
    """
    with one_line_mistakes():
        from autograder.reporting.ci_reports import write_reports
        from autograder.student.ci import FOOTER, check_files

        write_reports(check_files(files or []), out, footer=FOOTER)


def watch(
    file: FileArgument = None,
    topic: TopicOption = None,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines, without a list of tasks and without keys.")] = False,
) -> None:
    """Check a file each time you save it: a list of the tasks, what is wrong with the one you edit, and hints.

    Example: autograde watch autograd.py
    """
    with one_line_mistakes("Your place is saved."):
        from autograder.student.as_text import show
        from autograder.student.released import find_release
        from autograder.student.student_file import find_file
        from autograder.student.view import Note
        from autograder.student.watch import FileSaves, has_screen, lacks_textual
        from autograder.student.watch import watch as watch_file

        release = find_release(file.absolute().parent if file is not None else None)
        path = find_file(release, file)
        on_screen = not plain and has_screen()
        if on_screen and (sentence := lacks_textual()):
            show(Note(sentence, problem=False))
            on_screen = False
        with FileSaves(path) as saves:
            if not on_screen:
                watch_file(release, path, topic, saves)
                return
            from autograder.student.watch_screen import watch_on_screen

            show(Note(watch_on_screen(release, path, topic, saves), problem=False))


def hint(task: TaskArgument, topic: TopicOption = None) -> None:
    """Show one more hint for a task.

    Example: autograde hint sign_ste
    """
    with one_line_mistakes():
        from autograder.student.as_text import show
        from autograder.student.lookup import one_more_hint

        show(one_more_hint(task, topic or ""))


def solution(
    task: TaskArgument,
    topic: TopicOption = None,
    passphrase: Annotated[str, typer.Option(help="What your instructor published.", show_default=False)] = "",
) -> None:
    """Show a worked solution of a task, if the course has it open by now.

    Example: autograde solution sign_ste --topic autograd
    """
    with one_line_mistakes():
        from autograder.student.as_text import show
        from autograder.student.solutions import worked_solution

        show(worked_solution(task, topic or "", passphrase))


def progress(topic: TopicOption = None) -> None:
    """Show how each task stood when it was last checked.

    Example: autograde progress --topic autograd
    """
    with one_line_mistakes():
        from autograder.student.as_text import show
        from autograder.student.lookup import progress_of

        show(progress_of(topic or ""))


def register(app: typer.Typer) -> None:
    """Add the students' commands to a command."""
    for command in (start, check, watch, hint, solution, progress, ci):
        app.command(rich_help_panel="For students")(command)


app = new_app("Check your solutions to PyTorch exercises.", codes=(0, 2, 130))
register(app)


def main() -> None:
    """Run the command line."""
    tolerant_output()
    require_supported_versions()
    app()
