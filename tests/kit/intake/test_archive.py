"""Folders and zips as students make them: whatever is in one, the rest is read, and nothing leads out."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from downloads import write_folder, write_zip, zipped

from autograder.errors import SubmissionError
from autograder.intake import archive
from autograder.intake.archive import read_source

MEGABYTE = bytes(1 << 20)


def listed(path: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files of a download with their contents, and what was left out, both by their paths in it."""
    with ExitStack() as stack:
        source = read_source(path, stack)
        files = {"/".join(entry.parts): entry.read(1 << 28) for entry in source.entries}
    return files, {name.removeprefix(f"{path}/"): reason for name, reason in source.left_out.items()}


def test_zips_in_zips_are_unpacked(tmp_path: Path) -> None:
    inner = zipped({"b.zip": zipped({"c.txt": b"deep"}), "d.txt": b"in"})
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"x/a.zip": inner, "e.txt": b"out"}))
    assert files == {"x/a.zip/b.zip/c.txt": b"deep", "x/a.zip/d.txt": b"in", "e.txt": b"out"}
    assert left_out == {}
    files, _ = listed(write_folder(tmp_path / "folder", {"a.zip": inner}))
    assert set(files) == {"a.zip/b.zip/c.txt", "a.zip/d.txt"}


def test_a_zip_without_files_stays_a_file(tmp_path: Path) -> None:
    empty = zipped({})
    only_a_macs = zipped({"__MACOSX/._views.ipynb": b"1", ".DS_Store": b"2", "folder/": b""})
    both = {"Ada_1/work.zip": empty, "Bo_2/work.zip": only_a_macs}
    files, left_out = listed(write_zip(tmp_path / "a.zip", both))
    assert files == both
    assert left_out == dict.fromkeys(both, "there is no file in it")


@pytest.mark.attack
def test_too_many_zips_in_each_other_stay_packed(tmp_path: Path) -> None:
    data = zipped({"end.txt": b"end"})
    for depth in range(5):
        data = zipped({f"{depth}.zip": data})
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"all.zip": data}))
    assert len(files) == 1
    assert next(iter(files)).endswith(".zip")
    assert list(left_out.values()) == ["it is a zip in a zip in a zip in a zip, and was not unpacked"]


@pytest.mark.attack
def test_a_zip_bomb_stays_packed(tmp_path: Path) -> None:
    bomb = zipped({f"{n}": MEGABYTE for n in range(70)})
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"bomb.zip": bomb, "views.ipynb": b"{}"}))
    assert files == {"bomb.zip": bomb, "views.ipynb": b"{}"}
    assert left_out == {"bomb.zip": "it was not unpacked, since it unpacks to 70 files, 70 MB"}


@pytest.mark.attack
def test_a_zip_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    data = bytearray(zipped({"views.ipynb": MEGABYTE * 3}))
    for place in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[place : place + 4] = struct.pack("<I", 10)
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"liar.zip": bytes(data), "views.ipynb": b"{}"}))
    assert files.get("liar.zip/views.ipynb") in (None, bytes(10))
    assert files["views.ipynb"] == b"{}"
    assert files.get("liar.zip/views.ipynb") or "cannot be unpacked" in left_out["liar.zip/views.ipynb"]


@pytest.mark.attack
def test_a_file_that_unpacks_to_too_much_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_LARGEST_FILE", 1 << 20)
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"huge.ipynb": MEGABYTE * 2, "views.ipynb": b"{}"}))
    assert set(files) == {"views.ipynb"}
    assert left_out == {"huge.ipynb": "it is larger than 1 MB"}


@pytest.mark.attack
def test_a_download_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_LARGEST_DOWNLOAD", 1 << 20)
    with pytest.raises(SubmissionError, match="collect a part of it"):
        listed(write_zip(tmp_path / "a.zip", {"huge.ipynb": MEGABYTE * 2}))


@pytest.mark.attack
@pytest.mark.parametrize("name", ["../../evil.py", "/etc/evil.py", "a/../../evil.py", "C:/evil.py", "..\\..\\evil.py"])
def test_paths_that_lead_out_are_left_out(name: str, tmp_path: Path) -> None:
    files, left_out = listed(write_zip(tmp_path / "a.zip", {name: b"x", "s.zip": zipped({name: b"x"}), "b.txt": b""}))
    assert set(files) == {"b.txt"}
    assert list(left_out.values()) == ["its path leads out of the zip"] * 2


