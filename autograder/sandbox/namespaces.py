"""Namespaces: the zygote gets its own network, processes and file tree, so does each fork server, and so does each child.

They need root, or unprivileged user namespaces, which many systems do not allow (Docker by default, hosted CI runners).
The private root is a read-only tmpfs with the system's and Python's libraries and nothing else; below it, each child has
its own empty tmpfs to write to.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from autograder.sandbox import libc
from autograder.sandbox.scratch import MOST_ENTRIES

__all__ = [
    "GPU_PROC",
    "OTHER_NAMES",
    "SCRATCH",
    "enter",
    "enter_child",
    "enter_own",
    "fork",
    "gpu_paths",
    "gpu_readable",
    "make_root",
    "readable_paths",
    "scratch_for_imports",
    "whether_possible",
]

SCRATCH = "/scratch"
OTHER_NAMES = ("/tmp", "/content", "/kaggle/working")
"""Folders that programs expect to be writable: other names of `SCRATCH`, or of a folder in it."""
_SYSTEM_PATHS = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
    "/dev/random",
    "/sys/devices/system/cpu",
)
GPU_PROC = (
    *("/proc/self/maps", "/proc/self/statm", "/proc/cpuinfo", "/proc/meminfo"),
    *("/proc/devices", "/proc/sys/vm/mmap_min_addr", "/proc/driver/nvidia"),
)
"""What CUDA reads in /proc, such as where the process's own stack is; and `statm`, its size, which `limits` reads."""

_ROOT_MEGABYTES = 16


