"""Other right solutions, in other styles than the reference: every check passes on each of them."""

from itertools import groupby

import torch
from torch.optim.lr_scheduler import LambdaLR, LinearLR, LRScheduler, SequentialLR

from autograder import alternative


@alternative("predicted_frozen")
def frozen_by_the_formula():
    return torch.tensor(2.0) - 0.1 * 3


@alternative("predicted_momentum")
def momentum_in_a_loop():
    w, buf = torch.zeros(1), torch.zeros(1)
    for _ in range(3):
        buf = 0.5 * buf + 1
        w = w - buf
    return w


@alternative("SGD")
class SubclassOfTorch(torch.optim.SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, lr=lr, momentum=momentum)


@alternative("SGD")
class WrapperOfTorch:
    def __init__(self, params, lr, momentum=0.0):
        self._inner = torch.optim.SGD(list(params), lr=lr, momentum=momentum)

    def step(self):
        self._inner.step()

    def zero_grad(self):
        self._inner.zero_grad(set_to_none=True)


@alternative("SGD")
class WithZerosAndData:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = tuple(params), lr, momentum
        self.buffers = [torch.zeros_like(p.data) for p in self.params]

    def step(self):
        for p, buf in zip(self.params, self.buffers, strict=True):
            if p.grad is not None:
                buf.mul_(self.momentum).add_(p.grad.data)
                p.data.add_(buf, alpha=-self.lr)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@alternative("SGD")
class RateInsideTheVelocity:
    """The learning rate never changes, so it may be multiplied in when the gradient joins the velocity."""

    def __init__(self, params, lr, momentum=0.0):
        self.entries = [[p, None] for p in params]
        self.lr, self.momentum = lr, momentum

    def step(self):
        with torch.no_grad():
            for entry in self.entries:
                p, velocity = entry
                if p.grad is None:
                    continue
                push = self.lr * p.grad
                entry[1] = push if velocity is None else self.momentum * velocity + push
                p.copy_(p - entry[1])

    def zero_grad(self):
        for p, _ in self.entries:
            p.grad = None


@alternative("SGD")
class ByParameter:
    def __init__(self, params, lr, momentum=0.0):
        self.params = [*params]
        self.lr, self.momentum, self.state = lr, momentum, {}

    def step(self):
        for p in self.params:
            g = p.grad
            if g is None:
                continue
            g = g.detach()
            if not self.momentum:
                p.detach().sub_(self.lr * g)
            else:
                old = self.state.get(p)
                self.state[p] = g.clone() if old is None else old * self.momentum + g
                p.detach().sub_(self.lr * self.state[p])

    def zero_grad(self):
        for p in self.params:
            del p.grad


