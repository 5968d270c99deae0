"""Right answers as somebody writes them who knows the library. make_class.py puts the bodies into the exercises."""

import torch


def scale_pixels(img):
    if img.dtype != torch.uint8:
        raise TypeError(f"expected uint8, got {img.dtype}")
    return img.to(torch.float32) / 255


def match(x, like):
    return x.to(device=like.device, dtype=like.dtype)


def round_to_int(x):
    if x.is_floating_point():
        if not x.isfinite().all():
            raise ValueError("nan or infinity cannot be rounded to an integer")
        x = x.round()
    return x.to(torch.int64)


def mean_any(x):
    if x.numel() == 0:
        raise ValueError("no elements")
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    return x.mean()


def with_default_dtype(dtype, fn):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return fn()
    finally:
        torch.set_default_dtype(before)


def value_and_grad(f, x):
    leaf = x.detach().clone().requires_grad_()
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError(f"f must return a 0-dim tensor, not shape {tuple(value.shape)}")
    if not value.requires_grad:
        return value.detach(), torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(value, leaf, materialize_grads=True)
    return value.detach(), gradient.detach()


def per_sample_grads(model, loss_fn, X, y):
    names, params = zip(*[(n, p) for n, p in model.named_parameters() if p.requires_grad])
    rows = [torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), params) for i in range(len(X))]
    return {name: torch.stack(column) for name, column in zip(names, zip(*rows))}


def gradient_penalty(critic, x):
    x = x.detach().clone().requires_grad_()
    (grad,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((grad.flatten(1).norm(dim=1) - 1) ** 2).mean()


def accumulate_gradients(model, loss_fn, batches):
    batches = list(batches)
    total = sum(len(xb) for xb, _ in batches)
    model.zero_grad(set_to_none=True)
    mean = 0.0
    for xb, yb in batches:
        loss = loss_fn(model(xb), yb) * (len(xb) / total)
        loss.backward()
        mean += loss.item()
    return mean


def sign_ste(x):
    soft = x.clamp(-1, 1)
    hard = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    return soft + (hard - soft).detach()
