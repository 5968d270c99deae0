"""The global state that student code may change: PyTorch's switches, the working folder, random generators."""

from __future__ import annotations

import os
import random
from collections import OrderedDict
from typing import NamedTuple

import numpy
import torch

from autograder.checking.tensor_facts import contents
from autograder.simulation.mode_stacks import Depths, held, pop_down_to

__all__ = ["Generators", "Switches"]


_set_default_dtype = torch._C._set_default_dtype
_get_default_dtype = torch.get_default_dtype
_is_grad_enabled, _set_grad_enabled = torch._C.is_grad_enabled, torch._C._set_grad_enabled
_get_deterministic = torch._C._get_deterministic_algorithms
_set_deterministic = torch._C._set_deterministic_algorithms
_is_anomaly_enabled, _set_anomaly_enabled = torch.is_anomaly_enabled, torch.set_anomaly_enabled
_get_num_threads, _set_num_threads = torch.get_num_threads, torch.set_num_threads
_set_default_device = torch.set_default_device
_is_autocast_enabled, _set_autocast_enabled = torch.is_autocast_enabled, torch.set_autocast_enabled
_overwrites_parameters = torch.__future__.get_overwrite_module_params_on_conversion
_set_overwrites_parameters = torch.__future__.set_overwrite_module_params_on_conversion
_swaps_parameters = torch.__future__.get_swap_module_params_on_conversion
_set_swaps_parameters = torch.__future__.set_swap_module_params_on_conversion
_getcwd, _chdir = os.getcwd, os.chdir
_hooks_for_all = tuple(
    register
    for name, register in vars(torch.nn.modules.module).items()
    if name.startswith("_global_") and isinstance(register, OrderedDict)
)


def _has_default_device() -> bool:
    return getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None) is not None


class Switches(NamedTuple):
    """PyTorch's global switches, which student code may flip, and the working folder.

    `autocast` is for the CPU and for GPUs; `converts` says whether a module that is converted gets new parameters, and
    whether they change places with the old ones. `hooks` are those that run for all modules.
    """

    default_dtype: torch.dtype
    grad: bool
    deterministic: bool
    anomaly: bool
    threads: int
    modes: Depths
    folder: str
    default_device: bool
    autocast: tuple[bool, bool]
    converts: tuple[bool, bool]
    hooks: tuple[dict[int, object], ...]

    @classmethod
    def now(cls) -> Switches:
        """The current positions."""
        return cls(
            default_dtype=_get_default_dtype(),
            grad=_is_grad_enabled(),
            deterministic=_get_deterministic(),
            anomaly=_is_anomaly_enabled(),
            threads=_get_num_threads(),
            modes=Depths.now(),
            folder=_getcwd(),
            default_device=_has_default_device(),
            autocast=(_is_autocast_enabled("cpu"), _is_autocast_enabled("cuda")),
            converts=(_overwrites_parameters(), _swaps_parameters()),
            hooks=tuple(map(dict, _hooks_for_all)),
        )

    def usual(self, *, deterministic: bool) -> Switches:
        """The positions a check starts from.

        One thread, as in grading: a check's tensors are small, and threads that wait for each other on a busy machine made
        some checks twenty times as slow.
        """
        return self._replace(
            default_dtype=torch.float32,
            grad=True,
            deterministic=deterministic,
            anomaly=False,
            default_device=False,
            threads=1,
            autocast=(False, False),
            converts=(False, False),
            hooks=tuple({} for _ in _hooks_for_all),
        )

    def set(self) -> None:
        """Set only what differs: some of these switches are slow. Any default device is removed."""
        if _get_default_dtype() is not self.default_dtype:
            _set_default_dtype(self.default_dtype)
        if _is_grad_enabled() is not self.grad:
            _set_grad_enabled(self.grad)
        if _get_deterministic() is not self.deterministic:
            _set_deterministic(self.deterministic, warn_only=True)
        if _is_anomaly_enabled() is not self.anomaly:
            _set_anomaly_enabled(self.anomaly)
        if _get_num_threads() != self.threads:
            _set_num_threads(self.threads)
        if _has_default_device():
            modes = held()  # to find its own mode, PyTorch takes away those above it
            _set_default_device(None)
            del modes
        pop_down_to(self.modes)
        for device, on in zip(("cpu", "cuda"), self.autocast, strict=True):
            if _is_autocast_enabled(device) is not on:
                _set_autocast_enabled(device, on)
        if (_overwrites_parameters(), _swaps_parameters()) != self.converts:
            _set_overwrites_parameters(self.converts[0])
            _set_swaps_parameters(self.converts[1])
        for register, wanted in zip(_hooks_for_all, self.hooks, strict=True):
            if register or wanted:
                register.clear()
                register.update(wanted)
        if _getcwd() != self.folder:
            _chdir(self.folder)


class Generators:
    """The global random generators, seeded, and whether anything has been drawn from them since.

    Reading the states of Python's and NumPy's generators is slow. Instead, one number is drawn from each at the end and
    compared with the first one of a twin with the same seed.
    """

    _torch = torch.default_generator
    _numpy_twin = numpy.random.RandomState(0)
    _python_twin = random.Random(0)
    _numpy_seed, _numpy_draw = numpy.random.seed, numpy.random.random_sample
    _python_seed, _python_draw = random.seed, random.random

    def __init__(self, seed: int, *, on_gpu: bool = False) -> None:
        """Seed them all with `seed`; if `on_gpu`, the first GPU's too."""
        small = seed % 2**32
        self._torch.manual_seed(seed)
        self._gpu = torch.cuda.default_generators[0].manual_seed(seed) if on_gpu else None
        self._gpu_state = contents(self._gpu.get_state()) if self._gpu else b""
        for seeder in (Generators._numpy_seed, self._numpy_twin.seed, Generators._python_seed, self._python_twin.seed):
            seeder(small)
        self._torch_state = contents(self._torch.get_state())

    def moved(self) -> bool:
        """Whether anything has been drawn since."""
        moved = contents(self._torch.get_state()) != self._torch_state
        moved |= self._gpu is not None and contents(self._gpu.get_state()) != self._gpu_state
        moved |= Generators._numpy_draw() != self._numpy_twin.random_sample()
        moved |= Generators._python_draw() != self._python_twin.random()
        return moved
