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
# You froze the body of a network and trained a new head. Now the body may learn as well, so you thaw it and train on. The
# loss falls, the body gets its gradients, everything looks right. But look at the last number:

# %%
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

# %%
body, head = nn.Linear(4, 8), nn.Linear(8, 1)
network = nn.Sequential(body, nn.Tanh(), head)
x, y = torch.randn(64, 4), torch.randn(64, 1)

body.requires_grad_(False)
optimizer = torch.optim.SGD(
    [p for p in network.parameters() if p.requires_grad], lr=0.1
)
start = body.weight.clone()
for step in range(200):
    if step == 100:
        body.requires_grad_(True)
    network.zero_grad()
    loss = (network(x) - y).square().mean()
    loss.backward()
    optimizer.step()

print("size of the body's gradient:", body.weight.grad.norm().item())
print("how far the body has moved: ", (body.weight - start).norm().item())

# %% [markdown]
# Nothing warned you. Freezing takes one line, and each part of it has a way to go wrong that no error message tells. By the
# end of this notebook you will be able to:
#
# * freeze exactly the parameters you mean, by name;
# * tell apart what `requires_grad`, `no_grad` and `eval()` switch off, and what each of them leaves running;
# * thaw part of a model in the middle of training so that it really is trained;
# * freeze single entries of a parameter, which no flag can do.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. A flag on each parameter
#
# Somebody has trained a large network, and you want to train a few layers on top of it. The other layers should keep what
# they have learned: you *freeze* them, for example all the convolutions of a VGG16:
#
# ```python
# for param in model.features.parameters():
#     param.requires_grad = False
# ```
#
# The flag belongs to the *parameter*. A module has no such flag, and as everywhere in Python, assigning to an attribute that
# does not exist creates it:

# %%
layer = nn.Linear(3, 2)
# This makes a new attribute of the module, which nothing ever reads:
layer.requires_grad = False
print(layer.weight.requires_grad, layer.bias.requires_grad)

# This is a method of the module: it sets the flag of each parameter.
layer.requires_grad_(False)
print(layer.weight.requires_grad, layer.bias.requires_grad)

# %% [markdown]
# Parameters have names: the attribute names on the path to them, joined with dots:

# %%
model = nn.Sequential()
model.add_module("layer1", nn.Linear(3, 4))
model.add_module("body", nn.Sequential(nn.ReLU(), nn.Linear(4, 4, bias=False)))
model.add_module("layer10", nn.Linear(4, 2))
print([name for name, _ in model.named_parameters()])

# %% [markdown]
# So a name tells you which part of the model a parameter belongs to, but read it with care: `"layer10.weight"` starts with
# `"layer1"`.
#
# If nothing that goes into a computation requires a gradient, nothing is recorded, and `backward()` raises. But what if
# there is a frozen layer in the *middle*?
#
# ### Predict, then verify: a frozen layer in the middle
#
# Which of the three layers have a gradient in `weight.grad` after `backward()`? Replace the dots with a list of their
# numbers, as in `predicted_layers = [1]`.

# %%
layers = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2))
layers[1].requires_grad_(False)
layers(torch.randn(5, 3)).sum().backward()

predicted_layers = ...

# %%
if predicted_layers is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_layers,
        "and the layers have these gradients:",
    )
    for number, layer in enumerate(layers):
        print(
            number,
            None if layer.weight.grad is None else layer.weight.grad.shape,
        )

# %% [markdown]
# ### Task `freeze`
#
# Fine-tuning starts with this: keep the layers that are good already, and say by name which they are.


