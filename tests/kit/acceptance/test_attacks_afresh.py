"""Attacks at each level of confinement by people who have read all of the other attacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from attack_jobs import HONEST, LIMITS, PRELUDE, assert_all_right, job_of

from autograder import sandbox
from autograder.comparing.arrays import DEFAULT_TOLERANCES
from autograder.comparing.compare import passes
from autograder.processes import zygote
from autograder.processes.pool import Pool
from autograder.records.jobs import CellReport, CheckModule, Job, Outcome, Run
from autograder.records.observation import Observation

pytestmark = [pytest.mark.slow, pytest.mark.attack]

SECRET = "the-secrets-of-this-course"
_WITHOUT_BARRIERS = """
import sys
from autograder.sandbox import landlock, seccomp
def lacking(*arguments, **options):
    raise OSError("this kernel has none")
landlock.restrict = seccomp.install = lacking
sys.argv = sys.argv[:1] + sys.argv[-1:]
from autograder.confined.zygote import main
main()
"""


@pytest.fixture(scope="module", params=["full", "standard", "minimal"])
def confined(request: pytest.FixtureRequest, pool: Pool, device: str) -> Iterator[Pool]:
    """What the machine has; no namespaces; and namespaces alone, as on a kernel without Landlock and seccomp."""
    if request.param == "full":
        yield pool
        return
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "minimal":
            if device != "cpu" or sandbox.missing_layers(pool.layers, ["private_root", "own_processes", "no_network"]):
                pytest.skip("this machine has no namespaces")
            patch.setattr(zygote, "_OPTIONS", ("-P", "-c", _WITHOUT_BARRIERS))
        with Pool(1, device=device, _mode="plain" if request.param == "standard" else "auto") as running:
            assert sandbox.level(running.layers) == request.param
            yield running


OTHERS = {
    "a start-up file for later Pythons": "open(os.__file__.replace('os.py', 'sitecustomize.py'), 'w'); reached = 1",
    "a path file for later Pythons": "import site; open(site.getsitepackages()[0] + '/x.pth', 'w'); reached = 1",
    "a compiled file for later imports": (
        "import autograder.errors as e; os.makedirs(os.path.dirname(e.__cached__), exist_ok=True); "
        "open(e.__cached__, 'wb'); reached = 1"
    ),
    "the grader's own folders": "reached = os.listdir('{course}') or refuse()",
    "a file by way of a descriptor": (
        "d = os.open('.', os.O_RDONLY); reached = os.open('../' * 12 + '{course}/course.yml', os.O_RDONLY, dir_fd=d)"
    ),
    "a file through the folder of a process": "reached = os.listdir(f'/proc/{grader}/root') or refuse()",
    "a descriptor of another process": "reached = os.open(f'/proc/{grader}/fd/1', os.O_RDONLY)",
    "the memory of its own zygote": "reached = os.open(f'/proc/{{os.getppid() or 1}}/mem', os.O_RDWR)",
    "a rename over a file of the course": "open('x', 'w'); os.rename('x', '{course}' + '/course.yml'); reached = 1",
    "a file swapped for one outside": "reached = libc.renameat2(-100, b'.', -100, b'{course}', 2) == 0 or refuse()",
    "a queued signal": "reached = call(129, {grader}, 9, ctypes.create_string_buffer(128)) == 0 or refuse()",
    "a signal to a thread": "reached = call(200, {grader}, 9) == 0 or refuse()",
    "a signal to a group": "os.killpg(os.getpgid(os.getppid() or {grader}), 19); reached = 1",
    "another's processors": "os.sched_setaffinity({grader}, {{0}}); reached = 1",
    "another's priority": "os.setpriority(os.PRIO_PROCESS, {grader}, 19); reached = 1",
    "another's open files": "reached = call(434, {grader}, 0)",
    "another's memory, moved": "reached = call(279, {grader}, 0, 0, 0, 0, 0) >= 0 or refuse()",
    "another's futex list": "reached = call(274, {grader}, ctypes.create_string_buffer(8), ctypes.create_string_buffer(8))",
    "the folder above its own": (
        "os.chdir('..'); reached = [n for n in os.listdir('.') if open(n + '/course.yml')] or refuse()"
    ),
    "a working folder by way of a descriptor": (
        "d = os.open('{course}', os.O_PATH); os.fchdir(d); reached = os.listdir('.') or refuse()"
    ),
    "a link that goes out and is followed by the kit": (
        "os.symlink('{course}/course.yml', 'x'); os.truncate('x', 0); reached = 1"
    ),
    "a weights file outside": "import torch; torch.save({{}}, '{course}/course.yml'); reached = 1",
    "a mapped tensor outside": "import torch; reached = torch.from_file('{course}/course.yml', size=4, dtype=torch.uint8)",
    "a mapped array outside": "import numpy; reached = numpy.memmap('{course}/course.yml', mode='r')",
    "a database outside": "import sqlite3; sqlite3.connect('{course}/new.db').execute('create table t(a)'); reached = 1",
    "a library of another's": "ctypes.CDLL('{course}/course.yml', use_errno=True); reached = 1",
    "a profile outside": "import cProfile; cProfile.run('1', '{course}/profile'); reached = 1",
    "a trace of crashes outside": "import faulthandler; faulthandler.enable(open('{course}/crash', 'w')); reached = 1",
    "the shell's history": "reached = get_ipython().run_line_magic('load', '{course}/course.yml') or refuse()",
    "a terminal of its own": "import pty; reached = pty.openpty()",
    "a real-time signal to the grader": (
        "reached = call(297, {grader}, {grader}, 34, ctypes.create_string_buffer(128)) == 0 or refuse()"
    ),
    "the limits of the grader": "reached = call(302, {grader}, 7, 0, ctypes.create_string_buffer(16)) == 0 or refuse()",
    "the schedule of the grader": "reached = call(144, {grader}, 5, ctypes.create_string_buffer(8)) == 0 or refuse()",
    "the session of the grader": "reached = call(109, 0, {grader}) == 0 or refuse()",
    "pages of the grader": (
        "reached = call(256, {grader}, 1, ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)) >= 0 or refuse()"
    ),
    "names beside the grader's": "reached = open('/tmp/autograde-x/.lock', 'w')",
}
KERNEL = {
    "a 32-bit call": (
        "import mmap; m = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7); "
        "m.write(bytes.fromhex('53b814000000cd805bc3')); "
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m))); reached = f() > 0 or refuse()"
    ),
    "a new mount by descriptors": "reached = call(430, b'tmpfs', 0)",
    "a tree of mounts": "reached = call(428, -100, b'/', 1)",
    "attributes of a mount": "reached = call(442, -100, b'/', 0, ctypes.create_string_buffer(32), 32)",
    "secret memory": "reached = call(447, 0)",
    "another layout of memory": "reached = call(135, 0x0040000)",
    "a local descriptor table": "reached = call(154, 1, ctypes.create_string_buffer(16), 16)",
    "input and output ports": "reached = call(172, 3)",
    "a kernel module": "reached = call(175, b'', 0, b'')",
    "the kernel's log": "reached = call(103, 2, ctypes.create_string_buffer(256), 255)",
    "accounting": "reached = call(163, b'account')",
    "a swap file": "reached = call(167, b'swap', 0)",
    "a new rule set": "reached = call(444, ctypes.create_string_buffer(8), 8, 0)",
    "pages given to a pipe": "reached = call(278, 1, 0, 0, 0)",
    "quotas": "reached = call(179, 0x800007, 0, 0, ctypes.create_string_buffer(64))",
    "userfaultfd for its own pages": "reached = call(323, 1)",
    "a ring with a poller": "p = ctypes.create_string_buffer(120); p[8] = 2; reached = call(425, 1, p)",
    "a file in memory that may be run": "reached = call(319, b'x', 0x10)",
    "a program by descriptor": "reached = call(322, os.open(sys.executable, os.O_RDONLY), b'', 0, 0, 0x1000)",
    "the clock, slowly": "reached = call(159, ctypes.create_string_buffer(208)) >= 0 or refuse()",
    "the clock, adjusted": "reached = call(305, 0, ctypes.create_string_buffer(208)) >= 0 or refuse()",
    "the time of day": "reached = call(164, ctypes.create_string_buffer(16), 0)",
    "a watch by inotify, newer": "reached = call(294, 0x80000)",
    "the ends of others": "reached = call(434, os.getpid(), 0)",
    "a key of protection": "reached = call(330, 0, 0)",
    "a mark on its memory": "reached = call(462, 0, 0, 0)",
    "rules of its own for Landlock": "reached = call(446, 3, 0)",
    "many messages at once": (
        "a, b = socket.socketpair(); reached = call(307, a.fileno(), ctypes.create_string_buffer(64), 1, 0)"
    ),
    "memory shared by an old file": "reached = call(9, 0, 4096, 3, 0x21, -1, 0) >= 0 or refuse()",
    "futexes of others": "reached = call(56, 0x100, 0, 0, 0, 0)",
    "a name for the machine": "reached = call(170, b'x', 1)",
    "a restart": "reached = call(169, 0xfee1dead, 672274793, 0, 0)",
    "performance of others": "reached = call(298, ctypes.create_string_buffer(128), {grader}, -1, -1, 0)",
    "asynchronous input": "reached = call(206, 8, ctypes.create_string_buffer(8))",
    "a file by its handle, made": (
        "reached = call(303, -100, b'.', ctypes.create_string_buffer(136), ctypes.create_string_buffer(4), 0)"
    ),
    "a synchronous disk": "reached = call(162)",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o777)
    (folder / "course.yml").write_text(SECRET)
    (folder / "course.yml").chmod(0o666)
    return folder


@pytest.fixture(scope="module")
def answers(confined: Pool, course: Path) -> tuple[Run, dict[str, CellReport]]:
    """One submission that tries all of it, a cell for each, and what came of each."""
    attempts = OTHERS | (KERNEL if confined.layers["seccomp"] == "on" else {})
    texts = [PRELUDE.replace("{attempt}", text.format(course=course, grader=os.getpid())) for text in attempts.values()]
    run = confined.run(job_of(*texts, HONEST, limits=msgspec.structs.replace(LIMITS, topic_seconds=180.0)))
    return run, dict(zip(attempts, run.cells, strict=False))


def test_an_answer_beside_them_is_graded(answers: tuple[Run, dict[str, CellReport]], confined: Pool, course: Path) -> None:
    assert_all_right(answers[0], confined.run(job_of(HONEST)))
    assert (course / "course.yml").read_text() == SECRET


@pytest.mark.parametrize("name", OTHERS)
def test_what_belongs_to_others_is_out_of_reach_at_each_level(name: str, answers: tuple[Run, dict[str, CellReport]]) -> None:
    cell = answers[1][name]
    assert cell.output.startswith("refused") or cell.outcome is Outcome.ERROR, cell


@pytest.mark.parametrize("name", KERNEL)
def test_the_kernels_rarer_doors_are_closed(name: str, answers: tuple[Run, dict[str, CellReport]], confined: Pool) -> None:
    if confined.layers["seccomp"] != "on":
        pytest.skip("the minimal level leaves system calls alone")
    cell = answers[1][name]
    assert cell.output.startswith("refused") or cell.outcome is Outcome.ERROR, cell


WORKERS = """
import multiprocessing, torch
from torch.utils.data import DataLoader, TensorDataset
pairs = TensorDataset(torch.arange(8))
batches = DataLoader(pairs, batch_size=4, num_workers=2, persistent_workers=True)
print([batch.tolist() for batch, in batches])
for start in (multiprocessing.Pool, multiprocessing.Process(target=print).start, lambda: multiprocessing.Value("i", 0),
              lambda: torch.multiprocessing.spawn(print, nprocs=2), lambda: torch.ones(1).share_memory_()):
    try:
        start()
    except PermissionError as error:
        print(error)
