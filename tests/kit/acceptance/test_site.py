"""The documentation as a site: it builds without a warning, every link leads somewhere, and it works from the disk.

With `--screenshots FOLDER` it takes pictures of some pages.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import pytest
import typer
from axe_playwright_python.sync_playwright import Axe
from markdown_pages import PAGES, ROOT, anchors, links
from playwright.sync_api import Page
from playwright.sync_api import expect as expect_that

import autograder
from autograder import errors
from autograder.commands import instructor

pytestmark = pytest.mark.slow
LOCAL = ("file", "data", "blob")
LOADED = {"script": "src", "link": "href", "img": "src", "source": "srcset", "iframe": "src"}

CAN_BE_SCROLLED = """() => [...document.querySelectorAll("pre")].every(
    each => each.scrollWidth <= each.clientWidth || each.tabIndex === 0)"""
"""The theme lets the keyboard reach what is too wide, a moment after the window's width has changed."""


class Html(HTMLParser):
    """A page's ids, where its links lead, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.links += [given["href"] or ""] if tag == "a" and "href" in given else []
        self.loaded += [given[LOADED[tag]] or ""] if LOADED.get(tag) in given else []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it, apart from where to."""
    out = tmp_path_factory.mktemp("site")
    (line,) = re.findall(r"^\t\$\(BIN\)/(sphinx-build .+) build/docs$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command = [sys.executable, "-m", "sphinx", *line.split()[1:], str(out / "html"), "-d", str(out / "doctrees")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    return out / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Html]:
    """Every page of the site."""
    return {path: Html(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_every_link_of_the_site_leads_somewhere(pages: dict[Path, Html]) -> None:
    assert len(pages) > 30
    broken = []
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            ids = pages[target].ids if target in pages else set()
            if not target.is_file() or (parts.fragment and target in pages and unquote(parts.fragment) not in ids):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_the_site_loads_nothing_from_the_net(site: Path, pages: dict[Path, Html]) -> None:
    fetched = {link for page in pages.values() for link in page.loaded if urlsplit(link).scheme not in ("", "data")}
    assert fetched == set()
    for path in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", path.read_text(encoding="utf-8")) == [], path


def test_every_page_can_be_reached(site: Path, pages: dict[Path, Html]) -> None:
    reached, waiting = set(), [site / "docs/index.html"]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        places = (urlsplit(link) for link in pages[path].links)
        waiting += [(path.parent / unquote(place.path)).resolve() for place in places if not place.scheme and place.path]
    assert {path.name for path in set(pages) - reached} == {
        "index.html",
        "search.html",
    }  # the front door, and the search box


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_on_github_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        parts = urlsplit(link)
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if parts.scheme or parts.netloc:
            continue
        if not target.exists() or (parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `title`, twice\n\n# A `title`, twice\n\n[a](page.md#a-title-twice-1) <a href='b.md'>b</a>\n")
    assert links(page) == ["page.md#a-title-twice-1", "b.md"]
    assert anchors(page) == {"a-title-twice", "a-title-twice-1"}


def test_the_reference_of_commands_has_every_option(site: Path) -> None:
    text = unescaped((site / "docs/all-commands.html").read_text(encoding="utf-8"))
    built: Any = typer.main.get_command(instructor.app)
    for name, command in built.commands.items():
        section = text.partition(f'id="autograde-{name}"')[2].partition("</section>")[0]
        missing = [option for each in command.params for option in each.opts if option not in section]
        assert (name, missing) == (name, [])


def unescaped(text: str) -> str:
    """A page's text with its tags."""
    return text.replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&")


def test_the_reference_of_python_has_every_public_name(pages: dict[Path, Html]) -> None:
    (page,) = (page for path, page in pages.items() if path.name == "python.html")
    have = {name.rpartition(".")[2] for name in page.ids}
    wanted = {*autograder.__all__, *errors.__all__, "Grader", "forbids_loops", "TopicResult", "normal"}
    assert wanted - have == set()


def faults(page: Page) -> Iterator[str]:
    """Everything that axe finds."""
    for each in Axe().run(page).response["violations"]:
        for node in each["nodes"]:
            yield f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"


def is_too_wide(page: Page) -> bool:
    """Whether the page itself would have to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_the_site_is_searched_from_the_disk(site: Path, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if urlsplit(request.url).scheme not in LOCAL else None)
    page.goto((site / "index.html").as_uri())
    expect_that(page.get_by_role("heading", name="autograde", level=1)).to_be_visible()
    kinds = page.locator("header .nav-item a").filter(visible=True)
    expect_that(kinds).to_have_text(["Start", "How-to", "Reference", "Why"])
    page.get_by_role("button", name="Search").filter(visible=True).first.click()
    page.get_by_role("searchbox").filter(visible=True).fill("unavailable")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a")
    expect_that(found.filter(has_text="not available").first).to_be_visible()
    found.filter(has_text="not available").first.click()
    expect_that(page.locator("h1")).to_contain_text("not available")
    assert said == []


WIDE, NARROW = ("light", 1280), ("dark", 400)


@pytest.mark.parametrize(
    ("name", "looks"),
    [
        ("index", [WIDE, NARROW]),
        ("how-to/x-itself", [WIDE, NARROW]),
        ("instructors", [WIDE, NARROW]),
        ("all-commands", [NARROW]),
        ("python", [NARROW]),
    ],
)
def test_a_page_in_both_themes_and_narrow(
    site: Path, page: Page, screenshots: Path, name: str, looks: list[tuple[Literal["light", "dark"], int]]
) -> None:
    page.goto((site / f"docs/{name}.html").as_uri())
    for theme, width in looks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=screenshots / f"site-{name.replace('/', '-')}-{theme}.png")
        page.wait_for_function(CAN_BE_SCROLLED)
        assert not is_too_wide(page)
        assert list(faults(page)) == []
