"""nbgrader's own commands on an exported course: they work and give autograde's scores; damaged cells are repaired."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader_commands import cell_of, grades, nbgrader
from released_course import SCALE, release_course

from autograder.course.cells import read_cells
from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.errors import AutogradeError, ReleaseError
from autograder.grading.submissions import find_submissions
from autograder.keys.build import build_key
from autograder.nbgrader import export
from autograder.processes.pool import Pool
from autograder.records.jobs import Run
from autograder.release.nbgrader_marks import checksum
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from nbgrader.nbgraderformat import MetadataValidator
    from nbgrader.utils import compute_checksum

pytestmark = pytest.mark.slow

SEED = 77
NOISE = "def noise(n):\n    return torch.randn(n, 2)\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """A course with its release, exported to `nbgrader/`."""
    root = tmp_path_factory.mktemp("course")
    release_course(root, pool, numbered=True)
    loaded = load_course(root)
    assert export.export(loaded, pool, root / "nbgrader", seed=SEED) == export.Exported(("small", "other"), ())
    nbgrader(root / "nbgrader", "generate_assignment", "small")
    return root


def test_released_notebooks_are_nbgrader_assignments(course: Path) -> None:
    notebook = nbformat.read(course / "release/01_small.ipynb", as_version=4)
    MetadataValidator().validate_nb(notebook)
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    points = {name: cell.metadata.nbgrader.points for name, cell in marked.items() if cell.metadata.nbgrader.grade}
    assert points == {"check-scale": 4.0, "check-noise": 2.0, "check-guess": 1.0}
    assert all(marked[name].metadata.nbgrader.locked and not marked[name].metadata.editable for name in points)
    assert {name for name, cell in marked.items() if cell.metadata.nbgrader.solution} == {
        "task-scale",
        "task-noise",
        "task-guess",
    }
    for cell in marked.values():
        assert cell.metadata.nbgrader.schema_version == 3
        assert cell.metadata.nbgrader.checksum == compute_checksum(cell) == checksum(cell)


def test_generating_changes_no_stub_and_gives_students_what_they_need(course: Path) -> None:
    ours = nbformat.read(course / "release/01_small.ipynb", as_version=4)
    theirs = nbformat.read(course / "nbgrader/release/small/small.ipynb", as_version=4)
    assert [cell.source for cell in theirs.cells] == [cell.source for cell in ours.cells]
    folder = course / "nbgrader/release/small"
    assert {path.name for path in folder.iterdir()} == {
        *("small.ipynb", "checks", "course.json", "hints", "keys", "requirements.txt", "wheels")
    }
    card = json.loads((folder / "course.json").read_text())["topics"]
    assert (list(card), card["small"].get("notebook")) == (["small"], None)
    written = [path.read_bytes() for path in (course / "nbgrader").rglob("*") if path.is_file()]
    assert not [data for data in written if b"secret comment" in data or b"test_scale_dtype" in data]


def solved(course: Path, scale: str = SCALE, noise: str = NOISE, guess: str = "guess = 'int64'") -> Any:
    notebook = nbformat.read(course / "nbgrader/release/small/small.ipynb", as_version=4)
    for name, source in {"scale": scale, "noise": noise, "guess": guess}.items():
        cell_of(notebook, f"task-{name}").source = source
    return notebook


def damaged(course: Path) -> dict[str, Any]:
    """Notebooks by student; what each defines says how many points it is worth."""
    made = {"right": solved(course)}
    made["half"] = solved(course, scale="def scale(x, by):\n    return x * by\n", guess="guess = ...")
    warns = "import sys, warnings\ndef noise(n):\n    warnings.warn('w')\n    print('e', file=sys.stderr)\n"
    made["warns"] = solved(course, noise=f"{warns}    return torch.randn(n, 2)\n\nnoise(3)")
    made["deleted"] = solved(course)
    made["deleted"].cells = [cell for cell in made["deleted"].cells if "scale" not in cell.source]
    made["moved"] = solved(course)
    made["moved"].cells.remove(cell_of(made["moved"], "check-noise"))
    cell_of(made["moved"], "task-scale").source = "# see below"
    made["moved"].cells.append(new_code_cell(SCALE))
    made["copied"] = solved(course, scale="def scale(x, by):\n    return x\n")
    copy = nbformat.from_dict(dict(cell_of(made["copied"], "task-scale")))
    copy.source, copy.id = SCALE, "copy"
    made["copied"].cells.append(copy)
    made["split"] = solved(course, scale="def refuse(by):\n    if by == 0:\n        raise ValueError\n")
    place = made["split"].cells.index(cell_of(made["split"], "task-scale"))
    second = nbformat.from_dict(dict(cell_of(made["split"], "task-scale")))
    second.source, second.id = "def scale(x, by):\n    refuse(by)\n    return x * by\n", "second"
    made["split"].cells.insert(place + 1, second)
    made["retyped"] = solved(course)
    old = cell_of(made["retyped"], "task-scale")
    text = new_markdown_cell(old.source, metadata=old.metadata)
    made["retyped"].cells[made["retyped"].cells.index(old)] = text
    made["unlocked"] = solved(course, scale="def scale(x, by):\n    return 7\n")
    cell_of(made["unlocked"], "check-scale").source = "4.0"
    cell_of(made["unlocked"], "check-scale").metadata.nbgrader.points = 400
    made["unmarked"] = solved(course)
    for cell in made["unmarked"].cells:
        cell.metadata = nbformat.from_dict({})
    return made


REPAIRED = {
    "right": [],
    "half": [],
    "warns": [],
    "deleted": [
        "The cell `check-scale` was deleted; it was restored.",
        "The cell of `scale` was deleted; nothing defines it.",
    ],
    "moved": [
        "The cell `check-noise` was deleted; it was restored.",
        "The cell of `scale` no longer defines it; another cell does, and that one counts.",
    ],
    "copied": ["The cell `task-scale` appears 2 times; the last definition counts."],
    "split": ["The cell `task-scale` appears 2 times; the last definition counts."],
    "retyped": ["The cell `task-scale` had become a text cell; it is a code cell again."],
    "unlocked": ["The locked cell `check-scale` was changed; it was restored."],
    "unmarked": ["It had none of the cells to grade, as if it came from another file; they were added."],
}


def test_the_round_trip_with_damaged_notebooks(course: Path, pool: Pool) -> None:
    folder = course / "nbgrader"
    made = damaged(course)
    for student, notebook in made.items():
        path = folder / "submitted" / student / "small" / "small.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
    log = nbgrader(folder, "autograde", "small")
    loaded, topic = load_course(course), load_topic(load_course(course), "small")
    key = build_key(loaded, topic, seed=SEED, pool=pool)
    rows = grades(folder)
    for student in made:
        data = (folder / "submitted" / student / "small" / "small.ipynb").read_bytes()
        job = make_job(loaded, topic, read_cells(data, "small.ipynb"), seed=SEED)
        run: Run = next(iter(pool.map([job])))
        ours = sum(task.earned for task in score(rules_of(loaded, topic, key.device), key, run))
        row = rows[student, "small"]
        assert (float(row["score"]), float(row["max_score"])) == pytest.approx((ours, 7.0), abs=1e-6), student
        graded = nbformat.read(folder / "autograded" / student / "small" / "small.ipynb", as_version=4)
        repairs = [text for cell in graded.cells for text in cell.metadata.get("autograde_repairs", ())]
        assert repairs == REPAIRED[student], student
        assert all(f"{student}, small: {text}" in log for text in repairs)
    full = float(rows["right", "small"]["score"])
    assert 0 < float(rows["half", "small"]["score"]) < full
    for student in ("warns", "moved", "copied", "split", "retyped", "unmarked"):
        assert float(rows[student, "small"]["score"]) == full, student
    right = nbformat.read(folder / "autograded/right/small/small.ipynb", as_version=4)
    said = {name: cell_of(right, f"check-{name}").outputs[0]["data"]["text/plain"] for name in ("scale", "guess")}
    assert ("checks passed, " in said["scale"], "checks passed" in said["guess"]) == (True, False)
    nbgrader(folder, "generate_feedback", "small", "--student", "half")
    page = (folder / "feedback/half/small/small.html").read_text()
    assert "What about a factor of zero?" in page
    assert "a secret message of the solution" not in page
    assert re.search(r"Score: \d\.\d+ / 7", page)


ODD = {
    "ada": {"metadata": {"x": [float("nan"), -float("inf")], "y": "\ud83d"}},
    "bo": {"nbformat": "4"},
    "cy": {"metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": {"a": {"model_name": "HBoxModel"}}}}},
    "di": {},
    "ed": {},
}


def test_what_other_tools_wrote_is_graded_too(course: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Ids that are missing or there twice, NaN, UTF-16, a byte-order mark, a notebook called .py, Colab's widgets."""
    folder = course / "nbgrader"
    for student, more in ODD.items():
        notebook = dict(solved(course)) | more
        text = json.dumps(notebook | {"cells": [dict(cell) for cell in notebook["cells"]]})
        if student == "ada":
            text = re.sub(r'"id": "[^"]*"', '"id": "same"', text)
        if student == "bo":
            text = re.sub(r'"id": "[^"]*", ', "", text).replace("\\n# or", "\ud83d")
        path = tmp_path / student / ("small.py" if student == "ed" else "small.ipynb")
        path.parent.mkdir()
        path.write_bytes(text.encode({"ada": "utf-8-sig", "di": "utf-16"}.get(student, "utf-8")))
    # What a submission uses comes along.
    (tmp_path / "flo").mkdir()
    (tmp_path / "flo/tools.py").write_text(SCALE)
    nbformat.write(solved(course, scale="from tools import scale"), tmp_path / "flo/01_small.ipynb")
    recwarn.clear()
    found = find_submissions([tmp_path], load_course(course))
    assert export.add_submissions(found.submissions, folder) == []
    assert not recwarn.list
    # nbgrader can also be given files without the export.
    raw = folder / "submitted/raw/small/small.ipynb"
    raw.parent.mkdir(parents=True)
    cells = [dict(cell) for cell in solved(course).cells]
    cells.append(dict(new_markdown_cell("half a pair: \ud83d")))
    text = json.dumps(dict(solved(course)) | {"cells": cells, "metadata": ODD["cy"]["metadata"]})
    raw.write_text(re.sub(r'"id": "[^"]*"', '"id": "same"', text), encoding="utf-8-sig")
    assert "DuplicateCellId" not in nbgrader(folder, "autograde", "small")
    nbgrader(folder, "generate_feedback", "small", "--student", "raw")
    assert (folder / "feedback/raw/small/small.html").is_file()
    rows = grades(folder)
    assert len({rows[student, "small"]["score"] for student in (*ODD, "flo", "raw")}) == 1
    assert float(rows["raw", "small"]["score"]) > 6


