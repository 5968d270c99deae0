"""Things that are observed by their parts: what the parts of each type are.

Types of libraries are looked for in `sys.modules` only: whoever returned such a thing has imported its library. What is
read of them is read with their own methods; a student's subclass is not one of them.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["parts_of"]

Parts = list[tuple[Any, Any]]

_instance_dict = object.__getattribute__
_EnumType = enum.EnumMeta
_Distribution = torch.distributions.Distribution
_FURTHER = ("base_dist", "reinterpreted_batch_ndims", "mixture_distribution", "component_distribution")


def parts_of(thing: Any) -> Parts | None:
    """The parts of a thing, each with its key; None if its type is not one of those known here.

    Known are dataclasses (with `__slots__`, too), `SimpleNamespace`, members of enumerations, `torch.distributions`,
    Matplotlib's figures and axes, pandas' frames, series and indexes, and Pillow's images.
    """
    kind = type(thing)
    if kind is types.SimpleNamespace:
        return list(_instance_dict(thing, "__dict__").items())
    if type(kind) is _EnumType:
        own = _instance_dict(thing, "__dict__")
        return [("name", own.get("_name_")), ("value", own.get("_value_"))]
    if "__dataclass_fields__" in kind.__dict__:
        return _of_dataclass(thing, kind)
    if issubclass(kind, _Distribution) and kind.__module__.startswith("torch.distributions."):
        return _of_distribution(thing)
    for module, name, read in _LIBRARIES:
        library = sys.modules.get(module)
        known = getattr(library, name, None)
        if isinstance(known, type) and issubclass(kind, known) and _package(kind.__module__) == _package(module):
            return read(thing)
    return None


def _package(module: str) -> str:
    return module.partition(".")[0]


def _of_dataclass(thing: Any, kind: type) -> Parts | None:
    fields = kind.__dict__["__dataclass_fields__"]
    if type(fields) is not dict:
        return None
    try:
        attributes = _instance_dict(thing, "__dict__")
    except AttributeError:
        slots = {name: slot for base in reversed(kind.__mro__) for name, slot in base.__dict__.items()}
        members = {name: slots[name] for name in fields if type(slots.get(name)) is types.MemberDescriptorType}
        return [(name, member.__get__(thing)) for name, member in members.items()]
    return [(name, attributes[name]) for name in fields if name in attributes] if type(attributes) is dict else None


def _of_distribution(distribution: Any) -> Parts:
    names = [*type(distribution).arg_constraints, *(name for name in _FURTHER if hasattr(distribution, name))]
    return [(name, getattr(distribution, name)) for name in names]


def _of_figure(figure: Any) -> Parts:
    suptitle = getattr(figure, "_suptitle", None)
    return [("title", "" if suptitle is None else suptitle.get_text()), ("axes", list(figure.axes))]


def _of_axes(axes: Any) -> Parts:
    """What is drawn, and what is written: lines, points, bars, images, title, labels and the legend."""
    legend = axes.get_legend()
    return [
        ("title", axes.get_title()),
        ("x label", axes.get_xlabel()),
        ("y label", axes.get_ylabel()),
        ("x scale", axes.get_xscale()),
        ("y scale", axes.get_yscale()),
        ("lines", [{"x": line.get_xdata(), "y": line.get_ydata()} for line in axes.get_lines()]),
        ("points", [collection.get_offsets().data for collection in axes.collections]),
        ("bars", [list(patch.get_bbox().bounds) for patch in axes.patches if hasattr(patch, "get_bbox")]),
        ("images", [image.get_array().data for image in axes.get_images()]),
        ("legend", [] if legend is None else [text.get_text() for text in legend.get_texts()]),
    ]


def _column(values: Any) -> Any:
    """A column of numbers as an array, one of anything else as a list."""
    array = values.to_numpy()
    return array if array.dtype.kind in "biufc" else array.tolist()


def _of_frame(frame: Any) -> Parts:
    columns = list(frame.columns)
    return [("columns", columns), ("index", _column(frame.index)), ("values", [_column(frame[name]) for name in columns])]


def _of_series(series: Any) -> Parts:
    return [("name", series.name), ("index", _column(series.index)), ("values", _column(series))]


def _of_index(index: Any) -> Parts:
    return [("name", index.name), ("values", _column(index))]


def _of_image(image: Any) -> Parts:
    numpy = sys.modules["numpy"]
    return [("mode", image.mode), ("pixels", numpy.asarray(image))]


_LIBRARIES: list[tuple[str, str, Callable[[Any], Parts]]] = [
    ("matplotlib.figure", "Figure", _of_figure),
    ("matplotlib.axes", "Axes", _of_axes),
    ("pandas", "DataFrame", _of_frame),
    ("pandas", "Series", _of_series),
    ("pandas", "Index", _of_index),
    ("PIL.Image", "Image", _of_image),
]
