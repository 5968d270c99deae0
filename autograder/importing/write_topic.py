"""Writes a topic made from an assignment, and says what became of each part of it."""

from __future__ import annotations

import ast
import json
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder._words import counted
from autograder.course import new_topic
from autograder.errors import CourseError
from autograder.importing.checks import Draft, Lost, changed_by, drafts, file_read
from autograder.importing.parts import Answer, Assignment, Code, Manual, Tests, Text, defined_names, tree_of
from autograder.importing.read_source import read_assignment
from autograder.importing.solutions import STUB
from autograder.importing.statements import names_bound, names_read

__all__ = ["Imported", "import_topic", "topic_name"]

_ANSWER_HERE = ("", "YOUR ANSWER HERE")


@dataclass(frozen=True)
class Imported:
    """What became of an assignment: its files, its tasks with their points, and its assertions.

    `tasks` are those with checks, `manual` those for a person to mark.

    `asserts` is how many there were; `observed` how many became observations, `kept` how many are still asserted beside
    student code, each with a line in `notes`; so has each of the others, and each part that a person has to look at.
    """

    topic: str
    kind: str
    files: tuple[Path, ...]
    tasks: dict[str, float]
    manual: dict[str, float]
    asserts: int
    observed: int
    kept: int
    notes: tuple[str, ...]

    def summary(self) -> str:
        """One line."""
        lost = self.asserts - self.observed - self.kept
        return (
            f"{self.topic} ({self.kind}): {counted(len(self.tasks), 'task')}; {counted(self.asserts, 'assertion')}: "
            f"{self.observed} became observations, {self.kept} {'is' if self.kept == 1 else 'are'} kept as "
            f"{'an assertion' if self.kept == 1 else 'assertions'}, {lost} could not be used."
        )


def topic_name(path: Path) -> str:
    """A topic's name from a file's name."""
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")[:40].rstrip("_")
    return name if re.match(r"[a-z]", name) else f"topic_{name}"[:40].rstrip("_")


def import_topic(source: Path, course_root: Path, name: str) -> Imported:
    """Make a topic from a notebook.

    Args:
        source: the notebook, or a Python file in the percent format.
        course_root: the folder that contains course.yml.
        name: the topic's name.

    Raises:
        CourseError: if the source cannot be read, or holds no task, or the topic cannot be written; nothing is then.
    """
    assignment = read_assignment(source)
    tasks = _tasks(assignment)
    manual = _manual(assignment, tasks)
    if not tasks:
        raise CourseError(
            f"{source}: has no task; mark solutions with `### BEGIN SOLUTION` and `### END SOLUTION`, or assert something "
            "of a function."
        )
    made, lost = drafts(assignment.parts, tasks)
    points = _points(assignment, made, tasks)
    texts = {
        "exercises/{}.py": _exercise(assignment, name, tasks, manual),
        "exercises/hints/{}.yml": _hints(tasks),
        "solutions/{}.py": _reference(assignment, tasks, manual),
    }
    for folder, hidden in (("visible", False), ("hidden", True)):
        if chosen := [(draft, number) for number, draft in enumerate(made, 1) if draft.hidden == hidden]:
            texts[f"tests/{folder}/test_{{}}.py"] = _checks(chosen, hidden, _gates(made))
    by_hand = {task: part.points for task, part in manual.items()}
    lines = [f"{task}: {{points: {value:g}}}" for task, value in points.items()]
    lines += [f"{task}: {{points: {value:g}, kind: manual}}" for task, value in by_hand.items()]
    files = new_topic.write(course_root, name, texts, title=json.dumps(_title(assignment, name)), tasks=lines)
    kept = sum(draft.kept for draft in made)
    return Imported(
        topic=name,
        kind=assignment.kind,
        files=tuple(files),
        tasks=points,
        manual=by_hand,
        asserts=sum(draft.asserts for draft in made) + sum(each.asserts for each in lost),
        observed=sum(draft.asserts - draft.kept for draft in made),
        kept=kept,
        notes=tuple(_notes(assignment, tasks, manual, made, lost)),
    )


def _tasks(assignment: Assignment) -> list[str]:
    """What students define: whatever a stub leaves open. Of a cell that tests look at, only the variables that they name."""
    tests = [tree for part in assignment.parts if isinstance(part, Tests) and (tree := tree_of(part.source)) is not None]
    tested = set().union(*(names_read(ast.With([], tree.body)) for tree in tests))  # not what a test makes itself
    found: dict[str, None] = {}
    for part in assignment.parts:
        if isinstance(part, Answer) and (tree := tree_of(part.solution)) is not None:
            stubs = {name: node for node in getattr(tree_of(part.stub), "body", []) for name in defined_names(node)}
            of_cell = {name for node in tree.body for name in defined_names(node)}
            for node in tree.body:
                for name in defined_names(node):
                    if not isinstance(node, ast.FunctionDef | ast.ClassDef) and of_cell & tested and name not in tested:
                        continue  # a step on the way
                    stub = stubs.get(name)
                    if stub is not None and (_open(stub) or ast.dump(stub) != ast.dump(node)):
                        found[name] = None
    return list(found)


