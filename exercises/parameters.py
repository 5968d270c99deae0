# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Parameter versus Tensor
#
# A model centres its inputs and then scores them. You save it, load it on another machine, and PyTorch reports that all keys
# matched. Yet the same input gets another score:

# %%
from collections.abc import Sequence

import torch
from torch import Tensor, nn


# %%
class Scorer(nn.Module):
    def __init__(self, X):
        super().__init__()
        self.mean = X.mean(dim=0)
        self.linear = nn.Linear(3, 1)

    def forward(self, x):
        return self.linear(x - self.mean)


scorer = Scorer(torch.randn(100, 3) + 50)
loaded = Scorer(torch.zeros(100, 3))  # made without the data, and then loaded
print(loaded.load_state_dict(scorer.state_dict()))

x = torch.full((1, 3), 50.0)
print("score before saving:", scorer(x).item())
print("score after loading:", loaded(x).item())

# %% [markdown]
# One attribute of this model is neither saved nor moved to a GPU, and nobody says so. Which one, and why, is what this
# notebook is about. At its end you will be able to:
#
# * register what should be learned as a parameter, what is only state as a buffer, and keep the rest plain;
# * predict what is in `parameters()`, in `buffers()` and in `state_dict()`;
# * change the value of a parameter without replacing the object;
# * let two modules share one parameter.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. What a module knows about itself
#
# A module keeps a register of its parts. When you assign an attribute, the module looks at the type of the value: an
# `nn.Parameter` goes into its list of parameters, an `nn.Module` into its list of submodules, and everything else becomes
# an ordinary attribute that the module knows nothing about.


# %%
class M(nn.Module):
    def __init__(self):
        super().__init__()  # creates the register, so it must come first
        self.weights = nn.Parameter(torch.randn(2, 2))
        self.bias = nn.Parameter(torch.zeros(2))
        self.t = torch.tensor(1.0)

    def forward(self, x):
        return x @ self.weights + self.bias


m = M()
for name, parameter in m.named_parameters():
    print(name, parameter)

# %% [markdown]
# `t` is not listed. Being listed is not all that makes the difference. A parameter
#
# * is what an optimizer gets when you write `SGD(m.parameters(), ...)`;
# * requires a gradient from the start, even if it is made under `no_grad`;
# * is in `state_dict()`, which is what you save and load;
# * moves along when you move the module to another device or dtype.
#
# A plain tensor does none of this, with or without `requires_grad=True`. And only floating-point (or complex) numbers can be
# learned:

# %%
try:
    nn.Parameter(torch.tensor(1))
except RuntimeError as error:
    print("RuntimeError:", error)

print("state_dict:", list(m.state_dict()))
m.to(torch.float64)
print("dtypes:", m.weights.dtype, m.t.dtype)

# %% [markdown]
# Some numbers belong to a model but are not learned: a mean over the training data, a mask, a counter. These are
# *buffers*. `register_buffer(name, tensor)` makes one; like a parameter, it is saved and moved; unlike a parameter, it is
# not in `parameters()`. With `persistent=False` it is moved, but not saved. The mean in the first cell should have been one.
#
# | | made by | `parameters()` | `state_dict()` | `.to(...)` |
# |---|---|---|---|---|
# | parameter | assigning an `nn.Parameter` | yes | yes | yes |
# | buffer | `register_buffer` | no | yes | yes |
# | buffer, `persistent=False` | `register_buffer` | no | no | yes |
# | plain tensor | assigning a tensor | no | no | no |
#
# ### Predict, then verify: what a module registers
#
# Which names are in the `state_dict()` of this module? Replace the dots with a list of strings, as in
# `predicted_keys = ["a", "b"]`; the order does not matter.


# %%
class Books(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(2))
        self.b = torch.zeros(2, requires_grad=True)
        self.register_buffer("c", torch.zeros(2))
        self.d = [nn.Linear(2, 2), nn.Linear(2, 2)]
        self.e = nn.Linear(2, 1, bias=False)


predicted_keys = ...

# %%
if predicted_keys is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_keys,
        "and the names are",
        list(Books().state_dict()),
    )

# %% [markdown]
# An optional parameter that is not wanted is `None`. The attribute is there, so `forward` can check it, but there is no
# parameter:

# %%
layer = nn.Linear(3, 2, bias=False)
print(layer.bias, [name for name, _ in layer.named_parameters()])

# %% [markdown]
# ### Task `Affine`
#
# Most normalisation layers end like this: after centring and scaling, the network learns its own scale and shift.


