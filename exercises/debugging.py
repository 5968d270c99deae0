# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Debugging
#
# When you have worked through this notebook you can
#
# * find the parameters whose gradient is broken, and those that get none at all;
# * tell a gradient of zeros from no gradient;
# * find the layer in which a nan or an infinity begins;
# * look into a running model, and leave no trace.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
import math

import torch
from torch import Tensor, nn

# %% [markdown]
# ## 1. Stop and look
#
# PyTorch runs line by line, so that you can stop anywhere and look at the tensors. The tutorial stops with
# `import pdb; pdb.set_trace()`; since Python 3.7 the word `breakpoint()` does the same. After an exception, `%debug` in the
# next cell of a notebook takes you to the place where it happened. At the prompt, `p x.shape` prints, `u` goes up to the
# caller, `c` continues, and `q` quits.
#
# That helps where something raises. The bugs of this notebook raise nothing: training goes on, and the loss is `nan`, or
# does not fall. There you need code that looks for you.
#
# ## 2. Numbers that are none
#
# A float can be `inf`, `-inf`, or `nan`, "not a number". They come from overflow, from a division by zero, from the
# logarithm of zero, and they propagate. Beware of the comparison: `nan` is not even equal to itself.

# %%
x = torch.tensor([1.0, 0.0, -1.0, 1e30])
y = torch.stack([x / 0, torch.log(x), x * x])
print(y)
print("equal to nan:", (y == math.nan).sum().item())
print("nan:         ", torch.isnan(y).sum().item())
print("finite:      ", torch.isfinite(y).sum().item(), "of", y.numel())

# %% [markdown]
# A gradient can be broken although the forward pass looks healthy. The root has slope 1/(2√x), which is infinite at 0,
# and one factor 0 in the chain rule makes `0 · inf = nan` of it:

# %%
x = torch.tensor([0.0, 4.0], requires_grad=True)
loss = torch.sqrt(x**2).sum()
loss.backward()
print("loss:", loss.item(), " gradient:", x.grad)

# %% [markdown]
# ### Predict, then verify: one bad number, and clipping
#
# "Exploding gradients? I clip them." Below, one of the eight entries of a layer's gradients is nan. Then all gradients are
# scaled so that together they have a norm of 1 at most. How many entries are nan afterwards? Write a number in place
# of the dots.

# %%
layer = nn.Linear(3, 2)
layer(torch.randn(5, 3)).square().mean().backward()
layer.weight.grad[0, 1] = math.nan

torch.nn.utils.clip_grad_norm_(layer.parameters(), max_norm=1.0)
bad = sum(int(torch.isnan(parameter.grad).sum()) for parameter in layer.parameters())

predicted_nans = ...

# %%
if predicted_nans is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_nans, "and of 8 entries there are nan:", bad)

# %% [markdown]
# So look before you clip. (`clip_grad_norm_` has an argument `error_if_nonfinite` that looks for you, but it does not
# say where.) A model's `named_parameters()` gives each parameter with its name, in a fixed order:

# %%
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
model[2](torch.ones(1, 4)).sum().backward()
for name, parameter in model.named_parameters():
    print(f"{name:10}", "no .grad" if parameter.grad is None else parameter.grad.tolist())

# %% [markdown]
# ### Task `nonfinite_grads`


# %%
def nonfinite_grads(model: nn.Module) -> list[str]:
    """Return the names of the parameters whose .grad contains a nan, +inf or -inf.

    The names are those of model.named_parameters(), in that order. Parameters without .grad are
    not listed. Nothing is changed.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. No gradient at all
#
# A loss that does not fall may have a simple reason: it does not depend on the weights. Somebody has written `.detach()`,
# `.item()` or `torch.tensor(loss)`, has computed under `no_grad`, or has forgotten to call a layer. If nothing is connected,
# `backward()` raises (the tutorial expects `None` in `.grad` there; its program ends instead). If a part is still connected,
# nobody complains.
#
# ### Predict, then verify: who gets a gradient?
#
# Four layers take part in this computation. For which of them is `.grad` of the weight still `None` after `backward()`?
# Write the names in a list in place of the dots, as in `["first", "head"]`.

# %%
layers = nn.ModuleDict({name: nn.Linear(3, 3) for name in ("first", "gate", "side", "head")})
hidden = layers["first"](torch.randn(5, 3))
output = layers["head"](hidden) + 0 * layers["gate"](hidden) + layers["side"](hidden).detach()
output.square().mean().backward()
without = [name for name, layer in layers.items() if layer.weight.grad is None]

predicted_without = ...

# %%
if predicted_without is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_without, "and .grad is None for", without)

# %% [markdown]
# A gradient of zeros says: "I depend on you, and at this point a small change of you makes no difference". No gradient
# says: "I do not know you". An optimizer skips a parameter without gradient, while momentum and weight decay move one
# with a gradient of zeros.
#
# `backward()` is a clumsy instrument for finding out, since it adds to every `.grad` in the graph and frees the graph
# afterwards. `torch.autograd.grad` returns the gradients instead, but it has conditions of its own:

# %%
u, v, w = (torch.ones(2, requires_grad=True) for _ in range(3))
loss = (u * v).sum()
try:
    torch.autograd.grad(loss, [u, w])
except RuntimeError as error:
    print("RuntimeError:", error)
try:
    torch.autograd.grad(loss, [u])
except RuntimeError as error:
    print("RuntimeError:", str(error).split(".")[0])

# %% [markdown]
# The second call could have worked. But the first one, though it failed, has used up the graph.
#
# ### Task `disconnected`


# %%
def disconnected(model: nn.Module, loss: Tensor) -> list[str]:
    """Return the names of the trainable parameters that `loss` (0-dim) does not depend on
    through the graph.

    These are the parameters with requires_grad=True that backward would leave without gradient;
    a gradient that exists but is zero does not count. The names are those of
    model.named_parameters(), in that order. If loss has no graph at all, these are all
    trainable parameters.

    No .grad is changed, and loss can still be backpropagated.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Where does it begin?
