from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_course import FILES, write_course

from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.course.topic_checks import derive_seed
from autograder.errors import AuthoringError, AutogradeError
from autograder.records.jobs import Replacement


def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[name]
    return {name.partition(".")[0].replace("/", "__"): FILES[name].replace(old, new)}


def test_a_topic_holds_what_its_files_declare(tmp_path: Path) -> None:
    topic = load_topic(load_course(write_course(tmp_path)), "small")
    assert [(check.name, check.task, check.visible, check.spec.gate) for check in topic.checks] == [
        ("test_scale_values", "scale", True, True),
        ("test_scale_zero", "scale", True, False),
        ("test_noise", "noise", True, False),
        ("test_guess", "guess", True, False),
        ("test_scale_dtype", "scale", False, False),
        ("test_scale_cuda", "scale", False, False),
    ]
    assert [spec.name for spec in topic.misconceptions][:2] == ["negates", "allows_zero"]
    assert [spec.name for spec in topic.alternatives] == ["mul"]
    assert len(topic.exercise) == len(topic.reference) == 4
    assert topic.visible is not None
    assert topic.visible.filename == "tests/visible/test_small.py"
    assert topic.checks[0].spec.sentence == "The values are multiplied."


MISTAKES = [
    ("tests/visible/test_small.py", '@checks("scale", gate=True)', '@checks("scal", gate=True)',
     "tests/visible/test_small.py:5: test_scale_values is for the task 'scal', which course.yml does not have; "
     "did you mean 'scale'?"),
    ("tests/hidden/test_small.py", "test_scale_dtype", "test_scale_zero",
     "tests/hidden/test_small.py:5: test_scale_zero is already defined in tests/visible/test_small.py; "
     "rename one of the two."),
    ("tests/hidden/test_small.py", "draws=1", "draws=0",
     "tests/hidden/test_small.py:4: draws of @checks is 0; write a whole number above 0."),
    ("tests/hidden/test_small.py", "draws=1", "draw=1",
     "tests/hidden/test_small.py:4: @checks has no argument draw; it takes task, gate, weight, draws, seconds, "
     "device, assertion, tells."),
    ("tests/hidden/test_small.py", 'device="cuda"', 'device="gpu"',
     'tests/hidden/test_small.py:11: device of @checks is \'gpu\'; write "any", "second" or "cuda".'),
    ("tests/hidden/test_small.py", "draws=1", "draws=N",
     "tests/hidden/test_small.py:4: draws of @checks must be a literal; write a whole number above 0."),
    ("tests/hidden/test_small.py", "def test_scale_dtype(code, given)", "def test_scale_dtype(given, code)",
     "tests/hidden/test_small.py:5: write def test_scale_dtype(code, given): a check takes these two, in this order."),
    ("tests/hidden/test_small.py", "def test_scale_dtype(code, given)", "def test_scale_dtype(code)",
     "tests/hidden/test_small.py:5: write def test_scale_dtype(code, given): a check takes these two, in this order."),
    ("tests/hidden/test_small.py", '@checks("scale", draws=1)', "# Not marked.",
     'tests/hidden/test_small.py:5: test_scale_dtype is not a check; write @checks("task") above it, naming its task.'),
    ("tests/hidden/test_small.py", '"""The dtype is kept."""', "pass",
     "tests/hidden/test_small.py:5: test_scale_dtype has no docstring; write the sentence that students read."),
    ("tests/hidden/test_small.py", "import checks, only", "import checks, only (",
     "tests/hidden/test_small.py:1: "),
    ("solutions/misconceptions/small.py", '"noise", "Uniform is not normal."', '"nose", "No."',
     "solutions/misconceptions/small.py:37: uniform is for the task 'nose', which course.yml does not have; "
     "did you mean 'noise'?"),
    ("solutions/misconceptions/small.py", '"Look at the sign."', '""',
     "solutions/misconceptions/small.py:5: feedback of @misconception is ''; write a sentence for the student."),
    ("tests/hidden/test_small.py", "draws=1", "weight=0",
     "tests/hidden/test_small.py:4: weight of @checks is 0; write a number above 0."),
    ("tests/hidden/test_small.py", "draws=1", "weight=1e999",
     "tests/hidden/test_small.py:4: weight of @checks is inf; write a number above 0."),
    ("solutions/misconceptions/small.py", '"Look at the sign."', '"Look at the sign.", also_true_of=("in_plac",)',
     "solutions/misconceptions/small.py:6: also_true_of of negates names 'in_plac', which is no other misconception "
     "of scale; did you mean 'in_place'?"),
    ("solutions/misconceptions/small.py", '"Look at the sign."', '"Look at the sign.", also_true_of=("uniform",)',
     "solutions/misconceptions/small.py:6: also_true_of of negates names 'uniform', which is no other misconception "
     "of scale; choose from allows_zero, in_place, always_float32."),
    ("solutions/misconceptions/small.py", '"Look at the sign."', '"Look at the sign.", also_true_of="in_place"',
     "solutions/misconceptions/small.py:5: also_true_of of @misconception is 'in_place'; "
     'write a tuple of names, like ("other",).'),
    ("solutions/misconceptions/small.py", '"Look at the sign."', '"Look at the sign.", minor=1',
     "solutions/misconceptions/small.py:5: minor of @misconception is 1; write True or False."),
    ("solutions/misconceptions/small.py", ', "Look at the sign."', "",
     "solutions/misconceptions/small.py:5: @misconception lacks feedback; write a sentence for the student."),
    ("solutions/misconceptions/small.py", "def allows_zero", "def negates",
     "solutions/misconceptions/small.py:13: negates is already defined on line 6; rename one of the two."),
    ("solutions/alternatives/small.py", "@alternative", "@misconception",
     "solutions/alternatives/small.py:5: @misconception lacks feedback; write a sentence for the student."),
    ("solutions/alternatives/small.py", '@alternative("scale")', '@checks("scale")',
     "solutions/alternatives/small.py:6: @checks does not belong in this file; move it to tests/."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "message"), MISTAKES, ids=[row[3][:70] for row in MISTAKES])
