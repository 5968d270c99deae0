# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Automatic differentiation
#
# Walk downhill on (w - 3)², thirty small steps, and you should end up close to 3. The loop below does not: it swings
# past 3 and back, for as long as you let it. No error, no warning; one line is missing. Run it, look at the picture,
# and see whether you can tell which line it is before section 2 does.

# %%
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

# %%
w = torch.tensor(0.0, requires_grad=True)
path = []
for _ in range(30):
    path.append(w.item())
    loss = (w - 3) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad

# %%
import matplotlib.pyplot as plt

plt.figure(figsize=(6, 2.5), facecolor="white")
plt.plot(path, "o-", label="w")
plt.axhline(3, color="tab:green", linestyle="--", label="the minimum")
plt.xlabel("step")
plt.ylabel("w")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * tell which tensors can call `backward()` and which get a `.grad`;
# * explain how gradients accumulate in `.grad`, and make use of it;
# * cut the graph exactly where it needs to be cut;
# * compute a gradient without leaving traces on inputs or parameters;
# * differentiate through a gradient, and write a backward pass of your own.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. Recording
#
# PyTorch records what you do with a tensor made with `requires_grad=True`: each operation becomes a node in a graph.
# `backward()` walks that graph back from a result and writes the derivatives into `.grad`.

# %%
a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
b = (a**2).sum()
print(b)

b.backward()
print(a.grad)  # 2·a

# %% [markdown]
# The tensors where a graph begins are its *leaves*. `backward()` fills the `.grad` of every leaf that requires a
# gradient, and of nothing else:

# %%
x = torch.tensor([1.0, 2.0])  # data: no gradient wanted
w = torch.tensor([3.0, 4.0], requires_grad=True)  # a leaf
product = x * w  # computed from a leaf: not a leaf itself
product.sum().backward()

print("x:", x.requires_grad, x.is_leaf, x.grad)
print("w:", w.requires_grad, w.is_leaf, w.grad)
print("product:", product.requires_grad, product.is_leaf)

# %% [markdown]
# If nothing was recorded, there is no graph to walk back. And a result with several elements has no single derivative:

# %%
b = torch.tensor(1.0)
try:
    (b**3).backward()
except RuntimeError as error:
    print("RuntimeError:", error)
try:
    (a**2).backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Only floating-point (and complex) tensors can require gradients; `torch.tensor([1, 2], requires_grad=True)` raises.
#
# ## 2. Gradients add up
#
# `backward()` *adds* to `.grad`. Nothing clears it unless you do: with `optimizer.zero_grad()`, `model.zero_grad()` or
# `w.grad = None`.

# %%
w = torch.tensor(2.0, requires_grad=True)
for _ in range(3):
    (10 * w).backward()
    print(w.grad)

# %% [markdown]
# So `w.grad = None` is the line that the first loop lacks: each step followed the sum of all slopes so far. With the
# line, w settles at 3:

# %%
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

# %% [markdown]
# ### Predict, then verify: two results from one leaf
#
# Two results are computed from the same leaf, and both call `backward()`. What is `a.grad` at the end? Replace the dots
# with a number.

# %%
a = torch.tensor(2.0, requires_grad=True)
x = a**3
z = 5 * a

x.backward()
z.backward()

predicted_gradient = ...

# %%
if predicted_gradient is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_gradient, "and a.grad is", a.grad)

# %% [markdown]
# ## 3. Cutting the graph
#
# `detach()` returns the same numbers without their history: nothing changes in the forward pass, and in the backward
# pass that path is closed. Other paths stay open. In `loss = y.detach() + w` with `y = w**2`, the gradient reaches `w`
# only by the direct path:

# %%
w = torch.tensor(3.0, requires_grad=True)
y = w**2
loss = y.detach() + w
loss.backward()
print("loss:", loss.item(), " gradient:", w.grad.item())

# %%
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

# %% [markdown]
# The arrows show where a gradient can travel. There is a path from `y` to `w`, but no gradient arrives at `y`.
#
# ### Predict, then verify: half detached
#
# `w * w` is w², and its derivative at 3 is 6. Now one of the factors is detached. What is `w.grad`? Replace the dots with
# a number.

# %%
w = torch.tensor(3.0, requires_grad=True)
(w * w.detach()).backward()

predicted_detached = ...

# %%
if predicted_detached is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_detached, "and w.grad is", w.grad)

# %% [markdown]
# ## 4. A gradient without traces
#
# `torch.autograd.grad(result, inputs)` *returns* gradients and leaves every `.grad` alone. `inputs` may be any tensors in
# the graph, leaves or not. If the result does not depend on one of them, you get an error, unless you say
# `allow_unused=True`; then its gradient is `None`.

# %%
u = torch.tensor([1.0, 2.0], requires_grad=True)
v = torch.tensor([5.0], requires_grad=True)
result = (u**2).sum()

print(torch.autograd.grad(result, [u, v], allow_unused=True))
print(u.grad, v.grad)

