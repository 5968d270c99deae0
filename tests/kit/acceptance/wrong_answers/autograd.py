"""Wrong answers that are nearly right: each breaks a single clause of a docstring. Grading must not let them pass."""

import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from autograder import misconception


def _differentiate(f, x):
    leaf = x.detach().clone().requires_grad_()
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError("not 0-dim")
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True) if value.requires_grad else (None,)
    return value, gradient


@misconception("value_and_grad", "It asks autograd for the gradients of x's leaves too, so that x's own .grad grows.")
def backward_through_the_history_of_x(f, x):
    value = f(x) if x.requires_grad else f(x.clone().requires_grad_())
    if value.dim() != 0:
        raise ValueError("not 0-dim")
    _, gradient = _differentiate(f, x)
    if value.requires_grad and x.requires_grad:
        value.backward()
    return value.detach(), torch.zeros_like(x, requires_grad=False) if gradient is None else gradient


@misconception("value_and_grad", "It refuses only 1-dim results: a matrix is summed.", minor=True)
def refuses_vectors_only(f, x):
    leaf = x.detach().clone().requires_grad_()
    value = f(leaf)
    if value.dim() == 1:
        raise ValueError("a vector")
    value = value.sum()
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True) if value.requires_grad else (None,)
    return value.detach(), torch.zeros_like(leaf, requires_grad=False) if gradient is None else gradient


@misconception("value_and_grad", "It detaches the value only if the gradient exists.")
def detaches_the_value_only_if_x_is_used(f, x):
    value, gradient = _differentiate(f, x)
    if gradient is None:
        return value, torch.zeros_like(x, requires_grad=False)
    return value.detach(), gradient


@misconception("value_and_grad", "It keeps the .grad of parameters by putting zeros where there was None.")
def puts_zeros_for_no_gradient(f, x):
    leaf = x.detach().clone().requires_grad_()
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError("not 0-dim")
    leaves, todo, seen = set(), [value.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.add(node.variable)
        todo += [parent for parent, _ in node.next_functions]
    before = {other: torch.zeros_like(other) if other.grad is None else other.grad.clone() for other in leaves - {leaf}}
    if value.requires_grad:
        value.backward()
    for other, gradient in before.items():
        other.grad = gradient
    return value.detach(), torch.zeros_like(x, requires_grad=False) if leaf.grad is None else leaf.grad


@misconception("per_sample_grads", "It runs the model in eval mode, whatever mode it is in, and puts the mode back.")
def runs_in_eval_mode(model, loss_fn, X, y):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    rows = [torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), list(named.values())) for i in range(len(X))]
    for module, mode in modes:
        module.training = mode
    return {name: torch.stack(gradients) for name, gradients in zip(named, zip(*rows, strict=True), strict=True)}


@misconception(
    "per_sample_grads", "It works on a list of all parameters with a gradient, so a shared weight counts one use."
)
def one_use_of_a_shared_weight(model, loss_fn, X, y):
    names = dict(model.named_parameters(remove_duplicate=False))
    parameters = {name: p.detach().clone() for name, p in names.items() if p.requires_grad}

    def loss(own, x, target):
        return loss_fn(functional_call(model, own, (x[None],), tie_weights=False), target[None])

    rows = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, X, y)
    return {name: rows[name].detach() for name, p in model.named_parameters() if p.requires_grad}


@misconception("per_sample_grads", "The result is in the default dtype, whatever the parameter's is.")
def collects_in_the_default_dtype(model, loss_fn, X, y):
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    result = {name: torch.zeros(len(X), *p.shape) for name, p in named.items()}
    for i in range(len(X)):
        gradients = torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), list(named.values()))
        for name, gradient in zip(named, gradients, strict=True):
            result[name][i] = gradient
    return result


def _penalty(critic, x, lengths=lambda g: g.flatten(1).norm(dim=1), **options):
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True, **options)
    return ((lengths(gradient) - 1) ** 2).mean()


