"""Brings pages and marks.json up to date after decisions, in the background: a large class takes seconds."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from autograder.errors import AutogradeError

__all__ = ["Refresher"]

_PAUSE_SECONDS = 1.0


class Refresher:
    """Calls `refresh` soon after it was asked to, once for all who asked meanwhile, and at the latest when closed."""

    def __init__(self, refresh: Callable[[], object]) -> None:
        """Start a thread that waits for work."""
        self._refresh, self._asked = refresh, False
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="autograde-desk-refresh", daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Ask for a refresh."""
        self._asked = True
        self._wake.set()

    def close(self) -> None:
        """Do what was asked for, and end."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_PAUSE_SECONDS)  # more may come
            self._wake.clear()
            self._do_what_was_asked()
        self._do_what_was_asked()

    def _do_what_was_asked(self) -> None:
        if not self._asked:
            return
        self._asked = False
        try:
            self._refresh()
        except (AutogradeError, OSError) as error:  # what was decided is in adjustments.yml all the same
            print(f"The pages could not be brought up to date: {error}", file=sys.stderr)
