"""Right answers in unusual styles: every check has to pass on each of them."""

import functools
import operator

import torch

from autograder import alternative


def _reducer(reduction):
    try:
        return {"mean": lambda x: x.mean(0), "sum": lambda x: x.sum(0), "none": lambda x: x}[reduction]
    except KeyError:
        raise ValueError(reduction) from None


@alternative("cross_entropy")
def entropy_by_folding(logits, labels, reduction="mean"):
    total = functools.reduce(torch.logaddexp, logits.unbind(1))
    return _reducer(reduction)(total - logits.gather(1, labels.view(-1, 1)).view(-1))


@alternative("cross_entropy")
class EntropyByCalling:
    def __new__(cls, logits, labels, reduction="mean"):
        return object.__new__(cls)(logits, labels, _reducer(reduction))

    def __call__(self, logits, labels, finish):
        centred = logits - logits.detach().amax(-1, keepdim=True)
        own = torch.einsum("ij,ij->i", centred, torch.eye(logits.shape[1], device=labels.device)[labels].to(logits.dtype))
        return finish(centred.exp().sum(-1).log() - own)


binary = lambda z, t: (torch.maximum(z, z.new_zeros(())) - z * t + z.abs().neg().exp().log1p()).mean()  # noqa: E731


@alternative("bce_with_logits")
def bce_by_a_lambda(logits, targets):
    if operator.ne(logits.shape, targets.shape):
        raise ValueError
    return binary(logits, targets)


@alternative("bce_with_logits")
def bce_by_halves(logits, targets):
    def mean(parts):
        return sum(parts) / logits.numel()

    def single(z, t):
        above = z >= 0
        right, wrong = z[above], z[~above]
        yield (right * (1 - t[above]) + torch.log1p(torch.exp(-right))).sum()
        yield (torch.log1p(torch.exp(wrong)) - wrong * t[~above]).sum()

    if logits.shape != targets.shape:
        raise ValueError
    return mean(single(logits.reshape(-1), targets.reshape(-1)))


@alternative("masked_mse")
def mse_by_recursion(pred, target, mask):
    def total(p, t, m):
        if m.dim() == 0:
            return (p - t) ** 2 if m else torch.zeros_like(p) * 0
        return sum((total(*parts) for parts in zip(p, t, m, strict=True) if parts[2].any()), start=p.new_zeros(()))

    if {pred.shape} != {target.shape, mask.shape} or not mask.any():
        raise ValueError
    return total(pred, target, mask) / mask.sum()


@alternative("masked_mse")
def mse_on_its_own_copy(pred, target, mask):
    if pred.shape != target.shape or mask.shape != pred.shape or mask.logical_not().all():
        raise ValueError
    rest = torch.masked_select(pred, mask)
    rest = rest.clone().sub_(torch.masked_select(target, mask)).pow_(2)
    return torch.mean(rest)