@misconception("gradient_penalty", "The parameters' gradients are cut: only the value of the norm is kept in the graph.")
def keeps_half_of_the_graph(critic, x):
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
    norms = gradient.flatten(1).norm(dim=1)
    return ((norms - 1).detach() * (norms - 1)).mean()


@misconception("gradient_penalty", "The norm is smoothed by a small number, which matters for flat critics.")
def smoothed_norm(critic, x):
    return _penalty(critic, x, lambda g: (g.flatten(1).square().sum(dim=1) + 1e-6).sqrt())


@misconception("gradient_penalty", "It returns one number in a tensor of shape (1,).")
def penalty_of_shape_one(critic, x):
    return _penalty(critic, x).reshape(1)


@misconception("gradient_penalty", "The critic's .grad is cleared on the way.")
def clears_the_critics_gradients(critic, x):
    if isinstance(critic, nn.Module):
        critic.zero_grad()
    return _penalty(critic, x)


@misconception("gradient_penalty", "It calls the critic's forward, so hooks do not run.")
def calls_the_critics_forward(critic, x):
    return _penalty(critic.forward if isinstance(critic, nn.Module) else critic, x)


def _accumulate(model, loss_fn, batches, clear=True):
    if clear:
        model.zero_grad()
    samples, total = sum(len(xb) for xb, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * (len(xb) / samples)
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "It runs the model in eval mode and puts the mode back.")
def accumulates_in_eval_mode(model, loss_fn, batches):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    total = _accumulate(model, loss_fn, batches)
    for module, mode in modes:
        module.training = mode
    return total


@misconception("accumulate_gradients", "It averages by the number of labels' entries instead of samples.")
def weighs_by_entries_of_the_targets(model, loss_fn, batches):
    model.zero_grad()
    entries, total = sum(yb.numel() + 1 for _, yb in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * ((yb.numel() + 1) / entries)
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "It takes the batches from the largest to the smallest.")
def sorts_the_batches(model, loss_fn, batches):
    return _accumulate(model, loss_fn, sorted(batches, key=lambda batch: -len(batch[0])))


@misconception("accumulate_gradients", "It clears .grad by subtracting what was there, only if it is not there twice.")
def clears_only_the_first_parameter(model, loss_fn, batches):
    next(iter(model.parameters())).grad = None
    return _accumulate(model, loss_fn, batches, clear=False)


class _AbsoluteGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.clamp(-2, 2) * (x.abs() <= 1)


@misconception("sign_ste", "Large incoming gradients are clipped.")
def clips_large_gradients(x):
    return _AbsoluteGradient.apply(x)


@misconception("sign_ste", "The ±1 are computed by a quotient that fails for tiny, zero or infinite numbers.")
def by_a_smoothed_quotient(x):
    soft = x.clamp(-1, 1)
    return soft + (x / (x.abs() + 1e-12) - soft).detach()


@misconception("sign_ste", "The result is computed in float32.")
def in_single_precision(x):
    soft = x.clamp(-1, 1)
    hard = torch.where(x >= 0, 1.0, -1.0)
    return hard + (soft - soft.detach())


@misconception("sign_ste", "The window is a little too wide.")
def window_with_a_margin(x):
    soft = torch.where(x.abs() <= 1 + 1e-6, x, x.detach())
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return hard + (soft - soft.detach()).nan_to_num()


@misconception("value_and_grad", "The value still requires grad where f returns a parameter itself.")
def value_of_params(f, x):
    leaf = x.detach().requires_grad_()
    v = f(leaf)
    if v.dim():
        raise ValueError
    if v.grad_fn is None:
        return v, torch.zeros_like(x)
    (g,) = torch.autograd.grad(v, leaf, materialize_grads=True)
    return v.detach(), g


def _vg(f, leaf, x):
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError
    if not value.requires_grad:
        return value.detach(), torch.zeros_like(x).detach()
    (g,) = torch.autograd.grad(value, leaf, materialize_grads=True)
    return value.detach(), g


