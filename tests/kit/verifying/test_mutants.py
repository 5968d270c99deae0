import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograder.verifying.mutants
import autograder.verifying.operators
from autograder.errors import AuthoringError
from autograder.records.jobs import Cell
from autograder.verifying.mutants import make_mutants

IMPORTS = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


def mutants_of(source: str, task: str = "task"):
    return make_mutants((Cell(1, IMPORTS), Cell(2, source)), task)


def changes(body: str, arguments: str = "x, y") -> dict[str, set[str]]:
    """What each operator makes of one line: its replacements."""
    found: dict[str, set[str]] = {}
    for mutant in mutants_of(f"def task({arguments}):\n    {body}\n"):
        title = mutant.description.split(":")[0]
        added = "; ".join(line[1:].strip() for line in mutant.diff.splitlines() if line.startswith("+"))
        found.setdefault(title, set()).add(added)
    return found


@pytest.mark.parametrize(
    ("operator", "line", "mutated"),
    [
        ("detach inserted", "return x * y", "return (x * y).detach()"),
        ("detach inserted", "return x, y * 2", "return (x, (y * 2).detach())"),
        (".data taken", "return y(x)", "return y(x.data)"),
        ("call dropped", "z = x.detach()", "z = x"),
        ("call dropped", "return x.clone() + 1", "return x + 1"),
        ("call dropped", "z = torch.abs(x)", "z = x"),
        ("call dropped", "z = F.relu(x)", "z = x"),
        ("other dtype", "return x.to(torch.float32)", "return x.to(torch.float64)"),
        ("other dtype", "return x.to(torch.int64)", "return x.to(torch.int32)"),
        ("other dtype", "return x.float()", "return x.double()"),
        ("other constant", "return x.sum(dim=1)", "return x.sum(dim=0)"),
        ("other constant", "return x.sum(-1)", "return x.sum(-2)"),
        ("other constant", "return x.sum(1, keepdim=True)", "return x.sum(1, keepdim=False)"),
        ("other constant", "return x.clamp(0.5)", "return x.clamp(-0.5)"),
        ("other constant", "return y(x, reduction='mean')", "return y(x, reduction='sum')"),
        ("other constant", "fan = x.shape[0]", "fan = x.shape[1]"),
        ("other operation", "return x.mean()", "return x.sum()"),
        ("other operation", "x.train()", "x.eval()"),
        ("other operation", "return x.view(-1)", "return x.reshape(-1)"),
        ("other operation", "fan = x.in_features", "fan = x.out_features"),
        ("other arguments", "return x.permute(0, 2, 1)", "return x.permute(0, 1, 2)"),
        ("other arguments", "return y(x, create_graph=True)", "return y(x)"),
        ("keyword added", "z = torch.autograd.grad(x, y)", "z = torch.autograd.grad(x, y, create_graph=True)"),
        ("keyword added", "return x.sum(1)", "return x.sum(1, keepdim=True)"),
        ("keyword added", "x.register_buffer('b', y)", "x.register_buffer('b', y, persistent=False)"),
        ("reshape for a permutation of dimensions", "return x.transpose(1, 2)", "return x.reshape(x.transpose(1, 2).shape)"),
        ("in-place on the operand", "return x.add(1)", "return x.add_(1)"),
        ("in-place on the operand", "return x + y", "return x.add_(y)"),
        ("in-place on the operand", "return torch.sign(x)", "return x.sign_()"),
        ("other arithmetic", "x = x + y", "x += y"),
        ("other arithmetic", "return x - y", "return y - x"),
        ("other arithmetic", "z = -x", "z = x"),
        ("plain attribute for a registered one", "x.w = nn.Parameter(y)", "x.w = y"),
        ("plain attribute for a registered one", "x.register_buffer('b', y)", "x.b = y"),
        ("plain attribute for a registered one", "x.layers = nn.ModuleList(y)", "x.layers = list(y)"),
        ("other exception", "raise ValueError('no')", "raise RuntimeError('no')"),
        ("other comparison", "return x < y", "return x <= y"),
        ("other comparison", "return x is None", "return x is not None"),
        ("other condition", "return x and not y", "return x and y"),
        ("other condition", "return x and y", "return x or y"),
        ("other condition", "return [a for a in x if a]", "return [a for a in x]"),
        ("other condition", "z = x if y else 0", "z = 0"),
        ("other result", "return x * 2", "return None"),
        ("other result", "return y(x)", "return x"),
        ("other result", "return y(x)", "return torch.zeros_like(y(x))"),
        ("other slice", "z = x[:1]", "z = x"),
        ("statement dropped", "x.zero_grad()", "pass"),
    ],
)
def test_each_operator_by_an_example(operator, line, mutated):
    assert mutated in changes(line)[operator]


def test_compound_statements_are_mutated():
    source = """
def task(x, y):
    if x.dim() != 1:
        raise ValueError("no")
    try:
        with torch.no_grad():
            for a in x:
                y.zero_grad()
                y.step()
    finally:
        y.close()
"""
    titles = {mutant.description.split(" →")[0] for mutant in mutants_of(source)}
    assert {
        "statement dropped: if x.dim() != 1: …",
        "statement dropped: raise ValueError('no')",
        "try undone: try: …",
        "with dropped: with torch.no_grad(): …",
        "loop cut short: for a in x: …",
        "statements swapped: for a in x: …",
        "statement dropped: y.step()",
        "other operation: torch.no_grad()",
    } <= titles


def test_defaults_and_decorators_belong_to_the_definition():
    descriptions = {m.description for m in mutants_of("@torch.no_grad()\ndef task(x, k=1):\n    return x\n")}
    assert "other constant: 1 → 2" in descriptions
    assert any(text.startswith("decorator dropped") for text in descriptions)


