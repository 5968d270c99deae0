"""`autograde similar`: which submissions are alike beyond what was handed out, as a page to read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, JsonOption, ResultsOption, TopicsOption, check_topics, print_json

__all__ = ["register"]


def similar(
    results: ResultsOption = Path("grades"),
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The page to write.", show_default="RESULTS/similar.html")
    ] = None,
    topic: TopicsOption = None,
    threshold: Annotated[
        float, typer.Option(min=0.3, max=1.0, help="List pairs that are at least this similar, 0.3 to 1.")
    ] = 0.8,
    as_json: JsonOption = False,
    course: CourseOption = Path("course.yml"),
) -> None:
    """Show which graded submissions are alike, task by task, and how unusual that is in this class. It is no proof.

    Example: autograde similar --topic autograd --threshold 0.9
    """
    with one_line_mistakes():
        from autograder._words import counted
        from autograder.commands import extras
        from autograder.course.course_file import load_course
        from autograder.errors import ResultError
        from autograder.grading.marks import people_of
        from autograder.grading.similar import find_similar, sources_in

        extras.require("rapidfuzz", "pygments", "jinja2")
        loaded = load_course(course)
        check_topics(loaded, topic or ())
        if not results.is_dir():
            raise ResultError(f"{results}: there is no such folder; run `autograde grade` first, or name it.")
        sources = {key: value for key, value in sources_in(loaded, results).items() if not topic or key[0] in topic}
        if not sources:
            raise ResultError(f"{results}: there is no attempted task to compare; run `autograde grade` first.")
        found = find_similar(loaded, sources, threshold=threshold)
        if as_json:
            for each in found:
                print_json(each)
            return
        from autograder.reporting.similar_page import write_similar

        every = tuple(found)
        path = out or results / "similar.html"
        write_similar(every, sources, path, title=loaded.title, threshold=threshold, people=people_of(loaded))
        number = sum(each.found for each in every)
        typer.echo(f"{counted(number, 'similar pair')}: {path}. Similarity is no proof; read both sources.")


def register(app: typer.Typer) -> None:
    """Add this command to the instructor's."""
    app.command()(similar)
