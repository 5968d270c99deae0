"""The page of a class and an instructor's page in a real browser: both themes, narrow, sorted, searched, printed.

With `--screenshots docs/images` it takes the pictures of docs/instructors.md anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_up_results import check, result, task
from playwright.sync_api import Page
from playwright.sync_api import expect as expect_that
from pypdf import PageObject, PdfReader

from autograder.course.course_file import Course, load_course
from autograder.course.topic import load_topic
from autograder.records.jobs import CellReport, Outcome, Usage
from autograder.records.observation import ErrorFact
from autograder.records.results import Diagnosis, Difference, Lateness, TaskResult, TopicResult
from autograder.reporting.class_page import write_index
from autograder.reporting.similar_page import write_similar
from autograder.reporting.similarity import similar_pairs
from autograder.reporting.topic_page import write_pages

ROOT = Path(__file__).parents[3]
PEOPLE = {
    "ada": "Ada Lovelace", "boris": "Boris Müller", "dmitri": "Dmitri Ivanov", "elena": "Elena Rossi",
    "fatima": "Fatima Al-Sayed", "goran": "Goran Kovač", "hana": "Hana Sato", "jun": "Jun Kim", "liam": "Liam O'Brien",
    "nils": "Nils Åberg", "olga": "Olga Novak", "pavel": "Pavel Horák", "rosa": "Rosa Díaz", "uma": "Uma Patel",
    "wei": "Wei Zhang", "zoe": "Zoë Becker",
}  # fmt: skip
TOPICS = ("dtypes", "autograd")

pytestmark = pytest.mark.slow


def made_up_class(course: Course, topics: tuple[str, ...]) -> Iterator[TopicResult]:
    """Results with the course's own tasks, checks and misconceptions, all others drawn from a seed."""
    draw = random.Random(3)
    for topic in topics:
        read = load_topic(course, topic)
        for student in PEOPLE:
            skill = draw.random()
            if skill < 0.06 or student == "zoe":
                continue
            if student == "pavel":
                yield result(student=student, topic=topic, problem=f"{topic}.ipynb is empty.", points=20.0)
                continue
            tasks = []
            for name, entry in course.topics[topic].tasks.items():
                known = [each for each in read.misconceptions if each.task == name]
                tasks.append(_task(draw, skill, name, entry.points, read.checks_of(name), known))
            cells: tuple[CellReport, ...] = ()
            if draw.random() < 0.25:
                error = ErrorFact(type="ModuleNotFoundError", message="No module named 'pandas'")
                cells = (CellReport(number=2, outcome=Outcome.FAILED, error=error),)
            late = Lateness(days=1, penalty=0.1) if draw.random() < 0.08 else None
            usage = Usage(wall_seconds=0.3 + draw.random(), cpu_seconds=0.2, peak_mb=290, children=1)
            title = course.topics[topic].title
            yield result(*tasks, student=student, topic=topic, title=title, cells=cells, lateness=late, usage=usage)


def _task(draw, skill, name, points, checks, known) -> TaskResult:  # type: ignore[no-untyped-def]
    if draw.random() > 0.7 + skill:
        shown = [check(each.name, sentence=each.spec.sentence, visible=each.visible) for each in checks]
        return task(*shown, task=name, points=points, attempted=False, source="")
    right = draw.random() < 0.35 + 0.6 * skill
    shown = []
    for each in checks:
        passed = right or draw.random() < 0.3
        outcome = Outcome.PASSED if passed else Outcome.FAILED
        sentence = "`result`: 7 of 12 elements differ; the largest difference is 1 at [0, 2] (yours -16, expected -17)."
        found = () if passed else (Difference(where="result", fact="values", sentence=sentence),)
        fields = {"draws": 1, "draws_passed": int(passed), "differences": found, "gate": each.spec.gate}
        shown.append(check(each.name, outcome, each.visible, sentence=each.spec.sentence, **fields))
    share = sum(each.outcome is Outcome.PASSED for each in shown) / len(shown)
    mistakes = ()
    if share < 1 and known and draw.random() < 0.8:
        mistake = known[int(len(known) * draw.random() ** 3)]
        names = tuple(each.name for each in shown if each.outcome is Outcome.FAILED)
        mistakes = (
            Diagnosis(misconception=mistake.name, feedback=mistake.feedback, exact=draw.random() < 0.8, checks=names),
        )
    source = f"def {name}(x):\n    return x\n"
    return task(*shown, task=name, points=points, earned=round(points * share, 2), diagnoses=mistakes, source=source)


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a class."""
    out = tmp_path_factory.mktemp("grades")
    course = load_course(ROOT)
    results = list(made_up_class(course, TOPICS))
    for each in results:
        write_pages(each, out)
    write_index(results, out, title=course.title, topics=tuple(course.topics), people=PEOPLE)
    return out


def faults(page: Page) -> list[str]:
    """Everything that axe finds."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]


