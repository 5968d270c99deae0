"""Functions that make tensors: `torch.zeros(3, device="cuda")`, `torch.zeros_like`, `x.new_ones`, `torch.tensor`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from autograder.simulation.machine import Machine, local
from autograder.simulation.moving import Target, move, moved
from autograder.simulation.patches import Patches
from autograder.simulation.places import CPU, device_of, pin, put, real_device

__all__ = ["patch"]

_FACTORIES = [
    "empty",
    "empty_permuted",
    "empty_strided",
    "ones",
    "arange",
    "bartlett_window",
    "blackman_window",
    "eye",
    "full",
    "hamming_window",
    "hann_window",
    "kaiser_window",
    "linspace",
    "logspace",
    "rand",
    "randn",
    "randint",
    "randperm",
    "range",
    "tril_indices",
    "triu_indices",
    "zeros",
    "scalar_tensor",
    "normal",
    "sparse_coo_tensor",
]
_FROM_DATA = ("tensor", "as_tensor", "asarray")
_LIKES = ["empty_like", "full_like", "ones_like", "rand_like", "randint_like", "randn_like", "zeros_like"]
_NEW = ["new_tensor", "new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided"]
_Base: Any = torch._C.TensorBase
_PINS_ITS_SOURCE = (torch.tensor, _Base.new_tensor)


def patch(patches: Patches, machine: Machine) -> dict[Any, Callable[..., Any]]:
    """Replace the factories. Returns original → replacement, for code that imported an original before."""
    replaced: dict[Any, Callable[..., Any]] = {}

    def replace(owner: Any, name: str, wrap: Callable[..., Any], original: Any) -> None:
        made = wrap(name, original, machine)
        patches.set(owner, name, made)
        replaced[original] = made

    for owner, names, wrap in ((torch, _FACTORIES, _maker), (torch, _FROM_DATA, _converter), (torch, _LIKES, _like)):
        for name in names:
            if hasattr(owner, name):
                replace(owner, name, wrap, getattr(owner, name))
    for name in ("fftfreq", "rfftfreq"):
        replace(torch.fft, name, _maker, getattr(torch.fft, name))
    for name in _NEW:
        patches.set(torch.Tensor, name, _like(name, getattr(_Base, name), machine))
    return replaced


def _default_device(machine: Machine) -> torch.device:
    """Where a factory puts its result if not told: `with torch.device(…)`, `torch.set_default_device`."""
    if torch._C._len_torch_function_stack() == 0:
        return CPU
    for mode in reversed(_get_current_function_mode_stack()):  # type: ignore[no-untyped-call]
        if isinstance(mode, DeviceContext):
            return machine.device(mode.device)
    return CPU


def _made(place: torch.device, original: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Run a factory on the CPU, and mark its result as being at `place`.

    Only memory of the CPU can be pinned (aten/src/ATen/cuda/EmptyTensor.cpp); `torch.tensor` pins what it copies from.
    """
    pinned = kwargs.pop("pin_memory", False)
    if pinned and place != CPU:
        if original not in _PINS_ITS_SOURCE:
            raise RuntimeError("Only dense CPU tensors can be pinned")
        pinned = False
    before, local.making = local.making, place
    try:
        result = original(*args, **kwargs, device=CPU)
    finally:
        local.making = before
    put(result, place)
    if pinned:
        pin(result)
    return result


def _maker(name: str, original: Callable[..., Any], machine: Machine) -> Callable[..., Any]:
    @functools.wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            return original(*args, **{**kwargs, "device": None})
        values = (*args, *kwargs.values())
        has_tensors = any(isinstance(value, torch.Tensor) for value in values)
        if has_tensors and (name == "normal" or (name == "sparse_coo_tensor" and kwargs.get("device") is None)):
            return original(*args, **kwargs)
        wanted = kwargs.pop("device", None)
        place = _default_device(machine) if wanted is None else machine.device(wanted)
        if place.type not in ("cpu", "cuda"):
            return original(*args, **kwargs, device=place)
        machine.check_generator(kwargs, (), place)
        if has_tensors:
            args = tuple(_at(machine, arg, place) for arg in args)
            kwargs = {key: _at(machine, value, place) for key, value in kwargs.items()}
        return _made(place, original, args, kwargs)

    return make


def _at(machine: Machine, thing: Any, place: torch.device) -> Any:
    if not isinstance(thing, torch.Tensor) or device_of(thing) == place:
        return thing
    return moved(machine, thing, place, Target())


def _converter(name: str, original: Callable[..., Any], machine: Machine) -> Callable[..., Any]:
    """`torch.tensor`, `as_tensor`, `asarray`: without a device, a tensor's copy stays where the tensor is."""

    @functools.wraps(original)
    def convert(*args: Any, **kwargs: Any) -> Any:
        data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
        wanted = kwargs.pop("device", None)
        if wanted is not None:
            place = machine.device(wanted)
        else:
            place = device_of(data) if isinstance(data, torch.Tensor) else _default_device(machine)
        if place.type not in ("cpu", "cuda"):
            return original(*args, **kwargs, device=place)
        if isinstance(data, torch.Tensor) and real_device(data) == CPU and device_of(data) != place:
            if name == "tensor":
                data = data.detach()
            fetched = moved(machine, data, place, Target())
            if args:
                args = (fetched, *args[1:])
            else:
                kwargs["data" if "data" in kwargs else "obj"] = fetched
        if name == "tensor" or place == CPU or isinstance(data, torch.Tensor):
            if name != "tensor" and isinstance(data, torch.Tensor):
                return original(*args, **kwargs)
            made = _made(place, original, args, kwargs)
        else:
            # It may share memory with an array; a GPU's memory never does.
            made = move(_made(CPU, original, args, kwargs), place)
        if place != CPU and not isinstance(data, torch.Tensor):
            machine.note(CPU, place, made, "create")
        return made

    return convert


def _like(name: str, original: Callable[..., Any], machine: Machine) -> Callable[..., Any]:
    @functools.wraps(original)
    def make_like(model: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        wanted = kwargs.pop("device", None)
        if real_device(model) != CPU:
            return original(model, *args, **kwargs, **({} if wanted is None else {"device": wanted}))
        place = device_of(model) if wanted is None else machine.device(wanted)
        if place.type not in ("cpu", "cuda"):
            return original(model, *args, **kwargs, device=place)
        machine.check_generator(kwargs, (), place)
        return _made(place, original, (model, *args), kwargs)

    return make_like
