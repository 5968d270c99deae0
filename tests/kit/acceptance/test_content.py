"""The course's own content: what every topic of course.yml has to fulfil, whichever topics there are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from notebooks import too_wide
from warm_python import WarmPython, warm_python

from autograder.course.cells import read_cells
from autograder.course.course_file import load_course
from autograder.course.declarations import read_checks, read_variants
from autograder.course.topic import load_topic
from autograder.records.jobs import Cell
from autograder.release.notebooks import notebook_bytes

ROOT = Path(__file__).parents[3]
COURSE = load_course(ROOT / "course.yml")
TOPICS = list(COURSE.topics)
Definition = ast.FunctionDef | ast.ClassDef

pytestmark = pytest.mark.parametrize("topic", TOPICS)


def cells(topic: str) -> tuple[Cell, ...]:
    path = ROOT / "exercises" / f"{topic}.py"
    return read_cells(path.read_bytes(), path.name)


def solution(topic: str) -> ast.Module:
    return ast.parse((ROOT / "solutions" / f"{topic}.py").read_text(encoding="utf-8"))


def definitions(tree: ast.Module) -> dict[str, Definition]:
    return {node.name: node for node in tree.body if isinstance(node, Definition)}


def assignments(tree: ast.Module) -> dict[str, ast.expr]:
    """What module-level names are assigned, by name."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    return found


def is_stub(node: ast.AST) -> bool:
    """Whether a definition raises NotImplementedError, or an assigned value is `...`."""
    if isinstance(node, ast.Constant):
        return node.value is ...
    raised = [part.exc for part in ast.walk(node) if isinstance(part, ast.Raise)]
    return any(isinstance(name, ast.Name) and name.id == "NotImplementedError" for name in raised)


def stubs(topic: str) -> dict[str, Definition | ast.expr]:
    trees = [ast.parse(cell.source) for cell in cells(topic)]
    found: dict[str, Definition | ast.expr] = {}
    for tree in trees:
        parts: dict[str, Definition | ast.expr] = {**definitions(tree), **assignments(tree)}
        for name, node in parts.items():
            if is_stub(node):
                assert name not in found, f"{name} is asked for twice"
                found[name] = node
    return found


def interface(node: Definition) -> str:
    """The signature of a function, or the signatures of a class's methods."""
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        public = [part for part in methods if not part.name.startswith("_") or part.name == "__init__"]
        return "\n".join(f"{part.name}: {interface(part)}" for part in sorted(public, key=lambda part: part.name))
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    """Runs programs; a warning is an error in them."""
    with warm_python(tmp_path_factory.mktemp("python")) as running:
        yield running


def test_exercise_asks_for_the_tasks_of_the_course(topic: str) -> None:
    assert set(stubs(topic)) == set(COURSE.topics[topic].tasks)


def test_exercise_and_solution_agree_in_names_and_signatures(topic: str) -> None:
    tree = solution(topic)
    defined, assigned = definitions(tree), assignments(tree)
    for name, stub in stubs(topic).items():
        if isinstance(stub, Definition):
            assert name in defined, f"solutions/{topic}.py lacks {name}"
            assert type(defined[name]) is type(stub)
            assert interface(defined[name]) == interface(stub)
        else:
            assert name in assigned, f"solutions/{topic}.py lacks {name}"
            assert not is_stub(assigned[name])


def test_each_task_states_its_specification(topic: str) -> None:
    for name, stub in stubs(topic).items():
        if isinstance(stub, Definition):
            assert len(ast.get_docstring(stub) or "") > 60, f"{name} has no specification"


def test_code_cells_fit_a_window_1100_pixels_wide(topic: str) -> None:
    """JupyterLab shows 83 characters of a line there (in Chromium, with its file browser open) and cuts the rest."""
    assert too_wide(notebook_bytes(COURSE, load_topic(COURSE, topic))) == []


def test_examples_run_with_the_stubs_untouched(topic: str, python: WarmPython, tmp_path: Path) -> None:
    done = python.run("\n\n".join(cell.source for cell in cells(topic)), tmp_path)
    assert done.returncode == 0, done.stderr


def test_notebook_runs_with_the_solutions_in_their_places(topic: str, python: WarmPython, tmp_path: Path) -> None:
    answers = {name: ast.unparse(node) for name, node in definitions(solution(topic)).items()}
    answers |= {name: f"{name} = {ast.unparse(value)}" for name, value in assignments(solution(topic)).items()}
    parts = []
    for cell in cells(topic):
        tree = ast.parse(cell.source)
        parts.append(cell.source)
        asked = {name for name, node in {**definitions(tree), **assignments(tree)}.items() if is_stub(node)}
        parts += [answers[name] for name in sorted(asked)]
    done = python.run("\n\n".join(parts), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Write down your prediction first" not in done.stdout


def test_each_task_has_three_hints(topic: str) -> None:
    hints = yaml.safe_load((ROOT / "exercises" / "hints" / f"{topic}.yml").read_text(encoding="utf-8"))
    assert set(hints) == set(COURSE.topics[topic].tasks)
    for task, sentences in hints.items():
        assert len(sentences) == 3, f"{task} has {len(sentences)} hints"
        assert all(isinstance(sentence, str) and len(sentence) > 10 for sentence in sentences), task


def test_each_task_has_visible_checks_and_a_gate(topic: str) -> None:
    visible = read_checks(ROOT / "tests" / "visible" / f"test_{topic}.py")
    hidden = read_checks(ROOT / "tests" / "hidden" / f"test_{topic}.py")
    tasks = set(COURSE.topics[topic].tasks)
    assert {check.task for check in visible} == tasks
    assert {check.task for check in hidden} <= tasks
    assert {check.task for check in visible if check.gate} == tasks
    names = [check.name for check in (*visible, *hidden)]
    assert len(names) == len(set(names)), "a check's name stands in both files"


def test_each_task_has_alternatives_and_misconceptions(topic: str) -> None:
    entry, asked = COURSE.topics[topic], stubs(topic)
    others = [variant.task for variant in read_variants(ROOT / "solutions" / "alternatives" / f"{topic}.py")]
    wrong = read_variants(ROOT / "solutions" / "misconceptions" / f"{topic}.py")
    assert all(len(variant.feedback) > 20 for variant in wrong)
    for task in entry.tasks:
        assert task in others, f"{task} has no alternative"
        wanted = (5 if entry.required else 4) if isinstance(asked[task], Definition) else 2
        found = sum(variant.task == task for variant in wrong)
        assert found >= wanted, f"{task} has {found} misconceptions, not {wanted}"
    assert sum(not isinstance(stub, Definition) for stub in asked.values()) >= 2, "two predictions are wanted"


def test_titles_and_headings(topic: str) -> None:
    text = (ROOT / "exercises" / f"{topic}.py").read_text(encoding="utf-8")
    assert f"# # {COURSE.topics[topic].title}\n" in text
    assert "# ## What to read next\n" in text
    for task in COURSE.topics[topic].tasks:
        assert f"`{task}`" in text or task.startswith("predicted"), f"{task} has no heading"
