"""Compares what a check saw on a student's code with what it saw on the reference, fact by fact.

Of each returned thing the first fact that differs is told, in the order of `FACT_NAMES`. Policies are taken from the
expected observation only: whatever a child writes into its own, it cannot loosen its comparison.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from autograder._words import counted
from autograder.comparing import wording as words
from autograder.comparing.bounds import compare_judged, count_off, similar_judged
from autograder.comparing.digests import digest_of
from autograder.comparing.tensors import compare_tensors
from autograder.comparing.values import compare_numbers, compare_values
from autograder.comparing.wording import Options, called, difference, item_path, key_path, kind_text
from autograder.records.observation import (
    BAD_WEIGHTS,
    DEFAULT_FACTS,
    FACT_NAMES,
    AllEqual,
    DigestFact,
    ErrorFact,
    Fact,
    MappingFact,
    ModuleFact,
    Observation,
    OpaqueFact,
    Policy,
    RaisedFact,
    SequenceFact,
    SourceFact,
    TensorFact,
    ValueFact,
)
from autograder.records.results import Difference

__all__ = ["agree", "compare", "has_judge", "is_telling_error", "message_template", "passes", "same", "same_error"]

# Beyond this, items of an unordered sequence that are not exactly equal are not matched one by one.
_MOST_MATCHED = 1000
_UNORDERED_TYPES = {"set", "frozenset"}
# Types that are as good as each other: subclasses that only add methods.
_ALIKE = {
    **{"Size": "tuple", "OrderedDict": "dict", "defaultdict": "dict", "Counter": "dict"},
    **{"frozenset": "set", "generator": "iterator"},
}

# What a slip of the pen raises, whatever the mistake behind it, if there is one.
_SLIPS = {
    *("AttributeError", "NameError", "UnboundLocalError", "KeyError", "ImportError", "ModuleNotFoundError"),
    *("AssertionError", "ZeroDivisionError", "RecursionError", "SyntaxError", "IndentationError", "KeyboardInterrupt"),
}
# Likewise, unless PyTorch says it of a tensor: `linear(): argument …`, `index 5 is out of bounds for dimension 0 …`.
_OFTEN_SLIPS = {"TypeError", "IndexError", "ValueError"}
_OTHER_ARGUMENTS = re.compile(r"(?:\.\w+)?\(\) (?:takes|got an unexpected|got multiple|got some|missing) ")
_UNDEFINED = re.compile(r"(`\w{1,100}`) is not defined\.")
_ABOUT_TENSORS = re.compile(r"^\w+\(\): |received an invalid combination|\b[Tt]ensors?\b|[Dd]imension|\bdtype\b|\bshapes?\b")


def compare(
    expected: Observation,
    actual: Observation,
    tolerances: Mapping[str, float],
    *,
    task: str = "",
    quote: bool = True,
) -> tuple[Difference, ...]:
    """What differs between two observations of one check on the same inputs, under the expected one's policies.

    Args:
        expected: the reference's observation.
        actual: the observation of the code that is judged.
        tolerances: by dtype name, as in course.yml.
        task: what the code should define; named in the sentence where it does not.
        quote: whether text that the code produced may stand in sentences; False for hidden checks.

    Returns:
        For each returned thing the first difference; empty if nothing differs.
    """
    returned = frozenset(_tensor_names(expected.returned, ""))
    return _compare_observations(expected, actual, Options(tolerances, quote, returned=returned), task)


def _tensor_names(fact: Fact | None, path: str) -> Iterator[str]:
    """What `TensorFact.shares` calls the tensors in a returned thing; see `autograder.checking.observe`."""
    match fact:
        case TensorFact():
            yield f"result{path}" if not path or path.startswith("[") else path
        case SequenceFact():
            for index, item in enumerate(fact.items):
                yield from _tensor_names(item, f"{path}[{index}]")
        case MappingFact():
            for key, item in zip(fact.keys, fact.items, strict=False):
                yield from _tensor_names(item, f'{path}["{key}"]' if path else key)
        case ModuleFact():
            yield from (f"{path}.{name}" if path else name for name, _ in (*fact.parameters, *fact.buffers))


def passes(expected: Observation, actual: Observation, tolerances: Mapping[str, float]) -> bool:
    """Whether nothing differs: what `compare` finds, without looking for words."""
    return not _compare_observations(expected, actual, Options(tolerances, quote=False, explain=False), "")


def _compare_observations(expected: Observation, actual: Observation, how: Options, task: str) -> tuple[Difference, ...]:
    if actual.error is not None:
        if expected.error is not None and _as_good(expected.error, actual.error):
            return ()
        return (difference("", "error", _error_sentence(actual.error, task, how.quote)),)
    if actual.returned is None or expected.returned is None:
        return (difference("", "error", "There is nothing to compare."),)
    if expected.returned == actual.returned and not has_judge(expected.returned):
        return ()  # most answers are right to the last bit, and this is much faster than to compare them part by part
    try:
        return tuple(_compare("", expected.returned, actual.returned, how))
    except (ValueError, TypeError, OverflowError, ArithmeticError, RecursionError) as error:
        # Facts come from a child; ones that cannot be right are no reason to stop grading.
        return (difference("", "type", f"What the check returned cannot be compared ({type(error).__name__})."),)


def has_judge(fact: Fact | None) -> bool:
    """Whether a bound or a distribution judges something of a fact, instead of a comparison."""
    match fact:
        case SequenceFact() | MappingFact():
            return any(map(has_judge, fact.items))
    return fact is not None and fact.policy.judge is not None


def _error_sentence(error: ErrorFact, task: str, quote: bool) -> str:
    name = f"`{task}`" if task else "what the check calls"
    if error.undefined:
        missing = _UNDEFINED.fullmatch(error.message) if quote else None  # a task may consist of several functions
        return f"{missing[1] if missing else name[0].upper() + name[1:]} is not defined in your file."
    if error.not_attempted:
        return f"{name[0].upper()}{name[1:]} is not attempted yet."
    if error.type == BAD_WEIGHTS and error.origin == "check":
        return error.message if quote else f"The file of weights that {name} names cannot be used."
    place = ""
    if error.at is not None:
        place = f" in cell {error.at.cell}, line {error.at.line}" if error.at.cell else f" on line {error.at.line}"
    raised = words.error_name(error, quote=quote)
    if error.origin != "check":
        return f"Your code raised {raised}{place}."
    if error.type == "AssertionError":
        return f"What {name} returned or left behind does not pass this check."
    if error.gives_none:
        return f"{name[0].upper()}{name[1:]} returned None: it never returns a value."
    if "NoneType" in error.message:
        return f"The check met None where it needs a value from {name}."
    if task and _OTHER_ARGUMENTS.match(error.message.removeprefix(task)):
        return f"{name} does not take the arguments that the exercise names."
    return f"The check could not use what {name} gave it: its own line raised {raised}."


def _as_good(expected: ErrorFact, actual: ErrorFact) -> bool:
    if actual.undefined or actual.not_attempted:
        return False
    if actual.origin == "check" and expected.origin != "check":  # nothing that the code under test was called for stopped
        return False
    return actual.type == expected.type or expected.type in actual.bases


def _compare(where: str, expected: Fact, actual: Fact, how: Options) -> list[Difference]:
    found = _differences(where, expected, actual, how)
    if found and expected.policy.sentence:
        return [difference(where, found[0].fact, expected.policy.sentence)]
    return found


def _differences(where: str, expected: Fact, actual: Fact, how: Options) -> list[Difference]:
    policy = expected.policy
    if isinstance(expected, DigestFact):
        equal = expected == actual or expected.digest == digest_of(actual, expected.salt, policy)
        return [] if equal else [_wrong_answer(where, actual, how)]
    if policy.secret:
        plain = msgspec.structs.replace(expected, policy=msgspec.structs.replace(policy, secret=False))
        return [_wrong_answer(where, actual, how)] if _compare(where, plain, actual, how) else []
    if policy.judge is not None and how.between_machines:
        equal = isinstance(policy.judge, AllEqual)
        alike = _same(expected, actual, how) if equal else similar_judged(expected, actual, policy.judge, how)
        return [] if alike else [difference(where, "values", f"{called(where)} is another.")]
    if isinstance(policy.judge, AllEqual):
        return _compare_with_each_other(where, expected, actual, how)
    if policy.judge is not None:
        return compare_judged(where, expected, actual, policy.judge, how)
    if isinstance(expected, TensorFact) and isinstance(actual, TensorFact):
        return _listed(compare_tensors(where, expected, actual, how))
    if isinstance(expected, ValueFact) and isinstance(actual, ValueFact):
        return _listed(compare_values(where, expected, actual, how))
    if isinstance(expected, SequenceFact) and isinstance(actual, SequenceFact):
        return _compare_sequences(where, expected, actual, how)
    if isinstance(expected, MappingFact) and isinstance(actual, MappingFact):
        return _compare_mappings(where, expected, actual, how)
    if isinstance(expected, ModuleFact) and isinstance(actual, ModuleFact):
        return _compare_modules(where, expected, actual, how)
    if isinstance(expected, SourceFact) and isinstance(actual, SourceFact):
        return _listed(_compare_source(expected, actual))
    if isinstance(expected, RaisedFact) and isinstance(actual, RaisedFact):
        return _listed(_compare_raised(where, expected, actual, how))
    if isinstance(expected, OpaqueFact) and isinstance(actual, OpaqueFact):
        if expected.type == actual.type or "type" not in policy.facts:
            return []
    elif isinstance(actual, OpaqueFact) and actual.type == getattr(expected, "type", "") and actual.reason:
        reason = actual.reason if how.quote else "it is too large, or cannot be read"
        return [difference(where, "type", f"{called(where)} cannot be observed: {reason}.")]
    if isinstance(actual, TensorFact | ValueFact) and _is_mere_number(expected):
        return _listed(compare_numbers(where, expected, actual, how))
    return [_other_kind(where, expected, actual, how)]


def _is_mere_number(fact: Fact) -> bool:
    """Whether nothing but a number is asked for, be it in a tensor or not."""
    if isinstance(fact, TensorFact):
        return fact.policy.facts == ("values",)
    return isinstance(fact, ValueFact) and "type" not in fact.policy.facts


def _listed(found: Difference | None) -> list[Difference]:
    return [] if found is None else [found]


def _other_kind(where: str, expected: Fact, actual: Fact, how: Options) -> Difference:
    yours, wanted = kind_text(actual, quote=how.quote), kind_text(expected, quote=True)
    if yours == wanted:
        return difference(where, "type", f"{called(where)} is another kind of thing than {wanted}.")
    return difference(where, "type", f"{called(where)} is {yours}; it should be {wanted}.")


def _wrong_answer(where: str, actual: Fact, how: Options) -> Difference:
    yours = ""
    if isinstance(actual, ValueFact):
        yours = f" (yours: {words.value_text(actual.value, quote=how.quote)})"
    return difference(where, "values", f"{called(where)} is not the right answer{yours}.")


def _compare_sequences(where: str, expected: SequenceFact, actual: SequenceFact, how: Options) -> list[Difference]:
    policy = expected.policy
    if "type" in policy.facts and _ALIKE.get(expected.type, expected.type) != _ALIKE.get(actual.type, actual.type):
        return [_other_kind(where, expected, actual, how)]
    if len(expected.items) != len(actual.items):
        count = counted(len(actual.items), "item")
        return [difference(where, "shape", f"{called(where)} has {count}; it should have {len(expected.items)}.")]
    if expected.type == "complex":
        parts = tuple(msgspec.structs.replace(item, policy=policy) for item in expected.items)
        halves = [_compare(where, left, right, how) for left, right in zip(parts, actual.items, strict=True)]
        return next(filter(None, halves), [])
    if policy.unordered or expected.type in _UNORDERED_TYPES:
        return _compare_unordered(where, expected, actual, how)
    found: list[Difference] = []
    for index, (left, right) in enumerate(zip(expected.items, actual.items, strict=True)):
        found += _compare(item_path(where, index), left, right, how)
        if found and not how.explain:
            break
    return found


def _compare_unordered(where: str, expected: SequenceFact, actual: SequenceFact, how: Options) -> list[Difference]:
    wanted, yours = list(expected.items), list(actual.items)
    if all(isinstance(item, ValueFact) for item in (*wanted, *yours)):
        wanted, yours = _without_equal(wanted, yours)
    unmatched = len(yours)
    if unmatched <= _MOST_MATCHED:
        for item in yours:
            match = next((i for i, one in enumerate(wanted) if not _compare(where, one, item, how)), None)
            if match is not None:
                wanted.pop(match)
                unmatched -= 1
    if not unmatched:
        return []
    count = f"{unmatched} of its {len(expected.items)} items {'is' if unmatched == 1 else 'are'} not among those expected"
    return [difference(where, "values", f"{called(where)}: {count} (their order does not matter).")]


def _without_equal(expected: list[Fact], actual: list[Fact]) -> tuple[list[Fact], list[Fact]]:
    """Both lists without the values that they have in common, sorted by what is written of them."""
    missing = Counter(_written(item) for item in expected)
    left_over = []
    for item in actual:
        if missing[_written(item)] > 0:
            missing[_written(item)] -= 1
        else:
            left_over.append(item)
    wanted = []
    for item in expected:
        if missing[_written(item)] > 0:
            missing[_written(item)] -= 1
            wanted.append(item)
    return wanted, left_over


def _written(fact: Fact) -> str:
    return f"{fact.type} {fact.value!r}" if isinstance(fact, ValueFact) else ""


def _compare_mappings(where: str, expected: MappingFact, actual: MappingFact, how: Options) -> list[Difference]:
    if "type" in expected.policy.facts and _ALIKE.get(expected.type, expected.type) != _ALIKE.get(actual.type, actual.type):
        return [_other_kind(where, expected, actual, how)]
    theirs = dict(zip(actual.keys, actual.items, strict=False))
    found: list[Difference] = []
    for key, item in zip(expected.keys, expected.items, strict=True):
        path = key_path(where, key)
        if found and not how.explain:
            return found
        if key in theirs:
            found += _compare(path, item, theirs[key], how)
        else:
            text = f"{called(where)} lacks the key {key!r}." if where else f"{called(path)} is missing."
            found.append(difference(path, "type", text))
    extra = [key for key in actual.keys if key not in expected.keys]
    if extra and "type" in expected.policy.facts:
        shown = f"the key {words.value_text(extra[0], quote=True)}" if how.quote else "a key"
        text = f"{called(where)} has {shown}, which should not be there."
        found.append(difference(where, "type", text))
    return found


def _compare_with_each_other(where: str, expected: Fact, actual: Fact, how: Options) -> list[Difference]:
    """Items that must equal the first one; the reference's say only what form they have and how they are compared."""
    if not isinstance(expected, SequenceFact) or not isinstance(actual, SequenceFact):
        return [difference(where, "type", f"{called(where)} is {kind_text(actual, quote=how.quote)}; it should be a list.")]
    if len(expected.items) != len(actual.items):
        text = f"{called(where)} has {counted(len(actual.items), 'item')}; it should have {len(expected.items)}."
        return [difference(where, "type", text)]
    if off := count_off(expected, actual):
        return [difference(where, "values", f"{called(where)} {off}.")]
    for index, (wanted, item) in enumerate(zip(expected.items, actual.items, strict=True)):
        if found := _compare(item_path(where, index), _without_judge(wanted, values=False), item, how):
            return found
    first = _with_policies(actual.items[0], _without_judge(expected.items[0]))
    for item in actual.items[1:]:
        if found := _compare(where, first, item, how):
            return [difference(where, found[0].fact, f"{called(where)}: these should equal each other, but they differ.")]
    return []


