from __future__ import annotations

import errno
import os
import stat
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from small_course import FILES, write_course

from autograder.comparing.compare import compare, same
from autograder.course.course_file import Course, load_course
from autograder.course.make_job import make_job
from autograder.course.topic import Topic, load_topic
from autograder.errors import AuthoringError, CourseError, KeyMismatch, MachineError
from autograder.keys import build as build_module
from autograder.keys import key as key_module
from autograder.keys.build import CACHE, build_key, key_folder, with_misconceptions
from autograder.keys.key import KEY_FORMAT, AnswerKey, current_versions, read_key, write_key
from autograder.processes.pool import Pool
from autograder.records.jobs import Job, Run
from autograder.records.observation import DigestFact, MappingFact, Observation
from autograder.release import public_keys


class _NoPool:
    """Stands where a key has to come from the cache."""

    def map(self, jobs: object) -> None:
        raise AssertionError("a key was built although the cache has it")


NO_POOL: Pool = _NoPool()  # type: ignore[assignment]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(write_course(tmp_path_factory.mktemp("course")))


@pytest.fixture(scope="module")
def topic(course: Course) -> Topic:
    return load_topic(course, "small")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def key(course: Course, topic: Topic, pool: Pool, cache: Path) -> AnswerKey:
    return build_key(course, topic, seed=3, pool=pool, cache=cache)


@pytest.fixture(scope="module")
def public(course: Course, topic: Topic, pool: Pool) -> AnswerKey:
    return public_keys.make(course, topic, pool)


def test_a_key_holds_the_reference_and_each_misconception_for_its_task(key: AnswerKey) -> None:
    assert {check: len(draws) for check, draws in key.reference.items()} == {
        "test_scale_values": 2,
        "test_scale_zero": 2,
        "test_noise": 2,
        "test_guess": 2,
        "test_scale_dtype": 1,
    }
    assert set(key.misconceptions["uniform"]) == {"test_noise"}
    assert list(key.tasks) == list(key.misconceptions) == list(key.feedback)
    assert key.tasks["in_place"] == "scale"
    assert (key.seed, key.device, key.public) == (3, "cpu", False)


def test_a_thing_that_is_not_observed_is_the_authors_mistake(tmp_path: Path, pool: Pool) -> None:
    hidden = """
        from threading import Lock

        from autograder import checks, only


        @checks("scale")
        def test_lock(code, given):
            \"\"\"The lock.\"\"\"
            return {"lock": Lock()}


        @checks("scale")
        def test_type(code, given):
            \"\"\"The type alone.\"\"\"
            return only(Lock(), "type")
        """
    course = load_course(write_course(tmp_path, tests__hidden__test_small=hidden))
    with pytest.raises(AuthoringError) as refused:
        build_key(course, load_topic(course, "small"), seed=3, pool=pool, cache=None)
    assert str(refused.value) == (
        "tests/hidden/test_small.py:7: test_lock: the reference returns something that cannot be observed, "
        "_thread.lock; return its parts, or write an observer for it, @observes (draw 0)."
    )