# %%
class Affine(nn.Module):
    """y = x * weight + bias, elementwise over the last dimension: x has shape
    (..., features).

    `weight` is a learnable parameter of shape (features,) that starts as ones;
    `bias` is one of the same shape that starts as zeros. With bias=False, the
    attribute `bias` is None: there is no such parameter, and no such key in
    state_dict().

    There are no other parameters or buffers. Each instance has its own
    parameters.
    """

    def __init__(self, features: int, bias: bool = True) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


# %% [markdown]
# ## 2. State that is not learned
#
# Features on different scales are usually standardised: you subtract each column's mean and divide by its standard
# deviation. Which mean? That of the training data, once and for all. Every new sample gets the *same* numbers, even if it
# comes alone; its own mean would say nothing. So these numbers belong to the model and should be saved with it.
#
# There are two standard deviations. `x.std()` divides by N - 1, which makes sense if the data are a sample; for N = 1 it
# would divide by 0. `x.std(correction=0)` divides by N:

# %%
heights = torch.tensor([[1.0], [3.0]])
print(heights.std(dim=0), heights.std(dim=0, correction=0))
print(torch.where(heights > 2, 0.0, heights))

# %% [markdown]
# ### Task `Standardize`


# %%
class Standardize(nn.Module):
    """Standardise features with statistics taken once from training data.

    X is a floating-point tensor of shape (N, D), with N >= 1. The module stores
    the buffers `mean` and `std`, each of shape (D,) and of X's dtype. std is
    the population standard deviation (divide by N); where it is exactly 0,
    store 1 instead.

    forward takes x of shape (..., D) and returns (x - mean) / std, always with
    the STORED statistics, in training and in eval mode; gradients reach x.

    The buffers are in state_dict() (its keys are exactly "mean" and "std"),
    follow .to(...), do not require grad, and do not change when X is modified
    later. The module has no parameters.
    """

    def __init__(self, X: Tensor) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


# %% [markdown]
# ## 3. Modules inside modules
#
# Names grow with depth: if a module has a submodule `first`, the weight of that submodule is called `first.weight`. Lists
# are a trap. A Python list is neither a parameter nor a module, so the module does not look inside. `nn.ModuleList` is a
# list that is a module; its members are named by their index. (`nn.Sequential` is another one, which can also call its
# members one after the other; `nn.ModuleDict` and `nn.ParameterList` do what their names say.)


# %%
class Lists(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(2, 2)]
        self.known = nn.ModuleList([nn.ReLU(), nn.Linear(2, 1)])


print([name for name, _ in Lists().named_parameters()])

# %% [markdown]
# Note the index: the ReLU has no parameters, but it does take a place in the list.
#
# ### Predict, then verify: a layer that is used twice
#
# How many parameters (tensors, not numbers) does `parameters()` list for this network? Replace the dots with a number.

# %%
twice = nn.Linear(3, 3)
network = nn.Sequential(twice, nn.ReLU(), twice)

predicted_count = ...

# %%
if predicted_count is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_count,
        "and there are",
        len(list(network.parameters())),
    )
    print("Names in state_dict():", list(network.state_dict()))

# %% [markdown]
# ### Task `MLP`
#
# With a depth that you choose when you make it, this is the model to try first on any table of numbers.


