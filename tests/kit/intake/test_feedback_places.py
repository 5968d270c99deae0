"""Where Moodle and Canvas expect a page, from what `collect` recorded and from the download's names."""

from __future__ import annotations

import zipfile

import pytest

from autograder.errors import SubmissionError
from autograder.intake.feedback_places import canvas_places, moodle_places

HEAD = "student,topic,file,counts,submitted_at,late,sha256,handed_in_as,who,download\n"


@pytest.fixture
def submitted(tmp_path):
    (tmp_path / "collected.csv").write_text(
        HEAD
        + "ada,autograd,ada/autograd/autograd.ipynb,yes,,,aa,autograd.ipynb,moodle 1234567,all.zip\n"
        + "ada,autograd,.earlier/ada/autograd.ipynb,,,,bb,autograd.ipynb,moodle 7654321,old.zip\n"
        + "anon,autograd,anon/autograd/autograd.ipynb,yes,,,cc,autograd.ipynb,moodle Participant,all.zip\n"
        + "boris,autograd,boris/autograd/autograd.ipynb,yes,,,dd,work/autograd-1.ipynb,canvas 12,canvas.zip\n"
        + "chiara,autograd,chiara/autograd/autograd.ipynb,yes,,,ee,a.ipynb,canvas 13,canvas.zip\n"
        + "dmitri,autograd,dmitri/autograd/autograd.ipynb,yes,,,ff,a.ipynb,canvas 14,canvas.zip\n",
        encoding="utf-8",
    )
    return tmp_path


NAMES = [
    "borisb_12_70_autograd.ipynb",
    "borisb_LATE_12_71_autograd-1.ipynb",
    "chiarac_13_72_answers.zip",
    "dmitrid_14_73_one.ipynb",
    "dmitrid_14_74_two.ipynb",
    "eve_15_text.html",
]


def test_moodle_has_the_participants_number_of_what_counts(submitted):
    assert moodle_places(submitted, {"ada": "Ada Lovelace"}) == {
        ("ada", "autograd"): "Ada Lovelace_1234567_assignsubmission_file_/autograd.html"
    }
    assert moodle_places(submitted, {})["ada", "autograd"].startswith("ada_1234567_")


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_canvas_has_the_name_of_the_file_that_counts(submitted, tmp_path_factory, packed):
    download = tmp_path_factory.mktemp("canvas") / "submissions.zip"
    if packed:
        with zipfile.ZipFile(download, "w") as archive:
            for name in NAMES:
                archive.writestr(name, "")
    else:
        download.mkdir()
        for name in NAMES:
            (download / name).write_text("")
    assert canvas_places(submitted, download) == {
        ("boris", "autograd"): "borisb_LATE_12_71_autograd-1.ipynb.html",
        ("chiara", "autograd"): "chiarac_13_72_answers.zip.html",  # it was in a zip of theirs, the only file
    }


def test_what_collect_recorded_does_without_the_download(submitted):
    with pytest.raises(SubmissionError, match=r"how Canvas named the files of boris, chiara, dmitri\. .* with --download\."):
        canvas_places(submitted)
    lines = (submitted / "collected.csv").read_text(encoding="utf-8").splitlines()
    named = {"boris": NAMES[1], "chiara": f"{NAMES[2]}/a.ipynb", "dmitri": f"folder/{NAMES[4]}"}
    rows = [f"{line},{named.get(line.partition(',')[0], '')}" for line in lines[1:]]
    (submitted / "collected.csv").write_text("\n".join([f"{lines[0]},in_download", *rows, ""]), encoding="utf-8")
    assert canvas_places(submitted) == {
        ("boris", "autograd"): f"{NAMES[1]}.html",
        ("chiara", "autograd"): f"{NAMES[2]}.html",
        ("dmitri", "autograd"): f"{NAMES[4]}.html",
    }


def test_without_a_record_the_message_says_what_to_do(tmp_path):
    with pytest.raises(SubmissionError, match=r"collected\.csv: is missing; .* on Moodle\. .*--zip plain"):
        moodle_places(tmp_path, {})
    (tmp_path / "collected.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SubmissionError, match="lacks columns"):
        moodle_places(tmp_path, {})
    (tmp_path / "collected.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SubmissionError, match="cannot be read"):
        moodle_places(tmp_path, {})


def test_a_download_that_is_no_zip(submitted, tmp_path):
    with pytest.raises(SubmissionError, match="there is no such file"):
        canvas_places(submitted, tmp_path / "nothing.zip")
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(SubmissionError, match="is not a zip that can be read"):
        canvas_places(submitted, tmp_path / "text.zip")