"""


def test_workers_load_in_the_process_itself_and_other_processes_are_refused_in_words(confined: Pool) -> None:
    cell = confined.run(job_of(WORKERS)).cells[0]
    lines = cell.output.splitlines()
    assert lines[0] == "[[0, 1, 2, 3], [4, 5, 6, 7]]", cell
    assert len(lines) == 6, cell
    assert all(line.startswith("Grading does not allow ") for line in lines[1:]), cell


CHECKS = """
from autograder import checks, distributed_as, only

@checks("double")
def test_double(code, given):
    "It doubles."
    return only(code.double(given.normal(64)), "values")

@checks("double")
def test_small_double(code, given):
    "A small number, too."
    return {"half": 0.5, "twice": only(float(code.double(given.uniform(1) / 100)), "values")}

@checks("double")
def test_random_double(code, given):
    "Many numbers, too."
    return only(distributed_as(code.double(given.normal(9000)), "normal", mean=0, std=2), "values")
"""
_FACT = """
import msgspec, autograder.checking.observe as o
from autograder.records.observation import TensorFact, Policy
real, change = o.tensor_fact, msgspec.structs.replace
o.tensor_fact = lambda *a, **k: forged(real(*a, **k))
o._as_value = lambda thing, name, policy, old=o._as_value: (
    forged(TensorFact(type="Tensor", dtype="float32", shape=(), device="cpu", values=bytes(4)))
    if type(thing) is float and thing != 0.5 else old(thing, name, policy)
)
"""
_SEND = """
import os
from autograder.processes.protocol import Observed, frame
from autograder.records.observation import Observation, TensorFact
fact = TensorFact(type="Tensor", dtype="float8_e5m2", shape=(64,), device="cpu", values=bytes(64))
def send(*ignored, **known):
    for check in ("test_double", "test_small_double", "test_random_double"):
        for fd in range(3, 30):
            try:
                os.write(fd, frame(Observed(Observation(check=check, draw=0, returned=fact))))
            except OSError:
                pass
