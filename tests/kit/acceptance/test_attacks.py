"""Hostile submissions. Each prints REACHED where it got what it wanted, and `refused` where it did not."""

from __future__ import annotations

import os
import socket
import struct
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from attack_jobs import HONEST, LIMITS, PRELUDE, assert_all_right, assert_still_right, job_of, shown

from autograder.processes.pool import Pool
from autograder.processes.protocol import Hello, Loaded, Observed, frame
from autograder.records.jobs import CheckModule, CheckRequest, NotObserved, Outcome, Run
from autograder.records.observation import Observation, TensorFact

SECRET = "the-reference-solution-of-this-course"
GRADERS_SECRET = b"an-expected-value-in-the-grader's-memory-" + os.urandom(4).hex().encode()

pytestmark = [pytest.mark.slow, pytest.mark.attack]


def values_of(seen: Observation | NotObserved) -> tuple[float, ...]:
    assert isinstance(seen, Observation), seen
    assert isinstance(seen.returned, TensorFact), seen
    return struct.unpack(f"<{len(seen.returned.values) // 4}f", seen.returned.values)


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
    "open the solution": "reached = open({secret!r}).read()",
    "open the solution by a link": "os.symlink({secret!r}, 'link'); reached = open('link').read()",
    "hard link to the solution": "os.link({secret!r}, 'link'); reached = open('link').read()",
    "open the solution by a C call": "reached = libc.open({secret!r}.encode(), 0) >= 0 or refuse()",
    "import it": "sys.path.insert(0, {folder!r}); import solution; reached = solution",
    "look for it": "reached = look_for('solution.py') or refuse()",
    "list the repository": "reached = 'pyproject.toml' in os.listdir({repository!r}) or refuse()",
    "map the solution": "import mmap; reached = mmap.mmap(os.open({secret!r}, os.O_RDONLY), 0, prot=mmap.PROT_READ)[:]",
    "save over the solution": "import torch; torch.save(1, {secret!r}); reached = 1",
    "write to the package": "import autograder; open(autograder.__file__, 'a'); reached = 1",
    "write to the libraries": "import torch; open(torch.__file__, 'a'); reached = 1",
    "make a file in the system": "open('/var/tmp/autograde-was-here', 'w'); reached = 1",
    "change mode of the solution": "os.chmod({secret!r}, 0o600); os.stat({secret!r}); refuse()",
    "remove the solution": "os.remove({secret!r}); reached = 1",
    "read the grader's command line": "reached = open('/proc/{grader}/cmdline').read() or refuse()",
    "read the grader's memory": "reached = open('/proc/{grader}/mem', 'rb')",
    "read the zygote's memory": "reached = open(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "read the grader's files": "reached = os.listdir('/proc/{grader}/fd')",
    "process_vm_readv": "reached = call(310, {grader}, 0, 0, 0, 0, 0)",
    "trace the grader": "reached = libc.ptrace(16, {grader}, 0, 0) == 0 or refuse()",
    "trace its parent": "reached = libc.ptrace(16, os.getppid(), 0, 0) == 0 or refuse()",
    "stop the grader": "os.kill({grader}, 19); reached = 1",
    "end its parent": "os.kill(os.getppid() or -1, 9); reached = 1",
    "end everything": "os.kill(-1, 9); reached = 1",
    "signal the grader by pidfd": "reached = os.pidfd_open({grader})",
    "fork": "reached = [os._exit(0) if os.fork() == 0 else 1]",
    "vfork": "import subprocess; reached = subprocess.Popen(['/bin/true'])",
    "posix_spawn": "reached = os.posix_spawn('/bin/true', ['true'], {{}})",
    "system": "reached = os.system('true') == 0 or refuse()",
    "exec": "os.execv('/bin/sh', ['sh', '-c', 'echo REACHED'])",
    "exec Python": "os.execv(sys.executable, ['python', '-c', 'print(\"REACHED\")'])",
    "multiprocessing": "import multiprocessing as m; m.Process(target=print, args=('REACHED',)).start(); refuse()",
    "clone by number": "reached = call(56, 17, 0, 0, 0, 0) > 0 or refuse()",
    "connect to a server": "reached = socket.create_connection(('127.0.0.1', {port}), 1)",
    "listen": "s = socket.socket(); s.bind(('127.0.0.1', 0)); reached = 1",
    "connect to a Unix socket": "s = socket.socket(socket.AF_UNIX); s.connect({unix!r}); reached = 1",
    "connect to an abstract socket": "s = socket.socket(socket.AF_UNIX); s.connect('\\0test-{grader}'); reached = 1",
    "resolve a name": "reached = socket.getaddrinfo('example.org', 80)",
    "raw socket": "reached = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "netlink": "reached = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "memfd": "reached = os.memfd_create('x')",
    "System V memory": "reached = call(29, 1, 1 << 20, 0o1600) >= 0 or refuse()",
    "io_uring": "reached = call(425, 8, ctypes.create_string_buffer(256)) >= 0 or refuse()",
    "bpf": "reached = call(321, 0, 0, 0) >= 0 or refuse()",
    "userfaultfd": "reached = call(323, 0) >= 0 or refuse()",
    "perf events": "reached = call(298, ctypes.create_string_buffer(256), 0, -1, -1, 0) >= 0 or refuse()",
    "keyring": "reached = call(250, 0, -3, 1) >= 0 or refuse()",
    "become root": "os.setuid(0); os.setresuid(0, 0, 0); reached = open('/etc/shadow').read()",
    "new namespaces": "reached = libc.unshare(0x10000000) == 0 or refuse()",
    "mount": "reached = libc.mount(b'none', b'.', b'tmpfs', 0, None) == 0 or refuse()",
    "leave the root": "os.chroot('.'); reached = 1",
    "make a device": "os.mknod('device', 0o20666, os.makedev(1, 3)); reached = 1",
    "be dumpable again": "reached = libc.prctl(4, 1, 0, 0, 0) == 0 or refuse()",
    "raise the memory limit": "resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)); reached = 1",
    "lift another's limit": "resource.prlimit({grader}, resource.RLIMIT_CPU, (1, 1)); reached = 1",
    "leave the session": "os.setsid(); reached = 1",
    "a file of 64 MB": "open('big', 'wb').truncate(64 << 20); reached = 1",
    "fill the disk": "[open(f'part{{n}}', 'wb').write(bytes(1 << 20)) for n in range(4000)]; reached = 1",
    "8 GB": "import torch; torch.ones(1 << 31); reached = 1",
    "8 GB of bytes": "x = bytearray(8 << 30); reached = 1",
    "8 GB, shared": "import mmap; m = mmap.mmap(-1, 8 << 30); reached = 1",
    "5,000 threads": (
        "import threading; e = threading.Event(); t = [threading.Thread(target=e.wait, daemon=True) for _ in range(5000)]\n"
        "    try:\n        [one.start() for one in t]\n    finally:\n        e.set()\n    reached = 1"
    ),
    "another's descriptors": "reached = [fd for fd in range(3, 256) if is_open(fd)][2:] or refuse()",
}


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    folder = tmp_path_factory.mktemp("course")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    (folder / "solution.py").write_text(SECRET)
    (folder / "solution.py").chmod(0o666)
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    servers[1].bind(str(folder / "socket"))
    servers[2].bind(f"\0test-{os.getpid()}")  # one for each worker
    for server in servers:
        server.listen()
    yield {
        "secret": str(folder / "solution.py"),
        "folder": str(folder),
        "repository": str(Path(__file__).parents[3]),
        "grader": os.getpid(),
        "port": servers[0].getsockname()[1],
        "unix": str(folder / "socket"),
    }
    for server in servers:
        server.close()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_out_of_reach(name: str, confined: Pool, device: str, surroundings: dict[str, object], honest: Run) -> None:
    if name == "another's descriptors" and device != "cpu":
        pytest.skip("CUDA keeps dozens of descriptors of its own")
    attack = PRELUDE.replace("{attempt}", ATTEMPTS[name].format(**surroundings))
    run = confined.run(job_of(attack, HONEST))
    assert "REACHED" not in shown(run)
    assert SECRET not in shown(run)
    first = run.cells[0]
    # Either the attempt was refused, or the process ended for it; and then it costs nothing but its own cell.
    assert first.output.startswith("refused") or first.outcome is Outcome.ERROR, first
    assert run.cells[1].outcome is Outcome.PASSED
    assert_all_right(run, honest)
    secret = Path(str(surroundings["secret"]))
    assert secret.read_text() == SECRET
    assert secret.stat().st_mode & 0o777 == 0o666
    assert not Path("/var/tmp/autograde-was-here").exists()


