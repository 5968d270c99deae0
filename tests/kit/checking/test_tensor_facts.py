from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.checking.tensor_facts import (
    Unobservable,
    array_extent,
    array_fact,
    contents,
    input_state,
    is_tensor,
    tensor_extent,
    tensor_fact,
)

DTYPES = [torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool, torch.complex64]
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def tensors(draw: Any) -> torch.Tensor:
    """Tensors of many dtypes, as made, permuted, sliced, expanded, conjugated."""
    shape = draw(shapes)
    dtype = draw(st.sampled_from(DTYPES))
    made = (torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99)))) * 5).to(dtype)
    for way in draw(st.lists(st.sampled_from(["flip order", "step", "expand", "conj", "narrow"]), max_size=3)):
        if way == "flip order":
            made = made.permute(tuple(reversed(range(made.dim()))))
        elif way == "step" and made.dim():
            made = made[..., ::2]
        elif way == "expand":
            made = made.expand(2, *made.shape)
        elif way == "conj" and made.is_complex():
            made = made.conj()
        elif way == "narrow" and made.dim() and made.shape[0] > 1:
            made = made[1:]
    return made


@given(tensors())
@settings(max_examples=200)
def test_the_facts_describe_the_tensor(tensor: torch.Tensor) -> None:
    fact = tensor_fact(tensor)
    assert fact.shape == tuple(tensor.shape)
    assert f"torch.{fact.dtype}" == str(tensor.dtype)
    assert fact.values == tensor.resolve_conj().contiguous().numpy().tobytes()
    assert contents(tensor) == fact.values
    assert fact.conj == tensor.is_conj()
    assert (fact.stride is None) == (tensor.numel() == 0)


@given(tensors())
@settings(max_examples=100)
def test_equal_tensors_have_equal_values_however_they_lie_in_memory(tensor: torch.Tensor) -> None:
    fact, other = tensor_fact(tensor), tensor_fact(tensor.resolve_conj().clone(memory_format=torch.contiguous_format))
    assert fact.values == other.values


@given(tensors())
@settings(max_examples=100)
def test_an_array_is_seen_as_its_tensor_is(tensor: torch.Tensor) -> None:
    tensor = tensor.resolve_conj()
    fact, array = tensor_fact(tensor), array_fact(tensor.numpy())
    assert (array.type, array.dtype, array.shape) == ("ndarray", fact.dtype, fact.shape)
    assert (array.values, array.stride) == (fact.values, fact.stride)


@given(tensors())
@settings(max_examples=100)
def test_a_tensor_without_elements_has_no_extent_and_a_view_has_that_of_its_base(tensor: torch.Tensor) -> None:
    extent = tensor_extent(tensor)
    assert (extent is None) == (tensor.numel() == 0)
    assert tensor_extent(tensor.detach()) == extent
    assert extent is None or tensor_extent(tensor.clone()) != extent


def test_dtypes_that_numpy_does_not_know_come_as_raw_bits() -> None:
    half = torch.tensor([1.5, -0.0]).to(torch.bfloat16)
    assert tensor_fact(half).values == bytes.fromhex("c03f0080")
    assert tensor_fact(half[::2]).values == bytes.fromhex("c03f")
    eighth = torch.tensor([1.0]).to(torch.float8_e4m3fn)
    assert tensor_fact(eighth).values == b"\x38"


def test_strides_are_canonical() -> None:
    assert tensor_fact(torch.ones(3, 1).as_strided((3, 1), (1, 77))).stride == (1, 0)
    assert tensor_fact(torch.ones(3, 4).t()).stride == (1, 4)
    assert tensor_fact(torch.ones(0, 3)).stride is None


def test_overlap() -> None:
    assert tensor_fact(torch.ones(1).expand(5)).overlap
    assert not tensor_fact(torch.ones(3, 4).t()).overlap


def test_type_is_exact() -> None:
    class Parameter(torch.nn.Parameter):
        pass

    assert tensor_fact(torch.nn.Parameter(torch.ones(1))).type == "Parameter"
    assert tensor_fact(Parameter(torch.ones(1))).type.endswith("<locals>.Parameter")
    assert tensor_fact(torch.nn.UninitializedParameter()).type == "UninitializedParameter"


@pytest.mark.filterwarnings("error")
def test_gradients_are_told_apart_without_a_warning() -> None:
    x = torch.ones(2, requires_grad=True)
    assert tensor_fact(x).gradient == "none"
    assert tensor_fact(x * 2).gradient == "non-leaf"
    x.grad = torch.zeros(2)
    assert tensor_fact(x).gradient == "zero"
    x.grad = torch.tensor([0.0, 2.0])
    fact = tensor_fact(x)
    assert (fact.gradient, fact.gradient_values) == ("value", numpy.array([0, 2], "f4").tobytes())
    kept = x * 2
    kept.retain_grad()
    kept.sum().backward()
    assert tensor_fact(kept).gradient == "value"


