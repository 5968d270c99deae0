"""Right answers in unusual styles: every check has to pass on each of them."""

from functools import partial
from itertools import repeat

import torch
from torch.optim.lr_scheduler import LRScheduler

from autograder import alternative


def _mover(p, lr, momentum):
    buf = None

    def move():
        nonlocal buf
        if p.grad is None:
            return
        buf = p.grad.clone() if buf is None else torch.add(p.grad, buf, alpha=momentum)
        with torch.no_grad():
            p.add_(buf, alpha=-lr)

    return move


@alternative("SGD")
class DescentByClosures:
    def __init__(self, params, lr, momentum=0.0):
        held = list(params)
        movers = list(map(_mover, held, repeat(lr), repeat(momentum)))
        self.step = lambda: [move() for move in movers] and None
        self.zero_grad = partial(self._clear, held)

    @staticmethod
    def _clear(held):
        for p in held:
            p.grad = None


class _Slot:
    __slots__ = ("buf", "p")

    def __init__(self, p):
        self.p, self.buf = p, 0.0


@alternative("SGD")
class DescentInSlots(torch.nn.Module):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__()
        self.slots, self.rates = tuple(map(_Slot, params)), (lr, momentum)

    def step(self):
        lr, momentum = self.rates
        for slot in filter(lambda slot: slot.p.grad is not None, self.slots):
            slot.buf = momentum * slot.buf + slot.p.grad.detach()
            slot.p.data -= lr * slot.buf

    def zero_grad(self):
        [setattr(slot.p, "grad", None) for slot in self.slots]


@alternative("param_groups")
def groups_by_walking(model, head, base_lr, head_lr):
    groups, seen = ([], []), set()

    def walk(module, path):
        for name, p in module._parameters.items():
            if p is not None and id(p) not in seen:
                seen.add(id(p))
                if p.requires_grad:
                    groups[f"{path}{name}".startswith(head + ".")].append(p)
        for name, child in module._modules.items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                walk(child, f"{path}{name}.")

    walk(model, "")
    if not groups[1]:
        raise ValueError(head)
    return [dict(zip(("params", "lr"), pair, strict=True)) for pair in zip(groups, (base_lr, head_lr), strict=True)]


@alternative("scale_lr")
class ScaleByCalling:
    def __new__(cls, optimizer, factor):
        if factor < 0:
            raise ValueError(factor)
        return [*cls.scaled(iter(optimizer.param_groups), factor)]

    @classmethod
    def scaled(cls, groups, factor):
        for group in groups:
            group |= {"lr": factor * group["lr"]}
            yield group["lr"]


@alternative("warmup_then_decay")
def plan_of_multiplied_rates(optimizer, warmup, total):
    if warmup not in range(total):
        raise ValueError
    rates = [group["lr"] for group in optimizer.param_groups]

    class Plan(LRScheduler):
        def get_lr(self):
            t = self.last_epoch
            share = min(1, (t + 1) / warmup) if t < warmup else 1 - min(t - warmup, total - warmup) / (total - warmup)
            return [rate * share for rate in rates]

    return Plan(optimizer)


@alternative("SGD")
class DescentOfPyTorchsKind(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    old = self.state[p].get("buf")
                    self.state[p]["buf"] = p.grad.clone() if old is None else group["momentum"] * old + p.grad
                    p.add_(self.state[p]["buf"], alpha=-group["lr"])
