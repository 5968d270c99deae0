# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Optimizers and per-layer learning rates
#
# You halve the learning rate in the middle of training, and all at once the model gets worse instead of better. The new rate
# is not to blame: the optimizer has lost its memory. Here are two runs that differ in how the rate was changed at step 150.

# %%
import copy
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LRScheduler,
    StepLR,
)


# %%
import matplotlib.pyplot as plt


def losses_of_a_run(new_optimizer: bool) -> list[float]:
    """The losses of 220 steps, with a learning rate that is halved in one of
    two ways."""
    steepness = torch.logspace(-1, 1, 20)
    spot = nn.Parameter(torch.ones(20))
    mover = torch.optim.Adam([spot], lr=0.05)
    found = []
    for step in range(220):
        if step == 150:
            if new_optimizer:
                mover = torch.optim.Adam([spot], lr=0.025)
            else:
                mover.param_groups[0]["lr"] = 0.025
        error = (steepness * spot**2).sum()
        mover.zero_grad()
        error.backward()
        mover.step()
        found.append(error.item())
    return found


figure, axis = plt.subplots(figsize=(5.5, 2.8))
axis.semilogy(
    losses_of_a_run(new_optimizer=True),
    label="a new optimizer with half the rate",
)
axis.semilogy(
    losses_of_a_run(new_optimizer=False),
    label="the same optimizer with half the rate",
)
axis.axvline(150, color="gray", linestyle="--")
axis.set(xlabel="step", ylabel="loss", title="The rate is halved at step 150")
axis.legend()
plt.show()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * say what an optimizer does in a step, and what it looks at;
# * write stochastic gradient descent with momentum yourself;
# * give the layers of a model different learning rates, with every parameter in exactly one group;
# * change a learning rate in the middle of training without losing what the optimizer has learned;
# * plan the learning rate of a whole run, from a warm-up to the last step.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.

# %% [markdown]
# ## 1. What a step is
#
# `loss.backward()` computes gradients and leaves them in `.grad`. That is all it does. Changing the parameters is the
# *optimizer's* job: an optimizer is told once which parameters it is in charge of, and changes them whenever you call its
# `step()`.

# %%
w = nn.Parameter(torch.tensor([1.0, -2.0]))
optimizer = torch.optim.SGD([w], lr=0.1)

loss = (w**2).sum()  # its gradient is 2·w
loss.backward()
print("gradient:", w.grad)
optimizer.step()
print("after the step:", w.data)

# %% [markdown]
# That is gradient descent: `w` has become `w - lr * w.grad`. In practice, these four do most of the work:
#
# | optimizer | changes a parameter by | remembers for each parameter |
# |---|---|---|
# | `SGD` | -lr · gradient | nothing |
# | `SGD` with `momentum` | -lr · velocity, which adds up past gradients | the velocity |
# | `Adam` | -lr · mean gradient / root of the mean squared gradient | both means |
# | `AdamW` | as `Adam`, plus separate weight decay | both means |
#
# ## 2. What an optimizer looks at
#
# An optimizer sees neither the loss nor the model. It goes through its list of parameters and reads each one's `.grad`.
#
# ### Predict, then verify: a parameter that was frozen too late
#
# A parameter already has a gradient and is then frozen, before the step. What value does it have after the step? Replace
# the dots with a number.

# %%
w = nn.Parameter(torch.tensor(2.0))
optimizer = torch.optim.SGD([w], lr=0.1)

(3 * w).backward()
w.requires_grad_(False)
# … and now optimizer.step()

predicted_frozen = ...

# %%
if predicted_frozen is ...:
    print("Write down your prediction first, then run this cell.")
else:
    optimizer.step()
    print("You predicted", predicted_frozen, "and w is", w.item())

# %% [markdown]
# A parameter is skipped for only one reason: its `.grad` is None. A gradient of *zero* is different, because with weight
# decay or momentum there is more to a step than the gradient:

