"""What a confined process cannot do is done in another way, or refused in a sentence that a student understands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from autograder.checking.shell import NOT_RUN
from autograder.confined.substitutes import NOT_COMPILED
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, CellReport, Job, Limits, Outcome

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["auto", "plain"])
def confined(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Pool]:
    if request.param == "auto":
        yield pool
    else:
        with Pool(1, _mode=request.param) as running:
            yield running


def run_cell(pool: Pool, source: str, number: int = 1) -> CellReport:
    cell = Cell(number, textwrap.dedent(source).strip())
    return pool.run(Job(topic="substitutes", cells=(cell,), limits=Limits(cell_seconds=60.0))).cells[0]


COMPILED = """
import torch

@torch.compile{}
def twice(x):
    return 2 * x

class Net(torch.nn.Module):
    def forward(self, x):
        return twice(x) + 1

x = torch.ones(3, requires_grad=True)
torch.compile(Net(){})(x).sum().backward()
assert x.grad.tolist() == [2, 2, 2]
net = Net()
net.compile({})
assert net(x).tolist() == [3, 3, 3]
"""


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_torch_compile_works(backend: str, confined: Pool) -> None:
    chosen = f"backend={backend!r}"
    cell = run_cell(confined, COMPILED.format(f"({chosen})", f", {chosen}", chosen))
    assert cell.outcome is Outcome.PASSED, cell
    assert cell.note == ""


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "arguments", ["", "backend='inductor'", "mode='max-autotune', fullgraph=True", "options={'max_autotune': True}"]
)
def test_torch_compile_does_without_a_compiler_and_says_so(arguments: str, number: int, confined: Pool) -> None:
    decorator, more = (f"({arguments})", f", {arguments}") if arguments else ("", "")
    cell = run_cell(confined, COMPILED.format(decorator, more, arguments), number)
    assert cell.outcome is Outcome.PASSED, cell
    assert cell.note == f"{NOT_COMPILED[:1].upper()}{NOT_COMPILED[1:]}."


PROCESSES, SHARED, NETWORK = "other processes", "memory shared between processes", "the network"
REFUSED = {
    "a pool": (PROCESSES, "import multiprocessing; multiprocessing.Pool(2)"),
    "a process": (PROCESSES, "import multiprocessing; multiprocessing.Process(target=print).start()"),
    "a server's process": (
        PROCESSES,
        "import multiprocessing; multiprocessing.get_context('forkserver').Process(target=print).start()",
    ),
    "a spawned process": (PROCESSES, "import torch; torch.multiprocessing.spawn(print, nprocs=2)"),
    "an executor": (PROCESSES, "from concurrent.futures import ProcessPoolExecutor as P; P(2).submit(print).result()"),
    "a fork": (PROCESSES, "import os; os.fork()"),
    "subprocess": (PROCESSES, "import subprocess; subprocess.run(['ls'])"),
    "its output": (PROCESSES, "import subprocess; subprocess.check_output('ls', shell=True)"),
    "popen": (PROCESSES, "import os; os.popen('ls').read()"),
    "exec": (PROCESSES, "import os; os.execvp('ls', ['ls'])"),
    "a lock": (PROCESSES, "import multiprocessing; multiprocessing.Lock()"),
    "a queue": (PROCESSES, "import multiprocessing; multiprocessing.Queue()"),
    "a value": (SHARED, "import multiprocessing; multiprocessing.Value('i', 0)"),
    "an array": (SHARED, "import multiprocessing; multiprocessing.Array('i', 2)"),
    "shared memory": (SHARED, "from multiprocessing.shared_memory import SharedMemory as S; S(create=True, size=9)"),
    "a tensor": (SHARED, "import torch; torch.ones(2).share_memory_()"),
    "a model": (SHARED, "import torch; torch.nn.Linear(2, 2).share_memory()"),
    "urllib": (NETWORK, "import urllib.request; urllib.request.urlopen('http://example.com')"),
    "an address": (NETWORK, "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')"),
    "the hub": (NETWORK, "import torch; torch.hub.load_state_dict_from_url('https://example.com/a.pt')"),
    "http": (NETWORK, "import http.client; http.client.HTTPSConnection('example.com').request('GET', '/')"),
    "a socket": (NETWORK, "import socket; socket.socket()"),
    "requests": (NETWORK, "requests = __import__('requests'); requests.get('https://example.com')"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_grading_does_not_allow_is_refused_in_a_sentence(name: str, confined: Pool) -> None:
    if name == "requests":
        pytest.importorskip("requests")
    what, source = REFUSED[name]
    error = run_cell(confined, source).error
    assert error is not None
    assert f"Grading does not allow {what}" in error.message


@pytest.mark.parametrize("name", ["multiprocessing.pool.ThreadPool", "multiprocessing.dummy.Pool"])
def test_a_pool_of_threads_works(name: str, confined: Pool) -> None:
    source = f"""
        import multiprocessing.dummy, multiprocessing.pool
        with {name}(2) as pool:
            assert pool.map(abs, [1, -2]) == [1, 2]
            assert list(pool.imap_unordered(abs, [-3])) == [3]
        assert {name}(initializer=print, initargs=("a",), processes=1).apply(abs, (-4,)) == 4
        """
    cell = run_cell(confined, source)
    assert (cell.outcome, cell.output) == (Outcome.PASSED, "a\n"), cell


def test_memory_without_a_file_is_counted(confined: Pool) -> None:
    source = """
        import ctypes, mmap
        small = mmap.mmap(-1, 1 << 20)
        small[:3] = b"abc"
        assert bytes(small[:3]) == b"abc"
        for flags in ({}, {"flags": mmap.MAP_SHARED}, {"access": mmap.ACCESS_WRITE}):
            try:
                mmap.mmap(-1, 1200 << 20, **flags)
            except OSError:
                continue
            raise AssertionError("more memory than there is")
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_long
        assert libc.mmap(None, ctypes.c_size_t(4096), 3, 0x21, -1, ctypes.c_long(0)) == -1
        for way in ("/dev/zero", "/dev/shm/memory"):
            try:
                open(way, "r+b")
            except OSError:
                continue
            raise AssertionError(way)
        """
    cell = run_cell(confined, source)
    assert cell.outcome is Outcome.PASSED, cell


def test_a_command_is_skipped_as_in_a_cell(confined: Pool) -> None:
    cell = run_cell(confined, "import os\nassert os.system('clear') != 0")
    assert cell.outcome is Outcome.PASSED
    assert NOT_RUN in cell.output
    assert cell.note


def test_processes_that_were_a_fallback_stay_one(confined: Pool) -> None:
    source = """
        import subprocess, urllib.request, urllib.error, platform, uuid
        try:
            subprocess.run(["nvidia-smi"])
        except OSError:
            pass
        try:
            urllib.request.urlretrieve("https://example.com/a.csv")
        except urllib.error.URLError:
            pass
        platform.platform(), platform.processor(), uuid.uuid4(), uuid.uuid1()
        """
    cell = run_cell(confined, source)
    assert cell.outcome is Outcome.PASSED, cell


def test_the_environment_names_no_folder_but_the_childs_own(confined: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
        import json, os, tempfile
        here, was = os.getcwd(), dict(os.environ)
        import torch._inductor.config
        for name in ("HOME", "TMPDIR"):
            assert was[name] == here
        known = {"HOME", "TMPDIR", "PATH", "TZ", "LD_LIBRARY_PATH"}
        found = {name: value for name, value in was.items() if value.startswith("/") and name not in known}
        assert not found
        import matplotlib, torch
        for folder in (matplotlib.get_configdir(), matplotlib.get_cachedir(), torch.hub.get_dir(), tempfile.gettempdir()):
            os.makedirs(folder, exist_ok=True)
            assert folder.startswith(here), folder
            with open(folder + "/a", "w") as file:
                file.write("a")
        from torch._inductor.runtime.cache_dir_utils import cache_dir
        assert cache_dir().startswith(here)
        """
    cell = run_cell(confined, source)
    assert cell.outcome is Outcome.PASSED, cell
