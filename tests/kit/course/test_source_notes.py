"""What a source reaches for: told as it is, in few words, whatever the source."""

from __future__ import annotations

import pytest

from autograder.course.source_notes import source_notes
from autograder.records.jobs import Cell


def notes(*sources: str) -> list[str]:
    return list(source_notes(tuple(Cell(number, source) for number, source in enumerate(sources, 1))))


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("import math\nmath.sqrt = lambda x: 1.0", "cell 1, line 2: assigns to math.sqrt"),
        ("import torch\ntorch.Tensor.std = None", "cell 1, line 2: assigns to torch.Tensor.std"),
        ("import torch.nn.functional as F\nF.relu, y = None, 2", "cell 1, line 2: assigns to F.relu"),
        ("from torch import nn\nsetattr(nn.Linear, 'forward', None)", "cell 1, line 2: changes an attribute of nn.Linear"),
        ("import gc\ngc.collect()", "cell 1, line 1: uses gc, as code that frees memory does"),
        ("import ctypes", "cell 1, line 1: uses ctypes"),
        ("import sys\nsys._getframe(1)", "cell 1, line 2: looks into stack frames (sys._getframe)"),
        ("from autograder.records import observation", "cell 1, line 1: imports autograder.records.observation"),
        ("import autograder\nautograder.checking", "cell 1, line 2: uses autograder.checking"),
        ("import torch\ntorch._C.DisableTorchFunction()", "cell 1, line 2: uses PyTorch's internals (torch._C)"),
        ("!ls\nimport ctypes", "cell 1, line 2: uses ctypes"),
    ],
)
def test_what_it_reaches_for_is_noted(source: str, note: str) -> None:
    assert notes(source) == [note]


def test_ordinary_code_gives_no_note() -> None:
    assert not notes(
        "from autograder import check, hint, progress\nimport torch\nimport os, sys\nfrom torch import nn",
        "torch.backends.cudnn.benchmark = True\nos.environ['A'] = 'b'\nsys.path = []",
        "class Net(nn.Module):\n    def __init__(self):\n        self.layer = nn.Linear(2, 2)\n        self.layer.x = 1",
        "model = nn.Linear(2, 2)\nmodel.weight.data = torch.ones(2, 2)\nmodel.weight.requires_grad = False\ncheck('a')",
        "def broken(:",
        "",
    )


def test_notes_are_few_and_handed_out_cells_give_none() -> None:
    cells = tuple(Cell(number, f"import math\nmath.f{number} = {number}") for number in range(1, 50))
    assert len(source_notes(cells)) == 10
    assert source_notes(cells[:1], {cells[0].source}) == ()
    assert len(source_notes((Cell(1, "import math\n" + "math" + ".a" * 300 + " = 1"),))[0]) < 120
