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
# When you have worked through this notebook you can
#
# * say what belongs to the state of a model, and what to the state of an optimizer;
# * save everything that training needs to go on as if it had never stopped;
# * load a file without running a stranger's code, and on a machine that lacks the GPU it was written on;
# * re-use a part of a checkpoint in another model.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
import copy
import tempfile

import torch
from torch import Tensor, nn

folder = tempfile.mkdtemp()

# %% [markdown]
# ## 1. The state of a model
#
# A model is a Python object: a class, attributes, hooks, and somewhere in it tensors. What training has changed are only
# the tensors, and `state_dict()` collects them under their names:

# %%
layer = nn.Linear(2, 3)
for name, tensor in layer.state_dict().items():
    print(name, tuple(tensor.shape))

# %% [markdown]
# The tutorial says that `state_dict()` "stores the parameters of the model". There is more in it. A *buffer* is a tensor
# that belongs to the model and is not trained by the optimizer. Batch normalisation keeps three of them: the running
# mean and the running variance that it needs in eval mode, and a counter of the batches seen so far.

# %%
norm = nn.BatchNorm1d(4)
print("parameters:", [name for name, _ in norm.named_parameters()])
print("buffers:   ", [name for name, _ in norm.named_buffers()])

# %% [markdown]
# (A buffer that was registered with `persistent=False` is left out of `state_dict()`: its module can compute it again.)
#
# ### Predict, then verify: how many tensors?
#
# How many entries does the `state_dict()` of this model have? Write a number in place of the dots.

# %%
model = nn.Sequential(
    nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 2)
)

predicted_entries = ...

# %%
if predicted_entries is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_entries, "entries, and there are", len(model.state_dict()))
    print(list(model.state_dict()))

# %% [markdown]
# ## 2. Keeping a state in memory
#
# To go back to the best epoch in the end, one can keep its state in a variable and needs no file. But look closely at what
# such a variable holds.
#
# ### Predict, then verify: the state before the step
#
# Which number does the last line of this cell read from `before`? Write a number in place of the dots.

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
# What lies in a file cannot change with the model. In memory, `copy.deepcopy` takes a copy that is as safe:

# %%
kept = copy.deepcopy(unit.state_dict())
with torch.no_grad():
    unit.weight.fill_(100.0)
print("kept:", kept["weight"].item(), " model:", unit.state_dict()["weight"].item())

# %% [markdown]
# ## 3. The state of an optimizer
#
# Most optimizers remember something: momentum is a running mean of gradients, and Adam keeps two running means for each
# parameter. That is their `state`. The learning rate is not part of it: it is an option, and options stand in
# `param_groups`, once for each group of parameters. (The tutorial calls the learning rate "per-parameter"; it is per
# group. `state` is empty before the first step.)

# %%
optimizer = torch.optim.SGD(unit.parameters(), lr=0.1, momentum=0.9)
optimizer.zero_grad()
unit(torch.tensor([[5.0]])).sum().backward()
optimizer.step()
saved = optimizer.state_dict()
print("state:", saved["state"])
print(
    "options:", {name: saved["param_groups"][0][name] for name in ("lr", "momentum", "params")}
)

# %% [markdown]
# Parameters do not have names here, they are numbered in the order in which the optimizer was given them.
#
# What happens if training goes on without that memory? Below, a run with Adam is stopped after 80 steps. One continuation
# starts with the right weights and a new optimizer, the other one with the optimizer's state as well. The new Adam does not
# know how small the gradients have become, and what care they need; its first steps throw away much of the progress.


# %%
import matplotlib.pyplot as plt

noise = torch.Generator().manual_seed(0)
inputs = torch.randn(64, 8, generator=noise)
targets = inputs @ torch.randn(8, 1, generator=noise)


def run(weights, steps, memory=None):
    """Train a linear model; give back its losses, its weights and the optimizer's state."""
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
figure, axis = plt.subplots(figsize=(5.5, 2.8))
axis.semilogy(whole, color="lightgray", linewidth=6, label="never stopped")
axis.semilogy(range(80, 120), run(middle, 40, memory)[0], label="weights and optimizer")
axis.semilogy(range(80, 120), run(middle, 40)[0], label="weights only")
axis.axvline(80, color="black", linewidth=0.5)
axis.set(xlabel="step", ylabel="loss")
_ = axis.legend(loc="lower left")

# %% [markdown]
# ## 4. What a file may contain
#
# `torch.save` writes nearly any object, whole models included, with Python's `pickle`. What it writes for an object is an
# instruction for building it again, and an instruction can be anything:


# %%
class Surprise:
    def __reduce__(self):
        return print, ("This line was run while the file was being read.",)


torch.save({"weights": torch.zeros(2), "extra": Surprise()}, f"{folder}/surprise.pt")
_ = torch.load(f"{folder}/surprise.pt", weights_only=False)

# %% [markdown]
# It could have deleted your files as well. With `weights_only=True` (the default since PyTorch 2.6) `torch.load` builds
# tensors, numbers, strings, and lists, dicts and the like of them, and refuses everything else:

