"""A student's work in a real browser: JupyterLab on the release, driven through a stub, a mistake, the answer and a hint.

`pytest tests/kit/acceptance/test_browser.py --screenshots docs/images` takes the pictures of docs/students.md anew.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from in_browser import SECONDS
from jupyter_servers import jupyter
from PIL import Image
from playwright.sync_api import Locator, Page
from playwright.sync_api import expect as expect_that

from autograder.course.cells import read_cells, task_source
from autograder.course.course_file import load_course
from autograder.student.released import find_release
from autograder.student.student_file import python_file
from autograder.student.watch import FileSaves
from autograder.student.watch_screen import WatchScreen

ROOT = Path(__file__).parents[3]
COURSE = load_course(ROOT / "course.yml")
TASK = "scale_pixels"
WRONG = """def scale_pixels(img: Tensor) -> Tensor:
    if img.dtype != torch.uint8:
        raise TypeError("scale_pixels expects a uint8 image")
    return img.to(torch.float32) / img.max()"""
PRINTED = """def scale_pixels(img: Tensor) -> Tensor:
    print(img / 255)"""
PREDICTION = "predicted_pixel"
PREDICTED = f"""first = torch.tensor([200], dtype=torch.uint8)
second = torch.tensor([100], dtype=torch.uint8)

{PREDICTION} = 300"""
_ATTEMPTS = 6
_RAN = re.compile(r"\[\d+\]:")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def right() -> str:
    """The reference, as a student would type it."""
    path = ROOT / "solutions/dtypes.py"
    return task_source(read_cells(path.read_bytes(), path.name), TASK)


@dataclass
class Lab:
    """A running JupyterLab; `address` opens it."""

    folder: Path
    address: str
    settings: Path

    def set(self, plugin: str, **values: object) -> None:
        """Change a setting; it holds from the next loading of the page."""
        path = self.settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a copy of the release, apart from whatever Jupyter's user has set up."""
    place = tmp_path_factory.mktemp("lab")
    folder = place / "release"
    shutil.copytree(ROOT / "release", folder)
    # nbgrader's buttons belong to instructors; a student does not have them.
    pages = place / "jupyter_config_dir/labconfig/page_config.json"
    pages.parent.mkdir(parents=True)
    pages.write_text(json.dumps({"disabledExtensions": {"@jupyter/nbgrader": True}}), encoding="utf-8")
    running = Lab(folder, "", place / "settings")
    running.set("apputils-extension/notification", fetchNews="false", checkForUpdates=False, doNotDisturbMode=True)
    running.set("notebook-extension/tracker", windowingMode="none")
    with jupyter("jupyterlab", folder, place) as address:
        running.address = f"{address}lab"
        yield running


class Notebook:
    """An open notebook, used as a student does: by clicking and typing."""

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page = page
        page.goto(f"{lab.address}/tree/{name}?token=t")
        # JupyterLab lays out a long notebook bit by bit, and a busy machine shows it half done.
        cells = json.loads((lab.folder / name).read_bytes())["cells"]
        expect_that(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(cells), timeout=SECONDS * 1000)
        page.locator(".jp-DirListing-item").first.wait_for()
        # The kernel is there when the notebook says that it is idle.
        page.locator('.jp-NotebookPanel-toolbar [data-status="idle"]').wait_for()

    def cell(self, text: str | re.Pattern[str]) -> Locator:
        """The first code cell whose source contains a text, or matches a pattern."""
        return self.page.locator(".jp-Notebook .jp-CodeCell", has=self.page.locator(".cm-content", has_text=text)).first

    def write(self, cell: Locator, source: str) -> None:
        """Replace what stands in a cell."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def run(self, cell: Locator) -> Locator:
        """Run a cell, wait until it has run, and return what it shows of ours."""
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        for _ in range(_ATTEMPTS):
            cell.locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            try:
                expect_that(prompt).not_to_have_text(before, timeout=SECONDS * 1000 / _ATTEMPTS)
            except AssertionError:  # the key came before the cell had the focus
                continue
            expect_that(prompt).not_to_have_text("[*]:", timeout=SECONDS * 1000)
            if _RAN.match(prompt.inner_text()):  # else the kernel was started meanwhile and dropped it
                break
        expect_that(prompt).to_have_text(_RAN)
        return cell.locator(".jp-OutputArea-output .autograde")

    def add_below(self, cell: Locator, source: str) -> Locator:
        """A new cell below another."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(source)
        return self.cell(re.compile(f"^{re.escape(source)}$"))

    def run_all(self) -> None:
        """Run the code cells from top to bottom."""
        for cell in self.page.locator(".jp-Notebook .jp-CodeCell").all():
            self.run(cell)


