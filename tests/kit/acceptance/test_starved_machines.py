"""A class is graded where the kernel ends processes for lack of memory, and on full disks: nobody gets a zero for it.

The groups and disks are real. Only where the kernel does not allow them are these tests skipped.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import attack_jobs
import pytest
from bad_day import COMMAND, Day
from downloads import zipped
from starved_machines import SmallDisks, memory_group, small_disks
from tiny_course import ENDS, MISCONCEPTIONS, RIGHT, WRONG, make_course

pytestmark = [pytest.mark.fault, pytest.mark.slow]

LARGE = RIGHT.replace("    return", "    large = torch.ones(500, 1 << 18)  # 500 MB\n    return")
CLASS = {"ann": (RIGHT,), "bo": (LARGE,), "cy": (ENDS,), "di": (WRONG,)}
ENOUGH_FOR_ONE_MB, KILOBYTES = 420, 120
NO_MEMORY = "The machine has too little memory for the 1024 MB that the code may use. It was tried 2 times."
REMEDY = "Close other programs, free disk space or use fewer --jobs, and run the same command again."
FULL = "No space left on device; free some space and run the same command again.\n"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("day"), CLASS)


@pytest.fixture(scope="module")
def undisturbed(day: Day) -> dict[str, Any]:
    """The results of a run that nothing happens to."""
    out = day.root.parent / "undisturbed"
    code, said = day.grade(out=out, jobs=1)
    assert code == 0, said
    results = day.results(out)
    assert {name: result["earned"] for name, result in results.items()} == {"ann": 5, "bo": 5, "cy": 1, "di": 0}
    return results


def test_who_is_killed_for_lack_of_memory_is_not_graded_until_there_is_some(day: Day, undisturbed: dict[str, Any]) -> None:
    day.forget()
    with memory_group(ENOUGH_FOR_ONE_MB) as group:
        code, said = day.grade(jobs=1, inside=group.inside)
        assert group.kills >= 2
        assert not group.processes
    assert code == 3, said
    assert f"bo, views: not graded: {NO_MEMORY}" in said
    assert "? points pending" not in said
    results = day.results()
    assert results.pop("bo")["not_graded"]
    assert results == {name: result for name, result in undisturbed.items() if name != "bo"}
    code, said = day.grade("--retry", jobs=1)
    assert (code, day.results()) == (0, undisturbed), said
    assert not day.left_behind()


@pytest.mark.long
def test_no_answer_key_is_made_where_memory_is_lacking(tmp_path: Path) -> None:
    day = Day(tmp_path, {"di": (WRONG,)})
    large = MISCONCEPTIONS.replace("squares", "cubes").replace(
        "    return x * x", f"    {LARGE.split('    ')[1]}    return x**3"
    )
    wrong = day.root / "solutions/misconceptions/views.py"
    wrong.write_text(MISCONCEPTIONS + large.partition("misconception\n")[2])
    with memory_group(ENOUGH_FOR_ONE_MB) as group:
        code, said = day.grade(jobs=1, inside=group.inside)
        assert group.kills >= 2
    assert (code, said) == (2, f"views: the course's own code could not be run. {NO_MEMORY} {REMEDY}\n")
    assert not list((day.root / ".autograde").rglob("*.key"))
    day.finish()
    assert "(squares)" in day.grade(jobs=1)[1]


def test_full_disks_for_keys_and_results_cost_nothing(day: Day, undisturbed: dict[str, Any]) -> None:
    day.forget()
    keys = day.root / ".autograde"
    with small_disks(day.root) as disks:
        disks.mount(keys, KILOBYTES)
        disks.fill(keys)
        disks.mount(day.out, KILOBYTES)
        code, said = day.grade(jobs=1, inside=disks.inside)
        assert (code, said[: len(str(day.out))], said.partition(": ")[2]) == (2, str(day.out), FULL), said
        kept = day.results(disks.path(day.out))
        assert kept
        assert kept.items() < undisturbed.items()
        disks.grow(day.out, 100 * KILOBYTES)
        code, said = day.grade(jobs=1, inside=disks.inside)
        assert (code, day.results(disks.path(day.out))) == (0, undisturbed), said
        assert f"kept {len(kept)} unchanged" in said
        assert not list(disks.path(keys).rglob("*.key"))
        assert not [path for disk in (keys, day.out) for path in disks.path(disk).rglob("*.part")]
    assert not day.left_behind()


def test_without_space_for_temporary_files_nothing_begins(day: Day) -> None:
    with small_disks(day.root) as disks:
        disks.mount(day.temporary, KILOBYTES)
        code, said = day.grade(inside=disks.inside)
    reason = f"{day.temporary}: No space left on device"
    assert (code, said) == (
        2,
        f"A folder for temporary files cannot be made ({reason}); free some space, or set TMPDIR to a folder that can be "
        "written to.\n",
    )


def told(disks: SmallDisks, *words: str, temporary: Path | None = None) -> tuple[int, str]:
    """The exit code of a command and the last line of what it says."""
    environment = os.environ | ({"TMPDIR": str(temporary)} if temporary else {})
    command = disks.inside([*COMMAND, *words])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, "".join((done.stdout + done.stderr).splitlines(keepends=True)[-1:])


def test_full_disks_leave_no_hand_in_out(tmp_path: Path) -> None:
    root, temporary = make_course(tmp_path / "course"), tmp_path / "temporary"
    large = RIGHT.encode() + b"# more\n" * 500_000
    (root / "download.zip").write_bytes(zipped({"bo/work.zip": zipped({"views.py": large})}))
    out = root / "submitted"
    with small_disks(root) as disks:
        disks.mount(temporary, 1500)
        disks.mount(out, 1500)
        code, said = told(disks, "collect", "download.zip", temporary=temporary)
        remedy = "free some space, or set TMPDIR to a folder with more, and collect again"
        assert (code, said) == (2, f"{temporary}: No space left on device; {remedy}.\n")
        assert not list(disks.path(temporary).iterdir())
        code, said = told(disks, "collect", "download.zip")
        assert (code, said) == (2, f"submitted/bo/views/views.py: {FULL}")
        assert not list(disks.path(out).rglob("*.part"))
        disks.grow(out, 100 * KILOBYTES)
        code, said = told(disks, "collect", "download.zip")
        assert code == 0, said
        (found,) = disks.path(out).rglob("views.py")
        assert found.read_bytes() == large


def test_a_full_disk_costs_no_course(tmp_path: Path) -> None:
    with small_disks(tmp_path / "course") as disks:
        disks.mount(tmp_path / "course", KILOBYTES)
        root = make_course(disks.path(tmp_path / "course"))
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        disks.fill(tmp_path / "course")
        code, said = told(disks, "new", "more")
        assert (code, said.partition(": ")[2]) == (2, FULL), said
        assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "fill"} == before


SAVES = """
import torch