@misconception("value_and_grad", "x keeps the flag where f raises.")
def flag_left_on_if_f_raises(f, x):
    if not x.requires_grad:
        x.requires_grad_(True)
        try:
            result = _vg(f, x, x)
        except ValueError:
            x.requires_grad_(False)
            raise
        x.requires_grad_(False)
        return result
    return _vg(f, x.detach().requires_grad_(), x)


@misconception("value_and_grad", "Infinite and nan slopes are made finite.")
def finite_slopes(f, x):
    value, g = _vg(f, x.detach().requires_grad_(), x)
    return value, g.nan_to_num()


@misconception("value_and_grad", "Slopes that are nan become 0.")
def nan_is_zero(f, x):
    value, g = _vg(f, x.detach().requires_grad_(), x)
    return value, torch.where(g.isnan(), 0.0, g)


@misconception("value_and_grad", "The value gets x's dtype, whatever f returns.")
def value_in_dtype_of_x(f, x):
    value, g = _vg(f, x.detach().requires_grad_(), x)
    return value.to(x.dtype), g


def _trainable(model):
    return {n: p for n, p in model.named_parameters() if p.requires_grad}


@misconception("per_sample_grads", "The .grad of a frozen parameter is lost.")
def clears_frozen(model, loss_fn, X, y):
    named = _trainable(model)
    kept = {n: p.grad for n, p in named.items()}
    rows = []
    for i in range(len(X)):
        model.zero_grad()
        loss_fn(model(X[i : i + 1]), y[i : i + 1]).backward()
        rows.append({n: p.grad.clone() for n, p in named.items()})
    for n, p in named.items():
        p.grad = kept[n]
    return {n: torch.stack([r[n] for r in rows]) for n in named}


def _penalty_too(critic, x, norm=lambda g: g.flatten(1).norm(dim=1)):
    leaf = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
    return ((norm(g) - 1) ** 2).mean()


@misconception("gradient_penalty", "Very large norms are cut.")
def penalty_clamped(critic, x):
    return _penalty_too(critic, x, lambda g: g.flatten(1).norm(dim=1).clamp(max=50))


@misconception("gradient_penalty", "The critic's frozen parameters are thawed.")
def thaws_critic(critic, x):
    if isinstance(critic, nn.Module):
        critic.requires_grad_(True)
    return _penalty_too(critic, x)


@misconception("gradient_penalty", "The critic is put into eval mode.")
def critic_in_eval(critic, x):
    if isinstance(critic, nn.Module):
        mode = critic.training
        critic.eval()
        try:
            return _penalty_too(critic, x)
        finally:
            critic.train(mode)
    return _penalty_too(critic, x)


@misconception("accumulate_gradients", "What was there is multiplied by 0, which nan survives.", minor=True)
def times_zero(model, loss_fn, batches):
    for p in model.parameters():
        if p.grad is not None:
            p.grad.mul_(0)
            if not p.requires_grad:
                p.grad = None
    return _accumulate_too(model, loss_fn, batches)


def _accumulate_too(model, loss_fn, batches):
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * (len(xb) / n)
        loss.backward()
        total += loss.item()
    return total


@misconception("accumulate_gradients", "Old gradients are subtracted at the end, also if they are nan.", minor=True)
def subtracts_old(model, loss_fn, batches):
    old = {p: p.grad.clone() for p in model.parameters() if p.grad is not None}
    total = _accumulate_too(model, loss_fn, batches)
    for p, g in old.items():
        p.grad = p.grad - g if p.requires_grad else None
    return total


@misconception("accumulate_gradients", "The gradient of a shared weight is divided twice.", minor=True)
def divides_twice(model, loss_fn, batches):
    model.zero_grad()
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * len(xb)
        loss.backward()
        total += loss.item()
    for _, p in model.named_parameters(remove_duplicate=False):
        if p.grad is not None:
            p.grad /= n
    return total / n


