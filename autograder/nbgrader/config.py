"""nbgrader_config.py of a course folder: written once, and read as nbgrader reads it.

It is the instructor's file: another export keeps it as it is, and says in what it differs.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder._files import write_whole
from autograder.course.course_file import Course
from autograder.errors import AutogradeError
from autograder.nbgrader.database import has_password, without_password

__all__ = ["CONFIG_FILE", "Settings", "kept_settings", "new_settings", "read_settings", "write_config"]

CONFIG_FILE = "nbgrader_config.py"
_CONFIG = """\
# Written by `autograde export-nbgrader`, which leaves it alone from now on. autograde grades the submissions, confined.
from autograder.nbgrader import plugin

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {settings.course_id!r}
c.CourseDirectory.root = {settings.root!r}
{db_url}plugin.configure(c, course={settings.course!r}, seed={settings.seed})
"""


@dataclass(frozen=True)
class Settings:
    """What a course folder's configuration says. `course` is the folder of course.yml from which it grades and `seed` the
    seed; they are None if it does not grade with autograde."""

    course_id: str
    root: str
    db_url: str
    course: str | None = None
    seed: int | None = None


def read_settings(folder: Path) -> Settings:
    """The settings with which nbgrader's commands work in a folder: its nbgrader_config.py, and those of Jupyter's folders.

    Raises:
        AutogradeError: if there is no nbgrader_config.py, or it fails.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise AutogradeError(f"{path}: there is no such file; make an nbgrader course with `autograde export-nbgrader`.")
    # These take a second to import.
    from nbgrader.apps.baseapp import NbGrader  # type: ignore[import-untyped]
    from nbgrader.coursedir import CourseDirectory  # type: ignore[import-untyped]
    from traitlets.config.application import Application

    app = NbGrader(log_level=logging.CRITICAL)
    app.load_cwd_config, app.raise_config_file_errors = False, True
    try:
        app.load_config_file()
        Application.load_config_file(app, CONFIG_FILE, str(folder))  # as nbgrader does with the one in the course's folder
        config: Any = app.config
        if "root" not in config.CourseDirectory:
            config.CourseDirectory.root = str(folder.absolute())
        places = CourseDirectory(config=config)
        url, root, course_id = places.db_url, places.root, places.course_id
    except Exception as error:  # it is a program, and may raise anything
        raise AutogradeError(f"{path}: {type(error).__name__}: {error}; correct the file.") from error
    grades = "course" in config.GradeConfined
    return Settings(
        course_id=course_id,
        root=root,
        db_url=url,
        course=str(config.GradeConfined.course) if grades else None,
        seed=int(config.GradeConfined.seed) if grades and "seed" in config.GradeConfined else None,
    )


def new_settings(course: Course, folder: Path, *, db_url: str, seed: int) -> Settings:
    """The settings of a new course folder, whose gradebook is a file in it unless `db_url` names another."""
    root = str(folder.absolute())
    return Settings(
        course_id=course.title.strip().replace("/", "-"),  # the exchange has a folder of this name
        root=root,
        db_url=db_url or f"sqlite:///{root}/gradebook.db",
        course=str(course.root),
        seed=seed,
    )


def write_config(folder: Path, settings: Settings) -> None:
    """Write a new nbgrader_config.py. If it holds a password, only its owner can read it."""
    in_folder = settings.db_url == f"sqlite:///{settings.root}/gradebook.db"
    text = _CONFIG.format(db_url="" if in_folder else f"c.CourseDirectory.db_url = {settings.db_url!r}\n", settings=settings)
    write_whole(folder / CONFIG_FILE, text.encode(), mode=0o600 if has_password(settings.db_url) else 0o666)


def kept_settings(folder: Path, new: Settings, *, seed_given: bool, db_url_given: bool) -> tuple[Settings, list[str]]:
    """The settings of a folder that has an nbgrader_config.py, and sentences about what a new one would say otherwise.

    Args:
        folder: the folder.
        new: what a new nbgrader_config.py would say.
        seed_given: whether its seed was asked for.
        db_url_given: whether its database was asked for.

    Raises:
        AutogradeError: if what was asked for differs from what is there, or the file fails.
    """
    path, there = folder / CONFIG_FILE, read_settings(folder)
    old_url, new_url = without_password(there.db_url), without_password(new.db_url)
    if db_url_given and there.db_url != new.db_url:
        raise AutogradeError(
            f"{path}: c.CourseDirectory.db_url is {json.dumps(old_url)} there, and --db-url {json.dumps(new_url)}; change "
            "the file, which is never overwritten, or leave out --db-url."
        )
    if there.course is None:
        call = f"plugin.configure(c, course={new.course!r}, seed={new.seed})"
        return there, [
            f"{path} was kept, and grades without autograde; add `from autograder.nbgrader import plugin` and `{call}`."
        ]
    if seed_given and there.seed != new.seed:
        raise AutogradeError(
            f"{path}: the seed is {there.seed} there, and --seed {new.seed}; change the file, which is never "
            "overwritten, or leave out --seed."
        )
    notes = [
        f"{path} was kept: {name} is {json.dumps(old)} there, and would be {json.dumps(fresh)} now."
        for name, old, fresh in (
            ("c.CourseDirectory.course_id", there.course_id, new.course_id),
            ("c.CourseDirectory.root", there.root, new.root),
            ("the course to grade from", there.course, new.course or ""),
        )
        if old != fresh and Path(old).resolve() != Path(fresh).resolve()
    ]
    remedy = "Change the file if that is not what you want; or remove it, and export again for a new one."
    return there, [*notes, remedy] if notes else []
