"""`autograde grade`: a class from its files to results, pages and marks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder._words import counted
from autograder.commands import collect, extras
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import (
    CacheOption,
    CourseOption,
    Device,
    DeviceOption,
    JobsOption,
    JsonOption,
    OutOption,
    SandboxOption,
    StudentsOption,
    TopicsOption,
    UnsafeOption,
    WithSandbox,
    ask_for,
    console_of,
    print_left_out,
    progress_of,
    required,
)
from autograder.errors import AutogradeError

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.course.course_file import Course
    from autograder.grading.regrade import Regrade
    from autograder.grading.submissions import Discovery
    from autograder.processes.pool import Pool
    from autograder.records.results import Graded
    from autograder.reporting.terminal import ClassSummary

__all__ = ["register"]


def grade(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="A class's folder (STUDENT/TOPIC.ipynb), a student's, or a file.", show_default="submitted/"),
    ] = None,
    course: CourseOption = Path("course.yml"),
    topic: TopicsOption = None,
    student: StudentsOption = None,
    jobs: JobsOption = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Repeat the run with this seed.", show_default="as before, or drawn"),
    ] = None,
    device: DeviceOption = Device.CPU,
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
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run submissions on the workers of this Dask scheduler: tls://HOST:PORT."),
    ] = None,
    as_json: JsonOption = False,
    cache: CacheOption = None,
    require_sandbox: SandboxOption = "",
    unsafe: UnsafeOption = False,
) -> None:
    """Grade a class. Unchanged submissions keep their results; an interrupted run resumes where it stopped.

    If checks have changed and marks would change with them, this shows whose, and nothing is written until you --accept it.

    Example: autograde grade submitted/ --topic autograd -o grades
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
        ask_for(device)
        extras.require("jinja2")
        if scheduler:
            extras.require_elsewhere("distributed")
        loaded = replace(load_course(course), cache=cache)
        # Less than minimal is refused in any case, unless --unsafe asks for it.
        require = [*required(require_sandbox), *([loaded.sandbox] if loaded.sandbox != "minimal" else [])]
        console = console_of(stderr=as_json)
        found = _paths(paths, loaded)
        collect.refuse_downloads(found, loaded)
        discovery = find_submissions(found, loaded, topics=tuple(topic or ()), students=tuple(student or ()))
        print_left_out(console, discovery)
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
        with locked(out):
            if resume:
                _resume(
                    loaded, discovery, console, out, jobs=jobs, device=device.value, as_json=as_json, require=require,
                    unsafe=unsafe, scheduler=scheduler,
                )  # fmt: skip
                return
            _grade(
                loaded, discovery, console, out, topics=tuple(topic or ()), whole=not (topic or student or retry or shard),
                jobs=jobs, seed=seed, device=device.value, force=force, dry_run=dry_run, accept=accept, as_json=as_json,
                require=require, unsafe=unsafe, scheduler=scheduler,
            )  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add this command to the instructor's."""
    app.command(cls=WithSandbox)(grade)


def _paths(paths: list[Path] | None, course: Course) -> list[Path]:
    if paths:
        return paths
    default = course.root / "submitted"
    if not default.is_dir():
        raise AutogradeError(f"Name the folder to grade: there is no {default}.")
    return [default]


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
    scheduler: str | None,
) -> None:
    from autograder.gradebook.adjustments import load_adjustments
    from autograder.grading.grade import choose_seed
    from autograder.grading.grade_class import grade_class
    from autograder.grading.handed_in import record
    from autograder.grading.marks import refresh
    from autograder.grading.regrade import proposed_of, settle
    from autograder.grading.submissions import FEW
    from autograder.reporting.terminal import ClassSummary, confinement

    started = time.monotonic()
    adjustments, proposed = load_adjustments(course), proposed_of(out)
    summary = ClassSummary(course, discovery.students)
    several = len(discovery.submissions) > FEW
    preload = _needed_modules(course, {each.topic for each in discovery.submissions}) if several else ()
    with (
        progress_of("Grading") as step,
        _pool(
            console, scheduler, jobs, device=device, require=require, unsafe=unsafe, many=several, preload=preload
        ) as pool,
    ):
        line = confinement(pool.layers, unsafe=pool.unsafe)
        chosen = choose_seed(
            course, out, seed=seed, device=device, force=force, whole=whole, proposed=proposed, dry_run=dry_run
        )
        if not dry_run:
            record(course, discovery, topics or tuple(course.topics), out)
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
    if scheduler:
        console.print(_on_workers(pool, scheduler), soft_wrap=True)
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
        console.print(
            "Close other programs, free disk space or use fewer --jobs, and grade the rest with --retry.", soft_wrap=True
        )
        raise typer.Exit(3)
    if regrade.changes and not regrade.taken and not dry_run:
        raise typer.Exit(1)


def _needed_modules(course: Course, topics: Iterable[str]) -> tuple[str, ...]:
    """What the checks of these topics import, and so every submission needs."""
    from autograder.processes.drive_job import needed_modules

    files = [course.root / "tests" / kind / f"test_{name}.py" for name in topics for kind in ("visible", "hidden")]
    return needed_modules([file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()])


def _pool(
    console: Console,
    scheduler: str | None,
    jobs: int | None,
    *,
    device: str,
    require: Sequence[str],
    unsafe: bool,
    many: bool = True,
    preload: Sequence[str] = (),
) -> Pool:
    """What runs submissions: this machine, or a scheduler's workers."""
    if scheduler is None:
        from autograder.processes.pool import Pool

        return Pool(jobs, device=device, require=require, unsafe=unsafe, many=many, preload=preload)
    from rich.text import Text

    from autograder.cluster.pool import ClusterPool

    def show(note: str) -> None:
        console.print(Text(note, "yellow"), soft_wrap=True)

    return ClusterPool(scheduler, jobs, device=device, require=require, unsafe=unsafe, on_note=show)


def _on_workers(pool: Pool, scheduler: str) -> str:
    from autograder.cluster.pool import ClusterPool

    used = len(pool.answered) if isinstance(pool, ClusterPool) else 0
    return f"Submissions ran on {counted(used, 'worker')} of {scheduler}."


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
    scheduler: str | None,
) -> None:
    from rich.text import Text

    from autograder.course.topic import load_topic
    from autograder.grading import grade, resume
    from autograder.grading.marks import refresh
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
            progress_of("Resuming") as step,
            _pool(console, scheduler, jobs, device=device, require=require, unsafe=unsafe) as pool,
        ):
            keys = dict.fromkeys((each.submission.topic, each.result.version) for each in waiting)
            prepared = {
                (name, version): grade.prepare(course, name, pool, seed=seed, device=device, version=version, whole=True)
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
        console.print(
            "Close other programs, free disk space or use fewer --jobs, and run the same command again.", soft_wrap=True
        )
        raise typer.Exit(3)


@contextmanager
def _shown_if_interrupted(course: Course, out: Path, discovery: Discovery) -> Iterator[None]:
    """Where grading ends early, by Ctrl-C, a signal or a mistake in the course, the class's page shows how far it came."""
    from autograder.grading.marks import refresh

    try:
        yield
    except (KeyboardInterrupt, AutogradeError):
        refresh(course, out, students=discovery.students)
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
