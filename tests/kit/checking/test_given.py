import random
from collections.abc import Callable

import numpy
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from autograder.checking.given import Given
from autograder.checking.tensor_facts import tensor_fact

DRAWS: dict[str, Callable[[Given], torch.Tensor]] = {
    "normal": lambda given: given.normal(3, 4),
    "uniform": lambda given: given.uniform(3, 4),
    "integers": lambda given: given.integers(3, 4),
    "bools": lambda given: given.bools(3, 4),
    "permutation": lambda given: given.permutation(12),
    "complex": lambda given: given.normal(3, 4, dtype=torch.complex64),
    "with_grad": lambda given: given.with_grad(given.normal(3)),
    "module": lambda given: given.module(lambda: nn.Linear(3, 4)).weight,
}
shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@drawn(st.sampled_from(sorted(DRAWS)), st.integers(0, 2**63 - 1))
@settings(max_examples=60)
def test_equal_seeds_give_equal_inputs_and_leave_the_global_generators_alone(kind: str, seed: int) -> None:
    before = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1].tobytes()  # type: ignore[index, union-attr]
    one, same, other = (DRAWS[kind](Given(number)) for number in (seed, seed, seed ^ 1))
    assert tensor_fact(one) == tensor_fact(same)
    assert kind in {"with_grad", "bools"} or tensor_fact(one) != tensor_fact(other)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert before[2] == numpy.random.get_state()[1].tobytes()  # type: ignore[index, union-attr]


@drawn(shapes)
@settings(max_examples=60)
def test_shapes_come_as_numbers_or_as_one_tuple(shape: tuple[int, ...]) -> None:
    given = Given(0)
    for draw in (given.normal, given.uniform, given.integers, given.bools):
        assert draw(*shape).shape == shape == draw(shape).shape
    assert given.full(*shape, value=2).shape == shape


def test_the_default_dtype_does_not_matter() -> None:
    with Given(0).default_dtype(torch.float64):
        given = Given(1)
        assert given.normal(2).dtype == given.uniform(2).dtype == given.tensor([1.5]).dtype == torch.float32
        assert given.full(2, value=1).dtype == torch.float32
    assert torch.get_default_dtype() == torch.float32


def test_ranges_and_dtypes() -> None:
    given = Given(3)
    pixels = given.integers(1000, low=250, high=256, dtype=torch.uint8)
    assert pixels.dtype == torch.uint8
    assert (int(pixels.min()), int(pixels.max())) == (250, 255)
    wide = given.uniform(1000, low=-2, high=3)
    assert -2 <= float(wide.min()) < -1.9
    assert 2.9 < float(wide.max()) <= 3
    assert sorted(given.permutation(5).tolist()) == [0, 1, 2, 3, 4]
    assert 0.1 < float(given.bools(1000, p=0.2).float().mean()) < 0.3
    assert given.normal(2, dtype=torch.float64, requires_grad=True).requires_grad
    assert given.tensor([1, 2]).dtype == torch.int64
    assert given.tensor([True]).dtype == torch.bool
    assert given.tensor([1, 2], dtype=torch.float16).dtype == torch.float16
    assert given.tensor([0.1], dtype=torch.float64).item() == 0.1
    assert {given.integer(2, 4) for _ in range(50)} == {2, 3}
    assert 5 <= given.number(5, 6) < 6
    assert given.choice(["a", "b"]) in {"a", "b"}


@pytest.mark.parametrize("way", ["non_contiguous", "transposed", "sliced"])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_other_forms_have_the_same_values(way: str, requires_grad: bool) -> None:
    given = Given(0)
    x = given.normal(3, 4, requires_grad=requires_grad, name="x")
    form = getattr(given, way)(x)
    assert torch.equal(form, x)
    assert form.is_contiguous() == (way == "sliced")
    assert (form.requires_grad, form.is_leaf) == (requires_grad, True)
    assert form.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    assert given.inputs() == {"x": form}
    assert (form.storage_offset() > 0) == (way == "sliced")


def test_non_contiguous_of_0_d() -> None:
    given = Given(0)
    x = given.normal()
    assert given.non_contiguous(x).storage_offset() == 1


def test_non_leaf_and_expanded() -> None:
    given = Given(0)
    x = given.normal(3, name="x")
    result = given.non_leaf(x)
    assert result.grad_fn is not None
    assert torch.equal(result, x)
    wide = given.expanded(given.normal(1, 4), 3, 4)
    assert wide.stride() == (0, 1)
    assert given.changes() == ()


def test_with_grad_is_no_change_of_its_own() -> None:
    given = Given(0)
    x = given.with_grad(given.normal(3, name="x"))
    model = given.with_grad(given.module(lambda: nn.Linear(2, 2)))
    assert x.grad is not None
    assert model.weight.grad is not None
    assert given.changes() == ()
    x.grad.zero_()
    assert given.changes() == ("x: gradient",)


def test_names() -> None:
    given = Given(0)
    given.normal(1)
    model = given.module(lambda: nn.Linear(1, 1))
    given.bools(1, name="mask")
    given.integers(1)
    assert list(given.inputs()) == ["input 1", "module 1", "mask", "input 2"]
    assert given.watch(model, "model") is model
    assert list(given.inputs()) == ["input 1", "mask", "input 2", "model"]
    with pytest.raises(TypeError, match="int cannot be watched"):
        given.watch(3, "three")


def test_watching_again_takes_the_authors_own_change() -> None:
    given = Given(0)
    x = given.normal(3, name="x")
    x.mul_(2)
    assert given.changes() == ("x: values",)
    given.watch(x, "x")
    assert given.changes() == ()


def test_generators() -> None:
    one, other = Given(5).generator(), Given(5).generator()
    assert torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=other))


def test_devices() -> None:
    given = Given(0, "meta", "cpu")
    assert given.normal(2).device.type == "meta"
    assert given.module(lambda: nn.Linear(1, 1)).weight.device.type == "meta"
    assert given.second_device.type == "cpu"


def test_contexts() -> None:
    given = Given(0)
    parameter = nn.Parameter(torch.ones(1))
    with given.counted_steps() as steps, given.unavailable(F.mse_loss):
        torch.optim.SGD([parameter], lr=0.1).step()
        with pytest.raises(RuntimeError, match="mse_loss is not available"):
            F.mse_loss(parameter, parameter)
    assert steps.count == 1
    spy = given.spy(abs)
    assert (spy(-1), spy.count) == (1, 1)


def test_scratch_has_the_same_name_again_unless_that_is_taken() -> None:
    first = Given(7)
    folder = first.scratch
    other = Given(7)
    assert other.scratch != folder
    first.close()
    again = Given(7)
    assert again.scratch == folder
    again.close()
    other.close()


def test_scratch_is_removed() -> None:
    given = Given(0)
    folder = given.scratch
    (folder / "model.pt").write_text("x")
    assert given.scratch == folder
    given.close()
    assert not folder.exists()
    given.close()
