"""The command `autograde`. It parses, calls and prints; nothing heavy is imported until a command needs it.

Exit codes: 0 the command did its work (whatever the scores), 1 `verify` or `release --check` found problems, or `grade` has
results that would change marks and that nobody has accepted, 2 there is a mistake in the command line or in the course's
files, or nothing to grade or collect, 3 `grade` did its work except for submissions that the machine failed at, 130
interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from autograder._words import counted, suggestion
from autograder.commands import adjust, ci, collect, diff, export, extras, handing_out, importing, init, similar, student
from autograder.commands import desk as instructors_desk
from autograder.commands import serve as serving
from autograder.commands.one_line import one_line_mistakes, require_supported_versions, tolerant_output
from autograder.errors import AutogradeError

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.course.course_file import Course
    from autograder.grading.regrade import Regrade
    from autograder.grading.submissions import Discovery
    from autograder.records.results import Graded
    from autograder.reporting.terminal import ClassSummary

__all__ = ["app", "main"]

app = typer.Typer(
    name="autograde",
    help="Grade PyTorch exercises.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

adjust.register(app)
diff.register(app)
export.register(app)
handing_out.register(app)
student.register(app)
collect.register(app)
init.register(app)
importing.register(app)
similar.register(app)


class Device(StrEnum):
    """Where students' code runs."""

    CPU = "cpu"
    CUDA = "cuda"


CourseOption = Annotated[Path, typer.Option(help="course.yml, or the folder it is in.")]
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
UnsafeOption = Annotated[bool, typer.Option("--unsafe", help="Run even without any confinement.")]
OutOption = Annotated[Path, typer.Option("-o", "--out", help="The folder for the results.")]


class _WithSandbox(TyperCommand):
    """A command in which `--require-sandbox` alone stands for `--require-sandbox=full`, and takes no other word with it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click.Command."""
        args = ["--require-sandbox=full" if word == "--require-sandbox" else word for word in args]
        return super().parse_args(ctx, args)


@app.command(cls=_WithSandbox)
def grade(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="A class's folder (STUDENT/TOPIC.ipynb), a student's, or a file.", show_default="submitted/"),
    ] = None,
    course: CourseOption = Path("course.yml"),
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; can be repeated.")] = None,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; can be repeated.")] = None,
    jobs: JobsOption = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Repeat the run with this seed.", show_default="as before, or drawn"),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where the students' code runs.")] = Device.CPU,
    out: OutOption = Path("grades"),
    force: Annotated[
        bool, typer.Option("--force", help="Grade unchanged submissions again too; a whole class with a new seed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show whose mark would change; change nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Take new results of old files even if marks change.")] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Only run the checks that waited for a GPU; needs --device cuda."),
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Only grade what was not graded before because the machine failed.")
    ] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only share I of N of the students; `merge` puts shares together.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each submission; all else goes to standard error.")
    ] = False,
    require_sandbox: SandboxOption = "",
    unsafe: UnsafeOption = False,
) -> None:
    """Grade a class. Unchanged submissions keep their results; an interrupted run resumes where it stopped.

    If checks have changed and marks would change with them, this shows whose, and nothing is written until you --accept it.
    """
    with one_line_mistakes("Interrupted. The results so far are kept; run the same command again to resume."):
        from autograder.course.course_file import load_course
        from autograder.grading.grade_class import not_graded
        from autograder.grading.output_folder import locked
        from autograder.grading.shards import parse_shard, share
        from autograder.grading.submissions import find_submissions

        chosen_share = parse_shard(shard) if shard else None
        if retry and (resume or force or seed is not None):
            raise AutogradeError("--retry grades with the seed of the other results: use it without --resume, --seed and "
                                 "--force.")  # fmt: skip
        if resume and (device is Device.CPU or force or seed is not None):
            raise AutogradeError("--resume completes results with their own seed: use it with --device cuda, and without "
                                 "--seed or --force.")  # fmt: skip
        _ask_for(device)
        extras.require("jinja2")
        loaded = load_course(course)
        console = _console(stderr=as_json)
        found = _paths(paths, loaded)
        collect.refuse_downloads(found, loaded)
        discovery = find_submissions(found, loaded, topics=tuple(topic or ()), students=tuple(student or ()))
        _print_left_out(console, discovery)
        if not discovery.submissions:
            raise AutogradeError(
                "There is nothing to grade here. A submission is a file STUDENT/TOPIC.ipynb or STUDENT/TOPIC.py; "
                "`autograde collect` makes such a folder from a download."
            )
        if chosen_share:
            discovery = share(discovery, chosen_share)
        if retry:
            discovery = replace(discovery, submissions=not_graded(discovery.submissions, out))
            if not discovery.submissions:
                console.print(f"There is nothing to try again: each result in {out} is graded.", soft_wrap=True)
                return
        # Less than minimal is refused in any case, unless --unsafe asks for it.
        require = [*_required(require_sandbox), *([loaded.sandbox] if loaded.sandbox != "minimal" else [])]
        with locked(out):
            if resume:
                _resume(
                    loaded, discovery, console, out, jobs=jobs, device=device.value, as_json=as_json, require=require,
                    unsafe=unsafe,
                )  # fmt: skip
                return
            _grade(
                loaded, discovery, console, out, topics=tuple(topic or ()), whole=not (topic or student or retry or shard),
                jobs=jobs, seed=seed, device=device.value, force=force, dry_run=dry_run, accept=accept, as_json=as_json,
                require=require, unsafe=unsafe,
            )  # fmt: skip


