# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # GPU transfer
#
# When you have worked through this notebook you can
#
# * write code that uses a GPU where there is one and runs without one;
# * say which of two lines moves something, and which gives a moved copy back;
# * create new tensors where the data is, and keep leaves leaves when they move;
# * feed a GPU without waiting for it, and train in mixed precision;
# * carry models, checkpoints and half-finished trainings from one machine to another.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# %% [markdown]
# ## 1. A GPU for everybody
#
# You need no GPU for this notebook. The package `autograder` has a *simulated* one: inside of `with simulated_gpu():`
# this machine has a GPU as far as PyTorch can tell. The numbers still come from the CPU, so nothing gets faster, but
# your mistakes are the ones that you would make on a GPU. Grading uses it, too.
#
# Where the package is missing, and there is no GPU either, the examples run on the CPU, where most of these mistakes go
# unnoticed. That is what makes them dangerous.

# %%
try:
    from autograder import simulated_gpu
except ImportError:
    simulated_gpu = nullcontext

with simulated_gpu():
    gpu = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(torch.ones(2, device=gpu))
    try:
        print(torch.ones(2, device=gpu) + torch.ones(2))
    except RuntimeError as error:
        print("RuntimeError:", error)

# %% [markdown]
# A tensor's data is on one device, and an operation takes all its tensors from one device. (The exception: a
# 0-dimensional CPU tensor counts as a number.) Nothing is moved for you: a copy over the bus costs more than most
# computations.
#
# ## 2. Which device?
#
# The tutorial's `if params.cuda:` in front of every line is not needed. Choose a device once, and give it to
# everything. The tutorial sees "no difference" between `.to()` and `.cuda()`. There are several: `.to(device)` works for
# the CPU as well, and takes a dtype, too; `.cuda()` can name GPUs only, and fails where there is none.
#
# ### Task `pick_device`


# %%
def pick_device(prefer: str = "auto") -> torch.device:
    """Choose a device (only "cpu" and "cuda" count here) and return it as a torch.device.

    * "auto": cuda if torch.cuda.is_available() says so, else cpu.
    * "cpu": cpu.
    * "cuda" or "cuda:<k>": that device if CUDA is available and k < torch.cuda.device_count(),
      else RuntimeError.
    * Any other string: ValueError.

    "cuda" and "cuda:0" are both accepted as the answer to "auto" and "cuda". Nothing is
    allocated on any device.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Moving
#
# `.to(device)`, `.cuda()` and `.cpu()` look alike for tensors and for modules, but they are not: a module moves in
# place, since its parameters are exchanged inside; a tensor gives back a copy and stays where it is. (The tutorial says
# that `.cuda()` "sends" both. It also says that the type of a GPU tensor is `numpy.ndarray`: it is `torch.Tensor`, as
# everywhere.)
#
# ### Predict, then verify: who has moved?
#
# Suppose `device` is a GPU.
#
# ```python
# model = nn.Linear(3, 2)
# x = torch.ones(3)
# model.to(device)
# x.to(device)
# y = x.to(device) * 2
# ```
#
# Where are `model.weight`, `x` and `y` now? Write three strings in place of the dots, each "cpu" or "cuda", as in
# `predicted_places = "cpu", "cpu", "cpu"`.

# %%
predicted_places = ...

# %%
if predicted_places is ...:
    print("Write down your prediction first, then run this cell.")
else:
    with simulated_gpu():
        where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model = nn.Linear(3, 2)
        x = torch.ones(3)
        model.to(where)
        x.to(where)
        y = x.to(where) * 2
        print(
            "You predicted",
            predicted_places,
            "and it is",
            [t.device.type for t in (model.weight, x, y)],
        )

# %% [markdown]
# ### Task `to_device`
#
# A DataLoader's batches are seldom a single tensor: there are dicts of inputs and tuples of labels, with file names in
# between.


# %%
def to_device(obj: Any, device: torch.device | str) -> Any:
    """Move every tensor inside a nested batch to `device`.

    obj is a tensor, a dict, list, tuple or namedtuple (nested to any depth), or anything else
    (str, number, None, ...).

    Return the same structure, with the same container types, the same keys and the same order,
    with every tensor replaced by its copy on `device` (dtype, shape and requires_grad kept).
    What is neither tensor nor container is passed through as it is. The original containers and
    tensors are not modified.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `run_where_model_is`
