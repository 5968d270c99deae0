"""A browser for the tests that need one, and where they put their pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from in_browser import BROWSERS, FLAGS, SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: the folder given with --screenshots, or one that nobody keeps."""
    given = request.config.getoption("--screenshots")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _runs(browser: str) -> bool:
    """Ubuntu has a `chromium-browser` that only says how to get one."""
    return subprocess.run([browser, "--version"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page of the system's Chromium."""
    found = next((path for path in map(shutil.which, BROWSERS) if path is not None and _runs(path)), None)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            message = f"there is no browser: install one of {', '.join(BROWSERS)}, or run `playwright install chromium`"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=found, args=FLAGS, viewport={"width": 1200, "height": 900}
        )
        context.set_default_timeout(SECONDS * 1000)
        first = context.pages[0]
        # On a slow machine JupyterLab does not know its kernels yet when it opens the notebook, and asks for one.
        dialog = first.locator(".jp-Dialog", has_text="Select Kernel")
        first.add_locator_handler(dialog, lambda: dialog.locator(".jp-mod-accept").click())
        yield first
        context.close()
