"""`autograde export-nbgrader` and `autograde sync-nbgrader`: a course for nbgrader, and marks to it and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands import collect, extras
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import (
    CacheOption,
    CourseOption,
    ResultsOption,
    UnsafeOption,
    choice,
    console_of,
    print_left_out,
)

if TYPE_CHECKING:
    from autograder.nbgrader.sync import Synced

__all__ = ["register"]

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--db-url",
        metavar="URL",
        help="nbgrader's database, such as postgresql://grace@localhost/course.",
        show_default="c.CourseDirectory.db_url in nbgrader_config.py, or a file",
    ),
]


class Side(StrEnum):
    """Whose decision counts in a conflict."""

    AUTOGRADE = "autograde"
    NBGRADER = "nbgrader"


def export_nbgrader(
    course: CourseOption = Path("course.yml"),
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the nbgrader course.")] = Path("nbgrader"),
    submissions: Annotated[
        list[Path] | None, typer.Option(help="A class's folder to copy into submitted/; can be repeated.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**63 - 1, help="The seed of the grading run.", show_default="that of an earlier export, or drawn"
        ),
    ] = None,
    db_url: DatabaseOption = "",
    cache: CacheOption = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Make a course for nbgrader, in which nbgrader's own commands grade with autograde.

    An nbgrader_config.py that is there is never overwritten.

    Example: autograde export-nbgrader -o nbgrader --submissions submitted/
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.grading.grade import refuse_public

        refuse_public(seed)
        loaded = replace(load_course(course), cache=cache)
        collect.refuse_downloads(submissions or (), loaded)
        extras.require("nbgrader")

        from autograder.grading.submissions import find_submissions
        from autograder.nbgrader.export import add_submissions, export
        from autograder.processes.pool import Pool

        discovery = find_submissions(submissions, loaded) if submissions else None
        with Pool(unsafe=unsafe) as pool:
            exported = export(loaded, pool, out, seed=seed, db_url=db_url)
        if discovery is not None:
            print_left_out(console_of(), discovery)
            for note in add_submissions(discovery.submissions, out):
                typer.echo(note)
        for note in exported.notes:
            typer.echo(note, err=True)
        typer.echo(
            f"Wrote {out} with {len(exported.assignments)} assignments. Next, in that folder: nbgrader generate_assignment "
            f"{exported.assignments[0]}"
        )


def sync_nbgrader(
    folder: Annotated[Path, typer.Argument(help="The folder of the nbgrader course.")] = Path("nbgrader"),
    results: ResultsOption = Path("grades"),
    db_url: DatabaseOption = "",
    prefer: Annotated[
        Side | None, choice(Side, "--prefer", help="Whose decision counts where both sides have changed it; else nobody's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and write nothing.")] = False,
    course: CourseOption = Path("course.yml"),
) -> None:
    """Bring results and decisions into nbgrader's gradebook, and formgrader's marks and comments into adjustments.yml.

    Where both sides have changed the same, that is named as a conflict, both are left as they are, and the exit code is 1.

    Example: autograde sync-nbgrader nbgrader/ --dry-run
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course

        extras.require("nbgrader")
        from autograder.nbgrader.sync import sync

        loaded = load_course(course)
        synced = sync(loaded, results, folder, db_url=db_url, prefer=prefer.value if prefer else "", dry_run=dry_run)
        _print(synced, dry_run=dry_run)
        if synced.conflicts and not dry_run:
            raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands to the instructor's."""
    app.command("export-nbgrader")(export_nbgrader)
    app.command("sync-nbgrader")(sync_nbgrader)


def _print(synced: Synced, *, dry_run: bool) -> None:
    from autograder._words import counted

    _print_lines("From nbgrader into adjustments.yml", synced.pulled)
    _print_lines("From adjustments.yml into nbgrader", synced.pushed)
    if synced.written:
        counts = ", ".join(counted(number, what) for what, number in synced.written.items())
        typer.echo(f"Brought up to date in nbgrader: {counts}.")
    for note in synced.notes:
        typer.echo(note, err=True)
    if not (synced.pulled or synced.pushed or synced.written or synced.conflicts):
        typer.echo("Nothing to do: both sides say the same.")
    if synced.conflicts:
        _print_lines("CONFLICTS, left as they are on both sides", synced.conflicts, err=True)
        typer.echo("Make both the same; or run the same command with --prefer autograde or --prefer nbgrader.", err=True)
    if dry_run:
        typer.echo("Nothing was written, because of --dry-run.")


def _print_lines(title: str, lines: Sequence[str], *, err: bool = False) -> None:
    if lines:
        typer.echo("\n".join([f"{title} ({len(lines)}):", *(f"  {line}" for line in lines)]), err=err)