def _without_judge(fact: Fact, *, values: bool = True) -> Fact:
    policy = msgspec.structs.replace(fact.policy, judge=None, sentence="")
    if not values:
        policy = msgspec.structs.replace(
            policy, facts=tuple(each for each in policy.facts if each not in ("values", "bits"))
        )
    if isinstance(fact, SequenceFact | MappingFact):
        items = tuple(_without_judge(item, values=values) for item in fact.items)
        return msgspec.structs.replace(fact, policy=policy, items=items)
    return msgspec.structs.replace(fact, policy=policy)


def _with_policies(fact: Fact, expected: Fact) -> Fact:
    """A fact of the code under test with the reference's policies; both have one form."""
    if isinstance(fact, SequenceFact | MappingFact) and isinstance(expected, SequenceFact | MappingFact):
        items = tuple(_with_policies(*pair) for pair in zip(fact.items, expected.items, strict=True))
        return msgspec.structs.replace(fact, policy=expected.policy, items=items)
    return msgspec.structs.replace(fact, policy=expected.policy)


def _compare_modules(where: str, expected: ModuleFact, actual: ModuleFact, how: Options) -> list[Difference]:
    facts = expected.policy.facts
    found = []
    for kind, other_kind in (("parameters", "buffers"), ("buffers", "parameters")):
        theirs, others = dict(getattr(actual, kind)), dict(getattr(actual, other_kind))
        wanted = dict(getattr(expected, kind))
        for name, fact in wanted.items():
            path = f"{where}.{name}" if where else name
            if name in theirs:
                found += _compare(path, fact, theirs[name], how)
            elif name in others:
                text = f"{called(path)} is registered as a {_one(other_kind)}; it should be a {_one(kind)}."
                found.append(difference(path, "type", text))
            elif "type" in facts or set(facts) & {"values", "shape", "dtype"}:
                text = f"{called(where)} has no {_one(kind)} `{name}`."
                found.append(difference(path, "type", text))
        extra = [name for name in theirs if name not in wanted and name not in dict(getattr(expected, other_kind))]
        if extra and "type" in facts:
            shown = f"a {_one(kind)} `{extra[0]}`" if how.quote else f"a {_one(kind)}"
            found.append(difference(where, "type", f"{called(where)} has {shown}, which should not be registered."))
    if found or "type" not in facts:
        return found
    return _compare_structure(where, expected, actual)


