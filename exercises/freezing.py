# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Freezing with requires_grad
#
# When you have worked through this notebook you can
#
# * freeze exactly the parameters that you mean, by their names;
# * tell apart what `requires_grad`, `no_grad` and `eval()` switch off, and what each of them leaves running;
# * freeze single entries of a parameter, which no flag can do;
# * thaw a part of a model in the middle of training so that it is really trained.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

# %% [markdown]
# ## 1. A flag at each parameter
#
# Somebody has trained a large network, and you want to train a few layers on top of it. The others are to keep what they
# have learned: they are *frozen*. The tutorial freezes the convolutional part of VGG16 with
#
# ```python
# for param in model.features.parameters():
#     param.requires_grad = False
# ```
#
# (and loads it with `vgg16(pretrained=True)`; today one writes `vgg16(weights=VGG16_Weights.DEFAULT)`). The flag belongs to
# the *parameter*. A module has no flag of that name, and as everywhere in Python, an attribute that does not exist yet is
# simply made when it is assigned:

# %%
layer = nn.Linear(3, 2)
layer.requires_grad = False  # a new attribute of the module, which nobody ever reads
print(layer.weight.requires_grad, layer.bias.requires_grad)

layer.requires_grad_(False)  # a method of the module: it goes through the parameters
print(layer.weight.requires_grad, layer.bias.requires_grad)

# %% [markdown]
# Parameters have names. They are made of the names of the attributes on the way, with dots between them:

# %%
model = nn.Sequential()
model.add_module("layer1", nn.Linear(3, 4))
model.add_module("body", nn.Sequential(nn.ReLU(), nn.Linear(4, 4, bias=False)))
model.add_module("layer10", nn.Linear(4, 2))
print([name for name, _ in model.named_parameters()])

# %% [markdown]
# So a name says which part of the model a parameter belongs to, if it is read with care: `"layer10.weight"` begins with the
# letters of `"layer1"`.
#
# If nothing that goes into a computation requires a gradient, nothing is recorded, and `backward()` raises. (The tutorial
# shows `x.backward()` for such an `x`, and says that it prints `None` afterwards. It does not get there.) But what if there
# is a frozen layer in the *middle*?
#
# ### Predict, then verify: a frozen layer in the middle
#
# Which of the three layers have a gradient in `weight.grad` after `backward()`? Write a list of their numbers in place of
# the dots, as in `predicted_layers = [1]`.

# %%
layers = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2))
layers[1].requires_grad_(False)
layers(torch.randn(5, 3)).sum().backward()

predicted_layers = ...

# %%
if predicted_layers is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_layers, "and the layers have these gradients:")
    for number, layer in enumerate(layers):
        print(number, None if layer.weight.grad is None else layer.weight.grad.shape)

# %% [markdown]
# ### Task `freeze`


