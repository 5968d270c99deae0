"""Reports of a class as Markdown, JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
import json

import pytest
from made_up_results import MISTAKE, PASSED, check, result, task
from openpyxl import load_workbook

from autograder.reporting.class_report import CSV_TABLES, as_csv, as_json, as_markdown, as_xlsx, tables
from autograder.reporting.count_class import count_class

FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def figures():
    return count_class(
        [
            result(task(check("test_b"), diagnoses=(MISTAKE,)), student="boris"),
            result(task(PASSED, earned=5.0), student=FORMULA),
            result(student="dmitri", problem="Not a | notebook.", points=5.0),
        ],
        people={"zoe": 'Zoë "Z" Müller, 张'},
        title="Winter",
    )


def test_csv_has_everybody_and_no_formula(figures):
    rows = list(csv.reader(io.StringIO(as_csv(figures).decode())))
    assert rows == [
        ["student", "name", "autograd /5", "total /5", "share", "remarks"],
        [f"'{FORMULA}", f"'{FORMULA}", "5", "5", "1", ""],
        ["boris", "boris", "0", "0", "0", ""],
        ["dmitri", "dmitri", "0", "0", "0", "autograd: unreadable"],
        ["zoe", 'Zoë "Z" Müller, 张', "", "0", "0", "autograd: missing"],
    ]


@pytest.mark.parametrize("name", CSV_TABLES)
def test_each_table_can_be_had(figures, name):
    rows = list(csv.reader(io.StringIO(as_csv(figures, name).decode())))
    assert len(rows) == 1 + len(tables(figures)[name].rows)
    assert len({len(row) for row in rows}) == 1


def test_a_workbook_has_a_sheet_for_each_table(figures):
    book = load_workbook(io.BytesIO(as_xlsx(figures)))
    assert book.sheetnames == [each.title for each in tables(figures).values()]
    sheet = book["Students"]
    assert sheet["A2"].value == FORMULA
    assert sheet["A2"].data_type == "s"
    assert sheet["C2"].value == 5
    assert sheet["B5"].value == 'Zoë "Z" Müller, 张'
    assert sheet["C5"].value is None


def test_json_has_all_figures(figures):
    data = json.loads(as_json(figures))
    assert data["format_version"] == 1
    assert [each["student"] for each in data["students"]] == [FORMULA, "boris", "dmitri", "zoe"]
    assert data["misconceptions"][0]["students"] == ["boris"]
    assert data["tasks"][0]["facility"] == 0.5


def test_markdown_says_it_in_words(figures):
    text = as_markdown(figures).decode()
    assert text.startswith("# Winter\n\n## What to teach again\n\n1. `value_and_grad` in autograd: 5 points lost by 1 of 2")
    assert "| boris | boris | 0 | 0 | 0 % |  |" in text
    assert '| zoe | Zoë "Z" Müller, 张 | – | 0 | 0 % | autograd: missing |' in text
    assert "* 1 trouble that happened once; see the page" in text
    assert all(line.count(" | ") == 5 for line in text.splitlines() if line.startswith("| boris"))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a|b\n<b>", "a\\|b \\<b>"),
        ("a\\|b", "a\\\\\\|b"),
        ("[x](javascript:alert)", "\\[x](javascript:alert)"),
        ("![](https://example.org/x.png)", "!\\[](https://example.org/x.png)"),
    ],
)
def test_text_that_would_end_a_cell_or_become_html_or_a_link_stays_text(name, written):
    text = as_markdown(count_class([result(task(PASSED, earned=5.0), student=name)])).decode()
    assert f"| {written} |" in text
