import linecache
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch

from autograder.checking.code import Code
from autograder.checking.error_facts import describe_error, in_words
from autograder.records.observation import ErrorFact, SourceLine


def cell(source: str, filename: str = "<cell 2>") -> dict[str, Any]:
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"torch": torch, "__name__": "__main__"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace


def raised(call: Callable[[], object]) -> ErrorFact:
    try:
        call()
    except BaseException as error:
        return describe_error(error)
    raise AssertionError("nothing was raised")


def test_the_innermost_line_of_the_student() -> None:
    code = cell("def outer(x):\n    return inner(x, k=2)\n\ndef inner(y, *, k):\n    return torch.ones(3) @ y\n")
    fact = raised(lambda: code["outer"](torch.ones(2, 3, dtype=torch.uint8)))
    assert (fact.type, fact.bases) == ("RuntimeError", ("RuntimeError", "Exception", "BaseException"))
    assert fact.at == SourceLine(2, 5, "return torch.ones(3) @ y")
    assert fact.arguments == "y: uint8 tensor of shape (2, 3), k: 2"
    assert not fact.not_attempted


def test_a_plain_file_is_cell_0() -> None:
    code = cell("def f(x):\n    return [1 / y for y in x]\n", "<submission>")
    fact = raised(lambda: code["f"]([0]))
    assert fact.at == SourceLine(0, 2, "return [1 / y for y in x]")
    assert fact.arguments == "x: list of 1"


def test_whose_words_a_message_is() -> None:
    code = cell("import torch\ndef own(): raise ValueError('mine')\ndef called(): torch.ones(2) @ torch.ones(3)\n")
    assert raised(code["own"]).own_words
    assert not raised(code["called"]).own_words
    course = cell("def wrong(): raise ValueError('theirs')\n", "solutions/misconceptions/topic.py")
    assert raised(course["wrong"]).own_words


def test_an_error_that_is_not_in_the_students_code() -> None:
    fact = raised(lambda: [][0])
    assert (fact.at, fact.arguments) == (None, "")


def test_a_syntax_error_points_to_its_line() -> None:
    linecache.cache["<cell 7>"] = (0, None, ["x = 1\n", "y = = 2\n"], "<cell 7>")
    fact = raised(lambda: compile("x = 1\ny = = 2\n", "<cell 7>", "exec"))
    assert fact.at == SourceLine(7, 2, "y = = 2")


def test_a_stub_is_not_attempted() -> None:
    code = cell("def f(x):\n    raise NotImplementedError\n\ndef g(x):\n    raise NotImplementedError('write me')\n")
    assert raised(lambda: code["f"](1)).not_attempted
    assert raised(lambda: code["g"](1)).not_attempted


def test_not_implemented_by_pytorch_is_an_attempt() -> None:
    code = cell("def f(x):\n    return x.to('cpu')\n\ndef g():\n    return torch.nn.Module()(1)\n")
    fact = raised(lambda: code["f"](torch.ones(2, device="meta")))
    assert (fact.type, fact.not_attempted) == ("NotImplementedError", False)
    fact = raised(code["g"])
    assert (fact.type, fact.not_attempted) == ("NotImplementedError", False)


def test_names_that_are_not_there() -> None:
    missing = raised(lambda: Code({}).match)
    assert missing == ErrorFact(
        type="UndefinedName", bases=("UndefinedName",), message="`match` is not defined.", undefined=True
    )
    assert raised(lambda: Code({"match": ...}).match).not_attempted


def test_an_own_exception_does_not_pass_for_a_builtin_one() -> None:
    code = cell("class ValueError(Exception): pass\nclass Mine(KeyError): pass\ndef f(e): raise e\n")
    fact = raised(lambda: code["f"](code["ValueError"]()))
    assert "ValueError" not in fact.bases
    assert raised(lambda: code["f"](code["Mine"]())).bases[:2] == ("Mine", "KeyError")


@pytest.mark.parametrize("body", ["raise SystemExit", "return 3", "raise KeyboardInterrupt", "return self.args[0][0]"])
def test_an_exception_whose_text_cannot_be_had(body: str) -> None:
    code = cell(f"class Bad(Exception):\n    def __str__(self):\n        {body}\n")
    fact = raised(lambda: (_ for _ in ()).throw(code["Bad"]()))
    assert fact.message.startswith("(its text cannot be read")


def test_text_is_cut_and_can_be_encoded() -> None:
    fact = raised(lambda: (_ for _ in ()).throw(ValueError("\ud800" + "x" * 10_000)))
    assert len(fact.message) < 520
    assert fact.message.startswith("\\ud800xxx")
    assert fact.message.endswith("…")


def test_arguments_are_described_without_asking_them() -> None:
    code = cell(
        "class Loud:\n    def __repr__(self): raise SystemExit\n    __str__ = __len__ = __iter__ = __repr__\n"
        "def f(a, b, c, d, e):\n    raise ValueError\n"
    )
    fact = raised(lambda: code["f"](code["Loud"](), "text " * 100, 10**500, [code["Loud"]()], torch.nn.Linear(1, 1)))
    assert fact.arguments.startswith("a: Loud, b: 'text text")
    assert fact.arguments.endswith("c: a very large int, d: list of 1, e: Linear")


def test_deep_recursion_is_described() -> None:
    code = cell("def f(x):\n    return f(x + 1)\n")
    fact = raised(lambda: code["f"](0))
    assert (fact.type, fact.at) == ("RecursionError", SourceLine(2, 2, "return f(x + 1)"))


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (torch.ones(2, 3), "float32 tensor of shape (2, 3)"),
        (torch.ones((), device="meta"), "float32 tensor of shape () on meta"),
        (torch.nn.Parameter(torch.ones(1)), "float32 Parameter of shape (1,)"),
        (numpy.ones(2), "float64 array of shape (2,)"),
        (None, "None"),
        (1.5, "1.5"),
        (torch.int8, "torch.int8"),
        ({}, "dict of 0"),
        (cell, "function cell"),
    ],
)
def test_in_words(thing: object, words: str) -> None:
    assert in_words(thing) == words
