"""The small course with hints, and what its release looks like to a student: what tests of the students' side share."""

from __future__ import annotations

from pathlib import Path

from course_files import write_files
from small_course import write_course

from autograder.course.course_file import load_course
from autograder.processes.pool import Pool
from autograder.release import build

HINTS = """\
scale:
  - Look at the `*` operator.
  - What is special about 0?
  - Raise ValueError first.
noise:
  - Which function draws normal numbers?
  - One that takes a shape.
  - torch.randn
"""
OTHER = {
    "exercises/other.py": "# %%\nclass Keeper:\n    def keep(self, x):\n        raise NotImplementedError\n",
    "solutions/other.py": "class Keeper:\n    def keep(self, x):\n        return x\n",
    "tests/visible/test_other.py": (
        "from autograder import checks\n\n\n"
        '@checks("Keeper")\ndef test_keeps(code, given):\n    """It gives back what it got."""\n'
        '    return {"kept": code.Keeper().keep(given.normal(2, name="x"))}\n'
    ),
}
SCALE = "def scale(x, by):\n    if by == 0:\n        raise ValueError\n    return x * by\n"


def release_course(
    root: Path, pool: Pool, *, solutions: tuple[str, str] = ("never", "never"), numbered: bool = False
) -> Path:
    """Write the course below `root`, release it, and return the release's folder.

    Its two topics show their worked solutions as `solutions` says. If it is `numbered`, it has a start notebook, too.
    """
    write_course(root)
    (root / "exercises/hints").mkdir()
    (root / "exercises/hints/small.yml").write_text(HINTS, encoding="utf-8")
    write_files(root, OTHER)
    text = "  other:\n    title: Other\n    number: 2\n    tasks:\n      Keeper: {points: 1.5}\n"
    path = root / "course.yml"
    course = path.read_text(encoding="utf-8").rstrip() + "\n" + text
    for number, policy in enumerate(solutions, 1):
        course = course.replace(f"    number: {number}\n", f"    number: {number}\n    solutions: {policy}\n")
    if numbered:
        course = course.replace("topics:\n", "numbered: true\ntopics:\n", 1)
        (root / "exercises/00_start.py").write_text("# %% [markdown]\n# # Welcome\n#\n# <!-- topics -->\n", encoding="utf-8")
    path.write_text(course, encoding="utf-8")
    build.build(load_course(root), pool, root / "release")
    return root / "release"
