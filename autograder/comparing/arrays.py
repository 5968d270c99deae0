"""The numbers of a tensor fact as a NumPy array, and how far apart two of them may be.

The trusted side reads only raw bytes; bfloat16 and float8, which NumPy lacks, are decoded from their bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.records.observation import Policy, TensorFact

__all__ = [
    "DEFAULT_TOLERANCES",
    "DTYPE_NAMES",
    "Array",
    "allowed_distance",
    "decode",
    "dtype_name",
    "epsilon_allowed",
    "epsilon_of",
    "is_inexact",
    "mismatches",
    "tolerance_of",
]

Array = npt.NDArray[Any]

DEFAULT_TOLERANCES: dict[str, float] = {"float64": 1e-9, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}

_NUMPY: dict[str, str] = {
    "bool": "|b1",
    "uint8": "|u1",
    "int8": "|i1",
    "uint16": "<u2",
    "int16": "<i2",
    "uint32": "<u4",
    "int32": "<i4",
    "uint64": "<u8",
    "int64": "<i8",
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
    "quint8": "<f4",
    "qint8": "<f4",
    "qint32": "<f4",
}

# Sign, exponent and mantissa as in the "OCP 8-bit Floating Point Specification" (rev. 1.0) and, for the fnuz variants,
# torch/headeronly/util/Float8_*.h: (mantissa bits, exponent bias, has infinities, has the one NaN 0x80).
_FLOAT8: dict[str, tuple[int, int, bool, bool]] = {
    "float8_e4m3fn": (3, 7, False, False),
    "float8_e5m2": (2, 15, True, False),
    "float8_e4m3fnuz": (3, 8, False, True),
    "float8_e5m2fnuz": (2, 16, False, True),
}

DTYPE_NAMES = frozenset((*_NUMPY, *_FLOAT8, "bfloat16", "complex32", "float8_e8m0fnu"))
"""The names, without `torch.`, of the dtypes whose values can be read."""

# The distance from 1.0 to the next number.
_EPSILON: dict[str, float] = {
    "float64": 2.0**-52,
    "complex128": 2.0**-52,
    "float32": 2.0**-23,
    "complex64": 2.0**-23,
    "float16": 2.0**-10,
    "complex32": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float8_e4m3fn": 2.0**-3,
    "float8_e4m3fnuz": 2.0**-3,
    "float8_e5m2": 2.0**-2,
    "float8_e5m2fnuz": 2.0**-2,
    "float8_e8m0fnu": 1.0,
}

# A dtype without a tolerance of its own, and the dtype whose tolerance it takes.
_LIKE: dict[str, str] = {
    "complex128": "float64",
    "complex64": "float32",
    "complex32": "float16",
    "quint8": "float32",
    "qint8": "float32",
    "qint32": "float32",
}

# The coarsest dtype whose own precision is granted to code that gives it in place of a finer one.
_COARSEST = "float32"

# How many epsilons off a correct result may be that should be tiny or zero.
_NOISE = 4


def dtype_name(dtype: str) -> str:
    """The dtype's name without `torch.`."""
    return dtype.removeprefix("torch.")


def is_inexact(dtype: str) -> bool:
    """Whether numbers of this dtype are rounded: floating, complex and quantised ones."""
    return dtype_name(dtype).startswith(("float", "bfloat", "complex", "q"))


def epsilon_of(dtype: str) -> float:
    """The distance from 1.0 to the next number; for a dtype that is not floating, that of float32."""
    return _EPSILON.get(dtype_name(dtype), 2.0**-23)


def decode(fact: TensorFact, raw: bytes | None = None) -> Array | None:
    """The elements as an array of the fact's shape; floats of 16 bits or less become float32.

    Args:
        fact: gives the dtype and shape.
        raw: bytes to read instead of `fact.values`, e.g. those of its gradient.

    Returns:
        The array, or None if there are no values to read: a meta tensor, an unknown dtype, or the wrong number of bytes.
    """
    data = fact.values if raw is None else raw
    name = dtype_name(fact.dtype)
    count = math.prod(fact.shape)
    flat: Array | None
    if name == "bfloat16":
        bits = _read(data, "<u2", count)
        flat = None if bits is None else (bits.astype(np.uint32) << 16).view(np.float32)
    elif name in _FLOAT8 or name == "float8_e8m0fnu":
        bits = _read(data, "|u1", count)
        flat = None if bits is None else _float8_table(name)[bits]
    elif name == "complex32":
        halves = _read(data, "<f2", 2 * count)
        flat = None if halves is None else halves.astype(np.float32).view(np.complex64)
    elif name in _NUMPY:
        flat = _read(data, _NUMPY[name], count)
        flat = flat.astype(np.float32) if flat is not None and name == "float16" else flat
    else:
        flat = None
    if flat is None:
        return None
    array: Array = _without_signals(flat).reshape(fact.shape)
    return array


def _without_signals(flat: Array) -> Array:
    """The same numbers. Unwritten memory may hold signalling NaNs, of which NumPy warns; they become plain ones."""
    if flat.dtype.kind not in "fc":
        return flat
    parts = flat.view(flat.real.dtype)
    nan = np.isnan(parts)
    return np.where(nan, parts.dtype.type(np.nan), parts).view(flat.dtype) if nan.any() else flat