def double(x):
    torch.save(x, "x.pt")
    return 2 * torch.load("x.pt")

def triple(x):
    return 3 * x
"""
SCRIPT = """
import contextlib, json, os, pathlib
import attack_jobs
from autograder.processes.pool import Pool

job = attack_jobs.job_of(os.environ["SAVES"])
fill = pathlib.Path(os.environ["TMPDIR"], "fill")
with Pool(1, _mode="plain") as pool:
    for full in True, False:
        with contextlib.suppress(OSError):
            fill.write_bytes(bytes(100 << 20)) if full else fill.unlink()
        for run in pool.run(job), *next(pool.map_in_turn([[job, job]])):
            seen = [getattr(seen, "error", seen) for seen in run.observations.values()]
            print(json.dumps([run.not_graded, run.problem, all(error is None for error in seen)]))
"""


def test_a_disk_that_fills_while_code_writes_to_it_fails_no_code(day: Day) -> None:
    """Without a private root, code writes to the disk that has the grader's temporary files."""
    environment = {"TMPDIR": str(day.temporary), "SAVES": SAVES, "PYTHONPATH": str(Path(attack_jobs.__file__).parent)}
    with small_disks(day.root) as disks:
        disks.mount(day.temporary, 8 << 10)
        command = disks.inside([sys.executable, "-c", SCRIPT])
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
        )
    full = f"{day.temporary}: the disk has less space than the 4 MB that the code may write; free some, or set TMPDIR to "
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert runs == [
        [True, f"{full}another folder. It was tried 2 times.", False],
        *[[False, "The disk was full.", False]] * 2,
        *[[False, "", True]] * 3,
    ], done.stderr


@pytest.mark.long
def test_without_memory_to_start_in_nothing_begins(day: Day) -> None:
    with memory_group(200) as group:
        code, said = day.grade(jobs=1, inside=group.inside)
        assert group.kills >= 3
    assert code == 2
    assert said.startswith("The machine has too little memory to start the process that runs submissions")
    assert not day.left_behind()


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_random_starved_day_changes_nothing(starved_day: int, day: Day, undisturbed: dict[str, Any]) -> None:
    chance = random.Random(2000 + starved_day)
    day.forget()
    if starved_day % 2:
        with memory_group(chance.randint(300, 1000)) as group:
            code, said = day.grade(inside=group.inside)
            assert not group.processes
        assert_nothing_wrong(day.results(), undisturbed, code, said)
        code, said = day.grade(*(("--retry",) if code == 3 else ()))
        assert (code, day.results()) == (0, undisturbed), said
    else:
        with small_disks(day.root) as disks:
            disks.mount(day.out, chance.randint(8, 400))
            code, said = day.grade(inside=disks.inside)
            assert_nothing_wrong(day.results(disks.path(day.out)), undisturbed, code, said)
            assert not list(disks.path(day.out).rglob("*.part"))
            disks.grow(day.out, 100 * KILOBYTES)
            code, said = day.grade(inside=disks.inside)
            assert (code, day.results(disks.path(day.out))) == (0, undisturbed), said
    assert not day.left_behind()


def assert_nothing_wrong(results: dict[str, Any], undisturbed: dict[str, Any], code: int, said: str) -> None:
    """A run that lacked something says so, and what it graded is right."""
    graded = {name: result for name, result in results.items() if not result["not_graded"]}
    assert graded.items() <= undisturbed.items()
    assert code == (3 if len(graded) < len(results) else 0 if graded == undisturbed else 2), said
