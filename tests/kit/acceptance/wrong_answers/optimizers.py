"""Wrong answers that nothing in solutions/ lists: each breaks one clause of a docstring, and has to lose points."""

import copy
import re

import torch
from torch.optim.lr_scheduler import LambdaLR

from autograder import misconception


class _Descent:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.bufs = [None] * len(self.params)

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def buf(self, place, grad):
        old = self.bufs[place]
        self.bufs[place] = grad.clone() if old is None else self.momentum * old + grad
        return self.bufs[place]

    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p.sub_(self.lr * self.buf(place, p.grad))


@misconception("SGD", "Dampening: the gradient joins the velocity with the factor 1 - momentum from the second step on.")
class DescentWithDampening(_Descent):
    def buf(self, place, grad):
        old = self.bufs[place]
        self.bufs[place] = grad.clone() if old is None else self.momentum * old + (1 - self.momentum) * grad
        return self.bufs[place]


@misconception("SGD", "The gradient is detached in place and joined to the velocity in place.")
class DescentInTheGradient(_Descent):
    def buf(self, place, grad):
        if self.bufs[place] is not None:
            grad.add_(self.bufs[place], alpha=self.momentum)
        self.bufs[place] = grad.clone()
        return grad


@misconception("SGD", "Recording stays switched off after the first step.")
class DescentWithoutRecording(_Descent):
    def step(self):
        torch.set_grad_enabled(False)
        super().step()


@misconception("SGD", "Velocities are kept in a dict by the gradients' identity.")
class DescentByGradients(_Descent):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, lr, momentum)
        self.known = {}

    def buf(self, place, grad):
        old = self.known.get(id(grad))
        fits = old is not None and old.shape == grad.shape
        self.known[id(grad)] = self.momentum * old + grad if fits else grad.clone()
        return self.known[id(grad)]


@misconception("SGD", "A parameter that has no gradient in the first step is left out for good.")
class DescentOfTheFirstStep(_Descent):
    first = True

    def step(self):
        if self.first:
            self.params = [p for p in self.params if p.grad is not None]
            self.bufs, self.first = [None] * len(self.params), False
        super().step()


@misconception("SGD", "Gradients of zero count as no gradient in momentum only.")
class DescentRestingAtZero(_Descent):
    def buf(self, place, grad):
        return super().buf(place, grad) if grad.any() else grad


@misconception("SGD", "The velocity is rounded to float32.")
class DescentWithCoarseVelocities(_Descent):
    def buf(self, place, grad):
        self.bufs[place] = super().buf(place, grad).float()
        return self.bufs[place].to(grad.dtype)


@misconception("SGD", "zero_grad() forgets gradients of parameters that have never been moved.")
class DescentClearingWhatMoved(_Descent):
    def zero_grad(self):
        for p, buf in zip(self.params, self.bufs, strict=True):
            if buf is not None:
                p.grad = None


@misconception("SGD", "Expanded gradients are written to.")
class DescentInExpandedGradients(_Descent):
    def buf(self, place, grad):
        if self.bufs[place] is None:
            self.bufs[place] = grad.detach()
        else:
            self.bufs[place].mul_(self.momentum).add_(grad)
        return self.bufs[place]


@misconception("SGD", "Every parameter requires grad after a step.")
class DescentThatThaws(_Descent):
    def step(self):
        super().step()
        for p in self.params:
            p.requires_grad_()


def _trainable(model):
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _two(body, head, base_lr, head_lr):
    if not head:
        raise ValueError
    return [{"params": list(body), "lr": base_lr}, {"params": list(head), "lr": head_lr}]


@misconception("param_groups", "The head is looked up as a module, so shared parameters of other names come along.")
def groups_by_the_module(model, head, base_lr, head_lr):
    modules = dict(model.named_modules())
    if not head or head not in modules:
        raise ValueError
    inside = {id(p) for p in modules[head].parameters()}
    trainable = _trainable(model).values()
    return _two([p for p in trainable if id(p) not in inside], [p for p in trainable if id(p) in inside], base_lr, head_lr)


@misconception("param_groups", "The prefix is a pattern, in which a dot is any character.")
def groups_by_a_pattern(model, head, base_lr, head_lr):
    import re

    named = _trainable(model)
    inside = {name for name in named if head and re.match(f"{head}.", name)}
    return _two(
        [p for name, p in named.items() if name not in inside],
        [p for name, p in named.items() if name in inside],
        base_lr,
        head_lr,
    )