NEIGHBOURS = {
    "one that changes what others use": """
        @misconception("scale", "It changes what others use.")
        def spoils(x, by):
            torch.Tensor.__neg__ = lambda self: self
            return x * by + 1


        @misconception("scale", "It uses that.")
        def subtracts(x, by):
            return by + -x
        """,
    "one that ends the process": """
        @misconception("scale", "It does not end well.")
        def ends(x, by):
            import os
            os._exit(1)


        @misconception("scale", "And the next one?")
        def subtracts(x, by):
            return by - x
        """,
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_misconceptions_that_share_a_process_are_seen_as_if_they_were_alone(
    key: AnswerKey, pool: Pool, tmp_path: Path, name: str
) -> None:
    course = load_course(write_course(tmp_path / "course"))
    file = tmp_path / "course/solutions/misconceptions/small.py"
    file.write_text(f"{file.read_text()}\n\n{textwrap.dedent(NEIGHBOURS[name])}")
    topic = load_topic(course, "small")
    alone = build_key(course, topic, seed=3, pool=pool, apart=True)
    assert build_key(course, topic, seed=3, pool=pool) == alone
    assert {name: alone.misconceptions[name] for name in key.misconceptions} == key.misconceptions


def test_a_key_is_taken_from_the_cache(course: Course, topic: Topic, key: AnswerKey, cache: Path) -> None:
    assert build_key(course, topic, seed=3, pool=NO_POOL, cache=cache) == key
    (entry,) = cache.iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_misconceptions_of_some_tasks_are_added_when_they_are_wanted(
    course: Course, topic: Topic, pool: Pool, key: AnswerKey, tmp_path: Path
) -> None:
    first = build_key(course, topic, seed=3, pool=pool, cache=tmp_path, tasks=())
    assert (first.reference, first.misconceptions) == (key.reference, {})
    assert not first.knows("scale")
    some = with_misconceptions(course, topic, first, pool=pool, cache=tmp_path, tasks=("scale",))
    assert some.knows("scale")
    assert {key.tasks[name] for name in some.misconceptions} == {"scale"} != set(key.tasks.values())
    assert with_misconceptions(course, topic, some, pool=NO_POOL, tasks=("scale",)) is some
    assert build_key(course, topic, seed=3, pool=NO_POOL, cache=tmp_path, tasks=("scale",)) == some
    whole = build_key(course, topic, seed=3, pool=pool, cache=tmp_path)
    assert whole == key
    assert list(whole.misconceptions) == list(key.misconceptions)
    assert build_key(course, topic, seed=3, pool=NO_POOL, cache=tmp_path) == key


def test_another_seed_or_source_is_another_key(course: Course, topic: Topic, key: AnswerKey, cache: Path) -> None:
    with pytest.raises(AssertionError):
        build_key(course, topic, seed=4, pool=NO_POOL, cache=cache)
    assert topic.hidden is not None
    hidden = msgspec.structs.replace(topic.hidden, source=topic.hidden.source + "\n")
    changed = Topic(**{**vars(topic), "hidden": hidden})
    with pytest.raises(AssertionError):
        build_key(course, changed, seed=3, pool=NO_POOL, cache=cache)


def test_a_damaged_cache_entry_is_built_anew(
    course: Course, topic: Topic, pool: Pool, key: AnswerKey, tmp_path: Path
) -> None:
    entry = tmp_path / f"small-{key.made_from[:32]}.key"
    for content in (b"", b"nonsense", b"autograde answer key\n" + b"\0" * 100):
        entry.write_bytes(content)
        assert build_key(course, topic, seed=3, pool=pool, cache=tmp_path).made_from == key.made_from
        assert read_key(entry).reference["test_guess"] == key.reference["test_guess"]


def test_old_cache_entries_go(key: AnswerKey, tmp_path: Path) -> None:
    for number in range(12):
        path = tmp_path / f"small-{number}.key"
        write_key(key, path)
        os.utime(path, (number, number))
    write_key(key, other := tmp_path / "smaller-1.key")
    build_module._drop_old_entries(tmp_path / "small-11.key")
    kept = {path.name for path in tmp_path.iterdir()} - {other.name}
    assert kept == {f"small-{number}.key" for number in range(4, 12)}
    assert other.exists()


def test_what_is_written_is_read_again(key: AnswerKey, tmp_path: Path) -> None:
    write_key(key, tmp_path / "a.key")
    assert read_key(tmp_path / "a.key", versions=current_versions()) == key
    first = (tmp_path / "a.key").read_bytes()
    write_key(key, tmp_path / "a.key")
    assert (tmp_path / "a.key").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]


def test_misconceptions_keep_their_order_when_written(key: AnswerKey, tmp_path: Path) -> None:
    """Of misconceptions that explain as much, the first is named: a key from the cache has to name the same one."""
    backwards = dict(sorted(key.misconceptions.items(), reverse=True))
    assert len(backwards) > 1
    write_key(msgspec.structs.replace(key, misconceptions=backwards), tmp_path / "a.key")
    assert list(read_key(tmp_path / "a.key").misconceptions) == list(backwards)


