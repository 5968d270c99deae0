"""Right answers in awkward styles: no check may fail on them."""

import functools
import itertools
import operator

import torch
from torch import nn

from autograder import alternative


def _all_modules(module):
    yield module
    for child in module.children():
        yield from _all_modules(child)


def _with_modes(choose, call):
    """Call something while each module has the mode that `choose` says; then put all modes back."""

    @functools.wraps(call)
    def inner(model, *rest):
        stack = []
        for module in _all_modules(model):
            stack.append((module, module.training))
            module.training = choose(module)
        try:
            with torch.no_grad():
                return call(model, *rest)
        finally:
            while stack:
                module, mode = stack.pop()
                module.training = mode

    return inner


def _sums(model, X, y, batch_size):
    if len(X) == 0:
        return 0.0, 0
    logits = model(X[:batch_size])
    rows = torch.arange(len(logits))
    loss = (logits.logsumexp(dim=-1) - logits[rows, y[:batch_size]]).sum().item()
    hits = operator.countOf((logits.argsort(dim=-1)[:, -1] == y[:batch_size]).tolist(), True)
    further = _sums(model, X[batch_size:], y[batch_size:], batch_size)
    return loss + further[0], hits + further[1]


_evaluated = _with_modes(lambda module: False, _sums)


@alternative("evaluate")
def evaluate_by_recursion(model, X, y, batch_size):
    return tuple(total / len(y) for total in _evaluated(model, X, y, batch_size))


@alternative("evaluate")
class EvaluateWithACallableClass:
    def __new__(cls, model, X, y, batch_size):
        self = super().__new__(cls)
        self.model = model
        return self(X, y, batch_size)

    def __call__(self, X, y, batch_size):
        modes = {name: module.training for name, module in self.model.named_modules()}
        was = torch.is_grad_enabled()
        try:
            self.model.eval()
            torch._C._set_grad_enabled(False)
            loss, right = 0, 0
            for start in itertools.count(0, batch_size):
                if start >= len(X):
                    break
                out = self.model(X[start : start + batch_size]).log_softmax(-1)
                target = nn.functional.one_hot(y[start : start + batch_size], out.shape[-1]).to(out.dtype)
                loss -= torch.einsum("bc,bc->", out, target).item()
                right += torch.einsum("bc,bc->", nn.functional.one_hot(out.argmax(-1), out.shape[-1]).to(out), target).item()
        finally:
            torch._C._set_grad_enabled(was)
            for name, mode in modes.items():
                self.model.get_submodule(name).training = mode
        return loss / X.shape[0], right / X.shape[0]


_KINDS = {nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d}


@alternative("mc_dropout")
def dropout_with_a_generator(model, x, n):
    answers = _with_modes(lambda m: not _KINDS.isdisjoint(type(m).__mro__), lambda net: [net(x) for _ in range(n)])(model)
    mean = functools.reduce(torch.add, answers).div(n)
    return mean, functools.reduce(torch.add, (torch.square(one - mean) for one in answers)).div_(n).sqrt_()


@alternative("mc_dropout")
def dropout_with_one_switch_at_a_time(model, x, n):
    flipped = [m for m in model.modules() if m.training is not isinstance(m, tuple(_KINDS))]
    flip = lambda: [setattr(m, "training", not m.training) for m in flipped]  # noqa: E731
    flip()
    with torch.inference_mode():
        mean, spread = None, None
        outputs = torch.cat([model(x)[None] for _ in range(n)])
        mean = outputs.sum(0).true_divide(n)
        spread = torch.linalg.vector_norm(outputs - mean, dim=0) / n**0.5
    flip()
    return mean.clone(), spread.clone()


@alternative("ema_update_")
def averaged_by_foreach(ema, model, decay):
    if decay not in (0, 1) and (decay <= 0 or decay >= 1):
        raise type("OutOfRange", (ValueError,), {})(decay)
    with torch.no_grad():
        mine, theirs = ([*net.parameters()] for net in (ema, model))
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for own, other in zip(ema.buffers(), model.buffers(), strict=True):
            own.set_(other.clone())


@alternative("ema_update_")
def averaged_module_by_module(ema, model, decay):
    if decay != sorted((0, decay, 1))[1]:
        raise ValueError("0 <= decay <= 1")
    done = set()
    for name, module in ema.named_modules():
        other = model.get_submodule(name)
        for key, p in module._parameters.items():
            if p is not None and id(p) not in done:
                done.add(id(p))
                p.detach().mul_(decay).add_(other._parameters[key].detach() * (1 - decay))
        for key, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[key] = other._buffers[key].detach().clone()


@alternative("mc_dropout")
def dropout_with_running_moments(model, x, n):
    def moments(net):
        mean = spread = torch.zeros(())
        for count in range(1, n + 1):
            output = net(x)
            off = output - mean
            mean = mean + off / count
            spread = spread + off * (output - mean)
        return mean, (spread / n).sqrt()

    return _with_modes(lambda m: isinstance(m, tuple(_KINDS)), moments)(model)
