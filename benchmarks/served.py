"""What `autograde serve` takes to answer for a right notebook, beside what a class run takes for one.

`.venv/bin/python benchmarks/served.py` prints both, measured in turn in the same minutes: one submission at a time with one
worker, and as many at a time as there are cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx

from autograder.course.course_file import load_course
from autograder.grading.grade import grade
from autograder.grading.grader import Grader
from autograder.grading.submissions import Submission
from autograder.serving import listen
from autograder.serving.service import Service, Settings

ROOT = Path(__file__).parents[1]
TOPIC = "autograd"
ROUNDS, COPIES, SEED = 5, 20, 7


def notebook() -> str:
    """The released notebook with the reference's answers in its task cells, as a student hands it in."""
    made = json.loads((ROOT / "release" / load_course(ROOT).notebook(TOPIC)).read_text(encoding="utf-8"))
    answers = (ROOT / f"tests/kit/acceptance/right_answers/{TOPIC}.py").read_text(encoding="utf-8")
    made["cells"].append({"cell_type": "code", "id": "right", "metadata": {}, "outputs": [], "execution_count": None,
                          "source": answers})  # fmt: skip
    return json.dumps(made)


def class_run(grader: Grader, text: str, folder: Path) -> float:
    """Seconds per submission of a class of copies, with result files and pages."""
    submissions = []
    for number in range(COPIES):
        path = folder / f"s{number}" / f"{TOPIC}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        submissions.append(Submission(f"s{number}", TOPIC, path))
    started = time.perf_counter()
    done = list(grade(grader.course, grader.prepared, submissions, grader.pool, folder / "out", force=True))
    assert all(each.earned == each.points - each.pending for each in done), done[0]
    return (time.perf_counter() - started) / COPIES


async def served(path: Path, text: str, at_a_time: int) -> tuple[float, float]:
    """Seconds per submission, and the median time to an answer, of a client that keeps `at_a_time` requests open."""
    times: list[float] = []
    left = iter(range(COPIES))

    async def ask(client: httpx.AsyncClient) -> None:
        for _ in left:
            started = time.perf_counter()
            answer = await client.post("/v1/grade", json={"topic": TOPIC, "source": text})
            assert answer.status_code == 200, answer.text
            times.append(time.perf_counter() - started)

    started = time.perf_counter()
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://autograde", timeout=120) as client:
        await asyncio.gather(*(ask(client) for _ in range(at_a_time)))
    return (time.perf_counter() - started) / COPIES, statistics.median(times)


def main() -> None:
    """Measure and print."""
    text, course = notebook(), load_course(ROOT)
    for workers in dict.fromkeys((1, len(os.sched_getaffinity(0)))):
        rows = []
        with tempfile.TemporaryDirectory() as name, Grader(course, seed=SEED, workers=workers) as grader:
            grader.prepare(TOPIC)
            path = Path(name, "socket")
            server = listen.server_of(Service(grader, Settings()), drain_seconds=10)
            with listen.unix_socket(path) as listening:
                thread = threading.Thread(target=server.run, args=([listening],))
                thread.start()
                class_run(grader, text, Path(name))
                for _ in range(ROUNDS):
                    of_class = class_run(grader, text, Path(name))
                    rows.append((of_class, *asyncio.run(served(path, text, workers))))
                server.should_exit = True
                thread.join()
        of_class, each, answer = (statistics.median(column) * 1000 for column in zip(*rows, strict=True))
        ratios = [row[1] / row[0] for row in rows]
        print(
            f"{workers} at a time: class {of_class:.0f} ms per submission, served {each:.0f} ms, "
            f"answer after {answer:.0f} ms; served / class {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
