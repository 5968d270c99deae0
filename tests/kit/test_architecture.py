"""docs/architecture.md and the first lines of each room say what is so: modules, floors, and who imports whom."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "autograder"
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PICTURE = PAGE.partition("## The house\n")[2].partition("```text\n")[2].partition("```")[0]
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TOP_MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
OF_USERS = {"nbgrader_config.py"}  # a file that nbgrader reads


def floors() -> dict[str, int]:
    """Floor by room, counted from the bottom, as the contract of floors says."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    lines = [re.findall(r"autograder\.(\w+)", layer) for layer in reversed(layers)]
    return {room: floor for floor, rooms in enumerate(lines) for room in rooms}


def rooms_in(line: str) -> list[str]:
    names = re.findall(r"(?<!\S)(\w+)(?:/|\.py)(?!\S)", line)
    return [name for name in names if name in (*ROOMS, *TOP_MODULES)]


def test_every_room_is_in_the_picture_and_has_a_floor() -> None:
    drawn = {room for line in PICTURE.splitlines() for room in rooms_in(line)}
    assert drawn == {*ROOMS, *TOP_MODULES} == set(floors())


def test_the_picture_has_the_floors_of_the_contracts() -> None:
    floor = floors()
    lines = [rooms for line in PICTURE.splitlines() if (rooms := rooms_in(line))]
    for upper, lower in itertools.pairwise(lines):
        assert min(floor[room] for room in upper) >= max(floor[room] for room in lower), (upper, lower)


@pytest.mark.parametrize("file", sorted(set(re.findall(r"(?<![\w./])(?:\w+/)*\w+\.py\b", PAGE)) - OF_USERS))
def test_every_file_that_the_page_names_exists(file: str) -> None:
    assert any(PACKAGE.rglob(file)) or (ROOT / file).exists() or "TOPIC" in file


def names_in(module: Path) -> set[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {name for node in tree.body for name in bound_by(node)}


def bound_by(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom(names=names):
            return [alias.asname or alias.name for alias in names]
        case _:
            return []


@pytest.mark.parametrize("dotted", sorted(set(re.findall(rf"`((?:{'|'.join(ROOMS)})\.[\w.]+)", PAGE))))
def test_every_name_that_the_page_gives_with_its_place_is_there(dotted: str) -> None:
    *place, name = dotted.split(".")
    path = PACKAGE.joinpath(*place)
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    assert (path / f"{name}.py").is_file() or name in names_in(module)


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """By room, the other rooms that its modules import; top modules are not counted, as they are for all."""
    graph = grimp.build_graph("autograder", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            room, other = (f"{name}.".split(".")[1] for name in (module, target))
            if room in ROOMS and other in ROOMS and room != other:
                found[room].add(other)
    return found


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in ("commands", "student")])
def test_a_room_says_what_it_imports(imported: dict[str, set[str]], room: str) -> None:
    """The rooms in backquotes; and, if it says so, all on the floors below the highest of those."""
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    floor, named = floors(), {name for name in re.findall(r"`(\w+)`", text) if name in ROOMS} - {room}
    allowed = set(named)
    if re.search(r"\bbelow\b", text):
        allowed |= {other for other in ROOMS if any(floor[other] < floor[each] for each in named)}
    assert imported[room] <= allowed, f"{room} imports {sorted(imported[room] - allowed)}, and does not say so"
    assert named <= imported[room], f"{room} does not import {sorted(named - imported[room])}, but says so"
