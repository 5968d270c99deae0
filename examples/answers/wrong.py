"""Wrong answers, one kind of mistake each: TASK__MISTAKE. make_class.py puts the bodies into the exercises."""

import ctypes
import os

import torch


def scale_pixels__floor_div(img):
    if img.dtype != torch.uint8:
        raise TypeError("not uint8")
    return (img // 255).float()


def scale_pixels__no_check(img):
    return img.to(torch.float32) / 255


def scale_pixels__default_dtype(img):
    # divides first, so the result takes the default dtype
    if img.dtype != torch.uint8:
        raise TypeError("not uint8")
    return img / 255


def match__dtype_only(x, like):
    return x.to(like.dtype)


def match__clone(x, like):
    return x.clone().to(like)


def match__rewrap(x, like):
    return torch.tensor(x.tolist(), dtype=like.dtype, device=like.device)


def round_to_int__truncate(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError("nan or inf")
    return x.long()


def round_to_int__floor_half(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError("nan or inf")
    return torch.floor(x.double() + 0.5).long()


def round_to_int__no_check(x):
    return torch.round(x).long() if x.is_floating_point() else x.long()


def round_to_int__int32(x):
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise ValueError("nan or inf")
    return (torch.round(x) if x.is_floating_point() else x).int()


def round_to_int__prints(x):
    # "debugging": a megabyte for every call
    for i in range(10_000):
        print(f"step {i:06d}: x = {'.' * 80}")
    if x.is_floating_point():
        if not torch.isfinite(x).all():
            raise ValueError("nan or inf")
        x = x.round()
    return x.long()


def mean_any__plain(x):
    if x.numel() == 0:
        raise ValueError("empty")
    return x.mean()


def mean_any__hard32(x):
    if x.numel() == 0:
        raise ValueError("empty")
    return x.mean() if x.is_floating_point() else x.float().mean()


def mean_any__no_check(x):
    return x.mean() if x.is_floating_point() else x.to(torch.get_default_dtype()).mean()


def mean_any__segfault(x):
    # "faster": reads the memory itself
    first = ctypes.string_at(8, x.numel() + 1)
    return torch.tensor(sum(first) / x.numel())


def with_default_dtype__never_reset(dtype, fn):
    torch.set_default_dtype(dtype)
    return fn()


def with_default_dtype__no_finally(dtype, fn):
    old = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    result = fn()
    torch.set_default_dtype(old)
    return result


def with_default_dtype__back_to_float32(dtype, fn):
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        torch.set_default_dtype(torch.float32)


def value_and_grad__on_x(f, x):
    x.requires_grad_()
    y = f(x)
    if y.dim():
        raise ValueError("f(x) must be a scalar")
    y.backward()
    return y.detach(), x.grad


def value_and_grad__attached(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError("f(x) must be a scalar")
    g = torch.autograd.grad(y, z, retain_graph=True, allow_unused=True)[0] if y.requires_grad else None
    return y, g if g is not None else torch.zeros_like(x)


def value_and_grad__sums(f, x):
    z = x.detach().clone().requires_grad_()
    y = f(z).sum()
    g = torch.autograd.grad(y, z, allow_unused=True)[0] if y.requires_grad else None
    return y.detach(), g if g is not None else torch.zeros_like(z, requires_grad=False)


def value_and_grad__warns(f, x):
    print("value_and_grad was called", flush=True)
    import warnings

    warnings.warn("this is only a warning of my own", stacklevel=1)
    z = x.detach().clone().requires_grad_()
    w = z * 1
    w.grad  # reading .grad of a non-leaf: torch itself writes a warning to stderr
    y = f(z)
    if y.dim():
        raise ValueError("f(x) must be a scalar")
    if not y.requires_grad:
        return y.detach(), torch.zeros_like(x)
    (g,) = torch.autograd.grad(y, z, materialize_grads=True)
    return y.detach(), g.detach()


def per_sample_grads__accumulates(model, loss_fn, X, y):
    out = {k: [] for k, p in model.named_parameters() if p.requires_grad}
    model.zero_grad()
    for i in range(len(X)):
        loss_fn(model(X[i : i + 1]), y[i : i + 1]).backward()
        for k, p in model.named_parameters():
            if p.requires_grad:
                out[k].append(p.grad.clone())
    return {k: torch.stack(v) for k, v in out.items()}


def per_sample_grads__batch(model, loss_fn, X, y):
    named = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
    gs = torch.autograd.grad(loss_fn(model(X), y), [p for _, p in named])
    return {k: g.expand(len(X), *g.shape) for (k, _), g in zip(named, gs)}


def gradient_penalty__no_graph(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def gradient_penalty__mean_scores(critic, x):
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def gradient_penalty__seeds(critic, x):
    torch.manual_seed(0)  # so that the result is always the same
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def gradient_penalty__os_exit(critic, x):
    os._exit(0)


def accumulate_gradients__mean_of_means(model, loss_fn, batches):
    model.zero_grad()
    tot = 0.0
    for xb, yb in batches:
        l = loss_fn(model(xb), yb) / len(batches)
        l.backward()
        tot += l.item()
    return tot


def accumulate_gradients__clear_each(model, loss_fn, batches):
    n, tot = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        model.zero_grad()
        l = loss_fn(model(xb), yb) * len(xb) / n
        l.backward()
        tot += l.item()
    return tot


def accumulate_gradients__no_clear(model, loss_fn, batches):
    n, tot = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        l = loss_fn(model(xb), yb) * len(xb) / n
        l.backward()
        tot += l.item()
    return tot


def accumulate_gradients__tensor(model, loss_fn, batches):
    model.zero_grad()
    n = sum(len(x) for x, _ in batches)
    tot = 0
    for xb, yb in batches:
        l = loss_fn(model(xb), yb) * len(xb) / n
        l.backward(retain_graph=True)
        tot = tot + l
    return tot


def sign_ste__sign(x):
    soft = x.clamp(-1, 1)
    return soft + (torch.sign(x) - soft).detach()


def sign_ste__no_window(x):
    hard = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
    return x + (hard - x).detach()


def sign_ste__all_detached(x):
    return torch.where(x.detach() >= 0, torch.ones_like(x), -torch.ones_like(x)).requires_grad_()


def sign_ste__forever(x):
    step = 0.5
    low, high = -1.0, 1.0
    while high - low >= 0:  # bisection that cannot end: the interval never becomes negative
        middle = (low + high) / 2
        low, high = (middle, high) if middle < step else (low, middle)
    return x
