"""A notebook's tests → checks: one for each statement that asserts something of a student's code.

A check keeps what the assertion needs: the author's inputs, and the statements of the notebook that make them. Loops and
the like stay, and collect what they see. `check_f(f)`, a function that asserts, is written out where it is called.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from autograder.importing.asserts import Seen, assertion_of, mentions, observed
from autograder.importing.parts import Answer, Code, Part, Tests, defined_names, tree_of
from autograder.importing.statements import (
    ONLY_SHOW,
    changes_from_afar,
    flat,
    names_bound,
    names_changed,
    names_read,
    root_of,
)

__all__ = ["Draft", "Lost", "changed_by", "drafts", "file_read"]

_SEEN = "seen"
_READS_FILES = {"open", "read_csv", "loadtxt", "load", "imread", "urlopen", "urlretrieve", "get_ipython", "input"}
_SHAPES = (".shape", ".dtype", ".size()", ".ndim", ".device")
_RAISES = {"raises", "assertRaises", "assert_raises", "assertRaisesRegex"}


@dataclass(frozen=True)
class Draft:
    """A check to be written. `asserts` is how many assertions it stands for; `kept` how many of them it still makes.

    `of_values` says whether it compares more than types and shapes. `lines` are its body, `imports` and `helpers` what it
    needs at the top of the file, `marks` what it needs of autograde.
    """

    task: str
    cell: int
    hidden: bool
    sentence: str
    lines: tuple[str, ...]
    imports: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset()
    asserts: int = 1
    kept: int = 0
    reason: str = ""
    of_values: bool = True


@dataclass(frozen=True)
class Lost:
    """Assertions that became nothing, and why."""

    cell: int
    line: int
    reason: str
    asserts: int = 1


@dataclass
class _Statement:
    """A statement before an assertion. `changed` are the names whose things it may change."""

    node: ast.stmt
    part: Part
    changed: set[str]


def drafts(parts: Sequence[Part], tasks: Sequence[str]) -> tuple[list[Draft], list[Lost]]:
    """The checks of an assignment, in its order, and the assertions for which there is none."""
    before: list[_Statement] = []
    made: list[Draft] = []
    lost: list[Lost] = []
    for part in parts:
        if not isinstance(part, Code | Answer | Tests):
            continue
        tree = tree_of(part.solution if isinstance(part, Answer) else part.source)
        if tree is None:
            if isinstance(part, Tests):
                lost.append(Lost(part.cell, 1, "the cell is not Python"))
            continue
        for node in tree.body:
            names = defined_names(node)
            if isinstance(part, Answer) and set(names) & set(tasks):
                continue
            for statement in _written_out(node, before, part):
                if isinstance(part, Tests):
                    found = _draft(statement, part, before, tasks)
                    if isinstance(found, Draft):
                        made.append(found)
                    elif found is not None:
                        lost.append(found)
                before.append(_Statement(statement, part, changed_by(statement, [each.node for each in before])))
    return made, lost


def _written_out(node: ast.stmt, before: list[_Statement], part: Part) -> Iterator[ast.stmt]:
    """A statement; the body of the function instead, if it calls one that asserts."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(part, Tests) and isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.keywords:
        function = next((each.node for each in reversed(before) if call.func.id in defined_names(each.node)), None)
        if isinstance(function, ast.FunctionDef) and _count(function):
            parameters = [each.arg for each in function.args.args]
            defaults = function.args.defaults
            values = [*call.args, *defaults[len(defaults) - (len(parameters) - len(call.args)) :]] if defaults else call.args
            if len(values) >= len(parameters) and not function.args.vararg:
                for name, value in zip(parameters, values, strict=False):
                    if ast.unparse(value) != name:
                        yield ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), node)
                for inner in function.body:
                    if not isinstance(inner, ast.Return):
                        yield ast.copy_location(copy.deepcopy(inner), inner)
                return
    if (
        isinstance(node, ast.ClassDef)
        and isinstance(part, Tests)
        and any("TestCase" in ast.unparse(each) for each in node.bases)
    ):
        yield from _of_test_case(node)
        return
    if isinstance(node, ast.FunctionDef) and isinstance(part, Tests) and node.name.startswith("test"):
        yield node
        arguments = node.args.args
        if not arguments and not _called_later(node.name, part):
            yield from node.body
        return
    yield node


