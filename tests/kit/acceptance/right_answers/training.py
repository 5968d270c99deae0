"""Right answers in unusual styles: every check has to pass on each of them."""

import contextlib
import functools
import itertools
import math
import operator

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from autograder import alternative


@alternative("train_step")
class StepByCalling:
    def __new__(cls, *arguments):
        return object.__new__(cls)(*arguments)

    def __call__(self, model, optimizer, loss_fn, xb, yb):
        with self.cleared(optimizer):
            loss = functools.reduce(
                lambda value, function: function(value), (model.train(), lambda out: loss_fn(out, yb)), xb
            )
            loss.backward()
        return loss.detach().cpu().double().numpy().item()

    @contextlib.contextmanager
    def cleared(self, optimizer):
        for p in itertools.chain.from_iterable(map(operator.itemgetter("params"), optimizer.param_groups)):
            p.grad = None
        yield
        optimizer.step()


@alternative("minibatches")
def batches_by_recursion(X, y, batch_size, generator):
    def cut(order):
        if order:
            yield order[:batch_size]
            yield from cut(order[batch_size:])

    if operator.ne(*map(len, (X, y))) or not batch_size >= 1:
        raise ValueError(batch_size)
    order = torch.rand(len(X), dtype=torch.float64, generator=generator).argsort().tolist()
    yield from (
        ((X[chosen], y[chosen]) for chosen in cut(order))
        if len(X) < 900 * batch_size
        else (
            (X[order[start : start + batch_size]], y[order[start : start + batch_size]])
            for start in range(0, len(order), batch_size)
        )
    )


@alternative("fit")
def fit_by_a_generator_of_epochs(model, X, y, *, epochs, batch_size, lr, seed):
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def batch(chosen):
        optimizer.zero_grad(set_to_none=False)
        losses = F.nll_loss(F.log_softmax(model.train()(X[chosen]), dim=-1), y[chosen], reduction="none")
        torch.einsum("i->", losses).div(len(chosen)).backward()
        optimizer.step()
        return losses.detach().double().sum().item()

    def runs():
        for _ in itertools.repeat(None, epochs):
            yield math.fsum(map(batch, torch.split(torch.randperm(len(y), generator=rng), batch_size))) / len(y)

    return [*runs()]


@alternative("fit_early_stopping")
def early_by_a_table(model, train_epoch, val_loss, *, max_epochs, patience):
    def tensors():
        return itertools.chain(model.parameters(), model.buffers())

    best = (-1, math.inf, ())
    for epoch in range(max_epochs):
        if epoch - best[0] > patience:
            break
        train_epoch()
        loss = val_loss()
        best = min((epoch, loss, None), best, key=lambda entry: (math.inf if math.isnan(entry[1]) else entry[1], entry[0]))
        best = best if best[2] is not None else (epoch, loss, [tensor.detach().clone() for tensor in tensors()])
        if best[1] == math.inf:
            best = (-1, math.inf, ())
    for tensor, old in zip(tensors(), best[2], strict=False):
        tensor.data[...] = old
    return best[:2]


@alternative("seeded_loader")
def loader_that_collates_itself(X, y, batch_size, seed, train=True):
    if X.size(0) != y.size(0):
        raise ValueError(f"{X.size(0)} != {y.size(0)}")
    return DataLoader(
        dataset=range(len(X)),
        batch_size=batch_size,
        shuffle=train,
        generator=torch.Generator().manual_seed(seed),
        collate_fn=lambda places: (X[places], y[places]),
    )
