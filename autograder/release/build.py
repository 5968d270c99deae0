"""Builds what students get, `release/`, and checks that it is up to date.

README.md           how to set up, how to work, what counts
requirements.txt    what the notebooks need
course.json         what `check`, `hint`, `progress` and `solution` must know about the course
wheels/             the part of autograde that students need
TOPIC.ipynb         the notebook, from exercises/TOPIC.py
hints/TOPIC.yml     the hints
checks/test_TOPIC.py   the visible checks
keys/TOPIC.key      the public answer key: the visible checks on the public seed
data/…              the course's public data, from data/
solutions/          worked solutions, sealed or not, of the topics for which course.yml wants them

Two builds from the same files (and the same secret, where solutions are sealed) are equal byte for byte. A new
release is searched for anything private before it replaces the old one.
"""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder._files import read_whole, write_whole
from autograder._temporary import TemporaryFolder
from autograder.course.cells import notebook_topic, read_cells
from autograder.course.course_file import Course
from autograder.course.data_files import FOLDER, read_data
from autograder.course.file_names import START
from autograder.course.new_topic import MARK, unwritten
from autograder.course.topic import Topic, kit_checks, load_topic
from autograder.errors import KeyMismatch, ReleaseError
from autograder.keys.key import read_key, torch_release, write_key
from autograder.records.course_card import COURSE_FILE, CourseCard
from autograder.release import leaks, public_keys
from autograder.release.make_card import course_card
from autograder.release.notebooks import as_released, notebook_bytes, start_bytes
from autograder.release.solutions import closed_secrets, current_files, open_topics, solution_files
from autograder.release.wheel import wheel

if TYPE_CHECKING:
    from autograder.keys.key import AnswerKey
    from autograder.processes.pool import Pool

__all__ = ["build", "check"]

_DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "pyyaml", "cv2": "opencv-python"}
_IGNORED = {".autograde", ".ipynb_checkpoints", "__pycache__", ".DS_Store"}


def build(course: Course, pool: Pool, out: Path, notes: list[str] | None = None) -> list[Path]:
    """Write the release, replacing an older one, and return its files.

    A key whose content has not changed stays as it is. So do files in `out` that no release wrote, and notebooks of an older
    release that somebody has worked in since: one whose name is needed gets another, `01_dtypes-Copy1.ipynb`.

    Args:
        course: the course.
        pool: runs references and misconceptions for the keys.
        out: the folder; created if it does not exist.
        notes: takes a sentence about each notebook that was kept.

    Raises:
        ReleaseError: if something private would leak, an author left something unwritten, or the secret of the course that
            seals solutions is lost; one line for each.
        AuthoringError: if a topic's files have mistakes.
    """
    if marks := _unwritten(course):
        raise ReleaseError("\n".join(marks))
    solutions = solution_files(course, out, new_secret=True)
    with TemporaryFolder() as folder:
        fresh = folder / "release"
        _write_all(course, pool, fresh, old=out, solutions=solutions)
        if leaked := _leaks(course, fresh):
            raise ReleaseError("\n".join(map(str, leaked)))
        fresh_files = _listing(fresh)
        for path in (*_stale(out, set(fresh_files)), *_stale_data(course, out)):
            path.unlink()
        kept = [f"{path} was worked in, so it was kept." for path in _worked_in(out) if path.name not in fresh_files]
        written = []
        worked_in = set(_worked_in(out))
        for name, path in fresh_files.items():
            target = out / name
            if not target.is_file() or target.read_bytes() != path.read_bytes():
                if target in worked_in:
                    copy = target.rename(_copy_of(target))
                    kept.append(f"{target} was worked in, so it was kept as {copy.name}.")
                write_whole(target, path.read_bytes())
            written.append(target)
    if notes is not None:
        notes += kept
    return written


def check(course: Course, pool: Pool, out: Path) -> list[str]:
    """Compare a release with what its sources give today, and search it for anything private.

    Keys are compared by content, within the course's tolerances: the last digits may differ between machines.

    Returns:
        One line for each problem; none if everything is right.

    Raises:
        AuthoringError: if a topic's files have mistakes.
    """
    problems = _unwritten(course)
    try:
        solutions = solution_files(course, out, new_secret=False)
    except ReleaseError as error:
        problems.append(str(error))
        solutions = current_files(out)
    with TemporaryFolder() as folder:
        fresh = folder / "release"
        _write_all(course, pool, fresh, old=out, solutions=solutions)
        expected, actual = _listing(fresh), _listing(out)
        for name, path in expected.items():
            if name not in actual:
                problems.append(f"{out / name} is missing; run `autograde release`.")
            elif path.read_bytes() != actual[name].read_bytes():
                problems.append(f"{out / name} does not match its sources; run `autograde release`.")
        problems += [f"{out / name} is not part of the release; remove it." for name in actual if name not in expected]
    return problems + [str(leak) for leak in _leaks(course, out)]


def _leaks(course: Course, folder: Path) -> list[leaks.Leak]:
    return leaks.scan(course.root, folder, solved_in_public=open_topics(course), never_public=closed_secrets(course, folder))


def _unwritten(course: Course) -> list[str]:
    marks = [line for name in course.topics for line in unwritten(course.root, name)]
    return [f"{line} (still marked {MARK} write it, and remove the mark)" for line in marks]