def test_docstrings_annotations_and_messages_are_left_alone():
    source = 'def task(x: "int" = 1) -> "str":\n    """A text."""\n    raise ValueError(f"not {x} or 1")\n'
    for mutant in mutants_of(source):
        tree = ast.parse(mutant.cells[1].source)
        assert ast.get_docstring(tree.body[0]) == "A text."
        assert "'int'" in mutant.cells[1].source
    assert len(mutants_of(source)) == 4  # 1 → 2, 1 → 0, another exception, none


def test_changes_that_cannot_matter_are_not_made():
    descriptions = {
        mutant.description for mutant in mutants_of("def task(x, y):\n    z = x.detach() * 0.0\n    return z.detach()\n")
    }
    assert not any(text.endswith((".detach().detach()", "-0.0")) for text in descriptions)
    guarded = mutants_of("def task(x, y):\n    x.load_state_dict(y, strict=True)\n    return zip(x, y, strict=True)\n")
    assert {mutant.line for mutant in guarded if "strict=True → " in mutant.description} == set()
    assert {mutant.line for mutant in guarded if mutant.description == "other constant: True → False"} == {2}


def test_a_mutant_says_where_it_stands():
    source = "# a comment\n\ndef other():\n    return 1\n\n\ndef task(x):\n    y = x\n    # why\n    return y.detach()\n"
    (mutant,) = (mutant for mutant in mutants_of(source) if mutant.description.startswith("call dropped"))
    assert (mutant.cell, mutant.line, mutant.text) == (2, 10, "return y.detach()")
    assert mutant.diff == "-    return y.detach()\n+    return y"
    assert mutant.cells[0] == Cell(1, IMPORTS)
    assert mutant.cells[1].source.startswith("# a comment\n\ndef other():\n    return 1\n")


def test_what_the_task_uses_is_mutated_too_but_not_another_task():
    source = "def aid(x):\n    return x + 1\ndef other(x):\n    return aid(x) * 7\ndef task(x):\n    return other(aid(x))\n"
    cells = (Cell(1, source),)
    lines = {mutant.line for mutant in make_mutants(cells, "task", other_tasks=("other", "task"))}
    assert lines == {2, 6}
    assert {mutant.line for mutant in make_mutants(cells, "task")} == {2, 4, 6}


def test_a_variable_can_be_a_task():
    assert "other dtype: torch.float32 → torch.float64" in {m.description for m in mutants_of("task = torch.float32\n")}


def test_cells_with_magics_are_kept_as_they_are():
    cells = (Cell(1, "%matplotlib inline\n"), Cell(2, "def task():\n    return 1\n"))
    assert all(mutant.cells[0] == cells[0] for mutant in make_mutants(cells, "task"))


def test_a_missing_task_is_an_error():
    with pytest.raises(AuthoringError, match="does not define nothing"):
        mutants_of("def task(): ...", "nothing")


SAMPLE = """
class Net(nn.Module):
    def __init__(self, sizes, p=0.5):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.scale = nn.Parameter(torch.ones(sizes[-1]))
        self.p = p

    def forward(self, x):
        if x.dim() < 2 or not x.is_floating_point():
            raise TypeError("needs a floating batch")
        with torch.no_grad():
            self.count += len(x)
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index + 1 < len(self.layers):
                x = F.dropout(F.relu(x), self.p, training=self.training)
        return (x - x.mean(dim=-1, keepdim=True)).flatten(1) * self.scale ** -0.5


def task(f, x, *, dim=-1):
    leaf = x.detach().clone().requires_grad_()
    value = f(leaf)
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True, create_graph=False)
    total = {name: part for name, part in [("a", 1.0), ("b", -2.0)] if part > 0}
    while total:
        total.popitem()
    return value.detach(), gradient.permute(0, 2, 1)[..., :1], lambda t, k=3: t[-k] @ leaf.T
"""


@pytest.mark.parametrize("task", ["task", "Net"])
def test_mutants_are_valid_different_and_repeatable(task):
    mutants = mutants_of(SAMPLE, task)
    assert mutants == mutants_of(SAMPLE, task)
    trees = [ast.unparse(ast.parse(mutant.cells[1].source)) for mutant in mutants]
    assert len({*trees, ast.unparse(ast.parse(SAMPLE))}) == len(mutants) + 1
    assert len({(mutant.description, mutant.text) for mutant in mutants}) == len(mutants) > 80


OPERATORS = ["+", "-", "*", "/", "//", "**", "@", "<", "==", "is", "and", "or"]
EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "y", "1", "-2", "0.5", "True", "None", "'mean'", "torch.float32", "x.shape[0]", "torch.zeros(3)"]),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(OPERATORS), inner).map("({})".format),
        st.builds("{}.{}({})".format, inner.map("({})".format), st.sampled_from(["mean", "detach", "view", "add"]), inner),
        st.builds("torch.cat(({}, {}), dim={})".format, inner, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("[a for a in {} if {}]".format, inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(EXPRESSIONS, EXPRESSIONS)
def test_any_function_is_mutated_validly_and_the_original_restored(one, other):
    source = f"def task(x, y={other}):\n    z = {one}\n    if z:\n        return {other}\n    return x, {one}\n"
    before = ast.unparse(ast.parse(source))
    seen = {before}
    for mutant in mutants_of(source):
        text = ast.unparse(ast.parse(mutant.cells[1].source))
        assert text not in seen
        seen.add(text)
        assert mutant.diff
    assert len(seen) > 10


def test_public_names():
    for module in (autograder.verifying.mutants, autograder.verifying.operators):
        public = {name for name in module.__all__ if hasattr(module, name)}
        assert public == set(module.__all__)
