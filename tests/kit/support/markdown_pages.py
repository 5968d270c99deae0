"""The pages that people read as Markdown on GitHub, and their links, headings and blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "anchors", "blocks", "examples", "links", "spans"]

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "ci/**/*.md", "release/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)


@dataclass(frozen=True)
class Block:
    """A block of code between fences."""

    page: Path
    line: int
    language: str
    text: str
    before: str
    """The paragraph above it."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _inside(page: Path) -> list[Token]:
    return [child for token in _tokens(page) for child in token.children or []]


def links(page: Path) -> list[str]:
    """Where links and pictures lead, those in HTML too."""
    found = [str(each.attrs[name]) for each in _inside(page) for name in ("href", "src") if name in each.attrs]
    html = "".join(each.content for each in (*_tokens(page), *_inside(page)) if each.type in ("html_inline", "html_block"))
    return found + re.findall(r"""(?:href|src|srcset)=["']([^"']+)["']""", html)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings: lower case, no punctuation; the second of a name ends in -1."""
    seen: dict[str, int] = {}
    tokens = _tokens(page)
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            text = "".join(each.content for each in token.children or [])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            seen[slug] = number = seen.get(slug, -1) + 1
            seen |= {f"{slug}-{number}": 0} if number else {}
    return set(seen)


def blocks(page: Path) -> list[Block]:
    """The blocks of code between fences."""
    found, before = [], ""
    for token in _tokens(page):
        if token.type == "fence":
            assert token.map is not None
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, before))
            before = ""
        elif token.type == "inline":
            before = token.content
    return found


def examples(page: str, language: str = "python") -> list[str]:
    """The texts of a page's blocks in a language; `page` stands for docs/authoring/PAGE.md."""
    return [block.text for block in blocks(ROOT / f"docs/authoring/{page}.md") if block.language == language]


def spans(page: Path) -> list[str]:
    """Code within a line."""
    return [" ".join(each.content.split()) for each in _inside(page) if each.type == "code_inline"]
