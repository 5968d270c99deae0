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
# Two hours into a run, the loss is `nan`. Nothing raised an error, and the log starts an hour after it happened. You
# start again, with a smaller learning rate, and wait two more hours.
#
# Or you look: here is such a run, live. The loss is the mean distance between the outputs for two batches.

# %%
import math

import torch
from torch import Tensor, nn

# %%
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(5):
    one, other = torch.randn(32, 3), torch.randn(32, 3)
    if step == 2:
        other[7] = one[7]  # the same sample twice
    loss = torch.sqrt(((model(one) - model(other)) ** 2).sum(dim=1)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step}: loss {loss.item():.4f}")

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * stop a program where it matters, and look around;
# * find the parameters whose gradient is broken and those that get none at all;
# * tell a zero gradient from no gradient;
# * find the layer where a nan or an infinity first appears;
# * look inside a running model without leaving a trace.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. Stop and look
#
# PyTorch runs line by line, so you can stop anywhere and look at the tensors. Python's debugger, `pdb`, does that:
#
# * Write `breakpoint()` above the line in question, and call your function in a cell of its own, as in `forward(x)`. The
#   program stops there and shows a prompt.
# * After an exception, run `%debug` in the next cell: you are at the line that raised it, with all its variables.
# * A script starts with `python -m pdb -c continue train.py`, and stops where it would have crashed.
# * VS Code does the same with the mouse: click to the left of a line for a red dot, then choose *Debug Cell*.
#
# At the prompt, you type one of these, or any line of Python:
#
# | | |
# |---|---|
# | `l` | list the code around this line |
# | `p x.shape` | print something |
# | `n` | run this line, and stop at the next one |
# | `s` | step into the function that this line calls |
# | `u`, `d` | go up to the caller, and down again |
# | `b 12, loss.isnan()` | stop at line 12, but only if this is true |
# | `c` | continue |
# | `q` | quit |
#
# A first look at a tensor might go like this:
#
# ```text
# -> return self.head(hidden)
# (Pdb) p hidden.shape, hidden.dtype, hidden.device
# (torch.Size([32, 16]), torch.float32, device(type='cpu'))
# (Pdb) p hidden.isfinite().all(), hidden.min(), hidden.max()
# (tensor(False), tensor(nan), tensor(nan))
# (Pdb) u
# -> loss = model(x).mean()
# (Pdb) p x.isfinite().all()
# tensor(True)
# (Pdb) q
# ```
#
# So x was fine, and the bad number was made in between. Call your function *directly* when you debug it. Inside a check
# nobody sits at the prompt, so `breakpoint()` is refused there: take it out before you run the check and before you
# hand in.
#
# A debugger helps when you know where to stop. The bugs in this notebook do not raise anything: training continues, but
# the loss is `nan` or does not fall. For those, you need code that looks for you.
#
# ## 2. Numbers that are not numbers
#
# A float can be `inf`, `-inf` or `nan`, "not a number". These come from overflow, from dividing by zero, from the
# logarithm of zero, and they spread. Be careful with comparisons: `nan` is not even equal to itself.

# %%
x = torch.tensor([1.0, 0.0, -1.0, 1e30])
y = torch.stack([x / 0, torch.log(x), x * x])
print(y)
print("equal to nan:", (y == math.nan).sum().item())
print("nan:         ", torch.isnan(y).sum().item())
print("finite:      ", torch.isfinite(y).sum().item(), "of", y.numel())

# %% [markdown]
# A gradient can be broken even though the forward pass looks healthy. That is what happened at the top of this
# notebook, in the last step with a healthy loss: the distance between equal samples is the square root of 0. The square
# root has slope 1/(2√x), which is infinite at 0; if another factor in the chain rule is 0, the product `0 · inf` is nan:

# %%
x = torch.tensor([0.0, 4.0], requires_grad=True)
loss = torch.sqrt(x**2).sum()
loss.backward()
print("loss:", loss.item(), " gradient:", x.grad)

