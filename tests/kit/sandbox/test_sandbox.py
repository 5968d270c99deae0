"""The layers of confinement: which are on, what is refused without them, and that they work for every kind of user."""

from __future__ import annotations

import errno
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder import sandbox
from autograder.errors import SandboxUnavailable
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Limits
from autograder.sandbox import libc, limits, namespaces, seccomp
from autograder.sandbox.syscall_table import ALLOWED, JUDGED, number

ON = dict.fromkeys(sandbox.LAYERS, "on")
NO_NAMESPACES = ON | dict.fromkeys(("private_root", "own_processes", "no_network", "own_user"), "off: not permitted")


def evaluate(program: bytes, call: int, arguments: tuple[int, ...] = (0,) * 6, architecture: int = 0xC000_003E) -> int:
    """What the kernel would answer: an interpreter of the few instructions that the filter uses."""
    data = struct.pack("IIQ6Q", call, architecture, 0, *(value & (2**64 - 1) for value in arguments))
    steps = list(struct.iter_unpack("HBBI", program))
    value = position = 0
    while True:
        operation, if_true, if_false, operand = steps[position]
        position += 1
        if operation == 0x20:
            value = struct.unpack_from("I", data, operand)[0]
        elif operation == 0x54:
            value &= operand
        elif operation == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[operation]
            position += if_true if holds else if_false


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", 0xC000_003E), ("aarch64", 0xC000_00B7)])
def test_the_filter_allows_what_is_listed_and_nothing_else(machine: str, architecture: int) -> None:
    program = seccomp.program(4321, machine)
    allowed = {number(name, machine) for name in ALLOWED} - {None}
    judged = {number(name, machine) for name in JUDGED} - {None}
    refused = 0x0005_0000 | errno.EPERM
    for call in range(600):
        answer = evaluate(program, call, architecture=architecture)
        if call in allowed:
            assert answer == 0x7FFF_0000, call
        elif call not in judged:
            assert answer == refused, call
    kill, clone = number("kill", machine), number("clone", machine)
    assert kill is not None
    assert clone is not None
    assert evaluate(program, kill, (4321, 9, 0, 0, 0, 0), architecture) == 0x7FFF_0000
    for other in (0, -1, 1, 4320):
        assert evaluate(program, kill, (other, 9, 0, 0, 0, 0), architecture) == refused
    assert evaluate(program, clone, (0x3D0F00, 0, 0, 0, 0, 0), architecture) == 0x7FFF_0000
    assert evaluate(program, clone, (17, 0, 0, 0, 0, 0), architecture) == refused


def test_the_filter_ends_calls_in_another_architecture() -> None:
    assert evaluate(seccomp.program(1, "x86_64"), 0, architecture=0x4000_0003) == 0x8000_0000
    assert evaluate(seccomp.program(1, "x86_64"), 0x4000_0000) == 0x8000_0000


def test_a_machine_without_a_table_has_no_filter() -> None:
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program(1, "riscv64")


def test_the_table_agrees_with_the_headers_of_the_kernel() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():  # the table is checked where the headers are installed
        return
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", header.read_text()))
    for name in (*ALLOWED, *JUDGED):
        if name in numbers:
            assert number(name, "x86_64") == int(numbers[name]), name


def test_readable_paths_leave_out_what_lies_beside_the_libraries(tmp_path: Path) -> None:
    for folder in ("lib", "solutions", "autograder", "bin"):
        (tmp_path / folder).mkdir()
    paths = namespaces.readable_paths((str(tmp_path),), (), str(tmp_path / "autograder"))
    beneath = [path for path in paths if path.startswith(str(tmp_path))]
    assert beneath == [f"{tmp_path}/lib", f"{tmp_path}/autograder"]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("layer", ["no_new_privs", "limits", "not_dumpable", "seccomp"])
