# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Models and model summary
#
# You feed 32 x 32 images to a network that somebody wrote for another size. It crashes. The message names two shapes, but
# no layer, and printing the network does not show a single shape:

# %%
import torch
from torch import Tensor, nn

# %%
network = nn.Sequential(
    nn.Sequential(nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    nn.Sequential(nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
    nn.Sequential(
        nn.Flatten(), nn.Linear(512, 100), nn.ReLU(), nn.Linear(100, 10)
    ),
)
images = torch.zeros(8, 3, 32, 32)
try:
    network(images)
except RuntimeError as error:
    print("RuntimeError:", error)
print(network)

# %% [markdown]
# At the end of this notebook you will have written a function, twenty lines long, that shows what comes out of each layer of
# any model. By then you will be able to:
#
# * write a model as a subclass of `nn.Module`, and say which of its attributes are registered;
# * count a model's numbers without counting shared ones twice, and tell parameters from buffers;
# * observe a model from outside with hooks, and leave it exactly as you found it.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. A model is a class
#
# A PyTorch model is a subclass of `nn.Module` with two methods. The constructor makes the layers, once; `forward` uses
# them, at every call. Here is a small building block that adds something to its input:


# %%
class Residual(nn.Module):
    """x + tanh(A·x + b)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.inner(x))


block = Residual(3)
print(block(torch.zeros(2, 3)))
print([name for name, _ in block.named_parameters()])

# %% [markdown]
# * `super().__init__()` comes first: it sets up the registers for the layers.
# * Call the model as `block(x)`, not `block.forward(x)`: the call does more than `forward`, as section 3 will show.
# * Operations without parameters, like `torch.tanh` or `torch.relu`, need no layer. (`nn.Tanh` and `nn.ReLU` are for
#   places that need a module, as in `nn.Sequential`.)
#
# Must the first dimension be a batch? A linear layer does not care: it works on the *last* dimension, and there may be any
# number of dimensions before it, even none.

# %%
layer = nn.Linear(4, 2)
for shape in [(32, 4), (5, 7, 4), (4,), (0, 4)]:
    print(shape, "->", tuple(layer(torch.zeros(shape)).shape))

# %% [markdown]
# ### What is registered
#
# When you set an attribute of a module to a parameter or to another module, `nn.Module` enters it in a register. Everything
# that walks through a model (`parameters()`, `to()`, `eval()`, `state_dict()`) reads these registers and finds nothing
# else.
#
# ### Predict, then verify: layers in a list
#
# This model has three linear layers, each with a weight and a bias, and it runs without complaint. How many tensors does
# `parameters()` give to an optimizer? Replace the dots with a number.


# %%
class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = [nn.Linear(4, 4), nn.Linear(4, 4)]
        self.head = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.head(x)


predicted_tensors = ...

# %%
if predicted_tensors is ...:
    print("Write down your prediction first, then run this cell.")
else:
    names = [name for name, _ in Listed().named_parameters()]
    print(
        "You predicted",
        predicted_tensors,
        "and there are",
        len(names),
        "-",
        names,
    )

# %% [markdown]
# A Python list is not a module. `nn.ModuleList` is, and it registers its layers; `nn.Sequential` also calls them one after
# the other.
#
# ### Task `TwoLayerNet`
#
# Two linear layers with a ReLU between them are the smallest useful network, and a part of many large ones.


# %%
class TwoLayerNet(nn.Module):
    """A network with one hidden layer:
    x (..., d_in) -> linear1 -> ReLU -> linear2 -> (..., d_out).

    The results are raw scores: no softmax follows, and a nan in x is not
    hidden. The submodules with parameters are named exactly linear1 and
    linear2; each is an nn.Linear with a bias.
    """

    def __init__(self, d_in: int, h: int, d_out: int) -> None:
        """Make the layers: d_in inputs, h hidden units, d_out outputs."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of x, of shape (..., d_out)."""
        raise NotImplementedError


# %% [markdown]
# ## 2. Counting
#
# `len(t)` is the first size of a tensor; `t.numel()` is the number of its entries. (`numel` does what NumPy's attribute
# `size` does; a tensor's own `size()` is its shape.)

# %%
weight = nn.Linear(3, 2).weight
print(len(weight), weight.numel(), weight.size())

# %% [markdown]
# ### Predict, then verify: the size of a network
#
# A network takes 100 numbers, has one hidden layer of 50 units with a ReLU, and gives 10 scores. How many trainable numbers
# does it have? Replace the dots with a number.

# %%
predicted_count = ...

# %%
if predicted_count is ...:
    print("Write down your prediction first, then run this cell.")
else:
    two_layers = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
    sizes = {
        name: parameter.numel()
        for name, parameter in two_layers.named_parameters()
    }
    print(
        "You predicted",
        predicted_count,
        "and it has",
        sum(sizes.values()),
        "-",
        sizes,
    )

# %% [markdown]
# Which part of a model is large is often a surprise. These are the layers of the network that crashed:

# %%
import matplotlib.pyplot as plt

sizes = {
    f"{name}: {type(module).__name__}": sum(
        p.numel() for p in module.parameters()
    )
    for name, module in network.named_modules()
    if isinstance(module, nn.Conv2d | nn.Linear)
}
figure, axis = plt.subplots(figsize=(6, 2.2), facecolor="white")
bars = axis.barh(list(sizes), list(sizes.values()))
axis.bar_label(bars, fmt="{:,.0f}", padding=3)
axis.invert_yaxis()
axis.set(
    xlim=(0, 65_000),
    xlabel="trainable numbers",
    title="Where the parameters are",
)
plt.show()

# %% [markdown]
# Not every number in a model is trained. *Frozen* parameters have `requires_grad=False`. *Buffers* are tensors that belong
# to the model but are not parameters: the statistics of a BatchNorm layer, for example. A state_dict holds both, but leaves
# out buffers that were registered with `persistent=False`.

# %%
norm = nn.BatchNorm1d(3)
print(
    "parameters:", {name: tuple(p.shape) for name, p in norm.named_parameters()}
)
print("buffers:   ", {name: tuple(b.shape) for name, b in norm.named_buffers()})

# %% [markdown]
# And a parameter may be used in several places. Language models often share the weight of the embedding with the last
# layer. Then it is *one* tensor: `parameters()` gives it once, while the state_dict lists it under both names:

# %%
embedding, output = nn.Embedding(10, 4), nn.Linear(4, 10, bias=False)
output.weight = embedding.weight
tied = nn.Sequential(embedding, output)
print(len(list(tied.parameters())), "parameter;", list(tied.state_dict()))

# %% [markdown]
# ### Task `count_parameters`
#
# The size of a model is the first thing that people report about it, and shared weights are easily counted twice.


# %%
def count_parameters(model: nn.Module) -> dict[str, int]:
    """Return how many scalar entries a model has, as a dict of Python ints with
    the keys "total", "trainable", "frozen" and "buffers".

    "total" = "trainable" + "frozen" counts the entries of all parameters; a
    parameter used in several places counts once. "buffers" counts the entries
    of all buffers. A 0-dim tensor has 1 entry.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Watching a model
#
# `print(model)` shows what a model consists of. It does not show what the model *does*: in which order its parts run, how
# often, and which shapes come out. Only `forward` knows that.


# %%
class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.body = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.body(x)))


twice = Twice()
print(twice)

# %% [markdown]
# You can watch the runs with *forward hooks*. A forward hook is a function that a module calls after each of its runs, with
# the module itself, its arguments and its output. `register_forward_hook` returns a handle. Until you call the handle's
# `remove()`, the hook runs whenever anybody uses the model:

# %%
handle = twice.body.register_forward_hook(
    lambda module, args, output: print("body has run:", tuple(output.shape))
)
twice(torch.zeros(5, 4))
handle.remove()
_ = twice(torch.zeros(5, 4))  # silent again

# %% [markdown]
# A module does not know its own name in the model. `named_modules()` does; it walks through the whole tree, including the
# model itself (under the name `""`). A module without children is a *leaf*:

# %%
tree = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Dropout(), nn.ReLU()))
for name, module in tree.named_modules():
    print(
        repr(name),
        type(module).__name__,
        "children:",
        len(list(module.children())),
    )

# %% [markdown]
# ### Leaving no trace
#
# Just running somebody else's model can change it. In training mode, Dropout draws from the global random generator, and
# BatchNorm updates its statistics (and refuses a batch of a single sample):

# %%
norm(torch.randn(8, 3) + 5)
print("after a run in training mode:", norm.running_mean)
norm.eval()
norm(torch.randn(8, 3) - 100)
print("after a run in eval mode:    ", norm.running_mean)

# %% [markdown]
# `eval()` itself changes something: the flag `training` of *every* module in the tree. Some modules may already have been
# in eval mode and others not, so `train()` does not undo it:

# %%
tree[1].eval()
print("before:        ", [module.training for module in tree.modules()])
tree.eval()
tree.train()
print("after train(): ", [module.training for module in tree.modules()])

# %% [markdown]
# And the run may fail, for instance because x has the wrong shape. `finally` runs whatever happens:

# %%
try:
    try:
        tree(torch.zeros(5, 3))
    finally:
        print("this runs whatever happens")
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# ### Task `summarize`
#
# Packages like `torchinfo` print a table of a model's layers and what comes out of each; this is their core. It helps you
# find the layer that gets the wrong shape, and the one with too many parameters.


# %%
def summarize(
    model: nn.Module, x: Tensor
) -> list[tuple[str, str, tuple[int, ...], int]]:
    """Return one row for each CALL of a leaf module during one model(x), in the
    order of the calls.

    A leaf module is a module without children; each returns a single tensor. A
    row is a tuple: the module's name as in model.named_modules() (the first
    name, if it is shared), the name of its class, the shape of its output as a
    tuple, and the number of its parameter entries.

    The model runs in eval mode and without gradients.

    Afterwards, every training flag is as before, your hooks are gone, and no
    parameter, buffer, .grad or random state has changed. All this holds even if
    the model raises an exception, which must reach the caller.
    """
    raise NotImplementedError


# %% [markdown]
# Back to the network that crashed. Its last part fails, so look at what comes out of the others. Which number should the first
# linear layer have instead of 512?

# %%
first_parts = nn.Sequential(
    nn.Sequential(nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    nn.Sequential(nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
)
try:
    for row in summarize(first_parts, torch.zeros(8, 3, 32, 32)):
        print(*row, sep="  ")
except NotImplementedError:
    print("Write summarize first, then run this cell.")

# %% [markdown]
# ## What to read next
#
# * [`nn.Module`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html): everything a module can do; and
#   [Modules](https://docs.pytorch.org/docs/stable/notes/modules.html), the note that explains it.
# * [`torchinfo`](https://github.com/TylerYep/torchinfo) prints a table like that of `summarize`, and estimates memory use.
# * [Forward and backward function hooks](https://docs.pytorch.org/docs/stable/notes/modules.html#module-hooks): the other
#   kinds of hooks.
# * In this course, `initialization` comes next: which numbers the parameters hold before the first step.
#
# ## Appendix: where the tutorial differs
#
# If you have read the [PyTorch tutorial](https://aman.ai/primers/pytorch/), some of this may have surprised you.
#
# * `super(TwoLayerNet, self).__init__()` is from Python 2; `super().__init__()` does the same.
# * `Variable`, which it wraps around the input, has been a plain tensor since 2018: leave it out.
# * It says that the model expects the batch in the first dimension of `x`. A linear layer works on the last one.
# * Its printout of VGG-16 comes from PyTorch of 2017; today, a layer reads `Linear(in_features=25088, out_features=4096,
#   bias=True)`.
# * It recommends the package `pytorch-summary`, which is no longer maintained; its successor is `torchinfo`.
