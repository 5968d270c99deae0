"""What `torch.cuda` and `torch.accelerator` say and do on the simulated machine."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch

from autograder.simulation.machine import Machine, active
from autograder.simulation.moving import Target, moved
from autograder.simulation.patches import Patches
from autograder.simulation.places import device_of

__all__ = ["patch"]

_NAME = "Simulated GPU"
_CAPABILITY = (8, 0)
_MEMORY = 16 << 30
_ACCELERATOR_MEMORY = (
    *("memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved"),
    *("memory_stats", "reset_peak_memory_stats", "reset_accumulated_memory_stats"),
)
_FLOAT_TYPES = ("FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor")
_WHOLE_TYPES = ("LongTensor", "IntTensor", "ShortTensor", "CharTensor", "ByteTensor", "BoolTensor")


def patch(patches: Patches, machine: Machine) -> None:
    """Replace them during the simulation."""
    streams = _streams(machine)
    patches.set_functions(torch.cuda, **_questions(machine), **_memory(machine), **_random(machine), **streams)
    patches.set_existing(torch, Stream=streams["Stream"], Event=_any_event(streams["Event"]))
    patches.set_functions(torch.cuda, set_device=_setter(machine))
    patches.set_functions(torch.accelerator, **_accelerator(machine, streams))
    for selector in (torch.cuda.device, getattr(torch.accelerator, "device_index", None)):
        if selector is not None:
            patches.set_all(selector, **_selecting(machine))
    patches.set_existing(torch._C, _get_accelerator=lambda *args: torch.device("cuda" if machine.present else "cpu"))
    patches.set(torch._C._nn, "_parse_to", _parse_to(vars(torch._C._nn)["_parse_to"]))
    for name in (*_FLOAT_TYPES, *_WHOLE_TYPES):
        if hasattr(torch, name):
            patches.set(torch.cuda, name, _tensor_type(name))
    patches.set(torch, "Generator", _generator_type(machine))
    patches.set_function(torch, "set_rng_state", set_cpu_rng_state)
    patches.set_function(torch, "compile", _compile)
    patches.set_existing(torch.backends.cuda, is_built=lambda: True)
    patches.set_existing(torch.backends.cudnn, is_acceptable=lambda tensor: False, is_available=lambda: machine.present)
    patches.set(torch._C, "_group_tensors_by_device_and_dtype", _grouped)


def _questions(machine: Machine) -> dict[str, Any]:
    def get_device_name(device: Any = None) -> str:
        get_device_properties(device)
        return _NAME

    def get_device_capability(device: Any = None) -> tuple[int, int]:
        get_device_properties(device)
        return _CAPABILITY

    def get_device_properties(device: Any = None) -> Any:
        machine.index(device, AssertionError("Invalid device id"))
        major, minor = _CAPABILITY
        return SimpleNamespace(name=_NAME, major=major, minor=minor, total_memory=_MEMORY, multi_processor_count=108)

    def _lazy_init() -> None:
        machine.device("cuda")

    return {
        "is_available": lambda: machine.present,
        "device_count": lambda: machine.gpus if machine.present else 0,
        "current_device": lambda: machine.index("cuda"),
        "is_initialized": lambda: machine.present,
        "init": _lazy_init,
        "_lazy_init": _lazy_init,
        "_is_in_bad_fork": machine.is_in_bad_fork,
        "is_bf16_supported": lambda including_emulation=True: True,
        "is_tf32_supported": lambda: True,
        "is_current_stream_capturing": lambda: False,
        "get_device_name": get_device_name,
        "get_device_capability": get_device_capability,
        "get_device_properties": get_device_properties,
        "get_arch_list": lambda: ["sm_80"],
    }


def _memory(machine: Machine) -> dict[str, Any]:
    """The allocator's figures; it checks devices itself (c10/cuda/CUDACachingAllocator.cpp, `assertValidDevice`)."""
    memory = machine.memory

    def of(answer: Callable[[], Any]) -> Callable[..., Any]:
        def ask(device: Any = None) -> Any:
            wanted = device if isinstance(device, int) else getattr(torch.device(device or "cuda"), "index", None)
            machine.index(device, RuntimeError(f"Invalid device argument {wanted}: did you call init?"))
            return answer()

        return ask

    def reset() -> None:
        memory.peak = memory.used

    def stats() -> dict[str, int]:
        return {"allocated_bytes.all.current": memory.used, "allocated_bytes.all.peak": memory.peak}

    def summary() -> str:
        return f"{_NAME}: {memory.used:,} bytes in use, {memory.peak:,} at most"

    def mem_get_info(device: Any = None) -> tuple[int, int]:
        machine.index(device)
        return _MEMORY - memory.used, _MEMORY

    return {
        **dict.fromkeys(("memory_allocated", "memory_reserved"), of(lambda: memory.used)),
        **dict.fromkeys(("max_memory_allocated", "max_memory_reserved"), of(lambda: memory.peak)),
        **dict.fromkeys(("reset_peak_memory_stats", "reset_max_memory_allocated"), of(reset)),
        "memory_stats": of(stats),
        "memory_summary": lambda device=None, abbreviated=False: of(summary)(device),
        "mem_get_info": mem_get_info,
        "reset_accumulated_memory_stats": of(lambda: None),
        "set_per_process_memory_fraction": lambda fraction, device=None: of(lambda: None)(device),
        "empty_cache": lambda: None,
        "ipc_collect": lambda: None,
    }