@misconception("param_groups", "Sets forget the order.")
def groups_from_sets(model, head, base_lr, head_lr):
    named = _trainable(model)
    inside = {p for name, p in named.items() if name.startswith(f"{head}.")}
    outside = sorted(set(named.values()) - inside, key=lambda p: (p.dim(), p.numel()))
    return _two(outside, sorted(inside, key=lambda p: (p.dim(), p.numel())), base_lr, head_lr)


@misconception("param_groups", "Parameters are handed over as .data, which no optimizer's step connects with the model.")
def groups_of_data(model, head, base_lr, head_lr):
    named = _trainable(model)
    return _two(
        [p.data for name, p in named.items() if not name.startswith(f"{head}.")],
        [p.data for name, p in named.items() if name.startswith(f"{head}.")],
        base_lr,
        head_lr,
    )


@misconception("param_groups", "The rates reach the optimizer's defaults only.")
def groups_with_the_smaller_rate_first(model, head, base_lr, head_lr):
    named = _trainable(model)
    low, high = sorted((base_lr, head_lr))
    return _two(
        [p for name, p in named.items() if not name.startswith(f"{head}.")],
        [p for name, p in named.items() if name.startswith(f"{head}.")],
        low,
        high,
    )


@misconception("scale_lr", "Only rates that differ from the default are multiplied.")
def scale_rates_of_their_own(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        if group["lr"] != optimizer.defaults["lr"]:
            group["lr"] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Equal rates are multiplied once: the new ones are looked up by the old.")
def scale_from_the_initial_rates(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The groups are new dicts, which the caller's variables do not show; moments are copied.")
def scale_copies_of_the_state(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.state = copy.deepcopy(dict(optimizer.state))
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "A rate of 0 cannot be scaled and becomes tiny instead.")
def scale_with_a_floor(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] = max(group["lr"] * factor, 1e-8)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The state's numbers of steps start again.")
def scale_and_count_anew(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    for state in optimizer.state.values():
        if "step" in state:
            state["step"].zero_()
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The refused factor is noticed after the first group.", minor=True)
def scale_until_refused(optimizer, factor):
    for group in optimizer.param_groups:
        group["lr"] *= factor
        if group["lr"] < 0 or factor < 0:
            raise ValueError
    return [group["lr"] for group in optimizer.param_groups]


@misconception("warmup_then_decay", "The full rate is reached one step late.")
def full_rate_one_step_late(optimizer, warmup, total):
    if not 0 <= warmup < total:
        raise ValueError
    return LambdaLR(optimizer, lambda t: max(0, min((t + 1) / (warmup + 1), (total - t) / (total - warmup))))


@misconception("warmup_then_decay", "The rate falls to a tenth, not to 0.")
def falls_to_a_tenth(optimizer, warmup, total):
    if not 0 <= warmup < total:
        raise ValueError
    return LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else max((total - t) / (total - warmup), 0.1))


@misconception("warmup_then_decay", "A warm-up of 0 steps is refused.")
def refuses_no_warmup(optimizer, warmup, total):
    if not 0 < warmup < total:
        raise ValueError
    return LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else max(total - t, 0) / (total - warmup))


@misconception("warmup_then_decay", "Every group gets the plan with the rate of the optimizer's defaults.")
def rate_of_the_defaults(optimizer, warmup, total):
    if not 0 <= warmup < total:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] = optimizer.defaults["lr"]
    return LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else max(total - t, 0) / (total - warmup))


class Base:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum, self.v = list(params), lr, momentum, {}

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            self.v[i] = self.momentum * self.v[i] + p.grad if i in self.v else p.grad.clone()
            p -= self.lr * self.v[i]

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@misconception("SGD", "Gradients with nan are skipped.")
class SkipsNan(Base):
    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None or not p.grad.isfinite().all():
                continue
            self.v[i] = self.momentum * self.v[i] + p.grad if i in self.v else p.grad.clone()
            p -= self.lr * self.v[i]


@misconception("SGD", "A momentum of 1 counts as none.")
class MomentumOne(Base):
    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            if 0 < self.momentum < 1:
                self.v[i] = self.momentum * self.v[i] + p.grad if i in self.v else p.grad.clone()
                p -= self.lr * self.v[i]
            else:
                p -= self.lr * p.grad