def _manual(assignment: Assignment, tasks: Sequence[str]) -> dict[str, Manual]:
    """The answers that a person marks and that are worth something, by the names of their tasks."""
    found: dict[str, Manual] = {}
    for part in assignment.parts:
        if isinstance(part, Manual) and part.points:
            name = re.sub(r"\W", "_", part.name, flags=re.ASCII)
            if not name.isidentifier() or keyword.iskeyword(name) or name in found or name in tasks:
                name = f"answer_{part.cell}"
            found[name] = part
    return found


def _open(stub: ast.stmt) -> bool:
    text = ast.unparse(stub)
    return STUB in text or text.endswith("= ...")


def _points(assignment: Assignment, made: Sequence[Draft], tasks: Sequence[str]) -> dict[str, float]:
    """A task's points: those of the cells whose first check is its own; 1 where nobody said."""
    points = dict.fromkeys(tasks, 0.0)
    for part in assignment.parts:
        worth = 0.0 if isinstance(part, Manual) else getattr(part, "points", 0.0)
        task = next((draft.task for draft in made if draft.cell == getattr(part, "cell", -1)), None)
        if worth and task is not None:
            points[task] += worth
    return {task: value or 1.0 for task, value in points.items()}


def _gates(made: Sequence[Draft]) -> set[int]:
    """The number of each task's first check that observes values, or else of its first."""
    gates: dict[str, int] = {}
    for number, draft in sorted(enumerate(made, 1), key=lambda each: bool(each[1].kept) or not each[1].of_values):
        gates.setdefault(draft.task, number)
    return set(gates.values())


def _title(assignment: Assignment, name: str) -> str:
    for part in assignment.parts:
        if isinstance(part, Text) and (found := re.search(r"^#+\s+(.*\S)", part.source, re.MULTILINE)):
            return re.sub(r"[*_`]", "", found[1])[:80]
    return name.replace("_", " ").capitalize()


def _exercise(assignment: Assignment, name: str, tasks: Sequence[str], manual: Mapping[str, Manual]) -> str:
    cells = []
    names = {id(part): task for task, part in manual.items()}
    if not any(isinstance(part, Text) for part in assignment.parts[:1]):
        cells.append(f"# %% [markdown]\n# # {_title(assignment, name)}")
    for part in assignment.parts:
        if isinstance(part, Manual) and part.solution is not None:
            mark = [f"# autograde: {names[id(part)]}"] if id(part) in names else []
            cells.append("\n".join(["# %%", *mark, _plain(part.source)]))
            continue
        if isinstance(part, Text | Manual) and part.source.strip() not in _ANSWER_HERE:
            text = "\n".join(f"# {line}".rstrip() for line in part.source.strip("\n").split("\n"))
            cells.append(f"# %% [markdown]\n{text}")
        elif isinstance(part, Code) and part.source.strip():
            cells.append(f"# %%\n{_plain(part.source)}")
        elif isinstance(part, Answer) and (stub := _stub(part, tasks)).strip():
            cells.append(f"# %%\n{_plain(stub)}")
        if id(part) in names:
            cells.append(f'# %%\n# Write your answer in quotation marks: {names[id(part)]} = "…"\n{names[id(part)]} = ...')
    return "\n\n".join(cells) + "\n"


def _stub(part: Answer, tasks: Sequence[str]) -> str:
    """The cell as students get it, without the variables that are only a step on the way."""
    lines = part.stub.split("\n")
    return "\n".join(line for line in lines if not (name := re.fullmatch(r"(\w+) = \.\.\.", line)) or name[1] in tasks)


def _plain(source: str) -> str:
    """A cell as valid Python: magics and shell commands as comments, which the notebook has as commands again."""
    if source.lstrip().startswith("%%"):
        return "\n".join(f"# {line}".rstrip() for line in source.split("\n"))
    return re.sub(r"^([%!])", r"# \1", source, flags=re.MULTILINE)


