"""submitted/ out of downloads: again and again, nothing is lost and nothing is overwritten."""

from __future__ import annotations

import csv
from pathlib import Path

import downloads
import pytest
from downloads import notebook, write_folder, write_zip, zipped
from tiny_course import make_course

from autograder.course.course_file import Course, load_course
from autograder.course.roster import Person, Roster
from autograder.errors import SubmissionError
from autograder.grading.submissions import find_submissions
from autograder.intake.collect import Collection, collect
from autograder.intake.feedback_places import canvas_places, moodle_places
from autograder.intake.handin import Context

ROSTER = Roster((Person("ada", "Ada Lovelace"), Person("bo", "Bo Ek"), Person("cy", "Cy Ng")))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(make_course(tmp_path_factory.mktemp("course")))


@pytest.fixture
def run(course: Course, tmp_path: Path):
    """Collects downloads into tmp_path/out."""

    def collected(*paths: Path, roster: Roster | None = ROSTER, **options: str) -> Collection:
        return collect(paths, course, tmp_path / "out", roster=roster, context=Context(tuple(course.topics)), **options)

    return collected


def moodle(path: Path, **files: bytes) -> Path:
    """A Moodle download; the files' names are ada__views for Ada's views.ipynb."""
    names = {each.student: f"{each.name}_{number}" for number, each in enumerate(ROSTER.people, start=70)}
    content = {}
    for name, data in files.items():
        student, _, file = name.partition("__")
        content[f"{names[student]}_assignsubmission_file/{file.replace('__', '.') if '__' in file else f'{file}.ipynb'}"] = (
            data
        )
    return write_zip(path, content)


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "collected.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_second_time_nothing_changes(run, tmp_path: Path) -> None:
    source = write_zip(tmp_path / "d.zip", downloads.blackboard())
    run(source, roster=None)
    before = tree(tmp_path / "out")
    done = run(source, roster=None)
    assert (done.new, done.replaced, len(done.unchanged)) == ([], [], 36)
    assert tree(tmp_path / "out") == before


def test_lateness_that_is_unknown_is_told_until_there_is_a_time(run, course: Course, tmp_path: Path) -> None:
    source = write_zip(
        tmp_path / "c.zip", {"ekbo_LATE_71_91_views.ipynb": notebook("bo"), "ngcy_72_92_views.ipynb": notebook("cy")}
    )
    for _ in range(2):
        assert (done := run(source, form="canvas")).late == ["bo/views"]
        assert done.undated == []  # who was late is known
    (tmp_path / "out/bo/views/timestamp.txt").write_text("2027-03-02 15:58:23 UTC")
    assert run(source, form="canvas").late == []
    source = moodle(tmp_path / "m.zip", ada__views=notebook("1"))
    assert run(source).undated == ["views"]
    (tmp_path / "out/ada/views/timestamp.txt").write_text("2027-03-02 15:58:23 UTC")
    assert run(source).undated == []


def test_work_that_was_collected_without_the_roster_is_not_there_twice_unnoticed(run, tmp_path: Path) -> None:
    source = moodle(tmp_path / "1.zip", ada__views=notebook("1"), bo__views=notebook("2"))
    assert run(source, roster=None).notes == []
    [note] = run(source).notes
    assert "COLLECTED TWICE, under two names: Ada Lovelace is ada now, Bo Ek is bo now. Delete " in note
    for name in ("Ada Lovelace", "Bo Ek"):
        (tmp_path / "out" / name).rename(tmp_path / name)
    assert run(source).notes == []