def _one(kind: str) -> str:
    return kind.removesuffix("s")


def _compare_structure(where: str, expected: ModuleFact, actual: ModuleFact) -> list[Difference]:
    modes = dict(actual.training)
    found = []
    for name, training in expected.training:
        if modes.get(name, training) != training:
            path = f"{where}.{name}".strip(".") if name else where
            yours, wanted = ("evaluation", "training") if training else ("training", "evaluation")
            text = f"{called(path)} is in {yours} mode; it should be in {wanted} mode."
            found.append(difference(path, "type", text))
    for name in expected.state_dict:
        if name not in actual.state_dict:
            found.append(difference(where, "type", f"The state_dict of {called(where)} lacks `{name}`."))
    if not found and set(actual.state_dict) != set(expected.state_dict):
        found.append(difference(where, "type", f"The state_dict of {called(where)} has entries that should not be there."))
    return found


def _compare_raised(where: str, expected: RaisedFact, actual: RaisedFact, how: Options) -> Difference | None:
    wanted = f"it should raise {expected.error.type}" if expected.error else "it should raise nothing"
    error = actual.error
    if error is None:
        if expected.error is None:
            return None
        returned = f" and returned {words.held_text(actual.returned)}" if actual.returned and how.quote else ""
        return difference(where, "type", f"{called(where)} raised nothing{returned}; {wanted}.")
    if expected.error is not None and _as_good(expected.error, error):
        return None
    if error.undefined or error.not_attempted:
        state = "not defined" if error.undefined else "not attempted yet"
        return difference(where, "error", f"{called(where)}: what it calls is {state}.")
    if error.origin == "check":
        raised = words.error_name(error, quote=how.quote)
        stopped = f"on what came back, the check's own line raised {raised}"
        text = f"{called(where)} raised nothing: {stopped}; {wanted}." if expected.error else f"{called(where)}: {stopped}."
        return difference(where, "type", text)
    return difference(where, "type", f"{called(where)} raised {words.error_name(error, quote=how.quote)}; {wanted}.")