def test_a_standard_sandbox_needs_every_layer_without_privilege(layer: str) -> None:
    assert sandbox.missing_layers(ON, ["standard"]) == {}
    assert sandbox.missing_layers(NO_NAMESPACES, ["standard"]) == {}
    assert sandbox.missing_layers(ON | {layer: "off: why"}, ["standard"]) == {layer: "off: why"}


def test_landlock_is_replaced_by_a_private_root_only() -> None:
    old = {"landlock": "off: old kernel"}
    assert sandbox.missing_layers(ON | old, ["standard"]) == {}
    assert sandbox.missing_layers(NO_NAMESPACES | old, ["standard"]) == old


@pytest.mark.parametrize("layer", sandbox.LAYERS)
def test_a_full_sandbox_needs_every_layer(layer: str) -> None:
    assert sandbox.level(ON) == "full"
    assert sandbox.missing_layers(ON | {layer: "off: why"}, ["full"]) == {layer: "off: why"}
    assert sandbox.missing_layers(ON | {layer: "off: why"}, [layer, "minimal"]).get(layer) == "off: why"
    assert layer in sandbox.missing_layers({}, ["minimal"])


@pytest.mark.parametrize(
    ("layers", "level"),
    [
        (ON | {"own_user": "off"}, "standard"),
        (NO_NAMESPACES, "standard"),
        (ON | {"landlock": "off"}, "standard"),
        (ON | {"seccomp": "off"}, "minimal"),
        (NO_NAMESPACES | {"not_dumpable": "off"}, "minimal"),
        (NO_NAMESPACES | {"landlock": "off"}, "none"),
        (NO_NAMESPACES | {"seccomp": "off"}, "none"),
        ({}, "none"),
    ],
)
def test_a_level_says_honestly_what_is_missing(layers: dict[str, str], level: str) -> None:
    assert sandbox.level(layers) == level


def test_confined_means_landlock_and_seccomp_or_namespaces() -> None:
    assert sandbox.is_confined(ON)
    assert sandbox.is_confined(NO_NAMESPACES)
    assert sandbox.is_confined(ON | {"landlock": "off", "seccomp": "off"})
    assert not sandbox.is_confined(NO_NAMESPACES | {"landlock": "off"})
    assert not sandbox.is_confined(NO_NAMESPACES | {"seccomp": "off"})
    assert not sandbox.is_confined({})


def test_availability_names_what_the_kernel_has(pool: Pool) -> None:
    for name, state in sandbox.availability().items():
        assert pool.layers[name] == state


def test_every_layer_is_described_and_reported(pool: Pool) -> None:
    assert list(pool.layers) == list(sandbox.LAYERS)
    assert all(state == "on" or state.startswith("off: ") for state in pool.layers.values())


@pytest.mark.slow
def test_without_confinement_nothing_is_run_unless_asked_for() -> None:
    with pytest.raises(SandboxUnavailable, match=r"cannot be confined on this system .*--unsafe"):
        Pool(1, _mode="bare")
    with pytest.raises(SandboxUnavailable, match="not available here: no_new_privs is off"):
        Pool(1, _mode="bare", unsafe=True, require=["standard"])


@pytest.mark.slow
def test_a_sandbox_can_be_required(pool: Pool) -> None:
    with Pool(1, _mode="plain", require=["minimal", "landlock", "seccomp"]) as required:
        assert sandbox.level(required.layers) == "standard"
    with pytest.raises(SandboxUnavailable, match=r"private_root is off: namespaces were not asked for.*course\.yml"):
        Pool(1, _mode="plain", require=["full"])


def test_a_strict_umask_loses_no_layer(pool: Pool) -> None:
    before = os.umask(0o077)
    try:
        with Pool(1) as strict:
            assert strict.layers == pool.layers
            assert strict.run(Job(topic="topic", cells=(Cell(1, "open('file', 'w').write('1')"),))).cells[0].error is None
    finally:
        os.umask(before)


