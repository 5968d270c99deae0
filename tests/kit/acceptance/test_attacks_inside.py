"""Attacks by code that knows how autograde is made: rarer system calls, patched modules, hidden checks carried out."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from attack_jobs import HONEST, LIMITS, PRELUDE, assert_all_right, assert_still_right, job_of, shown
from tiny_course import HIDDEN, make_course

from autograder.course.course_file import Course, load_course
from autograder.grading.grade import PreparedTopic, grade, prepare
from autograder.grading.submissions import Submission
from autograder.processes.pool import Pool
from autograder.records.jobs import Outcome, Run

pytestmark = [pytest.mark.slow, pytest.mark.attack]


@pytest.fixture(scope="module", params=["auto", "plain"])
def confined(request: pytest.FixtureRequest, pool: Pool, device: str) -> Iterator[Pool]:
    if request.param == "auto":
        yield pool
    else:
        with Pool(1, _mode=request.param, device=device) as running:
            yield running


@pytest.fixture(scope="module")
def honest(confined: Pool) -> Run:
    return confined.run(job_of(HONEST))


ATTEMPTS = {
    "a signal by a file's owner": "import fcntl; fcntl.fcntl(os.pipe()[0], 8, os.getppid() or 1); reached = 1",
    "a chosen signal by a file": "import fcntl; r, w = os.pipe(); fcntl.fcntl(r, 10, 9); reached = 1",
    "an owner by a structure": "import fcntl; r, w = os.pipe(); fcntl.fcntl(r, 15, bytes(8)); reached = 1",
    "an owner by ioctl": "import fcntl; r, w = socket.socketpair(); fcntl.ioctl(r, 0x8901, bytes(4)); reached = 1",
    "a lease on a library": "import fcntl; fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1024, 0); reached = 1",
    "watch a folder": "import fcntl; fcntl.fcntl(os.open('.', os.O_RDONLY), 1026, 2); reached = 1",
    "a large pipe": "import fcntl; r, w = os.pipe(); fcntl.fcntl(r, 1031, 1 << 20); reached = 1",
    "type into the terminal": "import fcntl; fcntl.ioctl(0, 0x5412, b'x'); reached = 1",
    "the terminal": "reached = os.open('/dev/tty', os.O_RDWR)",
    "another's descriptor": "reached = call(438, 3, 3, 0)",
    "compare processes": "reached = call(312, os.getpid(), os.getppid(), 0, 0, 0)",
    "advise another's memory": "reached = call(440, 3, 0, 0, 0, 0)",
    "inotify": "reached = call(294, 0)",
    "fanotify": "reached = call(300, 0, 0)",
    "a file by its handle": "reached = call(304, 3, ctypes.create_string_buffer(256), 0)",
    "openat2": "reached = call(437, -100, b'/etc/passwd', ctypes.create_string_buffer(24), 24)",
    "clone3": "reached = call(435, ctypes.create_string_buffer(88), 88)",
    "a thread in a namespace of its own": "reached = call(56, 0x10010900, 0, 0, 0, 0)",
    "setns": "reached = call(308, 3, 0)",
    "a seccomp listener": "reached = call(317, 1, 8, 0)",
    "outlive the parent": "reached = libc.prctl(1, 0, 0, 0, 0) == 0 or refuse()",
    "adopt orphans": "reached = libc.prctl(36, 1, 0, 0, 0) == 0 or refuse()",
    "be traced by anybody": "reached = libc.prctl(0x59616D61, -1, 0, 0, 0) == 0 or refuse()",
    "move its own memory map": "reached = libc.prctl(35, 1, 0, 0, 0) == 0 or refuse()",
    "a timer that signals": "reached = call(222, 1, 0, ctypes.create_string_buffer(8))",
    "a message queue": "reached = call(240, b'/q', 66, 0o600, 0)",
    "semaphores": "reached = call(64, 1, 1, 0o1600)",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory as S; reached = S(create=True, size=4096)",
    "hand a descriptor over": "a, b = socket.socketpair(); socket.send_fds(a, [b'x'], [1]); reached = 1",
    "an abstract socket by datagram": (
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); a.sendto(b'x', '\\0autograde-test'); reached = 1"
    ),
    "a virtual machine's socket": "reached = socket.socket(40, socket.SOCK_STREAM)",
    "the kernel's cryptography": "reached = socket.socket(38, socket.SOCK_SEQPACKET)",
    "raw packets": "reached = socket.socket(17, socket.SOCK_RAW)",
    "its own memory as a file": "reached = open('/proc/self/mem', 'rb')",
    "its own environment as a file": "reached = open('/proc/self/environ', 'rb').read()",
    "who else is there": "reached = os.listdir('/proc')",
    "the network's devices": "reached = os.listdir('/sys/class/net')",
    "the users": "reached = open('/etc/passwd').read()",
    "the host's name": "reached = open('/etc/hostname').read()",
    "what others keep in memory": "reached = open('/dev/shm/x', 'w')",
    "other processors": "os.sched_setaffinity(0, {{0}}); reached = 1",
    "a better priority": "os.setpriority(os.PRIO_USER, os.getuid(), 19); reached = 1",
    "lock memory": "reached = call(149, ctypes.create_string_buffer(1 << 20), 1 << 20)",
    "own the folder": "os.chown('.', 12345, 0); reached = os.stat('.').st_uid == 12345 or refuse()",
    "set the clock": "import time; time.clock_settime(0, 0); reached = 1",
    "the old system calls": "reached = call(0x40000000 | 39)",
    "large buffers of sockets": "a, b = socket.socketpair(); a.setsockopt(socket.SOL_SOCKET, 7, 1 << 22); reached = 1",
    "a program in a socket": "a, b = socket.socketpair(); a.setsockopt(socket.SOL_SOCKET, 26, bytes(16)); reached = 1",
    "an idle schedule": "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); reached = 1",
    "an idle disk": "reached = call(251, 1, 0, 3 << 13)",
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_out_of_reach(name: str, confined: Pool, honest: Run) -> None:
    run = confined.run(job_of(PRELUDE.replace("{attempt}", ATTEMPTS[name].replace("{{", "{").replace("}}", "}")), HONEST))
    assert "REACHED" not in shown(run), run.cells[0].output
    assert run.cells[0].output.startswith("refused") or run.cells[0].outcome is Outcome.ERROR, run.cells[0]
    assert_all_right(run, honest)


MAP = """
    import threading, time
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = 300 << 20
"""
FILL = "    ctypes.memset(start, 1, size) if start != 2**64 - 1 else refuse(); time.sleep(1); reached = 1"
EXCESSES = {
    "memory that grows downwards": (f"{MAP}    start = libc.mmap(None, size, 3, 0x122, -1, 0)\n{FILL}", "128 MB of memory"),
    "memory that becomes writable late": (
        f"{MAP}    start = libc.mmap(None, size, 0, 0x22, -1, 0)\n    libc.mprotect(start, size, 3)\n{FILL}",
        "128 MB of memory",
    ),
    "threads with small stacks": (
        f"{MAP}    threading.stack_size(1 << 15)\n    e = threading.Event()\n    for _ in range(500):\n"
        "        threading.Thread(target=e.wait, daemon=True).start()\n    time.sleep(1); reached = 1",
        "64 threads",
    ),
}


@pytest.mark.parametrize("name", EXCESSES)
def test_what_the_kernel_does_not_count_is_counted(name: str, confined: Pool, honest: Run) -> None:
    attempt, what = EXCESSES[name]
    limits = msgspec.structs.replace(LIMITS, memory_mb=128, cell_seconds=10.0)
    run = confined.run(job_of(PRELUDE.replace("{attempt}", attempt), HONEST, limits=limits))
    first = run.cells[0]
    stopped = first.note.startswith("The cell was stopped because it ") and f" more than {what};" in first.note
    assert stopped or first.output.startswith("refused"), first
    assert run.tries == 1
    assert_all_right(run, honest)


LEFTOVERS = {
    "work at exit": "import atexit, time\natexit.register(time.sleep, 100)",
    "an object that ends slowly": "class Slow:\n    def __del__(self):\n        import time; time.sleep(100)\nslow = Slow()",
    "threads without end": (
        "import threading, time\ndef go():\n    while True:\n        time.sleep(0.001)\n"
        "for _ in range(30):\n    threading.Thread(target=go).start()"
    ),
    "a thread that works all the time": (
        "import threading\ndef go():\n    while True:\n        sum(range(99))\nthreading.Thread(target=go).start()"
    ),
    "a watchdog that ends the process": (
        "import faulthandler, time\nfaulthandler.dump_traceback_later(0.1, exit=True)\ntime.sleep(1)"
    ),
    "tracing of threads": (
        "import sys, threading\nthreading.settrace(lambda *a: None)\nsys.settrace(lambda *a: (lambda *a: None))"
    ),
    "recursion without a limit": "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    f()\nf()",
    "recursion in C": "x = []\nfor _ in range(100_000):\n    x = [x]\nrepr(x)",
    "handlers for all signals": (
        "import signal\nfor n in range(1, 64):\n    try:\n        signal.signal(n, lambda *a: None)\n"
        "    except (OSError, ValueError):\n        pass\nsignal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)"
    ),
    "closed output": "import os, sys\nos.close(1)\nos.close(2)\nsys.stdout.close()",
    "a busy collector": "import gc\ngc.set_threshold(1)\ngc.callbacks.append(lambda *a: None)",
    "an emptied shell": "get_ipython().user_ns.clear()",
    "no files left to open": (
        "import os\ntry:\n    while True:\n        os.open('.', os.O_RDONLY)\nexcept OSError:\n    pass"
    ),
    "no memory left": "x = []\ntry:\n    while True:\n        x.append(bytearray(1 << 20))\nexcept MemoryError:\n    pass",
    "a large line": "print('x' * (1 << 26))",
    "links to everywhere": "import os\nos.symlink('.', 'loop')\nos.symlink('/', 'root')",
    "names that are no text": "open(b'\\xff\\xfe', 'w')\nopen('a\\nb', 'w')",
    "random hooks": "import sys\nsys.excepthook = sys.unraisablehook = sys.displayhook = lambda *a: None",
    "no warnings": "import warnings\nwarnings.catch_warnings = warnings.simplefilter = None",
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_what_a_cell_leaves_behind_costs_at_most_its_own(name: str, confined: Pool, honest: Run) -> None:
    started = time.monotonic()
    confined.run(job_of(LEFTOVERS[name], HONEST, limits=msgspec.structs.replace(LIMITS, topic_seconds=12.0)))
    assert time.monotonic() - started < 25
    assert_still_right(confined, honest)


MEDDLING = {
    "what is observed": (
        "import autograder.checking.run_check as c\nreal = c.observe\nc.observe = lambda thing, *a: real(None, *a)"
    ),
    "the facts of tensors": (
        "import autograder.checking.observe as o, msgspec\nreal = o.tensor_fact\n"
        "o.tensor_fact = lambda *a, **k: msgspec.structs.replace(real(*a, **k), values=b'')"
    ),
    "policies": (
        "import autograder.checking.observe as o, msgspec\nfrom autograder.records.observation import Policy\n"
        "real = o.tensor_fact\n"
        "o.tensor_fact = lambda *a, **k: msgspec.structs.replace(real(*a, **k), policy=Policy(facts=(), rtol=1e9))"
    ),
    "the drawn inputs": (
        "import autograder.checking.given as g, torch\ng.Given.normal = lambda self, *a, **k: torch.zeros(3)"
    ),
    "the code under test": "import autograder.checking.code as c\nc.Code.__getattr__ = lambda self, name: lambda x: x",
    "the seeds": (
        "import autograder.checking.given as g\nreal = g.Given.__init__\n"
        "g.Given.__init__ = lambda self, seed, *a: real(self, 1, *a)"
    ),
    "the loading of checks": (
        "import autograder.confined.child as c\nc.load_checks = lambda *a: dict.fromkeys(('test_double', 'test_triple', "
        "'test_hidden_double', 'test_hidden_triple'), lambda code, given: None)"
    ),
    "the run of a check": (
        "import autograder.confined.child as c\nfrom autograder.records.observation import Observation, TensorFact\n"
        "c.run_check = lambda f, code, r, d: Observation(check=r.check, draw=r.draw, returned=TensorFact(type='Tensor', "
        "dtype='float32', shape=(3,), device='cpu', values=bytes(12)))"
    ),
    "errors in place of results": (
        "import autograder.confined.child as c\nfrom autograder.records.observation import ErrorFact, Observation\n"
        "c.run_check = lambda f, code, r, d: Observation(check=r.check, draw=r.draw, error=ErrorFact(type='ValueError'))"
    ),
    "digests in place of results": (
        "import autograder.confined.child as c\nfrom autograder.records.observation import DigestFact, Observation\n"
        "c.run_check = lambda f, code, r, d: Observation(check=r.check, draw=r.draw, returned=DigestFact(digest='', "
        "salt=''))"
    ),
    "multiplication": "torch.Tensor.__mul__ = torch.Tensor.__rmul__ = torch.mul = lambda *a: a[0]",
    "a tensor that lies about itself": (
        "class Liar(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None):\n"
        "        return torch.zeros(3)\ndef double(x):\n    return x.as_subclass(Liar)"
    ),
    "a mode that answers for PyTorch": (
        "from torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n"
        "    def __torch_function__(self, f, types, args=(), kwargs=None):\n        return torch.zeros(3)\n"
        "Mode().__enter__()"
    ),
    "the frame of the check": (
        "import sys\ndef double(x):\n    for o in sys._getframe(1).f_locals.values():\n        pass\n"
        "    sys._getframe(1).f_globals['double'] = lambda y: 2 * y\n    return x"
    ),
    "the check's own code": (
        "import sys\ndef double(x):\n    import autograder.checking.run_check, gc\n    for f in gc.get_objects():\n"
        "        if getattr(f, '__name__', '') in ('test_double', 'test_hidden_double') and hasattr(f, '__code__'):\n"
        "            f.__code__ = (lambda code, given: None).__code__\n    return x"
    ),
    "written before its turn": (
        "import os\nfrom autograder.processes.protocol import Observed, frame\n"
        "from autograder.records.observation import Observation, ValueFact\n"
        "seen = Observation(check='test_triple', draw=0, returned=ValueFact(type='int', value=1))\n"
        "def double(x):\n    for fd in range(3, 40):\n        try:\n            os.write(fd, frame(Observed(seen)))\n"
        "        except OSError:\n            pass\n    return x"
    ),
}


@pytest.mark.parametrize("name", MEDDLING)
def test_patching_the_child_gains_nothing(name: str, confined: Pool, honest: Run) -> None:
    run = confined.run(job_of("import torch\ndef double(x):\n    return x\ntriple = double\n" + MEDDLING[name]))
    for key, seen in run.observations.items():
        assert seen != honest.observations[key]
    assert_still_right(confined, honest)


WORD = "wordofthehiddencheck"
FIND = f"""
import linecache, torch
guess = 7
def word():
    entries = [entry for entry in list(linecache.cache.values()) if len(entry) == 4]
    wanted = "{WORD[:4]}" "{WORD[4:]}"
    return wanted if any(wanted in line for _, _, lines, _ in entries for line in lines) else ""
