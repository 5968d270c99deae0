# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # train() and eval(), no_grad()
#
# When you have worked through this notebook you can
#
# * tell two switches apart that are often taken for one: the mode of a model, and the recording of gradients;
# * evaluate a model without leaving a trace in it;
# * wake single layers and let the others sleep;
# * change parameters without autograd noticing.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
import torch
from torch import Tensor, nn

# %% [markdown]
# ## 1. The mode of a model
#
# Every module has a flag, `training`. `model.train()` sets it in the model and in all modules inside it, `model.eval()`
# clears it in all of them. That is everything they do: nothing is trained, nothing is evaluated.

# %%
net = nn.Sequential(
    nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1))
)
net.eval()
net[2].train()  # a part can have another mode than the whole
for name, module in net.named_modules():
    print(f"{name or 'net':5} {type(module).__name__:12} training: {module.training}")

# %% [markdown]
# Few kinds of layers look at their flag. The two that matter most:
#
# * **Dropout** sets a random share p of its input to 0 in train mode, and scales the rest. In eval mode it does nothing.
# * **BatchNorm** normalises with the batch's own mean and variance in train mode, and remembers a running average of them.
#   In eval mode it normalises with what it remembers, and remembers nothing new.
#
# The scaling keeps the mean where it is: if a quarter of the numbers survives, each survivor has to stand for four.
#
# ## 2. The recording of gradients
#
# Inside `torch.no_grad()` nothing is recorded: results have no history, and no gradient can be asked of them. That
# saves the memory that a backward pass would need. It is a switch of PyTorch, not of the model, and it holds for
# everything that happens inside.
#
# The tutorial has an example with three layers, the middle one under `no_grad`:

# %%
lin0, lin1, lin2 = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
x1 = lin0(torch.randn(2, 2))
with torch.no_grad():
    x2 = lin1(x1)
x3 = lin2(x2)
x3.sum().backward()
print(lin0.weight.grad, lin1.weight.grad)
print(lin2.weight.grad)

# %% [markdown]
# The layers that get no gradient are `lin0` and `lin1`. (The text there names `lin1` twice.) `lin0` was recorded, but
# the way back to it leads through `lin1`, and there it ends.
#
# For inference, the tutorial says, `no_grad` is the most convenient way, and "in this case you also have to set your
# model to evaluation mode". That is right, and there is more to it: the two switches know nothing of each other. Each
# of the three predictions below is about that. (Besides, `vgg16(pretrained=True)` is now written
# `vgg16(weights=VGG16_Weights.DEFAULT)`.)
#
# ### Predict, then verify: dropout under `no_grad`
#
# A dropout layer that drops three quarters of its input gets a thousand ones, under `no_grad`. What is the largest
# number in its output? Write a number in place of the dots.

# %%
dropout = nn.Dropout(p=0.75)

predicted_largest = ...

# %%
if predicted_largest is ...:
    print("Write down your prediction first, then run this cell.")
else:
    with torch.no_grad():
        output = dropout(torch.ones(1000))
    print(
        "You predicted",
        predicted_largest,
        "and the output consists of",
        output.unique().tolist(),
    )

# %% [markdown]
# ### Predict, then verify: what BatchNorm has counted
#
# A BatchNorm layer counts the batches that it has learned from, in its buffer `num_batches_tracked`. It is 0 in the
# beginning. Which number is it after the three passes below? Write it in place of the dots.


# %%
def three_passes(norm: nn.BatchNorm1d, batch: Tensor) -> None:
    norm(batch)
    with torch.no_grad():
        norm(batch)
    norm.eval()
    norm(batch)


predicted_batches = ...

# %%
if predicted_batches is ...:
    print("Write down your prediction first, then run this cell.")
else:
    norm = nn.BatchNorm1d(3)
    three_passes(norm, torch.randn(20, 3))
    print(
        "You predicted",
        predicted_batches,
        "and the layer has counted",
        norm.num_batches_tracked.item(),
    )

