"""Checks that only run in grading: the imported one, and those that `autograde verify` asked for."""

import torch

from autograder import checks, only, raises


@checks("moving_average")
def test_moving_average_6(code, given):
    """A width below 1 or above N is refused with a ValueError."""
    y = given.normal(4, name="y")
    seen = []
    for width in (0, 5):
        seen.append(raises(lambda width=width: code.moving_average(y, width)))
    return {"what was seen": seen}


@checks("moving_average")
def test_moving_average_of_single_elements(code, given):
    """Windows of one element give x itself."""
    y = given.normal(4, name="y")
    return {"moving_average(y, 1)": code.moving_average(y, 1)}


@checks("moving_average")
def test_gradient_of_moving_average(code, given):
    """Gradients flow from the result to x."""
    y = given.normal(5, requires_grad=True, name="y")
    (gradient,) = torch.autograd.grad(code.moving_average(y, 2).square().sum(), y)
    return only({"gradient": gradient}, "shape", "values")


@checks("softmax")
def test_rows_far_apart(code, given):
    """Rows of very different size do not disturb each other."""
    x = given.watch(given.normal(2, 3) * torch.tensor([[1.0], [200.0]]), "x")
    return {"softmax(x)": code.softmax(x)}


@checks("softmax")
def test_gradient_of_softmax(code, given):
    """Gradients flow from the result to x."""
    x = given.normal(2, 3, requires_grad=True, name="x")
    (gradient,) = torch.autograd.grad(code.softmax(x).square().sum(), x)
    return only({"gradient": gradient}, "shape", "values")
