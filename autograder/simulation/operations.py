"""Which of its tensors a PyTorch operation needs on one device, and what CUDA says if they are not.

Sources: `device_check` in PyTorch's native_functions.yaml, of which kernels.py is made, and what torchgen makes of it
(torchgen/dest/register_dispatch_key.py, `gen_device_check`); TensorIterator's rule for CPU scalars (aten/src/ATen/
TensorIterator.cpp, `compute_types`); the messages are in the same places and in c10's `common_device_check_failure`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import torch

from autograder.simulation.kernels import CHECKED, CPU_ONLY, UNCHECKED
from autograder.simulation.places import CPU, UNDECIDED, Mark, device_of

__all__ = ["Operand", "Operation", "Rule", "check", "operands", "operation", "refusal", "type_string", "waits"]


class Rule(Enum):
    """What an operation requires of its tensors' devices."""

    SAME = auto()
    """All on one device."""
    ELEMENTWISE = auto()
    """All on one device, except 0-dimensional CPU tensors that are only read."""
    ITERATED = auto()
    """All on one device, in the words of TensorIterator."""
    ANY = auto()
    """Nothing: it copies between devices, or reads only the shape of its second tensor. The result is like the first."""
    FIRST = auto()
    """Nothing: what is elsewhere is fetched. The result is where the first tensor is."""
    INDEX = auto()
    """Read: indices on the CPU or with the indexed tensor. Write: indices anywhere, values with it or 0-dimensional."""
    LENGTHS = auto()
    """The second tensor, of lengths, on the CPU."""
    CONVOLUTION = auto()
    """All on one device; the message names types."""


