"""Right answers of a careful student who spells everything out, with torch.func and an autograd.Function of their own."""

import torch


def scale_pixels(img):
    # first I make room for the result, then I fill it in place (img itself stays as it is)
    if img.dtype is not torch.uint8:
        raise TypeError("img has to be uint8")
    out = torch.empty(img.shape, dtype=torch.float32, device=img.device)
    out.copy_(img)
    out.div_(255.0)
    return out


def match(x, like):
    same_dtype = x.dtype == like.dtype
    same_device = x.device == like.device
    if same_dtype and same_device:
        return x
    return x.to(like)


def round_to_int(x):
    if not x.is_floating_point():
        return x.long()
    if torch.isnan(x).any() or torch.isinf(x).any():
        raise ValueError("x contains nan or inf")
    x = x.double()
    down = torch.floor(x)
    rest = x - down
    odd = torch.remainder(down, 2) == 1
    up = (rest > 0.5) | ((rest == 0.5) & odd)
    return down.long() + up.long()


def mean_any(x):
    if x.nelement() == 0:
        raise ValueError("the mean of nothing is not defined")
    dtype = x.dtype if x.dtype.is_floating_point else torch.get_default_dtype()
    return torch.mean(x, dtype=dtype)


def with_default_dtype(dtype, fn):
    import contextlib

    @contextlib.contextmanager
    def default(dtype):
        saved = torch.get_default_dtype()
        try:
            torch.set_default_dtype(dtype)
            yield
        finally:
            torch.set_default_dtype(saved)

    with default(dtype):
        result = fn()
    return result


def value_and_grad(f, x):
    def checked(z):
        out = f(z)
        if out.dim() > 0:
            raise ValueError("f has to return a scalar")
        return out

    gradient, value = torch.func.grad_and_value(checked)(x.detach())
    return value.detach(), gradient.detach()


def per_sample_grads(model, loss_fn, X, y):
    trainable = {k: p.detach() for k, p in model.named_parameters() if p.requires_grad}
    fixed = {k: p.detach() for k, p in model.named_parameters() if not p.requires_grad}

    def loss_of_one(params, xi, yi):
        out = torch.func.functional_call(model, {**fixed, **params}, (xi.unsqueeze(0),))
        return loss_fn(out, yi.unsqueeze(0))

    return torch.func.vmap(torch.func.grad(loss_of_one), in_dims=(None, 0, 0))(trainable, X, y)


def gradient_penalty(critic, x):
    total = 0.0
    for i in range(x.shape[0]):
        xi = x[i : i + 1].detach().clone()
        xi.requires_grad_(True)
        score = critic(xi).reshape(())
        gi = torch.autograd.grad(score, xi, create_graph=True)[0]
        norm = torch.sqrt((gi * gi).sum())
        total = total + (norm - 1.0) ** 2
    return total / x.shape[0]


def accumulate_gradients(model, loss_fn, batches):
    params = [p for p in model.parameters() if p.requires_grad]
    sums = [torch.zeros_like(p) for p in params]
    n_samples = 0
    loss_sum = 0.0
    for xb, yb in batches:
        n = xb.shape[0]
        loss = loss_fn(model(xb), yb)
        grads = torch.autograd.grad(loss, params)
        for s, g in zip(sums, grads):
            s.add_(g, alpha=n)
        n_samples += n
        loss_sum += n * loss.item()
    for p, s in zip(params, sums):
        p.grad = s / n_samples
    return loss_sum / n_samples


def sign_ste(x):
    class SignSTE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.ones_like(x).masked_fill(x < 0, -1.0)

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return grad_output * (x.abs() <= 1).to(grad_output.dtype)

    return SignSTE.apply(x)