def readable_paths(prefixes: Iterable[str], packages: Iterable[str], own_package: str) -> tuple[str, ...]:
    """What a child may read: the system's libraries, those of each Python prefix, and this package. Nothing else.

    Args:
        prefixes: `sys.prefix` and the like. Only their libraries are included, as a course may be in the same folder.
        packages: more folders of installed packages.
        own_package: the folder of the package `autograder`, which may be next to a course's solutions.
    """
    candidates = list(_SYSTEM_PATHS)
    for prefix in dict.fromkeys(prefixes):
        candidates += [f"{prefix}/{part}" for part in ("lib", "lib64", "pyvenv.cfg")]
    candidates += [*packages, own_package]
    kept: list[str] = []
    for path in dict.fromkeys(candidates):
        if Path(path).exists() and not any(Path(path).is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def gpu_paths() -> tuple[str, ...]:
    """The device files of NVIDIA GPUs, without those that only administrators need."""
    return tuple(sorted(str(path) for path in Path("/dev").glob("nvidia*") if path.is_char_device()))


def gpu_readable() -> tuple[str, ...]:
    """What CUDA and its profiler read besides device files, including the driver's libraries if they are kept separately."""
    system = ("/sys/devices/system/node", "/sys/devices/system/clocksource")
    fixed = ("/sys/bus/pci", *system, "/sys/module/nvidia", "/usr/local/nvidia")
    cards = {str(path.resolve().parents[0]) for path in Path("/sys/bus/pci/drivers/nvidia").glob("0*")}
    searched = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    drivers = [folder for folder in searched if folder.startswith("/") and Path(folder, "libcuda.so.1").exists()]
    return tuple(path for path in dict.fromkeys((*fixed, *sorted(cards), *drivers)) if Path(path).exists())


def enter() -> None:
    """Leave the system's network, IPC, process and mount namespaces. The next fork is process 1 of a new one.

    Raises:
        OSError: if the system does not permit it; the process is useless then.
    """
    user, group = os.getuid(), os.getgid()
    if user != 0:
        libc.prctl(libc.PR_SET_DUMPABLE, 1)  # else the files written next would belong to root
        libc.unshare(libc.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
        libc.prctl(libc.PR_SET_DUMPABLE, 0)
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount(None, "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.unshare(libc.CLONE_NEWNET | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS | libc.CLONE_NEWCGROUP)
    libc.unshare(libc.CLONE_NEWPID)


def make_root(place: str, readable: Sequence[str], *, proc: bool = False) -> None:
    """Make a new root at `place` (an empty folder) with `readable` paths bound into it read-only, and move there for good.

    With `proc`, it has an empty folder where each child mounts its own /proc.

    Raises:
        OSError: if a mount is not permitted.
    """
    flags = libc.MS_NOSUID | libc.MS_NODEV
    libc.mount("tmpfs", place, "tmpfs", flags, f"size={_ROOT_MEGABYTES}m,mode=755")
    for path in readable:
        _bind(path, place + path)
    for folder in ("old", SCRATCH[1:], *(["proc"] if proc else [])):
        Path(place, folder).mkdir()
    for name in OTHER_NAMES:
        link = Path(place + name)
        if not link.exists():  # else something below it is readable; `enter_child` makes room around that
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(SCRATCH)
    os.chdir(place)
    libc.pivot_root(".", "old")
    os.chroot(".")
    os.chdir("/")
    libc.umount("/old")
    Path("/old").rmdir()
    libc.mount(None, "/", None, libc.MS_REMOUNT | libc.MS_RDONLY | flags, f"size={_ROOT_MEGABYTES}m")


def _bind(source: str, target: str) -> None:
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    libc.mount(source, target, None, libc.MS_BIND | libc.MS_REC)
    if source.startswith("/dev/"):
        return  # a remount with nodev would make the device useless; writes to it go nowhere
    flags = libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | libc.MS_NOSUID
    inherited = os.statvfs(target).f_flag  # a user namespace may not remove a mount's flags
    flags |= libc.MS_NODEV if inherited & os.ST_NODEV else 0
    flags |= libc.MS_NOEXEC if inherited & os.ST_NOEXEC else 0
    flags |= libc.MS_RELATIME if inherited & os.ST_RELATIME else 0
    libc.mount(None, target, None, flags)


def whether_possible(place: str, readable: Sequence[str]) -> str:
    """Try `enter` and `make_root` in a throwaway child: "" if they work, else why not."""
    if not libc.LINUX:
        return "only Linux has namespaces"
    answer, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 0
        try:
            enter()
            make_root(place, readable)
        except Exception as error:  # whatever goes wrong in this child is its answer
            os.write(tell, str(error).encode()[:500])
            status = 1
        finally:
            os._exit(status)
    os.close(tell)
    with os.fdopen(answer, "rb") as stream:
        reason = stream.read().decode(errors="replace")
    failed = os.waitpid(pid, 0)[1] != 0
    return reason or ("the trial failed without giving a reason" if failed else "")


def enter_child(scratch_mb: int, readable: Sequence[str], *, proc: bool = False) -> None:
    """In a child: mount its own scratch folder of `scratch_mb` megabytes and go there; with `proc`, its own /proc too.

    `readable` are the paths that `make_root` was given.
    """
    libc.unshare(libc.CLONE_NEWNS)
    flags = libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC
    libc.mount("tmpfs", SCRATCH, "tmpfs", flags, f"size={scratch_mb}m,mode=1777,nr_inodes={MOST_ENTRIES}")
    for name in OTHER_NAMES:
        if not os.path.islink(name):  # noqa: PTH114 - cheaper in a fresh fork
            _make_writable(name, [path for path in readable if path.startswith(f"{name}/")])
    os.chdir(SCRATCH)
    if proc:
        libc.mount("proc", "/proc", "proc", flags, None)


@contextlib.contextmanager
def scratch_for_imports() -> Iterator[None]:
    """In a fork server, after `make_root`: a place for temporary files, which is gone afterwards."""
    libc.mount("tmpfs", SCRATCH, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC, f"size={_ROOT_MEGABYTES}m")
    folders = {name: os.environ.get(name) for name in ("HOME", "TMPDIR")}
    os.environ.update(dict.fromkeys(folders, SCRATCH))
    tempfile.tempdir = None
    try:
        yield
    finally:
        for name, folder in folders.items():
            if folder is None:
                del os.environ[name]
            else:
                os.environ[name] = folder
        tempfile.tempdir = None
        libc.umount(SCRATCH)


def _make_writable(folder: str, kept: Iterable[str]) -> None:
    """Mount a part of the scratch folder over a folder of the private root, with the read-only mounts `kept` inside it."""
    place = f"{SCRATCH}/.{folder.strip('/').replace('/', '-')}"
    Path(place).mkdir()
    Path(place).chmod(0o1777)
    for path in kept:
        target = Path(place + path.removeprefix(folder))
        target.parent.mkdir(parents=True, exist_ok=True)
        if Path(path).is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        libc.mount(path, str(target), None, libc.MS_BIND | libc.MS_REC)  # which stays read-only
    libc.mount(place, folder, None, libc.MS_BIND | libc.MS_REC)


def enter_own() -> None:
    """In a process forked from the zygote: mounts, network and IPC of its own, as they are now."""
    libc.unshare(libc.CLONE_NEWNS | libc.CLONE_NEWNET | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS)


def fork(own_processes: int | None) -> int:
    """Fork like `os.fork`. The new process is the first one of a new process namespace.

    `own_processes` is a descriptor of this process's own /proc/self/ns/pid; None to fork into the same namespace.
    """
    if own_processes is None:
        return os.fork()
    libc.unshare(libc.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        libc.setns(own_processes, libc.CLONE_NEWPID)  # where the next one starts from
    return pid