def _compare_source(expected: SourceFact, actual: SourceFact) -> Difference | None:
    """A rule on the source, kept or not: the reference's own count does not matter."""
    if actual.found and actual.count <= expected.at_most:
        return None
    if not actual.found or not actual.places:
        return difference("source", "values", "Your file has no definition of it that can be read, so the rule is not kept.")
    first, more = actual.places[0], actual.count - 1
    place = f"Cell {first.cell}, line {first.line}" if first.cell else f"Line {first.line}"
    others = f" and {counted(more, 'more place')}" if more else ""
    return difference("source", "values", f"{place}{others}: {expected.demand}")


def same(left: Observation, right: Observation, tolerances: Mapping[str, float], *, effects: bool = True) -> bool:
    """Whether two observations are alike in all that is seen by default, not only in what a check compares.

    For telling mistakes apart, not for verdicts: `only(…)` does not narrow it. Errors must agree in type and, numbers,
    addresses and quoted names aside, in message. Things with a judge (random ones, accuracies) count as alike when they
    have the same facts and verdict and could come from one distribution, or lie within a tenth of each other.

    Args:
        left, right: observations of one check on the same inputs.
        tolerances: by dtype name, as in course.yml.
        effects: whether side effects must agree, too.
    """
    return _alike(left, right, Options(tolerances, quote=False, explain=False), effects=effects)