def test_feedback_is_released_for_what_came_without_the_exchange(course: Path, tmp_path: Path) -> None:
    folder = course / "nbgrader"
    nbgrader(folder, "generate_feedback", "small", "--student", "ada")
    nbgrader(folder, "release_feedback", "small", "--student", "ada", f"--Exchange.root={tmp_path}")
    [page] = (tmp_path / "A small course/feedback").iterdir()
    assert page.read_bytes() == (folder / "feedback/ada/small/small.html").read_bytes()


def test_times_secrets_and_files_come_along(course: Path, tmp_path: Path) -> None:
    own = tmp_path / "class/ann/small"
    own.mkdir(parents=True)
    (own / "small.py").write_text("from tools.more import scale\n")
    (own / "tools").mkdir()
    (own / "tools/more.py").write_text(SCALE)
    (own / "unused.csv").write_text("1")
    (own / "timestamp.txt").write_text("2027-03-01 10:00:00 UTC")
    (own / "submission_secret.txt").write_text("of the exchange")
    (tmp_path / "class/bo").mkdir()
    (tmp_path / "class/bo/small.py").write_text(SCALE)
    loaded, out = load_course(course), tmp_path / "out"

    def again() -> dict[str, bytes]:
        export.add_submissions(find_submissions([tmp_path / "class"], loaded).submissions, out)
        files = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".ipynb"]
        return {str(path.relative_to(out / "submitted")): path.read_bytes() for path in files}

    first = again()
    drawn = first.pop("bo/small/submission_secret.txt")
    assert len(drawn) == 128
    assert first == {
        "ann/small/submission_secret.txt": b"of the exchange",
        "ann/small/timestamp.txt": b"2027-03-01 10:00:00 +0000\n",
        "ann/small/tools/more.py": SCALE.encode(),
        "bo/small/timestamp.txt": b"",
    }
    assert again() == first | {"bo/small/submission_secret.txt": drawn}


