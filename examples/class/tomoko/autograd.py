from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


w = torch.tensor(0.0, requires_grad=True)
path = []
for _ in range(30):
    path.append(w.item())
    loss = (w - 3) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad


import matplotlib.pyplot as plt

plt.figure(figsize=(6, 2.5), facecolor="white")
plt.plot(path, "o-", label="w")
plt.axhline(3, color="tab:green", linestyle="--", label="the minimum")
plt.xlabel("step")
plt.ylabel("w")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()


a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
b = (a**2).sum()
print(b)

b.backward()
print(a.grad)  # 2·a


x = torch.tensor([1.0, 2.0])  # data: no gradient wanted
w = torch.tensor([3.0, 4.0], requires_grad=True)  # a leaf
product = x * w  # computed from a leaf: not a leaf itself
product.sum().backward()

print("x:", x.requires_grad, x.is_leaf, x.grad)
print("w:", w.requires_grad, w.is_leaf, w.grad)
print("product:", product.requires_grad, product.is_leaf)


b = torch.tensor(1.0)
try:
    (b**3).backward()
except RuntimeError as error:
    print("RuntimeError:", error)
try:
    (a**2).backward()
except RuntimeError as error:
    print("RuntimeError:", error)


w = torch.tensor(2.0, requires_grad=True)
for _ in range(3):
    (10 * w).backward()
    print(w.grad)


w = torch.tensor(0.0, requires_grad=True)
cleared = []
for _ in range(30):
    cleared.append(w.item())
    w.grad = None
    loss = (w - 3) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad

plt.figure(figsize=(6, 2.5), facecolor="white")
plt.plot(path, "o-", label="gradients add up")
plt.plot(cleared, "s-", label="cleared in each step")
plt.axhline(3, color="tab:green", linestyle="--", label="the minimum")
plt.xlabel("step")
plt.ylabel("w")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()


a = torch.tensor(2.0, requires_grad=True)
x = a**3
z = 5 * a

x.backward()
z.backward()

predicted_gradient = 17


if predicted_gradient is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_gradient, "and a.grad is", a.grad)


w = torch.tensor(3.0, requires_grad=True)
y = w**2
loss = y.detach() + w
loss.backward()
print("loss:", loss.item(), " gradient:", w.grad.item())


boxes = {
    "w": (0, 0),
    "y = w**2": (1, 1),
    "y.detach()": (2.2, 1),
    "loss": (3.2, 0),
}
figure, axis = plt.subplots(figsize=(6, 2.2), facecolor="white")
for start, end, style, color in [
    ("y = w**2", "w", "-|>", "tab:green"),
    ("y.detach()", "y = w**2", "-", "lightgray"),
    ("loss", "y.detach()", "-", "lightgray"),
    ("loss", "w", "-|>", "tab:green"),
]:
    arrow = {
        "arrowstyle": style,
        "color": color,
        "linewidth": 2,
        "shrinkA": 24,
        "shrinkB": 24,
    }
    axis.annotate("", boxes[end], boxes[start], arrowprops=arrow)
for label, place in boxes.items():
    axis.text(
        *place,
        label,
        ha="center",
        va="center",
        bbox={"boxstyle": "round", "facecolor": "white"},
    )
axis.text(1.6, 1.25, "cut", ha="center", color="tab:red")
axis.text(1.6, -0.28, "open", ha="center", color="tab:green")
axis.set(
    xlim=(-0.5, 3.7), ylim=(-0.5, 1.5), title="The paths back from loss to w"
)
axis.axis("off")
plt.show()


w = torch.tensor(3.0, requires_grad=True)
(w * w.detach()).backward()

predicted_detached = 3.0


if predicted_detached is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_detached, "and w.grad is", w.grad)


u = torch.tensor([1.0, 2.0], requires_grad=True)
v = torch.tensor([5.0], requires_grad=True)
result = (u**2).sum()

print(torch.autograd.grad(result, [u, v], allow_unused=True))
print(u.grad, v.grad)


theirs = torch.tensor([1.0, 2.0])
mine = theirs.detach().clone().requires_grad_()
print(mine.is_leaf, mine.requires_grad, theirs.requires_grad)


def value_and_grad(
    f: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, Tensor]:
    """Return (f(x), df/dx at x) for a floating-point tensor x and a function f
    that returns a 0-dim tensor.

    Both results are detached: they do not require grad. The gradient has x's
    shape and dtype. It is all zeros if f does not depend on x, whether f(x) is
    a constant or depends on parameters only.

    Leave no trace: x's values, requires_grad and .grad stay as they were, and
    so does the .grad of every parameter used inside f. x may or may not be a
    leaf, and may already have a .grad. Calling the function twice gives the
    same answer twice.

    Raise ValueError if f(x) is not 0-dim; a tensor of shape (1,) is not 0-dim
    either.
    """
    leaf = x.detach().clone().requires_grad_()
    value = f(leaf)
    if value.dim() != 0:
        raise ValueError(f"f must return a 0-dim tensor, not shape {tuple(value.shape)}")
    if not value.requires_grad:
        return value.detach(), torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(value, leaf, materialize_grads=True)
    return value.detach(), gradient.detach()


