"""Reads course.yml, checks it and fills in its defaults.

Every mistake is one line `FILE: KEY is VALUE; REMEDY`, and as many mistakes as possible are reported at once.
"""

from __future__ import annotations

import json
import keyword
import math
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from autograder._words import closest, suggestion
from autograder._yaml import read_yaml
from autograder.course.file_names import START, released_name
from autograder.course.named_files import Mistakes, check_data, check_files
from autograder.course.task_entry import TaskEntry, Values, kind_mistakes
from autograder.course.verify_settings import VerifyEntry, VerifySettings, verify_mistakes, with_topic
from autograder.errors import CourseError
from autograder.records.jobs import Limits
from autograder.records.results import Tells
from autograder.records.worked_solutions import SolutionsPolicy

__all__ = ["Course", "LatePolicy", "TaskEntry", "TopicEntry", "load_course"]

SandboxLevel = Literal["full", "standard", "minimal"]

# A message about a wrong value ends in "write" and one of these descriptions.
_Text = Annotated[str, Meta(min_length=1, description="some text")]
_Flag = Annotated[bool, Meta(description="true or false")]
_Count = Annotated[int, Meta(ge=1, description="a whole number of at least 1")]
_Draws = Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")]
_Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
_Minutes = Annotated[float, Meta(ge=0, le=1e6, description="a number of minutes of at least 0")]
_Seconds = Annotated[float, Meta(gt=0, le=86400, description="a number of seconds above 0")]
_Megabytes = Annotated[int, Meta(ge=1, le=2**20, description="a whole number of megabytes of at least 1")]
_Kilobytes = Annotated[int, Meta(ge=1, le=2**30, description="a whole number of kilobytes of at least 1")]
_Tolerance = Annotated[float, Meta(ge=0, lt=1, description="a number from 0 up to but not including 1, like 1e-5")]
_Solutions = Annotated[SolutionsPolicy, Meta(description="never, after_due or after_pass")]
_Due = Annotated[datetime, Meta(tz=True, description="a date, time and UTC offset, like 2027-03-01T23:59+01:00")]

_Tells = Annotated[Tells, Meta(description="nothing, sentence, message or inputs")]
_DataName = Annotated[str, Meta(min_length=1)]
_DataNames = Annotated[
    tuple[_DataName, ...], Meta(description="a list of files and folders below data/, like [points.csv, images/]")
]

_NAME_REMEDY = "use ASCII letters, digits and underscores, starting with a letter, but no Python keyword."


class LatePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lateness costs. Within `grace_minutes` nothing is late; after that, by `policy`:

    none       nothing is taken off; being late is only shown
    zero       everything is taken off
    per_day    a share `per_day` of the points for each day begun since the due time, `at_most` in total
    per_hour   likewise, a share `per_hour` for each hour begun

    Each student may be late for `late_days` days in the whole course before that (0: no day).
    """

    policy: Annotated[
        Literal["none", "zero", "per_day", "per_hour"], Meta(description="none, zero, per_day or per_hour")
    ] = "per_day"
    grace_minutes: _Minutes = 0.0
    per_day: _Share = 0.1
    per_hour: _Share = 0.01
    at_most: _Share = 1.0
    late_days: Annotated[int, Meta(ge=0, le=1000, description="a whole number of days of at least 0")] = 0


class _LimitsEntry(msgspec.Struct, frozen=True, kw_only=True):
    cell_seconds: _Seconds | None = None
    check_seconds: _Seconds | None = None
    topic_seconds: _Seconds | None = None
    memory_mb: _Megabytes | None = None
    scratch_mb: _Megabytes | None = None
    output_kb: _Kilobytes | None = None
    report_mb: _Megabytes | None = None
    threads: _Count | None = None
    gpu_memory_mb: _Megabytes | None = None


class _TolerancesEntry(msgspec.Struct, frozen=True, kw_only=True):
    float64: _Tolerance = 1e-9
    float32: _Tolerance = 1e-5
    float16: _Tolerance = 4e-3
    bfloat16: _Tolerance = 3e-2


class _OtherTolerances(msgspec.Struct, frozen=True, kw_only=True):
    float64: _Tolerance | None = None
    float32: _Tolerance | None = None
    float16: _Tolerance | None = None
    bfloat16: _Tolerance | None = None


class _TopicFields(msgspec.Struct, frozen=True, kw_only=True):
    title: _Text
    number: _Count
    tasks: dict[str, TaskEntry]
    summary: _Text | None = None
    required: _Flag = True
    due: _Due | None = None
    solutions: _Solutions | None = None
    draws: _Draws | None = None
    data: _DataNames | None = None
    limits: _LimitsEntry = _LimitsEntry()
    verify: VerifyEntry = VerifyEntry()


class _HiddenEntry(msgspec.Struct, frozen=True, kw_only=True):
    tells: _Tells = "message"


class _CourseFields(msgspec.Struct, frozen=True, kw_only=True):
    title: _Text
    package: _Text | None = None
    numbered: _Flag = False
    topics: dict[str, _TopicFields]
    draws: _Draws = 3
    solutions: _Solutions = "never"
    hidden: _HiddenEntry = _HiddenEntry()
    limits: _LimitsEntry = _LimitsEntry()
    tolerances: _TolerancesEntry = _TolerancesEntry()
    cuda_tolerances: _OtherTolerances = _OtherTolerances()
    late: LatePolicy | None = None
    verify: VerifyEntry = VerifyEntry()
    sandbox: Annotated[SandboxLevel, Meta(description="full, standard or minimal")] = "minimal"


class TopicEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's entry in course.yml. `limits` and `solutions` are complete; `draws` is None if the course's number applies.
    `summary` is a line for students on what the topic is about, or empty.

    `solutions` says when students may see worked solutions: never, when the instructor publishes the passphrase, or of each
    task that passes its visible checks. `data` are the files and folders below `data/` that it gets; all if None. `verify`
    says what `autograde verify` tries and demands.
    """

    title: str
    number: int
    tasks: dict[str, TaskEntry]
    summary: str = ""
    required: bool = True
    due: datetime | None = None
    solutions: SolutionsPolicy = "never"
    draws: int | None = None
    data: tuple[str, ...] | None = None
    limits: Limits = Limits()
    verify: VerifySettings = VerifySettings()


