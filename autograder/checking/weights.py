"""Loads a file of weights that a student handed in into a network that the check makes; says what is wrong with it.

Nothing in the file is run: it is read with `weights_only=True`. Right answers are read from the course's own files, which
are not there where student code runs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch

__all__ = ["BadWeights", "answers_in", "load_weights"]

_Module = TypeVar("_Module", bound=torch.nn.Module)
_load, _Tensor = torch.load, torch.Tensor
_TIMES, _MORE = 4, 1 << 20  # a file may be so many times as large as its weights, and so much larger
_POINTER = b"version https://git-lfs"
_SAVE = "save `model.state_dict()` with torch.save"
_NAMED = 3


class BadWeights(Exception):
    """A file of weights cannot be used; the message is a sentence for students."""


def load_weights(path: Any, module: _Module) -> _Module:
    """Load a file's weights into a module, which is then in evaluation mode.

    Args:
        path: what the student says the file is called.
        module: the network that the weights are for.

    Raises:
        BadWeights: if the file is missing, far too large, no file of weights, or of another network.
    """
    if not isinstance(path, str | os.PathLike):
        raise BadWeights('It must be the name of a file in quotes, like "model.pt".')
    file = Path(path)
    name = file.name[:60] or "It"
    wanted = module.state_dict()
    _must_be_readable(file, name, sum(tensor.numel() * tensor.element_size() for tensor in wanted.values()))
    found = _read(file, name)
    _must_fit(found, wanted, name)
    try:
        module.load_state_dict(found)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:  # sparse or quantised, for example
        raise BadWeights(f"{name}: its weights cannot be copied into the network ({type(error).__name__}).") from None
    return module.eval()


def _must_be_readable(file: Path, name: str, weights: int) -> None:
    try:
        status = file.stat()
    except (OSError, ValueError):
        raise BadWeights(
            f"There is no file {name} beside your notebook. Hand both in together; a file that is too large for the course "
            "does not arrive."
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise BadWeights(f"{name} is not a file.")
    if status.st_size == 0:
        raise BadWeights(f"{name} is empty.")
    most = _TIMES * weights + _MORE
    if status.st_size > most:
        raise BadWeights(
            f"{name} has {_megabytes(status.st_size)} MB. The weights of this network take {_megabytes(weights)} MB, and "
            f"{_megabytes(most)} MB are read at most: {_SAVE}, and nothing else."
        )
    with file.open("rb") as stream:
        if stream.read(len(_POINTER)) == _POINTER:
            raise BadWeights(
                f"{name} is a Git LFS pointer without the file itself; run `git lfs pull`, and hand in the file."
            )


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f}"


def _read(file: Path, name: str) -> Mapping[str, torch.Tensor]:
    try:
        found = _load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise BadWeights(f"{name} holds objects that need code to be read, perhaps the whole model: {_SAVE}.") from None
        raise BadWeights(f"{name} is damaged, or not a file that torch.save wrote.") from None
    except Exception:  # whatever a file of any other kind makes PyTorch raise
        raise BadWeights(f"{name} is damaged, or not a file that torch.save wrote.") from None
    if not isinstance(found, Mapping):
        raise BadWeights(f"{name} holds a {type(found).__name__}, not a model's weights: {_SAVE}.")
    others = [key for key, value in found.items() if not isinstance(key, str) or not isinstance(value, _Tensor)]
    if others:
        raise BadWeights(f"{name} holds more than a model's weights, e.g. {_listed(others[:1])}: {_SAVE}.")
    return found


def _must_fit(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], name: str) -> None:
    missing = [key for key in wanted if key not in found]
    extra = [key for key in found if key not in wanted]
    if missing or extra:
        lacks = f"lacks {_listed(missing)}" if missing else ""
        has = f"has {_listed(extra)}, which the network does not have" if extra else ""
        raise BadWeights(f"{name} is of another network: it {' and '.join(filter(None, (lacks, has)))}.")
    for key, tensor in wanted.items():
        if found[key].shape != tensor.shape:
            shapes = f"{tuple(found[key].shape)}; the network's has {tuple(tensor.shape)}"
            raise BadWeights(f"{name} is of another network: {_listed([key])} has the shape {shapes}.")


def _listed(keys: list[Any]) -> str:
    shown = ", ".join(f"`{str(key)[:60]}`" for key in keys[:_NAMED])
    return shown if len(keys) <= _NAMED else f"{shown} and {len(keys) - _NAMED} more"


def answers_in(path: Path, rows: Any = None) -> tuple[float, ...]:
    """The numbers in a file, or some of them, by index; none if the folder is not there.

    Raises:
        FileNotFoundError: if the folder is there, but not the file.
        ValueError: if it is not a text of numbers.
    """
    if not path.parent.is_dir():
        return ()
    if path.suffix in (".pt", ".pth"):
        numbers = _load(path, map_location="cpu", weights_only=True).flatten().tolist()
    else:
        numbers = [float(word) for word in path.read_text(encoding="utf-8").replace(",", " ").split()]
    return tuple(numbers if rows is None else (numbers[int(row)] for row in rows))
