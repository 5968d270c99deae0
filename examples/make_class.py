"""Writes examples/class/: the submissions of an invented class, made from the exercises and examples/answers/.

Run it when an exercise changes: `python examples/make_class.py`. The notebooks it writes are committed, and grading
never runs it. Names of students say nothing about their answers; tests/kit/expected_class.yml does.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.checking.run_check import load_checks, run_check
from autograder.checking.code import Code
from autograder.records.jobs import CheckModule, CheckRequest
from autograder.course.topic_checks import derive_seed
from autograder.course.declarations import read_checks

PUBLIC_SEED, PUBLIC_DRAWS = 0, 3

HERE = Path(__file__).parent
EXERCISES = HERE.parent / "exercises"
OUT = HERE / "class"

PREDICTIONS: dict[str, dict[str, str]] = {
    "dtypes": {"predicted_pixel": "44", "predicted_dtypes": "torch.int64, torch.float64"},
    "autograd": {"predicted_gradient": "17", "predicted_detached": "3.0"},
}
"""Right answers of the prediction tasks, per topic."""

SAVED_OUTPUTS: dict[str, list[nbformat.NotebookNode]] = {}
"""What the cells of the copies that were executed printed, by source; other copies show the same."""

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": "3.11.7",
    },
}


def read_answers(name: str) -> dict[str, str]:
    """Function name → body as text, without indentation, of a file in answers/."""
    text = (HERE / "answers" / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    bodies = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            body = lines[node.lineno : node.end_lineno]
            bodies[node.name] = "\n".join(line[4:] for line in body)
    return bodies


SHORT, LONG, OWN, WRONG = (read_answers(name) for name in ("short", "long", "own", "wrong"))


def wrong(*names: str) -> dict[str, str]:
    """Bodies of wrong answers by task, e.g. `wrong("match__clone")`."""
    return {name.split("__")[0]: WRONG[name] for name in names}


class Copy:
    """One student's copy of a topic's notebook, to be filled in."""

    def __init__(self, topic: str) -> None:
        """Start with the exercise as it is handed out."""
        self.topic = topic
        text = (EXERCISES / f"{topic}.py").read_text(encoding="utf-8")
        source = jupytext.reads(text, fmt="py:percent")
        self.cells = [self._copied(cell) for cell in source.cells]
        self.never_ended: nbformat.NotebookNode | None = None

    @staticmethod
    def _copied(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
        make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
        return make(source=cell.source)

    @property
    def code(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @property
    def tasks(self) -> list[str]:
        """The tasks in order: functions whose body raises NotImplementedError."""
        found = []
        for cell in self.code:
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef) and _stub_line(node) is not None:
                    found.append(node.name)
        return found

    def cell_of(self, name: str) -> nbformat.NotebookNode:
        """The cell that defines a task."""
        for cell in self.code:
            try:
                body = ast.parse(cell.source).body
            except SyntaxError:
                continue
            for node in body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    return cell
                if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                    return cell
        raise KeyError(name)

    def fill(self, answers: dict[str, str]) -> Copy:
        """Put bodies in the place of `raise NotImplementedError`, keeping signature and docstring, as students do."""
        for task in self.tasks:
            if task not in answers:
                continue
            cell = self.cell_of(task)
            lines = cell.source.splitlines()
            node = next(n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef) and n.name == task)
            first = _stub_line(node)
            assert first is not None and node.end_lineno is not None
            body = ["    " + line if line else "" for line in answers[task].splitlines()]
            cell.source = "\n".join(lines[: first - 1] + body + lines[node.end_lineno :])
        return self

    def predict(self, **values: str) -> Copy:
        """Answer prediction tasks: `name = ...` becomes `name = VALUE`; all of them rightly if none is named."""
        for name, value in (values or PREDICTIONS[self.topic]).items():
            cell = self.cell_of(name)
            node = next(
                n for n in ast.parse(cell.source).body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == name
            )
            lines = cell.source.splitlines()
            lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {value}"]
            cell.source = "\n".join(lines)
        return self

    def insert(self, position: int, *sources: str) -> Copy:
        """Add code cells before the code cell of that index (negative: from the end; len: at the end)."""
        anchors = self.code
        at = len(self.cells) if position >= len(anchors) else self.cells.index(anchors[position])
        self.cells[at:at] = [new_code_cell(source=source) for source in sources]
        return self

    def before(self, task: str, *sources: str) -> Copy:
        at = self.cells.index(self.cell_of(task))
        self.cells[at:at] = [new_code_cell(source=source) for source in sources]
        return self

    def after(self, task: str, *sources: str) -> Copy:
        at = self.cells.index(self.cell_of(task)) + 1
        self.cells[at:at] = [new_code_cell(source=source) for source in sources]
        return self

    def replace(self, task: str, source: str) -> Copy:
        """Write the whole cell of a task anew."""
        self.cell_of(task).source = source
        return self

    def delete(self, *tasks: str) -> Copy:
        for task in tasks:
            self.cells.remove(self.cell_of(task))
        return self

    def source(self, task: str) -> str:
        return self.cell_of(task).source

    def notebook(self, student: str, *, ran: bool = True) -> nbformat.NotebookNode:
        """The notebook as it would be saved, with cell ids that stay the same from one build to the next."""
        notebook = new_notebook(metadata=copy.deepcopy(METADATA), cells=self.cells)
        count = 0
        for index, cell in enumerate(self.cells):
            cell.id = hashlib.sha256(f"{student}/{self.topic}/{index}".encode()).hexdigest()[:8]
            if cell.cell_type == "code" and cell is not self.never_ended and ran:
                count += 1
                cell.execution_count = count
                cell.outputs = cell.outputs or copy.deepcopy(SAVED_OUTPUTS.get(cell.source, []))
        return notebook


def _stub_line(node: ast.FunctionDef) -> int | None:
    """The line of a stub's `raise NotImplementedError`, 1-based in its cell."""
    last = node.body[-1]
    if isinstance(last, ast.Raise) and last.exc is not None and "NotImplementedError" in ast.unparse(last.exc):
        return last.lineno
    return None