"""
FORGERS = {
    "coarse numbers": _FACT
    + "forged = lambda f: change(f, dtype='float8_e5m2', values=bytes(f.shape[0] if f.shape else 1))",
    "less coarse numbers": (
        _FACT + "forged = lambda f: change(f, dtype='bfloat16', values=bytes(2 * f.shape[0] if f.shape else 2))"
    ),
    "one number for many": _FACT + "forged = lambda f: change(f, shape=(1,), values=bytes(4))",
    "no numbers at all": _FACT + "forged = lambda f: change(f, shape=(0, 2**40), stride=None, values=b'')",
    "numbers on a device without values": _FACT + "forged = lambda f: change(f, device='meta', values=b'')",
    "numbers of an unknown dtype": _FACT + "forged = lambda f: change(f, dtype='float4_e2m1')",
    "NaN and infinity": _FACT + "forged = lambda f: change(f, values=b'\\0\\0\\xc0\\x7f' * (len(f.values) // 4))",
    "numbers of an earlier draw": _FACT + "known = {}\nforged = lambda f: known.setdefault(f.shape, f)",
    "numbers that judge themselves": _FACT + "forged = lambda f: change(f, policy=Policy(facts=(), rtol=9e9, atol=9e9))",
    "a check file of its own": (
        "import sys, types, autograder\nfake = types.ModuleType('autograder')\nfake.__dict__.update(vars(autograder))\n"
        "fake.only = lambda thing, *facts: autograder.ignoring(thing, *autograder.authoring.FACT_NAMES)\n"
        "fake.distributed_as = lambda thing, *a, **k: thing\nsys.modules['autograder'] = fake"
    ),
    "an import hook": (
        "import sys, importlib.abc\nclass Hook(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n        raise SystemExit\n"
        "sys.meta_path.insert(0, Hook())\nfor name in [n for n in sys.modules if n.startswith('autograder.c')]:\n"
        "    del sys.modules[name]"
    ),
    "draws that are always the same": ("torch.randn = torch.rand = lambda *a, **k: torch.zeros(a[0], dtype=torch.float64)"),
    "a thing that lies about its class": (
        "class Lie:\n    __class__ = torch.Tensor\n    shape = (64,)\n    __len__ = lambda self: 64\n"
        "    __eq__ = __ne__ = lambda self, other: True\n    __hash__ = None\n    __float__ = lambda self: 0.0\n"
        "    __array__ = lambda self, *a, **k: __import__('numpy').zeros(64)\n"
        "    __reduce__ = lambda self: (torch.zeros, (64,))\ndef double(x):\n    return Lie()"
    ),
    "a number that lies in sums": (
        "class Lie(float):\n    __sub__ = __rsub__ = __add__ = __radd__ = lambda self, other: 0.0\n"
        "    __float__ = lambda self: Lie(0.0)\n    __eq__ = lambda self, other: True\n    __hash__ = None\n"
        "def double(x):\n    return Lie(0.0)"
    ),
    "a tensor that lies to PyTorch": (
        "class Lie(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None):\n"
        "        return torch.zeros(1).to(torch.float8_e5m2)\n    @classmethod\n"
        "    def __torch_dispatch__(cls, f, types, args=(), kwargs=None):\n        return torch.zeros(1)\n"
        "def double(x):\n    return x.as_subclass(Lie)"
    ),
    "a tensor that shrinks while it is looked at": (
        "import threading\ndef double(x):\n    def shrink():\n        for _ in range(2000):\n            x.resize_(1)\n"
        "            x.resize_(64)\n    threading.Thread(target=shrink, daemon=True).start()\n    return x"
    ),
    "a generator that looks around": (
        "import sys\ndef double(x):\n    f = sys._getframe()\n    while f:\n        yield from f.f_locals.values()\n"
        "        f = f.f_back"
    ),
    "tracing that changes the check": (
        "import sys\ndef follow(frame, event, arg):\n    frame.f_locals.update(facts=(), policy=None)\n    return follow\n"
        "sys.settrace(follow)\n__import__('threading').settrace(follow)"
    ),
    "a report when an object ends": _SEND + "class End:\n    __del__ = send\ndef double(x):\n    End()\n    return x",
    "a report when a tensor ends": (
        _SEND + "import weakref\ndef double(x):\n    weakref.finalize(x, send)\n    return x.clone()"
    ),
    "a report at the collector's call": (
        _SEND + "import gc\ndef double(x):\n    gc.callbacks.append(send)\n    gc.collect()\n    return x"
    ),
    "a report at a signal": (
        _SEND + "import signal\nsignal.signal(signal.SIGALRM, send)\ndef double(x):\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.001)\n    return x"
    ),
    "a report at an audit event": (
        _SEND
        + "import sys\ndef double(x):\n    known = []\n    sys.addaudithook(lambda *a: known or known.append(1) or send())\n"
        "    return x"
    ),
    "a report by a thread that waits": (
        _SEND + "import threading\ndef double(x):\n    threading.Timer(0.001, send).start()\n    return x"
    ),
    "another's name on a report": (
        "import autograder.confined.child as c, msgspec\nreal = c.run_check\n"
        "c.run_check = lambda f, code, r, d: real(f, code, msgspec.structs.replace(r, seed=r.seed ^ 1), d)"
    ),
    "refusals switched off": (
        "import gc, types\nfor f in gc.get_objects():\n"
        "    if isinstance(f, types.FunctionType) and f.__name__ in ('refuse', 'unavailable') and not f.__closure__:\n"
        "        f.__code__ = (lambda *a, **k: None).__code__"
    ),
    "random numbers that lie": (
        "g = torch.Generator\nclass Lie(g):\n    def manual_seed(self, seed):\n        return super().manual_seed(0)\n"
        "torch.Generator = Lie\ntorch.manual_seed = lambda s: torch.default_generator"
    ),
    "bytes that lie": (
        "torch.Tensor.untyped_storage = torch.Tensor.data_ptr = lambda self: 0\ntorch.Tensor.tolist = lambda self: []"
    ),
    "copies that lie": (
        "torch.Tensor.clone = torch.Tensor.detach = torch.Tensor.cpu = torch.Tensor.contiguous = lambda s, "
        "*a, **k: s.new_zeros(())"
    ),
    "NumPy that lies": "import numpy\nnumpy.asarray = numpy.array = numpy.frombuffer = lambda *a, **k: numpy.zeros(())",
    "a kernel of its own": (
        "lib = torch.library.Library('aten', 'IMPL')\nlib.impl('mul.Tensor', lambda a, b: a, 'CPU', allow_override=True)\n"
        "kept = lib"
    ),
    "records that equal everything": (
        "import autograder.records.observation as r\n"
        "for kind in (r.TensorFact, r.Observation):\n    kind.__eq__ = lambda s, o: True"
    ),
    "another encoder": (
        "import autograder.confined.child as c\nreal = c.frame\n"
        "c.frame = lambda m: real(m) if 'Cell' in type(m).__name__ else b''"
    ),
    "a class that is a float": (
        "import numbers\nclass Lie:\n    __class__ = float\n    __index__ = lambda s: 0\n    __float__ = lambda s: 0.0\n"
        "numbers.Real.register(Lie)\ndef double(x):\n    return Lie()"
    ),
    "a second run of the check's frame": (
        "import sys\ndef double(x):\n    f = sys._getframe(1)\n    while f and 'given' not in f.f_locals:\n"
        "        f = f.f_back\n    f.f_locals['code'] = None\n    return f.f_locals['given'].normal(64)"
    ),
}


def forging(source: str) -> Job:
    job = job_of("import torch\ndef double(x):\n" + source, hidden=False)
    requests = job.visible_requests[:2]
    names = ("test_double", "test_small_double", "test_random_double")
    asked = [msgspec.structs.replace(request, check=name) for name in names for request in requests]
    return msgspec.structs.replace(job, visible=CheckModule("test_forged.py", CHECKS), visible_requests=tuple(asked))


def passed(expected: Run, run: Run) -> list[tuple[str, int]]:
    found = []
    for key, reference in expected.observations.items():
        assert isinstance(reference, Observation)
        seen = run.observations[key]
        if isinstance(seen, Observation) and passes(reference, seen, DEFAULT_TOLERANCES):
            found.append(key)
    return found


@pytest.fixture(scope="module")
def expected(confined: Pool) -> Run:
    run = confined.run(forging("    return 2 * x"))
    assert len(passed(run, run)) == 6
    return run


@pytest.mark.parametrize("name", FORGERS)
def test_no_forger_passes_a_check(name: str, confined: Pool, expected: Run) -> None:
    run = confined.run(forging(f"    return x\n{FORGERS[name]}"))
    assert run.cells[0].outcome is Outcome.PASSED, run.cells
    assert not passed(expected, run)