def _listing(folder: Path) -> dict[str, Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not _IGNORED.intersection(path.parts))
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _stale(out: Path, current: set[str]) -> Iterator[Path]:
    """Files of an older release that this one no longer has."""
    for name, path in _listing(out).items():
        folder = name.startswith(("keys/", "checks/", "hints/", "wheels/", "solutions/"))
        ours = folder and name.endswith((".key", ".py", ".yml", ".whl", ".json", ".sealed", ".passphrase"))
        notebook = _is_notebook(name, path) and as_released(path.read_bytes())
        if name not in current and (ours or notebook):
            yield path


def _is_notebook(name: str, path: Path) -> bool:
    """Whether a file in a release is a notebook that a release wrote, whatever became of it since."""
    return "/" not in name and name.endswith(".ipynb") and notebook_topic(path.read_bytes()) is not None


def _worked_in(out: Path) -> Iterator[Path]:
    """The notebooks of this or an older release that somebody has saved since."""
    for name, path in _listing(out).items():
        if _is_notebook(name, path) and not as_released(path.read_bytes()):
            yield path


def _copy_of(path: Path) -> Path:
    """A free name, as JupyterLab gives to copies."""
    number = 1
    while (free := path.with_name(f"{path.stem}-Copy{number}{path.suffix}")).exists():
        number += 1
    return free


def _stale_data(course: Course, out: Path) -> Iterator[Path]:
    """Data of an older release, as its course.json lists them, that the course no longer has or that are hidden now."""
    try:
        card = msgspec.json.decode((out / COURSE_FILE).read_bytes(), type=CourseCard)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return
    current = {file.name for file in read_data(course.root).public}
    for name in card.data:
        inside = name.startswith(f"{FOLDER}/") and ".." not in Path(name).parts
        if inside and name not in current and (out / name).is_file():
            yield out / name


def _write_all(course: Course, pool: Pool, folder: Path, *, old: Path, solutions: Mapping[str, bytes]) -> None:
    topics = [load_topic(course, name) for name in course.topics]
    keys = {topic.name: public_keys.make(course, topic, pool) for topic in topics}
    package = course.package
    files = {"README.md": _readme(course, keys), COURSE_FILE: course_card(course, topics), **solutions}
    if not package:
        name, data = wheel()
        files[f"wheels/{name}"], package = data, f"./wheels/{name}"
    if course.start:
        files[f"{START}.ipynb"] = start_bytes(course, course.start)
    files["requirements.txt"] = _requirements(course, topics, keys, package)
    for topic in topics:
        files |= _topic_files(course, topic)
    files |= {file.name: file.content for file in read_data(course.root).public}
    for name, data in files.items():
        write_whole(folder / name, data)
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    for name, key in keys.items():
        known = old / "keys" / f"{name}.key"
        if _still_true(known, key, course):
            shutil.copyfile(known, folder / "keys" / known.name)
        else:
            write_key(key, folder / "keys" / known.name)


def _still_true(path: Path, key: AnswerKey, course: Course) -> bool:
    try:
        return public_keys.say_the_same(read_key(path), key, course.tolerances)
    except KeyMismatch:
        return False


def _topic_files(course: Course, topic: Topic) -> dict[str, bytes]:
    name, root = topic.name, course.root
    files = {course.notebook(name): notebook_bytes(course, topic)}
    for source, target, more in (
        (root / "exercises" / "hints" / f"{name}.yml", f"hints/{name}.yml", ""),
        (
            root / "tests" / "visible" / f"test_{name}.py",
            f"checks/test_{name}.py",
            kit_checks(course.topics[name].tasks, visible=True),
        ),
    ):
        if source.is_file() or more:
            files[target] = (read_whole(source) if source.is_file() else b"") + more.encode()
    return files


def _requirements(course: Course, topics: Sequence[Topic], keys: Mapping[str, AnswerKey], package: str) -> bytes:
    """Autograde, the torch release that the keys were made with, what draws notebooks and `autograde watch`, and what the
    notebooks import.

    Autograde comes first: then pip says at once that a Python is too old, instead of trying older and older releases of
    what the notebooks import.
    """
    needed = {"jupyterlab", "textual", "torch"}
    if any(entry.solutions == "after_due" for entry in course.topics.values()):
        needed.add("cryptography")
    cells = [cell for topic in topics for cell in topic.exercise]
    if course.start:
        cells += read_cells(read_whole(course.start), course.start.name)
    for cell in cells:
        needed |= {_DISTRIBUTIONS.get(module, module) for module in _imported(cell.source)}
    torch = {torch_release(key.versions) for key in keys.values()}
    lines = [f"torch=={max(torch)}.*" if name == "torch" and torch else name for name in sorted(needed)]
    return ("\n".join([package, *lines]) + "\n").encode()


def _imported(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with magics
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            module = name.partition(".")[0]
            if module not in sys.stdlib_module_names and module != "autograder":
                yield module


def _readme(course: Course, keys: Mapping[str, AnswerKey]) -> bytes:
    environment = Environment(
        loader=PackageLoader("autograder.release"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    torch = max((torch_release(key.versions) for key in keys.values()), default="")
    points = {name: f"{sum(task.points for task in topic.tasks.values()):g}" for name, topic in course.topics.items()}
    template = environment.get_template("release_readme.md.j2")
    data = next((file.name.removeprefix(f"{FOLDER}/") for file in read_data(course.root).public), "")
    start = f"{START}.ipynb" if course.start else ""
    return template.render(course=course, torch=torch, points=points, data=data, start=start).encode()
