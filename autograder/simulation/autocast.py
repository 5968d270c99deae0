"""Mixed precision as on CUDA: `torch.autocast("cuda")` acts on simulated GPU tensors, `torch.autocast("cpu")` on others.

Underneath, PyTorch's CPU autocast does the work, even inside functions. Where CUDA's lists differ from the CPU's, the
arguments are converted before the function is called. Source of the lists: PyTorch's documentation, "CUDA Op-Specific
Behavior" of torch.amp, and what PyTorch registers for AutocastCUDA (aten/src/ATen/autocast_mode.h).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from autograder.simulation.patches import Patches
from autograder.simulation.places import mark_of

__all__ = ["anywhere", "patch", "run"]

_LOWER = frozenset(
    [
        "__matmul__",
        "matmul",
        "addbmm",
        "addmm",
        "addmv",
        "addr",
        "baddbmm",
        "bmm",
        "mm",
        "mv",
        "linear",
        "prelu",
        "chain_matmul",
        "multi_dot",
        "linalg_multi_dot",
        "linalg_vecdot",
        "einsum",
        "lstm_cell",
        "gru_cell",
        "rnn_tanh_cell",
        "rnn_relu_cell",
        "scaled_dot_product_attention",
    ]
)
# cuDNN converts the weights of these; oneDNN does not have all of them in float16.
_RECURRENT = frozenset(["lstm", "gru", "rnn_tanh", "rnn_relu"])
_FLOAT32 = frozenset(
    [
        "__pow__",
        "__rdiv__",
        "__rpow__",
        "__rtruediv__",
        "acos",
        "asin",
        "binary_cross_entropy_with_logits",
        "cosh",
        "cosine_embedding_loss",
        "cdist",
        "cosine_similarity",
        "cross_entropy",
        "cumprod",
        "cumsum",
        "dist",
        "erfinv",
        "exp",
        "expm1",
        "group_norm",
        "hinge_embedding_loss",
        "kl_div",
        "l1_loss",
        "layer_norm",
        "log",
        "log10",
        "log_softmax",
        "log1p",
        "log2",
        "margin_ranking_loss",
        "mse_loss",
        "multilabel_margin_loss",
        "multi_margin_loss",
        "nll_loss",
        "norm",
        "normalize",
        "pdist",
        "poisson_nll_loss",
        "pow",
        "prod",
        "reciprocal",
        "rsqrt",
        "sinh",
        "smooth_l1_loss",
        "soft_margin_loss",
        "softmax",
        "softmin",
        "softplus",
        "sum",
        "renorm",
        "tan",
        "triplet_margin_loss",
        "huber_loss",
        "frobenius_norm",
        "nuclear_norm",
        "linalg_norm",
        "linalg_vector_norm",
        "linalg_matrix_norm",
        "logsumexp",
        "rms_norm",
        "interpolate",
        "upsample",
    ]
)
_WIDEST = frozenset(
    [
        *("addcdiv", "addcmul", "atan2", "bilinear", "cross", "dot", "vdot", "grid_sample", "grid_sampler", "index_put"),
        *("scatter_add", "tensordot"),
    ]
)
_UNSAFE = "binary_cross_entropy"

_is_enabled, _set_enabled = torch.is_autocast_enabled, torch.set_autocast_enabled
_dtype_of, _set_dtype = torch.get_autocast_dtype, torch.set_autocast_dtype


class _Wanted(threading.local):
    """The autocasting that the code asked for on the CPU, and how many autocast contexts it is in."""

    cpu: tuple[bool, torch.dtype] = (False, torch.bfloat16)
    depth: int = 0


_wanted = _Wanted()


def anywhere() -> bool:
    """Whether this thread is in an autocast context for any device."""
    return _wanted.depth > 0


def run(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function with the autocasting of its tensors' device."""
    on_gpu = any(isinstance(mark_of(tensor), torch.device) for tensor in _tensors((*args, *kwargs.values())))
    enabled, dtype = (_is_enabled("cuda"), _dtype_of("cuda")) if on_gpu else _wanted.cpu
    name = getattr(function, "__name__", "")
    before = _is_enabled("cpu"), _dtype_of("cpu")
    if on_gpu and enabled:
        args, kwargs = _converted(name, args, kwargs, dtype)
    recurrent = on_gpu and enabled and name in _RECURRENT
    _set(enabled and not recurrent, dtype)
    try:
        with _without_onednn() if recurrent else nullcontext():
            return function(*args, **kwargs)
    finally:
        _set(*before)


@contextmanager
def _without_onednn() -> Iterator[None]:
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


def _set(enabled: bool, dtype: torch.dtype) -> None:
    _set_enabled("cpu", enabled)
    _set_dtype("cpu", dtype)


def _tensors(things: Iterable[Any]) -> Iterable[torch.Tensor]:
    for thing in things:
        if isinstance(thing, torch.Tensor):
            yield thing
        elif isinstance(thing, (list, tuple)):
            yield from _tensors(thing)


def _converted(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], dtype: torch.dtype
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if name == _UNSAFE:
        raise RuntimeError(
            "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\nMany models use a "
            "sigmoid layer right before the binary cross entropy layer. In this case, combine the two layers using "
            "torch.nn.functional.binary_cross_entropy_with_logits or torch.nn.BCEWithLogitsLoss. "
            "binary_cross_entropy_with_logits and BCEWithLogits are safe to autocast."
        )
    if name in _LOWER or name in _RECURRENT:
        wanted = dtype
    elif name in _FLOAT32 and kwargs.get("dtype") is None:
        wanted = torch.float32
    elif name in _WIDEST:
        kinds = {tensor.dtype for tensor in _tensors((*args, *kwargs.values())) if _eligible(tensor)}
        if torch.float32 not in kinds:
            return args, kwargs
        wanted = torch.float32
    else:
        return args, kwargs
    return tuple(_cast(arg, wanted) for arg in args), {key: _cast(value, wanted) for key, value in kwargs.items()}


def _eligible(tensor: torch.Tensor) -> bool:
    """Floating-point GPU tensors are converted, but not float64 ones."""
    return tensor.is_floating_point() and tensor.dtype != torch.float64 and isinstance(mark_of(tensor), torch.device)


def _cast(thing: Any, dtype: torch.dtype) -> Any:
    if isinstance(thing, torch.Tensor):
        return thing.to(dtype) if _eligible(thing) and thing.dtype != dtype else thing
    if type(thing) in (list, tuple):
        return type(thing)(_cast(item, dtype) for item in thing)
    return thing


def patch(patches: Patches) -> None:
    """Make autocast contexts for both devices report what they ask for."""
    context: Any = torch.amp.autocast_mode.autocast
    enter, leave = context.__enter__, context.__exit__

    def __enter__(self: Any) -> Any:
        self._autograde_before = _wanted.cpu, _wanted.depth, (_is_enabled("cpu"), _dtype_of("cpu"))
        result = enter(self)
        _wanted.depth += 1
        if self.device == "cpu":
            _wanted.cpu = _is_enabled("cpu"), _dtype_of("cpu")
        else:
            _set(_is_enabled("cuda"), _dtype_of("cuda"))
        return result

    def __exit__(self: Any, *error: Any) -> Any:
        result = leave(self, *error)
        _wanted.cpu, _wanted.depth, before = self._autograde_before
        _set(*before)
        return result

    patches.set_all(context, __enter__=__enter__, __exit__=__exit__)
