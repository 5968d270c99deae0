"""The floor: the same checks and draws on the same submissions in one warm process, without any isolation.

It runs the cells, every draw of every check, observes what they return and compares with the answer key; nothing is read
from disk, sent between processes or written. Prints seconds of CPU time per submission as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLBACKEND": "agg"})

from autograder.checking.code import Code
from autograder.checking.run_check import load_checks, run_check
from autograder.course.cells import read_cells
from autograder.course.course_file import Course, load_course
from autograder.course.make_job import make_job
from autograder.course.topic import Topic, load_topic
from autograder.keys.build import build_key
from autograder.keys.key import AnswerKey
from autograder.processes.compiled_files import compiled
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Run
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score

SEED = 1


def main(root: Path, folder: Path, rounds: int) -> None:
    """Measure `rounds` times over all submissions of a folder `STUDENT/TOPIC.ipynb`, after one round to warm up."""
    course = load_course(root)
    files = sorted(folder.glob("*/*.ipynb"))
    topics = {name: load_topic(course, name) for name in {file.stem for file in files}}
    with Pool() as pool:
        keys = {name: build_key(course, topic, seed=SEED, pool=pool) for name, topic in topics.items()}
    cells = [(file.stem, read_cells(file.read_bytes(), file.name)) for file in files]
    spent = []
    for _ in range(rounds + 1):
        start = time.process_time()
        for name, of_one in cells:
            _grade(course, topics[name], keys[name], of_one)
        spent.append((time.process_time() - start) / len(cells))
    json.dump({"cpu": sorted(spent[1:])[rounds // 2]}, sys.stdout)


def _grade(course: Course, topic: Topic, key: AnswerKey, cells: tuple[Cell, ...]) -> None:
    job = make_job(course, topic, cells, seed=SEED)
    namespace: dict[str, object] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cell in job.cells:
            if cell.number in job.unneeded:
                continue
            # A cell that raises is no reason to stop, as in grading.
            with contextlib.suppress(Exception):
                exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)
    code = Code(namespace)
    observations = {}
    for module, requests in ((job.visible, job.visible_requests), (job.hidden, job.hidden_requests)):
        if module is None:
            continue
        checks = load_checks(module, compiled(module.filename, module.source))
        for request in requests:
            observations[request.check, request.draw] = run_check(checks[request.check], code, request)
    score(rules_of(course, topic, key.device), key, Run(observations=observations))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