@app.command()
def show(
    student: Annotated[str, typer.Argument(help="The student: the name of a folder in the results.")],
    topic: Annotated[str, typer.Argument(help="The topic.")],
    out: OutOption = Path("grades"),
    course: CourseOption = Path("course.yml"),
) -> None:
    """Show one result in the terminal."""
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.grading.marks import marks_in
        from autograder.grading.result_files import find_result, read_result
        from autograder.reporting.terminal import print_result

        path = find_result(out, student, topic)
        loaded = load_course(course) if course.exists() else None
        marks = marks_in(loaded, out, only=student) if loaded else ()
        mark = next((mark for mark in marks if mark.topic == topic), None)
        print_result(read_result(path), _console(), mark=mark, page=path.with_suffix(".html"))


@app.command(cls=_WithSandbox)
def verify(
    topics: Annotated[list[str] | None, typer.Argument(help="Topics to verify.", show_default="all")] = None,
    course: CourseOption = Path("course.yml"),
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many seeds right answers must pass on.")] = 20,
    device: Annotated[Device, typer.Option(help="Where the code runs.")] = Device.CPU,
    mutants: Annotated[
        bool, typer.Option("--mutants/--no-mutants", help="Try mutants of the reference; this takes the longest.")
    ] = True,
    jobs: JobsOption = None,
    require_sandbox: SandboxOption = "",
    unsafe: UnsafeOption = False,
) -> None:
    """Prove that the checks pass right answers, fail wrong ones, and recognise known mistakes."""
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import CourseError
        from autograder.processes.pool import Pool
        from autograder.verifying.verify import verify as verify_course

        loaded = load_course(course)
        for name in topics or ():
            if name not in loaded.topics:
                raise CourseError(f"{name}: the course has no such topic; {suggestion(name, loaded.topics)}")
        _ask_for(device)
        require = _required(require_sandbox)
        console = _console()
        with (
            _progress("Verifying") as step,
            Pool(jobs, device=device.value, require=require, unsafe=unsafe) as pool,
        ):
            verification = verify_course(
                loaded, topics or None, pool, seeds=seeds, device=device.value, mutants=mutants, on_progress=step
            )
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
    """Write the skeleton of a new topic: exercise, checks, reference, misconceptions, and its entry in course.yml."""
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
        str | None, typer.Option("--open", metavar="TOPIC", help="Print the passphrase of this topic's sealed solutions.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="With --open: write the passphrase into the release as well.")
    ] = False,
    course: CourseOption = Path("course.yml"),
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The folder to release to.", show_default="release/ of the course")
    ] = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Build what students get: notebooks, visible checks, public answer keys. Fails if anything private would leak."""
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import AutogradeError
        from autograder.processes.pool import Pool
        from autograder.release.build import build
        from autograder.release.build import check as check_release

        loaded = load_course(course)
        folder = out or loaded.root / "release"
        if open_ is not None and not check:
            _open_solutions(loaded, open_, folder, publish=publish)
            return
        if open_ is not None or publish:
            raise AutogradeError("--publish goes with --open TOPIC, and neither goes with --check.")
        with Pool(unsafe=unsafe) as pool:
            if not check:
                paths = build(loaded, pool, folder)
                typer.echo(f"wrote {len(paths)} files below {folder}")
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


@app.command("export-nbgrader")
def export_nbgrader(
    course: CourseOption = Path("course.yml"),
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the nbgrader course.")] = Path("nbgrader"),
    submissions: Annotated[
        list[Path] | None, typer.Option(help="A class's folder to copy into submitted/; can be repeated.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="The seed of the grading run.", show_default="drawn")
    ] = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Make a course for nbgrader, in which nbgrader's own commands grade with autograde."""
    with one_line_mistakes():
        import secrets

        from autograder.course.course_file import load_course
        from autograder.grading.grade import refuse_public

        refuse_public(seed)
        loaded = load_course(course)
        collect.refuse_downloads(submissions or (), loaded)

        from autograder.grading.submissions import find_submissions
        from autograder.nbgrader.export import add_submissions, export
        from autograder.processes.pool import Pool

        discovery = find_submissions(submissions, loaded) if submissions else None
        with Pool(unsafe=unsafe) as pool:
            names = export(loaded, pool, out, seed=1 + secrets.randbelow(2**31 - 1) if seed is None else seed)
        if discovery is not None:
            _print_left_out(_console(), discovery)
            for note in add_submissions(loaded, discovery.submissions, out):
                typer.echo(note)
        typer.echo(
            f"Wrote {out} with {len(names)} assignments. Next, in that folder: nbgrader generate_assignment {names[0]}"
        )


