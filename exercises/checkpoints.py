# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Saving and loading
#
# Step 80 of 120, and the power fails. You had saved the weights, so you load them, start the loop again, and the loss
# jumps to forty times what it was. No error, no warning, and the weights are the right ones. What was not in the file?
#
# Here it is, live, with a linear model and Adam:

# %%
import copy
import tempfile

import torch
from torch import Tensor, nn

folder = tempfile.mkdtemp()

# %%
noise = torch.Generator().manual_seed(0)
inputs = torch.randn(64, 8, generator=noise)
targets = inputs @ torch.randn(8, 1, generator=noise)


def run(weights, steps, memory=None):
    """Train a linear model; return its losses, its weights and the optimizer's
    state."""
    weights = weights.clone().requires_grad_()
    optimizer = torch.optim.Adam([weights], lr=0.1)
    if memory is not None:
        optimizer.load_state_dict(memory)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (inputs @ weights - targets).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, weights.detach(), copy.deepcopy(optimizer.state_dict())


whole, _, _ = run(torch.zeros(8, 1), 120)
_, middle, memory = run(torch.zeros(8, 1), 80)
print(f"never stopped: loss {whole[80]:.5f}, five steps later {whole[85]:.5f}")
again, _, _ = run(middle, 40)
print(f"weights only:  loss {again[0]:.5f}, five steps later {again[5]:.5f}")

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * say what is part of a model's state and what is part of an optimizer's;
# * save everything that training needs to continue as if it had never stopped;
# * load a file without running a stranger's code, even on a machine without the GPU it was written on;
# * reuse part of a checkpoint in another model;
# * lay out a project so that you still know next month which file came from which run.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. The state of a model
#
# A model is a Python object: a class, attributes, hooks and, somewhere inside, tensors. Training changes only the
# tensors, and `state_dict()` collects them under their names:

# %%
layer = nn.Linear(2, 3)
for name, tensor in layer.state_dict().items():
    print(name, tuple(tensor.shape))

# %% [markdown]
# Parameters are not all that it holds. A *buffer* is a tensor that belongs to the model but is not trained by the
# optimizer. Batch normalisation has three of them: the running mean and the running variance that it needs in eval
# mode, and a counter of the batches seen so far.

# %%
norm = nn.BatchNorm1d(4)
print("parameters:", [name for name, _ in norm.named_parameters()])
print("buffers:   ", [name for name, _ in norm.named_buffers()])

# %% [markdown]
# (A buffer registered with `persistent=False` is left out of `state_dict()`, usually because its module can compute it
# again.)
#
# ### Predict, then verify: how many tensors?
#
# How many entries does the `state_dict()` of this model have? Replace the dots with a number.

# %%
model = nn.Sequential(
    nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 2)
)

predicted_entries = ...

# %%
if predicted_entries is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_entries,
        "entries, and there are",
        len(model.state_dict()),
    )
    print(list(model.state_dict()))

# %% [markdown]
# ## 2. Keeping a state in memory
#
# To go back to the best epoch at the end, you do not need a file: you can keep its state in a variable. But look
# closely at what such a variable holds.
#
# ### Predict, then verify: the state before the step
#
# Which number does this cell read from `before` after the step? Replace the dots with a number.

# %%
unit = nn.Linear(1, 1, bias=False)
nn.init.constant_(unit.weight, 2.0)
before = unit.state_dict()

optimizer = torch.optim.SGD(unit.parameters(), lr=0.1)
unit(torch.tensor([[5.0]])).sum().backward()  # the gradient of the weight is 5
optimizer.step()
number = before["weight"].item()

predicted_before = ...

# %%
if predicted_before is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_before, "and it is", number)

# %% [markdown]
# To keep the numbers as they are now, whatever happens later, use `copy.deepcopy`:

# %%
kept = copy.deepcopy(unit.state_dict())
with torch.no_grad():
    unit.weight.fill_(100.0)
print(
    "kept:",
    kept["weight"].item(),
    " model:",
    unit.state_dict()["weight"].item(),
)

# %% [markdown]
# ## 3. The state of an optimizer
#
# Most optimizers remember something: momentum is a decaying sum of past gradients, and Adam keeps two running means for
# each parameter. That is their `state`. The learning rate is not part of it: it is an option, and options are kept in
# `param_groups`, once per group of parameters. (`state` is empty before the first step.)