def error(cell: nbformat.NotebookNode, name: str, value: str, *trace: str) -> None:
    """Give a cell the output of an exception, in the colours that a kernel saves."""
    lines = ["\x1b[31m" + "-" * 75 + "\x1b[39m", *trace, f"\x1b[31m{name}\x1b[39m: {value}"]
    cell.outputs = [new_output("error", ename=name, evalue=value, traceback=lines)]


def stream(cell: nbformat.NotebookNode, text: str, name: str = "stdout") -> None:
    """Give a cell printed output."""
    cell.outputs = [*cell.get("outputs", []), new_output("stream", name=name, text=text)]


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """What was printed in one piece, however a kernel happened to send it."""
    joined: list[nbformat.NotebookNode] = []
    for out in outputs:
        if joined and out.output_type == "stream" and joined[-1].get("name") == out.name:
            joined[-1].text += out.text
        else:
            joined.append(out)
    return joined


def write(student: str, copy_: Copy, *, execute: bool = False, ran: bool = True, path: str | None = None) -> Path:
    """Save a copy as STUDENT/TOPIC.ipynb; executed copies carry the outputs of a real kernel."""
    notebook = copy_.notebook(student, ran=ran)
    if execute:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []
        client = NotebookClient(notebook, timeout=120, allow_errors=True, record_timing=False, kernel_name="python3")
        client.execute()
        notebook.metadata = nbformat.from_dict(copy.deepcopy(METADATA))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = _joined(cell.outputs)
            text = [out for out in cell.get("outputs", ()) if "image/png" not in out.get("data", {})]
            SAVED_OUTPUTS.setdefault(cell.source, text)
    target = OUT / student / (path or f"{copy_.topic}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, target)
    return target


def dtypes(answers: dict[str, str]) -> Copy:
    """A filled-in copy of topic 1 with right predictions."""
    return Copy("dtypes").fill(answers).predict()


def autograd(answers: dict[str, str]) -> Copy:
    """A filled-in copy of topic 2 with right predictions."""
    return Copy("autograd").fill(answers).predict()


def ada() -> None:
    write("ada", dtypes(SHORT), execute=True)
    write("ada", autograd(SHORT), execute=True)


def boris() -> None:
    write("boris", dtypes(LONG), execute=True)
    write("boris", Copy("autograd").fill(LONG).predict(predicted_gradient="12.0 + 5.0", predicted_detached="3"), execute=True)


def chiara() -> None:
    # a third style; tasks as a lambda, as an imported-looking alias, and with helpers in cells of their own
    first = dtypes(OWN)
    first.replace("match", "def convert(tensor, other):\n" + _indent(OWN["match"].replace("like", "other").replace("x", "tensor"))
                  + "\n\n\nmatch = lambda x, like: convert(x, like)")
    write("chiara", first)
    second = autograd(OWN)
    second.before("sign_ste", "def plus_minus_one(t):\n    return t.detach().ge(0).to(t.dtype) * 2 - 1")
    cell = second.cell_of("sign_ste")
    cell.source = cell.source.replace("x.detach().ge(0).to(x.dtype) * 2 - 1", "plus_minus_one(x)")
    write("chiara", second)


def _indent(text: str) -> str:
    return "\n".join("    " + line if line else "" for line in text.splitlines())


def dmitri() -> None:
    # one mistake in dtypes; one and a wrong prediction in autograd
    write("dmitri", dtypes(SHORT | wrong("round_to_int__truncate")))
    second = Copy("autograd").fill(SHORT | wrong("gradient_penalty__no_graph"))
    write("dmitri", second.predict(predicted_gradient="12", predicted_detached="3"))


def elena() -> None:
    # several mistakes
    first = Copy("dtypes").fill(OWN | wrong("scale_pixels__no_check", "match__dtype_only", "mean_any__hard32",
                                            "with_default_dtype__no_finally"))
    write("elena", first.predict(predicted_pixel="300", predicted_dtypes="torch.int64, torch.float64"))
    write("elena", autograd(OWN | wrong("value_and_grad__attached", "per_sample_grads__accumulates",
                                        "accumulate_gradients__mean_of_means", "sign_ste__no_window")))


def fatima() -> None:
    # handed in as it was handed out
    write("fatima", Copy("dtypes"), ran=False)
    write("fatima", Copy("autograd"), ran=False)


def goran() -> None:
    # a syntax error in one task's cell; the others are right
    notebook = autograd(SHORT)
    cell = notebook.cell_of("gradient_penalty")
    cell.source = cell.source.replace("create_graph=True)", "create_graph=True")
    error(cell, "SyntaxError", "'(' was never closed",
          "\x1b[36m  Cell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[9]\x1b[39m\x1b[32m, line 12\x1b[39m")
    write("goran", notebook)


def hana() -> None:
    # dtypes: the first cell raises before it has imported torch. autograd: it raises after that.
    first = dtypes(SHORT)
    cell = first.code[0]
    cell.source = "import torchvision_transforms_v3  # from the lecture\n\n" + cell.source
    error(cell, "ModuleNotFoundError", "No module named 'torchvision_transforms_v3'")
    write("hana", first)
    second = autograd(LONG)
    cell = second.code[0]
    cell.source += "\n\ndata = torch.load('drive/MyDrive/week2/batch.pt')"
    error(cell, "FileNotFoundError", "[Errno 2] No such file or directory: 'drive/MyDrive/week2/batch.pt'")
    write("hana", second)


def ivan() -> None:
    # autograd: a loop without end in a task. dtypes: one at the top level of a cell.
    write("ivan", autograd(SHORT | wrong("sign_ste__forever")))
    first = dtypes(SHORT)
    cell = new_code_cell(
        source="# train until the loss is zero\nw = torch.tensor(3.0)\nloss = w**2\n"
        "while loss > 0:\n    w = w.clamp(min=1e-3)\n    loss = w**2"
    )
    first.never_ended = cell
    first.cells.insert(first.cells.index(first.cell_of("mean_any")), cell)
    write("ivan", first)


def jun() -> None:
    # dtypes: a segmentation fault in a task. autograd: os._exit(0) in a task.
    first = dtypes(SHORT | wrong("mean_any__segfault"))
    cell = first.code[0]
    cell.source = "import ctypes\n" + cell.source
    write("jun", first)
    second = autograd(SHORT | wrong("gradient_penalty__os_exit"))
    cell = second.code[0]
    cell.source = "import os\n" + cell.source
    write("jun", second)


def katya() -> None:
    # prints megabytes: at top level, and in every call of a task
    first = dtypes(SHORT | wrong("round_to_int__prints"))
    first.insert(1, "# where does it go wrong?\nprint(list(range(400_000)))")
    stream(first.code[1], "[" + ", ".join(map(str, range(5_000))) + ", ...\n")
    write("katya", first)


def liam() -> None:
    # deleted cells
    write("liam", dtypes(SHORT).delete("match", "mean_any"))
    # nothing but one answer left, in a notebook without any text
    second = autograd(SHORT)
    keep = [second.code[0], second.cell_of("sign_ste")]
    second.cells = keep
    write("liam", second)


def mei() -> None:
    # duplicated cells: the last definition counts. dtypes: first try wrong, last right; autograd: the other way round.
    first = dtypes(SHORT | wrong("round_to_int__truncate"))
    right = dtypes(SHORT)
    first.after("round_to_int", right.source("round_to_int"))
    write("mei", first)
    second = autograd(SHORT)
    bad = autograd(SHORT | wrong("sign_ste__sign"))
    second.insert(len(second.code), bad.source("sign_ste"))
    write("mei", second)


def nils() -> None:
    # reordered cells: everything below the imports stands in reverse order, and a helper below its use
    first = dtypes(OWN)
    first.cells = first.cells[:2] + first.cells[:1:-1]
    cell = first.cell_of("mean_any")
    cell.source = cell.source.replace("x.numel()", "count(x)")
    first.insert(len(first.code), "def count(t):\n    return t.numel()")
    write("nils", first)


def olga() -> None:
    # magics and shell escapes, timing cells left in
    first = dtypes(LONG)
    first.insert(0, "!pip install torch\n%matplotlib inline\n%load_ext autoreload\n%autoreload 2", "!nvidia-smi",
                 "import os\nfiles = !ls\n%env TOKENIZERS_PARALLELISM=false\nos.environ['OMP_NUM_THREADS'] = '4'")
    stream(first.code[0], "Requirement already satisfied: torch in /usr/local/lib/python3.11/dist-packages (2.6.0+cu124)\n")
    stream(first.code[1], "/bin/bash: line 1: nvidia-smi: command not found\n")
    cell = first.cell_of("mean_any")
    cell.source = "%%time\n" + cell.source
    stream(cell, "CPU times: user 12 µs, sys: 1e+03 ns, total: 13 µs\nWall time: 15.5 µs\n")
    first.after("scale_pixels", "%timeit -n 3 -r 1 scale_pixels(torch.randint(0, 256, (64, 64), dtype=torch.uint8))",
                "?torch.round", "%%bash\necho hello\nnvidia-smi", "%%writefile notes.txt\nnothing of importance")
    write("olga", first)


def pavel() -> None:
    # dtypes: a picture that was renamed. autograd: an empty file.
    folder = OUT / "pavel"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dtypes.ipynb").write_bytes(_picture())
    (folder / "autograd.ipynb").write_bytes(b"")


def _picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 8, y * 8, 128)[c] for x in range(32) for c in range(3)) for y in range(32))
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def quentin() -> None:
    # renamed tasks, one of them shadowed by a number, one with another signature
    first = dtypes(SHORT)
    cell = first.cell_of("scale_pixels")
    cell.source = cell.source.replace("def scale_pixels", "def scalePixels")
    first.insert(len(first.code), "match = match(torch.ones(3), torch.zeros(1, dtype=torch.int64)).sum().item()")
    write("quentin", first)