def _reference(assignment: Assignment, tasks: Sequence[str], manual: Mapping[str, Manual]) -> str:
    """Imports, the definitions of the tasks, and the statements that make what these use."""
    statements: list[tuple[ast.stmt, str]] = []
    for part in assignment.parts:
        source = part.solution if isinstance(part, Answer) else part.source if isinstance(part, Code) else ""
        lines = source.split("\n")
        for node in getattr(tree_of(source), "body", []):
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
            statements.append((node, "\n".join(lines[first - 1 : node.end_lineno])))
    wanted = set(tasks)
    chosen = []
    for position, (node, text) in reversed(list(enumerate(statements))):
        names = names_bound(node)
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            names |= changed_by(node, [each for each, _ in statements[:position]])
        if names & wanted and not re.search(r"^(from|import) (otter|client)\b", text):
            chosen.append(text)
            wanted |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    cells = "".join(f"\n\n# %%\n{text}\n" for text in chosen[::-1])
    for task, part in manual.items():
        cells += f"\n\n# %%\n{task} = ...\n" if part.solution is None else f"\n\n# %%\n# autograde: {task}\n...\n"
    return f'"""Reference solutions, imported."""{cells}'


def _hints(tasks: Iterable[str]) -> str:
    lines = ["# Three hints for each task, from a nudge to nearly the answer. Students see them one at a time."]
    for task in tasks:
        lines += [f"{task}:", *(f'  - "{new_topic.MARK} hint {number}."' for number in (1, 2, 3))]
    return "\n".join(lines) + "\n"


def _checks(chosen: Sequence[tuple[Draft, int]], hidden: bool, gates: set[int]) -> str:
    which = "that only run in grading" if hidden else "that students can run themselves"
    marks = sorted({"checks"}.union(*(draft.marks for draft, _ in chosen)))
    head = [f'"""Checks {which}, imported."""', ""]
    imports = dict.fromkeys(line for draft, _ in chosen for line in draft.imports)
    head += [*sorted(imports), *([""] if imports else []), f"from autograder import {', '.join(marks)}"]
    text = "\n".join(head) + "\n"
    shared = _shared(draft for draft, _ in chosen)
    for helper in shared:
        text += f"\n\n{helper}\n"
    for draft, number in chosen:
        options = ", gate=True" if number in gates else ""
        options += ", assertion=True" if draft.kept else ""
        sentence = draft.sentence.replace("\\", "\\\\").replace('"', "'")
        own = [line for helper in draft.helpers if not set(draft.helpers) <= set(shared) for line in helper.split("\n")]
        body = "\n".join(f"    {line}".rstrip() for line in (*own, *draft.lines))
        name = re.sub(r"\W", "_", draft.task)
        text += (
            f'\n\n@checks("{draft.task}"{options})\ndef test_{name}_{number}(code, given):\n    """{sentence}"""\n{body}\n'
        )
    return text


def _shared(made: Iterable[Draft]) -> dict[str, None]:
    """The helpers that can stand at the top of the file: those of which each name has one meaning."""
    made = list(made)
    meanings: dict[str, set[str]] = {}
    for helper in (helper for draft in made for helper in draft.helpers):
        for name in defined_names(ast.parse(helper).body[0]):
            meanings.setdefault(name, set()).add(helper)
    clear = [draft for draft in made if all(len(meanings[name]) == 1 for name in _helper_names(draft))]
    return dict.fromkeys(helper for draft in clear for helper in draft.helpers)


def _helper_names(draft: Draft) -> list[str]:
    return [name for helper in draft.helpers for name in defined_names(ast.parse(helper).body[0])]


def _notes(
    assignment: Assignment, tasks: Sequence[str], manual: Mapping[str, Manual], made: Sequence[Draft], lost: Sequence[Lost]
) -> Iterable[str]:
    for draft in made:
        if draft.kept:
            yield f"cell {draft.cell}: {draft.reason}; kept as an assertion beside student code."
    for each in lost:
        yield f"cell {each.cell}, line {each.line}: not used: {each.reason}."
    for task, by_hand in manual.items():
        points = f"{by_hand.points:g} {'point' if by_hand.points == 1 else 'points'}"
        yield f"cell {by_hand.cell}: an answer for a person to mark ({points}); it is the task {task} of kind manual."
    for task in tasks:
        if not any(draft.task == task for draft in made):
            yield f"{task}: no check; write one."
    for part in assignment.parts:
        if isinstance(part, Answer) and STUB in part.solution:
            yield f"cell {part.cell}: the source has no solution; write it in solutions/."
        source = part.solution if isinstance(part, Answer) else part.source if isinstance(part, Code) else ""
        if (tree := tree_of(source)) is not None and (reads := file_read([tree])):
            cell = getattr(part, "cell", 0)
            yield f"cell {cell}: reads a file ({reads}), which is not there in grading; make the data in the cell."
    yield from assignment.lost