class _WithoutSelf(ast.NodeTransformer):
    """`self.x` → `self_x`, but for the methods that assert."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A name in place of an attribute of the test case."""
        self.generic_visit(node)
        is_own = isinstance(node.value, ast.Name) and node.value.id == "self" and not node.attr.startswith("assert")
        return ast.copy_location(ast.Name(f"self_{node.attr}", node.ctx), node) if is_own else node


def _of_test_case(case: ast.ClassDef) -> Iterator[ast.stmt]:
    """The statements of a unittest.TestCase: for each test those of `setUp`, then its own."""
    methods = [each for each in case.body if isinstance(each, ast.FunctionDef)]
    ready = [each for each in methods if each.name in ("setUp", "setUpClass")]
    for test in (each for each in methods if each.name.startswith("test")):
        for each in (*ready, test):
            yield from (_WithoutSelf().visit(copy.deepcopy(inner)) for inner in each.body)


def _called_later(name: str, part: Tests) -> bool:
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == name
        for each in ast.walk(ast.parse(part.source) if tree_of(part.source) else ast.Module([], []))
    )


def _count(node: ast.AST) -> int:
    """How many assertions a statement makes."""
    found, waiting = 0, [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.stmt) and _is_assertion(each):
            found += 1
        else:
            waiting += ast.iter_child_nodes(each)
    return found


def _is_assertion(node: ast.stmt) -> bool:
    return assertion_of(node) is not None or _raising(node) is not None


def _draft(node: ast.stmt, part: Tests, before: list[_Statement], tasks: Sequence[str]) -> Draft | Lost | None:
    shown = part.shown and isinstance(node, ast.Expr) and not _is_assertion(node) and not changes_from_afar(node)
    if isinstance(node, ast.FunctionDef | ast.ClassDef) or not (_count(node) or shown):
        return None
    needed = _needed(node, before)
    read = [*needed, _Statement(node, part, names_changed(node))]
    student = _from_student(read, set(tasks))
    used = [task for task in tasks if any(mentions(each.node, {task}) for each in read)]
    if not used:
        return None if shown else Lost(part.cell, node.lineno, "it mentions no task", _count(node))
    for each in needed:
        if isinstance(each.node, ast.Delete):
            return Lost(part.cell, node.lineno, f"it takes a name away (`{ast.unparse(each.node)}`)", max(1, _count(node)))
    if reads := file_read([*(each.node for each in needed), node]):
        return Lost(
            part.cell, node.lineno, f"it needs a file or input ({reads}), which a check does not have", max(1, _count(node))
        )
    writer = _Writer(student, shown=shown)
    body = writer.write(node)
    if not writer.seen and not writer.kept:
        return None
    imports = [each.node for each in needed if isinstance(each.node, ast.Import | ast.ImportFrom)]
    helpers = _with_what_they_read([each.node for each in needed if each.node not in imports], student, set(tasks))
    inside = [each.node for each in needed if each.node not in imports and each.node not in helpers]
    inside = [_WithoutAsserts().visit(copy.deepcopy(each)) for each in inside]
    written = {name for each in (*helpers, *inside, *body) for name in names_read(each)}
    imports = [each for each in imports if names_bound(each) & written]
    return Draft(
        task=_last_defined(used, tasks),
        cell=part.cell,
        hidden=part.hidden,
        sentence=_sentence(node, writer, part, used),
        lines=(*_lines(inside, set(tasks)), *_lines(body, set(tasks))),
        imports=tuple(ast.unparse(each) for each in imports),
        helpers=tuple(ast.unparse(each) for each in helpers),
        marks=frozenset(writer.marks),
        asserts=max(1, _count(node)),
        kept=writer.kept,
        reason=writer.reason,
        of_values=any(not (seen.names & {"only", "raises"} or seen.name.endswith(_SHAPES)) for seen in writer.seen),
    )


