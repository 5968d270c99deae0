# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Initialization
#
# Two networks have the same layers, the same data and the same optimizer. One learns; the loss of the other stays where it
# was, however long you wait. No line of the training loop is wrong. All that differs is the numbers that the weights held
# before the first step.

# %%
import math

import torch
from torch import Tensor, nn


# %%
import matplotlib.pyplot as plt


def losses_from(std: float | None, steps: int = 100) -> list[float]:
    """Train eight layers to tell long vectors from short ones, from weights
    drawn with this std."""
    torch.manual_seed(0)
    layers = [
        nn.Linear(8, 32),
        *[nn.Linear(32, 32) for _ in range(6)],
        nn.Linear(32, 1),
    ]
    for layer in layers:
        nn.init.normal_(
            layer.weight, std=std or math.sqrt(2 / layer.in_features)
        )
        nn.init.zeros_(layer.bias)
    network = nn.Sequential(
        *[part for layer in layers for part in (layer, nn.ReLU())][:-1]
    )
    points = torch.randn(128, 8)
    lengths = points.norm(dim=1, keepdim=True)
    lengths -= lengths.mean()
    descent, found = torch.optim.SGD(network.parameters(), lr=0.01), []
    for _ in range(steps):
        error = nn.functional.mse_loss(network(points), lengths)
        descent.zero_grad()
        error.backward()
        descent.step()
        found.append(error.item())
    return found


figure, axis = plt.subplots(figsize=(5.5, 2.8))
axis.semilogy(losses_from(std=0.05), label="std 0.05 in every layer")
axis.semilogy(losses_from(std=None), label="std from this notebook")
axis.set(xlabel="step", ylabel="loss", title="The same network from two starts")
axis.legend()
plt.show()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * compute the fan-in and fan-out of a weight, convolutions included;
# * turn a formula for a bound or a standard deviation into the right in-place call;
# * initialise a whole model reproducibly, without disturbing anyone else's random numbers;
# * check a random procedure with statistics: how far off may a mean be by chance?
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.

# %% [markdown]
# ## 1. What the first numbers decide
#
# Training starts from whatever numbers the model's parameters hold before the first step. The simplest choice is a
# constant. PyTorch's functions for this end in an underscore: they change the tensor you pass in, and each one overwrites
# what was there before. Of three such calls in a row, only the last one has any effect:

# %%
a = torch.empty(3, 5)
nn.init.zeros_(a)
nn.init.ones_(a)
nn.init.constant_(a, 0.3)
print(a.unique())

# %% [markdown]
# Biases may start at zero; weights may not. If all units of a layer start out equal, they compute the same thing, receive
# the same gradient and stay equal forever: four hidden units are then worth no more than one.

# %%
hidden, output = nn.Linear(3, 4, bias=False), nn.Linear(4, 1)
nn.init.constant_(hidden.weight, 0.5)
nn.init.constant_(output.weight, 0.5)
output(torch.tanh(hidden(torch.tensor([[1.0, -2.0, 3.0]])))).sum().backward()
print(hidden.weight.grad)

# %% [markdown]
# So weights are drawn at random, and the question is how large they should be. The plot sends the same data through thirty
# layers, each followed by a ReLU. If the standard deviation is a little too small, the signal dies away; if it is a little
# too large, the signal explodes.

# %%
noise = torch.Generator().manual_seed(0)
width = 256
figure, axis = plt.subplots(figsize=(5.5, 3))
for std, label in [
    (0.07, "std 0.07"),
    (math.sqrt(2 / width), "std sqrt(2/256) = 0.088"),
    (0.11, "std 0.11"),
]:
    signal, sizes = torch.randn(64, width, generator=noise), []
    for _ in range(30):
        weight = torch.randn(width, width, generator=noise) * std
        signal = torch.relu(signal @ weight.T)
        sizes.append(signal.square().mean().sqrt().item())
    axis.semilogy(range(1, 31), sizes, label=label)
axis.set(xlabel="layer", ylabel="size of the signal")
axis.legend()
plt.show()

# %% [markdown]
# ## 2. Fan-in and fan-out
#
# Each output of a layer is a sum over its inputs, and a sum of n independent terms has n times the variance of one term. So
# the right size for a weight depends on how many inputs one output sees: the *fan-in*. On the way back, each input receives
# a sum over the outputs it affects: the *fan-out*.
#
# PyTorch stores a weight as (out, in): the outputs come first. A convolution's weight also has the kernel's sizes at the
# end: (out, in, height, width).

