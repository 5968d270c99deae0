"""Honest programs, of the kinds that a course has, run in the sandbox as they do outside."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from autograder.checking.shell import NOT_RUN
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, HelperFile, Job, Limits, Outcome, Run

PROGRAMS = {
    "training with SGD": """
        import torch
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(64, 2); y = x.sum(1, keepdim=True)
        losses = []
        for _ in range(50):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0] / 4
        """,
    "training with Adam and a scheduler": """
        import torch
        w = torch.zeros(3, requires_grad=True)
        optimizer = torch.optim.AdamW([w], lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)
        for _ in range(20):
            optimizer.zero_grad(); (w - 1).square().sum().backward(); optimizer.step(); scheduler.step()
        assert w.detach().mean() > 0.5
        """,
    "a convolution and its gradient": """
        import torch
        net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.MaxPool2d(2))
        net(torch.randn(8, 1, 16, 16)).sum().backward()
        assert net[0].weight.grad.shape == (4, 1, 3, 3)
        """,
    "save and load": """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__(); self.layer = torch.nn.Linear(2, 2)
        net = Net()
        torch.save(net.state_dict(), "weights.pt")
        net.load_state_dict(torch.load("weights.pt", weights_only=True))
        torch.save(net, "model.pt")
        assert torch.load("model.pt", weights_only=False).layer.weight.equal(net.layer.weight)
        """,
    "temporary files": """
        import os, pathlib, shutil, tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "a.txt"); path.write_text("a")
            shutil.copy2(path, "b.txt"); shutil.copytree(folder, "copied"); shutil.move("b.txt", "c.txt")
            path.touch(); os.chmod(path, 0o600)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        assert os.path.exists(os.path.join(os.getcwd(), "c.txt")) and os.path.exists("copied/a.txt")
        assert pathlib.Path.home() == pathlib.Path.cwd()
        """,
    "threads": """
        import torch
        from concurrent.futures import ThreadPoolExecutor
        torch.set_num_threads(2)
        with ThreadPoolExecutor(8) as executor:
            means = executor.map(lambda n: (torch.ones(300, 300) @ torch.ones(300, 300)).mean().item(), range(8))
            assert sum(means) == 2400
        """,
    "asyncio": """
        import asyncio, time
        async def double(x):
            await asyncio.sleep(0.001)
            return 2 * x
        async def several():
            return await asyncio.gather(*(double(n) for n in range(3)), asyncio.to_thread(time.sleep, 0.001))
        assert asyncio.run(several()) == [0, 2, 4, None]
        """,
    "top-level await": "import asyncio\nawait asyncio.sleep(0.001)\nx = await asyncio.to_thread(lambda: 5)\nassert x == 5",
    "jit.script and jit.trace": """
        import torch
        @torch.jit.script
        def relu(x: torch.Tensor) -> torch.Tensor:
            if bool(x.sum() > 0):
                return x
            return torch.zeros_like(x)
        class Net(torch.nn.Module):
            def forward(self, x):
                return relu(x) * 2
        assert torch.jit.script(Net())(torch.ones(2)).tolist() == [2, 2]
        torch.jit.trace(lambda x: x + 1, torch.ones(2))
        """,
    "vmap and torch.func": """
        import torch
        from torch.func import functional_call, grad, jacrev, vmap
        assert vmap(torch.dot)(torch.ones(3, 2), torch.ones(3, 2)).tolist() == [2, 2, 2]
        assert grad(lambda x: x**3)(torch.tensor(2.0)) == 12
        assert jacrev(torch.sin)(torch.zeros(2)).equal(torch.eye(2))
        layer = torch.nn.Linear(1, 1)
        functional_call(layer, dict(layer.named_parameters()), torch.ones(1))
        """,
    "the profiler": """
        import torch
        from torch.profiler import profile, ProfilerActivity
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            torch.ones(10).sum()
        assert "aten::sum" in profiled.key_averages().table()
        """,
    "a data loader with workers": """
        import torch
        from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split
        class Squares(Dataset):
            def __len__(self): return 10
            def __getitem__(self, n): return torch.tensor(n * n)
        loader = DataLoader(Squares(), batch_size=4, num_workers=2, persistent_workers=True, prefetch_factor=4)
        assert [b.tolist() for b in loader] == [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81]]
        assert isinstance(loader, DataLoader) and len(list(loader)) == 3
        DataLoader(TensorDataset(torch.ones(4, 1)), 2, True, None, None, 2)
        random_split(Squares(), [5, 5])
        """,
    "a plot": """
        %matplotlib inline
        import matplotlib.pyplot as plt
        figure, axes = plt.subplots()
        axes.plot([1, 2, 3]); axes.set_title("A title with ∑"); plt.legend(["a"])
        plt.savefig("plot.png"); plt.show()
        import os
        assert os.path.getsize("plot.png") > 1000
        """,
    "digits": """
        from sklearn.datasets import load_digits
        import torch
        assert torch.tensor(load_digits().data).shape == (1797, 64)
        """,
    "checkpointing": """
        import torch
        from torch.utils.checkpoint import checkpoint
        x = torch.ones(3, requires_grad=True)
        for _ in range(3):
            checkpoint(torch.sin, x, use_reentrant=False).sum().backward()
            checkpoint(torch.sin, x, use_reentrant=True).sum().backward()
        """,
    "a deep reentrant checkpoint": """
        import torch
        from torch.utils.checkpoint import checkpoint
        def deep(x, n):
            return x * 1.0 if n == 0 else checkpoint(deep, x, n - 1, use_reentrant=True)
        x = torch.ones(3, requires_grad=True)
        deep(x, 70).sum().backward()
        """,
    "NumPy": """
        import numpy as np, torch
        a = np.linalg.svd(np.random.default_rng(0).normal(size=(20, 20)))[1]
        assert torch.from_numpy(a).shape == (20,)
        np.save("a.npy", a); assert np.load("a.npy").shape == (20,)
        """,
    "dataclasses and sources": """
        import dataclasses, enum, inspect, typing
        @dataclasses.dataclass(frozen=True)
        class Point:
            x: int
            y: int = 2
        def area(p: Point) -> int:
            return p.x * p.y
        assert area(Point(3)) == 6 and __name__ == "__main__"
        assert inspect.getsource(area).startswith("def area") and typing.get_type_hints(area)
        class Colour(enum.Enum):
            RED = 1
        """,
    "pickle and copy": """
        import copy, pickle
        class A:
            pass
        assert isinstance(pickle.loads(pickle.dumps(A())), A) and isinstance(copy.deepcopy(A()), A)
        """,
    "magics": """
        %time x = 1 + 1
        %timeit -n1 -r1 pass
        %load_ext autoreload
        %autoreload 2
        %who
        assert get_ipython() is not None
        display(x)
        """,
    "hooks, autograd functions and gradcheck": """
        import torch
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x); return x * x
            @staticmethod
            def backward(ctx, g):
                return 2 * ctx.saved_tensors[0] * g
        x = torch.randn(3, dtype=torch.float64, requires_grad=True)
        x.register_hook(lambda g: None)
        assert torch.autograd.gradcheck(Square.apply, x)
        with torch.autograd.detect_anomaly(check_nan=False):
            Square.apply(x).sum().backward()
        """,
    "questions about devices": """
        import os, platform, torch
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.ones(2, device="meta"); torch.manual_seed(1); torch.cuda.manual_seed_all(1)
        assert os.cpu_count() and platform.platform() and torch.get_num_threads() >= 1
        print(torch.__version__, torch.backends.mps.is_available())
        """,
    "warnings and logging": """
        import logging, warnings
        warnings.warn("careful"); logging.getLogger("x").warning("careful, too")
        """,
    "parametrisations and recurrent layers": """
        import torch
        from torch.nn.utils import parametrizations, rnn
        layer = parametrizations.weight_norm(torch.nn.Linear(2, 2)); layer(torch.ones(1, 2)).sum().backward()
        packed = rnn.pack_sequence([torch.ones(2, 1), torch.ones(1, 1)])
        torch.nn.LSTM(1, 3)(packed)[0].data.sum().backward()
        """,
    "modules written by the notebook": """
        %%writefile helpers.py
        def double(x):
            return 2 * x
        class Kept: pass
        """,
    "modules written by code": """
        import importlib, pickle
        for number in range(20):
            name = f"written_{number}"
            with open(f"{name}.py", "w") as file:
                file.write(f"class A: number = {number}")
            module = importlib.import_module(name)
            assert module.A.number == number and isinstance(pickle.loads(pickle.dumps(module.A())), module.A)
        open("written_0.py", "w").write("class A: number = 5")
        import written_0
        assert importlib.reload(written_0).A.number == 5
        """,
    "the output of commands": """
        x = !ls
        y = %sx ls
        for output in (x, y, get_ipython().getoutput("ls")):
            assert (output.n, output.s, output.l, output.p) == ("", "", [], [])
            assert output.grep("a") == output.fields(0) == [] and len(output) == 0
        assert get_ipython().getoutput("ls", split=False) == ""
        """,
    "bookmarks and stored names": """
        import os
        here = os.getcwd()
        %cd missing_folder
        assert os.getcwd() == here
        os.mkdir("sub")
        %cd sub
        %cd -
        %bookmark place sub
        %cd -b place
        assert os.getcwd() == here + "/sub"
        y = 3
        %store y
        %store
        %store -r
        %alias listing ls
        %rehashx
        %history
        """,
    "random numbers": "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1).item())",
}


@pytest.fixture(scope="module", params=["auto", "plain"])
def confined(request: pytest.FixtureRequest, pool: Pool, device: str) -> Iterator[Pool]:
    if request.param == "auto":
        yield pool
    else:
        with Pool(1, _mode=request.param, device=device) as running:
            yield running


def run_cells(pool: Pool, *sources: str) -> Run:
    cells = tuple(Cell(number, textwrap.dedent(source).strip()) for number, source in enumerate(sources, 1))
    return pool.run(Job(topic="honest", cells=cells, limits=Limits(cell_seconds=60.0)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_honest_program_runs(name: str, confined: Pool) -> None:
    run = run_cells(confined, PROGRAMS[name])
    assert run.cells[0].outcome is Outcome.PASSED, run.cells[0]
    assert run.usage.children == 1
    assert not run.problem


def test_a_cell_imports_what_an_earlier_one_wrote(confined: Pool) -> None:
    run = run_cells(
        confined,
        "import nothing_yet",
        PROGRAMS["modules written by the notebook"],
        "import helpers, pickle\nassert helpers.double(2) == 4\npickle.loads(pickle.dumps(helpers.Kept()))",
        "%%file nothing_yet.py\nx = 1",
        "from nothing_yet import x",
    )
    assert [cell.outcome for cell in run.cells] == [Outcome.FAILED, *[Outcome.PASSED] * 4], run.cells


def test_a_missing_folder_gives_its_own_error(confined: Pool) -> None:
    assert run_cells(confined, "%cd missing_folder").cells[0].output.startswith("[Errno 2] No such file or directory")


def test_usual_places_for_files_are_writable_in_a_private_root(pool: Pool) -> None:
    if pool.layers["private_root"] != "on":
        pytest.skip("there is no private root here")
    source = """
        import os
        for folder in ("/tmp", "/content", "/kaggle/working"):
            with open(f"{folder}/a.txt", "w") as file:
                file.write("a")
            assert os.listdir(folder) and open(f"{folder}/a.txt").read() == "a"
        """
    run = run_cells(pool, source)
    assert run.cells[0].outcome is Outcome.PASSED, run.cells[0]


def test_a_script_knows_its_file(confined: Pool) -> None:
    text = textwrap.dedent(
        """
        import inspect, os, pathlib, sys
        def f(): return __file__
        class A: pass
        assert sys.argv == ["views.py"] and os.path.isabs(__file__)
        assert os.path.dirname(__file__) == os.getcwd() and pathlib.Path(__file__).name == "views.py"
        assert inspect.getfile(f) == inspect.getfile(A) == f() == __file__
        assert inspect.getsource(A) == "class A: pass\\n" and inspect.getsource(f).startswith("def f")
        assert pathlib.Path(__file__).read_text().strip().endswith("1 / 0")
        import data.numbers
        assert data.numbers.x == 1 and open("data/a.csv").read() == "1,2"
        open("data/a.csv", "a").close()
        1 / 0
        """
    )
    helpers = (("data/numbers.py", b"x = 1"), ("data/a.csv", b"1,2"), ("views.py", text.encode()))
    files = tuple(HelperFile(*each) for each in helpers)
    run = confined.run(Job(topic="honest", cells=(Cell(0, text),), helpers=files, script="views.py"))
    error = run.cells[0].error
    assert error is not None
    assert (error.type, error.at and (error.at.cell, error.at.text)) == ("ZeroDivisionError", (0, "1 / 0"))


def test_random_numbers_are_the_same_each_time(confined: Pool) -> None:
    first, second = (run_cells(confined, PROGRAMS["random numbers"]) for _ in range(2))
    assert first.cells == second.cells


COMMANDS = ["!ls /", "x = !ls /\nx", "%pip install torch", "!pip install x", "%%bash\nls", "%%sh\nls", "!!ls", "%conda list"]


@pytest.mark.parametrize("source", COMMANDS)
def test_a_shell_command_is_not_run_and_noted(source: str, confined: Pool) -> None:
    run = run_cells(confined, source, "after = 1")
    assert [cell.outcome for cell in run.cells] == [Outcome.PASSED, Outcome.PASSED]
    assert run.cells[0].note == "Shell commands are not run while grading."
    assert NOT_RUN in run.cells[0].output
    assert run.cells[1].note == ""


def test_output_belongs_to_the_cell_that_printed_it(confined: Pool) -> None:
    sources = [
        "print('one')",
        "import os\nos.write(1, b'two')\nNone",
        "import sys\nprint('three', file=sys.stderr)",
        "4",
        "5;",
    ]
    run = run_cells(confined, *sources)
    assert [cell.output for cell in run.cells] == ["one\n", "two", "three\n", "4\n", ""]


def test_errors_are_recorded_and_the_rest_goes_on(confined: Pool) -> None:
    run = run_cells(
        confined, "x = 1", "def f(:", "1 / 0", "raise SystemExit", "def g():\n    return [][1]\n\ng()", "print(x)"
    )
    errors = [
        cell.error and (cell.error.type, cell.error.at and (cell.error.at.cell, cell.error.at.line)) for cell in run.cells
    ]
    assert errors[:2] == [None, ("SyntaxError", (2, 1))]
    assert errors[2] == ("ZeroDivisionError", (3, 1))
    assert errors[3] is not None
    assert errors[3][0] == "SystemExit"
    assert errors[4:] == [("IndexError", (5, 2)), None]
    assert run.cells[5].output == "1\n"


def test_a_plain_file_is_a_cell_with_the_number_0(confined: Pool) -> None:
    run = confined.run(Job(topic="honest", cells=(Cell(0, "import torch\n\n\ndef f():\n    return torch.nope\n\n\nf()\n"),)))
    assert run.cells[0].error is not None
    assert run.cells[0].error.at is not None
    assert (run.cells[0].error.at.cell, run.cells[0].error.at.line) == (0, 5)
    assert run.cells[0].error.at.text.strip() == "return torch.nope"
