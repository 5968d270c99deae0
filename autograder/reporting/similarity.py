"""How similar the students' sources of a task are, once what everybody was given or writes is taken away.

A source is read as text only: pygments cuts it into tokens, whatever it is. Comments, docstrings and layout are left out;
every name is the same token, but for Python's own and what follows a dot, and so is every number, and every string: renaming
hides nothing, nor does another order of functions. Lines of the handed-out stub are taken away, and lines that more than
half of the class has.

similarity = 2 × LCS / (tokens of one + tokens of the other), where LCS is the length of the longest common subsequence of
tokens (RapidFuzz's `Indel.normalized_similarity`). Short sources are alike by chance, so those of fewer than `LEAST` tokens
are left out; so are obvious answers, which are those of fewer than `SHORT` tokens that are as similar as `OBVIOUS` to a
solution, right or wrong, that the course knows. Where a source is like those of more than `CROWD` others, and of more than a
tenth of the class, it is a common answer: such students are a crowd, named once in place of all the pairs in it.

unusual = (similarity - median) / max(1.4826 × MAD, 0.02), over all pairs of the class for that task: the robust z-score,
with the median absolute deviation (MAD) as its scale, and a floor for classes in which all pairs are about equally similar.

400 sources of 700 tokens, 80 000 pairs, take about 12 s of one processor. Each source is cut at 25 000 characters and 5000
tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from rapidfuzz.distance import Indel

__all__ = ["CROWD", "LEAST", "SHORT", "Pair", "TaskSimilarity", "similar_pairs"]

LEAST = 25
"""The least tokens of a source that is compared."""
SHORT, OBVIOUS = 100, 0.9
"""A source with fewer tokens, and this similar to a solution that the course knows, is left out."""
CROWD = 5
"""The most others that one source can be like before it counts as a common answer."""

_MOST = 5_000
_LONGEST = 25_000
_MOST_PAIRS = 200


@dataclass(frozen=True)
class Pair:
    """Two students whose sources of a task are similar (0 to 1), and by how much that is `unusual` in this class.

    `share` is the share of the class's pairs that are less similar.
    """

    one: str
    other: str
    similarity: float
    unusual: float
    share: float


@dataclass(frozen=True)
class TaskSimilarity:
    """The similar pairs of a task, the most similar first, at most 200 of `found`; groups of students that such pairs
    connect; how many sources were compared, and the median similarity of all their pairs. `obvious` is the number of
    sources that were left out as obvious answers; `crowds` are students with a common answer, whose pairs are not listed."""

    topic: str
    task: str
    compared: int
    median: float
    found: int
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    obvious: int = 0
    crowds: tuple[tuple[str, ...], ...] = ()


def similar_pairs(
    topic: str,
    task: str,
    sources: Mapping[str, str],
    *,
    given: str = "",
    known: Collection[str] = (),
    threshold: float = 0.8,
) -> TaskSimilarity:
    """Compare all students' sources of a task with each other.

    Args:
        topic: the topic.
        task: the task.
        sources: by student.
        given: the handed-out source.
        known: the course's own solutions, right and wrong.
        threshold: the least similarity of a pair that is listed, 0 to 1.
    """
    lines = {student: _lines(source) for student, source in sources.items()}
    counts = Counter(line for own in lines.values() for line in set(own))
    common = set(_lines(given)) | {line for line, count in counts.items() if len(lines) > 4 and count > len(lines) / 2}
    alphabet: dict[str, str] = {}
    texts = {
        student: _text((line for line in own if line not in common), alphabet) for student, own in sorted(lines.items())
    }
    texts = {student: text for student, text in texts.items() if len(text) >= LEAST}
    solutions = {_text((line for line in _lines(one) if line not in common), alphabet) for one in known}
    obvious = {student for student, text in texts.items() if len(text) < SHORT and _is_like(text, solutions)}
    texts = {student: text for student, text in texts.items() if student not in obvious}
    values = {pair: Indel.normalized_similarity(texts[pair[0]], texts[pair[1]]) for pair in combinations(texts, 2)}
    if not values:
        return TaskSimilarity(topic, task, len(texts), 0.0, 0, (), (), len(obvious))
    ordered = sorted(values.values())
    middle = median(ordered)
    scale = max(1.4826 * median(abs(value - middle) for value in ordered), 0.02)
    alike = sorted((pair for pair, value in values.items() if value >= threshold), key=lambda pair: (-values[pair], pair))
    others = Counter(student for pair in alike for student in pair)
    many = {student for student, count in others.items() if count > max(CROWD, len(texts) / 10)}
    found = [pair for pair in alike if not many.issuperset(pair)]
    crowds = _groups(pair for pair in alike if many.issuperset(pair))
    less = {value: rank for rank, value in reversed(list(enumerate(ordered)))}

    def described(pair: tuple[str, str]) -> Pair:
        value = values[pair]
        share = less[value] / len(ordered)
        return Pair(*pair, round(value, 4), round((value - middle) / scale, 2), round(share, 4))

    pairs = tuple(map(described, found[:_MOST_PAIRS]))
    return TaskSimilarity(topic, task, len(texts), round(middle, 4), len(found), pairs, _groups(found), len(obvious), crowds)


def _is_like(text: str, solutions: Iterable[str]) -> bool:
    return any(Indel.normalized_similarity(text, one, score_cutoff=OBVIOUS) for one in solutions)


def _groups(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The students that pairs connect, directly or through others, the largest group first."""
    group_of: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = group_of.get(one, {one}) | group_of.get(other, {other})
        group_of |= dict.fromkeys(joined, joined)
    unique = {id(group): tuple(sorted(group)) for group in group_of.values()}
    return tuple(sorted(unique.values(), key=lambda group: (-len(group), group)))


def _lines(source: str) -> list[tuple[str, ...]]:
    """The tokens of each line that has any, functions in one order."""
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]
    from pygments.token import Comment, Literal, Name, String, Text  # type: ignore[import-untyped]

    lines: list[list[str]] = [[]]
    for kind, value in PythonLexer().get_tokens(source[:_LONGEST]):
        if kind in Text or kind in Comment or kind in String.Doc:
            lines += [[] for _ in range(value.count("\n"))]
        elif kind in Name and kind not in Name.Builtin and kind not in Name.Exception:
            lines[-1].append(value if lines[-1][-1:] == ["."] else "name")
        elif kind in Literal:
            named = "string" if kind in String else "number"
            if lines[-1][-1:] != [named]:  # quotes, text and escapes of a string are tokens of their own
                lines[-1].append(named)
        else:
            lines[-1].append(value)
    return _in_one_order([tuple(line) for line in lines if line])


def _in_one_order(lines: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The lines with their functions and methods in an order of their own, so that another order hides nothing."""
    blocks: list[list[tuple[str, ...]]] = [[]]
    for line in lines:
        if line[0] in ("def", "class", "async"):
            blocks.append([])
        blocks[-1].append(line)
    return [line for block in sorted(blocks) for line in block]


def _text(lines: Iterable[tuple[str, ...]], alphabet: dict[str, str]) -> str:
    """Tokens as a text with a character for each, as RapidFuzz compares fastest; new tokens are added to the alphabet."""
    tokens = [token for line in lines for token in line][:_MOST]
    return "".join(alphabet.setdefault(token, chr(0xF0000 + len(alphabet) % 0xFFFF)) for token in tokens)