def test_an_authors_mistake_is_one_line_with_file_and_remedy(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    course = load_course(write_course(tmp_path, **changed(name, old, new)))
    with pytest.raises(AuthoringError) as caught:
        load_topic(course, "small")
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    changes = changed("tests/hidden/test_small.py", "draws=1", "draws=0")
    changes |= changed("solutions/alternatives/small.py", '"scale"', '"scole"')
    course = load_course(write_course(tmp_path, **changes))
    with pytest.raises(AuthoringError) as caught:
        load_topic(course, "small")
    assert len(str(caught.value).splitlines()) == 2


def test_an_unknown_topic_is_told(tmp_path: Path) -> None:
    course = load_course(write_course(tmp_path))
    with pytest.raises(AuthoringError, match=r"course.yml has no topic smal; did you mean 'small'\?"):
        load_topic(course, "smal")


def test_a_job_asks_for_every_draw_of_every_check(tmp_path: Path) -> None:
    course = load_course(write_course(tmp_path))
    topic = load_topic(course, "small")
    job = make_job(course, topic, topic.exercise, seed=5)
    assert [(r.check, r.draw) for r in job.visible_requests[:3]] == [
        ("test_scale_values", 0),
        ("test_scale_values", 1),
        ("test_scale_zero", 0),
    ]
    assert [(r.check, r.draw) for r in job.hidden_requests] == [("test_scale_dtype", 0)]
    assert len({r.seed for r in (*job.visible_requests, *job.hidden_requests)}) == 9
    assert {r.seconds for r in job.visible_requests} == {course.topics["small"].limits.check_seconds}
    cuda = make_job(course, topic, topic.exercise, seed=5, device="cuda:0")
    assert [r.check for r in cuda.hidden_requests] == ["test_scale_dtype", "test_scale_cuda", "test_scale_cuda"]


def test_a_job_can_leave_out_tasks_and_hidden_checks(tmp_path: Path) -> None:
    course = load_course(write_course(tmp_path))
    topic = load_topic(course, "small")
    replacement = Replacement("noise", "uniform", "f.py", "")
    job = make_job(course, topic, topic.reference, seed=5, tasks=["noise"], replacement=replacement)
    assert {r.task for r in job.visible_requests} == {"noise"}
    assert job.hidden is None
    assert job.hidden_requests == ()
    assert job.replacement == replacement
    assert make_job(course, topic, topic.reference, seed=5, hidden=False).hidden is None


def test_seeds_stay_what_they_are() -> None:
    """A regrade years later draws the same inputs."""
    assert derive_seed(0, "autograd", "test_values", 0) == SEED
    assert derive_seed(0, "autograd", "test_values", 1) != SEED


SEED = 8288463916660908081


@given(st.integers(0, 2**63 - 1), st.text(), st.text(), st.integers(0, 100))
def test_seeds_are_in_range(run_seed: int, topic: str, check: str, draw: int) -> None:
    seed = derive_seed(run_seed, topic, check, draw)
    assert 0 <= seed < 2**63
    assert seed == derive_seed(run_seed, topic, check, draw)
    assert seed != derive_seed(run_seed, topic, check, draw + 1)


def test_the_sentence_is_the_first_paragraph_on_one_line(tmp_path: Path) -> None:
    source = '''
        from autograder import checks

        @checks("scale")
        def test_it(code, given):
            """A long
            sentence.

            Not for students.
            """
        '''
    course = load_course(write_course(tmp_path, tests__hidden__test_small=textwrap.dedent(source)))
    assert load_topic(course, "small").checks[-1].spec.sentence == "A long sentence."


@pytest.mark.parametrize("file", ["tests/hidden/test_{}.py", "tests/visible/test_{}.py", "solutions/{}.py"])
def test_a_pipe_in_the_place_of_a_file_is_told(file: str, tmp_path: Path) -> None:
    root = write_course(tmp_path)
    (name, *_) = load_course(root).topics
    path = root / file.format(name)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(AutogradeError, match=rf"{path.name}: cannot be read \(it is not a regular file\)"):
        load_topic(load_course(root), name)