# %%
def freeze(model: nn.Module, prefixes: Sequence[str]) -> list[str]:
    """Freeze the parameters that the prefixes name, and return the names of
    these parameters.

    Set requires_grad=False on every parameter whose dotted name
    (as in model.named_parameters()) equals one of the prefixes, or starts with
    one of them followed by a dot. All other parameters keep their flag,
    whatever it is.

    Return the names of the matched parameters in the order of
    named_parameters(), each once, including those that were already frozen. If
    any prefix matches no parameter, raise ValueError and change nothing at all.

    The parameters stay the same objects. Their values and .grad do not change,
    and neither do the modes (training or eval) of the modules.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. Frozen is not still
#
# `requires_grad` is about gradients. What else goes on while a layer runs?
#
# ### Predict, then verify: BatchNorm in a frozen model
#
# `nn.BatchNorm1d` keeps a running mean of what it sees in training. It starts at 0, and each batch moves it a tenth of
# the way towards the batch's mean. Here all parameters of the layer are frozen. What is `running_mean` at the end?
# Replace the dots with a number.

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
        "You predicted",
        predicted_running_mean,
        "and norm.running_mean is",
        norm.running_mean,
    )

# %% [markdown]
# Three switches are often confused. Each does one thing:
#
# | | what it switches off | what keeps running |
# |---|---|---|
# | `p.requires_grad = False` | the gradient of this one parameter | recording for others; dropout; BatchNorm's statistics |
# | `with torch.no_grad():` | recording, for everything computed inside | dropout; BatchNorm's statistics |
# | `module.eval()` | dropout; BatchNorm uses its statistics and stops updating them | recording, gradients |
#
# Here are two frozen layers over many batches, one in training mode and one in eval mode. The statistics are *buffers*, not
# parameters. No flag protects them.

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
    history.append(
        (training.running_mean.item(), evaluation.running_mean.item())
    )

figure, axis = plt.subplots(figsize=(5.5, 2.6), facecolor="white")
axis.plot(history, label=["training mode", "eval mode"])
axis.set(
    xlabel="batches seen",
    ylabel="running mean",
    title="Two frozen BatchNorm layers",
)
axis.legend()
plt.show()

# %% [markdown]
# `no_grad` cuts the graph. Here the middle one of three layers runs inside it:

# %%
lin0, lin1, lin2 = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
x1 = lin0(torch.randn(2, 2))
with torch.no_grad():
    x2 = lin1(x1)
x3 = lin2(x2)
x3.sum().backward()
print(lin0.weight.grad, lin1.weight.grad, lin2.weight.grad)

# %% [markdown]
# `lin0` and `lin1` get nothing: `lin1` ran without being recorded, so the path back to `lin0` is gone too. The flags of both
# still say `True`. Compare that with the frozen layer in the middle.
#
# `eval()` and `train()` set the attribute `training` of a module and of everything inside it. The old values are lost
# unless you saved them, and they need not be the same everywhere. `modules()` goes through all modules, including the
# outermost one:

# %%
body = nn.Sequential(
    nn.Linear(3, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
)
body[1][0].eval()
for module in body.modules():
    print(type(module).__name__, module.training)

# %% [markdown]
# ### Task `head_only_forward`
#
# A frozen *backbone* computes features, and a new *head* learns to read them. While the head is being trained, the
# backbone should behave as it will later: without dropout, and with the statistics it already has.


# %%
def head_only_forward(
    backbone: nn.Module, head: nn.Module, x: Tensor
) -> Tensor:
    """Compute head(backbone(x)) for training ONLY the head.

    The backbone runs in eval mode: no dropout, and BatchNorm uses its running
    statistics without changing them. Afterwards, the backbone and each of its
    submodules have the training flag they had before. No gradient can reach the
    backbone's parameters or x, yet their requires_grad flags do not change.

    The head runs in its current mode, and gradients reach its parameters, so
    the result requires grad. You can rely on this: the backbone does not return
    x itself.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Who moves a parameter?
#
# Not the flag: `requires_grad=True` tells PyTorch to compute a gradient. An *optimizer* moves the parameters you gave it,
# those of them that have something in `.grad`. (In the first cell, the body was not in that list: when the optimizer was made,
# the list had no frozen parameters in it.) So it is here:

# %%
layer = nn.Linear(2, 1)
optimizer = torch.optim.SGD([layer.weight], lr=0.1)  # without the bias
before = layer.bias.item()
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
print(
    "gradient of the bias:",
    layer.bias.grad,
    " moved by",
    layer.bias.item() - before,
)