# %%
decayed = nn.Parameter(torch.tensor([1.0, 1.0]))
decayed.grad = torch.zeros(2)
skipped = nn.Parameter(torch.tensor([1.0, 1.0]))
torch.optim.SGD([decayed, skipped], lr=0.1, weight_decay=0.5).step()
print("gradient 0:   ", decayed.data)
print("gradient None:", skipped.data)

# %% [markdown]
# That is why `optimizer.zero_grad()` now sets every `.grad` to None, rather than to zero.
#
# ## 3. Momentum
#
# In a long, narrow valley the gradient points to the nearest wall rather than to the exit. Plain descent then bounces from
# wall to wall. With *momentum*, each parameter has a velocity, here called `buf`: every step keeps part of it and adds the
# gradient.
#
# > buf = gradient in the first step, and momentum · buf + gradient in every later step
# >
# > parameter = parameter - lr · buf
#
# Components that flip sign from step to step cancel out in the velocity; those that keep their sign add up.


# %%
def valley(x, y):
    return 0.5 * (x**2 + 25 * y**2)


figure, axis = plt.subplots(figsize=(6, 2.8))
xs, ys = torch.meshgrid(
    torch.linspace(-6, 1.5, 100), torch.linspace(-1.2, 1.2, 80), indexing="xy"
)
axis.contour(
    xs,
    ys,
    valley(xs, ys),
    levels=[0.1, 0.5, 2, 5, 10, 16],
    colors="gray",
    alpha=0.5,
)
for momentum, color in [(0.0, "tab:red"), (0.7, "tab:blue")]:
    place = nn.Parameter(torch.tensor([-5.5, 1.0]))
    descent = torch.optim.SGD([place], lr=0.07, momentum=momentum)
    path = [place.tolist()]
    for _ in range(25):
        descent.zero_grad()
        valley(*place).backward()
        descent.step()
        path.append(place.tolist())
    axis.plot(
        *zip(*path, strict=True),
        "o-",
        color=color,
        markersize=3,
        linewidth=1,
        label=f"momentum {momentum}",
    )
axis.set(xlabel="x", ylabel="y", title="25 steps, the same learning rate")
axis.legend(loc="lower right")
plt.show()

# %% [markdown]
# A constant gradient g leads to the velocity g / (1 - momentum): with momentum 0.9, the steps become ten times as long.
# When you switch on momentum, you usually need a smaller learning rate.
#
# ### Predict, then verify: three steps with momentum
#
# `w` starts at 0, and the loss is `w` itself, so the gradient is 1 in every step. Where is `w` after three steps with lr =
# 1 and momentum = 0.5? Replace the dots with a number.

# %%
predicted_momentum = ...

# %%
if predicted_momentum is ...:
    print("Write down your prediction first, then run this cell.")
else:
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=1.0, momentum=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        w.backward()
        optimizer.step()
    print("You predicted", predicted_momentum, "and w is", w.item())

# %% [markdown]
# ## 4. An optimizer of your own
#
# Three things to know before you begin. First, an optimizer and a model share parameters because they hold *the same
# objects*. A statement like `p = p - 1` makes a new tensor and gives it the old name:

# %%
layer = nn.Linear(2, 1, bias=False)
p = layer.weight
p = p - 1
print(p is layer.weight, "- the new one has a history:", p.grad_fn is not None)

# %% [markdown]
# Second, while PyTorch is recording, it refuses to change a leaf that requires grad; under `torch.no_grad()` it does not
# record. Third, `model.parameters()` is a generator: you can go through it once, then it is empty.

# %%
parameters = layer.parameters()
print(len(list(parameters)), len(list(parameters)))

# %% [markdown]
# ### Task `SGD`
#
# With ten lines of your own you know what the optimizers you import do, and you can change one for an experiment.