#
# Bring the data to the model, and not the model to the data: the model may be large, and somebody has put it where it
# is. A module has no `.device`, since its parts may be on several.


# %%
def run_where_model_is(model: nn.Module, x: Tensor) -> Tensor:
    """Return model(x), computed on the model's device.

    x is first moved to the device of the model's first parameter (or, without parameters, of
    its first buffer; without both, x is used as it is). The result stays on that device and is
    differentiable in x. The model is not moved: the same Parameter objects, on the same device.
    x is not modified.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Born in the right place
#
# `torch.ones(4)` is on the CPU, also in the middle of a `forward` that runs on a GPU. New tensors are made where the
# data is: with `device=x.device`, with `torch.zeros_like(x)`, or with `x.new_ones(4)`.

# %%
with simulated_gpu():
    x = torch.randn(2, 4).to("cuda" if torch.cuda.is_available() else "cpu")
    for made in (
        torch.ones(4),
        torch.ones(4, device=x.device),
        torch.zeros_like(x),
        x.new_ones(4),
    ):
        print(made.device.type, end=" ")

# %% [markdown]
# ### Task `causal_scores`
#
# A language model must not look into the future. Before the softmax, the scores of later positions are set to -inf:

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(2.6, 2.6))
axis.imshow(torch.ones(6, 6).tril().numpy(), cmap="Greys")
_ = axis.set(title="may look at (dark)", xlabel="j", ylabel="i")


# %%
def causal_scores(scores: Tensor) -> Tensor:
    """Causal masking of attention scores (..., T, T): entry [..., i, j] becomes -inf where j >
    i, all others stay.

    Return a NEW tensor of the same shape, dtype and device as scores, on ANY device; scores
    itself is unchanged. Differentiable: gradient 1 for kept entries, 0 for masked ones.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `leaf_on`
#
# The tutorial makes its leaf with `torch.tensor([1, 2, 3], requires_grad=True)`. That raises a RuntimeError: only
# floating and complex numbers can have a gradient, and these are whole ones. And moving is an operation. After
# `t = t.cuda()`, as in the tutorial, `t` is no longer the leaf that you made, but a result with a `grad_fn`; its `.grad`
# stays None, and an optimizer refuses it.

# %%
with simulated_gpu():
    made = torch.ones(3, requires_grad=True)
    moved = made.to("cuda" if torch.cuda.is_available() else "cpu", copy=True)
    moved.sum().backward()
    print(
        "a leaf:",
        moved.is_leaf,
        "- the gradient arrived at",
        "made" if made.grad is not None else "moved",
    )


