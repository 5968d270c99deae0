"""Words for differences: what a sentence for students calls a thing, a number or a place in a tensor.

Text that came out of a child (strings, keys, class names) may contain words of a hidden check, so it is quoted only
where the student may see the check.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.comparing.arrays import Array
from autograder.records.observation import (
    DigestFact,
    ErrorFact,
    Fact,
    MappingFact,
    ModuleFact,
    OpaqueFact,
    RaisedFact,
    SequenceFact,
    SketchFact,
    SourceFact,
    TensorFact,
    ValueFact,
)
from autograder.records.results import Difference

__all__ = [
    "Options",
    "called",
    "difference",
    "error_name",
    "held_text",
    "index_text",
    "item_path",
    "key_path",
    "kind_text",
    "number_pair",
    "places_text",
    "shape_text",
    "type_text",
    "value_text",
    "with_article",
]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,59}")
_KNOWN_NAMES = frozenset(
    (
        *vars(builtins),
        *("NoneType", "ellipsis", "function", "method", "module", "generator", "iterator", "coroutine"),
        *("Tensor", "NestedTensor", "Parameter", "Buffer"),
        *("ndarray", "Size", "dtype", "device", "layout", "Generator", "OrderedDict", "defaultdict", "Counter", "Module"),
        *("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Linear", "Embedding", "Dropout"),
        *("Conv1d", "Conv2d", "Conv3d", "BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm", "RMSNorm", "LSTM", "GRU"),
        *("ReLU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softmax", "Flatten", "Identity", "SGD", "Adam", "AdamW", "RMSprop"),
        *("LinAlgError", "OutOfMemoryError", "UndefinedName", "NotAttempted"),
        *(f"numpy.{kind.__name__}" for kind in (*np.sctypeDict.values(), np.bool_)),
    )
)
_SHORT_NAMES = {
    "builtin_function_or_method": "function",
    "method-wrapper": "method",
    "method_descriptor": "method",
    "type": "class",
    "torch._C._TensorMeta": "class",
}
_HELD = re.compile(r"[\w.]+ (?:of \d|\w+ of shape )")
_FUNCTION = re.compile(r"function [\w.<>]+|builtin_function_or_method")
_WORDS_AND_INDEX = re.compile(r"(.*?)((?:\[\d+\])*)", re.DOTALL)
_TEXT_SHOWN = 60
_ALONE = "result"
_LARGEST_TOLD = 1000
_DIMENSIONS_SHOWN, _SIZE_SHOWN = 8, 1_000_000


@dataclass(frozen=True)
class Options:
    """How to compare and what to say.

    Attributes:
        tolerances: by dtype name, as in course.yml.
        quote: whether sentences may quote text that the code under test produced.
        explain: whether to explain what differs, rather than only find out whether anything does.
        between_machines: whether both are observations of the same code, so that a verdict in common is no difference.
        returned: the names of the tensors that the check returned, as `TensorFact.shares` has them.
    """

    tolerances: Mapping[str, float]
    quote: bool = True
    explain: bool = True
    between_machines: bool = False
    returned: frozenset[str] = frozenset()


def difference(where: str, fact: str, sentence: str) -> Difference:
    """A difference of the thing at the path `where`."""
    return Difference(where=where or _ALONE, fact=fact, sentence=sentence)


def called(where: str) -> str:
    """The name of the thing at the path `where`: its path in code marks, or `result` if it was returned on its own.

    Where an author's words name it, as in `losses of the epochs[2]`, the index stands beside them.
    """
    found = _WORDS_AND_INDEX.fullmatch(where) if " " in where and len(where) <= 200 else None
    words, index = found.groups() if found else (where, "")
    return f"`{_cut(words, 120) or _ALONE}`{f' at {index}' if index else ''}"


def key_path(where: str, key: str) -> str:
    """The path of an entry of a mapping; in the outermost mapping, just its key."""
    return f'{where}["{_cut(key, _TEXT_SHOWN)}"]' if where else key


def item_path(where: str, index: int) -> str:
    """The path of an item of a sequence."""
    return f"{where or _ALONE}[{index}]"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def with_article(name: str) -> str:
    """`a Tensor`, `an int`; `None` stays as it is."""
    if name in ("NoneType", "None"):
        return "None"
    short = name.rpartition(".")[2].lower()
    return f"{'an' if short.startswith(('a', 'e', 'i', 'o', 'ndarray')) else 'a'} {name}"


def type_text(name: str, *, quote: bool) -> str:
    """A type's name. A student can call a class anything, so an unknown name is given only if it may be quoted."""
    name = name.removeprefix("__main__.")
    return name if name in _KNOWN_NAMES or (quote and _NAME.fullmatch(name)) else "something else"


