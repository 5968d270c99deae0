"""The page of the class: what it lists, links and says."""

from __future__ import annotations

import re

import pytest
from made_up_results import MISTAKE, PASSED, check, page, result, task

from autograder.errors import AutogradeError
from autograder.records.jobs import CellReport, Outcome
from autograder.records.observation import ErrorFact
from autograder.records.results import Diagnosis, Lateness
from autograder.reporting.charts import histogram, spread_plot
from autograder.reporting.class_figures import Spread
from autograder.reporting.class_page import percent, write_index
from autograder.reporting.topic_page import write_pages


def rows_of(read, table):
    """The texts of a table's rows."""
    rows, inside = [], False
    for each in read.elements:
        if each.tag == "table":
            inside = each.attributes.get("id") == table
        elif each.tag == "tr" and inside:
            rows.append(" ".join(each.text.split()))
    return rows


def test_the_class_page_links_counts_and_ranks(tmp_path):
    other = Diagnosis(misconception="m", feedback="Another mistake.", exact=True, checks=())
    results = [
        result(task(check(), diagnoses=(MISTAKE,)), student="boris"),
        result(task(PASSED, earned=5.0), student="Ada"),
        result(task(check(), diagnoses=(MISTAKE, other)), student="chiara"),
        result(task(check(), attempted=False, task="match"), student="Ada", topic="dtypes", title="Dtypes"),
        result(student="dmitri", problem="Not a notebook.", points=5.0),
    ]
    for each in results:
        write_pages(each, tmp_path)
    path = write_index(iter(results), tmp_path, title="Winter", people={"eve": "Eve Ng", "Ada": "Ada Lovelace"})
    read = page(path)
    assert read.all("h1")[0].text == "Winter"
    links = [each for each in read.all("a") if not each.attributes["href"].startswith("#")]
    for link in links:
        target = path.parent / link.attributes["href"]
        assert target.is_file()
        for onward in page(target).all("a"):
            assert onward.attributes["href"].startswith("#") or (target.parent / onward.attributes["href"]).is_file()
    labels = {each.attributes["aria-label"] for each in links if "aria-label" in each.attributes}
    assert {"Ada Lovelace, autograd: 5 of 5", "Ada Lovelace, dtypes: 0 of 5", "dmitri, autograd: 0 of 5"} < labels
    rows = rows_of(read, "students")
    assert rows == [
        "Student autograd /5 dtypes /5 Total /10",
        "Ada Lovelace Ada 5 0 5",
        "boris 0 nothing handed in– 0",
        "chiara 0 nothing handed in– 0",
        "dmitri 0 unreadable nothing handed in– 0",
        "Eve Ng eve nothing handed in– nothing handed in– 0",
    ]
    ranked = rows_of(read, "mistakes")[1:]
    assert ranked[0].startswith("2 2 7.5 value_and_grad")
    assert ranked[0].endswith("leaves_grad_behind boris, chiara")
    assert ranked[1].startswith("1 1 2.5 value_and_grad")
    lessons = " ".join(read.all("ol")[0].text.split())
    assert lessons.index("7.5 points lost by 2 of 3 students, by a known mistake") < lessons.index("who did not attempt it")
    rows = [" ".join(row.text.split()) for row in read.all("tr")]
    assert any(row.startswith("value_and_grad autograd 5 1 0 2 0 33 % – 10") for row in rows)
    assert any(row.startswith("match dtypes 5 0 0 0 1 0 % – 5") for row in rows)


def test_all_students_behind_a_mistake_are_linked(tmp_path):
    results = [result(task(check(), diagnoses=(MISTAKE,)), student=f"s{number:02}") for number in range(40)]
    read = page(write_index(results, tmp_path))
    last = rows_of(read, "mistakes")[-1]
    assert all(f"s{number:02}" in last for number in range(40))
    hrefs = [each.attributes["href"] for each in read.all("a") if "td" in each.path]
    assert hrefs.count("instructor-pages/s39/autograd.html") >= 2


def test_a_trouble_of_many_is_one_line(tmp_path):
    error = ErrorFact(type="ModuleNotFoundError", message="No module named 'pandas'")
    cells = (CellReport(number=1, outcome=Outcome.FAILED, error=error),)
    results = [result(task(check()), student=f"s{number:02}", cells=cells) for number in range(17)]
    read = page(write_index(results, tmp_path))
    (line,) = [each for each in read.all("li") if "17 ×" in each.text]
    assert " ".join(line.text.split()).startswith("17 × no module named 'pandas' (s00, s01,")


def test_what_waits_and_who_was_late(tmp_path):
    late = Lateness(days=1.5, penalty=0.1)
    results = [result(task(PASSED, earned=4.5), student="boris", lateness=late)]
    read = page(write_index(results, tmp_path, waiting={("boris", "autograd"), ("chiara", "autograd")}))
    assert rows_of(read, "students")[1:] == ["boris 4.5 late 4.5", "chiara not graded yet– not graded yet 0"]
    assert "1 not graded yet" in read.text


def test_checks_that_tell_nothing_are_pointed_out(tmp_path):
    results = [result(task(PASSED, check("test_none"), earned=2.5), student=student) for student in ("ann", "bo")]
    read = page(write_index(results, tmp_path))
    assert "Nobody who tried the task passes 1 of the checks" in read.text
    assert "1 of 2 checks tell nothing" in read.text


def test_a_class_without_results_has_a_page(tmp_path):
    assert "0 students" in page(write_index([], tmp_path)).text


@pytest.mark.parametrize(("student", "topic"), [("../eve", "a"), ("..", "a"), ("", "a"), ("a\\b", "a"), ("ada", "x/y")])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path, student, topic):
    with pytest.raises(AutogradeError, match="cannot be a file name"):
        write_index([result(student=student, topic=topic)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_all_and_nothing_are_said_to_be_so():
    assert [percent(share) for share in (None, 0, 0.001, 0.5, 0.999, 1)] == ["–", "0 %", "1 %", "50 %", "99 %", "100 %"]


def test_a_histogram_says_its_numbers():
    drawn = str(histogram([0, 0.05, 0.1, 0.95, 1, 1], "points"))
    assert 'aria-label="Histogram of points of 6 students. 0 to 10 %: 2, 10 to 20 %: 1, 90 to 100 %: 3."' in drawn
    assert [int(count) for count in re.findall(r'class="value"[^>]*>(\d+)', drawn)] == [2, 1, 3]
    assert spread_plot(None) == ""
    assert 'width="1.0"' in spread_plot(Spread(least=1, lower=1, middle=1, upper=1, most=1))