# Composite operations of which all tensors go through TensorIterator, and that are not tagged as pointwise.
_ELEMENTWISE = frozenset(
    [
        *("binary_cross_entropy_with_logits", "soft_margin_loss", "soft_margin_loss_backward", "smooth_l1_loss_backward"),
        *("dist", "isclose", "allclose", "huber_loss_backward", "cumprod_backward", "true_divide_"),
    ]
)
# Kernels without a device check that give TensorIterator no leave for CPU scalars (PointwiseOps.cpp, cuda/Loss.cu,
# Distributions.cpp, IndexingUtils' `index_fill_`).
_ITERATED = frozenset(
    ["addcdiv", "addcdiv_", "binary_cross_entropy", "binomial", "index_fill", "index_fill_"],
)
# Operations of more than two tensors, of which one may be a CPU scalar. `where` fetches as many as there are.
_ONE_SCALAR = frozenset(["addcmul", "addcmul_", "lerp", "lerp_"])
_ANY = frozenset(
    [
        "copy_",
        "copy",
        "_to_copy",
        "to",
        "set_",
        "resize_",
        "resize_as_",
        "is_same_size",
        "is_set_to",
        "view_as",
        "reshape_as",
        "expand_as",
        "type_as",
        "_has_compatible_shallow_copy_type",
        "_has_same_storage_numel",
        "_foreach_copy_",
        "_foreach_copy",
        "_pad_packed_sequence",
        "slice_inverse",
    ]
)
_FIRST = frozenset(
    [
        *("fill", "fill_", "bernoulli_", "bernoulli"),
        *("slice_scatter", "select_scatter", "diagonal_scatter", "as_strided_scatter"),
    ]
)
# Arguments that are read with `.item()`, so they may be anywhere.
_READ_AS_NUMBERS = {"index_fill": "value", "index_fill_": "value"}
# What the CPU's own implementations choose: on a GPU, something else would run.
_CHOSEN_ON_CPU = re.compile(r"mkldnn_\w+|slow_conv3d_\w+|\w+_for_cpu(_backward)?|_functional_assert_async")
_PUTS_AT_INDEX = frozenset(["index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"])
_INDEX = frozenset(["index", "_unsafe_index"]) | _PUTS_AT_INDEX
_CONVOLUTIONS = frozenset(
    ["convolution", "_convolution", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
)
# Operations that read indices on the device: only the kernel notices one that is out of range.
_READS_INDICES = frozenset(
    [
        "index",
        "_unsafe_index",
        "index_put",
        "index_put_",
        "_index_put_impl_",
        "index_select",
        "index_add",
        "index_add_",
        "index_copy",
        "index_copy_",
        "embedding",
        "_embedding_bag",
        "nll_loss_forward",
        "nll_loss2d_forward",
        "gather",
        "scatter",
        "scatter_",
        "scatter_add",
        "scatter_add_",
        "take",
    ]
)
# What CUDA has only for floating-point and complex numbers, and the kernel that its message names (the dtypes are those of
# `dtypesIfCUDA` in torch's OpInfo database).
_NO_INTEGERS = {
    **{"mm": "addmm_cuda", "addmm": "addmm_cuda", "bmm": "baddbmm_cuda", "baddbmm": "baddbmm_cuda"},
    **{"mv": "addmv_impl_cuda", "addmv": "addmv_impl_cuda", "dot": "dot", "vdot": "vdot"},
    **{"avg_pool2d": "avg_pool2d_out_cuda_frame", "avg_pool3d": "avg_pool3d_out_frame"},
    **{"max_pool2d_with_indices": "max_pool2d_with_indices_out_cuda_frame"},
    **{"max_pool3d_with_indices": "max_pool3d_with_indices_out_frame"},
}
# Operations whose result size depends on the values: to learn it, the CPU waits for the GPU.
_SIZED_BY_NUMBERS = frozenset(
    ["nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "repeat_interleave"]
)
# Operations that pass tensors to another one, which then checks them: its name, and its argument's.
_CHECKED_BY = {"embedding": {"indices": ("_index_select", "index")}, "stack": {"tensors": ("cat", "tensors")}}
_TYPE_NAMES = {
    **{torch.float32: "Float", torch.float64: "Double", torch.float16: "Half", torch.bfloat16: "BFloat16"},
    **{torch.int64: "Long", torch.int32: "Int", torch.int16: "Short", torch.int8: "Char", torch.uint8: "Byte"},
    torch.bool: "Bool",
}
_Error: type[RuntimeError] = getattr(torch, "AcceleratorError", RuntimeError)


@dataclass(frozen=True)
class Operation:
    """One overload of an aten operation.

    `written` has the positions and names of the arguments that it changes; `overload` has its and its overload's name.
    """

    name: str
    rule: Rule
    arguments: tuple[str, ...]
    written: frozenset[int | str]
    random: bool
    reads_indices: bool
    without_integers: str
    cpu_only: bool
    overload: tuple[str, str]

    @functools.cached_property
    def kernel(self) -> str:
        """What CUDA's messages call it."""
        return _kernel(*self.overload)

    @functools.cached_property
    def special(self) -> bool:
        """Whether there is more to check even if all tensors are on one GPU."""
        return self.rule in (Rule.ANY, Rule.LENGTHS, Rule.CONVOLUTION) or self.without_integers != "" or self.cpu_only


@dataclass(frozen=True, slots=True)
class Operand:
    """One tensor among an operation's arguments, or in a list among them."""

    tensor: torch.Tensor
    position: int | str
    name: str
    mark: Mark


@functools.cache
def operation(overload: Any) -> Operation:
    """Everything the rules need about an overload, from its schema and tags."""
    schema = overload._schema
    name = schema.name.split("::")[-1]
    written: set[int | str] = set()
    for position, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            written |= {position, argument.name}
    own = schema.name.startswith("aten::")
    key = f"{name}.{schema.overload_name}".rstrip(".")
    return Operation(
        name=name,
        rule=_rule(name, key, overload) if own else Rule.SAME,
        arguments=tuple(argument.name for argument in schema.arguments),
        written=frozenset(written),
        random=torch.Tag.nondeterministic_seeded in overload.tags,
        reads_indices=name in _READS_INDICES,
        without_integers=_NO_INTEGERS.get(name, ""),
        cpu_only=own and key in CPU_ONLY and not _CHOSEN_ON_CPU.fullmatch(name),
        overload=(schema.name, schema.overload_name),
    )


def _kernel(name: str, overload: str) -> str:
    """What PyTorch's code generator calls the CUDA kernel in its messages (torchgen/dest/register_dispatch_key.py).

    Structured operations are those with a generated kernel for the device `meta` too.
    """
    short = name.split("::")[-1]
    dumped = torch._C._dispatch_dump(f"{name}.{overload}" if overload else name)
    return f"{short}_{overload}".rstrip("_") if "RegisterMeta" in dumped else f"{overload}_{short}"


def waits(op: Operation, args: Sequence[Any]) -> bool:
    """Whether the CPU waits for the GPU in this operation, to learn how large the result is."""
    if op.name in _SIZED_BY_NUMBERS:
        return True
    masks = args[1] if op.rule is Rule.INDEX and len(args) > 1 else ()
    return any(isinstance(mask, torch.Tensor) and mask.dtype == torch.bool for mask in masks)


def _rule(name: str, key: str, overload: Any) -> Rule:
    """What kernels.py says of the kernel decides. Of a composite or unknown one (another torch's), its tags do."""
    for names, rule in ((_ANY, Rule.ANY), (_FIRST, Rule.FIRST), (_INDEX, Rule.INDEX), (_CONVOLUTIONS, Rule.CONVOLUTION)):
        if name in names:
            return rule
    if name == "_pack_padded_sequence":
        return Rule.LENGTHS
    if key in CHECKED:
        return Rule.SAME
    if name in _ITERATED:
        return Rule.ITERATED
    if key in UNCHECKED or name.startswith("_foreach") or name in _ELEMENTWISE or torch.Tag.pointwise in overload.tags:
        return Rule.ELEMENTWISE
    return Rule.SAME


def operands(arguments: tuple[str, ...], args: Sequence[Any], kwargs: Mapping[str, Any], mark_of: Any) -> list[Operand]:
    """The tensors among the arguments of a call, with their marks."""
    tensors = []
    for position, name, value in _named(arguments, args, kwargs):
        if isinstance(value, torch.Tensor):
            tensors.append(Operand(value, position, name, mark_of(value)))
        elif isinstance(value, (list, tuple)):
            tensors += [Operand(item, position, name, mark_of(item)) for item in value if isinstance(item, torch.Tensor)]
    return tensors


def _named(
    arguments: tuple[str, ...], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[int | str, str, Any]]:
    for position, value in enumerate(args):
        yield position, arguments[position] if position < len(arguments) else "?", value
    for name, value in kwargs.items():
        yield name, name, value


def check(op: Operation, inputs: list[Operand], gpu: torch.device) -> None:
    """Raise what CUDA would raise.

    Args:
        op: the operation that is about to run.
        inputs: its tensors; at least one is on a GPU.
        gpu: the device of the first one on a GPU.

    Raises:
        RuntimeError: if the tensors' devices do not go together, or the operation has no kernel for them.
    """
    if op.cpu_only:
        name = ".".join(op.overload).rstrip(".")
        raise NotImplementedError(
            f"Could not run '{name}' with arguments from the 'CUDA' backend. This could be because the operator doesn't "
            "exist for this backend, or was omitted during the selective/custom build process (if using custom build)."
        )
    if op.without_integers and not (inputs[0].tensor.is_floating_point() or inputs[0].tensor.is_complex()):
        kind = _TYPE_NAMES.get(inputs[0].tensor.dtype, str(inputs[0].tensor.dtype))
        raise NotImplementedError(f"\"{op.without_integers}\" not implemented for '{kind}'")
    if op.rule is Rule.INDEX:
        _check_index(op, inputs, gpu)
    elif op.rule is Rule.LENGTHS:
        if isinstance(inputs[1].mark, torch.device):
            raise RuntimeError(
                f"'lengths' argument should be a 1D CPU int64 tensor, but got 1D {inputs[1].mark} Long tensor"
            )
    elif op.rule not in (Rule.ANY, Rule.FIRST):
        _check_same(op, inputs, gpu)


def _check_same(op: Operation, inputs: list[Operand], gpu: torch.device) -> None:
    """TensorIterator compares with the first GPU; all other operations with their first tensor."""
    number = _READ_AS_NUMBERS.get(op.name)
    decided = [operand for operand in inputs if operand.mark is not UNDECIDED and operand.name != number]
    if op.name in ("masked_fill", "masked_fill_"):
        _check_mask(decided)
        return
    iterated = op.rule in (Rule.ELEMENTWISE, Rule.ITERATED)
    common = gpu if iterated else decided[0].mark or CPU
    scalars = 0
    if op.rule is Rule.CONVOLUTION:
        _check_types(decided)
        return
    for operand in decided:
        place = operand.mark or CPU
        if place == common:
            continue
        if op.rule is Rule.ELEMENTWISE and _is_scalar_on_cpu(operand) and operand.position not in op.written:
            scalars += 1
            if scalars > 1 and op.name in _ONE_SCALAR:
                raise RuntimeError("Trying to pass too many CPU scalars to non-CPU kernel!")
            continue
        if iterated:
            raise _two_devices(gpu, place)
        kernel, name = _CHECKED_BY.get(op.name, {}).get(operand.name, (op.kernel, operand.name))
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but got {name} is on {place}, different from other tensors on "
            f"{common} (when checking argument in method wrapper_CUDA_{kernel})"
        )


def _check_mask(inputs: list[Operand]) -> None:
    """`masked_fill` wants the mask where the tensor is; the value may be a tensor on the CPU."""
    places = {operand.position: operand.mark or CPU for operand in inputs}
    if 2 in places and places.get(0) == CPU:
        raise RuntimeError("masked_fill_: Expected inputs to be on same device")
    if 0 in places and 1 in places and places[0] != places[1]:
        raise RuntimeError(
            f"expected self and mask to be on the same device, but got mask on {places[1]} and self on {places[0]}"
        )


def _check_types(inputs: list[Operand]) -> None:
    """A convolution needs weight and bias of the input's type; in its message, the device is part of the type."""
    input_type = type_string(inputs[0].tensor)
    for operand in inputs[1:]:
        if type_string(operand.tensor) != input_type:
            kind = "bias" if operand.name == "bias" else "weight"
            other = type_string(operand.tensor)
            raise RuntimeError(f"Input type ({input_type}) and {kind} type ({other}) should be the same")
    if not (inputs[0].tensor.is_floating_point() or inputs[0].tensor.is_complex()):
        name = _TYPE_NAMES.get(inputs[0].tensor.dtype, str(inputs[0].tensor.dtype))
        raise RuntimeError(f"getCudnnDataTypeFromScalarType() not supported for {name}")


def _is_scalar_on_cpu(operand: Operand) -> bool:
    return operand.mark is None and operand.tensor.dim() == 0


def _check_index(op: Operation, inputs: list[Operand], gpu: torch.device) -> None:
    first = inputs[0].mark
    place = CPU if first is None else first if isinstance(first, torch.device) else gpu
    for operand in inputs[1:]:
        if operand.mark is UNDECIDED:
            continue
        other = operand.mark or CPU
        if operand.position == 1:
            if other != CPU and other != place and op.name not in _PUTS_AT_INDEX:
                raise RuntimeError(f"indices should be either on cpu or on the same device as the indexed tensor ({place})")
        elif other != place and operand.tensor.dim() != 0:
            raise _two_devices(gpu, place if other == gpu else other)


def _two_devices(one: Any, other: Any) -> RuntimeError:
    return RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {one} and {other}!")


def refusal(op: Operation, error: Exception) -> Exception:
    """What CUDA raises where the CPU raised `error`: only the kernel notices an index out of range."""
    if not op.reads_indices or not isinstance(error, (IndexError, RuntimeError)):
        return error
    text = str(error)
    if text.startswith("Dimension") or not ("out of range" in text or "out of bounds" in text):
        return error
    return _Error(
        f"CUDA error: device-side assert triggered\n(on the CPU: {text.splitlines()[0]})\n"
        "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
        "incorrect. For debugging consider passing CUDA_LAUNCH_BLOCKING=1"
    )


def type_string(tensor: torch.Tensor) -> str:
    """The old name of a tensor's type, such as `torch.cuda.FloatTensor`."""
    place = "cuda." if device_of(tensor).type == "cuda" else ""
    return f"torch.{place}{_TYPE_NAMES.get(tensor.dtype, str(tensor.dtype))}Tensor"