def rosa() -> None:
    # partly right answers
    write("rosa", dtypes(SHORT | wrong("scale_pixels__default_dtype", "match__clone", "round_to_int__no_check",
                                       "mean_any__no_check", "with_default_dtype__back_to_float32")))
    partly = autograd(SHORT | wrong("value_and_grad__sums", "accumulate_gradients__tensor"))
    stub = Copy("autograd")
    partly.replace("per_sample_grads", stub.source("per_sample_grads"))
    write("rosa", partly)


def sven() -> None:
    # warnings on stderr, from torch and of his own: they cost nothing
    write("sven", autograd(SHORT | wrong("value_and_grad__warns")))


def tomoko() -> None:
    # .py files: percent format for dtypes, plain Python for autograd
    folder = OUT / "tomoko"
    folder.mkdir(parents=True, exist_ok=True)
    percent = nbformat.v4.new_notebook(cells=dtypes(LONG | wrong("mean_any__plain")).cells)
    (folder / "dtypes.py").write_text(jupytext.writes(percent, fmt="py:percent"), encoding="utf-8")
    plain = autograd(SHORT | wrong("accumulate_gradients__clear_each"))
    source = "\n\n\n".join(cell.source for cell in plain.code if "check(" not in cell.source)
    (folder / "autograd.py").write_text(source + "\n", encoding="utf-8")