def _random(machine: Machine) -> dict[str, Any]:
    def generator(device: Any) -> int:
        return machine.index(device, IndexError("tuple index out of range"))  # of torch.cuda.default_generators

    def get_rng_state(device: Any = "cuda") -> torch.Tensor:
        return machine.random_states[generator(device)].clone()

    def set_rng_state(new_state: torch.Tensor, device: Any = "cuda") -> None:
        _check_state(new_state)
        machine.random_states[generator(device)] = new_state.clone()

    def set_rng_state_all(new_states: Any) -> None:
        for index, state in enumerate(new_states):
            set_rng_state(state, index)

    return {
        "manual_seed": lambda seed: machine.seed(int(seed)),
        "manual_seed_all": lambda seed: machine.seed(int(seed)),
        "seed": lambda: machine.seed(time.time_ns()),
        "seed_all": lambda: machine.seed(time.time_ns()),
        "initial_seed": lambda: machine.initial_seed,
        "get_rng_state": get_rng_state,
        "set_rng_state": set_rng_state,
        "get_rng_state_all": lambda: [state.clone() for state in machine.random_states],
        "set_rng_state_all": set_rng_state_all,
    }


def _streams(machine: Machine) -> dict[str, Any]:
    """All work is done at once, except copies to the CPU that nothing waited for."""

    class Event:
        """A moment in a stream's work."""

        def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
            self._timed, self._time = enable_timing, 0.0

        def record(self, stream: Any = None) -> None:
            self._time = time.perf_counter()

        def wait(self, stream: Any = None) -> None:
            pass

        def query(self) -> bool:
            return True

        def synchronize(self) -> None:
            machine.synchronize()

        def elapsed_time(self, end_event: Event) -> float:
            if not (self._timed and end_event._timed):
                raise ValueError("Both events must be created with argument 'enable_timing=True'.")
            if not (self._time and end_event._time):
                raise ValueError("Both events must be recorded before calculating elapsed time.")
            return (end_event._time - self._time) * 1e3

    class Stream:
        """A queue of work."""

        def __init__(self, device: Any = None, priority: int = 0, **options: Any) -> None:
            self.device = machine.device("cuda" if device is None else device)

        def synchronize(self) -> None:
            machine.synchronize()

        def wait_stream(self, stream: Any) -> None:
            pass

        def wait_event(self, event: Any) -> None:
            pass

        def record_event(self, event: Any = None) -> Any:
            event = event or Event()
            event.record(self)
            return event

        def query(self) -> bool:
            return True

        def is_capturing(self) -> bool:
            return False

        def __enter__(self) -> Stream:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    class StreamContext:
        """`with torch.cuda.stream(s):`"""

        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def __enter__(self) -> None:
            pass

        def __exit__(self, *error: object) -> None:
            pass

    def no_graphs(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("CUDA graphs are not simulated: they need a GPU.")

    def synchronize(device: Any = None) -> None:
        machine.index("cuda" if device is None else device)
        machine.synchronize()

    return {
        "Event": Event,
        "Stream": Stream,
        "StreamContext": StreamContext,
        "stream": StreamContext,
        "current_stream": lambda device=None: Stream(device),
        "default_stream": lambda device=None: Stream(device),
        "set_stream": lambda stream: None,
        "synchronize": synchronize,
        "_sleep": lambda cycles: None,  # what nothing waits for comes late anyway
        "CUDAGraph": no_graphs,
        "graph": no_graphs,
        "make_graphed_callables": no_graphs,
    }


def _any_event(event: Any) -> type:
    class Event(event):  # type: ignore[misc]
        """`torch.Event`, for any device."""

        def __init__(self, device: Any = None, **options: Any) -> None:
            super().__init__(**options)

    return Event


def _setter(machine: Machine) -> Callable[[Any], None]:
    def set_device(device: Any) -> None:
        if not (isinstance(device, int) and device < 0):
            machine.current = machine.index(device)

    return set_device


def _selecting(machine: Machine) -> dict[str, Any]:
    """The methods of `with torch.cuda.device(1):`; a negative number and None select nothing."""

    def __init__(self: Any, device: Any) -> None:
        self.idx = -1 if device is None else device if isinstance(device, int) else machine.index(device)

    def __enter__(self: Any) -> None:
        self.prev_idx = machine.current
        if self.idx >= 0:
            machine.current = machine.index(self.idx)

    def __exit__(self: Any, *error: object) -> None:
        machine.current = self.prev_idx

    return {"__init__": __init__, "__enter__": __enter__, "__exit__": __exit__}


def _accelerator(machine: Machine, streams: dict[str, Any]) -> dict[str, Any]:
    cuda, memory = torch.device("cuda"), _memory(machine)
    return {
        "is_available": lambda: machine.present,
        "device_count": lambda: machine.gpus if machine.present else 0,
        "current_accelerator": lambda check_available=False: cuda if machine.present else None,
        "current_device_index": lambda: machine.index("cuda"),
        "current_device_idx": lambda: machine.index("cuda"),
        "set_device_index": _setter(machine),
        "set_device_idx": _setter(machine),
        "synchronize": streams["synchronize"],
        "current_stream": streams["current_stream"],
        "set_stream": streams["set_stream"],
        "empty_cache": lambda: None,
        "get_memory_info": memory["mem_get_info"],
        **{name: memory[name] for name in _ACCELERATOR_MEMORY},
    }


def _parse_to(original: Callable[..., Any]) -> Callable[..., Any]:
    """Reads the arguments of `Module.to`, where a number is a GPU too."""

    def parse_to(*args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) is int:
            args = (torch.device("cuda", args[0]), *args[1:])
        if type(kwargs.get("device")) is int:
            kwargs["device"] = torch.device("cuda", kwargs["device"])
        return original(*args, **kwargs)

    return parse_to


def device_from(*args: Any, **kwargs: Any) -> torch.device:
    """`torch.device(0)` is the first GPU."""
    if len(args) == 1 and type(args[0]) is int and not kwargs:
        return torch.device("cuda", args[0])
    return torch.device(*args, **kwargs)


def set_cpu_rng_state(new_state: torch.Tensor) -> None:
    """`torch.set_rng_state`: a checkpoint loaded onto the GPU has its random state there too."""
    _check_state(new_state)
    torch.default_generator.set_state(new_state)


def _check_state(state: torch.Tensor) -> None:
    if device_of(state).type != "cpu":
        raise TypeError("RNG state must be a torch.ByteTensor")


@cache
def _tensor_type(name: str) -> Any:
    """`torch.cuda.FloatTensor`, the old way to make and recognise tensors of one type on the GPU."""
    cpu_type: Any = getattr(torch, name)

    class _Type(type):
        def __instancecheck__(cls, thing: object) -> bool:
            if not isinstance(thing, torch.Tensor) or device_of(thing).type != "cuda":
                return False
            return bool(thing.dtype == cpu_type.dtype)

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            machine = active()
            if machine is None:
                raise RuntimeError("No CUDA GPUs are available")
            return moved(machine, cpu_type(*args, **kwargs), machine.device("cuda"), Target())

    return _Type(name, (), {"__module__": "torch.cuda", "dtype": cpu_type.dtype, "is_cuda": True})


def _generator_type(machine: Machine) -> Any:
    original: Any = torch._C.Generator

    class _Type(type(original)):  # type: ignore[misc]
        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, original)

    class Generator(original, metaclass=_Type):  # type: ignore[misc]
        """A CPU generator that claims to be the GPU's."""

        _place: torch.device

        def __new__(cls, device: Any = "cpu") -> Any:
            made = original.__new__(cls, device="cpu")
            made._place = machine.device(device)
            if made._place.type == "cuda":
                machine.generators.add(made._cdata)
                weakref.finalize(made, machine.generators.discard, made._cdata).atexit = False
            return made

        @property
        def device(self) -> torch.device:
            return self._place

    return Generator


def _compile(model: Any = None, **options: Any) -> Any:
    """`torch.compile` changes nothing here."""
    return (lambda compiled: compiled) if model is None else model


def _grouped(lists: list[list[Any]], with_indices: bool = False) -> dict[Any, Any]:
    """The parameters of an optimizer, by device and dtype (torch/csrc/utils/device_lazy_init, ForeachUtils.h)."""
    groups: dict[Any, Any] = {}
    for index, first in enumerate(lists[0]):
        place = device_of(first)
        for others in lists[1:]:
            other = others[index] if others else None
            if isinstance(other, torch.Tensor):
                alike = device_of(other) == place and other.dtype == first.dtype
                is_step = (
                    device_of(other).type == "cpu" and other.dtype in (torch.float32, torch.float64) and other.dim() == 0
                )
                if not (alike or is_step):
                    raise RuntimeError(
                        "Tensors of the same index must be on the same device and the same dtype except `step` tensors "
                        "that can be CPU and float32/64 notwithstanding"
                    )
        parts, indices = groups.setdefault((place, first.dtype), ([[] for _ in lists], []))
        for part, items in zip(parts, lists, strict=True):
            if items:
                part.append(items[index])
        if with_indices:
            indices.append(index)
    return groups
