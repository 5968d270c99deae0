"""The documentation as a site: `make docs` builds it into build/docs.

The pages are written for GitHub as well. So what only Sphinx understands is put in here, while it reads them: the
navigation, which is what the pages of links link to, pictures in two themes, and the reference of the commands.
"""

import re
import subprocess
import sys
from importlib import metadata

from docutils import nodes
from sphinx.application import Sphinx

project = "autograde"
author = "the authors of autograde"
release = metadata.version("autograde-torch")

# The whole repository is the source, so that links from README.md into docs/, and from there to ci/, lead to pages.
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "ci/**.md"]
exclude_patterns = [".*", "autograder", "benchmarks", "build", "examples", "exercises", "release", "solutions", "tests"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 4
highlight_language = "text"
smartquotes = False  # it would make one dash of the two before an option
add_module_names = False
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "autograde"
html_extra_path = ["front"]
html_use_index = False
html_domain_indices = False
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which a browser refuses for a page from the disk
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "autograde"},
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

PAGES_OF_LINKS = {"docs/index", "docs/start", "docs/how-to", "docs/reference", "docs/why"}
LINK = re.compile(r"\[([^]]+)\]\(([^)#]+\.md)\)")
PICTURE = re.compile(r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*<img src="([^"]+)" alt="([^"]+)">\s*</picture>')


def for_sphinx(_app: Sphinx, page: str, source: list[str]) -> None:
    """Put in what GitHub would show as code, or could not know."""
    text = PICTURE.sub(r"![\3](\2){.only-light}\n\n![\3](\1){.only-dark}", source[0])
    if page in PAGES_OF_LINKS:
        text += navigation(text)
    if page == "docs/all-commands":
        text += "\n" + reference_of_commands()
    source[0] = text


def without_empty_heads(_app: Sphinx, document: nodes.document) -> None:
    """Take away heads of tables in which nothing stands: Markdown requires one, and a screen reader would read it."""
    for head in list(document.findall(nodes.thead)):
        if not head.astext().strip():
            head.parent.remove(head)


def without_empty_cells(_app: Sphinx, _page: str, _template: str, context: dict[str, object], *_: object) -> None:
    """Make the empty cell in a table's head one that heads nothing."""
    if "body" in context:
        context["body"] = str(context["body"]).replace('<th class="head"><p></p></th>', "<td></td>")


def navigation(text: str) -> str:
    """What the links in a page's lists and tables lead to; those to a part of a page do not count."""
    lines = "\n".join(line for line in text.splitlines() if line.startswith(("* ", "| ")))
    entries = (f"{title} <{page}>" for title, page in LINK.findall(lines))
    return "\n".join(["", "```{toctree}", ":hidden:", "", *entries, "```", ""])


def reference_of_commands() -> str:
    """What each command's help says, as typer writes it in Markdown."""
    command = [sys.executable, "-m", "typer", "autograder.commands.instructor", "utils", "docs", "--name", "autograde"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.partition("\n")[2]  # without the title


def setup(app: Sphinx) -> None:
    """Register what changes pages while they are read."""
    app.connect("source-read", for_sphinx)
    app.connect("doctree-read", without_empty_heads)
    app.connect("html-page-context", without_empty_cells)
