"""A class of forty in each platform's layout: who is assigned what, when it was handed in, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import downloads
import pytest
from downloads import write_zip, zipped
from tiny_course import make_course

from autograder.course.course_file import Course, load_course
from autograder.course.roster import Roster, read_roster
from autograder.errors import SubmissionError
from autograder.intake.archive import read_source
from autograder.intake.collect import collect
from autograder.intake.formats import FORMATS, download_at, read_handins, recognise
from autograder.intake.handin import Context, Handin
from autograder.intake.plain import owners

TOPICS = ("views",)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(make_course(tmp_path_factory.mktemp("course")))


@pytest.fixture(scope="module")
def roster(course: Course) -> Roster:
    path = course.root / "people.csv"
    path.write_text(downloads.roster_csv(), encoding="utf-8")
    return read_roster(path)


def handins(path: Path, context: Context | None = None) -> list[Handin]:
    with ExitStack() as stack:
        source = read_source(path, stack)
        return read_handins(source, recognise(source), context or Context(TOPICS)).handins


@pytest.mark.parametrize("layout", downloads.LAYOUTS)
def test_everybody_of_a_class_of_forty_is_assigned(layout: str, course: Course, roster: Roster, tmp_path: Path) -> None:
    make, form = downloads.LAYOUTS[layout]
    source = downloads.write_zip(tmp_path / "sheet 5.zip", make())
    out = tmp_path / "submitted"
    done = collect([source], course, out, roster=roster, context=Context(TOPICS))
    with ExitStack() as stack:
        assert recognise(read_source(source, stack)) == form
    expected = downloads.COLLECTED - ({"s09"} if layout == "flat files" else set())
    assert {place.removesuffix("/views") for place in done.new} == expected
    for student, content in {
        "s00": downloads.notebook("x = 0"),
        "s01": b"",
        "s02": b"this is no notebook",
        "s03": downloads.notebook("x = 3"),  # 李娜
        "s04": downloads.notebook("x = 4"),  # the other 李娜
        "s05": downloads.notebook("x = 5"),  # Anna Schmidt
        "s08": downloads.notebook("x = 8", "views"),
        "s10": downloads.notebook("x = 'second'"),
        "s11": downloads.notebook("x = 11"),
        "s15": downloads.notebook("x = 15"),
    }.items():
        assert (out / student / "views/views.ipynb").read_bytes() == content
    assert (out / "s12/views/views.py").read_bytes() == b"x = 12\n"
    left_out = "\n".join(done.left_out)
    name = "s07_viws”; if all are for one topic, name it" if layout == "flat files" else "viws”; did you mean 'views'?"
    assert f"of s07: no topic of the course is called “{name}" in left_out
    assert "of s06: a submission ends in .ipynb or .py." in left_out
    assert "of s13: it is not a zip that can be read" in left_out
    kept = {path.read_bytes() for path in (out / "s06").rglob("*") if path.is_file()}
    assert b"%PDF-1.7" in kept
    earlier = [path.read_bytes() for path in (out / ".earlier/s10").rglob("*.ipynb")]
    assert earlier == [downloads.notebook("x = 'first'")]
    if layout != "flat files":
        assert {path.name for path in (out / "s09/views").iterdir()} >= {"utils.py", "data.csv", "model.pt", "views.ipynb"}
        assert (out / "s11/views/data/d.csv").read_bytes() == b"3"


@pytest.mark.parametrize("layout", downloads.LAYOUTS)
def test_numbered_notebooks_and_the_start_notebook(layout: str, course: Course, roster: Roster, tmp_path: Path) -> None:
    make, form = downloads.LAYOUTS[layout]
    files = {name.replace("views.ipynb", "03_views.ipynb"): data for name, data in make().items()}
    start = downloads.notebook("print('Hello')", "00_start")
    files |= {name.replace("03_views", "00_start"): start for name in files if name.endswith("03_views.ipynb")}
    source = downloads.write_zip(tmp_path / "sheet 5.zip", files)
    with ExitStack() as stack:
        assert recognise(read_source(source, stack)) == form
    done = collect([source], course, tmp_path / "out", roster=roster, context=Context(TOPICS))
    expected = downloads.COLLECTED - ({"s09"} if layout == "flat files" else set())
    assert {place.removesuffix("/views") for place in done.new} == expected
    assert (tmp_path / "out/s00/views/views.ipynb").read_bytes() == downloads.notebook("x = 0")
    assert not [line for line in done.left_out if "start" in line]
    assert any(line.endswith("handed in the start notebook (00_start), which has nothing to grade; it was left out.")
               for line in done.notes)  # fmt: skip
    assert start not in {path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_a_class_named_by_numbers_is_not_canvass(tmp_path: Path) -> None:
    """`ada_1815_01_views.ipynb` looks as Canvas's names do, but for the file's id."""
    files = {f"{who}_{id_}_01_views.ipynb": b"{}" for who, id_ in (("ada", 1815), ("bo", 1816), ("cy", 1817))}
    with ExitStack() as stack:
        source = read_source(downloads.write_zip(tmp_path / "d.zip", files), stack)
        assert recognise(source) == "plain"
        assert [each.who.guess for each in read_handins(source, "plain", Context(TOPICS)).handins] == [
            "ada_1815", "bo_1816", "cy_1817",
        ]  # fmt: skip


@pytest.mark.parametrize("layout", ["moodle", "canvas", "github", "nbgrader submitted", "flat files"])
def test_an_unpacked_download_is_the_same(layout: str, course: Course, roster: Roster, tmp_path: Path) -> None:
    make, form = downloads.LAYOUTS[layout]
    source = downloads.write_folder(tmp_path / "unpacked", make())
    done = collect([source], course, tmp_path / "out", roster=roster, context=Context(TOPICS))
    assert len(done.new) == (35 if layout == "flat files" else 36)
    assert download_at(source, TOPICS) == (None if layout == "nbgrader submitted" else form)


@pytest.mark.parametrize("layout", ["folders", "nbgrader submitted"])
def test_what_grade_reads_itself_is_no_download(layout: str, tmp_path: Path) -> None:
    source = downloads.write_folder(tmp_path / "class", downloads.LAYOUTS[layout][0]())
    assert download_at(source, TOPICS) is None


def test_a_students_own_folder_is_no_download(tmp_path: Path) -> None:
    drafts = {f"views{end}.ipynb": b"{}" for end in ("", "_old", "_v2", " (3)", "-Copy1")}
    assert download_at(downloads.write_folder(tmp_path / "ada", drafts), TOPICS) is None
    named = {f"{name}.ipynb": downloads.notebook("x = 1", "views") for name in ("ada", "bo", "cy")}
    assert download_at(downloads.write_folder(tmp_path / "class", named), TOPICS) == "plain"


@pytest.mark.parametrize(
    ("make", "key", "when"),
    [
        (downloads.blackboard, "s21", datetime(2027, 2, 28, 9, 0, 21, tzinfo=UTC)),
        (downloads.brightspace, "3021", datetime(2027, 2, 28, 9, 21, tzinfo=UTC)),
        (downloads.gradescope, "s21@x.edu", datetime(2027, 2, 28, 10, 0, 21, tzinfo=UTC)),
        (downloads.exchange, "s21", datetime(2027, 2, 28, 10, 0, 21, tzinfo=UTC)),
        (downloads.submitted, "s21", datetime(2027, 2, 28, 10, 0, 21, tzinfo=UTC)),
    ],
)
def test_times_are_the_platforms(make: Callable[[], dict[str, bytes]], key: str, when: datetime, tmp_path: Path) -> None:
    found = handins(downloads.write_zip(tmp_path / "d.zip", make()), Context(TOPICS, ZoneInfo("Europe/Berlin")))
    assert [each.when for each in found if each.who.key == key] == [when]


@pytest.mark.parametrize("layout", ["blackboard", "brightspace", "brightspace flat", "nbgrader exchange"])
def test_the_attempt_of_the_day_before_is_an_earlier_one(
    layout: str, course: Course, roster: Roster, tmp_path: Path
) -> None:
    source = downloads.write_zip(tmp_path / "d.zip", downloads.LAYOUTS[layout][0]())
    out = tmp_path / "out"
    collect([source], course, out, roster=roster, context=Context(TOPICS, ZoneInfo("UTC")))
    assert (out / "s00/views/views.ipynb").read_bytes() == downloads.notebook("x = 0")
    assert (out / "s00/views/timestamp.txt").read_text().startswith("2027-02-28 10:0")
    (earlier,) = (out / ".earlier/s00/views").iterdir()
    assert earlier.name.startswith("2027-02-27 ")
    assert (earlier / "views.ipynb").read_bytes() == downloads.notebook("x = 'the day before'")


@pytest.mark.parametrize("layout", ["canvas", "ilias"])
def test_late_marks_without_a_time_are_said(layout: str, course: Course, roster: Roster, tmp_path: Path) -> None:
    source = downloads.write_zip(tmp_path / "d.zip", downloads.LAYOUTS[layout][0]())
    done = collect([source], course, tmp_path / "out", roster=roster, context=Context(TOPICS))
    assert done.late == ["s05/views"]
    assert "s05,views,s05/views/views.ipynb,yes,,yes," in (tmp_path / "out/collected.csv").read_text()


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Oct 10, 2026 1022 AM", datetime(2026, 10, 10, 10, 22, tzinfo=UTC)),
        ("Nov 2, 2026 123 PM", datetime(2026, 11, 2, 13, 23, tzinfo=UTC)),
        ("12 November, 2026 1423", datetime(2026, 11, 12, 14, 23, tzinfo=UTC)),
        ("okt 10, 2026 1022", None),
    ],
)
def test_brightspaces_times(text: str, when: datetime | None, tmp_path: Path) -> None:
    source = downloads.write_zip(tmp_path / "d.zip", {f"1-2 - Ada L - {text}/views.ipynb": b"{}"})
    (found,) = handins(source, Context(TOPICS, ZoneInfo("UTC")))
    assert (found.who.name, found.when) == ("Ada L", when)


def test_blackboards_receipt_gives_the_name_and_the_files_own_names(tmp_path: Path) -> None:
    start = "My_Sheet_al12_attempt_2026-11-20-13-45-10"
    receipt = (
        "Name: Ada Lovelace (al12)\nAssignment: My_Sheet\nFiles:\n"
        f"\tOriginal filename: my views.ipynb\n\tFilename: {start}_my%20views.ipynb\n"
    )
    files = {f"{start}.txt": receipt.encode(), f"{start}_my%20views.ipynb": b"{}"}
    (found,) = handins(downloads.write_zip(tmp_path / "d.zip", files))
    assert (found.who.login, found.who.name) == ("al12", "Ada Lovelace")
    assert [str(file.path) for file in found.files] == ["my views.ipynb", f"{start}.txt"]


def test_gradescopes_group_submission_counts_for_each_member(tmp_path: Path) -> None:
    metadata = (
        "submission_1:\n  :submitters:\n  - :name: Ada\n    :sid: '1'\n    :email: ada@x.edu\n"
        "  - :name: Ben\n    :sid:\n    :email: ben@x.edu\n  :created_at: 2026-11-20 14:45:10.5 +01:00\n"
        "submission_2:\n  :submitters: []\n  :created_at: yesterday\n"
    )
    files = {"e/submission_metadata.yml": metadata.encode(), "e/submission_1/views.ipynb": b"{}", "e/stray.py": b""}
    ada, ben, nobody = handins(downloads.write_zip(tmp_path / "d.zip", files))
    assert (ada.who.email, ben.who.email, nobody.when) == ("ada@x.edu", "ben@x.edu", None)
    assert ada.files == ben.files
    assert ada.when == datetime(2026, 11, 20, 13, 45, 10, tzinfo=UTC)


def test_gradescopes_metadata_that_is_broken(tmp_path: Path) -> None:
    source = downloads.write_zip(tmp_path / "d.zip", {"e/submission_metadata.yml": b"a: [\n", "e/b/views.ipynb": b"{}"})
    with pytest.raises(SubmissionError, match=r"submission_metadata.yml: is not YAML; export the submissions again"):
        handins(source)


def test_anonymous_downloads_have_no_names(tmp_path: Path) -> None:
    moodle = {f"Teilnehmer-in_{n}_assignsubmission_file/views.ipynb": b"{}" for n in (71, 72)}
    found = handins(downloads.write_zip(tmp_path / "m.zip", moodle))
    assert [(each.who.name, each.who.id) for each in found] == [("", "participant 71"), ("", "participant 72")]
    canvas = {"LATE_anon_x1Y2z_55_views.ipynb": b"{}", "anon_Qq9_56_views.ipynb": b"{}"}
    found = handins(downloads.write_zip(tmp_path / "c.zip", canvas))
    assert [(each.who.name, each.who.id, each.late) for each in found] == [("", "anon_x1Y2z", True), ("", "anon_Qq9", False)]


def test_moodles_online_text_stands_beside_the_file(tmp_path: Path) -> None:
    files = {
        "Ada L_7_assignsubmission_file_/views.ipynb": b"{}",
        "Ada L_7_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
    }
    (found,) = handins(downloads.write_zip(tmp_path / "m.zip", files))
    assert [str(file.path) for file in found.files] == ["views.ipynb", "onlinetext.html"]


def test_repositories_side_by_side_are_github_classrooms(tmp_path: Path) -> None:
    files = {f"deep/down/sheet-5-{user}/{name}": b"{}" for user in ("ada", "ada-2") for name in ("views.ipynb", ".git/HEAD")}
    found = handins(downloads.write_folder(tmp_path / "clones", files))
    assert [(each.who.login, each.assignment) for each in found] == [("ada", "sheet-5"), ("ada-2", "sheet-5")]


def test_a_zip_called_like_the_folder_of_repositories_in_it_is_a_class(tmp_path: Path) -> None:
    files = {f"views-submissions/views-{user}/work.ipynb": b"{}" for user in ("ada", "bo", "cy")}
    found = handins(write_zip(tmp_path / "views-submissions.zip", files))
    assert [each.who.login for each in found] == ["ada", "bo", "cy"]
    without_folder = {name.partition("/")[2]: data for name, data in files.items()}
    (tmp_path / "again").mkdir()
    found = handins(write_zip(tmp_path / "again/views-submissions.zip", without_folder))
    assert [each.who.login for each in found] == ["ada", "bo", "cy"]


def test_teams_and_inner_folders_of_ilias(tmp_path: Path) -> None:
    files = {
        "Abgaben/Team 7/Lovelace_Ada_al12_501/views.ipynb": b"{}",
        "Abgaben/Team 7/Lovelace_Ada_al12_501/my_own_old_1/notes.txt": b"",
        "Abgaben/Team 8/Babbage_Charles_cb_502/Late Submission - views.ipynb": b"{}",
    }
    ada, charles = handins(downloads.write_zip(tmp_path / "i.zip", files))
    assert (ada.who.login, ada.who.name, len(ada.files)) == ("al12", "Ada Lovelace", 2)
    assert (charles.late, [str(file.path) for file in charles.files]) == (True, ["views.ipynb"])


def test_a_students_file_names_do_not_make_it_anothers(tmp_path: Path) -> None:
    other = "Sheet_s02_attempt_2027-02-28-10-00-00_views.ipynb"
    (found,) = handins(write_zip(tmp_path / "b.zip", {f"Sheet_s01_attempt_2027-02-27-10-00-00_{other}": b"{}"}))
    assert (found.who.login, str(found.files[0].path)) == ("s01", other)
    inner = zipped({"Eve_2_assignsubmission_file/views.ipynb": b"{}"})
    (found,) = handins(write_zip(tmp_path / "m.zip", {"Ada L_1_assignsubmission_file/w.zip": inner}))
    assert found.who.name == "Ada L"
    metadata = "submission_{}:\n  :submitters:\n  - :name: {}\n"
    forged = {"submission_metadata.yml": metadata.format(8, "Eve").encode(), "submission_8/views.ipynb": b"{}"}
    mine = {f"e/submission_7/{name}": data for name, data in forged.items()}
    (found,) = handins(
        write_zip(tmp_path / "g.zip", {**mine, "e/submission_metadata.yml": metadata.format(7, "Ada").encode()})
    )
    assert (found.who.name, len(found.files)) == ("Ada", 2)
    canvas = {f"{name}_{n}_{n}_views.ipynb": b"{}" for n, name in enumerate(("adal", "boek", "cyng"))}
    canvas["eve_9_99_w.zip"] = zipped(forged)
    assert len(handins(write_zip(tmp_path / "c.zip", canvas))) == 4
    people = {f"Abgaben/L{n}_F{n}_s{n}_{n}/views.ipynb": b"{}" for n in range(3)}
    many = {f"Abgaben/L0_F0_s0_0/a_b_s{n}_1/views.ipynb": b"{}" for n in range(9)}
    assert [each.who.login for each in handins(write_zip(tmp_path / "i.zip", {**people, **many}))] == ["s0", "s1", "s2"]


def test_a_folder_of_a_student_may_have_a_time(tmp_path: Path) -> None:
    stamp = b"2027-02-28 10:00:00 UTC"
    files = {
        "ada/views/views.ipynb": b"{}", "ada/views/timestamp.txt": stamp, "ada/other.ipynb": b"{}", "bo/views.ipynb": b"{}",
        "cy/w.zip": zipped({"views/views.ipynb": b"{}", "views/timestamp.txt": stamp}), "di/views.ipynb": b"{}",
    }  # fmt: skip
    found = handins(downloads.write_folder(tmp_path / "class", files))
    assert [(each.who.guess, each.when is not None, len(each.files)) for each in found] == [
        ("ada", True, 1), ("ada", False, 1), ("bo", False, 1), ("cy", False, 2), ("di", False, 1),
    ]  # fmt: skip


def test_an_unknown_format_and_an_empty_download(tmp_path: Path) -> None:
    source = downloads.write_zip(tmp_path / "d.zip", {})
    with pytest.raises(SubmissionError, match="there is no file in it"):
        handins(source)
    with (
        ExitStack() as stack,
        pytest.raises(SubmissionError, match="--from moodel: there is no such format; did you mean 'moodle'"),
    ):
        read_handins(read_source(source, stack), "moodel", Context(TOPICS))


def test_every_format_says_where_it_is_from() -> None:
    for name, module in FORMATS.items():
        assert name == "plain" or "Source:" in (module.__doc__ or "")


@pytest.mark.parametrize(
    ("names", "whose"),
    [
        (["Student A_views.ipynb", "Student B_work.zip", "Student C_views.ipynb"], ["Student A", "Student B", "Student C"]),
        (["Ada L - views.ipynb", "Bo - views.ipynb", "Cy - my report.pdf"], ["Ada L", "Bo", "Cy"]),
        (["A_work.zip", "B_work.zip", "C_work.zip"], ["A", "B", "C"]),
        (["ada_views.zip", "Ada Lovelace.zip"], ["ada", "Ada Lovelace"]),
        (["team-1.zip", "team-2.zip"], ["team-1", "team-2"]),
        (["team-1_views.ipynb", "views_team-2.ipynb"], ["team-1", "team-2"]),
        (["ada_views.ipynb", "ada_views-1.ipynb", "bo_views (2).ipynb"], ["ada", "ada", "bo"]),
        # where nothing is certain, names stay whole
        (["anna_meier.zip", "bert_meier.zip"], ["anna_meier", "bert_meier"]),
        (["Ada_L_views.ipynb", "Bo_E_views.ipynb", "Cy_N_work.zip"], ["Ada_L", "Bo_E", "Cy_N_work"]),
        (["ada_views.ipynb", "Bo Ek - views.ipynb", "cy_work.zip"], ["ada", "Bo Ek", "cy_work"]),
    ],
)
def test_whose_a_file_is_that_names_no_topic(names: list[str], whose: list[str], tmp_path: Path) -> None:
    assert list(owners(names, TOPICS).values()) == whose
    content = zipped({"views.ipynb": b"{}"})
    source = write_zip(tmp_path / "d.zip", {name: content if name.endswith(".zip") else b"{}" for name in names})
    assert {each.who.guess for each in handins(source)} == set(whose)


def test_a_courses_folder_beside_students_is_nobodys(course: Course, tmp_path: Path) -> None:
    files = {
        "ada/views.ipynb": downloads.notebook("x = 1"), "bo/photo.png": b"png", "images/a.png": b"a", "images/b.png": b"b",
        "mine/course.yml": b"title: A course", "mine/exercises/views.py": b"", "__MACOSX/._ada": b"",
    }  # fmt: skip
    for number, above in enumerate(("", "class/")):
        source = write_zip(tmp_path / f"{number}.zip", {above + name: data for name, data in files.items()})
        done = collect([source], course, tmp_path / f"{number}", roster=None, context=Context(TOPICS))
        assert done.students == {"ada", "bo"}
        assert [line.removeprefix(f"{source}/{above}") for line in done.left_out] == [
            "images/a.png and 1 more file: images is a course's folder, not a student's.",
            "mine/course.yml and 1 more file: mine is a course's folder, not a student's.",
            "bo/photo.png, of bo: a submission ends in .ipynb or .py.",
        ]
    alone = write_zip(tmp_path / "exercises.zip", {"exercises/ada/views.ipynb": b"{}", "exercises/bo/views.ipynb": b"{}"})
    assert [each.who.guess for each in handins(alone)] == ["ada", "bo"]