@alternative("SGD")
class OwnOptimizer(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "buf" not in state:
                    state["buf"] = torch.clone(p.grad).detach()
                else:
                    state["buf"].mul_(group["momentum"]).add_(p.grad)
                p.add_(state["buf"], alpha=-group["lr"])


@alternative("SGD")
class NewData:
    def __init__(self, params, lr, momentum=0.0):
        self.slots = dict(enumerate(params))
        self.lr, self.momentum = lr, momentum
        self.velocity = {}

    def step(self):
        for number, p in self.slots.items():
            if p.grad is None:
                continue
            kept = self.momentum * self.velocity[number] if number in self.velocity else torch.zeros_like(p.grad)
            self.velocity[number] = kept + p.grad
            p.data = p.data - self.lr * self.velocity[number]

    def zero_grad(self):
        for p in self.slots.values():
            p.grad = None


@alternative("SGD")
class AllAtOnce:
    def __init__(self, params, lr, momentum=0.0):
        self.params = list(params)
        self.velocities = [None] * len(self.params)
        self.lr, self.momentum = lr, momentum

    @torch.no_grad()
    def step(self):
        moving = [place for place, p in enumerate(self.params) if p.grad is not None]
        for place in moving:
            old, gradient = self.velocities[place], self.params[place].grad
            self.velocities[place] = gradient.clone() if old is None else torch.add(gradient, old, alpha=self.momentum)
        if moving:
            steps = torch._foreach_mul([self.velocities[place] for place in moving], -self.lr)
            torch._foreach_add_([self.params[place] for place in moving], steps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@alternative("param_groups")
def groups_by_comprehension(model, head, base_lr, head_lr):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    inside = [p for name, p in named if name.startswith(head + ".")]
    outside = [p for name, p in named if not name.startswith(head + ".")]
    if len(inside) == 0:
        raise ValueError("empty head")
    return [dict(params=outside, lr=base_lr), dict(params=inside, lr=head_lr)]  # noqa: C408 (another style is wanted)


@alternative("param_groups")
def groups_by_identity(model, head, base_lr, head_lr):
    inside = {name: p for name, p in model.named_parameters() if name[: len(head) + 1] == head + "."}
    wanted = {id(p) for p in inside.values() if p.requires_grad}
    if not wanted:
        raise ValueError(head)
    body = {"lr": base_lr, "params": []}
    top = {"lr": head_lr, "params": []}
    for p in model.parameters():
        if id(p) in wanted:
            top["params"].append(p)
        elif p.requires_grad:
            body["params"].append(p)
    return [body, top]


@alternative("param_groups")
def groups_by_parts_of_the_name(model, head, base_lr, head_lr):
    path = head.split(".")
    groups = {False: [], True: []}
    for name, p in model.named_parameters():
        if p.requires_grad:
            parts = name.split(".")
            groups[len(parts) > len(path) and parts[: len(path)] == path].append(p)
    if not groups[True]:
        raise ValueError
    return [{"params": groups[False], "lr": base_lr}, {"params": groups[True], "lr": head_lr}]


class EmptyHead(ValueError):
    """A subclass of the error that is asked for."""


@alternative("param_groups")
def groups_from_a_sorted_model(model, head, base_lr, head_lr):
    def of_head(pair):
        return pair[0].startswith(f"{head}.")

    trainable = filter(lambda pair: pair[1].requires_grad, model.named_parameters())
    found = {key: [p for _, p in pairs] for key, pairs in groupby(sorted(trainable, key=of_head), key=of_head)}
    if True not in found:
        raise EmptyHead
    return [
        {"params": found.get(False, []), "lr": base_lr, "name": "body"},
        {"params": found[True], "lr": head_lr, "name": head},
    ]


@alternative("scale_lr")
def scale_in_one_pass(optimizer, factor):
    if factor < 0.0:
        raise ValueError(factor)
    new = []
    for group in optimizer.param_groups:
        group.update(lr=group["lr"] * factor)
        new.append(group["lr"])
    return new


@alternative("scale_lr")
def scale_rates_first(optimizer, factor):
    if not factor >= 0:
        raise ValueError(factor)
    rates = [factor * group["lr"] for group in optimizer.param_groups]
    for index, rate in enumerate(rates):
        optimizer.param_groups[index]["lr"] = rate
    return rates


@alternative("scale_lr")
def scale_by_the_state_dict(optimizer, factor):
    if factor < 0:
        raise ValueError(factor)
    saved = optimizer.state_dict()
    for group in saved["param_groups"]:
        group["lr"] = group["lr"] * factor
    optimizer.load_state_dict(saved)
    return [group["lr"] for group in optimizer.param_groups]


def _check_plan(warmup, total):
    if warmup < 0 or total <= warmup:
        raise ValueError


@alternative("warmup_then_decay")
def plan_of_the_smaller_line(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(
        optimizer, lambda t: max(0.0, min((t + 1) / max(warmup, 1), (total - t) / (total - warmup), 1.0)), last_epoch=-1
    )


@alternative("warmup_then_decay")
def plan_of_two_parts(optimizer, warmup, total):
    _check_plan(warmup, total)
    if warmup < 2:
        if warmup == 1:
            return LambdaLR(optimizer, lambda t: 1.0 if t < 1 else max(0, (total - t) / (total - 1)))
        return LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=total)
    rise = LinearLR(optimizer, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1)
    fall = LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=total - warmup)
    return SequentialLR(optimizer, [rise, fall], milestones=[warmup])


class _Plan(LRScheduler):
    def __init__(self, optimizer, warmup, total):
        self.warmup, self.total = warmup, total
        super().__init__(optimizer)

    def get_lr(self):
        t = self.last_epoch
        share = (t + 1) / self.warmup if t < self.warmup else max((self.total - t) / (self.total - self.warmup), 0)
        return [share * rate for rate in self.base_lrs]


@alternative("warmup_then_decay")
def plan_of_a_class(optimizer, warmup, total):
    _check_plan(warmup, total)
    return _Plan(optimizer, warmup, total)


@alternative("warmup_then_decay")
def plan_from_a_list(optimizer, warmup, total):
    _check_plan(warmup, total)
    factors = [*torch.linspace(0, 1, warmup + 1, dtype=torch.float64)[1:].tolist()]
    factors += torch.linspace(1, 0, total - warmup + 1, dtype=torch.float64).tolist()
    return LambdaLR(optimizer, [lambda t: factors[min(t, total)] for _ in optimizer.param_groups])