def kind_text(fact: Fact, *, quote: bool) -> str:
    """What kind of thing it is, with an article: `a Tensor`, `None`, `a module (Linear)`."""
    match fact:
        case ModuleFact():
            name = type_text(fact.type, quote=quote)
            return "a module" if name in ("Module", "something else") else f"a module ({name})"
        case RaisedFact():
            return "the outcome of a call"
        case DigestFact() | SourceFact():
            return "something else"
        case SketchFact():
            return kind_text(fact.tensor, quote=quote)
        case TensorFact() | ValueFact() | SequenceFact() | MappingFact() | OpaqueFact():
            name = _SHORT_NAMES.get(fact.type) or type_text(fact.type, quote=quote)
            return name if name == "something else" else with_article(name)


def held_text(held: str) -> str:
    """A description as `ErrorFact.held` has it, with an article: `a tuple of 2`; `5` stays as it is."""
    return "a function" if _FUNCTION.fullmatch(held) else with_article(held) if _HELD.match(held) else held


def error_name(error: ErrorFact, *, quote: bool) -> str:
    """The name of an exception's type."""
    name = type_text(error.type, quote=quote)
    return "a custom exception" if name == "something else" else name


def value_text(value: Any, *, quote: bool) -> str:
    """A value as Python writes it; a string only if it may be quoted."""
    if isinstance(value, str):
        return repr(_cut(value, _TEXT_SHOWN)) if quote else "a different string"
    if isinstance(value, float | np.floating):
        return _number(float(value), 6)
    return str(value)


def number_pair(actual: Any, expected: Any, *, quote: bool = True) -> tuple[str, str]:
    """Two numbers with six digits, or as many as it takes to see that they differ.

    Of a hidden check's, only three digits are told: so they help, but cannot be handed in as an answer.
    """
    if not quote:
        yours, wanted = _rough(actual), _rough(expected)
        return (f"{yours} (off by {abs(actual - expected):.1g})" if yours == wanted else yours), wanted
    for digits in (6, 9, 17):
        texts = _number(actual, digits), _number(expected, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _rough(value: Any) -> str:
    """A number with three digits, `about` before it where that leaves some out."""
    whole, rough = _number(value, 17), _number(value, 3)
    if isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_):
        rough = whole if abs(int(value)) < _LARGEST_TOLD else f"{float(value):.3g}"
    return rough if rough == whole else f"about {rough}"


def _number(value: Any, digits: int) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, complex | np.complexfloating):
        return f"{complex(value):.{digits}g}"
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return f"{number:.{digits}g}"


def shape_text(shape: tuple[int, ...], *, quote: bool) -> str:
    """A shape or strides, as Python writes them. A long one could carry text out of a hidden check, so it is cut."""
    if quote or (len(shape) <= _DIMENSIONS_SHOWN and all(abs(size) < _SIZE_SHOWN for size in shape)):
        return str(shape)
    return f"(…) with {len(shape)} dimensions" if len(shape) > _DIMENSIONS_SHOWN else "(…) with very large numbers"


def index_text(flat: int, shape: tuple[int, ...]) -> str:
    """The index of the element at a flat position, e.g. `[1, 2]`; `[]` for the one element of a 0-d tensor."""
    return str([int(i) for i in np.unravel_index(flat, shape)]) if shape else "[]"


def places_text(where: Array, shape: tuple[int, ...]) -> str:
    """Up to three places where a bool array is True: `[0, 1], [2, 3], [4, 5] and 6 more`."""
    flat = np.flatnonzero(where)
    shown = ", ".join(index_text(int(i), shape) for i in flat[:3])
    return shown if flat.size <= 3 else f"{shown} and {flat.size - 3} more"
