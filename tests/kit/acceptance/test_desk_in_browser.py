"""The instructor's desk in a real browser: its pages in both themes and narrow, and manual tasks by keyboard.

With `--screenshots docs/images` it takes the picture of docs/instructors.md anew.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from desk_course import make_manual_course, open_desk, write_results
from playwright.sync_api import Page
from playwright.sync_api import expect as expect_that
from tiny_course import RIGHT, write_notebook

from autograder.course.course_file import load_course
from autograder.gradebook.adjustments import Adjustment, load_adjustments, write_adjustment

pytestmark = pytest.mark.slow

STUDENTS = ("ann", "bo", "cy", "50%2F?#<i>é")
ANSWERS = (
    "A view has strides of its own but shares the memory: what I write to it, I write to x.",
    "It is a copy, so nothing happens.",
    "Because `view` never copies. <script>alert(1)</script>",
    "It shares.",
)


def plot() -> str:
    """A small plot, as a notebook has it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 2.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([1.0, 0.5, 0.3, 0.22, 0.2], marker="o")
    axes.set(xlabel="epoch", ylabel="loss")
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return base64.b64encode(data.getvalue()).decode()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class with manual tasks, graded as made up, and some comments used before."""
    root, image = make_manual_course(tmp_path_factory.mktemp("course")), plot()
    for student, answer in zip(STUDENTS, ANSWERS, strict=True):
        cells = (*RIGHT.split("\n\n", 1), f'why = """\n{answer}\n"""', "print(why)", "plot = figure(losses)\nplot")
        path = write_notebook(root / "submitted" / student / "views.ipynb", *cells)
        notebook = json.loads(path.read_text())
        notebook["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": f"\n{answer}\n"}]
        notebook["cells"][4]["outputs"] = [{"output_type": "display_data", "data": {"image/png": image}, "metadata": {}}]
        path.write_text(json.dumps(notebook))
    write_results(root, STUDENTS)
    for student, comment in (("zoe", "Say what shares memory with what."), ("zoe", "A clear answer.")):
        write_adjustment(load_course(root), Adjustment(student=student, topic="views", task="why", comment=comment))
    return root


@pytest.fixture
def said(page: Page) -> Iterator[list[str]]:
    """What pages say in the console, such as a policy that they break: nothing but that a form was not saved."""
    lines: list[str] = []
    page.on("console", lambda message: None if "status of 422" in message.text else lines.append(message.text))
    page.on("pageerror", lambda error: lines.append(str(error)))
    yield lines
    assert lines == []


def faults(page: Page) -> list[str]:
    """Everything that axe finds. It brings a script of its own, which the desk's policy does not allow."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]


def check_looks(page: Page) -> None:
    """Light and wide, dark and narrow."""
    for scheme, width in (("light", 1200), ("dark", 400)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1200, "height": 900})


def press(page, key: str) -> None:
    """Press a key on a page that has just come: before it is loaded, nobody listens."""
    page.wait_for_load_state()
    page.keyboard.press(key)


def test_an_instructor_at_the_desk(root: Path, page: Page, said: list[str], screenshots: Path) -> None:
    with open_desk(root) as address:
        page.goto(address)
        page.wait_for_url(address.partition("?")[0])
        expect_that(page.locator("#students tbody tr")).to_have_count(5)
        page.get_by_role("columnheader", name="Total").get_by_role("button").click()  # its script is allowed
        check_looks(page)

        page.get_by_role("link", name="Zoë Eck, views: nothing handed in").click()
        page.get_by_text("Decide about the whole topic").click()
        check_looks(page)
        page.get_by_label("More time").fill("48h")
        page.get_by_role("button", name="Save").first.click()
        expect_that(page.get_by_role("status")).to_have_text("Saved.")
        page.get_by_role("link", name="The class").click()

        page.get_by_role("link", name=f"{STUDENTS[-1]}, views").click()
        page.get_by_text("Decide about guess").click()
        page.locator("#decide-2").get_by_label("Points of 1").fill("0.5")
        page.locator("#decide-2").get_by_role("button").click()
        expect_that(page.get_by_text("Say why the mark changes").first).to_be_visible()
        check_looks(page)
        page.locator("#decide-2").get_by_label("Comment for the student").fill("Half of it.")
        page.locator("#decide-2").get_by_role("button").click()
        expect_that(page.get_by_role("status")).to_have_text("Saved.")

        page.get_by_role("link", name="Manual tasks").click()
        check_looks(page)
        page.get_by_role("link", name="with names: plot").click()
        image = page.get_by_role("img", name="Image 1 below cell 5")
        assert image.evaluate("image => image.complete && image.naturalWidth") == 440
        page.get_by_label("Keys:").uncheck()
        page.keyboard.press("j")
        expect_that(page.get_by_text("Answer 1 of 4")).to_be_visible()
        page.get_by_label("Keys:").check()
        page.get_by_role("link", name="Manual tasks").click()

        page.get_by_role("link", name="with names: why").click()
        expect_that(page.get_by_text("Answer 1 of 4; 4 answers wait for points.")).to_be_visible()
        press(page, "j")
        expect_that(page.get_by_text("Answer 2 of 4; 4 answers wait for points.")).to_be_visible()
        press(page, "c")
        page.keyboard.type("Clear, and right: jkn.")
        page.screenshot(path=screenshots / "desk.png", full_page=True)
        check_looks(page)
        page.get_by_label("Comment for the student").focus()
        page.keyboard.press("Escape")
        page.keyboard.press("p")
        page.keyboard.type("2.5")
        page.keyboard.press("Control+Enter")
        expect_that(page.get_by_text("Answer 3 of 4; 3 answers wait for points.")).to_be_visible()
        press(page, "b")
        page.get_by_label("A comment used before").select_option(label="A clear answer.")
        page.keyboard.press("Escape")
        page.keyboard.press("f")
        expect_that(page.get_by_text("Answer 4 of 4; 2 answers wait for points.")).to_be_visible()
        press(page, "k")
        expect_that(page.get_by_text("A clear answer.").first).to_be_visible()
        press(page, "n")
        expect_that(page.get_by_text("Answer 4 of 4")).to_be_visible()

        page.get_by_role("link", name="hide names").click()
        expect_that(page.get_by_text("Name hidden")).to_be_visible()
        page.get_by_role("link", name="Regrade").click()
        expect_that(page.get_by_text("Nothing waits")).to_be_visible()
        check_looks(page)
    kept = [each for own in load_adjustments(load_course(root)).values() for each in own if each.by == "grace"]
    assert [(each.task, each.points, each.extension) for each in kept if each.student == "zoe"] == [("", None, "48h")]
    assert {(each.task, each.points, each.comment) for each in kept if each.student != "zoe"} == {
        ("guess", 0.5, "Half of it."),
        ("why", 2.5, "Clear, and right: jkn."),
        ("why", 3, "A clear answer."),
    }