def test_the_grader_cannot_be_looked_into(pool: Pool) -> None:
    owner = Path("/proc/self/mem").stat().st_uid
    assert owner == 0
    if os.getuid() == 0:
        # For root, the owner proves nothing; the state itself does.
        assert libc._libc is not None
        assert libc._libc.prctl(3, 0, 0, 0, 0) == 0


def test_for_a_gpu_devices_may_be_controlled_and_nothing_else_changes() -> None:
    usual, gpu = seccomp.program(7, "x86_64"), seccomp.program(7, "x86_64", gpu=True)
    any_device = number("ioctl", "x86_64")
    assert evaluate(usual, any_device, (0, 0xC020_462A, 0, 0, 0, 0)) == 0x0005_0000 | errno.EPERM
    assert evaluate(gpu, any_device, (0, 0xC020_462A, 0, 0, 0, 0)) == 0x7FFF_0000
    for whose_signal in (0x8901, 0x8902, 0x5452, 0x5410):  # FIOSETOWN SIOCSPGRP FIOASYNC TIOCSPGRP
        assert evaluate(gpu, any_device, (0, whose_signal, 0, 0, 0, 0)) == 0x0005_0000 | errno.EPERM
    for question in (0x5401, 0x541B):  # TCGETS FIONREAD
        assert evaluate(gpu, any_device, (0, question, 0, 0, 0, 0)) == 0x7FFF_0000
    local, internet = ((family, 5, 0, 0, 0, 0) for family in (socket.AF_UNIX, socket.AF_INET))
    assert evaluate(gpu, number("socket", "x86_64") or -1, local) == 0x7FFF_0000
    assert evaluate(gpu, number("socket", "x86_64") or -1, internet) == 0x0005_0000 | errno.EPERM
    assert evaluate(gpu, number("connect", "x86_64") or -1) == 0x0005_0000 | errno.ENOENT
    for name in sorted({*ALLOWED, *JUDGED} - {"ioctl", "socket", "connect", "bind", "listen", "setsockopt"}):
        call = number(name, "x86_64")
        assert call is None or evaluate(usual, call) == evaluate(gpu, call), name


def test_for_a_gpu_the_address_space_is_limited_once_cuda_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[int, int] = {}
    monkeypatch.setattr(limits, "_set", lambda limit, soft, hard: found.update({limit: hard}))
    limits.apply(Limits(), (1 << 30, 1 << 29), count_processes=True)
    without = dict(found)
    found.clear()
    limits.apply(Limits(), (1 << 30, 1 << 29), count_processes=True, gpu=True)
    assert set(without) - set(found) == {resource.RLIMIT_AS}
    assert found[resource.RLIMIT_DATA] == without[resource.RLIMIT_DATA] + (4096 << 20)
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    limits.bind_address_space(Limits())
    assert found[resource.RLIMIT_AS] == pytest.approx(mapped + 3 * (1 << 30) + (4096 << 20), abs=1 << 28)


