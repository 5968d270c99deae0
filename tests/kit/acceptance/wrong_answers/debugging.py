"""Wrong answers of a careful adversary: each breaks one clause of its task's docstring, and must lose points for it."""

import copy
import math

import torch

from autograder import misconception


@misconception("nonfinite_grads", "Converts to float32, in which large float64 numbers are infinite.")
def in_float32(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.float().isfinite().all()]


@misconception("nonfinite_grads", "Compares the largest absolute value with infinity, which a nan never equals.")
def largest_value(model):
    found = []
    for name, p in model.named_parameters():
        if p.grad is not None and p.grad.numel() and max(p.grad.abs().flatten().tolist()) == math.inf:
            found.append(name)
    return found


@misconception("nonfinite_grads", "Takes an empty gradient for a bad one.")
def empty_is_bad(model):
    return [
        name
        for name, p in model.named_parameters()
        if p.grad is not None and not (p.grad.numel() and p.grad.isfinite().all())
    ]


@misconception("nonfinite_grads", "Looks at the first dimension of each gradient only, by its first row.")
def first_row(model):
    found = []
    for name, p in model.named_parameters():
        if p.grad is not None:
            row = p.grad[0] if p.grad.dim() > 1 and len(p.grad) else p.grad
            if not row.isfinite().all():
                found.append(name)
    return found


@misconception("nonfinite_grads", "Asks whether the mean is finite, which a sum of large numbers makes infinite.")
def means(model):
    return [
        name
        for name, p in model.named_parameters()
        if p.grad is not None and p.grad.numel() and not p.grad.mean().isfinite()
    ]


@misconception("disconnected", "Cleans up after backward by setting .grad to zeros where there was none.")
def zeros_for_none(model, loss):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    before = [p.grad for _, p in trainable]
    for _, p in trainable:
        p.grad = None
    if loss.requires_grad:
        loss.backward(retain_graph=True, inputs=[p for _, p in trainable] or None)
    names = [name for name, p in trainable if p.grad is None]
    for (_, p), gradient in zip(trainable, before, strict=True):
        p.grad = torch.zeros_like(p) if gradient is None else gradient
    return names


@misconception("disconnected", "Saves the gradients as references, to which backward adds in place.")
def saves_references(model, loss):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trainable or not loss.requires_grad:
        return [name for name, _ in trainable]
    before = [p.grad for _, p in trainable]
    used = torch.autograd.grad(loss, [p for _, p in trainable], allow_unused=True, retain_graph=True)
    loss.backward(retain_graph=True, inputs=[p for _, p in trainable])
    for (_, p), gradient in zip(trainable, before, strict=True):
        p.grad = gradient
    return [name for (name, _), gradient in zip(trainable, used, strict=True) if gradient is None]


@misconception("disconnected", "Names shared parameters once for each name they have.")
def every_name(model, loss):
    trainable = [(name, p) for name, p in model.named_parameters(remove_duplicate=False) if p.requires_grad]
    if not trainable or not loss.requires_grad:
        return [name for name, _ in trainable]
    gradients = torch.autograd.grad(loss, [p for _, p in trainable], allow_unused=True, retain_graph=True)
    return [name for (name, _), gradient in zip(trainable, gradients, strict=True) if gradient is None]


@misconception("disconnected", "Takes tiny gradients for none.")
def tiny_is_none(model, loss):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trainable or not loss.requires_grad:
        return [name for name, _ in trainable]
    gradients = torch.autograd.grad(loss, [p for _, p in trainable], allow_unused=True, retain_graph=True)
    return [name for (name, _), g in zip(trainable, gradients, strict=True) if g is None or g.abs().max() < 1e-12]


@misconception("disconnected", "Makes the loss require grad if it has no graph, and then names only the first parameter.")
def requires_a_graph(model, loss):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trainable:
        return []
    if not loss.requires_grad:
        loss.requires_grad_()
    gradients = torch.autograd.grad(loss, [p for _, p in trainable], allow_unused=True, retain_graph=True)
    return [name for (name, _), g in zip(trainable, gradients, strict=True) if g is None][:1]


def _leaves(model):
    return [(name, module) for name, module in model.named_modules() if not list(module.children())]


def _hooked(model, call, bad=lambda y: y.is_floating_point() and not y.isfinite().all(), leaves=_leaves):
    found, handles = [], []
    for name, module in leaves(model):
        hook = lambda _m, _a, y, name=name: found.append(name) if bad(y) else None  # noqa: E731
        handles.append(module.register_forward_hook(hook))
    try:
        with torch.no_grad():
            call()
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


@misconception("first_nonfinite", "Calls forward itself, so that the model's own hooks do not run.")
def calls_forward(model, x):
    twin = copy.deepcopy(model)
    return _hooked(twin, lambda: twin.forward(x))


@misconception("first_nonfinite", "Looks at the largest value only, which comparisons with nan leave out.")
def largest_output(model, x):
    twin = copy.deepcopy(model)
    return _hooked(
        twin, lambda: twin(x), lambda y: y.is_floating_point() and bool((y.abs() > torch.finfo(y.dtype).max).any())
    )


@misconception("first_nonfinite", "Treats modules without parameters as containers.")
def modules_with_parameters(model, x):
    twin = copy.deepcopy(model)

    def leaves(net):
        return [(name, module) for name, module in _leaves(net) if list(module.parameters())]

    return _hooked(twin, lambda: twin(x), leaves=leaves)


@misconception("first_nonfinite", "Puts back only the buffers whose name says that they are running statistics.")
def puts_back_running_mean_only(model, x):
    before = {name: buffer.clone() for name, buffer in model.named_buffers() if "running" in name}
    try:
        return _hooked(model, lambda: model(x))
    finally:
        for name, buffer in model.named_buffers():
            if name in before:
                buffer.copy_(before[name])


@misconception("first_nonfinite", "Leaves recording switched off if the model raises.")
def recording_stays_off(model, x):
    twin = copy.deepcopy(model)
    before = torch.is_grad_enabled()
    found = []
    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, y, name=name: found.append(name) if not y.isfinite().all() else None)
    torch.set_grad_enabled(False)
    twin(x)
    torch.set_grad_enabled(before)
    return found[0] if found else None


@misconception("first_nonfinite", "Runs the model a second time to be sure.")
def runs_twice(model, x):
    twin = copy.deepcopy(model)
    _hooked(twin, lambda: twin(x))
    return _hooked(twin, lambda: twin(x))


def _without(model, loss, is_missing):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not loss.requires_grad:
        return [name for name, _ in named]
    found = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True, retain_graph=True)
    return [name for (name, p), gradient in zip(named, found, strict=True) if is_missing(p, gradient)]


@misconception("disconnected", "A gradient without elements counts as none.")
def without_empty_gradients(model, loss):
    return _without(model, loss, lambda p, gradient: gradient is None or gradient.numel() == 0)


@misconception("disconnected", "A gradient of nan counts as none.")
def without_gradients_of_nan(model, loss):
    return _without(model, loss, lambda p, gradient: gradient is None or (gradient.numel() and gradient.isnan().all()))


@misconception("disconnected", "Gradients are kept by the parameters' addresses; all empty ones have the same.")
def by_address(model, loss):
    found = {}
    _without(model, loss, lambda p, gradient: found.update({p.data_ptr(): gradient}))
    if not loss.requires_grad:
        return _without(model, loss, None)
    return _without(model, loss, lambda p, gradient: found[p.data_ptr()] is None)
