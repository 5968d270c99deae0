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
# Your model takes all night on your laptop, so you rent a GPU. The script stops within a second. You fix that, and
# now the expensive GPU is busy for a third of the time: it keeps waiting for your loop. In the end you bring the
# weights home, and they do not load, because your laptop has no GPU.
#
# Each of these takes one line to cause and one line to fix. Here is the first one, live:

# %%
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

try:
    from autograder import simulated_gpu
except ImportError:
    simulated_gpu = nullcontext


# %%
class Noisy(nn.Module):
    """Works on every laptop."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x + torch.randn(3))


with simulated_gpu():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, x = Noisy().to(device), torch.ones(4, 3, device=device)
    try:
        print(model(x).shape)
    except RuntimeError as error:
        print("RuntimeError:", error)

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * write code that uses a GPU if there is one and runs without one;
# * say which of two lines moves something and which returns a moved copy;
# * create new tensors where the data is, and keep leaf tensors leaves when you move them;
# * load at home what was saved on a GPU, and choose a GPU to rent;
# * feed a GPU without waiting for it, move a half-finished training run, and train in mixed precision.
#
# There are two parts. Part 1 has what every program for a GPU needs. Part 2 makes it fast, and is harder; you can come
# back to it later.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# # Part 1: The essentials
#
# ## 1. A GPU for everyone
#
# You do not need a GPU for this notebook. The package `autograder` has a *simulated* one: inside `with
# simulated_gpu():` your machine has a GPU as far as PyTorch can tell. The CPU still computes the numbers, so nothing
# gets faster, but you get the same errors as on a real GPU. Grading uses it, too.
#
# Without the package and without a GPU, the examples run on the CPU, where most of these mistakes go unnoticed. That is
# what makes them dangerous: `Noisy` passes every test on a laptop.
#
# A tensor's data is on one device, and all tensors in an operation must be on the same device. (The exception: a
# 0-dimensional CPU tensor counts as a number.) PyTorch moves nothing for you, because a copy over the bus costs more
# than most computations.

# %%
with simulated_gpu():
    gpu = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = torch.ones(2, device=gpu)
    number, vector = torch.tensor(3.0), torch.ones(2)
    print(there * number)
    try:
        print(there * vector)
    except RuntimeError as error:
        print("RuntimeError:", error)

# %% [markdown]
# ## 2. Which device?
#
# Choose a device once, at the top of your program, and use it everywhere: `.to(device)` works for the CPU and for a
# GPU, so no line after that needs an `if`. (`.cuda()` only takes GPUs, and fails if there is none.)
#
# ### Task `pick_device`
#
# With this function, the same script runs on your laptop and on a server, and says so if it cannot.


# %%
def pick_device(prefer: str = "auto") -> torch.device:
    """Choose a device (only "cpu" and "cuda" count here) and return it as a
    torch.device.

    * "auto": cuda if torch.cuda.is_available() says so, else cpu.
    * "cpu": cpu.
    * "cuda" or "cuda:<k>", where k is a number in digits: that device if CUDA
      is available and k < torch.cuda.device_count(); otherwise raise
      RuntimeError.
    * Any other string: raise ValueError.

    For "auto" and "cuda", both "cuda" and "cuda:0" are accepted as the answer.
    Allocate nothing on any device.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Moving
#
# `.to(device)`, `.cuda()` and `.cpu()` look the same for tensors and modules. Do they do the same?
#
# ### Predict, then verify: what has moved?
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
# Where are `model.weight`, `x` and `y` now? Replace the dots with three strings, each "cpu" or "cuda", as in
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
        print(
            "Does model.to return the model itself?", model.to(where) is model
        )
        print("Does x.to return x itself?            ", x.to(where) is x)

# %% [markdown]
# ### Task `to_device`
#
# A batch from a DataLoader is rarely a single tensor: there are dicts of inputs and tuples of labels, with file names
# in between. Nearly every training loop has a function like this one.


