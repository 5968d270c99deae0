"""Opens nbgrader's gradebook, a database that SQLAlchemy knows by a URL: a file of SQLite, PostgreSQL, or another one."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from autograder.errors import AutogradeError

__all__ = ["find_alembic", "has_password", "open_gradebook", "require_database", "without_password"]


@contextmanager
def open_gradebook(url: str, course_id: str, *, folder: Path) -> Iterator[Any]:
    """nbgrader's own `nbgrader.api.Gradebook`; its tables are made if there are none.

    Args:
        url: the database's URL, as `CourseDirectory.db_url` has it.
        course_id: nbgrader's name for the course.
        folder: what relative paths of files are relative to.

    Raises:
        AutogradeError: if there is no such database, or it does not do what it should; nothing of what was not committed
            is kept then.
    """
    from nbgrader.api import Gradebook, InvalidEntry  # type: ignore[import-untyped] # takes a second

    find_alembic()
    with _one_line(url):
        try:
            with Gradebook(_absolute(url, folder), course_id) as gradebook:
                yield gradebook
        except InvalidEntry as error:
            raise AutogradeError(f"{without_password(url)}: {_first_line(error)}") from error


def require_database(url: str, *, folder: Path, tables: bool = False) -> None:
    """Connect to a database, and with `tables` also look whether nbgrader has made its tables there. Makes nothing.

    Raises:
        AutogradeError: if that cannot be done, or they are not there.
    """
    with _one_line(url):
        absolute = make_url(_absolute(url, folder))
        file = absolute.database if absolute.get_backend_name() == "sqlite" else None
        if file and file != ":memory:" and not Path(file).exists():
            there = False  # connecting would make it
        else:
            engine = create_engine(absolute)
            try:
                there = inspect(engine).has_table("assignment")
            finally:
                engine.dispose()
    if tables and not there:
        raise AutogradeError(
            f"{without_password(url)}: nbgrader has no gradebook there; run `nbgrader generate_assignment` first, or name "
            "its database with --db-url."
        )


def without_password(url: str) -> str:
    """A database's URL as it can be shown."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return url.rpartition("@")[2]


def has_password(url: str) -> bool:
    """Whether a database's URL holds a password."""
    return make_url(url).password is not None


def find_alembic() -> None:
    """Put this environment's commands on PATH: nbgrader calls `alembic` by name, even if the environment is not active."""
    scripts, path = sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = f"{scripts}{os.pathsep}{path}"


def _absolute(url: str, folder: Path) -> str:
    """The URL with an absolute path, if it names a file of SQLite: nbgrader's commands run in the folder, we do not."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return url
    return parsed.set(database=str((folder / parsed.database).absolute())).render_as_string(hide_password=False)


@contextmanager
def _one_line(url: str) -> Iterator[None]:
    """Turns what goes wrong with a database into one line."""
    shown = without_password(url)
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(("autograder", "nbgrader")):
            raise
        raise AutogradeError(
            f"{shown}: this database needs the Python package {error.name}; install it, for PostgreSQL with: pip install "
            '"psycopg[binary]"'
        ) from error
    except NoSuchModuleError as error:
        raise AutogradeError(
            f"{shown}: SQLAlchemy knows no such database; write postgresql://USER@HOST/DATABASE or sqlite:///FILE."
        ) from error
    except SQLAlchemyError as error:
        raise AutogradeError(
            f"{shown}: {_first_line(getattr(error, 'orig', None) or error)}; check the URL, and that the database can be "
            "reached and written to."
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