def _read(data: bytes, dtype: str, count: int) -> Array | None:
    if len(data) != count * np.dtype(dtype).itemsize:
        return None
    if dtype == "|b1":  # a byte that is neither 0 nor 1 would not be a valid bool
        return np.asarray(np.frombuffer(data, "|u1") != 0)
    return np.frombuffer(data, dtype)


@cache
def _float8_table(name: str) -> Array:
    if name == "float8_e8m0fnu":
        powers = np.array([2.0 ** (code - 127) for code in range(256)])
        powers[255] = np.nan
        return powers.astype(np.float32)
    return np.array([_float8(code, *_FLOAT8[name]) for code in range(256)], np.float32)


def _float8(code: int, mantissa_bits: int, bias: int, infinities: bool, one_nan: bool) -> float:
    sign = -1.0 if code & 0x80 else 1.0
    exponent = (code & 0x7F) >> mantissa_bits
    mantissa = code & ((1 << mantissa_bits) - 1)
    top = (1 << (7 - mantissa_bits)) - 1
    if one_nan:
        if code == 0x80:
            return math.nan
    elif infinities and exponent == top:
        return math.nan if mantissa else sign * math.inf
    elif not infinities and code & 0x7F == 0x7F:
        return math.nan
    if exponent == 0:
        return sign * mantissa * 2.0 ** (1 - bias - mantissa_bits)
    return sign * (1 + mantissa / (1 << mantissa_bits)) * 2.0 ** (exponent - bias)


def epsilon_allowed(expected: str, actual: str) -> float:
    """How finely values are judged: by `epsilon_of` the expected dtype, or the actual one's if that is at most float32's."""
    return max(epsilon_of(expected), min(epsilon_of(actual), epsilon_of(_COARSEST)))


def tolerance_of(dtype: str, tolerances: Mapping[str, float]) -> float:
    """The course's tolerance for a dtype; 0 for integers. float8 may be off by one step of its mantissa."""
    name = dtype_name(dtype)
    if not is_inexact(name):
        return 0.0
    if name in tolerances:
        return tolerances[name]
    if name.startswith("float8"):
        return _EPSILON.get(name, 0.25)
    like = _LIKE.get(name, name)
    return tolerances.get(like, DEFAULT_TOLERANCES.get(like, 1e-5))


def allowed_distance(expected: Array, dtypes: tuple[str, str], policy: Policy, tolerances: Mapping[str, float]) -> float:
    """How far an element may be from the expected one: `tol + tol * max|expected|`, over the finite elements.

    `tol` is the expected dtype's tolerance. Code that gives another dtype, where the dtype does not count, may have that
    one's instead, up to float32's: by a coarse dtype's, nearly anything would pass. If everything expected is tiny (but not
    all zero), an absolute tolerance would let anything pass, such as a gradient of the wrong sign. An element may then be
    off by one part in a thousand, or by a few rounding errors of numbers around 1, which is what a cancellation leaves.
    """
    wanted, given = dtypes
    tolerance = max(
        tolerance_of(wanted, tolerances), min(tolerance_of(given, tolerances), tolerance_of(_COARSEST, tolerances))
    )
    magnitude = _magnitude(expected)
    if policy.rtol is not None or policy.atol is not None:
        return (policy.atol or 0.0) + (policy.rtol or 0.0) * magnitude
    usual = tolerance + tolerance * magnitude
    if 0 < magnitude < 100 * tolerance:
        noise = _NOISE * epsilon_allowed(wanted, given)
        return min(usual, max(max(1e-3, tolerance) * magnitude, noise))
    return usual


def _magnitude(array: Array) -> float:
    if array.size == 0:
        return 0.0
    if array.dtype.kind in "biu":
        return float(max(abs(int(array.max())), abs(int(array.min()))))
    sizes = np.abs(array)
    with np.errstate(invalid="ignore"):
        largest = float(np.max(sizes))
    if math.isfinite(largest):
        return largest
    finite = sizes[np.isfinite(sizes)]
    return float(finite.max()) if finite.size else 0.0


def mismatches(expected: Array, actual: Array, allowed: float) -> tuple[Array, Array]:
    """Where two arrays of the same shape differ, and by how much.

    Returns:
        A bool array, True where the elements differ (NaN equals NaN, an infinity equals only itself), and the
        distances as float64: 0 where equal, infinite where either element is not finite.
    """
    if expected.dtype.kind in "biu" and actual.dtype.kind in "biu":
        different = np.asarray(expected != actual)
        if expected.dtype.kind == "b" or actual.dtype.kind == "b" or not different.any():
            return different, different.astype(np.float64)
        distance = np.abs(expected.astype(np.float64) - actual.astype(np.float64))
        distance = np.where(different, np.maximum(distance, 1.0), 0.0)  # beyond 2**53 neighbours share a float
        return np.asarray(distance > allowed), distance
    wide = np.complex128 if "c" in (expected.dtype.kind, actual.dtype.kind) else np.float64
    expected, actual = expected.astype(wide), actual.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(expected - actual)
        odd = ~np.isfinite(distance)
        different = distance > allowed
    if odd.any():
        both_nan = np.isnan(expected) & np.isnan(actual)
        equal = both_nan | (expected == actual)
        distance = np.where(odd, np.where(equal, 0.0, np.inf), distance)
        different = np.where(odd, ~equal, different)
    return np.asarray(different), np.asarray(distance)