# %%
print(nn.Linear(50, 400).weight.shape)
print(nn.Conv2d(3, 8, kernel_size=5).weight.shape)

# %% [markdown]
# One output of this convolution is a sum over 3 channels with 5 · 5 positions in each: its fan-in is 75. In the other
# direction, one input pixel contributes to 8 channels at 5 · 5 positions each: its fan-out is 200.
#
# ### Predict, then verify: the fans of a convolution
#
# What are the fan-in and fan-out of the weight of `nn.Conv2d(16, 64, kernel_size=3)`? Replace the dots with two numbers, as
# in `predicted_fans = 75, 200`.

# %%
layer = nn.Conv2d(16, 64, kernel_size=3)

# The fan-in, and the fan-out:
predicted_fans = ...

# %% [markdown]
# To verify it, let PyTorch draw He's normal numbers in both modes. Their variance is 2/fan, so 2/variance is approximately
# the fan PyTorch used. (Only approximately, because the variance is estimated from random numbers.)

# %%
if predicted_fans is ...:
    print("Write down your prediction first, then run this cell.")
else:
    fans = [
        2 / nn.init.kaiming_normal_(layer.weight, mode=mode).var().item()
        for mode in ("fan_in", "fan_out")
    ]
    print(
        "You predicted",
        predicted_fans,
        "and PyTorch has used about",
        [round(fan) for fan in fans],
    )

# %% [markdown]
# ## 3. A bound is not a standard deviation
#
# Most initialisations go by one of two names.
#
# | | meant for | uniform, U(-a, a) | normal, N(0, std²) |
# |---|---|---|---|
# | Xavier, or Glorot (2010) | linear, tanh | a = gain · √(6/(fan-in + fan-out)) | std = gain · √(2/(fan-in + fan-out)) |
# | Kaiming, or He (2015) | ReLU | a = gain · √(3/fan) | std = gain / √fan |
#
# For ReLU the gain is √2: half of the signal is cut off at zero, and the factor 2 in the variance makes up for it.
#
# Uniform numbers from U(-a, a) have standard deviation a/√3. That is where the 6 comes from: both columns of the table have
# the same variance. Mixing up the two is the most common mistake of all.

# %%
gen = torch.Generator().manual_seed(0)
uniform = torch.empty(100_000).uniform_(-1.0, 1.0, generator=gen)
normal = torch.empty(100_000).normal_(0.0, uniform.std().item(), generator=gen)
print(f"uniform: largest {uniform.abs().max():.3f}, std {uniform.std():.3f}")
print(f"normal:  largest {normal.abs().max():.3f}, std {normal.std():.3f}")

figure, axis = plt.subplots(figsize=(5.5, 2.6))
axis.hist(uniform.numpy(), bins=100, alpha=0.6, label="uniform(-1, 1)")
axis.hist(normal.numpy(), bins=100, alpha=0.6, label="normal with the same std")
axis.set(xlabel="value", ylabel="how many of 100,000", xlim=(-4, 3))
axis.legend(loc="upper left")
plt.show()

# %% [markdown]
# Names without a trailing underscore (`nn.init.kaiming_normal`) are old and deprecated.
#
# ### Predict, then verify: what a fresh layer holds
#
# What does a layer hold if nobody initialises it? A fresh `nn.Linear` has weights from U(-b, b) with b = 1/√fan-in. That
# matches neither row above: for 100 inputs b is 0.1, where He's uniform numbers would reach up to 0.245.
#
# How large is b for `nn.Linear(400, 25)`? Replace the dots with a number.

# %%
predicted_bound = ...

# %%
if predicted_bound is ...:
    print("Write down your prediction first, then run this cell.")
else:
    largest = nn.Linear(400, 25).weight.abs().max().item()
    print(
        "You predicted",
        predicted_bound,
        "and the largest of 10,000 weights is",
        largest,
    )

# %% [markdown]
# ## 4. Filling a parameter in place
#
# Tensors have methods that fill them with random numbers: `uniform_(low, high)` and `normal_(mean, std)`. On a parameter
# they raise an error, because a parameter is a leaf that requires grad, and operations on it are recorded:

# %%
layer = nn.Linear(3, 2)
try:
    layer.weight.uniform_(-1, 1)
except RuntimeError as error:
    print("RuntimeError:", error)

with torch.no_grad():
    layer.weight.uniform_(-1, 1)
print(layer.weight)