def changed_by(node: ast.stmt, before: Sequence[ast.stmt]) -> set[str]:
    """The names whose things a statement may change; for `loss.backward()` also all that `loss` was made of."""
    changed = names_changed(node)
    if changes_from_afar(node):
        defined = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
        for each in reversed(before):
            if not isinstance(each, defined) and names_bound(each) & changed:
                changed |= names_read(each)
        changed -= {name for each in before if isinstance(each, defined) for name in names_bound(each)}
    return changed


def _last_defined(used: list[str], tasks: Sequence[str]) -> str:
    return max(used, key=list(tasks).index)


def _needed(node: ast.stmt, before: list[_Statement]) -> list[_Statement]:
    """The statements that a statement depends on, in their order."""
    wanted = names_read(node)
    chosen: list[_Statement] = []
    for each in reversed(before):
        if isinstance(each.node, ast.FunctionDef | ast.ClassDef) and each.node.name not in wanted:
            continue
        bound = names_bound(each.node)
        if not (bound | each.changed) & wanted or (_count(each.node) and not bound & wanted):
            continue
        targets = [part for target in getattr(each.node, "targets", [ast.Slice()]) for part in flat(target)]
        if isinstance(each.node, ast.Assign) and all(isinstance(part, ast.Name) for part in targets):
            wanted -= bound
        chosen.append(each)
        wanted |= names_read(each.node)
    return chosen[::-1]


class _WithoutAsserts(ast.NodeTransformer):
    """Leaves out what other checks look at, and what is printed."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """Nothing."""
        return ast.Pass()

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        """Nothing, if it asserts or prints."""
        prints = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ONLY_SHOW
        return ast.Pass() if prints or assertion_of(node) is not None else node


def _from_student(statements: list[_Statement], names: set[str]) -> set[str]:
    """The names of what comes from a student's code: the tasks, what is computed with them, and what they change."""
    for each in statements:
        node = each.node
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.withitem | ast.comprehension):
                value = getattr(inner, "value", None) or getattr(inner, "iter", None) or getattr(inner, "context_expr", None)
                if isinstance(value, ast.expr) and mentions(value, names):
                    targets = getattr(inner, "targets", None) or [getattr(inner, "target", None) or inner.optional_vars]  # type: ignore[union-attr]
                    roots = [root_of(part) for target in targets if target for part in flat(target)]
                    names |= {root.id for root in roots if isinstance(root, ast.Name)}
            elif isinstance(inner, ast.Expr) and mentions(inner.value, names) and assertion_of(inner) is None:
                names |= each.changed if inner is node else names_changed(inner)
            elif isinstance(inner, ast.FunctionDef | ast.ClassDef | ast.Lambda) and mentions(inner, names):
                names |= {inner.name} if not isinstance(inner, ast.Lambda) else set()
    return names


def file_read(nodes: Iterable[ast.AST]) -> str:
    """The first function in some code that reads a file or waits for input; empty if there is none."""
    for call in (call for node in nodes for call in ast.walk(node) if isinstance(call, ast.Call)):
        name = ast.unparse(call.func)
        if name.rpartition(".")[2] in _READS_FILES:
            return name
    return ""


def _with_what_they_read(statements: list[ast.stmt], student: Set[str], tasks: Set[str]) -> list[ast.stmt]:
    """The functions and classes that have nothing to do with a task, and the statements that make what they read."""
    read: set[str] = set()
    chosen = []
    for node in reversed(statements):
        is_helper = isinstance(node, ast.FunctionDef | ast.ClassDef) and not mentions(node, tasks)
        if is_helper or (names_bound(node) & read and not mentions(node, student)):
            chosen.append(node)
            read |= names_read(node)
    return chosen[::-1]


