"""A course with two manual tasks, a class that takes it, and a client of its desk."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from made_up_results import check, result, task
from starlette.testclient import TestClient
from tiny_course import COURSE, RIGHT, WRONG, make_course, write_notebook

from autograder.desk.app import Desk
from autograder.desk.door import Keys
from autograder.desk.serve import server_of
from autograder.grading.result_files import GradingRecord, write_result, write_run
from autograder.records.jobs import CellReport, Outcome
from autograder.records.results import SubmissionFile
from autograder.serving.listen import tcp_socket

__all__ = [
    "HERE",
    "HOSTILE",
    "KEYS",
    "PNG",
    "at_desk",
    "form_in",
    "make_class_with_answers",
    "make_manual_course",
    "open_desk",
    "png",
    "write_results",
]

HERE = "http://127.0.0.1:8000"
HOSTILE = "<b onclick='x'>&\"é"  # no %: the test client decodes addresses twice
KEYS = Keys("token-" * 4, "cookie-" * 4, "form-" * 4)
ANSWER = 'why = """A view <script>alert(1)</script> shares memory."""'
MORE = "      why: {points: 3, kind: manual}\n      plot: {points: 2, kind: manual}\n"
NAMES = {"ann": "Ann Bell", "bo": "Bo Chen", "cy": "Cy Díaz", "zoe": "Zoë Eck"}


def png(width: int = 1, height: int = 1) -> str:
    """A PNG image of the size, as notebooks have it; larger than 1 × 1, only its head says so."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\x2f\x6f\xc4")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


PNG = png()


def make_manual_course(root: Path) -> Path:
    """The tiny course, with an explanation and a plot that people mark."""
    make_course(root)
    (root / "course.yml").write_text(COURSE + MORE)
    for name in ("exercises/views.py", "solutions/views.py"):
        path = root / name
        path.write_text(path.read_text() + "\n# %%\nwhy = ...\n\n# %%\nplot = ...\n")
    people = "".join(f'{student},"{name}"\n' for student, name in NAMES.items())
    (root / "roster.csv").write_text(f"student,name\n{people}", encoding="utf-8")
    return root


def make_class_with_answers(folder: Path) -> Path:
    """Three who answer, one with a hostile name; zoe hands in nothing."""
    for student, code in (("ann", RIGHT), ("bo", WRONG), ("cy", RIGHT), (HOSTILE, RIGHT)):
        cells = [*code.split("\n\n", 1), ANSWER, "print(why)\nplot = 1"]
        path = write_notebook(folder / student / "views.ipynb", *cells)
        notebook = json.loads(path.read_text())
        notebook["cells"][-1]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["A view ", "<img src=x onerror=alert(2)>"]},
            {"output_type": "display_data", "data": {"image/png": PNG, "text/html": "<b>never</b>"}, "metadata": {}},
        ]
        path.write_text(json.dumps(notebook))
    return folder


def write_results(root: Path, students: Iterable[str] = ("ann", "bo", "cy", HOSTILE)) -> Path:
    """Results of a class, as made up: bo has a wrong `double`, the others all that checks can give."""
    for student in students:
        path = root / "submitted" / student / "views.ipynb"
        outcome = Outcome.FAILED if student == "bo" else Outcome.PASSED
        earned = 0.0 if student == "bo" else 4.0
        tasks = (
            task(check("test_values", outcome, gate=True), task="double", points=4.0, earned=earned, source="def double…"),
            task(check("test_guess", Outcome.PASSED, False), task="guess", points=1.0, earned=1.0, source="guess = 7"),
            task(task="why", points=3.0, pending=3.0, source=ANSWER),
            task(task="plot", points=2.0, pending=2.0, source="plot = 1"),
        )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        file = SubmissionFile(path=f"submitted/{student}/views.ipynb", sha256=digest)
        printed = CellReport(number=4, outcome=Outcome.PASSED, output="A view <script>alert(1)</script>")
        cells = (printed,) if student == HOSTILE else ()
        write_result(
            result(*tasks, student=student, topic="views", title="Views", submission=file, pending=5.0, cells=cells),
            root / "grades",
        )
    write_run(GradingRecord(course="A tiny course", seed=3, device="cpu"), root / "grades")
    return root


@contextmanager
def at_desk(root: Path, *, by: str = "grace") -> Iterator[TestClient]:
    """A browser that has opened the address of a desk in `root`."""
    desk = Desk(root, root / "grades", by=by, keys=KEYS)
    try:
        client = TestClient(desk.app(), HERE, follow_redirects=False)
        assert client.get("/", params={"token": KEYS.token}).status_code == 200
        yield client
    finally:
        desk.close()


def form_in(text: str, action: str, **having: str) -> dict[str, str]:
    """The fields of the first form on a page with an action, and hidden fields of these values."""
    for form in re.findall(rf'<form method="post" action="{action}">(.*?)</form>', text, re.DOTALL):
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        fields = {name: html.unescape(value) for name, value in found}
        if all(fields.get(name) == value for name, value in having.items()):
            return fields
    raise AssertionError(f"no form for {action} with {having}")


@contextmanager
def open_desk(root: Path) -> Iterator[str]:
    """A desk that listens on a port of this machine; its address, with the token."""
    desk = Desk(root, root / "grades", by="grace", keys=KEYS)
    server = server_of(desk)
    with tcp_socket("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/?token={KEYS.token}"
        finally:
            server.should_exit = True
            thread.join(60)
            desk.close()