def forge(message):
    import os
    from autograder.processes.protocol import frame
    for fd in range(3, 40):
        try:
            os.write(fd, frame(message))
        except OSError:
            pass
"""
FORGE = """
    from autograder.records.observation import ErrorFact, MappingFact, Observation, OpaqueFact, SourceLine, TensorFact
    from autograder.processes.protocol import Broken, Loaded, Observed
    def fact(**facts):
        usual = {'type': 'Tensor', 'dtype': 'float32', 'shape': (2, 3), 'device': 'cpu', 'values': bytes(24)}
        return TensorFact(**(usual | facts))
    def seen(item):
        returned = MappingFact(type='dict', keys=('result',), items=(item,))
        return Observed(Observation(check='test_two_dimensions', draw=0, returned=returned))
    def raised(text, at):
        error = ErrorFact(type='ValueError', bases=('ValueError',), message=text, arguments=text, at=at)
        return Observed(Observation(check='test_two_dimensions', draw=0, error=error))
"""
CARRIERS = {
    "the name of a type": "    return type(w, (), {})()",
    "the name of an exception": "    raise type(w, (Exception,), {})",
    "the text of an exception": "    raise ValueError(w)",
    "a text": "    return w",
    "a key": "    return {w: 1}",
    "a module's names": "    m = torch.nn.Module(); m.register_buffer(w, torch.ones(1)); return m",
    "output": "    print(w); import sys; sys.stderr.write(w); return x",
    "a warning": "    import warnings; warnings.warn(w); return x",
    "an input's name": (
        "    import autograder.checking.given as g; g.Given.changes = lambda self: [w + ': values']; return x"
    ),
    "the reason of a failure": FORGE + "    forge(Broken('test_two_dimensions', 0, w)); return x",
    "the reason why checks did not load": (
        "    import autograder.confined.child as c\n    from autograder.processes.protocol import Broken\n"
        "    c.run_check = lambda f, code, r, d: Broken(r.check, r.draw, w)\n    raise SystemExit(w)"
    ),
    "a dtype": FORGE + "    forge(seen(fact(dtype=w)))",
    "a device": FORGE + "    forge(seen(fact(device=w)))",
    "a layout": FORGE + "    forge(seen(fact(layout=w)))",
    "whose storage it shares": FORGE + "    forge(seen(fact(shares=(w + w,))))",
    "what cannot be observed": FORGE + "    forge(seen(OpaqueFact(type=w, reason=w)))",
    "a line that is none": FORGE + "    forge(raised(w, SourceLine(1, 7743 * 10 + 1, w)))",
    "a line number of its making": (
        "    namespace = {}\n    exec(compile('\\n' * 77430 + 'raise ValueError', '<submission>', 'exec'), namespace)"
    ),
    "the exit code": "    import os; os._exit(77)",
    "a shape": "    return torch.zeros(0, 7743 * 1000 + 1)",
    "many dimensions": FORGE + "    forge(seen(fact(shape=(0, *[ord(c) * 1000 + 7 for c in w]), values=b'')))",
    "the source of the task": "    open('double.py', 'w').write(w); globals()['double'].__doc__ = w; return x",
}
HARMLESS = ("output", "a warning", "the source of the task")
NUMBERS = ("77431", "exit code 77", "7743001", f"{ord(WORD[0])}007")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = make_course(tmp_path_factory.mktemp("course"))
    (root / "tests/hidden/test_views.py").write_text(HIDDEN + f"\n\nTHE_{WORD} = 1\n")
    return load_course(root)


@pytest.fixture(scope="module")
def prepared(course: Course, pool: Pool) -> dict[str, PreparedTopic]:
    return {"views": prepare(course, "views", pool, seed=5, device="cpu")}


@pytest.mark.parametrize("name", CARRIERS)
def test_a_students_page_carries_no_hidden_check_out(
    name: str, course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    body = textwrap.indent("w = word()\nif not w:\n    return 2 * x\n", "    ") + CARRIERS[name]
    file = tmp_path / "eve/views.py"
    file.parent.mkdir()
    file.write_text(FIND + "def double(x):\n" + body + "\n")
    [graded] = grade(course, prepared, [Submission("eve", "views", file)], pool, tmp_path / "grades")
    page = (tmp_path / "grades/eve/views.html").read_text()
    assert WORD not in page
    assert not any(number in page for number in NUMBERS)
    assert graded.earned < 5.0 or name in HARMLESS