# %% [markdown]
# Under `no_grad` nothing is recorded, and the parameter stays what it was: the same object, a leaf, with the same flag.
# That matters. An optimizer holds on to the parameter objects it was given; if you put new ones into the model, it keeps
# training the old ones.
#
# Where do the numbers come from? By default, from the *global* generator, which everyone shares: `torch.manual_seed` in the
# middle of a library function restarts the caller's shuffling and dropout too. A generator of your own has its own state:

# %%
torch.manual_seed(1)
undisturbed = torch.rand(3)

torch.manual_seed(1)
mine = torch.Generator().manual_seed(7)
print(
    torch.empty(2).normal_(generator=mine),
    torch.empty(2).normal_(generator=mine),
)
print(
    "global numbers are the same as before:",
    torch.equal(torch.rand(3), undisturbed),
)

# %% [markdown]
# The two tensors from `mine` differ: a generator continues from where it is. To get the same numbers again, you must seed
# it again. `generator=None` means the global one.
#
# ### Task `glorot_uniform_`
#
# Good for layers followed by tanh, a sigmoid or nothing, such as the projections inside a transformer.


# %%
def glorot_uniform_(
    w: Tensor, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Fill w IN PLACE with Xavier/Glorot uniform numbers, and return w itself.

    w has shape (out, in) or (out, in, k1, ...). Let r be the product of the k's
    (1 if there are none); then fan_in = in * r and fan_out = out * r. The
    values are independent draws from U(-a, a) with
    a = gain * sqrt(6 / (fan_in + fan_out)).

    If `generator` is given, draw from it and leave the global random state
    untouched; otherwise draw from the global generator. w may have any floating
    dtype and memory layout. It may also be an nn.Parameter with either
    requires_grad: it stays a leaf with the same flag.

    Write it yourself: the functions in torch.nn.init are not available here.

    Raise ValueError if w has fewer than 2 dimensions.
    """
    raise NotImplementedError


# %% [markdown]
# ## 5. Is it random in the right way?
#
# You cannot compare random numbers with the "right" ones, but you can compare their statistics, provided you know how far
# those stray by chance. The mean of n independent numbers has standard deviation std/√n, and their measured standard
# deviation itself strays by about std/√(2n). A deviation of six times that is next to impossible:

# %%
n, std = 20_000, 0.2
sample = torch.empty(n).normal_(0.0, std, generator=gen)
near = 6 * std / math.sqrt(n)
print(f"mean {sample.mean():+.5f}, surely within {near:.5f} of 0")
near = 6 * std / math.sqrt(2 * n)
print(f"std  {sample.std():.5f}, surely within {near:.5f} of {std}")

# %% [markdown]
# Use many numbers: with ten of them almost anything passes. And use a weight that is far from square, like (400, 50); on a
# square one, nobody can tell fan-in from fan-out.
#
# Mean and standard deviation are not the whole story. Normal and uniform numbers differ in their tails:

# %%
print(
    "beyond 2 std, normal: ", (normal.abs() > 2 * normal.std()).float().mean()
)
print(
    "beyond 2 std, uniform:", (uniform.abs() > 2 * uniform.std()).float().mean()
)

# %% [markdown]
# ### Task `he_normal_`
#
# This is how networks with ReLU start, from a small classifier to a ResNet.


# %%
def he_normal_(
    w: Tensor, mode: str = "fan_in", generator: torch.Generator | None = None
) -> Tensor:
    """Fill w IN PLACE with Kaiming/He normal numbers for ReLU, and return w
    itself.

    The values are independent draws from N(0, std**2) with std = sqrt(2 / fan).
    The fan is fan_in for mode "fan_in" and fan_out for mode "fan_out", both
    computed as in glorot_uniform_.

    The rules of glorot_uniform_ for `generator`, dtype, layout and nn.Parameter
    apply here too, and the functions in torch.nn.init are not available here
    either.

    Raise ValueError for any other mode, or if w has fewer than 2 dimensions.
    """
    raise NotImplementedError


# %% [markdown]
# ## 6. A whole model
#
# A model is a tree of modules. `children()` gives only the branches at the top; `modules()` walks the whole tree, including
# the model itself:

# %%
model = nn.Sequential(
    nn.Embedding(20, 8),
    nn.Sequential(nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU()),
    nn.Linear(8, 2),
)
print([type(module).__name__ for module in model.children()])
print([type(module).__name__ for module in model.modules()])

# %% [markdown]
# What a parameter needs depends on the *type* of the module that holds it. Its name and its number of dimensions say
# little: the weight of an embedding has two dimensions, just like that of a linear layer. And a weight or a bias may be
# missing altogether:

# %%
print("bias of a Linear without one:", model[1][0].bias)
print(
    "weight of a BatchNorm without one:", nn.BatchNorm1d(8, affine=False).weight
)
print(
    "buffers of a BatchNorm:", [name for name, _ in model[1][1].named_buffers()]
)

# %% [markdown]
# ### Task `init_model_`
#
# You need it whenever a paper says how a model is initialised, or two runs must start from the same weights.


# %%
def init_model_(model: nn.Module, seed: int) -> None:
    """Initialise a whole model in place, reproducibly, and return None.

    * nn.Linear and nn.Conv2d: draw the weight from N(0, 2 / fan_in), set the
      bias (if there is one) to 0.
    * nn.BatchNorm1d and nn.BatchNorm2d: set the weight to 1 and the bias to 0
      (if they exist).
    * nn.Embedding: draw the weight from N(0, 0.02**2). (You can ignore
      padding_idx.)
    * Every other parameter and every buffer keeps its values.

    This applies at any depth of nesting, and to a model that is itself one of
    these layers. The second argument of N is the variance, and the draws are
    independent. torch.nn.init is available in this task.

    The same architecture and the same seed give identical values, whatever the
    model held before and whatever the global random state is. A different seed
    below 2**32 gives different values, and so do different layers of the same
    shape within one model.

    The global random state stays unchanged. The model keeps its parameter
    objects, their requires_grad flags and the mode (train or eval) of each
    module.
    """
    raise NotImplementedError


# %% [markdown]
# ## 7. Cutting off the tails
#
# Now and then a normal distribution produces a large number, and a large weight can do harm. So many transformers draw from
# a *truncated* normal distribution: what you get if you accept only numbers within two standard deviations of the mean.
# About 4.6 % of the draws are rejected.
#
# The limits scale with the distribution. PyTorch's `nn.init.trunc_normal_`, however, takes them as plain numbers: with
# `std=0.02`, its defaults `a=-2.0, b=2.0` are limits at 100 standard deviations and cut off nothing at all.
#
# Truncating is not the same as clamping:

# %%
draws = torch.empty(100_000).normal_(generator=gen)
inside = draws.abs() <= 2

figure, axes = plt.subplots(1, 2, figsize=(7, 2.4), sharey=True)
axes[0].hist(draws.clamp(-2, 2).numpy(), bins=80, range=(-2.5, 2.5))
axes[0].set(title="clamped")
axes[1].hist(draws[inside].numpy(), bins=80, range=(-2.5, 2.5))
axes[1].set(title="truncated")
plt.show()

# %%
print(f"inside the limits: {inside.float().mean():.4f}")
print(f"std of the truncated numbers: {draws[inside].std():.4f}")

# %% [markdown]
# The picture on the right simply drops what lies outside. A weight cannot do that: every one of its entries needs a number.
# Note the last line: without its tails the distribution is narrower; its standard deviation is about 0.88 of the original
# one. Here, that is as it should be.
#
# ### Task `trunc_normal_`
#
# Vision transformers and many language models start from such weights.


# %%
def trunc_normal_(
    w: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Fill w IN PLACE with draws from a normal distribution truncated at two
    standard deviations, and return w itself.

    w may have any shape, including () and shapes without elements. Each entry
    is drawn, independently of the others, from N(mean, std**2) conditioned on
    |value - mean| <= 2 * std. So no value lies outside these limits, and the
    values do not pile up at them.

    The rules of glorot_uniform_ for `generator`, dtype, layout and nn.Parameter
    apply here too, and the functions in torch.nn.init are not available here
    either.

    Raise ValueError if std <= 0.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [`torch.nn.init`](https://docs.pytorch.org/docs/stable/nn.init.html): all of PyTorch's initialisers, with their
#   formulas.
# * [Reproducibility](https://docs.pytorch.org/docs/stable/notes/randomness.html) in PyTorch's documentation: what else has
#   to be fixed before two runs agree.
# * He, Zhang, Ren and Sun, [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852): section 2.2 derives the
#   formula of `he_normal_` in two pages.
# * In this course, loss functions and optimizers come next; then the model is trained.

# %% [markdown]
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It calls `zeros_`, `ones_` and `constant_` on the same tensor one after the other. Only the last call counts.
# * It combines Xavier with the gain for ReLU. PyTorch allows that; the bound is then √(12/(fan-in + fan-out)).
# * Its last example is labelled "Kaiming uniform" but calls `kaiming_normal_`.
# * "PyTorch takes care of the proper initialization" is true of small networks. In deep ones with ReLU, PyTorch's own
#   U(-1/√fan-in, 1/√fan-in) lets the signal shrink from layer to layer.