#
# One bad number is soon everywhere. A linear layer spreads it over a row, batch normalisation over the whole batch:

# %%
import matplotlib.pyplot as plt

noise = torch.Generator().manual_seed(0)
batch = torch.randn(6, 8, generator=noise)
batch[2, 5] = math.nan
stages = {"input": batch, "ReLU": torch.relu(batch)}
stages["Linear"] = stages["ReLU"] @ torch.randn(8, 8, generator=noise)
stages["BatchNorm"] = nn.BatchNorm1d(8)(stages["Linear"]).detach()

figure, axes = plt.subplots(1, 4, figsize=(7.5, 1.9))
for axis, (name, values) in zip(axes, stages.items(), strict=True):
    axis.imshow(torch.isfinite(values).numpy(), cmap="coolwarm_r", vmin=-0.2, vmax=1.2)
    axis.set(title=name, xticks=[], yticks=[])
axes[0].set(ylabel="sample")
_ = axes[0].set(xlabel="feature")

# %% [markdown]
# Red is nan. At the loss you cannot see where it came from; you have to look at each layer's output when it comes into
# being. A *forward hook* does that: a function that PyTorch calls after a module's forward, with the module, its
# arguments and its output. Modules without children are the ones that compute; a container like `nn.Sequential` hands on
# what comes from inside.


# %%
def report(module, arguments, output):
    print(
        type(module).__name__,
        tuple(output.shape),
        "all finite:",
        torch.isfinite(output).all().item(),
    )


model = nn.Sequential(
    nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4), nn.ReLU()), nn.Linear(4, 1)
)
handles = [
    module.register_forward_hook(report)
    for module in model.modules()
    if not list(module.children())
]
_ = model(torch.randn(5, 3))
for handle in handles:
    handle.remove()

# %% [markdown]
# The hook stays until its handle is removed, and whatever happens in between: if the model raises, the last two lines of
# that cell are never run. `try … finally` is made for that.
#
# `named_modules()` gives every module with its name, the model itself with the name `""`. It lists them in the order in
# which they were registered. That they are called in the same order is not said anywhere.
#
# Looking has another side effect. A model in train mode learns something from every batch that passes through, under
# `no_grad` as well:

# %%
norm = nn.BatchNorm1d(2)
with torch.no_grad():
    norm(torch.tensor([[math.nan, 1.0], [2.0, 3.0]]))
print("running mean:", norm.running_mean)

# %% [markdown]
# From now on this layer is broken in eval mode. And to switch to eval mode for the look is no way out: then another
# computation is looked at than the one that went wrong.
#
# (For a nan that is born in the backward pass there is `torch.autograd.set_detect_anomaly(True)`. It names the forward
# operation whose gradient is nan. It is slow; use it as a context, `with torch.autograd.detect_anomaly():`, so that it is
# switched off again.)
#
# ### Task `first_nonfinite`


# %%
def first_nonfinite(model: nn.Module, x: Tensor) -> str | None:
    """Run model(x) once and return the name of the first leaf module whose floating output has
    a nan or an infinity.

    The model runs in the mode it is in, without recording gradients. A leaf module is one
    without children; each is called once and returns one tensor. The name is the one in
    model.named_modules(). "First" means in call order. Return None if there is no such module.

    Afterwards all hooks are gone (also if forward raises); training flags, parameters and
    BUFFERS (also BatchNorm's statistics in train mode) are as before.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [The Python debugger](https://docs.python.org/3/library/pdb.html): all of its commands.
# * [Anomaly detection](https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection) in PyTorch's documentation.
# * Andrej Karpathy, [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/): in which order
#   to look for mistakes that raise nothing.
# * In this course: you have reached the end of the path. Take a model of your own, break it, and find out where.
