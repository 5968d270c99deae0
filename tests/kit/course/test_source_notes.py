"""What a source reaches for: told as it is, in few words, whatever the source."""

from __future__ import annotations

import pytest

from autograder.course.source_notes import source_notes
from autograder.records.jobs import Cell, HelperFile


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
        ("__import__('c' + 'types')", "cell 1, line 1: uses ctypes"),
        (
            "import importlib as i\ni.import_module(''.join(['g', 'c']))",
            "cell 1, line 2: uses gc, as code that frees memory does",
        ),
        ("import importlib\nimportlib.import_module(f'auto{\"grader\"}.keys')", "cell 1, line 2: imports autograder.keys"),
        ("import sys\ngetattr(sys, 'emarfteg_'[::-1])(1)", "cell 1, line 2: looks into stack frames (_getframe)"),
        ("import torch\ntorch.__dict__['_' + 'C']", "cell 1, line 2: uses PyTorch's internals (_C)"),
        ("import sys\nsys.modules['ctypes']", "cell 1, line 2: uses ctypes"),
        ("x = 'gc'\n__import__(x)", "cell 1, line 2: imports a module whose name it makes at run time (__import__)"),
        ("exec('import gc')", "cell 1, line 1: runs code that it has as text (exec)"),
        ("get_ipython().run_cell('import gc')", "cell 1, line 1: runs code that it has as text (run_cell)"),
        ("__builtins__", "cell 1, line 1: reaches for Python's built-ins (__builtins__)"),
        ("import sys\ngetattr(sys, bytes(x).decode())", "cell 1, line 2: looks up a name that it makes at run time in sys"),
        ("from sys import _getframe as f", "cell 1, line 1: looks into stack frames (_getframe)"),
        ("import inspect\ninspect.stack()", "cell 1, line 2: looks into stack frames (inspect.stack)"),
        ("from inspect import stack", "cell 1, line 1: looks into stack frames (stack)"),
        ("from importlib import import_module as i", "cell 1, line 1: gives import_module another name"),
        ("import sys\nfor m in sys.modules.values(): m", "cell 1, line 2: goes through sys.modules"),
        ("run = exec\nrun('import gc')", "cell 1, line 1: hands exec on"),
        ("list(map(eval, texts))", "cell 1, line 1: hands eval on"),
        ("import sys\nsys.settrace(f)", "cell 1, line 2: follows what other code does (sys.settrace)"),
        ("def f():\n    f.__globals__", "cell 1, line 2: looks into functions (f.__globals__)"),
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
        "re.compile(a), torch.compile(f), model.eval(), getattr(model, 'eval')(), getattr(x, 'sum')()",
        "import torch\nfor name in ('sum', 'mean'):\n    getattr(torch, name), getattr(torch, f'int{bits}')",
        "getattr(model, '.'.join(path)), getattr(x, '\\ud800'), __import__('torch'), 'a' in sys.modules",
        "import functools, inspect, sys\nfunctools.reduce(getattr, path.split('.'), model), inspect.signature(f)",
        "def run(model, eval=False):\n    return model.eval() if eval else model",
        "import sys\nif 'google.colab' in sys.modules:\n    sys.modules[__name__]",
        "__import__('autograder'), torch.stack([x]), sys.modules[__name__], layer.__dict__['weight']",
        "def broken(:",
        "",
    )


def test_files_beside_it_are_looked_at_too() -> None:
    files = (
        HelperFile("tools.py", b"import torch\nimport ctypes\n"),
        HelperFile("fast.so", b"\x7fELF"),
        HelperFile("odd.py", b"\xff\xfe\x00"),
        HelperFile("data.csv", b"import ctypes"),
    )
    found = source_notes((Cell(1, "import tools, ctypes"),), helpers=files)
    assert found == ("fast.so: compiled code, which nobody can read", "cell 1, line 1: uses ctypes")
    assert source_notes((), helpers=files[:1]) == ("tools.py, line 2: uses ctypes",)


def test_notes_are_few_and_handed_out_cells_give_none() -> None:
    cells = tuple(Cell(number, f"import math\nmath.f{number} = {number}") for number in range(1, 50))
    found = source_notes((*cells, Cell(50, "import ctypes")))
    assert len(found) == 10
    assert found[-1] == "41 more things like these"
    assert source_notes(cells[:1], {cells[0].source}) == ()
    assert len(source_notes((Cell(1, "import math\n" + "math" + ".a" * 300 + " = 1"),))[0]) < 120
