"""Right answers pass all visible checks in a process that was used before, as a notebook's kernel is.

Each process is given habits of one kind, such as filters of warnings, switches of PyTorch or an empty environment, and then
runs the visible checks of all topics on the references, as `check()` does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHECK_ALL = """
from autograder.student.released import find_release
from autograder.student.session import ask

release, count, hooks = find_release(), 0, dict(torch.nn.modules.module._global_forward_hooks)
for name, source in sources.items():
    topic, namespace = release.topic(name), {}
    exec(compile(source, "solution", "exec"), namespace)
    for result in ask(topic, list(topic.card.tasks), namespace, locate=lambda frame: None).tasks:
        count += len(result.checks)
        for check in result.checks:
            if check.outcome != "passed":
                print(name, result.task, check.name, check.outcome, check.error_message, check.differences)
print(count > 300 and hooks == torch.nn.modules.module._global_forward_hooks)
"""
READ_SOURCES = """
from pathlib import Path
import autograder, torch

sources = {path.stem: path.read_text() for path in sorted(Path("solutions").glob("*.py"))}
"""
USED = {
    "warnings are errors": """
import logging, warnings
warnings.simplefilter("error")
torch.set_warn_always(True)
logging.captureWarnings(True)
logging.getLogger().setLevel(logging.DEBUG)
""",
    "warnings are off, and one came before": """
import warnings
torch.ones(1).storage()
warnings.filterwarnings("ignore")
warnings.showwarning = lambda *arguments, **options: None
""",
    "numbers are printed in another way": """
import decimal, numpy
torch.set_printoptions(precision=1, threshold=3, edgeitems=1, linewidth=20, sci_mode=True)
numpy.set_printoptions(precision=1, threshold=3, legacy="1.13", suppress=True)
numpy.seterr(all="raise")
decimal.getcontext().prec = 3
""",
    "other defaults, gradients off": """
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_grad_enabled(False)
torch.manual_seed(3)
torch.rand(7)
""",
    "deterministic, with anomaly detection and many threads": """
torch.set_default_dtype(torch.bfloat16)
torch.use_deterministic_algorithms(True)
torch.autograd.set_detect_anomaly(True)
torch.autograd.set_multithreading_enabled(False)
torch.set_num_threads(4)
""",
    "autocast is on, matrix products are less precise": """
torch.set_autocast_enabled("cpu", True)
torch.set_autocast_enabled("cuda", True)
torch.set_float32_matmul_precision("medium")
torch.backends.cudnn.enabled = False
torch.backends.cudnn.benchmark = True
torch.backends.opt_einsum.enabled = False
""",
    "modules that are converted get new parameters": "torch.__future__.set_overwrite_module_params_on_conversion(True)",
    "modules that are converted swap their parameters": "torch.__future__.set_swap_module_params_on_conversion(True)",
    "denormal numbers are 0, and modules have hooks for all": """
torch.set_flush_denormal(True)
torch.nn.modules.module.register_module_forward_hook(lambda module, args, output: 2 * output)
torch.nn.modules.module.register_module_forward_pre_hook(lambda module, args: None)
""",
    "an empty environment in another folder, a shallow stack": """
import gc, sys, tempfile
place = os.environ["AUTOGRADE_RELEASE"]
os.environ.clear()
os.environ["AUTOGRADE_RELEASE"] = place
os.chdir(folder)
sys.path.insert(0, "")
sys.argv = ["ipykernel", "-f", "kernel.json"]
sys.tracebacklimit = 0
sys.setrecursionlimit(400)
gc.disable()
""",
    "plots were drawn, models were trained and compiled": """
import matplotlib
matplotlib.use("svg")
import matplotlib.pyplot
matplotlib.pyplot.style.use("dark_background")
matplotlib.pyplot.plot([1, 2])
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.Adam(model.parameters())
torch.compile(model, backend="eager")(torch.ones(1, 2)).sum().backward()
optimizer.step()
torch.distributions.Distribution.set_default_validate_args(False)
""",
}


@pytest.mark.parametrize("use", USED)
def test_right_answers_pass_after(use: str, tmp_path: Path) -> None:
    source = f"import os\nfolder = {str(tmp_path)!r}\n{READ_SOURCES}\n{USED[use]}\n{CHECK_ALL}"
    run = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env=os.environ | {"AUTOGRADE_RELEASE": str(ROOT / "release"), "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (run.stdout, run.returncode) == ("True\n", 0), run.stdout + run.stderr
