"""Checks that only run in grading."""

import torch

from autograder import checks, only


@checks("row_means")
def test_float64(code, given):
    """A float64 tensor, stored by columns, keeps its precision."""
    x = given.transposed(given.normal(4, 2, dtype=torch.float64, name="x"))
    return {"row_means(x)": code.row_means(x)}


@checks("row_means")
def test_gradient(code, given):
    """Gradients flow from the result to x."""
    x = given.normal(3, 5, requires_grad=True, name="x")
    means = code.row_means(x)
    weights = given.normal(3, name="weights")
    (gradient,) = torch.autograd.grad((means * weights).sum(), x)
    return only({"gradient": gradient}, "shape", "values")
