"""A server in a thread, for tests of it and of its documentation."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.grading.grader import Grader
from autograder.serving import listen
from autograder.serving.service import Service, Settings


@contextmanager
def serving(grader: Grader, path: Path, settings: Settings) -> Iterator[None]:
    """Serve on a Unix socket at `path`."""
    server = listen.server_of(Service(grader, settings), drain_seconds=30)
    with listen.unix_socket(path) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield
        finally:
            server.should_exit = True
            thread.join(60)