app.command()(instructors_desk.desk)
app.command()(serving.serve)
ci.register(app)


def main() -> None:
    """Run the command line."""
    tolerant_output()
    require_supported_versions()
    app()


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, stderr=stderr)


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A live bar on standard error, if that is a terminal. Call the value as `(done, total, what)`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = _console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(title, total=None)

        def step(done: int, total: int, what: str) -> None:
            progress.update(bar, completed=done, total=total, description=f"{title} {what}".replace("[", r"\["))

        yield step


def _paths(paths: list[Path] | None, course: Course) -> list[Path]:
    if paths:
        return paths
    default = course.root / "submitted"
    if not default.is_dir():
        raise AutogradeError(f"Name the folder to grade: there is no {default}.")
    return [default]


def _print_left_out(console: Console, discovery: Discovery) -> None:
    from rich.text import Text

    if discovery.unrecognised:
        console.print(f"NOT GRADED, because not recognised ({len(discovery.unrecognised)}):", style="bold yellow")
        for line in discovery.unrecognised:
            console.print(Text(f"  {line}", "yellow"), soft_wrap=True)
    for note in discovery.notes:
        console.print(Text(note), soft_wrap=True)


def _required(names: str) -> list[str]:
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


def _ask_for(device: Device) -> None:
    """Raise DeviceUnavailable if the device is a GPU and there is none."""
    if device is Device.CUDA:
        from autograder.processes.gpu import find_gpu

        find_gpu()


def _grade(
    course: Course,
    discovery: Discovery,
    console: Console,
    out: Path,
    *,
    topics: Sequence[str],
    whole: bool,
    jobs: int | None,
    seed: int | None,
    device: str,
    force: bool,
    dry_run: bool,
    accept: bool,
    as_json: bool,
    require: Sequence[str],
    unsafe: bool,
) -> None:
    from autograder.gradebook.adjustments import load_adjustments
    from autograder.grading.grade import choose_seed
    from autograder.grading.grade_class import grade_class
    from autograder.grading.marks import refresh
    from autograder.grading.regrade import proposed_of, settle
    from autograder.processes.pool import Pool
    from autograder.reporting.terminal import ClassSummary, confinement

    started = time.monotonic()
    adjustments, proposed = load_adjustments(course), proposed_of(out)
    summary = ClassSummary(course, discovery.students)
    with _progress("Grading") as step, Pool(jobs, device=device, require=require, unsafe=unsafe) as pool:
        line = confinement(pool.layers, unsafe=pool.unsafe)
        chosen = choose_seed(
            course, out, seed=seed, device=device, force=force, whole=whole, proposed=proposed, dry_run=dry_run
        )
        with nullcontext() if dry_run else _shown_if_interrupted(course, out, discovery):
            for graded in grade_class(
                course, discovery.submissions, pool, out, chosen.seed, device=device, force=force, adjustments=adjustments,
                proposed=proposed, dry_run=dry_run, on_progress=step,
            ):  # fmt: skip
                summary.add(graded)
                _print_line(graded, as_json=as_json)
    waiting = [key for key, graded in summary.graded.items() if graded.proposed]
    regrade = settle(course, out, waiting, adjustments, accept=accept, dry_run=dry_run)
    if not dry_run:
        summary.apply(refresh(course, out, students=discovery.students), but=() if regrade.taken else waiting)
    summary.print(console, named=topics)
    console.print(_counts(summary, time.monotonic() - started), soft_wrap=True)
    console.print(f"Seed {chosen.seed} ({chosen.origin}); `--seed {chosen.seed}` repeats this run.", soft_wrap=True)
    console.print(line, soft_wrap=True)
    if not dry_run:
        console.print(f"Reports: {out / 'index.html'} and {out / 'STUDENT' / 'TOPIC.html'}", soft_wrap=True)
    _print_regrade(console, regrade, out, dry_run=dry_run)
    if regrade.failed:
        console.print(
            f"{counted(regrade.failed, 'result')} could not be made anew, as the machine failed: "
            f"{'it stays as it was' if regrade.failed == 1 else 'they stay as they were'}. Run the same command again.",
            soft_wrap=True,
        )
    if summary.incomplete:
        console.print("Close other programs or use fewer --jobs, and grade the rest with --retry.", soft_wrap=True)
        raise typer.Exit(3)
    if regrade.changes and not regrade.taken and not dry_run:
        raise typer.Exit(1)