# %%
def freeze(model: nn.Module, prefixes: Sequence[str]) -> list[str]:
    """Freeze the parameters of model that are named by the prefixes, and return their names.

    Set requires_grad=False on every parameter whose dotted name (as in
    model.named_parameters()) equals one of the prefixes or starts with that prefix followed by
    a dot. All other parameters keep their flag, whatever it is.

    Return the names of the matched parameters in the order of named_parameters(), each once
    (also those that were frozen already). If any prefix matches no parameter: raise ValueError
    and change nothing at all.

    Values, .grad, training mode and the identity of the parameters are untouched.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. Frozen is not still
#
# Three switches are often confused. Each of them does one thing:
#
# | | what it switches off | what goes on |
# |---|---|---|
# | `p.requires_grad = False` | the gradient of this one parameter | recording for others; dropout; BatchNorm's statistics |
# | `with torch.no_grad():` | recording, for everything computed inside | dropout; BatchNorm's statistics |
# | `module.eval()` | dropout; BatchNorm uses its statistics, and leaves them alone | recording, gradients |
#
# `no_grad` cuts. The tutorial's example runs the middle one of three layers inside of it:

# %%
lin0, lin1, lin2 = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
x1 = lin0(torch.randn(2, 2))
with torch.no_grad():
    x2 = lin1(x1)
x3 = lin2(x2)
x3.sum().backward()
print(lin0.weight.grad, lin1.weight.grad, lin2.weight.grad)

# %% [markdown]
# The layers that get nothing are `lin0` and `lin1` (there is a slip in the tutorial's sentence): `lin1` ran without being
# recorded, and with that the way back to `lin0` has gone, too. The flags of both still say `True`. Compare that with your
# prediction above.
#
# ### Predict, then verify: BatchNorm in a frozen model
#
# `nn.BatchNorm1d` keeps a running mean of what it sees in training. It starts at 0, and each batch moves it by a tenth of
# the way to the batch's mean. Here all of its parameters are frozen. Which number stands in `running_mean` in the end?
# Write a number in place of the dots.

# %%
norm = nn.BatchNorm1d(1)
norm.requires_grad_(False)
batch = torch.tensor([[4.0], [6.0], [8.0]])
norm(batch)

predicted_running_mean = ...

# %%
if predicted_running_mean is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted", predicted_running_mean, "and norm.running_mean is", norm.running_mean
    )

# %% [markdown]
# The same over many batches: two copies of one frozen layer, one in training mode and one in evaluation mode. Statistics
# are *buffers*, not parameters. No flag protects them.

# %%
import matplotlib.pyplot as plt

noise = torch.Generator().manual_seed(0)
training, evaluation = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
for norm in (training, evaluation):
    norm.requires_grad_(False)
evaluation.eval()
history = [(0.0, 0.0)]
for _ in range(40):
    batch = torch.randn(16, 1, generator=noise) + 3
    training(batch), evaluation(batch)
    history.append((training.running_mean.item(), evaluation.running_mean.item()))

figure, axis = plt.subplots(figsize=(5.5, 2.6))
axis.plot(history, label=["training mode", "evaluation mode"])
axis.set(xlabel="batches seen", ylabel="running mean", title="Two frozen BatchNorm layers")
_ = axis.legend()

# %% [markdown]
# `eval()` and `train()` set the attribute `training` of a module and of everything inside it. Afterwards nobody knows what
# it was before, unless somebody has remembered it; and it need not be the same everywhere. `modules()` walks through all
# modules, the outermost one included:

# %%
body = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)))
body[1][0].eval()
for module in body.modules():
    print(type(module).__name__, module.training)

# %% [markdown]
# ### Task `head_only_forward`
#
# A frozen *backbone* computes features, a new *head* learns to read them. While the head is trained, the backbone should
# behave as it will behave later: without dropout, and with the statistics that it has.


# %%
def head_only_forward(backbone: nn.Module, head: nn.Module, x: Tensor) -> Tensor:
    """Compute head(backbone(x)) for training ONLY the head.

    The backbone runs in eval mode (no dropout, BatchNorm uses and does not change its running
    statistics); afterwards the training flag of every backbone submodule is what it was before.
    No gradient can reach the backbone's parameters or x, although their requires_grad flags are
    not changed.

    The head runs in its current mode and gradients reach its parameters, so the result requires
    grad.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Single entries
#
# "Even individual weights" can be frozen, says the tutorial, and does not show how. The flag cannot do it: it belongs to a
# whole tensor. Indexing makes a *new* tensor, and what is set on that one says nothing about the parameter.
#
# But a gradient can be changed on its way. `tensor.register_hook(f)` has `f` called with each gradient that arrives for the
# tensor, and what `f` returns goes on in its place. The result is a handle, with which the hook can be taken off again:

# %%
w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
handle = w.register_hook(lambda gradient: gradient.clamp(max=5))
(w**2).sum().backward()
print("with the hook:", w.grad)

handle.remove()
w.grad = None
(w**2).sum().backward()
print("without it:   ", w.grad)

# %% [markdown]
# A hook returns a new gradient. It must not change the one that it is given, for that may be on its way to other tensors,
# too. And beware of products: they are no way to get rid of a number that is not finite.