losses = torch.tensor([1.0, 2.0, 3.0, 10.0])
print("mean of all:", losses.mean())
print(
    "mean of the pieces' means:",
    torch.stack([losses[:3].mean(), losses[3:].mean()]).mean(),
)


model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
model[0].bias.requires_grad_(False)  # frozen: not trained
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape), parameter.requires_grad)


def accumulate_gradients(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    batches: Sequence[tuple[Tensor, Tensor]],
) -> float:
    """Accumulate gradients: leave in .grad what one big batch would leave
    there.

    Afterwards, the .grad of every trainable parameter is the gradient of the
    mean loss over all samples of all batches, as if they had been one batch.
    Return that mean loss as a Python float.

    loss_fn(model(xb), yb) returns the mean loss of a batch. Batches may differ
    in size; each has at least one sample. Call the model exactly once per
    batch, in the given order.

    Whatever was in .grad before the call must not influence the result.
    Parameter values, requires_grad flags and the model's mode (training or
    eval) stay as they were; frozen parameters get no gradient.
    """
    n, tot = sum(len(x) for x, _ in batches), 0.0
    for xb, yb in batches:
        model.zero_grad()
        l = loss_fn(model(xb), yb) * len(xb) / n
        l.backward()
        tot += l.item()
    return tot


X = torch.arange(12.0).reshape(4, 3)
print(X[2:3].shape, X[2].shape)


def per_sample_grads(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    X: Tensor,
    y: Tensor,
) -> dict[str, Tensor]:
    """Compute the gradient of each sample's loss, for every trainable
    parameter.

    X has shape (N, ...), y has shape (N, ...), and N is at least 1. The loss of
    sample i is loss_fn(model(X[i:i+1]), y[i:i+1]), a 0-dim tensor.

    Return {name: tensor of shape (N, *parameter.shape)} with one entry for each
    parameter that has requires_grad=True and no others, under its name in
    model.named_parameters(). The tensors are detached. No parameter's .grad
    changes.

    You can rely on this: every trainable parameter takes part in the loss, and
    the model has no BatchNorm or Dropout.
    """
    names, params = zip(*[(n, p) for n, p in model.named_parameters() if p.requires_grad])
    rows = [torch.autograd.grad(loss_fn(model(X[i : i + 1]), y[i : i + 1]), params) for i in range(len(X))]
    return {name: torch.stack(column) for name, column in zip(names, zip(*rows))}


t = torch.tensor(2.0, requires_grad=True)
(first,) = torch.autograd.grad(t**3, t, create_graph=True)  # 3·t²
(second,) = torch.autograd.grad(first, t)  # 6·t
print(first, second)

(first,) = torch.autograd.grad(t**3, t)
print(first, "- requires_grad:", first.requires_grad)


def gradient_penalty(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the gradient penalty, a 0-dim tensor:
    the mean over the samples i of (‖∂ critic(x)ᵢ / ∂ xᵢ‖₂ - 1)².

    critic maps x of shape (N, D, ...) to N scores, of shape (N,) or (N, 1);
    score i depends only on x[i]. Each sample's norm runs over all of its
    dimensions.

    You can differentiate the result with respect to the critic's parameters:
    penalty.backward() fills their .grad. Computing the penalty changes neither
    x (values, requires_grad, .grad) nor any parameter's .grad.
    """
    x = x.detach().clone().requires_grad_()
    (grad,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((grad.flatten(1).norm(dim=1) - 1) ** 2).mean()


class Reverse(torch.autograd.Function):
    """The identity; its gradient has the opposite sign."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return -grad_output


w = torch.tensor([1.0, 2.0], requires_grad=True)
(3 * Reverse.apply(w)).sum().backward()
print(w.grad)


def sign_ste(x: Tensor) -> Tensor:
    """Binarise x with a straight-through gradient.

    Forward: +1 where x >= 0 (so for 0.0 and -0.0 too), -1 elsewhere; same shape
    and dtype as x.
    Backward: treat the derivative of the output with respect to x as 1 where
    |x| <= 1 (ends included) and 0 elsewhere, and multiply the incoming gradient
    by it.

    x is a floating-point tensor without nan, of any shape, () and empty ones
    included. Neither x nor the incoming gradient is modified.
    """
    soft = x.clamp(-1, 1)
    hard = torch.where(x >= 0, 1.0, -1.0).to(x.dtype)
    return soft + (hard - soft).detach()