def test_the_same_code_does_reach_these_things_where_nothing_confines_it(surroundings: dict[str, object]) -> None:
    harmless = ["open the solution", "fork", "system", "connect to a server", "memfd", "read the grader's command line"]
    with Pool(1, unsafe=True, _mode="bare") as bare:
        assert bare.unsafe
        for name in harmless:
            run = bare.run(job_of(PRELUDE.replace("{attempt}", ATTEMPTS[name].format(**surroundings)), hidden=False))
            assert "REACHED" in shown(run), name


ENDLESS = {
    "a loop": "while True:\n    pass",
    "a loop that swallows exceptions": "while True:\n    try:\n        while True: pass\n    except: pass",
    "a loop in C": "sum(range(10**13))",
    "a regular expression": "import re; re.match('(a*)*b', 'a' * 60)",
    "a long sleep": "import time; time.sleep(1000)",
    "ignored signals": (
        "import signal\nfor n in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(n, signal.SIG_IGN)\nwhile True:\n    pass"
    ),
    "a deadlock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a tensor loop": "import torch\nx = torch.ones(600, 600)\nwhile True:\n    x = (x @ x).clamp(max=1.0)",
    "input that never comes": "import os; r, w = os.pipe(); os.read(r, 1)",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_cell_costs_itself_only(name: str, confined: Pool, honest: Run) -> None:
    started = time.monotonic()
    limits = msgspec.structs.replace(LIMITS, cell_seconds=0.5)
    run = confined.run(job_of("before = 1", ENDLESS[name], HONEST, limits=limits))
    assert time.monotonic() - started < 15
    assert [cell.outcome for cell in run.cells] == [Outcome.PASSED, Outcome.TIMEOUT, Outcome.PASSED]
    assert run.cells[1].note == "The cell did not end within 0.5 s; it was left out."
    assert run.usage.children == 2
    assert_all_right(run, honest)


ENDINGS = {
    "exit at once": ("import os; os._exit(0)", "exit code 0"),
    "exit with a code": ("import os; os._exit(7)", "exit code 7"),
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", "crashed"),
    "abort": ("import os; os.abort()", "crashed"),
    "close everything": ("import os; os.closerange(0, 256)", "exit code"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_cell_that_ends_the_process_costs_itself_only(name: str, confined: Pool, honest: Run) -> None:
    source, words = ENDINGS[name]
    run = confined.run(job_of(source, HONEST))
    assert run.cells[0].outcome is Outcome.ERROR, run.cells[0]
    assert words in run.cells[0].note
    assert run.cells[1].outcome is Outcome.PASSED
    assert_all_right(run, honest)


@pytest.mark.parametrize("number", ["SIGKILL", "SIGSTOP", "SIGTERM"])
def test_a_signal_to_itself_does_no_more_than_end_it(number: str, confined: Pool, honest: Run) -> None:
    # The first process of a namespace is immune to its own signals.
    run = confined.run(job_of(f"import os, signal; os.kill(os.getpid(), signal.{number})", HONEST))
    assert run.cells[1].outcome is Outcome.PASSED
    assert_all_right(run, honest)


@pytest.mark.parametrize("ending", ["while True: pass", "import os; os._exit(0)", "import ctypes; ctypes.string_at(0)"])
def test_a_check_that_ends_the_process_costs_itself_only(ending: str, confined: Pool, honest: Run) -> None:
    run = confined.run(job_of(HONEST, f"def triple(x):\n    {ending}"))
    for key, seen in run.observations.items():
        if "triple" in key[0]:
            assert isinstance(seen, NotObserved)
            assert seen.outcome is (Outcome.TIMEOUT if "while" in ending else Outcome.ERROR)
        else:
            assert seen == honest.observations[key]
    assert run.usage.children == 3


def test_exiting_everywhere_is_bounded_and_never_passes(confined: Pool) -> None:
    started = time.monotonic()
    run = confined.run(job_of("import os\nclass Code:\n    pass\ndef double(x): os._exit(0)\ntriple = double"))
    assert time.monotonic() - started < 20
    assert all(isinstance(seen, NotObserved) for seen in run.observations.values())


def test_cells_that_all_end_the_process_are_given_up(confined: Pool) -> None:
    run = confined.run(job_of(*["import os; os._exit(0)"] * 6, HONEST))
    assert "4 cells" in run.problem
    assert [cell.outcome for cell in run.cells] == [Outcome.ERROR] * 4 + [Outcome.NOT_RUN] * 3
    assert {seen.outcome for seen in run.observations.values() if isinstance(seen, NotObserved)} == {Outcome.NOT_RUN}


def test_the_time_for_everything_is_bounded(confined: Pool, device: str) -> None:
    started = time.monotonic()
    seconds, of_a_cell = (2.0, 1.5) if device == "cpu" else (12.0, 7.0)  # CUDA's start counts, too, and there are two
    limits = msgspec.structs.replace(LIMITS, topic_seconds=seconds, cell_seconds=of_a_cell)
    run = confined.run(job_of("while True: pass", "while True: pass", HONEST, limits=limits))
    assert time.monotonic() - started < seconds + 6
    assert run.cells[1].outcome is Outcome.TIMEOUT
    assert f"{seconds:g} s" in run.problem
    assert all(isinstance(seen, NotObserved) for seen in run.observations.values())


FLOODS = {
    "print": "for n in range(300):\n    print('x' * 100_000)",
    "standard error": "import sys\nfor n in range(300):\n    sys.stderr.write('x' * 100_000)",
    "descriptor 1": "import os\nfor n in range(300):\n    os.write(1, b'x' * 100_000)",
    "not text": "import os\nos.write(1, b'\\xff\\xfe\\x00\\x80' * 100_000)",
    "a long line at the end": "'x' * 3_000_000",
    "more than fits into memory": "for n in range(60_000):\n    print('x' * 10_000)",
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_output_is_cut_and_costs_nothing(name: str, confined: Pool, honest: Run) -> None:
    run = confined.run(
        job_of(FLOODS[name], HONEST + "print('after')", limits=msgspec.structs.replace(LIMITS, cell_seconds=8))
    )
    assert run.cells[0].outcome is Outcome.PASSED
    assert len(run.cells[0].output) <= 32 << 10
    assert run.cells[0].note == "Its output was cut after 32 kB."
    assert run.cells[1].output == "after\n"
    assert run.usage.children == 1
    assert_all_right(run, honest)


def test_endless_output_ends_with_the_cell(confined: Pool, honest: Run) -> None:
    run = confined.run(job_of("while True:\n    print('x' * 10_000)", HONEST))
    assert run.cells[0].outcome is Outcome.TIMEOUT
    assert len(run.cells[0].output) <= 32 << 10
    assert_all_right(run, honest)


def forged(*values: float) -> TensorFact:
    return TensorFact(type="Tensor", dtype="float32", shape=(3,), device="cpu", values=struct.pack("<3f", *values))


def _observed(check: str, draw: int, fact: TensorFact) -> bytes:
    return frame(Observed(Observation(check=check, draw=draw, returned=fact)))


_WRONG_SIZE = TensorFact(type="Tensor", dtype="float32", shape=(3,), device="cpu", values=b"\0" * 4)
_ENORMOUS = TensorFact(type="Tensor", dtype="float32", shape=(2**62, 2**62), device="cpu", values=b"\0" * 4)
FORGERIES = {
    "garbage": b"\x00\x00\x00\x05hello",
    "no length": os.urandom(3) * 5,
    "an enormous length": b"\xff\xff\xff\xff",
    "an enormous list": b"\x00\x00\x00\x05\xdd\xff\xff\xff\xff",
    "deep nesting": struct.pack(">I", 1_000_000) + b"\x91" * 1_000_000,
    "a greeting": frame(Hello({"seccomp": "on"})),
    "a wrong size": _observed("test_double", 0, _WRONG_SIZE),
    "an enormous shape": _observed("test_double", 0, _ENORMOUS),
    "an early observation": _observed("test_double", 0, forged(0, 0, 0)),
    "an observation of a hidden check": _observed("test_hidden_double", 0, forged(0, 0, 0)),
    "early observations of everything": frame(Loaded())
    + b"".join(_observed(f"test_{hidden}double", draw, forged(0, 0, 0)) for hidden in ("", "hidden_") for draw in (0, 1)),
}
WRITE_EVERYWHERE = """
import os
forged = {forged!r}
def write():
    for fd in range(3, 20):
        try:
            os.set_blocking(fd, False)
            os.write(fd, forged)
            os.set_blocking(fd, True)
        except OSError:
            pass
"""


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_reports_from_a_cell_never_become_evidence(name: str, confined: Pool, honest: Run) -> None:
    run = confined.run(job_of(WRITE_EVERYWHERE.format(forged=FORGERIES[name]) + "write()", HONEST))
    for key, seen in run.observations.items():
        assert isinstance(seen, NotObserved) or seen == honest.observations[key]
    assert run.layers == honest.layers
    assert_still_right(confined, honest)


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_reports_from_a_check_never_pass_for_right_ones(name: str, confined: Pool, honest: Run) -> None:
    wrong = WRITE_EVERYWHERE.format(forged=FORGERIES[name]) + "def double(x):\n    write()\n    return x\ntriple = double"
    run = confined.run(job_of(wrong))
    for key, seen in run.observations.items():
        assert seen != honest.observations[key]
    assert_still_right(confined, honest)


def test_more_reports_than_allowed_are_refused(confined: Pool, honest: Run) -> None:
    big = "import torch\ndef double(x):\n    return torch.zeros(6_000_000)\n"
    run = confined.run(job_of(HONEST, big, limits=msgspec.structs.replace(LIMITS, report_mb=8)))
    seen = run.observations["test_double", 0]
    assert isinstance(seen, NotObserved)
    assert "more than its limit" in seen.reason
    assert run.observations["test_triple", 1] == honest.observations["test_triple", 1]


def test_what_all_children_of_a_submission_report_is_bounded_together(confined: Pool) -> None:
    ends = "import os, torch\nsaid = []\ndef double(x):\n    if said: os._exit(1)\n    said.append(1)\n"
    job = job_of(HONEST, ends + "    return torch.zeros(200_000)\ntriple = double", limits=LIMITS)
    names = [f"test_{number}" for number in range(40)]
    checks = "from autograder import checks\n" + "".join(
        f"@checks('double')\ndef {name}(code, given):\n    return code.double(given.normal(3))\n" for name in names
    )
    job = msgspec.structs.replace(
        job,
        visible=CheckModule("test_many.py", checks),
        visible_requests=tuple(CheckRequest(name, "double", 0, 1, 1.0) for name in names),
        limits=msgspec.structs.replace(LIMITS, report_mb=1),
    )
    run = confined.run(job)
    seen = [each for each in run.observations.values() if isinstance(each, Observation)]
    assert 4 <= len(seen) <= 5, "each is 0.8 MB"
    assert run.problem == "The code reported more than 4 times 1 MB; the rest was not run."
    assert (run.tries, run.not_graded) == (1, False)


PATCHES = {
    "torch.equal": "torch.equal = torch.allclose = torch.isclose = lambda *a, **k: True",
    "equality": "torch.Tensor.__eq__ = lambda *a: True\ntorch.Tensor.numpy = lambda self: None",
    "the check runner": "import autograder.checking.run_check as c\nc.run_check = c.observe = lambda *a, **k: None",
    "the observer": (
        "import autograder.checking.observe as o\no.observe = lambda thing, *a: o.ValueFact(type='int', value=1)"
    ),
    "the comparison": "import sys, types\nsys.modules['autograder.comparing.compare'] = types.ModuleType('c')",
    "built-ins": "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.type = lambda *a: int",
    "encoding": "import msgspec\nmsgspec.msgpack.encode = lambda *a: b''\nmsgspec.msgpack.Encoder = None",
    "writing": "import os\nos.write = lambda fd, data: len(data)",
    "an equal object": "class E(torch.Tensor):\n    __eq__ = lambda *a: True\ndef double(x): return x.as_subclass(E)",
    "tracing": "import sys\nsys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)",
}


@pytest.mark.parametrize("name", PATCHES)
def test_patching_what_judges_gains_nothing(name: str, confined: Pool, honest: Run) -> None:
    wrong = "import torch\ndef double(x):\n    return x\ntriple = double\n"
    run = confined.run(job_of(wrong + PATCHES[name]))
    for key, seen in run.observations.items():
        assert seen != honest.observations[key]
    assert_still_right(confined, honest)


SPIES = {
    "read the instructions": """
        import os, select
        def spy():
            for fd in range(3, 20):
                try:
                    if select.select([fd], [], [], 0)[0]:
                        print(os.read(fd, 100_000))
                except (OSError, ValueError):
                    pass
        """,
    "look at all objects": """
        import gc
        def spy():
            for o in gc.get_objects():
                if isinstance(o, dict):
                    print([v for v in list(o.values()) if isinstance(v, str) and 'hidden' in v][:3])
        """,
    "look at the frames": """
        import sys
        def spy():
            frame = sys._getframe()
            while frame:
                print(frame.f_locals, frame.f_globals.get('MARK'))
                frame = frame.f_back
        """,
    "look at the sources": """
        import linecache
        def spy():
            print([lines for name, lines in linecache.cache.items() if 'hidden' in name])
        """,
}


@pytest.mark.parametrize("name", SPIES)
def test_hidden_checks_are_not_there_before_their_time_and_not_shown_after(name: str, confined: Pool) -> None:
    # It looks while a cell runs, in every check, and all the time in a thread.
    spying = textwrap.dedent(SPIES[name]) + textwrap.dedent("""
        import os, threading, time
        def double(x):
            spy()
            raise ValueError(open('seen').read() if os.path.exists('seen') else '')
        def triple(x):
            spy()
            return 3 * x
        def always():
            while True:
                spy()
                time.sleep(0.002)
        spy()
        threading.Thread(target=always, daemon=True).start()
        """)
    run = confined.run(job_of(spying))
    assert run.cells[0].outcome is Outcome.PASSED, run.cells
    assert "text-of-the-hidden-checks" not in shown(run)
    assert "test_hidden" not in shown(run).replace("test_hidden_attacks.py", "")


def test_nothing_of_one_submission_reaches_the_next(confined: Pool, honest: Run) -> None:
    spoil = """
        import builtins, os, random, sys, torch
        builtins.len = lambda x: 0
        torch.nn.Linear = None
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(2)
        torch.manual_seed(4711); random.seed(4711)
        sys.modules['evil'] = sys
        os.environ['EVIL'] = '1'
        open('left-behind', 'w').write('evil')
        left_behind = 1
        """
    look = """
        import builtins, os, random, sys, numpy, torch
        print(len('four'), torch.nn.Linear is None, torch.get_default_dtype(), torch.is_grad_enabled(),
              'evil' in sys.modules, os.environ.get('EVIL'), os.listdir('.'), 'left_behind' in globals(),
              torch.rand(1).item(), random.random(), numpy.random.rand())
        """
    before = confined.run(job_of(look, HONEST)).cells[0]
    confined.run(job_of(spoil, HONEST))
    after = confined.run(job_of(look, HONEST))
    assert after.cells[0] == before
    assert after.cells[0].output.startswith("4 False torch.float32 True False None [] False")
    assert_all_right(after, honest)


def descendants() -> set[str]:
    """The process ids of all that this process started, and what that started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = status.read_text().partition(" ")
        except OSError:
            continue
        parents[number] = rest.rpartition(")")[2].split()[1]
    found = {str(os.getpid())}
    while more := {number for number, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def test_no_process_is_left_behind(confined: Pool) -> None:
    confined.run(job_of(HONEST))
    before = descendants()
    confined.run(job_of("import threading, time\nthreading.Thread(target=time.sleep, args=(100,)).start()", HONEST))
    confined.run(job_of("import os\nos.system('sleep 100 &')", "while True: pass", HONEST))
    assert descendants() == before