# %%
def to_device(obj: Any, device: torch.device | str) -> Any:
    """Return a nested batch with every tensor in it moved to `device`.

    obj is a tensor; a plain dict, list or tuple, or a namedtuple, nested to any
    depth; or anything else (str, number, None, ...).

    Return the same structure (same container types, same keys, same order),
    with every tensor replaced by its copy on `device`; dtype, shape, values and
    requires_grad stay the same. A tensor that is already on `device` may be
    returned itself. Pass through anything that is neither a tensor nor one of
    these containers. Do not modify the original containers and tensors.

    All values must be complete when you return, even those of copies from a GPU
    to the CPU.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `run_where_model_is`
#
# Bring the data to the model, not the model to the data: the model may be large, and someone put it where it is on
# purpose. A module has no `.device`, because its parts may be on several. You need this wherever a model is used by
# code that did not place it, as in a demo or an evaluation script.


# %%
def run_where_model_is(model: nn.Module, x: Tensor) -> Tensor:
    """Return model(x), computed on the model's device.

    First move x to the device of the model's first parameter (or, if it has no
    parameters, of its first buffer; if it has neither, use x as it is). Only
    the device changes, not dtype. The result stays on that device, and
    gradients flow back to x and to the model's parameters.

    Do not move the model, not even for a moment: its Parameter objects and
    their device stay the same. Do not modify x.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Created in the right place
#
# `torch.ones(4)` is on the CPU, even in the middle of a `forward` that runs on a GPU. Create new tensors where the data
# is: with `device=x.device`, with `torch.zeros_like(x)`, or with `x.new_ones(4)`.

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
# A language model must not look into the future. Before the softmax, it sets the scores of later positions to -inf.
# Every GPT does this in every layer:

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(2.8, 2.8), layout="constrained")
axis.imshow(torch.ones(6, 6).tril().numpy(), cmap="Greys")
axis.set(title="may look at (dark)", xlabel="j", ylabel="i")
plt.show()