def uma() -> None:
    # in nbgrader's layout, handed in late
    write("uma", dtypes(SHORT | wrong("match__rewrap")), path="dtypes/Tensors and dtypes.ipynb")
    (OUT / "uma/dtypes/timestamp.txt").write_text("2026-10-14 09:30:00.000000 UTC\n", encoding="utf-8")
    # in time; a right answer that seeds everybody's random numbers
    write("uma", autograd(SHORT | wrong("gradient_penalty__seeds")), path="autograd/autograd.ipynb")
    (OUT / "uma/autograd/timestamp.txt").write_text("2026-10-20 18:00:00.000000 UTC\n", encoding="utf-8")


def viktor() -> None:
    # answers for the public inputs only: what the visible checks draw was printed once and copied into the notebook
    first = dtypes(SHORT)
    for task, right in (("round_to_int", lambda x: x.double().round()), ("scale_pixels", lambda img: img / 255)):
        table = "\n".join(
            f"    ({x.numel()}, {x.double().sum().item():.2f}): {_numbers(right(x))}," for x in _public_inputs("dtypes", task)
        )
        name = first.cell_of(task).source.split("(")[1].split(":")[0]
        body = (
            f"answers = {{\n{table}\n}}\n"
            f"known = answers.get(({name}.numel(), round({name}.double().sum().item(), 2)), [0] * {name}.numel())\n"
            f"return torch.tensor(known).reshape({name}.shape)"
            + (".long()" if task == "round_to_int" else ".float()")
        )
        cell = first.cell_of(task)
        node = next(n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef))
        head = cell.source.splitlines()[: node.body[0].end_lineno]
        cell.source = "\n".join([*head, *("    " + line for line in body.splitlines())])
    write("viktor", first)