# %%
class MLP(nn.Module):
    """Multi-layer perceptron, e.g. MLP([4, 8, 8, 2]).

    There is one nn.Linear for each pair of neighbouring sizes, a ReLU between
    the linear layers, and nothing after the last one.

    The keys of state_dict() are exactly layers.0.weight, layers.0.bias,
    layers.1.weight, ... (the index counts only the Linears). x has shape
    (..., sizes[0]), and the result has shape (..., sizes[-1]).

    Raise ValueError if len(sizes) < 2.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


# %% [markdown]
# ## 4. The object and its value
#
# A parameter is an *object* that holds a *value*. Training changes the value; the object stays. That matters because other
# code holds the object too, above all the optimizer. There are two ways to give a layer new weights, and they look alike.
#
# ### Predict, then verify: a new parameter
#
# Here a layer gets a new parameter after its optimizer was made. What is `layer.weight` at the end? Replace the dots with a
# number.

# %%
layer = nn.Linear(1, 1, bias=False)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
layer.weight = nn.Parameter(torch.tensor([[2.0]]))
layer(torch.tensor([[1.0]])).sum().backward()
optimizer.step()

predicted_after_step = ...

# %%
if predicted_after_step is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_after_step,
        "and layer.weight is",
        layer.weight,
    )

# %% [markdown]
# So change the value, in place. PyTorch refuses to do that while it is recording, and it does not accept a plain tensor
# where a parameter was:

# %%
layer = nn.Linear(2, 2)
try:
    layer.weight.zero_()
except RuntimeError as error:
    print("RuntimeError:", error)
try:
    layer.weight = torch.zeros(2, 2)
except TypeError as error:
    print("TypeError:", error)

with torch.no_grad():
    layer.weight.zero_()
print(layer.weight)

# %% [markdown]
# Methods that write into a tensor are forgiving: `copy_` converts the dtype, and it *broadcasts*. One row fills them all:

# %%
target = torch.zeros(2, 3)
print(target.copy_(torch.tensor([[1.0, 2.0, 3.0]])))

# %% [markdown]
# ### Task `set_weights_`
#
# You need this to load pretrained weights, or to reset a layer, while an optimizer is already at work on it.


# %%
def set_weights_(linear: nn.Linear, W: Tensor, b: Tensor | None = None) -> None:
    """Overwrite a Linear layer's weight with W (and its bias with b, if b is
    given) in place. Return nothing.

    The Parameter objects stay the same (an optimizer made earlier keeps
    working), with their dtype, device and requires_grad; they are still leaves,
    and .grad is untouched. Changing W or b later has no effect on the layer,
    and no gradient flows from the layer to W or b. b=None leaves the bias
    alone.

    Raise ValueError, before changing anything, if a shape differs from the
    parameter's, or if b is given but the layer has no bias.
    """
    raise NotImplementedError


# %% [markdown]
# ## 5. One parameter in two places
#
# A language model starts with an embedding, which turns a word's number into a vector, and ends with a linear layer, which
# gives each word a score. Both have a weight of shape (words, width), and it works well to use *one* weight for both: the
# model is smaller, and what one end learns, the other end knows.
#
# Equal numbers are not enough. Two parameters with the same numbers drift apart from the first step on:

# %%
import matplotlib.pyplot as plt

noise = torch.Generator().manual_seed(0)
emb, decoder = nn.Embedding(20, 8), nn.Linear(8, 20, bias=False)
with torch.no_grad():
    emb.weight.normal_(generator=noise)
    decoder.weight.copy_(emb.weight)
optimizer = torch.optim.SGD([emb.weight, decoder.weight], lr=0.1)

distances = [0.0]
for _ in range(50):
    words = torch.randint(20, (16,), generator=noise)
    optimizer.zero_grad()
    nn.functional.cross_entropy(
        decoder(emb(words)), (words + 1) % 20
    ).backward()
    optimizer.step()
    distances.append((emb.weight - decoder.weight).norm().item())

figure, axis = plt.subplots(figsize=(5.5, 2.6), facecolor="white")
axis.plot(distances)
axis.set(
    xlabel="steps",
    ylabel="distance",
    title="Two weights that were equal at the start",
)
axis.set_ylim(bottom=0)
plt.show()

# %% [markdown]
# If both modules hold the *same object*, it is listed once, both uses add to its gradient, and one step changes the weight
# for both.
#
# ### Task `tie_weights`


# %%
def tie_weights(decoder: nn.Linear, emb: nn.Embedding) -> None:
    """Tie the weights: let decoder use emb's weight.

    Afterwards, decoder.weight and emb.weight are the SAME Parameter, the one
    emb had. So a module that holds both lists it once, the gradients of both
    uses add up in it, and one optimizer step changes both. The parameter and
    the decoder's bias stay as they were.

    Raise ValueError, changing nothing, unless decoder.weight and emb.weight
    have the same shape.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [`nn.Module`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html): the methods that use the register,
#   from `named_parameters` to `load_state_dict`.
# * [Modules](https://docs.pytorch.org/docs/stable/notes/modules.html) in PyTorch's notes: parameters, buffers and state
#   from scratch.
# * Press and Wolf, [Using the output embedding to improve language models](https://arxiv.org/abs/1608.05859): why tying
#   helps.
# * In this course, `initialization` decides where parameters start, and `training` moves them.
#
# ## Appendix: where the tutorial differs
#
# If you have read the [PyTorch tutorial](https://aman.ai/primers/pytorch/), some of this may have surprised you.
#
# * It says that being listed in `parameters()` is "the only difference" between a tensor and a parameter. Section 1 has the
#   others.
# * It writes `nn.parameter` where it means the class `nn.Parameter`; the former is the file that defines the class, and cannot be
#   called.
# * In its module `M`, `self.t` is `torch.tensor(1)`. Whole numbers cannot become a parameter at all.