# %% [markdown]
# ### Predict, then verify: gradients in eval mode
#
# Once more the three layers, without `no_grad` this time, and with the second one in eval mode. Which of the three
# weights get a gradient? Write three times True or False, like `predicted_gradients = False, False, True` for the
# example above.

# %%
predicted_gradients = ...

# %%
if predicted_gradients is ...:
    print("Write down your prediction first, then run this cell.")
else:
    layers = [nn.Linear(2, 2), nn.Linear(2, 2).eval(), nn.Linear(2, 2)]
    nn.Sequential(*layers)(torch.randn(2, 2)).sum().backward()
    print(
        "You predicted",
        predicted_gradients,
        "and found:",
        [layer.weight.grad is not None for layer in layers],
    )

# %% [markdown]
# ## 3. Evaluating without a trace
#
# An evaluation often takes place in the middle of training. Whoever comes afterwards should find the model as it was:
# with the same numbers, and each part in the mode that it had. Some parts may be in eval mode on purpose while the
# model is trained, like the BatchNorm layers of a body that is kept frozen; `train()` at the end would wake them.
#
# And it should be so even if something goes wrong in between. `finally` says what is to happen in any case:

# %%
box = {"lid": "closed"}
try:
    try:
        box["lid"] = "open"
        raise ValueError("something went wrong")
    finally:
        box["lid"] = "closed"
except ValueError as error:
    print("The error gets through:", error)
print("and the lid is", box["lid"])

# %% [markdown]
# The data go through the model in batches, since all at once they may need too much memory. The result must not depend
# on the batches: a last batch with two samples counts as two samples.
#
# ### Task `evaluate`


# %%
def evaluate(model: nn.Module, X: Tensor, y: Tensor, batch_size: int) -> tuple[float, float]:
    """Return (mean cross-entropy, accuracy) of a classifier over all N >= 1 samples, as Python
    floats.

    The model gives logits of shape (B, C), and y holds the numbers of the classes. batch_size
    samples at a time are processed, in order; the last batch may be smaller. The result does
    not depend on batch_size.

    The model runs in eval mode and without gradient recording. Afterwards - also if its forward
    raises, which is passed on - the training flag of every submodule is as before. Parameters,
    buffers and .grad are unchanged.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Waking dropout only
#
# In eval mode a model gives one answer, and does not say how sure it is. *Monte-Carlo dropout* leaves the dropout
# layers awake and asks many times: each pass goes through another, randomly thinned network, and how far the answers
# differ says something about the model's doubts. Everything else has to sleep: a BatchNorm layer in train mode would
# let the samples of a batch influence each other, and change its memory with every pass.
#
# There is more than one kind of dropout layer. `nn.Dropout` drops single numbers, the others whole channels:

# %%
torch.manual_seed(0)
image = torch.ones(1, 4, 2, 2)
print(nn.Dropout(0.5)(image).flatten(2))
print(nn.Dropout2d(0.5)(image).flatten(2))

# %% [markdown]
# Of a single answer the spread is 0. PyTorch's `std` divides by n - 1 unless told otherwise, and 0/0 is not a number:

# %%
answers = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
print(answers.std(dim=0, correction=1), answers.std(dim=0, correction=0))
print(answers[:1].std(dim=0, correction=0))

# %% [markdown]
# ### Task `mc_dropout`


# %%
def mc_dropout(model: nn.Module, x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Monte-Carlo dropout: return (mean, std) over the outputs of n >= 1 forward passes
    model(x).

    ONLY the dropout layers (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d) are active,
    at every depth of nesting; everything else is in eval mode.

    Both results have the shape of the output; std is taken with correction=0. They carry no
    graph. Afterwards all training flags are as before; parameters and buffers are unchanged.
    """
    raise NotImplementedError


# %% [markdown]
# Is a network in doubt where it has seen no data? This one has seen points between -1 and 1 only:

# %%
import matplotlib.pyplot as plt