def _raising(node: ast.stmt) -> tuple[list[ast.stmt], ast.expr] | None:
    """What comes before a call that must raise, and the call: `with raises(E): …`, `assertRaises(E, f, x)`, `try: …`."""
    match node:
        case ast.With(items=[ast.withitem(context_expr=ast.Call() as call)], body=[*first, ast.Expr(value=last)]):
            return (first, last) if ast.unparse(call.func).rpartition(".")[2] in _RAISES else None
        case ast.With(items=[ast.withitem(context_expr=ast.Call() as call)], body=[*first, ast.Assign(value=last)]):
            return (first, last) if ast.unparse(call.func).rpartition(".")[2] in _RAISES else None
        case ast.Expr(value=ast.Call(args=[_, function, *arguments], keywords=keywords) as call):
            if ast.unparse(call.func).rpartition(".")[2] in _RAISES:
                return [], ast.Call(function, arguments, keywords)
        case ast.Try(body=[*first, ast.Expr(value=last), ast.Assert(test=ast.Constant()) | ast.Raise()]):
            return first, last
        case ast.Try(body=[*first, ast.Assign(value=last), ast.Assert(test=ast.Constant()) | ast.Raise()]):
            return first, last
        case ast.Try(body=[*first, ast.Expr(value=last)], orelse=[ast.Assert() | ast.Raise(), *_]):
            return first, last
    return None


class _Writer:
    """Turns the assertions in one statement into what its check returns."""

    def __init__(self, student: Set[str], *, shown: bool) -> None:
        self.student = student
        self.shown = shown
        self.seen: list[Seen] = []
        self.marks: set[str] = set()
        self.kept = 0
        self.reason = ""
        self.changing: set[str] = set()

    def write(self, node: ast.stmt) -> list[ast.stmt]:
        """The statements of the check's body, the last of which returns."""
        if (raising := _raising(node)) is not None:
            return [*raising[0], self._returned([self._call_that_raises(raising[1])])]
        if self.shown and isinstance(node, ast.Expr):
            shown = self._value_shown(node.value)
            return [self._returned(shown)] if shown else []
        if (test := assertion_of(node)) is not None:
            found = observed(test, self.student)
            if found:
                return [self._returned(found)]
            self._keep(test)
            return [node]
        self.marks.clear()
        self.changing = names_bound(node)
        body = self._inner([node])
        if not self.seen:
            return body if self.kept else []
        start = ast.Assign([ast.Name(_SEEN, ast.Store())], ast.List([], ast.Load()))
        return [start, *body, ast.Return(ast.Dict([ast.Constant("what was seen")], [ast.Name(_SEEN, ast.Load())]))]

    def _returned(self, found: list[Seen]) -> ast.stmt:
        self.seen += found
        self.marks |= {name for seen in found for name in seen.names}
        keys: dict[str, ast.expr] = {}
        for seen in found:
            keys.setdefault(seen.name, seen.expression)
        return ast.Return(ast.Dict([ast.Constant(_cut(name)) for name in keys], list(keys.values())))

    def _call_that_raises(self, call: ast.expr) -> Seen:
        names = sorted(names_read(call) & self.changing)  # the call is made later: it needs today's values
        values: list[ast.expr] = [ast.Name(name, ast.Load()) for name in names]
        today = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, values)
        expression = ast.Call(ast.Name("raises", ast.Load()), [ast.Lambda(today, call)], [])
        return Seen(ast.unparse(call), expression, frozenset(["raises"]))

    def _value_shown(self, value: ast.expr) -> list[Seen]:
        if isinstance(value, ast.Call) and ast.unparse(value.func) in ONLY_SHOW:
            return [Seen(ast.unparse(each), each) for each in value.args if mentions(each, self.student)]
        return observed(value, self.student) or [] if mentions(value, self.student) else []

    def _keep(self, test: ast.expr) -> None:
        self.kept += 1
        self.reason = f"`{_cut(ast.unparse(test))}` cannot be taken apart"

    def _inner(self, body: list[ast.stmt]) -> list[ast.stmt]:
        written: list[ast.stmt] = []
        for node in body:
            if (raising := _raising(node)) is not None:
                written += [*raising[0], self._collected(self._call_that_raises(raising[1]))]
            elif (test := assertion_of(node)) is not None:
                found = observed(test, self.student)
                if found:
                    written += [self._collected(each) for each in found]
                elif mentions(test, self.student):
                    self._keep(test)
                    written.append(node)
            elif isinstance(node, ast.Try) and _count(node):  # what a failed assertion is answered with has no place here
                written += self._inner([*node.body, *node.orelse])
            else:
                written.append(self._rebuilt(node))
        return written or [ast.Pass()]

    def _rebuilt(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.For | ast.While | ast.If | ast.With) and _count(node):
            changed = copy.copy(node)
            changed.body = self._inner(node.body)
            if getattr(node, "orelse", None):
                changed.orelse = self._inner(node.orelse)  # type: ignore[union-attr]
            return changed
        return node

    def _collected(self, seen: Seen) -> ast.stmt:
        self.seen.append(seen)
        self.marks |= seen.names
        append = ast.Attribute(ast.Name(_SEEN, ast.Load()), "append", ast.Load())
        return ast.Expr(ast.Call(append, [seen.expression], []))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _sentence(node: ast.stmt, writer: _Writer, part: Tests, used: list[str]) -> str:
    """What students read: the names of what is compared, and the author's message."""
    if part.hidden or not writer.seen:
        return f"A test of {' and '.join(f'`{task}`' for task in used)}."
    names = list(dict.fromkeys(_cut(seen.name) for seen in writer.seen))
    right = "are right" if len(names) > 1 else "is right"
    if all("raises" in seen.names for seen in writer.seen):
        right = "raise the right exceptions" if len(names) > 1 else "raises the right exception"
    sentence = f"{' and '.join(f'`{name}`' for name in names[:2])} {right}."
    if isinstance(node, ast.Assert) and isinstance(node.msg, ast.Constant) and isinstance(node.msg.value, str):
        words = " ".join(node.msg.value.split())
        return f"{sentence} The author's message is: {words}" if words else sentence
    return sentence