def test_mismatches_are_clear(key: AnswerKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.key"
    with pytest.raises(KeyMismatch, match="there is no answer key; take it from the release"):
        read_key(path)
    path.write_text("{}")
    with pytest.raises(KeyMismatch, match="is not an answer key"):
        read_key(path)
    write_key(key, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(KeyMismatch, match="is damaged"):
        read_key(path)
    write_key(msgspec.structs.replace(key, versions={**key.versions, "torch": "2.99.1+cpu"}), path)
    read_key(path)
    with pytest.raises(
        KeyMismatch, match=r"was made with torch 2\.99\.1\+cpu, but torch .* is installed; install torch 2\.99"
    ):
        read_key(path, versions=current_versions())
    for version, words in ((99, "install the release's requirements again"), (0, "take a fresh one from the release")):
        monkeypatch.setattr(key_module, "KEY_FORMAT", version)
        write_key(key, path)
        monkeypatch.undo()
        with pytest.raises(
            KeyMismatch, match=f"has format {version}, but this autograde reads format {KEY_FORMAT}; {words}"
        ):
            read_key(path)


def test_a_reference_that_raises_is_the_authors_mistake(tmp_path: Path, pool: Pool) -> None:
    source = FILES["solutions/small.py"].replace("return torch.randn(n, 2)", "return torch.nonsense(n)")
    course = load_course(write_course(tmp_path, solutions__small=source))
    with pytest.raises(AuthoringError) as caught:
        build_key(course, load_topic(course, "small"), seed=3, pool=pool)
    assert str(caught.value).startswith(
        "tests/visible/test_small.py:17: test_noise: the reference raises AttributeError: module 'torch' has no"
    )
    line = 1 + source.lstrip("\n")[: source.lstrip("\n").index("torch.nonsense")].count("\n")
    assert str(caught.value).endswith(f"(draw 0, solutions/small.py:{line}).")
    assert len(str(caught.value).splitlines()) == 1


def test_a_reference_that_is_the_stub_is_called_so(tmp_path: Path, pool: Pool) -> None:
    source = FILES["solutions/small.py"].replace("return torch.randn(n, 2)", "raise NotImplementedError")
    course = load_course(write_course(tmp_path, solutions__small=source))
    with pytest.raises(AuthoringError, match="the reference is not attempted, as its code is that of the exercise; write a"):
        build_key(course, load_topic(course, "small"), seed=3, pool=pool)


def test_a_reference_that_fails_by_itself_is_named_with_its_line(tmp_path: Path, pool: Pool) -> None:
    source = dedent(FILES["solutions/small.py"]).strip("\n") + "\n\n# %%\nx = 1\nx / 0\n"
    course = load_course(write_course(tmp_path, solutions__small=source))
    with pytest.raises(AuthoringError) as caught:
        build_key(course, load_topic(course, "small"), seed=3, pool=pool)
    line = source.count("\n")
    assert str(caught.value) == f"solutions/small.py:{line}: the reference fails: ZeroDivisionError: division by zero."


def test_a_check_that_raises_itself_is_named_with_its_line(tmp_path: Path, pool: Pool) -> None:
    source = dedent(FILES["tests/visible/test_small.py"]).lstrip("\n")
    source = source.replace("    return distributed_as", "    raise ValueError('oops')\n    return distributed_as")
    course = load_course(write_course(tmp_path, tests__visible__test_small=source))
    with pytest.raises(AuthoringError) as caught:
        build_key(course, load_topic(course, "small"), seed=3, pool=pool)
    line = 1 + source[: source.index("raise ValueError('oops')")].count("\n")
    assert str(caught.value).startswith(
        f"tests/visible/test_small.py:{line}: test_noise: the check raises ValueError: oops ("
    )


# ---- the public key ---------------------------------------------------------------------------------------------------


def test_the_public_key_has_the_visible_checks_on_the_public_seed(public: AnswerKey) -> None:
    assert set(public.reference) == {"test_scale_values", "test_scale_zero", "test_noise", "test_guess"}
    assert "test_scale_dtype" not in public.misconceptions["always_float32"]
    assert (public.public, public.seed) == (True, 0)


def test_the_public_key_holds_nothing_of_the_solution_nor_a_secret_answer(public: AnswerKey, tmp_path: Path) -> None:
    write_key(public, tmp_path / "small.key")
    data = (tmp_path / "small.key").read_bytes()
    for private in (b"secret message", b"secret comment", b"int64", b"'float32'", b"return x", b"solutions/"):
        assert private not in data
    guess = public.reference["test_guess"][0].returned
    assert isinstance(guess, MappingFact)
    assert isinstance(guess.items[0], DigestFact)
    assert isinstance(public.misconceptions["float32"]["test_guess"][0].returned.items[0], DigestFact)  # type: ignore[union-attr]


class _LosesOne:
    """A pool in whose hands the machine fails at the second job that it maps."""

    def __init__(self, pool: Pool, lost: int) -> None:
        self._pool, self._lost = pool, lost

    def map_in_turn(self, series: Iterable[Sequence[Job]]) -> Iterator[tuple[Run, ...]]:
        return self._pool.map_in_turn(series)

    def map(self, jobs: Iterable[Job]) -> Iterator[Run]:
        for run in self._pool.map(jobs):
            self._lost -= 1
            yield run if self._lost else Run(problem="The machine has too little memory.", not_graded=True)


@pytest.mark.parametrize("lost", [1, 3])
def test_a_key_with_a_hole_is_no_key_and_nobodys_fault(
    course: Course, topic: Topic, pool: Pool, tmp_path: Path, lost: int
) -> None:
    poor: Pool = _LosesOne(pool, lost)  # type: ignore[assignment]
    with pytest.raises(MachineError, match=r"small: the course's own code could not be run\. The machine .* --jobs"):
        build_key(course, topic, seed=4, pool=poor, cache=tmp_path, apart=True)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_time_only(
    course: Course, topic: Topic, pool: Pool, tmp_path: Path, key: AnswerKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: AnswerKey, path: Path, *, private: bool) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build_module, "write_key", full)
    assert build_key(course, topic, seed=3, pool=pool, cache=tmp_path).made_from == key.made_from


def test_salts_differ_and_are_repeatable(course: Course, topic: Topic, pool: Pool, public: AnswerKey) -> None:
    salts = [draw.returned.items[0].salt for draw in public.reference["test_guess"]]  # type: ignore[union-attr]
    assert len(set(salts)) == 2
    assert public_keys.make(course, topic, pool).reference["test_guess"] == public.reference["test_guess"]


def observed(course: Course, topic: Topic, pool: Pool, guess: str) -> Observation:
    cell = msgspec.structs.replace(topic.reference[3], source=f"guess = {guess}")
    cells = (*topic.reference[:3], cell)
    run = pool.run(make_job(course, topic, cells, seed=0, tasks=["guess"], hidden=False))
    seen = run.observations["test_guess", 0]
    assert isinstance(seen, Observation)
    return seen


def test_answers_are_compared_with_digests(course: Course, topic: Topic, pool: Pool, public: AnswerKey) -> None:
    expected = public.reference["test_guess"][0]
    known = public.misconceptions["float32"]["test_guess"][0]
    assert isinstance(known, Observation)
    right, wrong, other = (observed(course, topic, pool, guess) for guess in ("'int64'", "'float32'", "64"))
    assert compare(expected, right, course.tolerances) == ()
    assert compare(expected, wrong, course.tolerances)[0].sentence == ("`guess` is not the right answer (yours: 'float32').")
    assert compare(expected, other, course.tolerances)
    assert same(known, wrong, course.tolerances)
    assert not same(known, right, course.tolerances)
    assert not same(known, other, course.tolerances)


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Course("A course", {}, tmp_path / "course")
    (tmp_path / "file").touch()
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert key_folder(own) == tmp_path / "course/.autograde/keys"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert key_folder(own) == tmp_path / "xdg/autograde/keys"
    monkeypatch.setenv(CACHE, str(tmp_path / "named"))
    assert key_folder(own) == tmp_path / "named/keys"
    moved = replace(own, cache=tmp_path / "option")
    assert key_folder(moved) == tmp_path / "option/keys"
    assert stat.S_IMODE((tmp_path / "option/keys").stat().st_mode) == 0o700
    with pytest.raises(CourseError, match=r"file: cannot be the cache \(Not a directory\); choose another folder"):
        key_folder(replace(own, cache=tmp_path / "file"))
    with pytest.raises(CourseError, match="students' code can read "):
        key_folder(replace(own, cache=Path(sys.prefix) / "lib/cache"))
    assert not (Path(sys.prefix) / "lib/cache").exists()
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert key_folder(own) == tmp_path / "course/.autograde/keys"
