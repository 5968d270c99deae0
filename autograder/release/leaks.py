"""Searches a release for anything from the private folders: hidden checks, solutions, misconceptions, their names.

What must not appear is read from the private files as they are today: each of their lines and statements, the names of
hidden checks, and the files' paths; the passphrases of sealed solutions; and hidden data (`autograder.release.hidden_data`).

Anything that is also in a public file is not private. Text is compared as Python tokens, so different spacing, quotes
or line breaks hide nothing; code is also compared as `ast.unparse` writes it. The whole release is read: notebooks
string by string (sources, outputs, metadata, attachments), MessagePack value by value, archives member by member,
base64 decoded, and any other file as text or bytes.
"""

from __future__ import annotations

import ast
import base64
import binascii
import copy
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from autograder._files import PACKAGE
from autograder.course.data_files import data_names, is_private
from autograder.keys.key import packed_part
from autograder.records.worked_solutions import solutions_file
from autograder.release.hidden_data import HiddenData

__all__ = ["Leak", "scan"]

PRIVATE_FOLDERS = ("tests/hidden", "solutions")
PUBLIC_PATHS = ("exercises", "tests/visible", "course.yml")

_TOKEN = re.compile(r"[A-Za-z0-9_]+|[^\sA-Za-z0-9_]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_BASE64_LINES = re.compile(r"(?<=[A-Za-z0-9+/]{40})\r?\n(?=[A-Za-z0-9+/]{4,}={0,2}(?:\s|$))")
_CODE_SUFFIXES = (".py", ".pyi")
_SHORTEST = 3
_SHORTEST_EXPRESSION = 6
_DEEPEST = 6
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Leak:
    """Something private in the release: the `file` and `where` in it, the `private` file and line, and the text."""

    file: str
    where: str
    private: str
    text: str
    more: int = 0
    remedy: str = "remove it, or reword one of the two"

    def __str__(self) -> str:
        """The leak as one line of text."""
        place = f"{self.file}: {self.where}" if self.where else self.file
        more = f", and {self.more} more from that file" if self.more else ""
        return f"{place} holds `{self.text}` from {self.private}{more}; {self.remedy}."


@dataclass(frozen=True)
class _Secret:
    tokens: tuple[str, ...]
    private: str
    line: int
    text: str


@dataclass(frozen=True)
class _Piece:
    """A piece of the release's text; `code` if it may be parsed as Python. Or it is `data`, bytes as they stand there."""

    where: str
    text: str
    code: bool = False
    data: bytes = b""

    def tokens(self) -> tuple[str, ...]:
        """The text's tokens; for code, also those of its normalised form."""
        return _tokens(self.text) + (_tokens(_unparsed(self.text)) if self.code else ())


def scan(
    root: Path, release: Path, *, solved_in_public: Collection[str] = (), never_public: Mapping[str, str] | None = None
) -> list[Leak]:
    """Everything private in a release.

    Args:
        root: the course's folder, which holds the private and the public folders.
        release: the folder to search, or a single file.
        solved_in_public: the topics whose worked solutions are readable in the release. The file of these solutions may hold
            lines of their references, and no other file may.
        never_public: passphrases and the like, by what to call them.

    Returns:
        One leak for each place and private file, in the order of the release's files.
    """
    index = _Index(chain(_passwords(never_public or {}), _private(root)))
    index.forget(_package_tokens())
    for path in _files(root / "solutions" / "misconceptions"):
        for feedback in _feedback(path.read_text(encoding="utf-8", errors="replace")):
            index.forget(_tokens(feedback))
    public = [root / name for name in data_names(root) if not is_private(name)]
    for path in _files(*(root / name for name in PUBLIC_PATHS), *sorted(public)):
        for piece in _pieces(path.read_bytes(), path.name, "", 0):
            index.forget(piece.tokens())
    of_solved = copy.deepcopy(index) if solved_in_public else index
    for path in (root / "solutions" / f"{topic}.py" for topic in solved_in_public):
        for piece in _pieces(path.read_bytes(), path.name, "", 0):
            of_solved.forget(piece.tokens())
    solved_files = {release / solutions_file(topic, "json") for topic in solved_in_public}
    hidden_data = HiddenData(root)
    leaks: list[Leak] = []
    for path in _files(release):
        name = path.relative_to(release.parent).as_posix()
        for piece in (_Piece("its name", name), *_pieces(path.read_bytes(), path.name, "", 0)):
            found = (of_solved if path in solved_files else index).search(piece.tokens())
            leaks += _grouped(name, piece.where, found)
            leaks += _data_leaks(name, piece, hidden_data)
    return list(dict.fromkeys(leaks))


def _data_leaks(file: str, piece: _Piece, hidden_data: HiddenData) -> Iterator[Leak]:
    for found in hidden_data.search(piece.data):
        samples = f"{found.samples} of {found.of} {'sample' if found.of == 1 else 'samples'}"
        yield Leak(file, piece.where, found.name, samples, remedy="hidden data must not be in what students get")


def _files(*paths: Path) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
        elif path.is_file():
            yield path


def _grouped(file: str, where: str, secrets: list[_Secret]) -> Iterator[Leak]:
    by_file: dict[str, list[_Secret]] = {}
    for secret in secrets:
        by_file.setdefault(secret.private, []).append(secret)
    for private, group in by_file.items():
        first = min(group, key=lambda secret: secret.line)
        place = f"{private}:{first.line}" if first.line else private
        yield Leak(file, where, place, first.text, len({secret.line for secret in group}) - 1)


def _passwords(named: Mapping[str, str]) -> Iterator[_Secret]:
    for what, password in named.items():
        for text in (password, password.replace("-", "")):
            yield _Secret(_tokens(text), "the course's private folder", 0, what)


def _private(root: Path) -> Iterator[_Secret]:
    for folder in PRIVATE_FOLDERS:
        for path in _files(root / folder):
            name = path.relative_to(root).as_posix()
            yield _Secret(_tokens(name), name, 0, name)
            yield from _secrets_of(name, path.read_text(encoding="utf-8", errors="replace"))
    for name in sorted(data_names(root)):
        if is_private(name):
            yield _Secret(_tokens(name), name, 0, name)


def _secrets_of(name: str, source: str) -> Iterator[_Secret]:
    for number, line in enumerate(source.splitlines(), 1):
        for part in (line, *line.split("#")[1:]):
            if _telling(tokens := _tokens(part)):
                yield _Secret(tokens, name, number, part.strip())
    try:
        tree = ast.parse(source) if name.endswith(_CODE_SUFFIXES) else None
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield _Secret((node.name,), name, node.lineno, node.name)
        if isinstance(node, ast.stmt) and _telling(tokens := _tokens(_first_line(node))):
            yield _Secret(tokens, name, node.lineno, _first_line(node))
        if isinstance(node, (ast.Return, ast.Assign)) and node.value is not None:
            text = ast.unparse(node.value)
            if len(tokens := _tokens(text)) >= _SHORTEST_EXPRESSION and _telling(tokens):
                yield _Secret(tokens, name, node.lineno, text)


def _feedback(source: str) -> Iterator[str]:
    """The sentences of `@misconception`, which are not private: the public key holds them for students."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return
    for node in body:
        for decorator in getattr(node, "decorator_list", ()):
            for text in ast.walk(decorator):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value


def _first_line(node: ast.stmt) -> str:
    """The statement as `ast.unparse` writes it; for a compound statement, its head."""
    lines = ast.unparse(node).splitlines()
    return next((line for line in lines if not line.startswith("@")), lines[0]) if hasattr(node, "body") else " ".join(lines)


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text.replace("'", '"')))


def _telling(tokens: tuple[str, ...]) -> bool:
    """Whether a line is distinctive enough: `n = 1` or `))]` could be anywhere."""
    return len(tokens) >= _SHORTEST and sum(map(len, tokens)) >= 8 and any(len(word) >= 4 for word in tokens)


class _Index:
    """Finds many token sequences in a text at once: by their first tokens, then in full."""

    def __init__(self, secrets: Iterator[_Secret]) -> None:
        self._words: dict[str, _Secret] = {}
        self._starts: dict[tuple[str, ...], list[_Secret]] = {}
        for secret in secrets:
            if len(secret.tokens) == 1:
                self._words.setdefault(secret.tokens[0], secret)
            elif len(secret.tokens) >= _SHORTEST:
                bucket = self._starts.setdefault(secret.tokens[:_SHORTEST], [])
                if all(secret.tokens != other.tokens for other in bucket):
                    bucket.append(secret)

    def search(self, tokens: tuple[str, ...]) -> list[_Secret]:
        """The secrets in a text, each once."""
        return list(dict.fromkeys(self._occurring(tokens)))

    def forget(self, tokens: tuple[str, ...]) -> None:
        """Remove everything in a public text from the index, except the private files' own names."""
        for secret in self.search(tokens):
            if not secret.line:
                continue
            if len(secret.tokens) == 1:
                self._words.pop(secret.tokens[0], None)
            else:
                bucket = self._starts[secret.tokens[:_SHORTEST]]
                bucket[:] = [other for other in bucket if other.tokens != secret.tokens]

    def _occurring(self, tokens: tuple[str, ...]) -> Iterator[_Secret]:
        for position, token in enumerate(tokens):
            if (word := self._words.get(token)) is not None:
                yield word
            for secret in self._starts.get(tokens[position : position + _SHORTEST], ()):
                if tokens[position : position + len(secret.tokens)] == secret.tokens:
                    yield secret


@cache
def _package_tokens() -> tuple[str, ...]:
    """The kit itself is public: students get its wheel."""
    return tuple(token for path in sorted(PACKAGE.rglob("*.py")) for token in _tokens(path.read_text(encoding="utf-8")))


def _unparsed(source: str) -> str:
    try:
        return ast.unparse(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return ""


def _pieces(data: bytes, name: str, where: str, depth: int) -> Iterator[_Piece]:
    """All texts in a file's bytes; `where` says which part of the file they are in."""
    if depth > _DEEPEST:
        return
    yield _Piece(where, "", data=data)
    if (packed := packed_part(data)) is not None:  # an answer key
        yield from _runs(packed, where)
    elif data[:4] == b"PK\x03\x04":
        yield from _archived(data, where, depth)
    elif (unpacked := _decompressed(data)) is not None:
        yield from _pieces(unpacked, name, where, depth + 1)
    else:
        text = _as_text(data)
        if text is None:
            yield from _binary(data, where, depth)
        elif name.endswith((".ipynb", ".json")):
            yield from _json(text, where, depth)
        else:
            yield from _text(text, where, depth, code=name.endswith(_CODE_SUFFIXES))


def _archived(data: bytes, where: str, depth: int) -> Iterator[_Piece]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                inside = f"{where}{' › ' if where else ''}{member.filename}"
                yield _Piece(inside, member.filename)
                if member.file_size <= _LARGEST:
                    yield from _pieces(archive.read(member), member.filename, inside, depth + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
        yield from _binary(data, where, depth)


def _decompressed(data: bytes) -> bytes | None:
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as stream:
                return stream.read(_LARGEST)
        if data[:1] == b"\x78":
            return zlib.decompressobj().decompress(data, _LARGEST)
    except (OSError, EOFError, zlib.error):
        return None
    return None


def _as_text(data: bytes) -> str | None:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _json(text: str, where: str, depth: int) -> Iterator[_Piece]:
    try:
        value = json.loads(text)
    except ValueError:
        yield from _text(text, where, depth)
        return
    yield from _walk(value, where, depth)


def _walk(value: Any, where: str, depth: int) -> Iterator[_Piece]:
    if isinstance(value, str):
        yield from _text(value, where, depth, code=True)
    elif isinstance(value, bytes):
        yield from _pieces(value, "", where, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            inside = f"{where}.{key}" if where else str(key)
            if not isinstance(key, (int, float)):
                yield from _walk(key, f"{where or 'its top level'} (a key)", depth)
            yield from _walk(item, inside, depth)
    elif isinstance(value, (list, tuple)):
        if value and all(isinstance(item, str) for item in value):
            yield from _text("".join(value), where, depth, code=True)
            yield from _text("\n".join(value), where, depth)
            return
        for number, item in enumerate(value):
            yield from _walk(item, f"{where}[{number}]", depth)


def _text(text: str, where: str, depth: int, *, code: bool = False) -> Iterator[_Piece]:
    yield _Piece(where, text, code)
    for match in _BASE64.finditer(_BASE64_LINES.sub("", text)) if depth < _DEEPEST else ():
        run = match.group().translate(str.maketrans("-_", "+/")).rstrip("=")
        try:
            decoded = base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        yield from _pieces(decoded, "", f"{where} (base64)".strip(), depth + 1)


def _binary(data: bytes, where: str, depth: int) -> Iterator[_Piece]:
    try:
        value = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, ValueError, UnicodeDecodeError):
        value = None
    if isinstance(value, (dict, list)):
        yield from _walk(value, where, depth)
    yield from _runs(data, where)


def _runs(data: bytes, where: str) -> Iterator[_Piece]:
    """What is readable in bytes."""
    for run in re.findall(rb"[\t\n\r\x20-\x7e]{6,}", data):
        # The first character may be a length that looks like a letter, as MessagePack and pickle write it.
        yield _Piece(where or "its bytes", f"{run.decode('ascii')}\n{run[1:].decode('ascii')}")
    for encoding in ("utf-16-le", "utf-16-be"):
        wide = data.decode(encoding, errors="ignore")
        for text in re.findall(r"[\t\n\r\x20-\x7e]{12,}", wide):
            yield _Piece(where or "its bytes", text)