def take(notebook: Notebook, cell: Locator, path: Path) -> None:
    """A picture of the window with a cell at its top."""
    cell.evaluate("cell => cell.scrollIntoView({block: 'start'})")
    notebook.page.mouse.move(5, 895)
    notebook.page.wait_for_timeout(300)
    notebook.page.screenshot(path=path)
    make_small(path)


def make_small(path: Path) -> None:
    """Store a picture in 128 colours, which is a third of its size and looks the same."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def faults(page: Page) -> list[str]:
    """What axe finds serious or critical in our output."""
    found = Axe().run(page, context=[".autograde"]).response["violations"]
    bad = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in bad for node in each["nodes"]]


def test_a_student_begins_with_the_start_notebook(lab: Lab, page: Page, screenshots: Path) -> None:
    notebook = Notebook(page, lab, "00_start.ipynb")
    notebook.run_all()
    shown = page.locator(".jp-Notebook")
    expect_that(shown.locator(".jp-OutputArea-output img")).to_have_count(2, timeout=SECONDS * 1000)
    expect_that(shown.locator('[data-mime-type="application/vnd.jupyter.stderr"]')).to_have_count(0)
    expect_that(shown.locator(".jp-RenderedText", has_text="Traceback")).to_have_count(0)
    exam = notebook.cell("argmax")
    right = re.search(r"(\d+) of (\d+) are right", exam.locator(".jp-OutputArea-output").inner_text())
    assert right is not None
    assert int(right[1]) > 0.9 * int(right[2])
    expect_that(notebook.cell(f'check("{TASK}")').locator(".autograde")).to_contain_text("not right yet")
    expect_that(notebook.cell(f'hint("{TASK}")').locator(".autograde")).to_contain_text("Hint 1 of 3")
    expect_that(notebook.cell("progress(").locator(".autograde")).to_contain_text(COURSE.topics["dtypes"].title)
    take(notebook, notebook.cell("model = torch.nn.Sequential"), screenshots / "start.png")
    assert faults(page) == []

    links = shown.locator(".jp-MarkdownCell table a")
    expect_that(links).to_have_text(list(COURSE.topics))
    links.first.click()
    opened = page.locator(".lm-TabBar-tab.lm-mod-current", has_text=COURSE.notebook("dtypes"))
    opened.first.wait_for()


def test_a_student_works_in_jupyterlab(lab: Lab, page: Page, screenshots: Path) -> None:
    notebook = Notebook(page, lab, COURSE.notebook("dtypes"))
    notebook.run(notebook.cell("from autograder import check"))
    notebook.run(notebook.cell("from torch import Tensor"))
    task, asked = notebook.cell(f"def {TASK}"), notebook.cell(f'check("{TASK}")')

    notebook.run(task)
    said = notebook.run(asked)
    expect_that(said).to_contain_text("not attempted")
    take(notebook, task, screenshots / "stub.png")

    notebook.write(task, PRINTED)
    notebook.run(task)
    said = notebook.run(asked)
    expect_that(said).to_contain_text(f"Your code printed something, but {TASK} returned None")
    take(notebook, task, screenshots / "none.png")

    notebook.write(task, WRONG)
    notebook.run(task)
    said = notebook.run(asked)
    expect_that(said).to_contain_text("not right yet")
    expect_that(said).to_contain_text("The divisor depends on the dtype, not on the image")
    assert "/ 255" not in said.inner_text()
    take(notebook, task, screenshots / "wrong.png")

    hints = notebook.add_below(asked, f'hint("{TASK}")')
    expect_that(notebook.run(hints)).to_contain_text("Hint 1 of 3")
    expect_that(notebook.run(hints)).to_contain_text("Hint 2 of 3")

    notebook.write(task, right())
    notebook.run(task)
    said = notebook.run(asked)
    expect_that(said).to_contain_text("passes")
    take(notebook, task, screenshots / "right.png")

    shown = notebook.run(notebook.add_below(hints, "progress()"))
    expect_that(shown.get_by_role("row", name=TASK)).to_contain_text("passes")
    expect_that(shown.get_by_role("rowheader", name=TASK)).to_have_css("text-align", "left")
    take(notebook, hints, screenshots / "progress.png")
    assert faults(page) == []

    # A prediction is right or wrong, and not in parts.
    guess = notebook.cell("first = torch.tensor([200]")
    notebook.write(guess, PREDICTED)
    notebook.run(guess)
    said = notebook.run(notebook.cell(f'check("{PREDICTION}")'))
    expect_that(said).to_contain_text("not right yet")
    expect_that(said).not_to_contain_text(re.compile(r"\d of \d"))
    take(notebook, guess, screenshots / "prediction.png")

    # The same in the dark, a wrong answer included.
    notebook.write(task, WRONG)
    notebook.run(task)
    notebook.run(asked)
    page.keyboard.press("Control+S")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    lab.set("apputils-extension/themes", theme="JupyterLab Dark")
    notebook = Notebook(page, lab, COURSE.notebook("dtypes"))
    expect_that(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    asked = notebook.cell(f'check("{TASK}")')
    expect_that(asked.locator(".autograde")).to_contain_text("not right yet")
    expect_that(page.get_by_text("Create Assignment")).to_have_count(0)
    take(notebook, notebook.cell(f"def {TASK}"), screenshots / "dark.png")
    assert faults(page) == []

    # In a window as narrow as a telephone, nothing of ours is cut off.
    lab.set("apputils-extension/themes", theme="JupyterLab Light")
    notebook = Notebook(page, lab, COURSE.notebook("dtypes"))
    page.set_viewport_size({"width": 400, "height": 800})
    page.keyboard.press("Control+B")  # closes the side panel
    page.locator(".jp-DirListing-item").first.wait_for(state="hidden")
    for answer in page.locator(".jp-OutputArea-output .autograde").all():
        assert answer.evaluate("each => each.scrollWidth <= each.clientWidth"), answer.inner_text()
    take(notebook, notebook.cell(f'check("{TASK}")'), screenshots / "narrow.png")


def test_a_student_watches_a_file_in_a_terminal(page: Page, screenshots: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "release", tmp_path / "release")
    path = folder / "dtypes.py"
    release = find_release(folder)
    stubs = python_file(release.notebook("dtypes").read_bytes())
    path.write_text(f"{stubs}\n\n{WRONG}\n", encoding="utf-8")

    async def picture() -> str:
        with FileSaves(path) as saves:
            screen = WatchScreen(release, path, release.topic("dtypes"), saves, None)
            async with screen.run_test(size=(100, 26)) as pilot:
                while "checked at" not in str(screen.query_one("#head").render()):
                    await pilot.pause(0.05)
                await pilot.press("j", "h")
                await pilot.pause()
                screen.query_one("#answer").scroll_home(animate=False)
                await pilot.pause()
                drawn = screen.export_screenshot(title="autograde watch dtypes.py")
                await asyncio.to_thread(screen.stop)
        assert screen.failure is None
        return drawn

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        page.set_content(thread.submit(asyncio.run, picture()).result())
    expect_that(page.locator("svg")).to_contain_text("The divisor depends on the dtype")
    page.locator("svg").screenshot(path=screenshots / "watch.png")
    make_small(screenshots / "watch.png")