def test_validate_says_what_does_not_pass_yet(course: Path, tmp_path: Path) -> None:
    folder = course / "nbgrader/release/small"
    nbformat.write(solved(course, noise="def noise(n):\n    return torch.rand(n, 2)\n"), folder / "mine.ipynb")
    said = nbgrader(folder, "validate", "mine.ipynb")
    assert "VALIDATION FAILED ON 1 CELL" in said
    assert "noise: not all visible checks pass." in said
    assert "Traceback" not in said
    nbformat.write(solved(course), folder / "mine.ipynb")
    assert "Success! Your notebook passes all the tests." in nbgrader(folder, "validate", "mine.ipynb")


def test_what_nbgrader_cannot_read_gets_a_stand_in(course: Path, tmp_path: Path) -> None:
    for name, text in {
        "ann/small.py": SCALE,
        "bo/small.ipynb": "",
        "cy/small.ipynb": '{"cells": [], "nbformat": 4}',
    }.items():
        (tmp_path / "class" / name).parent.mkdir(parents=True)
        (tmp_path / "class" / name).write_text(text)
    loaded = load_course(course)
    found = find_submissions([tmp_path / "class"], loaded)
    notes = export.add_submissions(found.submissions, tmp_path / "out")
    assert notes == [
        "ann, small: small.py was turned into a notebook.",
        "bo, small: small.ipynb is empty.",
        "cy, small: nbgrader would refuse this notebook, so only its code cells were kept.",
    ]
    for student in ("ann", "bo", "cy"):
        nbformat.validate(nbformat.read(tmp_path / "out/submitted" / student / "small/small.ipynb", as_version=4))


def test_another_export_keeps_the_configuration(course: Path, pool: Pool) -> None:
    folder = course / "nbgrader"
    config = folder / "nbgrader_config.py"
    edited = config.read_bytes() + b'c.CourseDirectory.course_id = "CS 101"\n'
    config.write_bytes(edited)
    with pytest.raises(AutogradeError, match="the seed is 77 there, and --seed 78"):
        export.export(load_course(course), pool, folder, seed=78)
    exported = export.export(load_course(course), pool, folder)
    assert exported.notes[0].endswith('course_id is "CS 101" there, and would be "A small course" now.')
    assert config.read_bytes() == edited


def test_another_folder_is_left_alone(course: Path, tmp_path: Path, pool: Pool) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ReleaseError, match="no nbgrader course of autograde's"):
        export.export(load_course(course), pool, tmp_path, seed=1)