# %%
class SGD:
    """Plain stochastic gradient descent, with momentum.

    step(): for every parameter whose .grad is not None, let buf = grad (the
    first time) or momentum * buf + grad (every later time); then change the
    parameter IN PLACE by -lr * buf, as torch.optim.SGD does. With momentum 0
    that is simply -lr * grad. A parameter without a gradient is skipped, and
    its buf stays as it is. step() does not change .grad, autograd records
    nothing, and the parameters stay the same leaf objects with the same
    requires_grad.

    zero_grad(): sets every .grad to None.

    params may be any iterable, including a generator.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.0
    ) -> None:
        raise NotImplementedError

    def step(self) -> None:
        raise NotImplementedError

    def zero_grad(self) -> None:
        raise NotImplementedError


# %% [markdown]
# ## 5. Different learning rates for different layers
#
# The body of a pretrained model should change slowly, its new head quickly. So an optimizer keeps its parameters in
# *groups*, each with options of its own. A plain list of parameters becomes a single group:

# %%
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
(group,) = optimizer.param_groups
print(
    "one group, with the options", [name for name in group if name != "params"]
)

# %% [markdown]
# Instead, you can pass a list of dicts. Whatever a dict does not mention is taken from the keyword arguments that follow:

# %%
model = nn.ModuleDict(
    {
        "body": nn.Linear(4, 3),
        "head": nn.Linear(3, 2),
        "head_norm": nn.LayerNorm(2),
    }
)
optimizer = torch.optim.SGD(
    [
        {"params": [model["body"].weight], "lr": 0.001},
        {"params": [model["body"].bias]},
    ],
    lr=0.1,
    momentum=0.9,
)
for group in optimizer.param_groups:
    print(
        "lr:",
        group["lr"],
        " momentum:",
        group["momentum"],
        " parameters:",
        len(group["params"]),
    )

# %% [markdown]
# A parameter that is in two groups raises an error, since every step would move it twice. A parameter that is in no group
# is never trained, and nobody tells you.

# %%
try:
    torch.optim.SGD(
        [
            {"params": model.parameters()},
            {"params": model["head"].parameters(), "lr": 0.01},
        ],
        lr=0.1,
    )
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# A parameter's name tells you which layer it belongs to. If two layers share a parameter, `named_parameters()` lists it
# only once, under the first of its names.

# %%
print([name for name, _ in model.named_parameters()])

# %% [markdown]
# ### Task `param_groups`
#
# This is how pretrained models are fine-tuned: a gentle rate for the body, a bold one for the new head.


# %%
def param_groups(
    model: nn.Module, head: str, base_lr: float, head_lr: float
) -> list[dict]:
    """Return two parameter groups for a torch.optim optimizer: first the body
    with lr base_lr, then the head with head_lr.

    The head group holds the trainable parameters whose name in
    model.named_parameters() starts with head + '.'; the body group holds all
    other trainable ones and may be empty. Both are in the order of
    named_parameters(). Frozen parameters (requires_grad=False) are in neither.
    The values under 'params' are lists.

    Raise ValueError if the head group would be empty.
    """
    raise NotImplementedError


# %% [markdown]
# ## 6. What an optimizer remembers
#
# A learning rate belongs to a *group*, and is one of its options in `param_groups`. What belongs to a single parameter is in
# `state`: velocities, or Adam's means. Before the first step, `state` is empty.

# %%
w = nn.Parameter(torch.tensor([1.0, -2.0]))
optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
print("state before:", dict(optimizer.state))
for _ in range(5):
    optimizer.zero_grad()
    (w**2).sum().backward()
    optimizer.step()
print("state after:", optimizer.state[w])

# %% [markdown]
# The learning rate is often reduced during training. A new optimizer with a smaller rate would do that, but it would start
# with an empty state: all velocity is lost, and Adam has to work out its means again. Here, both optimizers get the same
# gradient:

# %%
old_w, old_optimizer = copy.deepcopy((w, optimizer))
new_w = copy.deepcopy(w)
new_optimizer = torch.optim.SGD([new_w], lr=0.1, momentum=0.9)
for label, parameter, stepping in [
    ("old", old_w, old_optimizer),
    ("new", new_w, new_optimizer),
]:
    before = parameter.detach().clone()
    parameter.grad = torch.tensor([0.1, 0.1])
    stepping.step()
    print(f"the {label} optimizer moves w by", parameter.detach() - before)

# %% [markdown]
# ### Task `scale_lr`
#
# You need it when the loss has stopped falling, or has exploded and a run resumes from its last checkpoint.


# %%
def scale_lr(optimizer: torch.optim.Optimizer, factor: float) -> list[float]:
    """Multiply the learning rate of EVERY parameter group by factor, in place,
    and return a list of the new rates in group order.

    The optimizer object, its state (momentum, Adam's moments) and all other
    options stay as they are; the next step uses the new rates.

    Raise ValueError (and change nothing) if factor is negative.
    """
    raise NotImplementedError


# %% [markdown]
# ## 7. A plan for the learning rate
#
# A *scheduler* changes the rate for you, according to a plan. It belongs to one optimizer, and has a `step()` of its own, to
# be called *after* the optimizer's: once per epoch, or once per batch, whichever the plan counts. PyTorch has a dozen of
# them. The most general is `LambdaLR`: you give it a function that takes the step's number and returns the factor by which
# each group's initial rate is multiplied.

# %%
plans = {
    "StepLR": lambda owner: StepLR(owner, step_size=15, gamma=0.4),
    "CosineAnnealingLR": lambda owner: CosineAnnealingLR(owner, T_max=50),
    "LambdaLR, 0.93 ** step": lambda owner: LambdaLR(
        owner, lambda step: 0.93**step
    ),
}
figure, axis = plt.subplots(figsize=(5.5, 2.8))
for label, plan in plans.items():
    stepping = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    plan_of_rates, used = plan(stepping), []
    for _ in range(50):
        used.append(stepping.param_groups[0]["lr"])  # the rate of this step
        stepping.step()
        plan_of_rates.step()
    axis.plot(used, label=label)
axis.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
axis.legend()
plt.show()

# %% [markdown]
# At the start, the gradients of a fresh model are large and Adam's means are estimates from a few steps, so many runs begin
# with a *warm-up*: small rates that grow to the full one. At the end, the rate goes down, so that the parameters settle.
#
# ### Task `warmup_then_decay`
#
# Nearly every large language model was trained with a plan of this form.


# %%
def warmup_then_decay(
    optimizer: torch.optim.Optimizer, warmup: int, total: int
) -> LRScheduler:
    """Return a scheduler (an LRScheduler of PyTorch's, or a subclass of it)
    that takes the optimizer through a warm-up and a decay.

    Steps are numbered from 0, and each call of the scheduler's step() begins
    the next one. The rate of every group is the one it has when this function
    is called, times

    * (step + 1) / warmup while step < warmup;
    * after that, a share that falls in a straight line from 1 at step = warmup
      to 0 at step = total, and stays 0.

    So when this function returns, the rates are those of step 0. The optimizer
    object, its state and all other options stay as they are. No scheduler has
    been used with it before.

    Raise ValueError unless 0 <= warmup < total.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [torch.optim](https://docs.pytorch.org/docs/stable/optim.html): all the optimizers, and all the schedulers.
# * [Why momentum really works](https://distill.pub/2017/momentum/): the picture of the valley, to play with.
# * In this course, `training` puts an optimizer into a loop, and `checkpoints` saves its state along with the model's.

# %% [markdown]
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It announces a list of PyTorch's optimizers but leaves it out. The table in section 1 has the most common ones.
# * "Only parameters with `requires_grad = True` will be updated": what an optimizer looks at is `.grad`.
# * It says that an optimizer's `state_dict` holds "the per-parameter learning rate". Rates belong to groups.