# %%
def leaf_on(
    values: Any, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Create a trainable LEAF tensor from (nested lists of) numbers or a NumPy array on the
    given device.

    Result: dtype and device as given, requires_grad True, is_leaf True, grad None; accepted by
    an optimizer; after a backward pass its .grad is filled. It does not share memory with
    `values`. Integer values are converted.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `Standardizer`
#
# `module.to(device)` moves what the module knows of: parameters, and *buffers*, which are tensors that belong to the
# model but are not trained. A tensor in an ordinary attribute is left behind, and it is missing from the state_dict as
# well.


# %%
class Standardizer(nn.Module):
    """Standardises features: forward(x) is (x - mean) / std, with the statistics of the columns
    of `data`.

    data has shape (N, F), N >= 2, and a floating dtype. mean and std have shape (F,); std has N
    - 1 in the denominator (as data.std has), and where a column's std is 0, 1 stands in its
    place.

    mean and std are buffers under these names: they stand in the state_dict, move and convert
    with the module, and are no parameters. They start with data's dtype and device, and require
    no gradient, even if data does.

    x has shape (..., F) and is on the module's device. The result is differentiable in x.
    """

    def __init__(self, data: Tensor) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


# %% [markdown]
# ## 5. Who waits for whom?
#
# A GPU works on its own. Python only tells it what to do, and goes on at once. So far ahead it can run until it needs a
# *number*: `loss.item()`, `float(loss)`, `print(loss)` and `if loss > 3:` wait until the GPU has computed everything up
# to there. One such line in a loop, and the GPU stands idle while Python thinks, and Python while the GPU computes.
#
# ### Predict, then verify: how often does a number come back?
#
# `model` is on a GPU, and so are the five tensors in `batches`.
#
# ```python
# total = 0.0
# for x in batches:
#     loss = model(x).mean()
#     total += loss.item()
#     if loss > 100:
#         print("large")
# ```
#
# How often does Python wait for a number of the GPU, if no loss is large? Write a number in place of the dots.

# %%
predicted_returns = ...

# %%
if predicted_returns is ...:
    print("Write down your prediction first, then run this cell.")
elif simulated_gpu is nullcontext:
    print("Without the simulated GPU nobody counts.")
else:
    with simulated_gpu() as machine:
        model, batches = (
            nn.Linear(3, 2).cuda(),
            [torch.randn(4, 3, device="cuda") for _ in range(5)],
        )
        before, total = len(machine.transfers), 0.0
        for x in batches:
            loss = model(x).mean()
            total += loss.item()
            if loss > 100:
                print("large")
        print("You predicted", predicted_returns, "and it was", len(machine.transfers) - before)

# %% [markdown]
# ### Task `mean_loss`


# %%
def mean_loss(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Return the mean cross-entropy of a model over all samples, as a Python float.

    batches gives pairs (x, y) on the CPU: x of shape (n, ...), and classes y of shape (n,).
    They may differ in n; the mean is that over samples. Each batch is moved to the device of
    the model's first parameter and is used once. The model stays where it is, is called once
    for each batch in the mode it is in, and nothing is recorded for gradients.

    However many batches there are, one single number comes back from the GPU: whatever fetches
    one inside of the loop makes Python wait each time.

    Raise ValueError if there are no samples.
    """
    raise NotImplementedError


# %% [markdown]
# ## 6. Copies that nobody waits for
#
# On its way to a GPU, data can also travel while Python goes on. That needs two things: `non_blocking=True`, and
# *page-locked* memory, which the GPU can read by itself: `x.pin_memory()`, or `pin_memory=True` in a DataLoader. From
# ordinary memory Python waits, whatever you ask for. Without a GPU there is nothing to pin for, and PyTorch may even
# refuse.
#
# In the other direction beware. `x.to("cpu", non_blocking=True)` gives you a tensor whose memory has not been filled
# yet. On a real GPU that goes well most of the time. The simulated one fills it with NaN until somebody waits:

# %%
with simulated_gpu():
    where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    early = torch.arange(3.0, device=where).to("cpu", non_blocking=True)
    print("read at once:       ", early.tolist())
    if where.type == "cuda":
        torch.cuda.synchronize()
    print("after synchronizing:", early.tolist())

# %% [markdown]
# ### Task `batches_on`


# %%
def batches_on(batches: Iterable[Any], device: torch.device | str) -> Iterator[Any]:
    """Yield the batches one by one, each with its tensors on `device`.

    A batch is a list or a tuple of any number of tensors; what comes out has the same type,
    order and values. A batch is taken from `batches` only when it is asked for.

    * To a GPU, each CPU tensor is copied once, from page-locked memory, and Python waits for
      none of these copies. One that is pinned already need not be pinned again.
    * To the CPU, nothing is pinned, and the values of a tensor that comes from a GPU are
      complete when it is yielded.
    * A tensor that is on `device` already is passed on itself.
    """
    raise NotImplementedError


# %% [markdown]
# ## 7. Training that moves
#
# An optimizer holds the parameter *objects*, and `model.to` keeps these. So an optimizer that was made before the move
# goes on with the right parameters. What it remembers of them is another matter:

# %%
model = nn.Linear(3, 2)
optimizer = torch.optim.Adam(model.parameters())
model(torch.ones(3)).sum().backward()
optimizer.step()
print({name: tuple(value.shape) for name, value in optimizer.state[model.weight].items()})

with simulated_gpu():
    where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(where)
    model.zero_grad()
    model(torch.ones(3, device=where)).sum().backward()
    try:
        optimizer.step()
        print("went on")
    except RuntimeError as error:
        print("RuntimeError:", str(error)[:75], "...")

# %% [markdown]
# ### Task `move_training_`


# %%
def move_training_(
    model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device | str
) -> None:
    """Move a model to `device` in the middle of its training, IN PLACE, together with what its
    optimizer remembers.

    optimizer is one of PyTorch's (other than LBFGS) and trains all parameters of the model.
    Afterwards the parameters, their gradients and the buffers are on `device`, and so is every
    tensor in the optimizer's state that has the shape of its parameter. (Others, such as Adam's
    count of steps, may be where they were.) Training goes on as if nothing had happened.

    Model and optimizer keep the same Parameter objects. Return nothing.
    """
    raise NotImplementedError


# %% [markdown]
# ## 8. Mixed precision
#
# GPUs multiply float16 matrices many times faster than float32 ones. Under `torch.autocast` each operation runs in the
# dtype that suits it: products in float16, losses and norms in float32, while the parameters stay float32. What is
# small becomes zero in float16, so a `GradScaler` multiplies the loss by a large number before the backward pass, and
# divides the gradients by it afterwards. If something overflows, it leaves the step out and tries a smaller scale.

# %%
with simulated_gpu():
    where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    layer, x = nn.Linear(3, 2).to(where), torch.randn(4, 3, device=where)
    with torch.autocast(where.type, dtype=torch.float16):
        out = layer(x)
        print(
            "weight",
            layer.weight.dtype,
            "- output",
            out.dtype,
            "- loss",
            F.mse_loss(out, out.detach() + 1).dtype,
        )
print("in float16, 1e-8 is", torch.tensor(1e-8).half().item())

# %% [markdown]
# Only the forward pass and the loss belong under autocast. The backward pass runs each operation in the dtype that its
# forward had.
#
# ### Task `mixed_step`


# %%
def mixed_step(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    max_norm: float,
) -> Tensor:
    """Take one training step in mixed precision on the device where model, x and y are, and
    return the loss.

    1. Gradients of earlier steps are forgotten.
    2. The model and the loss, F.cross_entropy(model(x), y), run under autocast to torch.float16
       for that device.
    3. The backward pass runs on the loss scaled by `scaler`.
    4. The gradients are unscaled, and then those of all parameters together are clipped to the
       norm max_norm.
    5. The scaler takes the optimizer's step, or leaves it out if a gradient is infinite or NaN,
       and is updated.

    The result is the loss without its scale: a float32 number () on that device, without
    history. It need not go through the CPU. The parameters stay float32. Parameters may be
    frozen.
    """
    raise NotImplementedError


# %% [markdown]
# ## 9. From one machine to another
#
# A file written by `torch.save` says of each tensor where it was. `torch.load` puts it there again, and on a machine
# without that GPU it raises. `map_location` says where things should go instead.
#
# ### Task `load_weights_`


# %%
def load_weights_(model: nn.Module, path: str | Path) -> None:
    """Load the state_dict in the file at `path` into the model, IN PLACE.

    The file may have been written on a GPU, and this machine may have none. The model stays on
    its device and keeps its Parameter objects; buffers are loaded, too. If names or shapes do
    not fit, raise RuntimeError (as load_state_dict does). Return nothing.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [CUDA semantics](https://docs.pytorch.org/docs/stable/notes/cuda.html) in PyTorch's documentation: asynchronous
#   execution, memory, pinned memory.
# * [Good usage of `non_blocking` and `pin_memory()`](https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html):
#   what really overlaps with what, measured.
# * [Automatic mixed precision](https://docs.pytorch.org/docs/stable/amp.html): the lists of operations, and worked examples.
# * In this course, `debugging` comes last: what to do when none of this helps.