x = torch.linspace(-1, 1, 80)[:, None]
y = torch.sin(4 * x) + 0.1 * torch.randn(80, 1)
hidden = [
    nn.Linear(1, 100),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(100, 100),
    nn.ReLU(),
    nn.Dropout(0.1),
]
doubtful = nn.Sequential(*hidden, nn.Linear(100, 1))
optimizer = torch.optim.Adam(doubtful.parameters(), lr=0.01)
for _ in range(200):
    optimizer.zero_grad()
    nn.functional.mse_loss(doubtful(x), y).backward()
    optimizer.step()

wide = torch.linspace(-3, 3, 121)[:, None]
try:
    mean, std = mc_dropout(doubtful, wide, 100)
except NotImplementedError:
    print("Write mc_dropout first, then run this cell.")
else:
    figure, axis = plt.subplots(figsize=(5.5, 3))
    low, high = (mean - 2 * std).flatten().tolist(), (mean + 2 * std).flatten().tolist()
    axis.fill_between(wide.flatten().tolist(), low, high, alpha=0.3, label="mean ± 2 std")
    axis.plot(wide.flatten().tolist(), mean.flatten().tolist())
    axis.plot(x.flatten().tolist(), y.flatten().tolist(), ".", markersize=3, label="data")
    _ = axis.legend()

# %% [markdown]
# ## 5. Changing parameters behind autograd's back
#
# Parameters hop about from step to step, and an average over the last steps is often a better model than the last one. An
# *exponential moving average* needs no memory of the past: it keeps a large share, `decay`, of itself, and takes the rest
# from the newcomer. The larger the share, the calmer the average, and the later it follows.

# %%
noise = torch.Generator().manual_seed(0)
weight = 1 - torch.exp(-torch.arange(150) / 20) + 0.15 * torch.randn(150, generator=noise)
figure, axis = plt.subplots(figsize=(5.5, 3))
axis.plot(weight.tolist(), color="lightgray", label="a weight in training")
for decay in (0.8, 0.95):
    average, averages = 0.0, []
    for value in weight.tolist():
        average = decay * average + (1 - decay) * value
        averages.append(average)
    axis.plot(averages, label=f"its average, decay {decay}")
axis.set(xlabel="step", ylabel="value")
_ = axis.legend()

# %% [markdown]
# Averaging is bookkeeping, not learning. Changing a parameter in place while PyTorch is recording is refused, as it is
# a leaf that requires grad; under `no_grad` it is allowed:

# %%
layer = nn.Linear(2, 2)
try:
    layer.weight.mul_(0.5)
except RuntimeError as error:
    print("RuntimeError:", error)
with torch.no_grad():
    layer.weight.mul_(0.5)
print(layer.weight.is_leaf, layer.weight.requires_grad)

# %% [markdown]
# A model holds *buffers* as well: tensors that belong to it and are not trained. Some hold whole numbers, which have no
# average; some are not even saved with the model:

# %%
norm = nn.BatchNorm1d(2)
norm.register_buffer("grid", torch.arange(3), persistent=False)
print({name: buffer.dtype for name, buffer in norm.named_buffers()})
print(list(norm.state_dict()))

# %% [markdown]
# ### Task `ema_update_`


# %%
def ema_update_(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average: change `ema` in place towards `model`, a module of the same
    architecture.

    Every parameter e of ema becomes decay * e + (1 - decay) * p, with p the parameter of the
    same name in model. Every buffer of ema becomes a copy of model's buffer, whatever its
    dtype.

    Nothing is recorded by autograd. The parameter objects, the requires_grad flags and the
    .grad of both modules are unchanged, and so are all values of model.

    Raise ValueError unless 0 <= decay <= 1.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation) in
#   PyTorch's documentation: `no_grad`, inference mode, and why eval mode is none of them.
# * [torch.optim.swa_utils](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema): PyTorch's own
#   averaged models.
# * Gal and Ghahramani, [Dropout as a Bayesian approximation](https://arxiv.org/abs/1506.02142): where Monte-Carlo dropout
#   comes from.
# * In this course, `metrics` looks at what a classifier gets wrong, and `checkpoints` keeps a model for later.