class _ToCode(ast.NodeTransformer):
    """`f` → `code.f` for each task."""

    def __init__(self, tasks: Set[str]) -> None:
        self.tasks = tasks

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put `code.` before a task's name where it is read."""
        if node.id in self.tasks and isinstance(node.ctx, ast.Load):
            return ast.Attribute(ast.Name("code", ast.Load()), node.id, ast.Load())
        return node


def _lines(nodes: list[ast.stmt], tasks: Set[str]) -> list[str]:
    lines = []
    for node in nodes:
        changed = ast.fix_missing_locations(_ToCode(tasks).visit(copy.deepcopy(node)))
        lines += ast.unparse(changed).split("\n")
        lines += _drawn_instead(node)
    return lines


_DRAWS = {"randn": "normal", "rand": "uniform", "zeros": "normal", "ones": "normal", "randn_like": "", "normal": "normal"}


def _drawn_instead(node: ast.stmt) -> list[str]:
    """A comment that offers an input drawn anew each time, for one of the author's."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
            kind = ast.unparse(call.func)
            if kind.startswith(("torch.", "np.", "numpy.")):
                last = kind.rpartition(".")[2]
                if last in ("tensor", "array", "FloatTensor") and call.args and (shape := _shape(call.args[0])) is not None:
                    return [
                        f'# {name} = given.normal({", ".join(map(str, shape))}, name="{name}")  # other inputs in each draw'
                    ]
                if _DRAWS.get(last) and call.args and not isinstance(call.args[0], ast.Constant | ast.Tuple | ast.Name):
                    return []
                if _DRAWS.get(last) and call.args:
                    shape_text = ", ".join(ast.unparse(each) for each in call.args)
                    return [f'# {name} = given.{_DRAWS[last]}({shape_text}, name="{name}")  # other inputs in each draw']
    return []


def _shape(node: ast.expr) -> tuple[int, ...] | None:
    """The shape of a literal of nested lists of floats; None for anything else."""
    if isinstance(node, ast.List):
        inner = {_shape(each) for each in node.elts}
        return None if len(inner) != 1 or None in inner else (len(node.elts), *inner.pop())  # type: ignore[misc]
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return () if isinstance(node, ast.Constant) and isinstance(node.value, float) else None