@pytest.mark.attack
def test_links_are_not_followed(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        link = zipfile.ZipInfo("views.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("b.txt", "b")
    (tmp_path / "a.zip").write_bytes(data.getvalue())
    files, left_out = listed(tmp_path / "a.zip")
    assert (files, left_out) == ({"b.txt": b"b"}, {"views.ipynb": "it is a link; put the file itself there"})
    folder = write_folder(tmp_path / "folder", {"b.txt": b"b"})
    (folder / "views.ipynb").symlink_to("/etc/passwd")
    (folder / "all").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    files, left_out = listed(folder)
    assert files == {"b.txt": b"b"}
    assert left_out == {
        "all": "it is a link; put the file itself there",
        "pipe": "it is not a regular file",
        "views.ipynb": "it is a link; put the file itself there",
    }


@pytest.mark.attack
def test_encrypted_and_damaged_files_are_left_out(tmp_path: Path) -> None:
    data = bytearray(zipped({"secret.ipynb": b"x" * 50, "b.txt": b"b"}))
    for place in (data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8):
        data[place] |= 1
    broken = bytearray(zipped({"views.ipynb": os.urandom(500)}))
    broken[60] ^= 255
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"s.zip": bytes(data), "t.zip": bytes(broken), "c": b"c"}))
    assert files == {"s.zip/b.txt": b"b", "c": b"c"}
    assert left_out["s.zip/secret.ipynb"] == "it is encrypted with a password"
    assert left_out["t.zip/views.ipynb"].startswith("it cannot be unpacked (")


@pytest.mark.attack
def test_what_is_no_zip_stays_a_file(tmp_path: Path) -> None:
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"b.zip": b"Rar!", "c.zip": b""}))
    assert files == {"b.zip": b"Rar!", "c.zip": b""}
    assert set(left_out) == {"b.zip", "c.zip"}
    (tmp_path / "d.zip").write_bytes(b"<html>Please log in</html>")
    with pytest.raises(SubmissionError, match=r"d.zip: is not a zip that can be read .*; download it again"):
        listed(tmp_path / "d.zip")
    with pytest.raises(SubmissionError, match="there is no such file or folder"):
        listed(tmp_path / "e")


@pytest.mark.attack
def test_odd_names(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in ("Mu\u0308ller.txt", "Müller.txt", "a\tb.txt", "李娜.txt", "x\\y.txt"):
            file.writestr(name, name)
    unsaid = data.getvalue()  # many programs write UTF-8 without its flag
    for header, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        parts = unsaid.split(header)
        unsaid = header.join(
            [parts[0], *(part[: place - 4] + bytes([part[place - 4] & ~8]) + part[place - 3 :] for part in parts[1:])]
        )
    for number, content in enumerate((data.getvalue(), unsaid)):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(content)
        files, _ = listed(path)
        assert set(files) == {"Müller.txt", "a\tb.txt", "李娜.txt", "x/y.txt"}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / os.fsdecode(b"M\xfcller.ipynb")).write_bytes(b"{}")
    files, _ = listed(folder)
    assert files == {"M?ller.ipynb": b"{}"}


@pytest.mark.attack
def test_a_name_of_thousands_of_characters_is_left_out(tmp_path: Path) -> None:
    files, left_out = listed(write_zip(tmp_path / "a.zip", {"_a" * 20_000: b"", "b" * 300 + "/c": b"", "d": b"d"}))
    assert files == {"d": b"d"}
    assert list(left_out.values()) == ["its name is too long"] * 2


def test_what_systems_leave_lying_about_is_passed_over(tmp_path: Path) -> None:
    names = [
        "__MACOSX/._views.ipynb",
        ".DS_Store",
        "a/.ipynb_checkpoints/views-checkpoint.ipynb",
        "Thumbs.db",
        "b/__pycache__/c.pyc",
    ]
    files, left_out = listed(write_zip(tmp_path / "a.zip", {**dict.fromkeys(names, b""), "views.ipynb": b"{}"}))
    assert (set(files), left_out) == ({"views.ipynb"}, {})


def test_what_was_unpacked_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    listed(write_zip(tmp_path / "a.zip", {"b.zip": zipped({"c": b"c"})}))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_file_that_is_no_download_is_refused(tmp_path: Path) -> None:
    for name in ("course.yml", "class.tar.gz", "report.pdf"):
        (tmp_path / name).write_bytes(b"1")
        with (
            ExitStack() as stack,
            pytest.raises(SubmissionError, match=f"{name}: is neither a zip nor a notebook; name the"),
        ):
            read_source(tmp_path / name, stack)