def _print_regrade(console: Console, regrade: Regrade, out: Path, *, dry_run: bool) -> None:
    from autograder.grading.regrade import previous_of
    from autograder.reporting.terminal import print_changes

    if regrade.changes:
        console.print("\nMarks that have changed:" if regrade.taken else "\nMarks that would change:", style="bold")
        print_changes(regrade.changes, console)
    if regrade.changes and regrade.taken:
        line = (
            f"The results before are in {previous_of(out)}; `autograde diff {previous_of(out)} {out}` compares them again."
        )
    elif dry_run:
        line = f"This was a dry run: nothing in {out} has changed{'' if regrade.changes else ', and no mark would'}."
    elif regrade.changes:
        line = f"NOT TAKEN: these results wait, and {out} is as it was. To take them, run the same command with --accept."
    else:
        return
    console.print(line, style="" if regrade.taken or dry_run else "bold yellow", soft_wrap=True)


def _resume(
    course: Course,
    discovery: Discovery,
    console: Console,
    out: Path,
    *,
    jobs: int | None,
    device: str,
    as_json: bool,
    require: Sequence[str],
    unsafe: bool,
) -> None:
    from rich.text import Text

    from autograder.course.topic import load_topic
    from autograder.grading import grade, resume
    from autograder.grading.marks import refresh
    from autograder.processes.pool import Pool
    from autograder.reporting.terminal import ClassSummary

    started = time.monotonic()
    seed = resume.seed_of(out)
    topics = {name: load_topic(course, name) for name in dict.fromkeys(each.topic for each in discovery.submissions)}
    summary = ClassSummary(course, discovery.students)
    waiting: list[resume.Waiting] = []
    for each in resume.find_waiting(course, topics, discovery.submissions, out):
        if isinstance(each, str):
            console.print(Text(each, "yellow"), soft_wrap=True)
        elif isinstance(each, resume.Waiting):
            waiting.append(each)
        else:
            summary.add(each)
            _print_line(each, as_json=as_json)
    if waiting:
        with (
            _progress("Resuming") as step,
            Pool(jobs, device=device, require=require, unsafe=unsafe) as pool,
        ):
            keys = dict.fromkeys((each.submission.topic, each.result.version) for each in waiting)
            prepared = {
                (name, version): grade.prepare(course, name, pool, seed=seed, device=device, version=version)
                for name, version in keys
            }
            with _shown_if_interrupted(course, out, discovery):
                for number, graded in enumerate(resume.resume(course, prepared, waiting, pool, out), start=1):
                    summary.add(graded)
                    _print_line(graded, as_json=as_json)
                    step(number, len(waiting), graded.student)
    summary.apply(refresh(course, out, students=discovery.students))
    summary.print(console)
    done, seconds = len(waiting) - len(summary.incomplete), time.monotonic() - started
    console.print(f"Completed {counted(done, 'result')} on {device} in {seconds:.1f} s.", soft_wrap=True)
    console.print(f"Reports: {out / 'index.html'} and {out / 'STUDENT' / 'TOPIC.html'}", soft_wrap=True)
    if summary.incomplete:
        console.print("Close other programs or use fewer --jobs, and run the same command again.", soft_wrap=True)
        raise typer.Exit(3)


@contextmanager
def _shown_if_interrupted(course: Course, out: Path, discovery: Discovery) -> Iterator[None]:
    """Where grading is interrupted, the class's page shows how far it came."""
    from autograder.grading.marks import refresh

    try:
        yield
    except KeyboardInterrupt:
        waiting = {(submission.student, submission.topic) for submission in discovery.submissions}
        refresh(course, out, students=discovery.students, waiting=waiting)
        raise


def _print_line(graded: Graded, *, as_json: bool) -> None:
    """With --json, print a submission's line at once."""
    if as_json:
        from autograder.grading.json_lines import line_of

        typer.echo(line_of(graded))


def _counts(summary: ClassSummary, seconds: float) -> str:
    graded = list(summary.graded.values())
    kept = sum(each.reused for each in graded)
    students = len({each.student for each in graded})
    return (
        f"Graded {counted(len(graded) - kept, 'submission')} in {seconds:.1f} s"
        f"{f' and kept {kept} unchanged' if kept else ''}; {counted(students, 'student')}."
    )