# %% [markdown]
# ### Predict, then verify: frozen between backward and step
#
# Here the flag is switched off after a gradient has been computed. What is `w` at the end? Replace the dots with a number.

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
# An optimizer keeps its parameters in groups. Each group is a dict with its own learning rate, and `add_param_group` adds
# another one. Options you leave out are filled in from the optimizer's defaults. A parameter may be in one group only:

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
# To find out whether a list contains a certain *tensor*, do not use `in` or `==`: they compare numbers, element by element.
# Whether two names refer to the same object is a question for `is` and `id()`:

# %%
a, b = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
print(a == b, a is b)

# %% [markdown]
# ### Task `unfreeze`
#
# Once the head has learned something, the upper layers of the body are often thawed and trained as well, with a smaller
# learning rate.


# %%
def unfreeze(
    model: nn.Module, optimizer: torch.optim.Optimizer, prefix: str, lr: float
) -> int:
    """Thaw part of a model in the middle of training, and return how many
    parameters are new to the optimizer.

    Set requires_grad=True on every parameter of `model` whose name
    (as in model.named_parameters()) equals prefix or starts with prefix + ".",
    and make sure that `optimizer` will update it: add the parameters that none
    of its param groups holds yet, as ONE new param group with learning rate lr.

    Existing groups, their options and the optimizer's state stay as they were.
    Return the number of parameters you added; if it is 0, add no group. Raise
    ValueError if no parameter matches.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Single entries
#
# Can you freeze half of a weight? The flag cannot do it: it belongs to a whole tensor. Indexing makes a *new* tensor, and a
# flag set on that one has no effect on the parameter.
#
# But you can change a gradient on its way. After `tensor.register_hook(f)`, PyTorch calls `f` with each gradient that
# arrives for the tensor, and uses what `f` returns instead. You get back a handle that lets you remove the hook again:

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
# A hook returns a new gradient. It must not modify the one it is given, because that tensor may be on its way to other
# tensors too. And beware of multiplying by 0: it does not get rid of `inf` or `nan`.

# %%
broken = torch.tensor([float("inf"), float("nan"), 1.0])
print(broken * 0)
print(torch.where(torch.tensor([True, True, False]), 0.0, broken))

# %% [markdown]
# In plain SGD, an entry whose gradient is 0 stays where it is. Weight decay moves it all the same, and so does momentum
# from before; optimizers have more than one reason to change a number.
#
# ### Task `freeze_entries`
#
# A pruned network is trained on while its removed weights stay 0; an embedding learns new words while the known ones keep
# their vectors.


# %%
def freeze_entries(param: nn.Parameter, mask: Tensor) -> RemovableHandle:
    """Freeze single entries of a parameter, and return a handle that undoes it.

    From now on, after every backward(), the entries of param.grad where mask is
    True are exactly 0 (even where the incoming gradient is nan or inf); all
    other entries hold the normal gradient. Other tensors get their normal
    gradients.

    param stays the same object: a leaf with requires_grad=True and the values
    it had. If the caller changes `mask` later, that has no effect. After
    handle.remove(), gradients are normal again. param.grad is None when your
    function is called.

    Raise ValueError if mask is not a bool tensor of param's shape.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Locally disabling gradient computation](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disable-grad-doc)
#   in PyTorch's notes: flags, `no_grad`, inference mode and eval mode side by side.
# * [Backward hooks](https://docs.pytorch.org/docs/stable/notes/autograd.html#backward-hooks-execution): when hooks on
#   tensors run, and what they may return.
# * [`Optimizer.add_param_group`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html).
# * In this course, `parameters` comes next: what makes a tensor a parameter of a module in the first place.
#
# ## Appendix: where the tutorial differs
#
# If you have read the [PyTorch tutorial](https://aman.ai/primers/pytorch/), some of this may have surprised you.
#
# * It loads a trained network with `vgg16(pretrained=True)`; today you write `vgg16(weights=VGG16_Weights.DEFAULT)`.
# * For an `x` without a graph, it shows `x.backward()` and says that `None` is printed afterwards. The program never gets that
#   far: `backward()` raises.
# * Its sentence about the three layers of section 2 has a slip: not only `lin1`, `lin0` gets no gradient either.
# * "Setting `requires_grad=True` tells PyTorch that this parameter should be optimized", it says. It tells PyTorch to compute a
#   gradient; the optimizer's list decides.
# * It says that "even individual weights" can be frozen, but does not show how. Section 4 does.
