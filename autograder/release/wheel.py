"""The wheel in a release: the part of this package that students use; the same files always give the same bytes.

It holds the modules that `autograder.student` imports, directly or indirectly, and none of the instructor's. Format: the
specification "Binary distribution format" of the Python Packaging Authority, version 1.0.
"""

from __future__ import annotations

import ast
import base64
import functools
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from importlib import metadata

from autograder._files import PACKAGE

__all__ = ["student_modules", "wheel", "whole_wheel"]

_DISTRIBUTION = "autograde-torch"
_TIME = (1980, 1, 1, 0, 0, 0)
_DATA = ("py.typed",)


def wheel() -> tuple[str, bytes]:
    """The wheel's file name and bytes. Its version ends in `+student`, since it holds only a part of the package.

    It is stored uncompressed, because compressed bytes depend on the library that compresses.
    """
    version = f"{metadata.version(_DISTRIBUTION)}+student"
    return _packed(
        version,
        [*student_modules(), *_DATA],
        _metadata(version),
        b"[console_scripts]\nautograde = autograder.commands.student:main\n",
    )


def whole_wheel() -> tuple[str, bytes]:
    """The file name and bytes of a wheel of the whole package, for machines that grade."""
    installed = metadata.distribution(_DISTRIBUTION)
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file())
    modules = sorted(path.as_posix() for path in paths if "__pycache__" not in path.parts)
    about, entry_points = installed.read_text("METADATA") or "", installed.read_text("entry_points.txt") or ""
    return _packed(installed.version, modules, about.encode(), entry_points.encode())


def _packed(version: str, modules: list[str], about: bytes, entry_points: bytes) -> tuple[str, bytes]:
    name = f"{_DISTRIBUTION.replace('-', '_')}-{version}"
    files = {f"autograder/{path}": (PACKAGE / path).read_bytes() for path in modules}
    info = f"{name}.dist-info"
    files[f"{info}/METADATA"] = about
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: autograde\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = entry_points
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, data)
    return f"{name}-py3-none-any.whl", buffer.getvalue()


def _metadata(version: str) -> bytes:
    known = metadata.metadata(_DISTRIBUTION)
    requirements = [line for line in metadata.requires(_DISTRIBUTION) or () if "extra ==" not in line]
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {_DISTRIBUTION}",
        f"Version: {version}",
        f"Summary: {known['Summary']}",
        f"Requires-Python: {known['Requires-Python']}",
        *(f"Requires-Dist: {line}" for line in sorted(requirements)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _record(files: dict[str, bytes], own: str) -> bytes:
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}")
    return ("\n".join([*lines, f"{own},,"]) + "\n").encode()


@functools.cache
def student_modules() -> tuple[str, ...]:
    """The files that students need, relative to the package, sorted."""
    modules: set[str] = set()
    waiting = [
        "__init__.py",
        "choices.py",  # which the checks of a release import
        "commands/student.py",
        *(f"student/{path.name}" for path in (PACKAGE / "student").glob("*.py")),
    ]
    while waiting:
        path = waiting.pop()
        if path not in modules:
            modules.add(path)
            waiting += _imported(path)
    return tuple(sorted(modules))


def _imported(path: str) -> Iterator[str]:
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    names = set()
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    for name in sorted(names):
        if not re.match(r"autograder(\.|$)", name):
            continue
        place = name.replace(".", "/").removeprefix("autograder").lstrip("/")
        for candidate in (f"{place}.py", f"{place}/__init__.py".lstrip("/")):
            if (PACKAGE / candidate).is_file():
                yield candidate


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from _executed(child)
