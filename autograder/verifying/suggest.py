"""Writes the check that would notice a mutant, from the inputs on which it differs from the reference, and tries it out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from autograder.comparing.compare import passes
from autograder.course.make_job import make_job
from autograder.course.topic import Topic
from autograder.course.topic_checks import derive_seed
from autograder.records.exploration import AS_DRAWN, GRADIENTS, VARIATIONS
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job
from autograder.records.observation import Observation
from autograder.verifying.explore import Found
from autograder.verifying.mutants import Mutant
from autograder.verifying.trials import RUN_SEED, Trials

__all__ = ["Suggestion", "suggest"]

_TRIES = 3
_KEYWORDS = {"gradients": ("requires_grad", "True"), "float64": ("dtype", "torch.float64")}
_KEYWORDS |= {"bfloat16": ("dtype", "torch.bfloat16"), "int32": ("dtype", "torch.int32")}
_METHODS = {"int32": {"integers"}}


@dataclass(frozen=True)
class Suggestion:
    """A check that notices a mutant: its name, the file that it belongs in, and its code."""

    name: str
    file: str
    code: str


def suggest(trials: Trials, topic: Topic, mutant: Mutant, found: Found) -> Suggestion | None:
    """The first of several checks that notices the mutant on each of several draws; None if there is none."""
    spec = next(check for check in topic.checks if check.name == found.check)
    module = topic.visible if spec.visible else topic.hidden
    assert module is not None  # it has the check that was explored
    taken = {check.name for check in topic.checks}
    for code in _candidates(module, mutant.task, found, taken):
        if _notices(trials, topic, module, mutant, code):
            return Suggestion(_name(code), module.filename, _with_imports(module, code))
    return None


def _name(code: str) -> str:
    return next(node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef))


def _candidates(module: CheckModule, task: str, found: Found, taken: set[str]) -> Iterator[str]:
    name = _free(f"test_{task}_{found.variation.replace(' ', '_')}", taken)
    for call in found.codes[::-1] if found.rare else found.codes:
        yield _calling(name, task, found, call)
    varied = _own_check_varied(module, found, taken)
    if varied:
        yield varied


def _free(name: str, taken: set[str]) -> str:
    name = re.sub(r"\W", "_", name).removesuffix("_as_drawn")
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 99))) if each not in taken)


def _calling(name: str, task: str, found: Found, call: str) -> str:
    """A check that calls the task on the inputs that were found."""
    *lines, expression = call.splitlines()
    shown = expression.removeprefix("code.")
    key = _quoted(shown if len(shown) <= 60 else task)
    if found.raised:
        body = [*lines, f"return {{{key}: raises(lambda: {expression})}}"]
    elif found.part == GRADIENTS:
        leaves = [line.partition(" = ")[0] for line in lines if "requires_grad=True" in line]
        gradients = ", ".join(f'"gradient of {leaf}": {leaf}.grad' for leaf in leaves)
        body = [*lines, f"result = {expression}", "result.sum().backward()", f"return {{{key}: result, {gradients}}}"]
    else:
        body = [*lines, f"return {{{key}: {expression}}}"]
    return "\n".join(
        [
            f"@checks({_quoted(task)})",
            f"def {name}(code, given):",
            f'    """{_sentence(found)}"""',
            *(f"    {x}" for x in body),
        ]
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text and "\\" not in text else repr(text)


def _sentence(found: Found) -> str:
    if found.variation == AS_DRAWN:
        return "The result is right for these inputs, too." if found.rare else "All that there is to the result is right."
    return f"The result is right for {VARIATIONS[found.variation]}, too."


def _own_check_varied(module: CheckModule, found: Found, taken: set[str]) -> str:
    """The author's check, drawing something else; empty if that cannot be written."""
    tree = ast.parse(module.source)
    own = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == found.check), None)
    if own is None or found.variation not in _KEYWORDS:
        return ""
    own.name = _free(f"{found.check}_{found.variation}", taken)
    keyword, value = _KEYWORDS[found.variation]
    for node in ast.walk(own):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func.value) == "given"
            and node.func.attr in _METHODS.get(found.variation, {"normal", "uniform"})
            and all(each.arg != keyword for each in node.keywords)
        ):
            node.keywords.append(ast.keyword(keyword, ast.parse(value, mode="eval").body))
    for decorator in own.decorator_list:
        if isinstance(decorator, ast.Call):  # one gate is enough
            decorator.keywords = [each for each in decorator.keywords if each.arg not in {"gate", "weight"}]
    if ast.get_docstring(own) is not None:
        own.body[0] = ast.Expr(ast.Constant(_sentence(found)))
    return ast.unparse(own)


def _with_imports(module: CheckModule, code: str) -> str:
    """The code, after the imports that its file lacks."""
    known = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(ast.parse(module.source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    missing = [f"from autograder import {name}" for name in ("checks", "raises") if name in used - known]
    missing += ["import torch"] if "torch" in used - known else []
    return "\n".join([*missing, "", "", code] if missing else [code])


def _notices(trials: Trials, topic: Topic, module: CheckModule, mutant: Mutant, code: str) -> bool:
    """Whether the check passes the reference, or sees it fail as it should, and tells the mutant from it in every draw."""
    jobs = [_job(trials, topic, module, cells, mutant.task, code) for cells in (topic.reference, mutant.cells)]
    trials.progress.known += len(jobs)
    right, wrong = trials.pool.map(jobs)
    for _ in jobs:
        trials.progress.step(trials.name)
    tolerances = trials.course.tolerances_on(trials.device)
    for key, known in right.observations.items():
        seen = wrong.observations.get(key)
        if not isinstance(known, Observation) or known.error is not None:
            return False
        if isinstance(seen, Observation) and passes(known, seen, tolerances) and seen.effects == known.effects:
            return False
    return bool(right.observations)


def _job(trials: Trials, topic: Topic, module: CheckModule, cells: tuple[Cell, ...], task: str, code: str) -> Job:
    job = make_job(trials.course, topic, cells, seed=RUN_SEED, device=trials.device, tasks=[task], own=True)
    name = _name(code)
    more = msgspec.structs.replace(module, source=f"{module.source}\n\n{_with_imports(module, code)}\n")
    requests = tuple(
        CheckRequest(name, task, draw, derive_seed(RUN_SEED, topic.name, name, draw), job.limits.check_seconds)
        for draw in range(_TRIES)
    )
    hidden = module is topic.hidden
    return msgspec.structs.replace(
        job,
        rules=(),
        visible=None if hidden else more,
        visible_requests=() if hidden else requests,
        hidden=more if hidden else None,
        hidden_requests=requests if hidden else (),
    )