def test_what_cannot_be_graded_is_known_to_have_been_handed_in(run, course: Course, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = moodle(tmp_path / "1.zip", ada__views=notebook("1"), bo__report__pdf=b"%PDF", cy__work__zip=zipped({}))
    for _ in range(2):
        assert [line.rpartition("/")[2] for line in run(source).left_out] == [
            "report.pdf, of bo: a submission ends in .ipynb or .py.",
            "work.zip, of cy: there is no file in it.",
        ]
        assert {name for name in tree(out) if "views.ipynb" not in name} == {
            "bo/views/report.pdf", "cy/views/work.zip", "collected.csv",
        }  # fmt: skip
    found = find_submissions([out], course)
    assert [(each.student, each.topic, bool(each.problem)) for each in found.submissions] == [
        ("ada", "views", False), ("bo", "views", True), ("cy", "views", True),
    ]  # fmt: skip
    run(moodle(tmp_path / "2.zip", ada__report__pdf=b"%PDF", bo__views=notebook("2")))
    assert (out / "ada/report.pdf").exists(), "a report beside a notebook would be one of its helpers"
    assert (out / ".earlier/bo/views/undated/report.pdf").exists()
    assert [each.student for each in find_submissions([out], course).submissions if each.problem] == ["cy"]


def test_what_cannot_be_graded_is_recorded_as_any_other_hand_in(run, tmp_path: Path) -> None:
    """So feedback finds its place at Canvas and Moodle, and a LATE mark is not lost."""
    out = tmp_path / "out"
    files = {
        "lovelaceada_13_71_views.ipynb": notebook("1"), "ekbo_LATE_12_72_report.pdf": b"%PDF",
        "ngcy_14_73_viws.ipynb": notebook("3"),
    }  # fmt: skip
    source = write_zip(tmp_path / "submissions.zip", files)
    for _ in range(2):
        done = run(source, form="canvas")
        assert (len(done.new + done.unchanged), done.late, done.missing) == (1, ["bo/views"], [])
        assert {file: (row["topic"], row["counts"], row["late"], row["who"]) for file, row in rows(out).items()} == {
            "ada/views/views.ipynb": ("views", "yes", "", "canvas 13"),
            "bo/views/report.pdf": ("views", "yes", "yes", "canvas 12"),
            "cy/viws.ipynb": ("views", "yes", "", "canvas 14"),
        }
    assert canvas_places(out) == canvas_places(out, source) == {
        ("ada", "views"): "lovelaceada_13_71_views.ipynb.html",
        ("bo", "views"): "ekbo_LATE_12_72_report.pdf.html",
        ("cy", "views"): "ngcy_14_73_viws.ipynb.html",
    }  # fmt: skip
    run(moodle(tmp_path / "2.zip", bo__views=notebook("2"), cy__views=notebook("3"), ada__essay__pdf=b"%PDF"))
    assert {file: row["counts"] for file, row in rows(out).items()} == {
        "ada/views/views.ipynb": "yes", "ada/essay.pdf": "", "bo/views/views.ipynb": "yes",
        ".earlier/bo/views/undated/report.pdf": "", "cy/views/views.ipynb": "yes", "cy/viws.ipynb": "",
    }  # fmt: skip
    assert moodle_places(out, {}).keys() == {("bo", "views"), ("cy", "views")}


def test_of_several_attempts_that_cannot_be_graded_the_latest_counts(run, course: Course, tmp_path: Path) -> None:
    def attempt(student: str, day: str, **files: bytes) -> dict[str, bytes]:
        return {
            f"{student}+views+2027-03-{day} 10:00:00 UTC/{name.replace('__', '.')}": data for name, data in files.items()
        }

    out = tmp_path / "out"
    attempts = attempt("ada", "03", b__pdf=b"3") | attempt("ada", "02", a__pdf=b"2")
    attempts |= attempt("bo", "01", views__ipynb=notebook("1")) | attempt("bo", "02", b__pdf=b"2")
    source = write_folder(tmp_path / "d", attempts)
    for _ in range(2):
        run(source)
        assert rows(out).keys() <= tree(out).keys()
        assert [(file.partition(" ")[0], row["counts"]) for file, row in rows(out).items()] == [
            ("ada/views/b.pdf", "yes"), ("bo/b.pdf", ""), ("bo/views/views.ipynb", "yes"),
            (".earlier/ada/views/2027-03-02", ""),
        ]  # fmt: skip
    found = {each.student: each for each in find_submissions([out], course).submissions}
    assert f"{found['ada'].submitted_at:%d}" == "03"
    assert not found["bo"].problem
    run(write_folder(tmp_path / "e", attempt("ada", "01", views__ipynb=notebook("early"))))
    assert [file for file, row in rows(out).items() if row["counts"]] == ["ada/views/views.ipynb", "bo/views/views.ipynb"]


def test_a_later_download_replaces_and_keeps_what_was(run, tmp_path: Path) -> None:
    run(moodle(tmp_path / "1.zip", ada__views=notebook("1"), bo__views=notebook("bo")))
    done = run(moodle(tmp_path / "2.zip", ada__views=notebook("2"), bo__views=notebook("bo"), cy__views=notebook("cy")))
    assert (done.new, done.replaced, done.unchanged) == (["cy/views"], ["ada/views"], ["bo/views"])
    out = tmp_path / "out"
    assert (out / "ada/views/views.ipynb").read_bytes() == notebook("2")
    assert (out / ".earlier/ada/views/undated/views.ipynb").read_bytes() == notebook("1")
    assert {file: row["counts"] for file, row in rows(out).items()} == {
        "ada/views/views.ipynb": "yes",
        "bo/views/views.ipynb": "yes",
        "cy/views/views.ipynb": "yes",
        ".earlier/ada/views/undated/views.ipynb": "",
    }
    assert run(tmp_path / "2.zip").replaced == []
    done = run(tmp_path / "1.zip")
    assert (done.replaced, done.notes) == (
        [],
        ["ada/views: what 1.zip holds was replaced by a later attempt before, and stays so."],
    )


def test_an_older_download_does_not_replace(run, tmp_path: Path) -> None:
    for day in ("03", "01"):
        above = f"ada+views+2027-03-{day} 10:00:00 UTC"
        run(write_folder(tmp_path / day, {f"{above}/views.ipynb": notebook(day), f"{above}/utils.py": day.encode()}))
    out = tmp_path / "out"
    assert (out / "ada/views/views.ipynb").read_bytes() == notebook("03")
    assert (out / "ada/views/timestamp.txt").read_text() == "2027-03-03 10:00:00 UTC\n"
    assert (out / "ada/views/utils.py").read_bytes() == b"03"
    assert sorted(tree(out / ".earlier").values()) == [b"01", notebook("01")]


def test_a_helper_that_changed_is_a_new_attempt(run, tmp_path: Path) -> None:
    same = {"ada__views": notebook("import utils")}
    run(moodle(tmp_path / "1.zip", **same, ada__utils__py=b"a = 1"))
    done = run(moodle(tmp_path / "2.zip", **same, ada__utils__py=b"a = 2"))
    assert done.replaced == ["ada/views"]
    assert (tmp_path / "out/ada/views/utils.py").read_bytes() == b"a = 2"
    assert (tmp_path / "out/.earlier/ada/views/undated/utils.py").read_bytes() == b"a = 1"


def test_what_an_instructor_changed_stays(run, tmp_path: Path) -> None:
    source = moodle(tmp_path / "1.zip", ada__views=notebook("1"))
    run(source)
    file = tmp_path / "out/ada/views/views.ipynb"
    file.write_bytes(notebook("repaired"))
    done = run(source)
    assert file.read_bytes() == notebook("repaired")
    assert done.notes == [f"{file.parent}: views.ipynb was changed since it was collected, and stays as it is."]
    done = run(moodle(tmp_path / "2.zip", ada__views=notebook("2")))
    assert done.replaced == ["ada/views"]
    assert (tmp_path / "out/.earlier/ada/views/undated/views.ipynb").read_bytes() == notebook("repaired")


def test_what_was_there_before_is_not_overwritten(run, tmp_path: Path) -> None:
    write_folder(tmp_path / "out", {"ada/views/views.ipynb": notebook("by hand"), "bo": b"a file"})
    done = run(moodle(tmp_path / "1.zip", ada__views=notebook("1"), bo__views=notebook("bo")))
    assert done.replaced == ["ada/views"]
    assert (tmp_path / "out/.earlier/ada/views/undated/views.ipynb").read_bytes() == notebook("by hand")
    assert (tmp_path / "out/bo").read_bytes() == b"a file"
    assert notebook("bo") in tree(tmp_path / "out").values()


def test_who_is_not_in_the_roster_is_set_aside(run, tmp_path: Path) -> None:
    files = {"Eve Doe_9_assignsubmission_file/views.ipynb": b"{}", "Eve Doe_9_assignsubmission_file/d.csv": b"1"}
    source = write_zip(tmp_path / "d.zip", {**files, "Ada Lovelace_8_assignsubmission_file/views.ipynb": b"{}"})
    done = run(source)
    assert done.left_out == [
        f"{source}/Eve Doe_9_assignsubmission_file/views.ipynb and 1 more file: nobody in the roster is called “Eve Doe”."
    ]
    assert {f"d/{name}": data for name, data in files.items()} == tree(tmp_path / "out/.unassigned")
    assert done.missing == ["bo", "cy"]


def test_namesakes_without_a_roster_stay_apart(run, tmp_path: Path) -> None:
    def person(number: int) -> dict[str, bytes]:
        return {f"Li Na_{number}_assignsubmission_file/views.ipynb": notebook(str(number))}

    run(write_zip(tmp_path / "1.zip", person(71)), roster=None)
    done = run(write_zip(tmp_path / "2.zip", {**person(71), **person(72)}), roster=None)
    assert (done.new, done.unchanged) == (["Li Na (participant 72)/views"], ["Li Na/views"])
    done = run(write_zip(tmp_path / "3.zip", person(73)), roster=None)
    assert done.left_out == [
        f"{tmp_path}/3.zip/Li Na_73_assignsubmission_file/views.ipynb: it is by another person of the name “Li Na” "
        "(moodle 73, not moodle 71); a roster would tell them apart."
    ]
    assert (tmp_path / "out/Li Na/views/views.ipynb").read_bytes() == notebook("71")


def test_the_assignments_name_or_the_option_gives_the_topic(run, tmp_path: Path) -> None:
    done = run(
        moodle(tmp_path / "CS1-Views-77.zip", ada__homework=notebook("1"), bo__homework=notebook("2"), bo__more=b"{}")
    )
    assert done.new == ["ada/views"]
    assert len(done.left_out) == 2
    done = run(moodle(tmp_path / "sheet.zip", cy__homework=notebook("1")), topic="views")
    assert done.new == ["cy/views"]


def test_work_comes_before_an_untouched_notebook_of_a_later_release(run, tmp_path: Path) -> None:
    stubs = notebook("guess = ...\ndef double(x):\n    raise NotImplementedError", "views")
    work = notebook("def double(x):\n    return 2 * x", "views")
    files = {"views": work, "01_views": stubs, "01_views (2)": stubs}
    source = write_zip(tmp_path / "d.zip", {f"Ada Lovelace_7_assignsubmission_file/{n}.ipynb": d for n, d in files.items()})
    assert run(source).new == ["ada/views"]
    assert (tmp_path / "out/ada/views/views.ipynb").read_bytes() == work
    both = {"views": work, "01_views": notebook("guess = 7", "views")}
    source = write_zip(tmp_path / "e.zip", {f"Bo Ek_8_assignsubmission_file/{n}.ipynb": d for n, d in both.items()})
    assert run(source).new == ["bo/views"]
    assert sorted(tree(tmp_path / "out/bo") | tree(tmp_path / "out/.earlier/bo")) == [
        next(iter(tree(tmp_path / "out/.earlier/bo"))), "views/views.ipynb",
    ]  # fmt: skip


def test_only_the_start_notebook(run, tmp_path: Path) -> None:
    source = moodle(
        tmp_path / "1.zip", ada__views=notebook("1"), bo__00_start=notebook("2"), cy__hello=notebook("3", "00_start")
    )
    done = run(source, topic="views")
    assert (done.new, done.left_out, done.missing) == (["ada/views"], [], [])
    assert done.notes == ["bo and cy handed in the start notebook (00_start), which has nothing to grade; it was left out."]


def test_a_students_timestamp_says_nothing(run, tmp_path: Path) -> None:
    run(moodle(tmp_path / "1.zip", ada__views=notebook("1"), ada__timestamp__txt=b"2020-01-01 00:00:00 UTC"))
    assert set(tree(tmp_path / "out/ada/views")) == {"views.ipynb", "timestamp (the student's).txt"}


def test_a_damaged_file_is_listed_and_the_rest_is_collected(run, tmp_path: Path) -> None:
    source = moodle(tmp_path / "1.zip", ada__views=notebook("1" * 500), bo__views=notebook("2"))
    data = bytearray(source.read_bytes())
    data[90] ^= 255
    source.write_bytes(data)
    done = run(source)
    assert done.new == ["bo/views"]
    assert len(done.left_out) == 1
    assert "Ada Lovelace_70_assignsubmission_file/views.ipynb: it is damaged, or cannot be read (" in done.left_out[0]


def test_the_same_name_twice_in_a_zip(run, tmp_path: Path) -> None:
    name = "Ada Lovelace_70_assignsubmission_file/views.ipynb"
    other = name.replace("views", "viewz")
    source = write_zip(tmp_path / "d.zip", {name: notebook("1"), other: notebook("2")})
    source.write_bytes(source.read_bytes().replace(other.encode(), name.encode()))
    run(source)
    assert sorted(data for name, data in tree(tmp_path / "out").items() if name.endswith(".ipynb")) == [
        notebook("1"),
        notebook("2"),
    ]


def test_more_outputs_than_grading_reads(run, course: Course, tmp_path: Path) -> None:
    huge = b'{"cells": [], "metadata": {}, "x": "' + bytes(70 << 20) + b'"}'
    done = run(moodle(tmp_path / "1.zip", ada__views=huge, bo__views=notebook("1")))
    assert done.new == ["ada/views", "bo/views"]
    submission = find_submissions([tmp_path / "out"], course, students=["ada"]).submissions[0]
    with pytest.raises(SubmissionError, match="larger than 64 MB; clear its outputs"):
        submission.read()


def test_grading_finds_what_was_collected_and_nothing_else(run, course: Course, tmp_path: Path) -> None:
    source = write_zip(tmp_path / "d.zip", downloads.brightspace())
    done = run(source, roster=None)
    found = find_submissions([tmp_path / "out"], course)
    assert [f"{each.student}/{each.topic}" for each in found.submissions if not each.problem] == sorted(done.new)
    assert all(each.submitted_at for each in found.submissions if not each.problem)
    assert len(found.unrecognised) == 3  # viws.ipynb, views.pdf and broken.zip
    ninth = next(each for each in found.submissions if each.student == "Robert Bob Tables")
    assert [path.name for path in ninth.helpers] == ["utils.py"]


def test_collecting_from_where_it_goes_is_refused(run, tmp_path: Path) -> None:
    run(moodle(tmp_path / "1.zip", ada__views=notebook("1")))
    with pytest.raises(SubmissionError, match="is the folder to collect into; name another one with -o"):
        run(tmp_path / "out")


def test_a_file_in_the_way_is_named(run, tmp_path: Path) -> None:
    source = moodle(tmp_path / "1.zip", ada__views=notebook("1"))
    (tmp_path / "out").write_text("")
    with pytest.raises(SubmissionError, match="out: is a file, not the class's folder; name another one with -o"):
        run(source)
    (tmp_path / "out").unlink()
    write_folder(tmp_path / "out", {"ada": b"a file", ".unassigned": b"another"})
    with pytest.raises(OSError, match=r"\.unassigned"):
        run(source)


def test_a_log_that_was_damaged_is_named(run, tmp_path: Path) -> None:
    write_folder(tmp_path / "out", {"collected.csv": b"a,b\n1,2\n"})
    with pytest.raises(SubmissionError, match=r"collected.csv: lacks columns; move it away"):
        run(moodle(tmp_path / "1.zip", ada__views=notebook("1")))


def test_helpers_of_a_notebook_in_a_folder_of_a_zip(run, tmp_path: Path) -> None:
    work = zipped({"w/sub/views.ipynb": notebook("1"), "w/sub/d/x.csv": b"1", "w/readme.txt": b"2", "w/d/x.csv": b"3"})
    run(moodle(tmp_path / "1.zip", ada__work__zip=work))
    assert set(tree(tmp_path / "out/ada/views")) == {"views.ipynb", "d/x.csv", "d/x (2).csv", "readme.txt"}


def test_how_canvas_named_each_file_is_recorded(run, tmp_path: Path) -> None:
    """Feedback then needs no download; a record of an older version is completed by collecting again."""
    files = {
        "ekbo_LATE_12_71_views-1.ipynb": notebook("guess = 7"),
        "lovelaceada_13_72_work.zip": zipped({"work/views.ipynb": notebook("guess = 8")}),
    }
    source = write_zip(tmp_path / "submissions.zip", files)
    run(source)
    assert canvas_places(tmp_path / "out") == canvas_places(tmp_path / "out", source) == {
        ("bo", "views"): "ekbo_LATE_12_71_views-1.ipynb.html",
        ("ada", "views"): "lovelaceada_13_72_work.zip.html",
    }  # fmt: skip
    table = tmp_path / "out/collected.csv"
    recorded = table.read_text()
    table.write_text("".join(f"{line.rpartition(',')[0]}\n" for line in recorded.splitlines()))
    with pytest.raises(SubmissionError, match="Collect the download again"):
        canvas_places(tmp_path / "out")
    run(source)
    assert table.read_text() == recorded