# %%
def causal_scores(scores: Tensor) -> Tensor:
    """Causal masking of attention scores of shape (..., T, T): entry
    [..., i, j] becomes -inf where j > i; all others stay the same, whatever
    their values.

    Return a NEW tensor with the same shape, dtype and device as scores, on ANY
    device. Do not change scores itself. The result is differentiable: the
    gradient is 1 for kept entries and 0 for masked ones. T may be 0 or 1.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `leaf_on`
#
# Sometimes you train a tensor that is not part of a module: an image, a temperature, the embedding of a prompt. The
# optimizer needs a *leaf*, a tensor that no operation has made, and moving is an operation:

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

# %% [markdown]
# The gradient went to the tensor you made, and the one you moved is of no use to an optimizer.
#
# Something else can go wrong: only floating-point and complex numbers can have a gradient. `torch.tensor([1, 2, 3],
# requires_grad=True)` raises an error.


# %%
def leaf_on(
    values: Any, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Create a trainable LEAF tensor on the given device from a number, a
    (nested) list of numbers, or a NumPy array.

    The result has the given dtype and device; integers are converted, and
    float64 keeps all digits. requires_grad and is_leaf are True, and .grad is
    None. An optimizer accepts it, and after a backward pass its .grad is
    filled. It shares no memory with `values`.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `Standardizer`
#
# `module.to(device)` moves what the module knows about: its parameters and its *buffers*, tensors that belong to the
# model but are not trained. A tensor in an ordinary attribute is left behind, and is missing from the state_dict, too.
# Statistics of the training data belong in buffers: then whoever loads the model has them.


# %%
class Standardizer(nn.Module):
    """Standardises features: forward(x) is (x - mean) / std, with the mean and
    standard deviation of each column of `data`.

    data has shape (N, F), N >= 2, and a floating dtype. mean and std have shape
    (F,). std divides by N - 1 (as data.std does); where a column's std is 0, it
    is replaced by 1.

    mean and std are buffers with these names, not parameters: they are in the
    state_dict, and they move and convert with the module. They start with
    data's dtype and device and do not require grad, even if data does.

    x has shape (..., F) and is on the module's device. The result is
    differentiable in x.
    """

    def __init__(self, data: Tensor) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


# %% [markdown]
# ## 5. From one machine to another
#
# A file written by `torch.save` says where each tensor was. `torch.load` puts it back there; on a machine without that
# GPU, it raises an error. `map_location` says where the tensors should go instead.
#
# ### Task `load_weights_`
#
# Train on a rented GPU, use the model at home: this is the function in between.


# %%
def load_weights_(model: nn.Module, path: str | Path) -> None:
    """Load the state_dict in the file at `path` into the model, IN PLACE.

    The file may have been written on a GPU, and this machine may have none. The
    model stays on its device and keeps its Parameter objects; load its buffers,
    too. If names or shapes do not fit, raise RuntimeError (as load_state_dict
    does). Return nothing.
    """
    raise NotImplementedError


# %% [markdown]
# ## 6. A real GPU
#
# **Where to get one.**
#
# * [Colab](https://colab.research.google.com) lends you one in the browser, for nothing, as long as it has one to spare:
#   *Runtime → Change runtime type → T4 GPU*. The machine disappears when you leave it idle, after some hours at the
#   latest, and its files with it. So save checkpoints to your Drive (`from google.colab import drive`, then
#   `drive.mount("/content/drive")`). Kaggle's notebooks are similar.
# * VS Code runs a notebook where its *kernel* is. Connect to a machine with a GPU (extension *Remote - SSH*) or to
#   Colab (extension *Colab*), and choose the kernel there: your files and your editor stay the same.
# * Cloud providers rent GPUs by the hour. You pay while the machine is on, whether it computes or not; so switch it off
#   afterwards, and check whether its disk still costs something. Get the program to run on the CPU first.
# * Many universities have a cluster. There you ask for a GPU when you submit a job, often with `sbatch --gres=gpu:1`.
#
# **How to choose it.** Memory first: what does not fit does not run. Count the bytes below, and add the activations,
# which grow with the batch. Next, the dtypes: GPUs since 2020 (L4, A10, A100, RTX 30 and later) are also fast in
# bfloat16; a T4 only in float16. Speed and price come last.

# %%
wide = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
adam = torch.optim.Adam(wide.parameters())
wide(torch.randn(8, 256)).sum().backward()
adam.step()
number = sum(p.numel() for p in wide.parameters())
kept = {
    "weights": list(wide.parameters()),
    "gradients": [p.grad for p in wide.parameters()],
    "state of Adam": [
        adam.state[p][name]
        for p in wide.parameters()
        for name in ("exp_avg", "exp_avg_sq")
    ],
}
per_parameter = {
    name: sum(t.nbytes for t in tensors) / number
    for name, tensors in kept.items()
}
print("bytes for each parameter:", per_parameter)

figure, axis = plt.subplots(figsize=(6.5, 2.4), layout="constrained")
sizes = {"0.3 billion\nparameters": 0.3, "1 billion": 1.0, "3 billion": 3.0}
left = torch.zeros(3)
for part, color in zip(
    per_parameter, ("#4477aa", "#ddaa33", "#bb5566"), strict=True
):
    gigabytes = torch.tensor([n * per_parameter[part] for n in sizes.values()])
    axis.barh(
        list(sizes),
        gigabytes.numpy(),
        left=left.numpy(),
        label=part,
        color=color,
    )
    left = left + gigabytes
for name, size in {"T4": 16, "L4": 24, "A100": 40}.items():
    axis.axvline(size, color="black", linewidth=0.8)
    axis.text(size, -0.55, f" {name}", va="bottom")
axis.set(
    xlabel="GB to train in float32, without activations",
    xlim=(0, 72),
    ylim=(2.6, -0.9),
)
axis.legend(loc="center right")
plt.show()

# %% [markdown]
# **What changes.** Not much, if `pick_device` is at the top of your program:
#
# * PyTorch must be a build for CUDA. `torch.cuda.is_available()` tells you; if it is False, the
#   [start page](https://pytorch.org/get-started/locally/) has the line to install.
# * Copy the data to that machine's own disk, once. Reading it over a network in each epoch is slower than computing.
# * `nvidia-smi` shows how busy the GPU is and how much memory is taken. If it is mostly idle, read on in part 2.
# * If you run out of memory (`torch.OutOfMemoryError`), halve the batch.
# * The last digits differ: a GPU adds in another order. Compare with a tolerance.
#
# # Part 2: Without waiting
#
# ## 7. What waits for what?
#
# A GPU works on its own. Python only tells it what to do and carries on at once. It can run ahead like this until it
# needs a *number*: `loss.item()`, `float(loss)`, `print(loss)` and `if loss > 3:` wait until the GPU has computed
# everything up to that point. With one such line in a loop, the GPU idles while Python works, and Python waits while
# the GPU works:


# %%
def schedule(steps, python, gpu, wait):
    """When Python prepares each step, and when the GPU computes it, as (start,
    duration)."""
    prepared, computed, now, free = [], [], 0.0, 0.0
    for _ in range(steps):
        prepared.append((now, python))
        now += python
        begin = max(now, free)
        computed.append((begin, gpu))
        free = begin + gpu
        if wait:
            now = free
    return prepared, computed


figure, axes = plt.subplots(
    2, 1, figsize=(6.5, 2.8), sharex=True, layout="constrained"
)
for axis, wait in zip(axes, (True, False), strict=True):
    prepared, computed = schedule(6, python=2.0, gpu=3.0, wait=wait)
    axis.broken_barh(prepared, (1.1, 0.8), color="#ddaa33", edgecolor="white")
    axis.broken_barh(computed, (0.1, 0.8), color="#4477aa", edgecolor="white")
    axis.set(yticks=(1.5, 0.5), yticklabels=("Python", "GPU"))
    axis.set_title(
        "waits in every step" if wait else "never waits",
        loc="left",
        fontsize=10,
    )
axes[1].set_xlabel("milliseconds")
plt.show()

# %% [markdown]
# ### Predict, then verify: how often does a number come back?
#
# `model` is on a GPU, and so are the five tensors in `batches`:
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
# If no loss is large, how many times does Python wait for a number from the GPU? Replace the dots with a number.

# %%
predicted_returns = ...

# %%
if predicted_returns is ...:
    print("Write down your prediction first, then run this cell.")
elif simulated_gpu is nullcontext:
    print("Without the simulated GPU, nothing can be counted.")
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
        print(
            "You predicted",
            predicted_returns,
            "and it was",
            len(machine.transfers) - before,
        )

# %% [markdown]
# ### Task `mean_loss`
#
# This is the validation loss after each epoch, without a stop in every batch.


# %%
def mean_loss(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]
) -> float:
    """Return the mean cross-entropy of a model over all samples, as a Python
    float.

    batches is any iterable of pairs (x, y) on the CPU: x of shape (n, ...), and
    class numbers y of shape (n,). n may differ between batches; the mean is
    over all samples. Move each batch to the device of the model's first
    parameter and use it once. The model stays where it is. Call it once per
    batch, in the mode it is in, without recording gradients.

    Fetch only ONE number from the GPU, however many batches there are: fetching
    one inside the loop would make Python wait each time.

    Raise ValueError if there are no samples.
    """
    raise NotImplementedError


# %% [markdown]
# ## 8. Copies without waiting
#
# Data can also travel to a GPU while Python carries on. That takes two things: `non_blocking=True`, and *page-locked*
# memory, which the GPU can read by itself: `x.pin_memory()`, or `pin_memory=True` in a DataLoader. If the data is in
# ordinary memory, Python waits, whatever you ask for. Without a GPU, there is no point in pinning, and PyTorch may even
# refuse.
#
# Be careful in the other direction. `x.to("cpu", non_blocking=True)` gives you a tensor whose memory may not have been
# filled yet. On a real GPU, you often get away with it. The simulated one fills it with NaN until you wait:

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
#
# Put it around a DataLoader, and the next batch is on its way while the GPU still works on the last one.


# %%
def batches_on(
    batches: Iterable[Any], device: torch.device | str
) -> Iterator[Any]:
    """Yield the batches one by one, each with its tensors on `device`.

    A batch is a list or a tuple of any number of tensors; yield the same type,
    with the same order and values, and do not modify the original. Take a batch
    from `batches` only when the caller asks for it.

    * To a GPU: copy each CPU tensor once, from page-locked memory, without
      making Python wait. A tensor that is already pinned need not be pinned
      again.
    * To the CPU: pin nothing; the values of a tensor that comes from a GPU must
      be complete when you yield it.
    * Yield a tensor that is already on `device` itself, not a copy.
    """
    raise NotImplementedError


# %% [markdown]
# ## 9. Training that moves
#
# An optimizer holds the parameter *objects*, and `model.to` keeps them. So an optimizer made before the move still has
# the right parameters. What it remembers about them is another matter:

# %%
model = nn.Linear(3, 2)
optimizer = torch.optim.Adam(model.parameters())
model(torch.ones(3)).sum().backward()
optimizer.step()
print(
    {
        name: tuple(value.shape)
        for name, value in optimizer.state[model.weight].items()
    }
)

with simulated_gpu():
    where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(where)
    model.zero_grad()
    model(torch.ones(3, device=where)).sum().backward()
    try:
        optimizer.step()
        print("the step worked")
    except RuntimeError as error:
        print("RuntimeError:", str(error)[:75], "...")

# %% [markdown]
# ### Task `move_training_`
#
# You need this to make room on a GPU in the middle of a run, or to continue a run on another device.


# %%
def move_training_(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
) -> None:
    """Move a model to `device` in the middle of its training, IN PLACE,
    together with what its optimizer remembers.

    optimizer is one of PyTorch's (other than LBFGS) and trains all parameters
    of the model. Afterwards the parameters, their gradients and the buffers are
    on `device`, and so is every tensor in the optimizer's state that has the
    shape of its parameter. (Others, such as Adam's step count, may stay where
    they were.) All values stay the same: training continues as if nothing had
    happened.

    Model and optimizer keep the same Parameter objects. Return nothing.
    """
    raise NotImplementedError


# %% [markdown]
# ## 10. Mixed precision
#
# GPUs multiply float16 matrices many times faster than float32 ones. Under `torch.autocast`, each operation runs in the
# dtype that suits it: products in float16, losses and norms in float32, while the parameters stay float32. Small
# numbers become zero in float16, so a `GradScaler` multiplies the loss by a large number before the backward pass and
# divides the gradients by it afterwards. If something overflows, it skips the step and tries a smaller scale.

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
# Only the forward pass and the loss belong under autocast. The backward pass runs each operation in the same dtype as
# in the forward pass.
#
# ### Task `mixed_step`
#
# With this step, large models train up to a few times faster, and their activations take half the memory.


# %%
def mixed_step(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    max_norm: float,
) -> Tensor:
    """Take one training step in mixed precision on the device that model, x and
    y are on, and return the loss.

    1. Discard the gradients of earlier steps.
    2. Run the model and the loss, F.cross_entropy(model(x), y), under autocast
       to torch.float16 for that device.
    3. Run the backward pass on the loss scaled by `scaler`.
    4. Unscale the gradients, then clip those of all parameters together to the
       norm max_norm.
    5. Let the scaler take the optimizer's step (it skips the step if a gradient
       is infinite or NaN), then update the scaler.

    Return the loss without its scale: a float32 tensor of shape () on that
    device, without a graph. The parameters stay float32; some may be frozen.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [CUDA semantics](https://docs.pytorch.org/docs/stable/notes/cuda.html) in PyTorch's documentation: asynchronous
#   execution, memory and pinned memory.
# * [Good usage of `non_blocking` and
#   `pin_memory()`](https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html): measurements of what really
#   overlaps with what.
# * [Automatic mixed precision](https://docs.pytorch.org/docs/stable/amp.html): the lists of operations and worked
#   examples.
# * In this course, `debugging` comes last: what to do when none of this helps.
#
# ## Appendix: where the tutorial differs
#
# If you also read the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It puts `if params.cuda:` in front of each line that moves something. A device that you choose once is enough.
# * It sees "no difference" between `.to()` and `.cuda()`. But `.to(device)` also works for the CPU and takes a dtype.
# * It says that `.cuda()` "sends" models and tensors alike; compare your first prediction. And it gives the type of a
#   GPU tensor as `numpy.ndarray`; it is `torch.Tensor`, as always.
# * It makes a leaf by `torch.tensor([1, 2, 3], requires_grad=True)`, which raises an error: these are integers. After
#   its `t = t.cuda()`, `t` is no longer a leaf; its `.grad` stays None, and an optimizer refuses it.