# %% [markdown]
# ### Predict, then verify: one bad number, and clipping
#
# "Exploding gradients? I clip them." Below, one of the eight entries of a layer's gradients is nan. Then all gradients
# are scaled so that their total norm is at most 1. How many entries are nan afterwards? Replace the dots with a number.

# %%
layer = nn.Linear(3, 2)
layer(torch.randn(5, 3)).square().mean().backward()
layer.weight.grad[0, 1] = math.nan

torch.nn.utils.clip_grad_norm_(layer.parameters(), max_norm=1.0)
bad = sum(
    int(torch.isnan(parameter.grad).sum()) for parameter in layer.parameters()
)

predicted_nans = ...

# %%
if predicted_nans is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_nans,
        "and the number of nan among the 8 entries is",
        bad,
    )

# %% [markdown]
# So look before you clip. (`clip_grad_norm_` has an argument `error_if_nonfinite` that looks for you, but it does not
# say where the bad number is.) A model's `named_parameters()` gives you each parameter with its name, in a fixed order:

# %%
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
model[2](torch.ones(1, 4)).sum().backward()
for name, parameter in model.named_parameters():
    print(
        f"{name:10}",
        "no .grad" if parameter.grad is None else parameter.grad.tolist(),
    )

# %% [markdown]
# ### Task `nonfinite_grads`
#
# Call it between `backward()` and `step()`, and the run at the top can stop in step 2, before any weight is nan.


# %%
def nonfinite_grads(model: nn.Module) -> list[str]:
    """Return the names of the parameters whose .grad contains a nan, +inf or
    -inf.

    Use the names that model.named_parameters() gives, in the same order. Leave
    out parameters whose .grad is None. Frozen parameters count if they have a
    .grad. Change nothing.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. No gradient at all
#
# There may be a simple reason why a loss does not fall: it does not depend on the weights. Someone wrote `.detach()`,
# `.item()` or `torch.tensor(loss)`, computed something under `no_grad`, or forgot to call a layer. If nothing is
# connected, `backward()` raises an error. If some of it is still connected, you get no warning.
#
# ### Predict, then verify: who gets a gradient?
#
# This computation uses four layers. For which of them is the weight's `.grad` still `None` after `backward()`? Replace
# the dots with a list of names, such as `["first", "head"]`.

# %%
layers = nn.ModuleDict(
    {name: nn.Linear(3, 3) for name in ("first", "gate", "side", "head")}
)
hidden = layers["first"](torch.randn(5, 3))
output = (
    layers["head"](hidden)
    + 0 * layers["gate"](hidden)
    + layers["side"](hidden).detach()
)
output.square().mean().backward()
without = [name for name, layer in layers.items() if layer.weight.grad is None]

predicted_without = ...

# %%
if predicted_without is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_without, "and .grad is None for", without)

# %% [markdown]
# A zero gradient says: "I depend on you, but right now a small change in you makes no difference." No gradient says: "I
# do not know you." An optimizer skips a parameter without a gradient, but momentum and weight decay still move one
# whose gradient is zero.
#
# `backward()` is a clumsy way to find out: it adds to every `.grad` in the graph and then frees the graph.
# `torch.autograd.grad` returns the gradients instead, but it has conditions of its own:

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
# On its own, the second call would have worked. But the first one, although it failed, has already freed the graph.
#
# ### Task `disconnected`
#
# Call it once before a long run, on the first loss: it names each layer that you have built and never trained.


# %%
def disconnected(model: nn.Module, loss: Tensor) -> list[str]:
    """Return the names of the trainable parameters that `loss` (0-dim) does not
    depend on through the graph.

    These are the parameters with requires_grad=True that loss.backward() would
    give no gradient. A parameter that gets a gradient of zeros is connected:
    leave it out. Use the names that model.named_parameters() gives, in the same
    order. If loss has no graph at all, return the names of all trainable
    parameters.

    Change no .grad, neither the model's nor any other tensor's, and leave no
    hook behind. loss.backward() must still work afterwards.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Where does it begin?
#
# One bad number is soon everywhere. A linear layer spreads it across a row, batch normalisation across the whole batch:

# %%
import matplotlib.pyplot as plt

noise = torch.Generator().manual_seed(0)
batch = torch.randn(6, 8, generator=noise)
batch[2, 5] = math.nan
stages = {"input": batch, "ReLU": torch.relu(batch)}
stages["Linear"] = stages["ReLU"] @ torch.randn(8, 8, generator=noise)
stages["BatchNorm"] = nn.BatchNorm1d(8)(stages["Linear"]).detach()

figure, axes = plt.subplots(1, 4, figsize=(7.5, 2.1), layout="constrained")
for axis, (name, values) in zip(axes, stages.items(), strict=True):
    axis.imshow(
        torch.isfinite(values).numpy(), cmap="coolwarm_r", vmin=-0.2, vmax=1.2
    )
    axis.set(title=name, xticks=[], yticks=[])
axes[0].set(ylabel="sample")
axes[0].set(xlabel="feature")
plt.show()

# %% [markdown]
# Red is nan. The loss does not tell you where it came from; you have to look at each layer's output as it is computed.
# A *forward hook* does that: a function that PyTorch calls after a module's forward, with the module, its arguments and
# its output. Modules without children do the computing; a container such as `nn.Sequential` passes on what they return.


# %%
def report(module, arguments, output):
    print(
        type(module).__name__,
        tuple(output.shape),
        "all finite:",
        torch.isfinite(output).all().item(),
    )


model = nn.Sequential(
    nn.Linear(3, 4),
    nn.Sequential(nn.BatchNorm1d(4), nn.ReLU()),
    nn.Linear(4, 1),
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
# A hook stays until you remove it through its handle, whatever happens in between. If the model raises an exception,
# the last two lines of that cell never run. That is what `try … finally` is for.
#
# `named_modules()` gives you every module with its name; the model itself has the name `""`. It lists them in the order
# in which they were registered. Nothing says that they are called in that order.
#
# Looking has another side effect. In train mode, some layers learn from every batch that passes through, even under
# `no_grad`:

# %%
norm = nn.BatchNorm1d(2)
with torch.no_grad():
    norm(torch.tensor([[math.nan, 1.0], [2.0, 3.0]]))
print("running mean:", norm.running_mean)

# %% [markdown]
# From now on this layer is broken in eval mode. Switching to eval mode just to look does not help either: then you look
# at a different computation from the one that went wrong.
#
# (For a nan that first appears in the backward pass, there is `torch.autograd.set_detect_anomaly(True)`. It names the
# forward operation whose gradient is nan. It is slow, so use it as a context manager, `with
# torch.autograd.detect_anomaly():`, which switches it off again.)
#
# ### Task `first_nonfinite`
#
# When the loss is nan, this tells you which layer to look at, and the model is as it was when it went wrong.


# %%
def first_nonfinite(model: nn.Module, x: Tensor) -> str | None:
    """Run model(x) once and return the name of the first leaf module whose
    floating-point output contains a nan or an infinity.

    Run the model in the mode it is in, without recording gradients. A leaf
    module is one without children; you may assume that each is called at most
    once and returns one tensor, which may also hold integers. "First" means
    first in call order. The name is the one that model.named_modules() gives.
    Return None if there is no such module.

    Afterwards your hooks are gone, even if the model raises an exception, and
    the training flags, parameters and BUFFERS are what they were (BatchNorm's
    statistics in train mode, too).
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [The Python debugger](https://docs.python.org/3/library/pdb.html): all of its commands.
# * [Anomaly detection](https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection) in PyTorch's documentation.
# * Andrej Karpathy, [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/): in which
#   order to look for mistakes that raise no error.
# * In this course, you have reached the end of the path. Take a model of your own, break it, and find out where.
#
# ## Appendix: where the tutorial differs
#
# If you also read the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It stops with `import pdb; pdb.set_trace()`. Since Python 3.7, `breakpoint()` does the same.
# * It expects `None` in `.grad` when a loss is not connected to the model. `backward()` raises an error first.
