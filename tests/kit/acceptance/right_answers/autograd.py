"""Right answers in unusual styles: grading must let each of them pass."""

import contextlib
import functools
import itertools
import operator

import torch
from torch import nn

from autograder import alternative


class Differentiator:
    """A function as an object, which keeps nothing between calls."""

    def __call__(self, f, x):
        with torch.enable_grad():
            mine = nn.Parameter(x.detach().clone())
            value = f(mine)
            if value.shape != torch.Size():
                raise type("NotAScalar", (ValueError,), {})(value.shape)
            total = torch.stack([value, 0 * mine.sum()]).sum()
            handle = torch.autograd.grad(total, mine)
        return value.detach().clone(), functools.reduce(operator.add, handle)


_differentiate = Differentiator()


@alternative("value_and_grad")
def value_and_grad_by_an_object(*arguments):
    return _differentiate(*arguments)


@alternative("value_and_grad")
def value_and_grad_by_a_graph_of_its_own(f, x):
    leaf = torch.empty_like(x, requires_grad=False).copy_(x.detach())
    outcome = {}

    def once(t):
        outcome["value"] = f(t)
        if outcome["value"].ndim:
            raise ValueError(outcome["value"].shape)
        return outcome["value"]

    _, pull = torch.func.vjp(once, leaf)
    value = once(leaf)
    (slope,) = pull(torch.ones_like(value))
    return value.detach(), slope.detach()


@alternative("per_sample_grads")
def per_sample_grads_by_generators(model, loss_fn, X, y):
    def rows(parameters):
        for x_one, y_one in zip(X.split(1), y.split(1), strict=True):
            yield torch.autograd.grad(loss_fn(model(x_one), y_one), parameters)

    names, parameters = map(list, zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad), strict=True))
    columns = (torch.stack(column) for column in zip(*rows(parameters), strict=True))
    return dict(zip(names, columns, strict=True))


def _peel(critic, samples):
    """The penalties of samples, one after the other, by recursion."""
    if not len(samples):
        return []
    leaf = samples[:1].detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(leaf), leaf, torch.ones_like(critic(leaf)), create_graph=True)
    return [(torch.einsum("...,...->", slope, slope).sqrt() - 1) ** 2, *_peel(critic, samples[1:])]


_mean = lambda terms: functools.reduce(operator.add, terms) / len(terms)  # noqa: E731 (as some write it)


@alternative("gradient_penalty")
def gradient_penalty_by_recursion(critic, x):
    return _mean(_peel(critic, x))


@alternative("accumulate_gradients")
def accumulate_with_hooks(model, loss_fn, batches):
    sizes = [xb.size(0) for xb, _ in batches]
    weight = iter([size / sum(sizes) for size in sizes])
    for p in itertools.chain(model.parameters()):
        p.grad = None
    total = 0.0
    with contextlib.ExitStack() as stack:
        current = []
        for p in filter(lambda p: p.requires_grad, model.parameters()):
            stack.callback(p.register_hook(lambda g: g * current[-1]).remove)
        for xb, yb in batches:
            current.append(next(weight))
            loss = loss_fn(model(xb), yb)
            loss.backward()
            total += current[-1] * loss.detach().cpu().double().item()
    return total


class StraightThrough(torch.autograd.Function):
    """Changes its own copy of the gradient in place."""

    @staticmethod
    def forward(ctx, x):
        ctx.window = x.detach().abs().le(1)
        return x.detach().clone().fill_(-1).masked_fill_(x >= 0, 1)

    @staticmethod
    def backward(ctx, incoming):
        own = incoming.clone()
        own.masked_fill_(ctx.window.logical_not(), 0)
        return own


@alternative("sign_ste")
def sign_ste_on_its_own_copy(x):
    return StraightThrough.apply(x)
