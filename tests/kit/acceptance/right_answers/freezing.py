"""Right answers in unusual styles: grading must let each of them pass."""

import contextlib
import functools
import itertools

import torch
from torch import nn

from autograder import alternative


def _walk(module, path, wanted, hits):
    """Collect the parameters below a module by recursion, as (name, parameter); every wanted prefix that is met is noted."""
    for name, parameter in module._parameters.items():
        full = (*path, name)
        met = {prefix for prefix in wanted if full[: len(prefix)] == prefix}
        hits.extend([(full, parameter, met)] if parameter is not None else [])
    for name, child in module.named_children():
        _walk(child, (*path, name), wanted, hits)
    return hits


@alternative("freeze")
def freeze_by_recursion(model, prefixes):
    wanted = [tuple(prefix.split(".")) for prefix in prefixes]
    met = {id(p): (name, p, found) for name, p, found in reversed(_walk(model, (), wanted, []))}
    if not set(wanted) <= set(itertools.chain.from_iterable(found for *_, found in met.values())):
        raise KeyErrorAsValueError(prefixes)
    names = {id(p): name for name, p in model.named_parameters()}
    frozen = [(list(names).index(key), p) for key, (_, p, found) in met.items() if found]
    for _, p in frozen:
        p.requires_grad_(False)
    return [name for key, name in names.items() if any(p is met[key][1] for _, p in frozen)]


class KeyErrorAsValueError(ValueError, KeyError):
    """Both, as some libraries raise it."""


@contextlib.contextmanager
def _evaluating(module):
    before = list(map(lambda part: (part, part.training), module.modules()))  # noqa: C417 (as some write it)
    try:
        yield module.eval()
    finally:
        for part, mode in before:
            part.training = mode


class _Frozen(torch.autograd.Function):
    """A step without a way back."""

    @staticmethod
    def forward(ctx, x, backbone):
        return backbone(x.detach()).clone()

    @staticmethod
    def backward(ctx, incoming):
        return None, None


@alternative("head_only_forward")
def head_only_with_a_context_of_its_own(backbone, head, x):
    with _evaluating(backbone) as still, torch.no_grad():
        features = functools.reduce(lambda t, f: f(t), [still], x).detach()
    return head(features)


@alternative("head_only_forward")
def head_only_by_an_autograd_function(backbone, head, x):
    with _evaluating(backbone) as still:
        features = _Frozen.apply(x.detach(), still)
    return head(features)


class EntryFreezer:
    """A closure as an object; bound methods serve as hooks."""

    def __init__(self, param, mask):
        if not (mask.dtype == torch.bool and tuple(mask.shape) == tuple(param.shape)):
            raise ValueError(f"mask {mask.shape}")
        self.index = mask.nonzero(as_tuple=True)
        self.whole = bool(mask) if not mask.dim() else None

    def hook(self, gradient):
        if self.whole is not None:
            return torch.zeros_like(gradient) if self.whole else gradient
        return gradient.clone().index_put_(self.index, torch.zeros((), dtype=gradient.dtype, device=gradient.device))


@alternative("freeze_entries")
def freeze_entries_by_a_method(param, mask):
    return param.register_hook(EntryFreezer(param, mask).hook)


@alternative("unfreeze")
def unfreeze_by_comparing_pairs(model, optimizer, prefix, lr):
    chosen = nn.ParameterDict()
    for name, p in model.named_parameters():
        head, dot, _ = (name + ".").partition(prefix + ".")
        if not head and dot and prefix:
            chosen[name.replace(".", "/")] = p
    if not len(chosen):
        raise ValueError(prefix)
    held = list(itertools.chain(*(group["params"] for group in optimizer.param_groups)))
    new = [p for p in chosen.requires_grad_().values() if all(p is not other for other in held)]
    _ = new and optimizer.add_param_group(dict(params=new, lr=lr))  # noqa: C408 (as some write it)
    return len(new)
