"""Which sources are similar, and that a page shows them as text."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from autograder.reporting.similar_page import write_similar
from autograder.reporting.similarity import similar_pairs

GIVEN = "def double(x):\n    # Your answer\n    ...\n"
COPIED = '''def double(x):
    """Twice x."""
    total = torch.zeros_like(x)
    for index, row in enumerate(x):
        total[index] = row + row if row.sum() > 3 else 2 * row
    assert total.shape == x.shape, "shape"
    return total
'''
RENAMED = """def double(tensor):
    result = pt.zeros_like(tensor)   # mine
    for i, line in enumerate(tensor):
        result[i] = line + line if line.sum() > 7 else 9 * line
    assert result.shape == tensor.shape, f"not {i} the same"
    return result
"""


def expression(draw: random.Random, depth: int) -> str:
    if not depth:
        return draw.choice(["x", "7", "y.T", "len(x)"])
    way = draw.choice(["{} + {}", "{}.sum({})", "[{}, {}]", "({} @ {})", "max({}, {})", "{} ** -{}", "not {} or {}"])
    return way.format(expression(draw, depth - 1), expression(draw, depth - 1))


def made_up(number: int) -> str:
    draw = random.Random(number)
    ways = ["y = {}", "if {}: y -= 1", "for k in {}: y *= k", "while {}: del y[0]", "return {}"]
    return "def double(x):\n" + "".join(f"    {draw.choice(ways).format(expression(draw, 3))}\n" for _ in range(7))


CLASS = {f"s{number:02}": made_up(number) for number in range(20)} | {"ann": COPIED, "bo": RENAMED}


def test_a_renamed_copy_stands_out_from_the_class() -> None:
    found = similar_pairs("views", "double", CLASS, given=GIVEN)
    assert (found.compared, found.found, found.groups) == (22, 1, (("ann", "bo"),))
    [pair] = found.pairs
    assert (pair.one, pair.other) == ("ann", "bo")
    assert pair.similarity > 0.95
    assert pair.unusual > 3.5
    assert pair.share == pytest.approx(230 / 231, abs=1e-4)
    assert found.median < 0.7


def test_what_was_handed_out_or_most_of_the_class_wrote_is_not_compared() -> None:
    assert similar_pairs("views", "double", {"ann": COPIED, "bo": RENAMED}, given=COPIED).compared == 0
    everybody = {f"s{number}": COPIED for number in range(6)}
    assert similar_pairs("views", "double", everybody).compared == 0
    assert (
        similar_pairs(
            "views", "double", {"ann": "def double(x): return 2 * x", "bo": "def double(y): return 2 * y"}
        ).compared
        == 0
    )


@pytest.mark.parametrize("sources", [{}, {"ann": COPIED}, {"ann": "\x00 def (('''" * 50, "bo": "€" * 200}])
def test_nothing_to_compare_and_no_python(sources: dict[str, str]) -> None:
    assert similar_pairs("views", "double", sources).pairs == ()


def test_hostile_text_takes_bounded_time() -> None:
    started = time.process_time()
    assert similar_pairs("views", "double", {"ann": "'\\N{" * 50_000, "bo": "(" * 500_000}).found == 0
    assert time.process_time() - started < 10  # without the bound on characters, pygments takes minutes


OTHERS = {student: source for student, source in CLASS.items() if student[0] == "s"}
SIGN = """def sign_ste(x):
    hard = torch.where(x >= 0, 1.0, -1.0)
    window = x.clamp(-1, 1)
    return window + (hard - window).detach()
"""
ODD = """def sign_ste(x):
    flags = [1.0 if value >= 0 else -1.0 for value in x.flatten().tolist()]
    hard = torch.tensor(flags).view_as(x)
    return x.clamp(-1, 1) + (hard - x.clamp(-1, 1)).detach()
"""
CLASS_OF_TWO_METHODS = """class Meter:
    def add(self, value):
        self.total += float(value) * len(self.seen)
        self.seen.append(value)

    def mean(self):
        if not self.seen:
            raise ValueError("nothing yet")
        return self.total / sum(range(len(self.seen)))
"""


def test_short_obvious_answers_are_no_pairs_and_odd_ones_are() -> None:
    plain = {name: SIGN.replace("hard", name) for name in ("ann", "bo", "cy")}
    odd = {"di": ODD, "ed": ODD.replace("flags", "f").replace("hard", "h") + "    # by ed\n"}
    found = similar_pairs("autograd", "sign_ste", plain | odd | OTHERS, known=[SIGN])
    assert (found.obvious, found.groups, found.crowds) == (3, (("di", "ed"),), ())
    assert found.pairs[0].similarity == 1
    assert similar_pairs("autograd", "sign_ste", plain | OTHERS).found == 3
    long = {"ann": COPIED + RENAMED, "bo": COPIED + RENAMED}
    assert similar_pairs("views", "double", long | OTHERS, known=[COPIED + RENAMED]).found == 1


def test_what_many_wrote_alike_is_one_line_and_not_all_its_pairs(tmp_path: Path) -> None:
    many = {f"m{number}": SIGN.replace("hard", f"h{number}") for number in range(7)}
    found = similar_pairs("autograd", "sign_ste", many | {"di": ODD, "ed": ODD} | OTHERS)
    assert [(pair.one, pair.other) for pair in found.pairs] == [("di", "ed")]
    assert found.crowds == (tuple(many),)
    sources = {("autograd", "sign_ste"): many | {"di": ODD, "ed": ODD}}
    path = write_similar([found], sources, tmp_path / "similar.html", title="T", threshold=0.8, people={})
    assert "A common answer of <bdi>7 students: m0, m1, m2, m3, m4, m5, m6</bdi>" in path.read_text()
    six = dict(list(many.items())[:6])
    assert similar_pairs("autograd", "sign_ste", six | OTHERS).found == 15


def test_another_order_of_functions_hides_nothing() -> None:
    head, add, mean = CLASS_OF_TWO_METHODS.partition("    def add")[0], *CLASS_OF_TWO_METHODS.split("    def ")[1:]
    swapped = f"{head}    def {mean.rstrip()}\n\n    def {add}".replace("value", "v").replace("nothing yet", "empty")
    found = similar_pairs("metrics", "Meter", {"ann": CLASS_OF_TWO_METHODS, "bo": swapped})
    assert [pair.similarity for pair in found.pairs] == [1]


def test_groups_are_what_pairs_connect() -> None:
    found = similar_pairs("views", "double", CLASS | {"cy": COPIED.replace("torch", "th")}, threshold=0.9)
    assert found.groups == (("ann", "bo", "cy"),)
    assert found.found == 3


def test_the_page_says_that_it_is_no_proof_and_shows_text_as_text(tmp_path: Path) -> None:
    sources = {("views", "double"): CLASS | {"ann": COPIED + "# </pre><script>alert(1)</script>\n"}}
    found = [similar_pairs("views", "double", sources["views", "double"], given=GIVEN)]
    people = {"ann": "Ann <b>Lee</b>"}
    path = write_similar(found, sources, tmp_path / "similar.html", title="T", threshold=0.8, people=people)
    text = path.read_text()
    assert "Similarity is no proof." in text
    assert "Ann &lt;b&gt;Lee&lt;/b&gt;" in text
    assert "&lt;/pre&gt;&lt;script&gt;" in text
    assert "<script" not in text
    assert "1 pair in 1 task of 1, from 80 % upwards." in text
    empty = write_similar([], {}, tmp_path / "empty.html", title="T", threshold=0.8, people={})
    assert "No pair is that similar." in empty.read_text()
