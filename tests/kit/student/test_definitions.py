"""Methods that never return what they should are named, and only those."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from released_course import release_course

from autograder.processes.pool import Pool
from autograder.records.course_card import TaskCard
from autograder.student.definitions import other_order, problem_with, without_return
from autograder.student.notebook import check
from autograder.student.released import PLACE

CARD = TaskCard(kind="class", points=1.0)
HEAD = "import torch\nfrom torch import Tensor, nn\n"


def told(source: str, *, future: bool = False, card: TaskCard = CARD) -> str:
    names: dict[str, object] = {"__name__": "student"}
    source = f"from __future__ import annotations\n{source}" if future else f"pass\n{source}"
    exec(compile(source, "<cell 4>", "exec", dont_inherit=True), names)
    return without_return("f", card, names)


@pytest.mark.parametrize("future", [False, True])
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "class f(nn.Module):\n    def forward(self, x): x * 2",
            "`forward` of `f` (cell 4, line 5) never returns a value: write",
        ),
        ("class f(nn.Module):\n    def forward(self, x): print(x)", "`print` only shows one, `return` hands it back."),
        ("class f:\n    def __len__(self): 5", "`__len__` of `f` (cell 4, line 5) never returns a value"),
        (
            "class f:\n    def __getitem__(self, i):\n        if i > 5:\n            raise IndexError\n        i * 2",
            "`__getitem__`",
        ),
        ("class f:\n    def step(self) -> Tensor: self.x = 1", "`step` of `f`"),
        ("class f:\n    def mean(self) -> 'float': 1 / 2", "`mean` of `f`"),
        ("class f:\n    @staticmethod\n    def forward(c, x) -> Tensor: x.sign()", "`forward` of `f`"),
    ],
)
def test_a_method_that_never_returns_what_it_should(body: str, sentence: str, future: bool) -> None:
    assert sentence in told(HEAD + body, future=future)


@pytest.mark.parametrize("future", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        "class f(nn.Module):\n    def forward(self, x): return x",
        "class f(nn.Module):\n    def forward(self, x):\n        if x is None: return x",
        "class f(nn.Module):\n    def forward(self, x): raise NotImplementedError",
        "class f(nn.Module):\n    def forward(self, x): yield x",
        "class f:\n    def __iter__(self): yield 1",
        "class f:\n    def step(self): self.x = 1",
        "class f:\n    def step(self) -> None: self.x = 1",
        "class f:\n    def step(self) -> float | None: self.x = 1",
        "class f:\n    @torch.no_grad()\n    def step(self) -> Tensor: self.x = 1",
        "class f:\n    forward = print",
        "class f(nn.Linear): pass",
        "def f(): pass",
        "f = 5",
    ],
)
def test_what_may_be_meant_so_is_not_told(body: str, future: bool) -> None:
    assert told(HEAD + body, future=future) == ""


def test_functions_whose_annotation_names_a_result() -> None:
    card = TaskCard(kind="function", points=1.0)
    assert "`f` (cell 4, line 4) never returns a value" in told(f"{HEAD}def f(x) -> Tensor: x * 2", card=card)
    assert told(f"{HEAD}def f(x): x * 2", card=card) == ""
    said = "`f` (cell 4, line 4) never returns a value"
    for annotation, expected in (("Tensor", True), ("tuple[int, int]", True), ("None", False), ("int | None", False)):
        card = TaskCard(kind="function", points=1.0, returns=annotation)
        assert (said in told(f"{HEAD}def f(x): x * 2", card=card)) is expected, "the student has left it out"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("model, optimizer, loss_fn, xb, yb", False),
        ("model, loss_fn, optimizer, xb, yb", True),
        ("model, loss_fn, optimizer, x, y", True),
        ("net, optimizer, loss, x, y", False),
        ("optimizer, model, *rest", True),
        ("model, optimizer, loss_fn, xb, yb, *, seed=0", False),
        ("*all", False),
    ],
)
def test_arguments_in_another_order_are_told_whatever_the_others_are_called(head: str, told: bool) -> None:
    card = TaskCard(kind="function", points=1.0, arguments="model, optimizer, loss_fn, xb, yb")
    names: dict[str, object] = {}
    exec(f"def f({head}): pass", names)
    assert ("in a different order: yours are (" in other_order("f", card, names)) is told


def test_arguments_given_by_name_have_no_order() -> None:
    names: dict[str, object] = {}
    exec("def f(a, *, c=1, b=2): pass", names)
    assert other_order("f", TaskCard(kind="function", points=1.0, arguments="a, *, b=…, c=…"), names) == ""


def test_the_box_is_told_where_none_was_met(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    source = release_course(tmp_path_factory.mktemp("course"), pool)
    monkeypatch.chdir(shutil.copytree(source, tmp_path / "mine"))
    sentence = "`keep` of `Keeper` (line 2) never returns a value"
    for body, expected in (("x * 1", True), ("return x * 2", False), ("return None", True)):
        code = f"class Keeper:\n    def keep(self, x) -> torch.Tensor:\n        {body}\n"
        code += "    def other(self) -> float:\n        1.0\n"
        names = {"__name__": "__main__", "torch": torch, "check": check}
        exec(compile(f"{code}\ncheck('Keeper')\n", "<submission>", "exec"), names)
        said = capsys.readouterr().out
        assert (sentence in said) is expected
        assert ("Look at this first:" in said) is expected


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("def __init__(self, wide, high): pass", ""),
        ("def __init__(self, *sizes): pass", ""),
        ("def forward(self, x): return x", ""),
        ("def __init__(self): pass", "`f` now takes (); the exercise says (d_in, d_out). Restore its arguments"),
        (
            "def __init__(self, d_in, d_out, bias): pass",
            "`f` now takes (d_in, d_out, bias); the exercise says (d_in, d_out).",
        ),
        ("def __init__(d_in, d_out): pass", "`f` now takes (d_out); the exercise says (d_in, d_out)."),
    ],
)
def test_a_class_that_cannot_be_made_as_the_exercise_says(body: str, sentence: str) -> None:
    names: dict[str, object] = {}
    exec(f"{HEAD}class f(nn.Module):\n    {body}", names)
    said = problem_with("f", TaskCard(kind="class", points=1.0, arguments="d_in, d_out"), names)
    assert said.startswith(sentence) if sentence else said == ""