@dataclass(frozen=True)
class Course:
    """A valid course. `topics` are in the order of course.yml; `root` is the folder that contains it.

    `tolerances` are by dtype name: float64, float32, float16, bfloat16; `cuda_tolerances` has those that differ on a GPU.
    `sandbox` is the level of confinement below which nothing is graded. `hidden_tells` is how much students are told of
    hidden checks that do not say it themselves.
    `package` is what students install, as pip takes it, e.g. `autograde-torch==1.0`; empty if the release contains it.
    With `numbered`, the release's notebooks are named after their place in the course, `01_dtypes.ipynb`.
    `cache` is the folder that --cache names, if any; see `keys.build.key_folder`.
    """

    title: str
    topics: dict[str, TopicEntry]
    root: Path
    draws: int = 3
    limits: Limits = field(default_factory=Limits)
    tolerances: dict[str, float] = field(default_factory=lambda: msgspec.structs.asdict(_TolerancesEntry()))
    late: LatePolicy | None = None
    cuda_tolerances: dict[str, float] = field(default_factory=dict)
    package: str = ""
    numbered: bool = False
    sandbox: SandboxLevel = "minimal"
    hidden_tells: Tells = "message"
    cache: Path | None = None

    def notebook(self, topic: str) -> str:
        """The file name of a topic's notebook in the release."""
        return f"{released_name(topic, self.topics, numbered=self.numbered)}.ipynb"

    @property
    def start(self) -> Path | None:
        """The source of the start notebook, if the course has one."""
        path = self.root / "exercises" / f"{START}.py"
        return path if path.is_file() else None

    def tolerances_on(self, device: str) -> dict[str, float]:
        """The tolerances by dtype name for results from `device`."""
        return self.tolerances | self.cuda_tolerances if device.startswith("cuda") else self.tolerances


def load_course(path: Path) -> Course:
    """Read a course and check it, together with the files it names.

    Args:
        path: course.yml or the folder that contains it.

    Raises:
        CourseError: one line for each mistake, with file, key and remedy.
    """
    file = path / "course.yml" if path.is_dir() else path
    fields = _convert(_parsed(file), _CourseFields, "", mistakes := Mistakes(str(file)))
    if isinstance(fields, _CourseFields):
        _check_topics(fields, mistakes)
        _check_kinds(fields, mistakes)
        _check_verify(fields, mistakes)
        if not mistakes.lines:
            root = file.absolute().parent
            check_files({name: topic.tasks for name, topic in fields.topics.items()}, root, mistakes)
            check_data({name: topic.data for name, topic in fields.topics.items()}, root, mistakes)
    if mistakes.lines or not isinstance(fields, _CourseFields):
        raise CourseError("\n".join(mistakes.lines))
    limits = _over(Limits(), fields.limits)
    return Course(
        title=fields.title,
        topics={
            name: TopicEntry(
                title=topic.title,
                number=topic.number,
                tasks=topic.tasks,
                summary=topic.summary or "",
                required=topic.required,
                due=topic.due,
                solutions=topic.solutions or fields.solutions,
                draws=topic.draws,
                data=topic.data,
                limits=_over(limits, topic.limits),
                verify=with_topic(fields.verify, topic.verify),
            )
            for name, topic in fields.topics.items()
        },
        root=file.absolute().parent,
        draws=fields.draws,
        limits=limits,
        tolerances=msgspec.structs.asdict(fields.tolerances),
        cuda_tolerances=_given(fields.cuda_tolerances),
        late=fields.late,
        package=fields.package or "",
        numbered=fields.numbered,
        sandbox=fields.sandbox,
        hidden_tells=fields.hidden.tells,
    )


def _over(limits: Limits, entry: _LimitsEntry) -> Limits:
    return msgspec.structs.replace(limits, **_given(entry))