@misconception("SGD", "zero_grad() fills the old gradient with zeros before it lets it go.")
class ZeroDetach(Base):
    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()
                p.grad = None


@misconception("scale_lr", "The rate of a group without parameters stays.")
def skips_empty(optimizer, factor):
    if factor < 0:
        raise ValueError
    for g in optimizer.param_groups:
        if g["params"]:
            g["lr"] *= factor
    return [g["lr"] for g in optimizer.param_groups]


@misconception("warmup_then_decay", "A plan of a single step is refused.")
def types(optimizer, warmup, total):
    if warmup < 0 or total <= warmup or total <= 1:
        raise ValueError

    def f(s):
        return (s + 1) / warmup if s < warmup else max(total - s, 0) / (total - warmup)

    return LambdaLR(optimizer, f)


@misconception("warmup_then_decay", "A group that rests at a rate of 0 gets the default rate.")
def changes_initial(optimizer, warmup, total):
    if not 0 <= warmup < total:
        raise ValueError

    def f(s):
        return (s + 1) / warmup if s < warmup else max(total - s, 0) / (total - warmup)

    for g in optimizer.param_groups:
        g["initial_lr"] = optimizer.defaults["lr"] if g["lr"] == 0 else g["lr"]
    return LambdaLR(optimizer, f)


class _Plain:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum, self.velocities = list(params), lr, momentum, {}

    def change(self, p, velocity):
        p -= self.lr * velocity

    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                old = self.velocities.get(place)
                self.velocities[place] = p.grad.clone() if old is None else self.momentum * old + p.grad
                self.change(p, self.velocities[place])

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@misconception("SGD", "Gradients that are zero already are not cleared.")
class LeavesZeros(_Plain):
    def zero_grad(self):
        for p in self.params:
            if p.grad is not None and p.grad.any():
                p.grad = None


@misconception("param_groups", "Parameters that hold equal numbers are taken for one.")
def groups_by_value(model, head, base_lr, head_lr):
    chosen = [p for name, p in _trainable(model).items() if name.startswith(f"{head}.")]
    if not chosen:
        raise ValueError
    rest = [p for p in _trainable(model).values() if not any(torch.equal(p, other) for other in chosen)]
    return _two(rest, chosen, base_lr, head_lr)


class _Keyed(_Descent):
    """Velocities in a dict; what knows a parameter again is `key`."""

    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, lr, momentum)
        self.velocities = {}

    def key(self, p):
        return p.data_ptr()

    @torch.no_grad()
    def step(self):
        for p in self.params:
            if p.grad is not None:
                old = self.velocities.get(self.key(p))
                self.velocities[self.key(p)] = p.grad.clone() if old is None else self.momentum * old + p.grad
                p.sub_(self.lr * self.velocities[self.key(p)])


@misconception("SGD", "Velocities are kept by address: empty parameters share one, and a moved parameter has another.")
class DescentByAddress(_Keyed):
    pass


@misconception("SGD", "Velocities are kept by memory address and shape, and a moved parameter has another address.")
class DescentByAddressAndShape(_Keyed):
    def key(self, p):
        return p.data_ptr(), p.shape


@misconception("SGD", "Optimizers of the same parameters share their velocities, and a new one forgets them.")
class DescentWithSharedVelocities(_Keyed):
    def __init__(self, params, lr, momentum=0.0, known={}):  # noqa: B006
        super().__init__(params, lr, momentum)
        self.velocities = known
        for p in self.params:
            known.pop(p, None)

    def key(self, p):
        return p


@misconception("SGD", "Entries of the gradient beyond a million are cut off.")
class DescentOfClampedGradients(_Descent):
    def buf(self, place, grad):
        return super().buf(place, grad.clamp(-1e6, 1e6))


@misconception("param_groups", "The head's name is taken for a pattern, in which a dot is any character.")
def groups_by_an_unescaped_name(model, head, base_lr, head_lr):
    parts = {True: [], False: []}
    for name, p in _trainable(model).items():
        parts[re.match(rf"{head}\.", name) is not None].append(p)
    if not parts[True]:
        raise ValueError
    return _two(parts[False], parts[True], base_lr, head_lr)


@misconception("SGD", "Tiny gradients count as 0.")
class LeavesOutTinyGradients(_Plain):
    def change(self, p, velocity):
        super().change(p, velocity.masked_fill(velocity.abs() < 1e-8, 0))