# %%
optimizer = torch.optim.SGD(unit.parameters(), lr=0.1, momentum=0.9)
optimizer.zero_grad()
unit(torch.tensor([[5.0]])).sum().backward()
optimizer.step()
saved = optimizer.state_dict()
print("state:", saved["state"])
print(
    "options:",
    {
        name: saved["param_groups"][0][name]
        for name in ("lr", "momentum", "params")
    },
)

# %% [markdown]
# Parameters have no names here; they are numbered in the order in which the optimizer got them.
#
# That memory is what was missing at the top of this notebook. The new Adam does not know how small the gradients have
# become and takes steps that are far too large: the first ones throw away much of the progress. With the optimizer's
# state restored, nothing is lost:

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(5.5, 2.8), layout="constrained")
axis.semilogy(whole, color="lightgray", linewidth=6, label="never stopped")
axis.semilogy(
    range(80, 120), run(middle, 40, memory)[0], label="weights and optimizer"
)
axis.semilogy(range(80, 120), again, label="weights only")
axis.axvline(80, color="black", linewidth=0.5)
axis.set(xlabel="step", ylabel="loss")
axis.legend(loc="lower left")
plt.show()

# %% [markdown]
# ## 4. What a file may contain
#
# `torch.save` can write almost any object, whole models included, using Python's `pickle`. What it writes for an object
# is an instruction for rebuilding it, and that instruction can call any function:


# %%
class Surprise:
    def __reduce__(self):
        return print, ("This line was run while the file was being read.",)


torch.save(
    {"weights": torch.zeros(2), "extra": Surprise()}, f"{folder}/surprise.pt"
)
_ = torch.load(f"{folder}/surprise.pt", weights_only=False)

# %% [markdown]
# It could just as well have deleted your files. With `weights_only=True` (the default since PyTorch 2.6), `torch.load`
# only builds tensors, numbers, strings, and containers of these such as lists and dicts. It refuses everything else:

# %%
import pickle

try:
    torch.load(f"{folder}/surprise.pt", weights_only=True)
except pickle.UnpicklingError as error:
    print("refused with an", type(error).__name__)

# %% [markdown]
# It refuses a pickled model, too. That would be of little use anyway, because it needs its class, in the same module
# and in the same version. State dicts contain what is needed and nothing else.
#
# ### Task `save_checkpoint`
#
# Call this after every epoch, and a power failure costs you one epoch at most. (Is `epoch` the last one that was
# trained, or the next one to train? The caller knows; store the number as it is.)


# %%
def save_checkpoint(
    path: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    metrics: dict[str, float],
) -> None:
    """Write a checkpoint to the file at `path` with torch.save, replacing any
    file that is already there.

    The file holds a dict with exactly the keys 'epoch' (int), 'model'
    (model.state_dict()), 'optimizer' (optimizer.state_dict()) and 'metrics' (a
    plain dict of floats). torch.load(path, weights_only=True) can read it.

    Do not change the model or the optimizer: values, gradients, flags, modes
    and devices stay the same.
    """
    raise NotImplementedError


# %% [markdown]
# ## 5. Loading into what is there
#
# A checkpoint does not contain a model: you build the model as before, with any weights, and `load_state_dict` *copies*
# the numbers into its tensors. It matters that the parameters remain the same objects, because the optimizer holds
# them. Checkpoint and model must fit exactly; otherwise you get an error:

# %%
small, large = nn.Linear(2, 3), nn.Linear(2, 4)
try:
    large.load_state_dict(small.state_dict())
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Two options look handy. `strict=False` says nothing about missing or extra names, so it also says nothing when a
# spelling mistake means that nothing at all is loaded. `assign=True` puts the loaded tensors *in place of* the model's
# own:

# %%
optimizer = torch.optim.SGD(small.parameters(), lr=0.1)
small.load_state_dict(nn.Linear(2, 3).state_dict(), assign=True)
held = optimizer.param_groups[0]["params"][0]
print(
    "does the optimizer still hold the weight of the model?",
    held is small.weight,
)

# %% [markdown]
# Each tensor in the file is stored with the name of the device it was on, and `torch.load` puts it back there. If there
# is no such device, it raises an error; if there is, someone else may be using it. `map_location` names another device
# to load to. From the CPU, `load_state_dict` then copies the numbers to wherever the model is:

# %%
torch.save({"weights": torch.arange(3.0)}, f"{folder}/weights.pt")
print(torch.load(f"{folder}/weights.pt", map_location="meta"))
print(torch.load(f"{folder}/weights.pt", map_location="cpu"))

# %% [markdown]
# (A tensor on the device `meta` has a shape but no numbers; every computer has that device.)
#
# ### Task `load_checkpoint`
#
# This is the other half: it continues a run, and with no optimizer it loads a finished model for use.


