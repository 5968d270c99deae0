import collections

import numpy
import pytest
import torch

from autograder.checking.type_names import base_names, type_name


def made(name: str, module: str, base: type = object) -> type:
    return type(name, (base,), {"__module__": module})


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (1, "int"),
        (None, "NoneType"),
        (..., "ellipsis"),
        ({}.keys(), "dict_keys"),
        (len, "builtin_function_or_method"),
        (collections.OrderedDict(), "OrderedDict"),
        (torch.ones(1), "Tensor"),
        (torch.nn.Parameter(torch.ones(1)), "Parameter"),
        (torch.nn.Linear(1, 1), "Linear"),
        (torch.optim.SGD([torch.ones(1)]), "SGD"),
        (torch.float32, "dtype"),
        (numpy.ones(1), "ndarray"),
        (numpy.float64(1), "numpy.float64"),
        (numpy.bool_(True), "numpy.bool"),
    ],
)
def test_known_types_have_short_names(thing: object, name: str) -> None:
    assert type_name(type(thing)) == name


def test_a_class_of_the_notebook_has_its_own_name() -> None:
    assert type_name(made("Net", "__main__")) == "Net"


def test_a_class_of_another_module_has_its_module_before_it() -> None:
    assert type_name(made("Net", "somewhere")) == "somewhere.Net"


@pytest.mark.parametrize("name", ["Tensor", "Parameter", "ValueError", "float", "Linear"])
def test_a_short_name_cannot_be_borrowed(name: str) -> None:
    assert type_name(made(name, "__main__")) == f"__main__.{name}"
    assert type_name(made(name, "builtins")) == f"builtins.{name}"


def test_a_module_name_that_is_no_string() -> None:
    assert type_name(type("Odd", (), {"__module__": 5})) == "?.Odd"


def test_a_metaclass_is_not_asked() -> None:
    class Liar(type):
        def __getattribute__(cls, name: str) -> object:
            raise AssertionError("asked")

    assert type_name(Liar("Thing", (), {})).endswith("Thing")


def test_bases_of_an_own_exception() -> None:
    own = made("ValueError", "__main__", Exception)
    assert base_names(own) == ("__main__.ValueError", "Exception", "BaseException")
    assert "ValueError" in base_names(made("Mine", "__main__", ValueError))