def is_too_wide(page: Page) -> bool:
    """Whether the page itself would have to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_the_page_of_the_class(grades: Path, page: Page, screenshots: Path) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((grades / "index.html").as_uri())
    page.set_viewport_size({"width": 1200, "height": 1500})
    page.screenshot(path=screenshots / "class-light.png")
    checks = page.locator("summary").last
    checks.click()
    assert faults(page) == []
    checks.click()
    page.emulate_media(color_scheme="dark")
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=screenshots / "class-dark.png")
    page.set_viewport_size({"width": 400, "height": 900})
    assert not is_too_wide(page)
    assert faults(page) == []

    rows = page.locator("#students tbody tr")
    expect_that(rows).to_have_count(len(PEOPLE))
    total = page.get_by_role("columnheader", name="Total")
    for direction in ("descending", "ascending"):
        total.get_by_role("button").click()
        expect_that(total).to_have_attribute("aria-sort", direction)
        totals = [float(text) for text in page.locator("#students tbody td:last-child").all_inner_texts()]
        assert totals == sorted(totals, reverse=direction == "descending")
    page.get_by_role("columnheader", name="dtypes").get_by_role("button").click()
    shown = rows.locator("td:nth-child(2)").all_inner_texts()
    assert shown[-1].endswith("–")  # what is missing comes last, in whichever order
    search = page.get_by_label("Search for a name or a remark")
    search.fill("muller")
    expect_that(rows.filter(visible=True)).to_have_count(1)
    expect_that(page.get_by_text(f"1 of {len(PEOPLE)} shown")).to_be_visible()
    search.fill("unreadable")
    expect_that(rows.filter(visible=True).locator("th")).to_contain_text(["Pavel Horák"])
    search.fill("")
    expect_that(rows.filter(visible=True)).to_have_count(len(PEOPLE))
    assert said == []

    text = (grades / "index.html").read_text(encoding="utf-8")
    plain = grades / "plain.html"
    plain.write_text(text[: text.index("<script>")] + text[text.index("</script>") + len("</script>") :], encoding="utf-8")
    page.goto(plain.as_uri())
    expect_that(rows.filter(visible=True)).to_have_count(len(PEOPLE))
    expect_that(page.locator("input").filter(visible=True)).to_have_count(0)
    assert page.locator("button").count() == 0


def test_an_instructors_page_and_back(grades: Path, page: Page, screenshots: Path) -> None:
    page.goto((grades / "index.html").as_uri())
    page.locator("#mistakes a").first.click()
    expect_that(page.get_by_text("For instructors.")).to_be_visible()
    expect_that(page.get_by_text("only in grading").filter(visible=True).first).to_be_visible()
    page.set_viewport_size({"width": 1000, "height": 1300})
    page.locator("section.card", has=page.locator(".found")).first.screenshot(path=screenshots / "instructor.png")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 400, "height": 900})
    assert faults(page) == []
    assert not is_too_wide(page)
    page.get_by_role("link", name="What the student sees").click()
    expect_that(page.get_by_text("For instructors.")).to_have_count(0)
    page.go_back()
    page.get_by_role("link", name="The class").click()
    expect_that(page.locator("#students")).to_be_visible()


def test_the_page_of_similar_submissions(page: Page, screenshots: Path, tmp_path: Path) -> None:
    lines = ("total = 0", "for row in x:", "    total = total + row.sum() / len(x) / row.numel()", "return total")
    loop = "def mean(x):\n" + "".join(f"    {line}\n" for line in lines)
    own = {"ada": loop, "boris": loop.replace("row", "line"), "hana": loop.replace("total", "a" * 200)}
    sources = {("views", "mean"): own}
    found = [similar_pairs("views", "mean", own)]
    path = write_similar(found, sources, tmp_path / "similar.html", title="A course", threshold=0.8, people=PEOPLE)
    page.goto(path.as_uri())
    page.locator("summary").first.click()
    expect_that(page.get_by_text("def mean(x)").filter(visible=True)).to_have_count(2)
    page.set_viewport_size({"width": 1000, "height": 900})
    page.screenshot(path=screenshots / "similar.png")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 400, "height": 900})
    assert faults(page) == []
    assert not is_too_wide(page)


def _places(sheet: PageObject) -> list[float]:
    """How far from the left edge each text of a printed page begins, in points."""
    places = []

    def visit(text: str, outer: list[float], inner: list[float], *_: object) -> None:
        if text.strip():
            places.append(inner[4] * outer[0] + inner[5] * outer[2] + outer[4])

    sheet.extract_text(visitor_text=visit)
    return places


def test_printed_pages_have_margins_and_only_the_pairs_that_are_open(grades: Path, page: Page, tmp_path: Path) -> None:
    body = "".join(f"    total = total + x[{n}].sum() / len(x) - {n}\n" for n in range(40))
    own = dict.fromkeys(("ada", "boris", "hana"), f"def mean(x):\n    total = 0\n{body}    return total\n")
    found = [similar_pairs("views", "mean", own)]
    sources = {("views", "mean"): own}
    path = write_similar(found, sources, tmp_path / "similar.html", title="A course", threshold=0.8, people=PEOPLE)
    page.emulate_media(color_scheme="dark")
    page.goto(path.as_uri())
    closed = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    assert "total" not in "".join(each.extract_text() for each in closed.pages)
    page.locator("summary").first.click()
    opened = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    assert "".join(each.extract_text() for each in opened.pages).count("return total") == 2
    page.goto(next((grades / "instructor-pages").glob("*/*.html")).as_uri())
    of_one = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    for reader in (closed, opened, of_one):
        for sheet in reader.pages:
            assert sheet.extract_text().strip()
            assert min(_places(sheet)) > 20
            assert max(_places(sheet)) < float(sheet.mediabox.width) - 20


def test_a_class_with_all_topics_prints(page: Page, tmp_path: Path) -> None:
    course = load_course(ROOT)
    topics = tuple(course.topics)
    results = [
        result(task(check(), points=31.0, earned=round(20.33 + number % 7, 2)), student=student, topic=topic)
        for number, student in enumerate(PEOPLE)
        for topic in topics
    ]
    page.emulate_media(color_scheme="dark")
    page.goto(write_index(results, tmp_path, title=course.title, topics=topics, people=PEOPLE).as_uri())
    reader = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    texts = [" ".join(each.extract_text().split()) for each in reader.pages]
    assert course.title in texts[0]
    assert "What to teach again" in texts[0]
    assert all(text for text in texts)
    printed = "".join("".join(texts).split())
    assert [name for name in PEOPLE.values() if name.isascii() and "".join(name.split()) not in printed] == []
    for number, sheet in enumerate(reader.pages):
        assert max(_places(sheet)) < float(sheet.mediabox.width) - 20, f"page {number + 1} is cut"
    # As wide as a printed page, the table of everybody ends where the page does.
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1032, "height": 700})
    assert not is_too_wide(page)
    edge = page.locator("#students").evaluate("table => table.getBoundingClientRect().right")
    assert edge <= 1032
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 35, 48)"