# %%
broken = torch.tensor([float("inf"), float("nan"), 1.0])
print(broken * 0)
print(torch.where(torch.tensor([True, True, False]), 0.0, broken))

# %% [markdown]
# An entry whose gradient is 0 stays where it is in plain SGD. Weight decay moves it nevertheless, and so does a momentum
# that it had before; optimizers have more than one reason to change a number.
#
# ### Task `freeze_entries`


# %%
def freeze_entries(param: nn.Parameter, mask: Tensor) -> RemovableHandle:
    """Freeze single entries of a parameter, and return a handle.

    From now on, after every backward, the entries of param.grad where mask is True are exactly
    0 (even where the incoming gradient is nan or inf); all other entries are the normal
    gradient.

    param stays the same leaf object with requires_grad=True and unchanged values. Later changes
    that the caller makes to `mask` have no effect. After handle.remove() gradients are normal
    again. Nothing is in param.grad when you are called.

    Raise ValueError if mask is not a bool tensor of param's shape.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Who moves a parameter?
#
# Not the flag. "Setting `requires_grad=True` tells PyTorch that this parameter should be optimized", says the tutorial; but
# what it tells PyTorch is to compute a gradient. An *optimizer* moves the parameters that it was given, whichever of them
# have something in `.grad`:

# %%
layer = nn.Linear(2, 1)
optimizer = torch.optim.SGD([layer.weight], lr=0.1)  # the bias is not in the list
before = layer.bias.item()
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
print("gradient of the bias:", layer.bias.grad, " moved by", layer.bias.item() - before)

# %% [markdown]
# ### Predict, then verify: frozen between backward and step
#
# Here the flag is switched off after a gradient has been computed. Which number does `w` hold in the end? Write a number
# in place of the dots.

# %%
w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
(3 * w).backward()
w.requires_grad_(False)
optimizer.step()

predicted_weight = ...

# %%
if predicted_weight is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_weight, "and w is", w)

# %% [markdown]
# An optimizer keeps its parameters in groups. Each group is a dict with a learning rate of its own, and
# `add_param_group` adds one more. What is not said is filled in from the optimizer's defaults. A parameter may stand in one
# group only:

# %%
body, head = nn.Linear(3, 4), nn.Linear(4, 2)
optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
optimizer.add_param_group({"params": [body.weight], "lr": 0.01})
for group in optimizer.param_groups:
    print(
        [tuple(p.shape) for p in group["params"]],
        "lr",
        group["lr"],
        "momentum",
        group["momentum"],
    )

try:
    optimizer.add_param_group({"params": [body.weight, body.bias]})
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# Whether a list contains a *tensor* is not a question for `in` or `==`. These compare numbers, element by element; whether
# two names stand for one object is what `is` and `id()` say:

# %%
a, b = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
print(a == b, a is b)

# %% [markdown]
# ### Task `unfreeze`
#
# When the head has learned something, upper layers of the body are often thawed and trained along, with a smaller learning
# rate.


# %%
def unfreeze(model: nn.Module, optimizer: torch.optim.Optimizer, prefix: str, lr: float) -> int:
    """Thaw part of a model in the middle of training, and return how many parameters the
    optimizer got.

    Set requires_grad=True on every parameter of `model` whose name (as in
    model.named_parameters()) equals prefix or starts with prefix + ".", and make sure that
    `optimizer` will update them: those not yet held by any of its param groups are added as ONE
    new param group with learning rate lr.

    Existing groups, their lr and the optimizer's state are unchanged. Return the number of
    parameters newly added (0 = no group is added). Raise ValueError if nothing matches.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Locally disabling gradient computation](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disable-grad-doc)
#   in PyTorch's notes: flags, `no_grad`, inference mode and evaluation mode side by side.
# * [Backward hooks](https://docs.pytorch.org/docs/stable/notes/autograd.html#backward-hooks-execution): when hooks on
#   tensors run, and what they may return.
# * [`Optimizer.add_param_group`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html).
# * In this course, `parameters` comes next: what makes a tensor a parameter of a module in the first place.