@misconception("accumulate_gradients", "A loss of nan is left out of the mean.", minor=True)
def skips_nan(model, loss_fn, batches):
    model.zero_grad()
    n, total = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * (len(xb) / n)
        loss.backward()
        total += 0.0 if loss.isnan() else loss.item()
    return total


@misconception("sign_ste", "A hook on x masks what x gets from elsewhere, too.")
def hook_on_x(x):
    hard = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    if not x.requires_grad:
        return hard
    x.register_hook(lambda g: g * (x.abs() <= 1))
    return hard + (x - x.detach()).nan_to_num()


@misconception("sign_ste", "The incoming gradient has to be stored by rows.")
def views_grad(x):
    return _Viewing.apply(x)


class _Viewing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return (g.view(-1) * (x.reshape(-1).abs() <= 1)).view(x.shape)


def _rows(model, loss_fn, X, y, change=lambda gradient: gradient):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    rows = []
    for i in range(len(X)):
        loss = loss_fn(model(X[i : i + 1]), y[i : i + 1])
        rows.append([change(gradient) for gradient in torch.autograd.grad(loss, [p for _, p in trainable])])
    return {name: torch.stack(column) for (name, _), column in zip(trainable, zip(*rows, strict=True), strict=True)}


@misconception("per_sample_grads", "A gradient of nan becomes 0.")
def repairs_rows(model, loss_fn, X, y):
    return _rows(model, loss_fn, X, y, torch.nan_to_num)


@misconception("per_sample_grads", "Parameters beside layers are left out.")
def rows_of_layers(model, loss_fn, X, y):
    leaves = [name for name, module in model.named_modules() if not list(module.children())]
    rows = _rows(model, loss_fn, X, y)
    return {name: gradient for name, gradient in rows.items() if name.rpartition(".")[0] in leaves}


@misconception("per_sample_grads", "Hooks stay in the model.")
def rows_with_hooks(model, loss_fn, X, y):
    for module in model.modules():
        module.register_full_backward_hook(lambda *_: None)
    return _rows(model, loss_fn, X, y)


@misconception("accumulate_gradients", "A gradient of nan becomes 0.", minor=True)
def repairs_sums(model, loss_fn, batches):
    samples, total = sum(len(x) for x, _ in batches), 0.0
    model.zero_grad()
    for x, y in batches:
        loss = loss_fn(model(x), y) * (len(x) / samples)
        loss.backward()
        total += loss.item()
    for p in model.parameters():
        if p.grad is not None:
            p.grad.nan_to_num_()
    return total


@misconception("accumulate_gradients", "Hooks that weigh the gradients stay on the parameters.")
def weighs_by_hooks(model, loss_fn, batches):
    samples, total, share = sum(len(x) for x, _ in batches), 0.0, [1.0]
    model.zero_grad()
    for p in model.parameters():
        if p.requires_grad:
            p.register_hook(lambda gradient: gradient * share[0])
    for x, y in batches:
        share[0] = len(x) / samples
        loss = loss_fn(model(x), y)
        loss.backward()
        total += loss.item() * share[0]
    share[0] = 1.0
    return total


def _norms(critic, x):
    leaf = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
    return gradient.flatten(start_dim=1).norm(dim=1)


@misconception("gradient_penalty", "Samples with nan are left out.")
def penalty_without_nan(critic, x):
    return (_norms(critic, x) - 1).square().nanmean()


class _TinySign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx, incoming):
        (x,) = ctx.saved_tensors
        return incoming.masked_fill((x.abs() > 1) | (incoming.abs() < 1e-7), 0)


@misconception("sign_ste", "Tiny gradients become 0.")
def sign_without_tiny_gradients(x):
    return _TinySign.apply(x)


@misconception("value_and_grad", "The gradient is 0 where x is nan.")
def gradient_without_nan(f, x):
    leaf = x.detach().requires_grad_()
    value = f(leaf)
    if value.dim():
        raise ValueError
    if not value.requires_grad:
        return value, torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(value, leaf, materialize_grads=True)
    return value.detach(), gradient.masked_fill(x.detach().isnan(), 0)