def _alike(left: Observation, right: Observation, how: Options, *, effects: bool) -> bool:
    if effects and left.effects != right.effects:
        return False
    if left.error is not None or right.error is not None:
        return left.error is not None and right.error is not None and same_error(left.error, right.error)
    if left.returned is None or right.returned is None:
        return left.returned is right.returned
    try:
        return _same(left.returned, right.returned, how)
    except (ValueError, TypeError, OverflowError, ArithmeticError, RecursionError):
        return False


def agree(left: Observation, right: Observation, tolerances: Mapping[str, float]) -> bool:
    """Whether two observations of the same code, made on two machines, say the same.

    They must be alike in all that is seen by default and in all that the check compares, numbers within the tolerances. Of
    a number that a bound judges, only the verdict counts: training amplifies last digits.
    """
    if left == right:
        return True
    how = Options(tolerances, quote=False, explain=False, between_machines=True)
    return _alike(left, right, how, effects=True) and not _compare_observations(left, right, how, "")


def _same(left: Fact, right: Fact, how: Options) -> bool:
    if isinstance(left.policy.judge, AllEqual):
        return bool(_compare_with_each_other("", left, left, how)) == bool(_compare_with_each_other("", left, right, how))
    match left, right:
        case (SequenceFact(), SequenceFact()) if not left.policy.unordered and left.type not in _UNORDERED_TYPES:
            if left.type != right.type or len(left.items) != len(right.items):
                return False
            return all(_same(one, two, how) for one, two in zip(left.items, right.items, strict=True))
        case MappingFact(), MappingFact():
            if left.type != right.type or set(left.keys) != set(right.keys):
                return False
            theirs = dict(zip(right.keys, right.items, strict=True))
            return all(_same(one, theirs[key], how) for key, one in zip(left.keys, left.items, strict=True))
        case RaisedFact(), RaisedFact():
            if left.error is None or right.error is None:
                return left.error is right.error and left.returned == right.returned
            return same_error(left.error, right.error)
        case SourceFact(), SourceFact():
            return (left.found, left.obeys) == (right.found, right.obeys)
        case DigestFact(), _:
            return not _compare("", left, right, how)
        case _, DigestFact():
            return not _compare("", right, left, how)
        case _ if left.policy.judge is not None:
            return similar_judged(left, right, left.policy.judge, how)
    return not _compare("", _widened(left), right, how)