# What CUDA 13 does before it starts, as strace shows on an H100: if one of these fails, it says "OS call failed".
_AS_CUDA_STARTS = """
import ctypes, os, socket, sys, tempfile, threading
from pathlib import Path
from autograder.records.jobs import Limits
from autograder.sandbox import Confinement, confine, libc, limits, namespaces

place, private = sys.argv[1], sys.argv[2] == "private"
root = os.geteuid() == 0
readable = namespaces.readable_paths((sys.prefix, sys.base_prefix), (), str(Path(namespaces.__file__).parents[1]))
statm = os.open("/proc/self/statm", os.O_RDONLY)
if private:
    namespaces.enter()
    if pid := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    namespaces.make_root(place, readable, proc=True)
    libc.unshare(libc.CLONE_NEWPID)
    if pid := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
found = Confinement(
    readable=(*readable, *namespaces.GPU_PROC), namespaces="" if private else "not asked for", statm=statm, bare=False,
    user=61400 if root else None, user_reason="", in_user_namespace=False, gpu=("/dev/zero",),
)
layers = confine(found, Limits(), None if private else tempfile.mkdtemp(dir=place), keep=())
assert layers["landlock"] == layers["seccomp"] == "on", layers
limits.bind_address_space(Limits())
for path in ("/proc/self/maps", "/proc/cpuinfo", "/proc/sys/vm/mmap_min_addr"):
    assert open(path).read(), path
one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
one.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
try:
    one.connect("/tmp/nvidia-mps/control")
except FileNotFoundError:
    pass
two = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
two.bind(f"\\0cuda-uvmfd-{os.getpid()}")
two.listen(128)
started, end = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: (started.set(), end.wait()))
thread.start(); started.wait()
libc_ = ctypes.CDLL(None, use_errno=True)
status = libc_.pthread_setname_np(ctypes.c_ulong(thread.ident), b"cuda-EvtHandlr")
end.set()
assert status == 0, os.strerror(status)
for family in (socket.AF_INET, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_DGRAM)
    except PermissionError:
        continue
    raise AssertionError(family)
try:
    two.accept()
except PermissionError:
    pass
for path in ("/proc/self/environ", "/proc/1/cmdline", "/etc/passwd"):
    try:
        open(path).read()
    except OSError:
        continue
    raise AssertionError(path)
print("all of it")
"""


@pytest.mark.parametrize("root", ["plain", "private"])
def test_for_a_gpu_what_cuda_asks_of_the_system_is_answered_and_no_more(root: str, tmp_path: Path) -> None:
    if root == "private" and os.getuid() != 0:
        pytest.skip("only root can mount a /proc for each child")
    tmp_path.chmod(0o755)
    command = [sys.executable, "-c", _AS_CUDA_STARTS, str(tmp_path), root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "all of it\n", done.stderr


def test_memory_is_shared_only_with_a_file_or_a_gpu() -> None:
    usual, gpu = seccomp.program(7, "x86_64"), seccomp.program(7, "x86_64", gpu=True)
    mmap = number("mmap", "x86_64") or -1
    for flags in (0x21, 0x23, 0x4021, 0x22, 0x01, 0x03, 0x20022):
        answer = 0x0005_0000 | errno.EPERM if flags & 0x21 == 0x21 else 0x7FFF_0000
        assert evaluate(usual, mmap, (0, 4096, 3, flags, 0, 0)) == answer, hex(flags)
        assert evaluate(gpu, mmap, (0, 4096, 3, flags, 0, 0)) == 0x7FFF_0000


_BELOW_TMP = """
import os, sys
from pathlib import Path
from autograder.sandbox import libc, namespaces

place, package = sys.argv[1:]
readable = namespaces.readable_paths((sys.prefix, sys.base_prefix), (package,), str(Path(namespaces.__file__).parents[1]))
namespaces.enter()
if pid := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
namespaces.make_root(place, readable)
namespaces.enter_child(4, readable)
for folder in ("/scratch", *namespaces.OTHER_NAMES):
    Path(folder, "file").write_text(folder)
assert Path(package, "module.py").read_text() == "x = 1"
assert sorted(os.listdir(os.path.dirname(package))) == [os.path.basename(package)]
try:
    Path(package, "module.py").write_text("x = 2")
except OSError:
    print("all of it")
"""


def test_with_the_environment_below_tmp_the_rest_of_tmp_is_writable(tmp_path: Path) -> None:
    if namespaces.whether_possible(str(tmp_path), ()):
        pytest.skip("there are no namespaces here")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place, package = Path(folder, "place"), Path(folder, "environment/lib/packages")
        place.mkdir()
        package.mkdir(parents=True)
        (package / "module.py").write_text("x = 1")
        (package.parent / "private").write_text("not to be seen")
        command = [sys.executable, "-c", _BELOW_TMP, str(place), str(package)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "all of it\n", done.stderr
