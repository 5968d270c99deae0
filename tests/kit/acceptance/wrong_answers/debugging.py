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


@misconception("nonfinite_grads", "A gradient that is stored by columns cannot be viewed as one row.")
def as_one_row(model):
    gradients = ((name, p.grad) for name, p in model.named_parameters() if p.grad is not None)
    return [name for name, gradient in gradients if not gradient.view(-1).isfinite().all()]


@misconception("nonfinite_grads", "NumPy has no bfloat16.")
def by_numpy(model):
    gradients = ((name, p.grad) for name, p in model.named_parameters() if p.grad is not None)
    return [name for name, gradient in gradients if (gradient.numpy() - gradient.numpy() != 0).any()]


@misconception("nonfinite_grads", "Parameters beside layers are left out.")
def parameters_of_leaves(model):
    leaves = {id(p) for _, module in _leaves(model) for p in module.parameters()}
    gradients = [(name, p.grad) for name, p in model.named_parameters() if id(p) in leaves and p.grad is not None]
    return [name for name, gradient in gradients if not gradient.isfinite().all()]


def _without(model, loss, missing):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trainable or not loss.requires_grad:
        return [name for name, _ in trainable]
    gradients = torch.autograd.grad(loss, [p for _, p in trainable], allow_unused=True, retain_graph=True)
    return [name for (name, _), gradient in zip(trainable, gradients, strict=True) if missing(gradient)]


@misconception("disconnected", "A gradient of nan counts as none.")
def nan_is_none(model, loss):
    return _without(model, loss, lambda gradient: gradient is None or gradient.isnan().any())


@misconception("disconnected", "A loss that is not finite counts as one without a graph.")
def nothing_of_a_broken_loss(model, loss):
    return _without(model, loss if loss.isfinite() else loss.detach(), lambda gradient: gradient is None)


@misconception("disconnected", "A parameter without elements counts as disconnected.")
def empty_is_none(model, loss):
    return _without(model, loss, lambda gradient: gradient is None or not gradient.numel())


@misconception("disconnected", "Hooks of the parameters stay.")
def leaves_hooks(model, loss):
    for p in model.parameters():
        if p.requires_grad:
            p.register_hook(lambda gradient: None)
    return _without(model, loss, lambda gradient: gradient is None)


@misconception("disconnected", "The loss keeps its gradient from now on.", minor=True)
def keeps_the_losss_gradient(model, loss):
    if loss.requires_grad:
        loss.retain_grad()
    return _without(model, loss, lambda gradient: gradient is None)


@misconception("first_nonfinite", "nn.Identity hands on what others made, so it is left out.")
def skips_identity(model, x):
    twin = copy.deepcopy(model)
    return _hooked(
        twin,
        lambda: twin(x),
        leaves=lambda net: [pair for pair in _leaves(net) if not isinstance(pair[1], torch.nn.Identity)],
    )


@misconception("first_nonfinite", "Containers without parts are left out.", minor=True)
def skips_empty_containers(model, x):
    twin = copy.deepcopy(model)
    return _hooked(
        twin,
        lambda: twin(x),
        leaves=lambda net: [pair for pair in _leaves(net) if not isinstance(pair[1], torch.nn.Sequential)],
    )


@misconception("first_nonfinite", "Every module's forward stays replaced.")
def replaces_forward(model, x):
    for _, module in _leaves(model):
        module.forward = module.forward
    twin = copy.deepcopy(model)
    return _hooked(twin, lambda: twin(x))


@misconception("first_nonfinite", "Hooks of the parameters stay.")
def leaves_hooks_of_parameters(model, x):
    for p in model.parameters():
        if p.requires_grad:
            p.register_hook(lambda gradient: None)
    twin = copy.deepcopy(model)
    return _hooked(twin, lambda: twin(x))


@misconception("first_nonfinite", "After a LookupError a hook stays.", minor=True)
def expects_other_errors(model, x):
    twin = copy.deepcopy(model)
    try:
        return _hooked(twin, lambda: twin(x))
    except LookupError:
        model.register_forward_hook(lambda *_: None)
        raise


@misconception("disconnected", "Gradients are kept by the parameters' addresses; all empty ones have the same.")
def by_address(model, loss):
    found = {}
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if trainable and loss.requires_grad:
        gradients = torch.autograd.grad(loss, list(trainable.values()), allow_unused=True, retain_graph=True)
        found = {p.data_ptr(): gradient for p, gradient in zip(trainable.values(), gradients, strict=True)}
    return [name for name, p in trainable.items() if found.get(p.data_ptr()) is None]