# %%
import pickle

try:
    torch.load(f"{folder}/surprise.pt", weights_only=True)
except pickle.UnpicklingError as error:
    print("refused with an", type(error).__name__)

# %% [markdown]
# A pickled model is refused, too. It would be of little use anyway: it needs its class, at the same place and in the same
# version. State dicts contain what is needed and nothing else.
#
# The tutorial stores `epoch + 1`, the next epoch to be trained. The functions below keep the number that they are
# given: it is the caller who knows what it means.
#
# ### Task `save_checkpoint`


# %%
def save_checkpoint(
    path: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    metrics: dict[str, float],
) -> None:
    """Write a checkpoint with torch.save.

    The file holds a dict with exactly the keys 'epoch' (int), 'model' (model.state_dict()),
    'optimizer' (optimizer.state_dict()) and 'metrics' (a plain dict of floats). It can be read
    by torch.load(path, weights_only=True).

    Model and optimizer are unchanged.
    """
    raise NotImplementedError


# %% [markdown]
# ## 5. Loading into what is there
#
# A checkpoint has no model in it: you build the model as before, with any weights, and `load_state_dict` *copies* the
# numbers into its tensors. That the parameters remain the same objects is important, since the optimizer holds them. The
# two have to fit exactly, or nothing good can come of it:

# %%
small, large = nn.Linear(2, 3), nn.Linear(2, 4)
try:
    large.load_state_dict(small.state_dict())
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Two options look handy. `strict=False` is silent about names that are missing or too many, and so it is silent about a
# spelling mistake, after which nothing at all was loaded. `assign=True` puts the loaded tensors *in place of* the model's
# own:

# %%
optimizer = torch.optim.SGD(small.parameters(), lr=0.1)
small.load_state_dict(nn.Linear(2, 3).state_dict(), assign=True)
held = optimizer.param_groups[0]["params"][0]
print("does the optimizer still hold the weight of the model?", held is small.weight)

# %% [markdown]
# Each tensor in the file carries the name of the device that it was on, and `torch.load` puts it there again. If there is no
# such device, it raises; if there is, it may be somebody else's turn to use it. `map_location` names another place. From
# the CPU, `load_state_dict` copies the numbers to wherever the model is:

# %%
torch.save({"weights": torch.arange(3.0)}, f"{folder}/weights.pt")
print(torch.load(f"{folder}/weights.pt", map_location="meta"))
print(torch.load(f"{folder}/weights.pt", map_location="cpu"))

# %% [markdown]
# (A tensor on the device `meta` has a shape and no numbers; every computer has that device.)
#
# ### Task `load_checkpoint`


# %%
def load_checkpoint(
    path: str, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> int:
    """Read a file written by save_checkpoint into an existing model (and optimizer, if given),
    in place.

    Return its epoch (int). Tensors are loaded via the CPU, so a GPU checkpoint works without a
    GPU.

    The Parameter objects, their requires_grad flags and the training mode stay.

    A checkpoint that does not fit the model exactly raises RuntimeError (as load_state_dict
    does). A file with anything but tensors and plain Python data raises (any exception), and
    its code is not run.
    """
    raise NotImplementedError


# %% [markdown]
# ## 6. A part of a checkpoint
#
# In transfer learning a model takes over the lower layers of another one and gets a new head, with another number of
# classes. Now a misfit is intended. `strict=False` does not help: it forgives names, and insists on shapes.

# %%
old = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1000))
new = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
try:
    new.load_state_dict(old.state_dict(), strict=False)
except RuntimeError as error:
    print("RuntimeError:", str(error).splitlines()[1].strip())

# %% [markdown]
# The tensors in `state_dict()` are the model's own, as you saw in section 2. This time that is useful: what is written
# into them is written into the model. `copy_` does that and leaves the source alone, but mind that it stretches a
# smaller source like every other operation does:

# %%
target = torch.zeros(2, 3)
target.copy_(torch.tensor([[1.0, 2.0, 3.0]]))
print(target)

# %% [markdown]
# ### Task `load_matching_`


# %%
def load_matching_(model: nn.Module, state: dict[str, Tensor]) -> tuple[list[str], list[str]]:
    """Transfer learning: copy from `state` every entry whose name is in model.state_dict() with
    the same shape.

    Everything else in the model is left as it is. Return (loaded, skipped): the names of
    `state` that were and that were not copied, each in the order of `state`.

    In place: Parameter objects and requires_grad stay. Later changes to the tensors in `state`
    do not change the model. `state` is not modified. (You may rely on this: no parameters are
    tied.)
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Saving and loading models](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html): PyTorch's own
#   tutorial, with the device in all combinations.
# * [Serialization semantics](https://docs.pytorch.org/docs/stable/notes/serialization.html): what a file contains, and
#   what `weights_only` lets through.
# * [safetensors](https://huggingface.co/docs/safetensors): a file format that cannot hold anything but tensors.
# * In this course, `devices` moves models and data between CPU and GPU.
