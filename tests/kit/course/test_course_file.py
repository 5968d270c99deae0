"""course.yml: what is read from it, and that each mistake is one line with file, key and remedy."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import course_file as course_module
from autograder.course.course_file import load_course
from autograder.course.verify_settings import VerifySettings
from autograder.errors import CourseError
from autograder.records.jobs import Limits

GOOD = """\
title: A course
topics:
  views:
    number: 5
    title: Views
    tasks:
      flatten: {points: 4, level: easy}
      swap: {points: 6}
"""


def make_course(root: Path, text: str = GOOD, exercise: str | None = None) -> Path:
    code = exercise or "def flatten(x):\n    raise NotImplementedError\n\n\nswap = ...\n"
    for name, content in {
        "course.yml": text,
        "exercises/views.py": code,
        "solutions/views.py": "def flatten(x):\n    return x\n\n\nswap = 1\n",
        "tests/visible/test_views.py": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root / "course.yml"


def mistakes(root: Path, text: str = GOOD, exercise: str | None = None) -> list[str]:
    file = make_course(root, text, exercise)
    with pytest.raises(CourseError) as caught:
        load_course(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(root)) for line in lines)
    return [line.removeprefix(str(file)).removeprefix(": ") for line in lines]


def test_defaults_and_order(tmp_path: Path) -> None:
    course = load_course(make_course(tmp_path).parent)
    assert course.root == tmp_path
    assert course.draws == 3
    assert course.limits == Limits()
    assert course.tolerances == {"float64": 1e-9, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
    assert course.late is None
    topic = course.topics["views"]
    assert (topic.number, topic.title, topic.required, topic.draws, topic.due) == (5, "Views", True, None, None)
    assert [(name, task.points, task.level) for name, task in topic.tasks.items()] == [
        ("flatten", 4.0, "easy"),
        ("swap", 6.0, "medium"),
    ]


def test_data_that_a_topic_names_must_be_there(tmp_path: Path) -> None:
    text = GOOD + "    data: [points.csv, imags/, data/points.csv]\n"
    assert mistakes(tmp_path, text)[0] == (
        "topics.views.data names points.csv, which is not below data/; there are no files below data/; put it there, or "
        "remove the name."
    )
    for name in ("points.csv", "images/a.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text("1")
    assert mistakes(tmp_path, text) == [
        "topics.views.data names imags/, which is not below data/; did you mean 'images/'?",
        "topics.views.data names data/points.csv, which is not below data/; write points.csv: names are those below data/.",
    ]
    assert mistakes(tmp_path, GOOD + "    data: points.csv\n") == [
        'topics.views.data is "points.csv"; write a list of files and folders below data/, like [points.csv, images/].'
    ]
    make_course(tmp_path, GOOD + "    data: [images/]\n")
    assert load_course(tmp_path).topics["views"].data == ("images/",)
    make_course(tmp_path, GOOD + "    data: []\n")
    assert load_course(tmp_path).topics["views"].data == ()


def test_limits_of_a_topic_replace_single_values(tmp_path: Path) -> None:
    text = "limits: {check_seconds: 2, memory_mb: 700}\n" + GOOD + "    limits: {memory_mb: 2000}\n    draws: 1\n"
    course = load_course(make_course(tmp_path, text))
    assert course.limits == Limits(check_seconds=2, memory_mb=700)
    assert course.topics["views"].limits == Limits(check_seconds=2, memory_mb=2000)
    assert course.topics["views"].draws == 1


def test_numbers_like_1e_9_and_due_times(tmp_path: Path) -> None:
    text = "tolerances: {float32: 1e-6}\n" + GOOD + "    due: 2027-03-01T23:59+01:00\n"
    course = load_course(make_course(tmp_path, text))
    assert course.tolerances["float32"] == 1e-6
    assert course.topics["views"].due == datetime(2027, 3, 1, 22, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("points: 4", "points: ten", 'topics.views.tasks.flatten.points is "ten"; write a number of at least 0.'),
        ("points: 4", "points: -4", "topics.views.tasks.flatten.points is -4; write a number of at least 0."),
        ("points: 4", "points: .nan", "topics.views.tasks.flatten.points is NaN; write a number of at least 0."),
        ("points: 4", "points: true", "topics.views.tasks.flatten.points is true; write a number of at least 0."),
        ("points: 4", "points: [4]", "topics.views.tasks.flatten.points is a list; write a number of at least 0."),
        ("points: 4, ", "", "topics.views.tasks.flatten.points is missing; write a number of at least 0."),
        ("points: 4", "pionts: 4", "topics.views.tasks.flatten.pionts is not a valid key; did you mean 'points'?"),
        ("points: 4", "points: 4, hint: a",
         "topics.views.tasks.flatten.hint is not a valid key; choose from points, side_effects, level, kind, "
         "options, several, tolerance, tells, inputs, unordered."),
        ("level: easy", "levle: easy", "topics.views.tasks.flatten.levle is not a valid key; did you mean 'level'?"),
        ("level: easy", "level: simple", 'topics.views.tasks.flatten.level is "simple"; write easy, medium or hard.'),
        (
            "{points: 6}", "6",
            "topics.views.tasks.swap is 6; write keys and values below it (points, side_effects, level, kind, "
            "options, several, tolerance, tells, inputs, unordered).",
        ),
        ("number: 5", "number: 5.5", "topics.views.number is 5.5; write a whole number of at least 1."),
        ("number: 5", "number:", "topics.views.number is empty; write a whole number of at least 1."),
        ("title: A course", "title: 7", "title is 7; write some text."),
        ("title: A course", "title: ''", 'title is ""; write some text.'),
        ("topics:", "draws: 0\ntopics:", "draws is 0; write a whole number from 1 to 100."),
        ("topics:", "topcis:", "topcis is not a valid key; did you mean 'topics'?"),
        ("topics:", "limits: {memory: 5}\ntopics:", "limits.memory is not a valid key; did you mean 'memory_mb'?"),
        ("topics:", "limits: 5\ntopics:", "limits is 5; write keys and values below it (cell_seconds, check_seconds, "
         "topic_seconds, memory_mb, scratch_mb, output_kb, report_mb, threads, gpu_memory_mb)."),
        ("topics:", "tolerances: {float32: 1}\ntopics:",
         "tolerances.float32 is 1; write a number from 0 up to but not including 1, like 1e-5."),
        ("topics:", "late: {per_day: 10}\ntopics:", "late.per_day is 10; write a number from 0 to 1."),
        ("topics:", "verify: {without: [gradient]}\ntopics:",
         "verify.without names 'gradient', which is not an operator or a family of them; did you mean 'gradients'?"),
        ("number: 5", "number: 5\n    verify: {without: [nonsense]}",
         "topics.views.verify.without names 'nonsense', which is not an operator or a family of them; "
         "`autograde verify --operators` lists them."),
        ("topics:", "verify: {without: gradients}\ntopics:",
         'verify.without is "gradients"; write a list of operators or families, like [gradients, other dtype].'),
        ("topics:", "verify: {hints: maybe}\ntopics:", 'verify.hints is "maybe"; write error, warning or off.'),
        ("topics:", "verify: {hint: off}\ntopics:", "verify.hint is not a valid key; did you mean 'hints'?"),
        ("number: 5", "number: 5\n    due: tomorrow",
         'topics.views.due is "tomorrow"; write a date, time and UTC offset, like 2027-03-01T23:59+01:00.'),
        ("number: 5", "number: 5\n    due: 2027-03-01 23:59",
         'topics.views.due is "2027-03-01 23:59"; write a date, time and UTC offset, like 2027-03-01T23:59+01:00.'),
        ("swap:", "2swap:", "topics.views.tasks.2swap is not a valid name; "
         "use ASCII letters, digits and underscores, starting with a letter, but no Python keyword."),
        ("swap:", "swp:", "topics.views.tasks.swp is not defined in exercises/views.py; did you mean 'swap'?"),
        ("  views:", "  Views:", "topics.Views has capital letters, which are risky in file names; write views."),
        ("  views:", "  viewz:",
         "topics.viewz is listed, but exercises/viewz.py, solutions/viewz.py, tests/visible/test_viewz.py or "
         "tests/hidden/test_viewz.py are missing; write them, or remove the topic and run `autograde new viewz`."),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in GOOD
    assert mistakes(tmp_path, GOOD.replace(old, new, 1)) == [line]


def test_a_topic_says_what_verify_leaves_out_and_demands(tmp_path: Path) -> None:
    whole = "verify: {without: [gradients], hints: off, gates: warning}\ntopics:"
    own = "number: 5\n    verify: {without: [other dtype, gradients], gates: error}"
    make_course(tmp_path, GOOD.replace("topics:", whole, 1).replace("number: 5", own, 1))
    settings = load_course(tmp_path).topics["views"].verify
    assert settings == VerifySettings(without=("gradients", "other dtype"), hints="off")
    assert settings.leaves_out("other dtype", of_gradients=False)
    assert settings.leaves_out(".data taken", of_gradients=True)  # as it is of the family
    assert settings.leaves_out("with dropped", of_gradients=True)  # of another one, but it changes gradients alone
    assert not settings.leaves_out("with dropped", of_gradients=False)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, GOOD.replace("points: 4", "points: x").replace("number: 5", "number: x") + "title2: 1\n")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the file is empty; write at least a title and topics."),
        ("# nothing\n", "the file is empty; write at least a title and topics."),
        ("- a\n", "the file is a list; write keys and values, at least a title and topics."),
        ("title: A\n", "topics is missing; write at least one topic."),
        ("title: A\ntopics:\n", "topics is empty; write at least one topic."),
        ("title: A\ntopics: {}\n", "topics is empty; write at least one topic."),
        ("title: A\ntopics:\n  views: {number: 1, title: V, tasks: }\n",
         "topics.views.tasks is empty; write at least one task with its points."),
    ],
)  # fmt: skip
def test_files_without_a_course(tmp_path: Path, text: str, line: str) -> None:
    assert mistakes(tmp_path, text) == [line]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (GOOD + "title: again\n", ':9: "title" is already defined on line 1; remove one of the two.'),
        (GOOD + "      swap: {points: 1}\n", ':9: "swap" is already defined on line 8; remove one of the two.'),
        ("title: 'A\n", ":2: "),
        ("title: A\n\ttopics: 1\n", ":2: YAML does not allow a tab here; use spaces."),
        ("title: A\n  topics:\n", ":2: mapping values are not allowed here; check the indentation, colons and quotes here."),
        ("title: *none\n", ":1: "),
        ("title: !!python/object:os.system x\n", ":1: "),
    ],
)
def test_yaml_mistakes_name_the_line(tmp_path: Path, text: str, start: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert line.startswith(start)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("!!int x", "a value does not fit its tag (invalid literal for int() with base 10: 'x'); correct the value, "
         "or remove the tag."),
        ("[" * 1500 + "]" * 1500, "it is nested too deeply; remove brackets, or an alias that contains itself."),
        ("!!set {a}", """title is "{'a'}"; write some text."""),
        ("!!binary aaaa", """title is "b'i\\\\xa6\\\\x9a'"; write some text."""),
        ("1e400", "title is Infinity; write some text."),
    ],
)  # fmt: skip
def test_tags_and_brackets_of_all_kinds_are_one_line(tmp_path: Path, value: str, line: str) -> None:
    assert mistakes(tmp_path, GOOD.replace("A course", value)) == [line]


@pytest.mark.parametrize("role", ["exercises", "solutions"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"flatten = 1 # \xff", "byte 14 is not valid UTF-8; save the file as UTF-8."),
        (b"flatten = " + b"-" * 100_000 + b"1", "the code is nested too deeply; split it up."),
        (b"flatten = 1" + b"+1" * 50_000, "the code is nested too deeply; split it up."),
    ],
)
def test_code_that_cannot_be_read_is_one_line(tmp_path: Path, role: str, data: bytes, said: str) -> None:
    file = make_course(tmp_path)
    (tmp_path / role / "views.py").write_bytes(data)
    with pytest.raises(CourseError) as caught:
        load_course(file)
    assert str(caught.value) == f"{tmp_path}/{role}/views.py: {said}"


_SCALARS = st.sampled_from(
    [
        *("", "~", "1", "-1", "0.5", "1e400", ".nan", "9" * 400, "0x" + "f" * 4000, "true", "text", '"\\0"'),
        *("2027-03-01T23:59+01:00", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00"),
        *("!!binary aaaa", "!!set {a}", "!!int x", "!!omap [a: 1]"),
    ]
)
_NAMES = st.sampled_from(["views", "title", "number", "due", "points", "1", "~", "[a]", ".nan"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(st.tuples(_NAMES, inner).map(": ".join), max_size=2).map(lambda parts: "{" + ", ".join(parts) + "}"),
    ),
)
_KEYS = st.sampled_from(
    [
        *("title", "package", "topics", "draws", "limits", "tolerances", "cuda_tolerances", "late", "more"),
        *("1", "? [a]\n", "0x" + "f" * 5000),
    ]
)


@given(st.lists(st.tuples(_KEYS, _VALUES), max_size=5), st.booleans(), _VALUES)
@settings(max_examples=300, deadline=3000, derandomize=True)
def test_any_course_is_read_or_told_in_lines(entries: list[tuple[str, str]], good: bool, due: str) -> None:
    text = (GOOD.replace("title: Views", f"title: Views\n    due: {due}") if good else "") + "".join(
        f"{name}: {value}\n" for name, value in entries if not (good and name in ("title", "topics"))
    )
    with tempfile.TemporaryDirectory() as folder:
        file = make_course(Path(folder), text)
        with contextlib.suppress(CourseError):
            load_course(file)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"course\.yml: there is no such file; run the command in the course's folder"):
        load_course(tmp_path)


def test_two_topics_with_one_number(tmp_path: Path) -> None:
    text = GOOD + "  copy: {number: 5, title: C, tasks: {a: {points: 1}}}\n"
    assert mistakes(tmp_path, text) == ["topics.copy.number is 5, as in views; give each topic its own number."]


def test_a_stub_without_points_is_reported(tmp_path: Path) -> None:
    exercise = 'def flatten(x):\n    """Doc."""\n    raise NotImplementedError("yours")\n\nswap = ...\nthird: int = ...\n'
    assert mistakes(tmp_path, exercise=exercise) == [
        "topics.views.tasks.third is missing, but its stub is on line 6 of exercises/views.py; write its points."
    ]


def test_a_syntax_error_in_an_exercise_names_file_and_line(tmp_path: Path) -> None:
    file = make_course(tmp_path, exercise="def flatten(x):\n    pass\nswap = = 1\n")
    with pytest.raises(CourseError) as caught:
        load_course(file)
    assert str(caught.value).startswith(f"{tmp_path}/exercises/views.py:3: ")


def test_the_schema_of_limits_has_every_limit() -> None:
    entry = {field.name for field in msgspec.structs.fields(course_module._LimitsEntry)}
    assert entry == {field.name for field in msgspec.structs.fields(Limits)}
