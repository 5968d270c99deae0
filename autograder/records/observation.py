"""What a check saw: plain, typed, serialisable records without any torch object.

A child process makes them (see `autograder.checking.observe`), MessagePack carries them, and the trusted process
validates and compares them (see `autograder.comparing.compare`). Nothing here imports torch, and nothing is ever unpickled.

A *fact* describes one thing that a check returned. Every fact carries the policy for comparing it. The trusted side takes
policies only from the reference's observation, so a child cannot loosen its own comparison.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "BAD_WEIGHTS",
    "DEFAULT_FACTS",
    "FACT_NAMES",
    "AllEqual",
    "AtLeast",
    "AtMost",
    "AverageBetween",
    "DigestFact",
    "DistributedAs",
    "ErrorFact",
    "Fact",
    "FactName",
    "Judge",
    "MappingFact",
    "ModuleFact",
    "MostlyEqual",
    "Observation",
    "OpaqueFact",
    "Policy",
    "PrintsAlike",
    "RaisedFact",
    "SequenceFact",
    "SketchFact",
    "SourceFact",
    "SourceLine",
    "TensorFact",
    "ValueFact",
]

FactName = Literal[
    "type",
    "shape",
    "dtype",
    "device",
    "layout",
    "requires_grad",
    "is_leaf",
    "grad_fn",
    "values",
    "gradient",
    "aliasing",
    "overlap",
    "stride",
    "bits",
]
"""In the order of comparison. `bits` compares values bit by bit, without tolerance, and the conj and neg flags."""

FACT_NAMES: tuple[FactName, ...] = (
    "type",
    "shape",
    "dtype",
    "device",
    "layout",
    "requires_grad",
    "is_leaf",
    "grad_fn",
    "values",
    "gradient",
    "aliasing",
    "overlap",
    "stride",
    "bits",
)
DEFAULT_FACTS: tuple[FactName, ...] = ("type", "shape", "dtype", "device", "layout", "requires_grad", "values")


class AtLeast(msgspec.Struct, frozen=True, tag="at_least"):
    """The observed number must be at least `bound`; the reference's own value does not matter."""

    bound: float


class AtMost(msgspec.Struct, frozen=True, tag="at_most"):
    """The observed number must be at most `bound`; the reference's own value does not matter."""

    bound: float


class DistributedAs(msgspec.Struct, frozen=True, tag="distributed_as"):
    """The observed numbers must look like independent draws of a named distribution.

    `family` is `uniform` (parameters `a`, `b`: the bounds), `normal` (`mean`, `std`) or `truncated_normal` (`mean`,
    `std`, `a`, `b`). `false_reject` is the probability that this judgement rejects correct code.
    """

    family: Literal["uniform", "normal", "truncated_normal"]
    parameters: dict[str, float]
    false_reject: float = 1e-9


class AverageBetween(msgspec.Struct, frozen=True, tag="average_between"):
    """The average of a tensor's elements must lie between `low` and `high`."""

    low: float
    high: float


class MostlyEqual(msgspec.Struct, frozen=True, tag="mostly_equal"):
    """At least the share `share` of a tensor's elements must equal the whole numbers `labels`, in order."""

    labels: tuple[int, ...]
    share: float


class AllEqual(msgspec.Struct, frozen=True, tag="all_equal"):
    """The items of a sequence must equal its first one, whatever that is; only their form is as the reference's."""


class PrintsAlike(msgspec.Struct, frozen=True, tag="prints_alike"):
    """The lines of a text must say what those of the reference's text say, spaces aside, `unordered` in any order.

    A number a in place of e is right if |a − e| ≤ tolerance · max(1, |e|).
    """

    tolerance: float = 0.0
    unordered: bool = False


