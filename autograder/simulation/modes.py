"""The two places where every PyTorch call can be seen: as an operation, and as a function called from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.simulation import autocast
from autograder.simulation.machine import Machine, local
from autograder.simulation.operations import Operand, Operation, Rule, check, operands, operation, refusal, waits
from autograder.simulation.places import CPU, UNDECIDED, Mark, mark_of, put, real_device

__all__ = ["Functions", "Operations"]


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every aten operation, even in a backward pass and inside functions written in C++.

    Refuses what CUDA would refuse, and marks where results are.
    """

    def __init__(self, machine: Machine) -> None:
        """Watch the operations on a machine's tensors."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._machine = machine

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep PyTorch from wrapping this: the wrapper imports the compiler, which takes a second."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation."""
        kwargs = kwargs or {}
        op = operation(func)
        marks = [mark_of(tensor) for tensor in _tensors((*args, *kwargs.values()) if kwargs else args)]
        if not marks:
            return self._make(op, func, args, kwargs)
        gpu = next((mark for mark in marks if isinstance(mark, torch.device)), None)
        if gpu is None:
            if op.random:
                self._machine.check_generator(kwargs, args, CPU)
            result = func(*args, **kwargs)
            if (UNDECIDED in marks and None not in marks) or _is_converted_inside(op, kwargs):
                _place(result, UNDECIDED)
            return result
        self._machine.in_its_process()
        if op.name in ("_local_scalar_dense", "equal"):
            self._machine.note(gpu, CPU, args[0], "item")
        elif self._machine.pending and waits(op, args):
            self._machine.synchronize()
        if marks.count(gpu) == len(marks) and not op.special:
            result = self._run(op, func, args, kwargs, gpu)
            _place(result, gpu)
            return result
        inputs = operands(op.arguments, args, kwargs, mark_of)
        check(op, inputs, gpu)
        result = self._run(op, func, args, kwargs, gpu)
        self._settle(op, inputs, result, gpu)
        return result

    def _make(self, op: Operation, func: Any, args: Any, kwargs: Any) -> Any:
        """An operation without tensors: its result goes where the calling Python function, if any, wants it."""
        target = local.making
        if op.random:
            self._machine.check_generator(kwargs, args, target or CPU)
        if op.random and target is not None and target != CPU and kwargs.get("generator") is None:
            with self._machine.drawing(target):
                result = func(*args, **kwargs)
        else:
            result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor) and real_device(result) == CPU:
            put(result, UNDECIDED if target is None else target)
        return result

    def _run(self, op: Operation, func: Any, args: Any, kwargs: Any, gpu: torch.device) -> Any:
        given = op.random and self._machine.check_generator(kwargs, args, gpu)
        try:
            if op.random and not given:
                with self._machine.drawing(gpu):
                    return func(*args, **kwargs)
            return func(*args, **kwargs)
        except (IndexError, RuntimeError) as error:
            refused = refusal(op, error)
            if refused is error:
                raise
            raise refused from None

    def _settle(self, op: Operation, inputs: list[Operand], result: Any, gpu: torch.device) -> None:
        """Mark where the results of an operation on GPU tensors are."""
        first = inputs[0]
        if op.rule is Rule.ANY:
            if op.name == "copy_" and isinstance(inputs[-1].mark, torch.device) and first.mark is UNDECIDED:
                put(first.tensor, gpu)
            elif op.name == "copy_" and len(inputs) > 1 and (first.mark or CPU) != (inputs[1].mark or CPU):
                self._machine.note(_device(inputs[1].mark, gpu), _device(first.mark, gpu), first.tensor, "copy")
            elif first.mark is not None and not (isinstance(result, torch.Tensor) and result.is_meta):
                _place(result, UNDECIDED if _is_converted_inside(op, {}) else first.mark)
            return
        if op.rule is Rule.FIRST or op.rule is Rule.INDEX:
            if first.mark is not None:
                _place(result, _device(first.mark, gpu))
            return
        for operand in inputs:
            if operand.mark is UNDECIDED and operand.position in op.written:
                put(operand.tensor, gpu)
        _place(_without_lengths(op, result), gpu)


def _is_converted_inside(op: Operation, kwargs: Mapping[str, Any]) -> bool:
    """Whether a function written in C++ moves a tensor to "the device of the other one", which here is always the CPU."""
    return op.name == "_to_copy" and kwargs.get("device") is not None


def _without_lengths(op: Operation, result: Any) -> Any:
    """The part of a result that is where the tensors are: lengths of sequences stay on the CPU."""
    if op.rule is not Rule.LENGTHS:
        return result
    put(result[1], None)
    return result[0]


def _device(mark: Mark, gpu: torch.device) -> torch.device:
    return CPU if mark is None else gpu if mark is UNDECIDED else mark  # type: ignore[return-value]


def _place(result: Any, mark: Mark) -> None:
    """Mark results that have no place yet. A view keeps its base's place."""
    if isinstance(result, torch.Tensor):
        if not isinstance(mark_of(result), torch.device):
            put(result, mark)
    elif isinstance(result, (list, tuple)):
        for item in result:
            if item is not None:
                _place(item, mark)


class Functions(TorchFunctionMode):
    """Sees every PyTorch function that Python code calls, even those it imported before the simulation began."""

    def __init__(self, replaced: Mapping[Any, Callable[..., Any]]) -> None:
        """Call the values of `replaced` instead of its keys."""
        super().__init__()
        self._replaced = replaced

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one function."""
        kwargs = kwargs or {}
        if local.making is not None:
            return function(*args, **kwargs)
        replacement = self._replaced.get(function)
        if replacement is not None:
            result = replacement(*args, **kwargs)
        else:
            result = autocast.run(function, args, kwargs) if autocast.anywhere() else function(*args, **kwargs)
        undecided = [made for made in _tensors((result,)) if mark_of(made) is UNDECIDED]
        if undecided:
            place = next((mark for mark in map(mark_of, _tensors(args)) if isinstance(mark, torch.device)), None)
            for made in undecided:
                put(made, place)
        return result


def _tensors(things: Any) -> list[torch.Tensor]:
    tensors = []
    for thing in things:
        if isinstance(thing, torch.Tensor):
            tensors.append(thing)
        elif isinstance(thing, (list, tuple)):
            tensors += [item for item in thing if isinstance(item, torch.Tensor)]
    return tensors