# %% [markdown]
# To differentiate with respect to a tensor that is not yours, make your own leaf from it. `detach()` returns a tensor
# without history, on the *same* memory; `clone()` copies the memory and keeps the history. Together they give you a
# fresh start:

# %%
theirs = torch.tensor([1.0, 2.0])
mine = theirs.detach().clone().requires_grad_()
print(mine.is_leaf, mine.requires_grad, theirs.requires_grad)

# %% [markdown]
# ### Task `value_and_grad`
#
# Saliency maps, adversarial examples and optimizers of your own all need a value and its gradient, and must not disturb
# the model that they look at.


# %%
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
    raise NotImplementedError


# %% [markdown]
# ## 5. Accumulating on purpose
#
# A batch that does not fit into memory can be processed in pieces. Since `.grad` adds up, you can call `backward()` on one
# piece after another, and each piece's graph is freed before the next one is built. But if the pieces differ in size,
# the mean of their means is not the mean of all:

# %%
losses = torch.tensor([1.0, 2.0, 3.0, 10.0])
print("mean of all:", losses.mean())
print(
    "mean of the pieces' means:",
    torch.stack([losses[:3].mean(), losses[3:].mean()]).mean(),
)

# %% [markdown]
# A model is an `nn.Module`. `model.parameters()` gives you its parameters, the leaves that training changes;
# `model.named_parameters()` gives you their names as well:

# %%
model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
model[0].bias.requires_grad_(False)  # frozen: not trained
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape), parameter.requires_grad)

# %% [markdown]
# ### Task `accumulate_gradients`
#
# This is how people train with a batch size that their GPU has no room for.


# %%
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
    raise NotImplementedError


# %% [markdown]
# ## 6. Whose gradient?
#
# The loss of a batch is usually a mean, so its gradient is the mean of the samples' gradients. Once mixed, they cannot
# be told apart. To look at one sample, make a batch of one. A slice keeps the batch dimension; an index drops it:

# %%
X = torch.arange(12.0).reshape(4, 3)
print(X[2:3].shape, X[2].shape)

# %% [markdown]
# ### Task `per_sample_grads`
#
# The gradients of single samples show which samples pull hardest on a model; private training (DP-SGD) clips them one
# by one.


# %%
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
    raise NotImplementedError


# %% [markdown]
# ## 7. Differentiating a gradient
#
# A gradient is the result of a computation, so you can differentiate it again - if that computation was recorded as
# well. `create_graph=True` asks for that:

# %%
t = torch.tensor(2.0, requires_grad=True)
(first,) = torch.autograd.grad(t**3, t, create_graph=True)  # 3·t²
(second,) = torch.autograd.grad(first, t)  # 6·t
print(first, second)

(first,) = torch.autograd.grad(t**3, t)
print(first, "- requires_grad:", first.requires_grad)

# %% [markdown]
# ### Task `gradient_penalty`
#
# The critic of a Wasserstein GAN gives each image a score, and training pushes the gradient of the score with respect to
# the image towards length 1. How far it is from 1 is a term of the loss.


# %%
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
    raise NotImplementedError


# %% [markdown]
# ## 8. A backward pass of your own
#
# When a cut is not enough, you can write both passes yourself. A `torch.autograd.Function` has a `forward` and a
# `backward`; `backward` receives the gradient of the loss with respect to the output and returns the gradient with
# respect to the input. This one keeps the numbers and flips the sign of the gradient:


# %%
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

# %% [markdown]
# ### Task `sign_ste`
#
# A network whose weights are +1 and -1 is small and fast, but the step from -1 to +1 has derivative 0 almost
# everywhere: nothing could be learned. The *straight-through estimator* takes the step in the forward pass, and in the
# backward pass pretends to be the identity, at least near 0.


# %%
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
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html) in PyTorch's documentation: what is
#   saved for the backward pass, and how to switch recording off.
# * [Per-sample gradients](https://docs.pytorch.org/tutorials/intermediate/per_sample_grads.html): the same with
#   `torch.func`, for a whole batch at once.
# * In this course, `freezing` keeps parameters out of training, and `training` puts `backward()` into a loop.
#
# ## Appendix: where the tutorial differs
#
# If you have read the [PyTorch tutorial](https://aman.ai/primers/pytorch/), some of this may have surprised you.
#
# * `Variable` has been a plain tensor since 2018; leave it out.
# * A sum such as `b` in section 1 is not "of size 1": it has no dimensions at all, and its shape is `()`.
# * `requires_grad=True` tells PyTorch to compute a gradient, no more. Whether a tensor is *trained* depends on the list
#   that you give to the optimizer.
# * If nothing was recorded, `b.grad` is not `None` after `backward()`: the program crashes in `backward()`.
# * It computes `x = a**3` and `z = c**a`, calls `backward()` on both and says of `a.grad`: "this is dx/da". Its numbers hide
#   the mistake: with `c = 1` the derivative of `z`, `c**a * ln(c)`, is 0. Try it with `c = 2`.