Judge = AtLeast | AtMost | DistributedAs | AverageBetween | MostlyEqual | AllEqual | PrintsAlike


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one returned thing is compared.

    `facts` are the facts that count. `rtol` and `atol` replace the course's tolerance for the dtype. A `judge` tests a
    property instead of comparing values. A `secret` thing is stored in the public key only as a salted digest. The items
    of an `unordered` sequence, or the rows of an `unordered` tensor, may come in any order. Where `sentence` is set, a
    student is told it instead of what differs.
    """

    facts: tuple[FactName, ...] = DEFAULT_FACTS
    rtol: float | None = None
    atol: float | None = None
    judge: Judge | None = None
    secret: bool = False
    unordered: bool = False
    sentence: str = ""


class TensorFact(msgspec.Struct, frozen=True, tag="tensor", tag_field="kind", kw_only=True, omit_defaults=True):
    """One tensor (or NumPy array, with type `ndarray`).

    `values` are the elements in row-major order, little-endian, conj and neg resolved, in the tensor's own dtype
    (bool: one byte each; bfloat16 and float8: their raw bits). Quantised and sparse tensors are made dense. A meta tensor
    has no values. `stride` is canonical: 0 where a dimension has size 1, None for a tensor without elements.
    `shares` names the inputs and other returned things that share its storage.
    """

    type: str
    dtype: str
    shape: tuple[int, ...]
    device: str
    layout: str = "strided"
    stride: tuple[int, ...] | None = None
    requires_grad: bool = False
    is_leaf: bool = True
    has_grad_fn: bool = False
    conj: bool = False
    neg: bool = False
    overlap: bool = False
    gradient: Literal["none", "zero", "value", "non-leaf"] = "none"
    gradient_values: bytes | None = None
    shares: tuple[str, ...] = ()
    values: bytes = b""
    policy: Policy = Policy()


class ValueFact(msgspec.Struct, frozen=True, tag="value", tag_field="kind", kw_only=True, omit_defaults=True):
    """A number, string, None, dtype or device. `type` names the exact type (see `autograder.checking.type_names`).

    An int of more than 64 bits is stored as hexadecimal text.
    """

    type: str
    value: bool | int | float | str | None = None
    policy: Policy = Policy()


class SequenceFact(msgspec.Struct, frozen=True, tag="sequence", tag_field="kind", kw_only=True, omit_defaults=True):
    """A list, tuple, set (sorted by repr) or torch.Size. A complex number is a sequence of type `complex`."""

    type: str
    items: tuple[Fact, ...] = ()
    policy: Policy = Policy()


class MappingFact(msgspec.Struct, frozen=True, tag="mapping", tag_field="kind", kw_only=True, omit_defaults=True):
    """A dict, in its own order. Keys that are not strings are in angle brackets, so 1 and "1" differ."""

    type: str
    keys: tuple[str, ...] = ()
    items: tuple[Fact, ...] = ()
    policy: Policy = Policy()


class ModuleFact(msgspec.Struct, frozen=True, tag="module", tag_field="kind", kw_only=True, omit_defaults=True):
    """A module: what it registers, in its own order, including duplicates (tied parameters).

    `parameters` and `buffers` are (name, fact) pairs, `training` (module name, flag) pairs, `state_dict` its keys.
    """

    type: str
    parameters: tuple[tuple[str, TensorFact], ...] = ()
    buffers: tuple[tuple[str, TensorFact], ...] = ()
    training: tuple[tuple[str, bool], ...] = ()
    state_dict: tuple[str, ...] = ()
    policy: Policy = Policy()


class SourceLine(msgspec.Struct, frozen=True):
    """A line of the submission: `cell` counts code cells from 1 (0 for a plain file), `line` from 1 within it."""

    cell: int
    line: int
    text: str


BAD_WEIGHTS = "autograder.checking.weights.BadWeights"
"""The type of the exception of which students read the message: it says what is wrong with a file of weights."""


class ErrorFact(msgspec.Struct, frozen=True, tag="error", tag_field="kind", kw_only=True, omit_defaults=True):
    """An exception. `bases` are the names of the classes in its method resolution order, its own first.

    `message` and `at` (the innermost line of the student's own code) are shown, and so is `arguments`, what the student's
    function was called with; none of them is scored. `undefined`: the code does not define the task's name.
    `not_attempted`: the stub is unchanged. `own_words`: the code under test raised the exception itself, with its own text.
    `origin` says whose line stopped: the code under test's (`code`), one of a library that it called (`library`), or the
    check's own, on what the code had returned (`check`); empty where nobody looked. `gives_none`: a check's line met None,
    and the task's function never returns anything else. `check_line` is the check's line that stopped, if the check stopped;
    `held` says what a task's variable holds, if that is what the check could not use. `unready`: a module was used before
    its `super().__init__()` had run.
    """

    type: str
    bases: tuple[str, ...] = ()
    message: str = ""
    at: SourceLine | None = None
    arguments: str = ""
    undefined: bool = False
    not_attempted: bool = False
    own_words: bool = False
    origin: Literal["code", "library", "check", ""] = ""
    gives_none: bool = False
    check_line: int = 0
    held: str = ""
    unready: bool = False


class RaisedFact(msgspec.Struct, frozen=True, tag="raised", tag_field="kind", kw_only=True, omit_defaults=True):
    """The outcome of `raises(call)`: the error, or None if the call returned (`returned` then describes what)."""

    error: ErrorFact | None = None
    returned: str = ""
    policy: Policy = Policy()


class OpaqueFact(msgspec.Struct, frozen=True, tag="opaque", tag_field="kind", kw_only=True, omit_defaults=True):
    """A thing whose type is not observed, or that is over a limit, named in `reason`. Compared by type only."""

    type: str
    reason: str = ""
    policy: Policy = Policy()


class DigestFact(msgspec.Struct, frozen=True, tag="digest", tag_field="kind", kw_only=True, omit_defaults=True):
    """A secret thing in a public key: under one salt, equal things have equal digests. No child sends one."""

    salt: bytes
    digest: bytes
    policy: Policy = Policy()


class SketchFact(msgspec.Struct, frozen=True, tag="sketch", tag_field="kind", kw_only=True, omit_defaults=True):
    """Stands in an answer key for a tensor of random numbers that a distribution judges: all of it but its values.

    `quantiles` are 129 of them, from the smallest to the largest, as little-endian float32, empty where the values are no
    real numbers; `objection` is what the judge said of the values, empty if nothing. No child sends it.
    """

    tensor: TensorFact
    quantiles: bytes = b""
    objection: str = ""
    policy: Policy = Policy()


class SourceFact(msgspec.Struct, frozen=True, tag="source", tag_field="kind", kw_only=True, omit_defaults=True):
    """What a rule found in the source: `count` places, of which the first are given if there are more than `at_most`.

    `demand` says the rule. `found`: the source has a definition to look at. No child sends one.
    """

    demand: str
    at_most: int = 0
    found: bool = True
    count: int = 0
    places: tuple[SourceLine, ...] = ()
    policy: Policy = Policy()

    @property
    def obeys(self) -> bool:
        """Whether the rule is kept."""
        return self.found and self.count <= self.at_most


Fact = (
    TensorFact
    | ValueFact
    | SequenceFact
    | MappingFact
    | ModuleFact
    | RaisedFact
    | OpaqueFact
    | DigestFact
    | SketchFact
    | SourceFact
)


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one run of a check: one draw of its inputs, on some code.

    Exactly one of `returned` and `error` is set. `effects` are side effects of the run, sorted: `global random state`,
    `default dtype`, `grad mode`, or `NAME: values | requires_grad | gradient | training` for an input of that name.
    `warnings` and `output` are shown, never scored.
    """

    check: str
    draw: int
    returned: Fact | None = None
    error: ErrorFact | None = None
    effects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    output: str = ""