def _given(entry: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(entry).items() if value is not None}


def _parsed(file: Path) -> dict[Any, Any]:
    try:
        data = read_yaml(file, CourseError)
    except FileNotFoundError as error:
        raise CourseError(
            f"{file}: there is no such file; run the command in the course's folder, or point to it with --course."
        ) from error
    if data is None:
        raise CourseError(f"{file}: the file is empty; write at least a title and topics.")
    if not isinstance(data, dict):
        raise CourseError(f"{file}: the file is {_shown(data)}; write keys and values, at least a title and topics.")
    return data


def _convert(value: Any, kind: Any, key: str, mistakes: Mistakes) -> Any:
    """The value as `kind`, or None after at least one mistake has been added."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _convert_struct(value, kind, key, mistakes)
    if get_origin(kind) is dict:
        return _convert_named(value, get_args(kind)[1], key, mistakes)
    return _convert_single(value, kind, key, mistakes)


def _convert_struct(value: Any, kind: type[msgspec.Struct], key: str, mistakes: Mistakes) -> Any:
    fields = {each.name: each for each in msgspec.structs.fields(kind)}
    if not isinstance(value, dict):
        mistakes.add(f"{key} is {_shown(value)}; write keys and values below it ({', '.join(fields)}).")
        return None
    before = len(mistakes.lines)
    prefix = f"{key}." if key else ""
    unused = [name for name in fields if name not in value]
    meant = set()
    for name in value:
        if name not in fields:
            meant.update(closest(str(name), unused or fields))
            remedy = suggestion(str(name), unused or fields) if closest(str(name), unused) else suggestion(str(name), fields)
            mistakes.add(f"{prefix}{name} is not a valid key; {remedy}")
    converted = {}
    for name, each in fields.items():
        if value.get(name) is not None:
            converted[name] = _convert(value[name], each.type, prefix + name, mistakes)
        elif each.required and name not in meant:
            state = "empty" if name in value else "missing"
            mistakes.add(f"{prefix}{name} is {state}; write {_described(each.type)}.")
    return kind(**converted) if len(mistakes.lines) == before else None


def _convert_named(value: Any, kind: Any, key: str, mistakes: Mistakes) -> Any:
    if not isinstance(value, dict) or not value:
        mistakes.add(f"{key} is {_shown(value)}; write {_described(dict[str, kind])}.")
        return None
    entries = {}
    for name, entry in value.items():
        if not (isinstance(name, str) and name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
            mistakes.add(f"{key}.{name} is not a valid name; {_NAME_REMEDY}")
        else:
            entries[name] = _convert(entry, kind, f"{key}.{name}", mistakes)
    return entries


def _convert_single(value: Any, kind: Any, key: str, mistakes: Mistakes) -> Any:
    if value is False and "off" in get_args(get_args(kind)[0]):
        value = "off"  # YAML takes the word for a truth value
    try:
        is_text_of_time = get_args(kind)[0] is datetime and isinstance(value, str)
        converted = msgspec.convert(datetime.fromisoformat(value) if is_text_of_time else value, kind)
    except (msgspec.ValidationError, ValueError, OverflowError):
        converted = None
    if converted is None or (isinstance(converted, float) and not math.isfinite(converted)):
        mistakes.add(f"{key} is {_shown(value)}; write {_described(kind)}.")
        return None
    return converted


def _described(kind: Any) -> str:
    if get_origin(kind) is dict and get_args(kind)[1] is Values:
        return "names and the values that each may have, like {rows: [3, 5, 8]}"
    if get_origin(kind) is dict:
        return "at least one topic" if get_args(kind)[1] is _TopicFields else "at least one task with its points"
    descriptions = [part.description for part in get_args(kind) if isinstance(part, Meta) and part.description]
    return descriptions[0] if descriptions else "keys and values below it"


def _shown(value: Any) -> str:
    if value is None or value == {} or value == []:
        return "empty"
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def _check_topics(course: _CourseFields, mistakes: Mistakes) -> None:
    numbers: dict[int, str] = {}
    for name, topic in course.topics.items():
        if topic is None:
            continue
        if name != name.lower():
            mistakes.add(f"topics.{name} has capital letters, which are risky in file names; write {name.lower()}.")
        other = numbers.setdefault(topic.number, name)
        if other != name:
            mistakes.add(f"topics.{name}.number is {topic.number}, as in {other}; give each topic its own number.")


def _check_verify(course: _CourseFields, mistakes: Mistakes) -> None:
    topics = {f"topics.{name}.verify": topic.verify for name, topic in course.topics.items() if topic is not None}
    for key, entry in {"verify": course.verify, **topics}.items():
        for text in verify_mistakes(key, entry):
            mistakes.add(text)


def _check_kinds(course: _CourseFields, mistakes: Mistakes) -> None:
    for topic, entry in course.topics.items():
        for name, task in entry.tasks.items() if entry is not None else ():
            if task is not None:
                for text in kind_mistakes(task):
                    mistakes.add(f"topics.{topic}.tasks.{name}.{text}")