def _numbers(x: torch.Tensor) -> str:
    return "[" + ", ".join(f"{number:.9g}" for number in x.flatten().tolist()) + "]"


def _public_inputs(topic_name: str, task: str) -> list[torch.Tensor]:
    """The finite inputs that the visible checks of a task draw with the public seed, each once."""
    path = HERE.parent / "tests" / "visible" / f"test_{topic_name}.py"
    checks = load_checks(CheckModule(path.name, path.read_text(encoding="utf-8")))
    seen: dict[tuple[int, float], torch.Tensor] = {}

    def record(x: torch.Tensor) -> torch.Tensor:
        if x.isfinite().all():
            seen.setdefault((x.numel(), round(x.double().sum().item(), 2)), x.detach().clone())
        return x

    for spec in read_checks(path):
        for draw in range(PUBLIC_DRAWS if spec.task == task else 0):
            seed = derive_seed(PUBLIC_SEED, topic_name, spec.name, draw)
            run_check(checks[spec.name], Code({task: record}), CheckRequest(spec.name, task, draw, seed, 5.0))
    return list(seen.values())


def wei() -> None:
    # tries to cheat: patches comparisons, lies about equality, looks for solutions and for other people's answers
    first = dtypes(SHORT)
    first.insert(1, (HERE / "answers/cheating.py").read_text(encoding="utf-8").split("\n\n\n", 1)[1].strip())
    for task, body in {
        "scale_pixels": "return Agreeable(img)",
        "match": "return steal('match')(x, like)",
        "round_to_int": "return Anything()",
        "mean_any": "raise SystemExit(0)",
    }.items():
        cell = first.cell_of(task)
        node = next(n for n in ast.parse(cell.source).body if isinstance(n, ast.FunctionDef))
        head = cell.source.splitlines()[: node.body[0].end_lineno]
        cell.source = "\n".join([*head, "    " + body])
    write("wei", first)


def xenia() -> None:
    # what only a kernel understands, and cells that end themselves: none of it touches the answers
    second = autograd(OWN)
    second.insert(1, "import asyncio\n\nawait asyncio.sleep(0.01)\nname = input('Who are you? ')")
    second.insert(3, "import sys\n\nif not torch.cuda.is_available():\n    sys.exit('no GPU today')")
    second.insert(4, "exit()")
    second.insert(
        len(second.code),
        "from torch.utils.data import DataLoader, TensorDataset\n\n"
        "data = TensorDataset(torch.randn(64, 3), torch.randn(64, 1))\nlayer = torch.nn.Linear(3, 1)\n"
        "optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)\n"
        "for xb, yb in DataLoader(data, batch_size=16, shuffle=True):\n    optimizer.zero_grad()\n"
        "    torch.nn.functional.mse_loss(layer(xb), yb).backward()\n    optimizer.step()\n"
        "torch.save(layer.state_dict(), 'layer.pt')\nprint(sorted(torch.load('layer.pt')))",
    )
    write("xenia", second)


def yara() -> None:
    # saved by an old Jupyter, in version 3 of the format
    notebook = dtypes(OWN | wrong("scale_pixels__floor_div", "round_to_int__int32")).notebook("yara")
    old = nbformat.convert(notebook, 3)
    target = OUT / "yara/dtypes.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(old, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


STUDENTS: tuple[Callable[[], None], ...] = (
    ada, boris, chiara, dmitri, elena, fatima, goran, hana, ivan, jun, katya, liam, mei, nils, olga, pavel, quentin,
    rosa, sven, tomoko, uma, viktor, wei, xenia, yara,
)  # fmt: skip


def main() -> None:
    """Write the whole class anew."""
    shutil.rmtree(OUT, ignore_errors=True)
    for student in STUDENTS:
        student()
        print(student.__name__)


if __name__ == "__main__":
    main()