def test_graph_facts() -> None:
    x = torch.ones(2, requires_grad=True)
    leaf, result = tensor_fact(x), tensor_fact(x * 2)
    assert (leaf.is_leaf, leaf.has_grad_fn, leaf.requires_grad) == (True, False, True)
    assert (result.is_leaf, result.has_grad_fn, result.requires_grad) == (False, True, True)


def test_sparse_and_quantised_tensors_are_densified() -> None:
    dense = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    fact = tensor_fact(dense.to_sparse())
    assert (fact.layout, fact.stride, fact.values) == ("sparse_coo", None, tensor_fact(dense).values)


def test_meta_tensors_have_no_values_but_share_storage() -> None:
    x = torch.zeros(3, 4, device="meta")
    assert (tensor_fact(x).device, tensor_fact(x).values) == ("meta", b"")
    assert tensor_extent(x) == tensor_extent(x.t())
    assert tensor_extent(x) != tensor_extent(torch.zeros(3, 4, device="meta"))


def test_lazy_bits() -> None:
    z = torch.tensor([1 + 2j])
    imaginary = z.conj().imag
    assert tensor_fact(imaginary).neg
    assert tensor_fact(imaginary).values == numpy.array([-2], "f4").tobytes()


def test_nan_and_negative_zero_are_kept() -> None:
    x = torch.tensor([float("nan"), float("-inf"), -0.0])
    assert tensor_fact(x).values == x.numpy().tobytes()


def test_too_large_a_tensor_is_refused_before_it_is_copied() -> None:
    with pytest.raises(Unobservable, match="1,000,000,000,000 elements"):
        tensor_fact(torch.ones(1).expand(10**12))
    with pytest.raises(Unobservable, match="elements"), torch.sparse.check_sparse_tensor_invariants(enable=True):
        tensor_fact(torch.sparse_coo_tensor(torch.zeros(1, 0, dtype=torch.int64), torch.ones(0), (10**10,)))


def test_a_storage_that_was_taken_away_is_refused() -> None:
    for x in (torch.ones(3), torch.ones(4, 4).t(), torch.ones(9)[::2]):
        x.untyped_storage().resize_(1)
        with pytest.raises(Unobservable, match="storage"):
            tensor_fact(x)


def test_a_tensor_that_lies_changes_nothing() -> None:
    class Liar(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            raise AssertionError("asked")

        shape = (7, 7)  # type: ignore[assignment]
        dtype = torch.int8  # type: ignore[assignment]

    x = torch.tensor([1.0, 2.0])
    fact = tensor_fact(x.as_subclass(Liar))
    assert (fact.shape, fact.dtype, fact.values) == ((2,), "float32", tensor_fact(x).values)
    assert fact.type.endswith("Liar")
    assert is_tensor(x.as_subclass(Liar))
    assert tensor_extent(x.as_subclass(Liar)) == tensor_extent(x)
    assert input_state(x.as_subclass(Liar)) == input_state(x)


def test_a_wrapper_with_a_dispatch_hook_is_not_asked_either() -> None:
    class Wrapper(torch.Tensor):
        @staticmethod
        def __new__(cls):  # type: ignore[no-untyped-def]
            return torch.Tensor._make_wrapper_subclass(cls, (3,))

        @classmethod
        def __torch_dispatch__(cls, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            raise AssertionError("asked")

    with pytest.raises(Unobservable):
        tensor_fact(Wrapper())


def test_what_claims_to_be_a_tensor_is_none() -> None:
    class Pretender:
        __class__ = torch.Tensor  # type: ignore[assignment]

    assert isinstance(Pretender(), torch.Tensor)
    assert not is_tensor(Pretender())


def test_functions_replaced_later_are_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise AssertionError("called")

    x = torch.ones(2, 3).t()
    before = tensor_fact(x)
    for name in ("detach", "contiguous", "cpu", "numpy", "shape", "dtype", "stride", "untyped_storage"):
        monkeypatch.setattr(torch.Tensor, name, broken)
    assert tensor_fact(x) == before


def test_arrays() -> None:
    assert array_fact(numpy.arange(4)[::-1]).stride == (-1,)
    assert array_fact(numpy.array([1, 2], ">i4")).values == numpy.array([1, 2], "<i4").tobytes()
    assert array_fact(numpy.array(3.0)).shape == ()
    assert array_extent(numpy.ones((0, 3))) is None
    with pytest.raises(Unobservable, match="dtype object"):
        array_fact(numpy.array([object()]))


def test_an_array_and_its_tensor_lie_in_the_same_memory() -> None:
    array = numpy.arange(6.0)
    tensor, inside = torch.from_numpy(array), array_extent(array[2:4])
    whole = tensor_extent(tensor)
    assert whole is not None
    assert inside is not None
    assert whole.start <= inside.start < inside.end <= whole.end