def _widened(fact: Fact) -> Fact:
    policy = fact.policy
    facts = tuple(name for name in FACT_NAMES if name in DEFAULT_FACTS or name in policy.facts)
    if isinstance(fact, TensorFact) and not fact.values:  # an answer key does not keep large ones that no check compares
        facts = tuple(name for name in facts if name != "values")
    wide = Policy(facts=facts, rtol=policy.rtol, atol=policy.atol, unordered=policy.unordered)
    if isinstance(fact, ModuleFact):
        parts = {
            kind: tuple((name, msgspec.structs.replace(tensor, policy=wide)) for name, tensor in getattr(fact, kind))
            for kind in ("parameters", "buffers")
        }
        return msgspec.structs.replace(fact, policy=wide, **parts)
    return msgspec.structs.replace(fact, policy=wide)


def same_error(left: ErrorFact, right: ErrorFact) -> bool:
    """Whether two exceptions have one type, one origin and one message, numbers, addresses and quoted names aside.

    Of exceptions that the code raises itself, the author's text says nothing.
    """
    kinds = [(error.type, error.origin, error.undefined, error.not_attempted) for error in (left, right)]
    if kinds[0] != kinds[1]:
        return False
    if left.own_words and right.own_words:
        return True
    return message_template(left.message) == message_template(right.message)


def is_telling_error(error: ErrorFact) -> bool:
    """Whether an exception says something of the mistake behind it: a library's own words about tensors do.

    What any slip of the pen raises does not (a misspelt name, None where a tensor was meant, an index too far), and
    neither does a text that the code raises itself.
    """
    if error.undefined or error.not_attempted or error.own_words or error.type in _SLIPS:
        return False
    return error.type not in _OFTEN_SLIPS or _ABOUT_TENSORS.search(message_template(error.message)) is not None


def message_template(message: str) -> str:
    """A message without what varies from run to run, or from one student's names to another's."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'…'", message)
    text = re.sub(r"0x[0-9a-fA-F]+", "#", text)
    return re.sub(r"[-+]?\d[\d_.]*(?:[eE][-+]?\d+)?", "#", text)