# %%
def load_checkpoint(
    path: str, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> int:
    """Load a file written by save_checkpoint into an existing model (and
    optimizer, if given), in place, and return its epoch (an int).

    Load tensors via the CPU, so that a checkpoint written on a GPU works
    without one.

    The Parameter objects, their requires_grad flags, the training mode of every
    module and the devices stay the same.

    If the checkpoint does not fit the model exactly, raise RuntimeError (as
    load_state_dict does). If the file holds anything but tensors and plain
    Python data, raise any exception; code in the file must not run.
    """
    raise NotImplementedError


# %% [markdown]
# ## 6. Part of a checkpoint
#
# In transfer learning, a model takes over the lower layers of another one and gets a new head, with a different number
# of classes. Now the mismatch is intended. `strict=False` does not help: it forgives names but insists on shapes.

# %%
old = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1000))
new = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
try:
    new.load_state_dict(old.state_dict(), strict=False)
except RuntimeError as error:
    print("RuntimeError:", str(error).splitlines()[1].strip())

# %% [markdown]
# The tensors in `state_dict()` are the model's own, as you saw in section 2. This time that is useful: whatever you
# write into them is written into the model. `copy_` does that and leaves the source alone, but beware: like every other
# operation, it broadcasts a smaller source:

# %%
target = torch.zeros(2, 3)
target.copy_(torch.tensor([[1.0, 2.0, 3.0]]))
print(target)

# %% [markdown]
# ### Task `load_matching_`
#
# With this function, a model for your own classes starts from weights that took someone else a week of training.


# %%
def load_matching_(
    model: nn.Module, state: dict[str, Tensor]
) -> tuple[list[str], list[str]]:
    """Transfer learning: copy into `model` every entry of `state` whose name is
    in model.state_dict() with the same shape.

    Numbers are copied even if the dtype or the device differs; the model's
    tensors keep theirs. Everything else in the model stays as it is. Return two
    lists (loaded, skipped): the names in `state` that were copied and those
    that were not, each in the order of `state`.

    Work in place: the Parameter objects and their requires_grad flags stay the
    same. Later changes to the tensors in `state` must not change the model. Do
    not modify `state`. (You may assume that no parameters are tied.)
    """
    raise NotImplementedError


# %% [markdown]
# ## 7. A project's layout
#
# Checkpoints pile up. After a month there are forty files called `best.pt`, and nobody knows which learning rate made
# which. A layout that has proved itself:
#
# ```text
# project/
#   README.md          how to install, to train and to evaluate: one command each
#   pyproject.toml     what the code needs
#   configs/
#     small.yaml       what you choose: data, model, learning rate, epochs, seed
#   src/project/
#     data.py          datasets and transforms
#     model.py         modules; knows no paths and no settings
#     train.py         reads a config, trains, writes a run
#     evaluate.py      reads a run, writes its numbers
#   tests/             shapes, one training step, saving and loading
#   notebooks/         for looking; what others need moves to src/
#   data/              not in git
#   runs/              not in git
#     2027-03-01_small_seed0/
#       config.yaml    what this run was made with, and the commit of the code
#       metrics.csv    a line for each epoch
#       last.pt        to continue
#       best.pt        to use
# ```
#
# * Keep configs and runs apart. You write `configs/` by hand and keep it in git; the program writes `runs/`, one new
#   folder for each run, and never changes an old one.
# * Each run holds a *copy* of its config, because the original will change.
# * Settings are passed as arguments: `model.py` never reads a config, so tests and notebooks can use it.
# * Write to `last.pt.tmp` first, then `os.replace("last.pt.tmp", "last.pt")`. If the power fails while you write, the old
#   checkpoint is still there.
#
# ## What to read next
#
# * [Saving and loading models](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html): PyTorch's own
#   tutorial, with all combinations of devices.
# * [Serialization semantics](https://docs.pytorch.org/docs/stable/notes/serialization.html): what a file contains and
#   what `weights_only` lets through.
# * [safetensors](https://huggingface.co/docs/safetensors): a file format that can hold nothing but tensors.
# * In this course, `devices` moves models and data between CPU and GPU.
#
# ## Appendix: where the tutorial differs
#
# If you also read the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It says that `state_dict()` "stores the parameters of the model". Buffers are in it, too.
# * It calls the learning rate "per-parameter". It is an option of a group of parameters.
# * It stores `epoch + 1`, the next epoch to train, under other keys than `save_checkpoint` here.
