"""nbgrader on a real PostgreSQL server: the export, its own commands, formgrader in a browser, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_course import make_manual_course
from in_browser import SECONDS
from jupyter_servers import TOKEN, jupyter
from nbgrader_commands import nbgrader
from playwright.sync_api import Page
from playwright.sync_api import expect as expect_that
from postgresql import postgresql
from sqlalchemy import create_engine, text
from tiny_course import RIGHT, WRONG, write_notebook
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.gradebook.adjustments import load_adjustments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

BOM = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of an empty database."""
    with postgresql() as url:
        yield url


def autograde(*arguments: str, code: int = 0) -> str:
    run = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert run.exit_code == code, run.output
    return run.output


def rows(database: str, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()


GRADES = """
select student_id, base_cell.name, auto_score, manual_score, needs_manual_grade, manual_comment
from grade join base_cell on base_cell.id = grade.cell_id
join submitted_notebook on submitted_notebook.id = grade.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
left join (
  select comment.notebook_id, manual_comment, base_cell.name from comment join base_cell on base_cell.id = comment.cell_id
) said on said.notebook_id = grade.notebook_id and said.name = replace(base_cell.name, 'check-', 'task-')
order by 1, 2
"""


def test_from_the_export_to_formgrader_and_back(
    database: str, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_manual_course(tmp_path / "course")
    for student, code in (("ann", RIGHT), ("bo", WRONG)):
        path = write_notebook(
            root / "submitted" / student / "views.ipynb", *code.split("\n\n", 1), "why = 'It shares memory.'"
        )
        path.write_bytes(BOM + path.read_bytes())
    monkeypatch.chdir(root)
    export = ("export-nbgrader", "--db-url", database, "--seed", "7")
    autograde(*export, "--submissions", "submitted")
    folder = root / "nbgrader"
    assert rows(database, "select name, duedate::text from assignment") == [("views", "2027-03-01 12:00:00")]
    assert not (folder / "gradebook.db").exists()
    nbgrader(folder, "generate_assignment", "views")
    nbgrader(folder, "autograde", "views")
    graded = {(student, cell): rest for student, cell, *rest in rows(database, GRADES)}
    assert graded["ann", "check-double"] == [4.0, None, False, None]
    assert graded["bo", "check-double"] == [0.0, None, False, None]
    assert graded["ann", "check-why"] == [None, None, True, None]  # a person's to mark

    [(submission,)] = rows(
        database,
        "select submitted_notebook.id from submitted_notebook join submitted_assignment "
        "on submitted_assignment.id = submitted_notebook.assignment_id where student_id = 'ann'",
    )
    with jupyter("jupyter_server", folder, tmp_path) as address:
        page.route(re.compile(r"https?://(?!127\.0\.0\.1)"), lambda route: route.abort())  # MathJax, from elsewhere
        page.set_extra_http_headers({"Authorization": f"token {TOKEN}"})  # nbgrader's pages set no cookie for a token
        page.goto(f"{address}formgrader/gradebook/views/views")
        expect_that(page.locator("table")).to_contain_text("Submission #2", timeout=SECONDS * 1000)
        page.goto(f"{address}formgrader/submissions/{submission}/")
        with page.expect_response(re.compile("/api/grade/")):
            page.locator("#check-why.needs_manual_grade").fill("2.5")  # formgrader has its marks by then
            page.locator("#check-why").blur()
        with page.expect_response(re.compile("/api/comment/")):
            page.locator("#task-why-comment[placeholder]").fill("Right: they share it.")
            page.locator("#task-why-comment").blur()
    assert 'ann, views, why: points 2.5, comment "Right: they share it."' in autograde("sync-nbgrader")
    course = load_course(root)
    [entry] = load_adjustments(course)["ann"]
    assert (entry.task, entry.points, entry.comment, entry.by) == ("why", 2.5, "Right: they share it.", "formgrader")
    assert "\nNothing to do" in f"\n{autograde('sync-nbgrader')}"

    autograde("adjust", "bo", "views", "why", "--points", "1", "--comment", "Why?")
    autograde("sync-nbgrader")
    graded = {(student, cell): rest for student, cell, *rest in rows(database, GRADES)}
    assert graded["bo", "check-why"] == [None, 1.0, False, "Why?"]
    assert graded["ann", "check-why"] == [None, 2.5, False, "Right: they share it."]
    assert "\nNothing to do" in f"\n{autograde('sync-nbgrader')}"
