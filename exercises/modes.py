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
# Ask this network ten times about the same image, and it gives ten different answers. Nothing is wrong with its
# weights, and the code even says `no_grad`. One line is missing, and without it every number you report about a model is
# partly a matter of luck.

# %%
import copy

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn


# %%
def ten_answers() -> None:
    """Draw the probability of the first class in ten answers, without a line
    and with it."""
    torch.manual_seed(0)
    moody = nn.Sequential(
        nn.Linear(20, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 2)
    )
    image = 6 * torch.randn(1, 20)
    _, axis = plt.subplots(figsize=(5.5, 2.6))
    for label, asked in (
        ("as it is", moody),
        ("with the missing line", copy.deepcopy(moody).eval()),
    ):
        with torch.no_grad():
            found = [
                asked(image).softmax(dim=1)[0, 0].item() for _ in range(10)
            ]
        axis.plot(range(1, 11), found, "o-", label=label)
    axis.set(
        xlabel="answer",
        ylabel="probability",
        ylim=(0, 1),
        title="The same question ten times",
    )
    axis.legend()
    plt.show()


ten_answers()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * tell apart two switches that are often confused: the mode of a model and the recording of gradients;
# * evaluate a model and leave it exactly as it was;
# * switch on single layers while the others stay in eval mode;
# * change parameters without autograd noticing.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.

# %% [markdown]
# ## 1. The mode of a model
#
# Every module has a flag, `training`. `model.train()` sets it in the model and in every module inside it;
# `model.eval()` clears it in all of them. That is all they do: nothing is trained, nothing is evaluated.

# %%
net = nn.Sequential(
    nn.Linear(2, 3),
    nn.BatchNorm1d(3),
    nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1)),
)
net.eval()
net[2].train()  # a part can be in a different mode from the whole
for name, module in net.named_modules():
    kind = type(module).__name__
    print(f"{name or 'net':5} {kind:12} training: {module.training}")

# %% [markdown]
# Only a few kinds of layer look at their flag. The two that matter most:
#
# * **Dropout** in train mode sets each number of its input to 0 with probability p and scales up the rest. In eval mode
#   it does nothing.
# * **BatchNorm** in train mode normalises with the batch's own mean and variance, and keeps a running average of them.
#   In eval mode it normalises with that running average and does not update it.
#
# The scaling keeps the mean the same: if half of the numbers survive, each survivor has to count twice.
#
# ## 2. The recording of gradients
#
# Inside `torch.no_grad()` nothing is recorded: results have no history, so you cannot backpropagate through them. That
# saves the memory that a backward pass would need. The switch belongs to PyTorch, not to the model, and it affects
# everything that runs inside the `with` block.
#
# Here are three layers; the middle one runs under `no_grad`:

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
# The layers that get no gradient are `lin0` and `lin1`. `lin0` was recorded, but the only way back to it leads through
# `lin1`, and there it ends.
#
# To use a trained model you want both: eval mode for the right answers, `no_grad` to save memory. The two switches know
# nothing about each other. The three predictions below are all about that.
#
# ### Predict, then verify: dropout under `no_grad`
#
# A dropout layer with p = 0.75 gets a thousand ones, under `no_grad`. What is the largest number in its output? Replace
# the dots with a number.

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
# A BatchNorm layer counts the batches it has learned from in its buffer `num_batches_tracked`. The count starts at 0.
# What is it after the three passes below? Replace the dots with a number.


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
# The same three layers again, this time without `no_grad`, but with the second one in eval mode. Which of the three
# weights get a gradient? Write three values, each True (it gets one) or False (it does not). For the example above you
# would write `predicted_gradients = False, False, True`.

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
# You often evaluate a model in the middle of training. Afterwards the model must be as it was: the same numbers, and
# each part in the mode it was in. Some parts may be in eval mode on purpose during training, such as the BatchNorm
# layers of a frozen body; calling `train()` at the end would switch them back on.
#
# That should hold even if something goes wrong in between. `finally` runs whatever happens:

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
# The data go through the model in batches, because all at once they might need too much memory. The result must not
# depend on how they are batched: a last batch with two samples counts as two samples.
#
# ### Task `evaluate`
#
# You call this after every epoch, to see how the model does on data it is not trained on.


# %%
def evaluate(
    model: nn.Module, X: Tensor, y: Tensor, batch_size: int
) -> tuple[float, float]:
    """Return (mean cross-entropy, accuracy) of a classifier over all N >= 1
    samples, as two Python floats.

    model returns logits of shape (B, C); y holds the class numbers, shape (N,).
    Process batch_size samples at a time, in order; the last batch may be
    smaller. The result does not depend on batch_size.

    Run the model in eval mode and without recording gradients. Afterwards the
    training flag of every submodule is what it was before, even if the model
    raises an exception (let the exception through). Parameters, buffers, their
    requires_grad flags and .grad are unchanged.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Only dropout active
#
# In eval mode a model gives one answer and does not say how sure it is. *Monte-Carlo dropout* keeps the dropout layers
# active and asks many times: each pass goes through a different, randomly thinned network, and the spread of the
# answers tells you how uncertain the model is. Everything else must stay in eval mode: a BatchNorm layer in train mode
# would let the samples of a batch influence each other, and would change its running statistics with every pass.
#
# There is more than one kind of dropout layer. `nn.Dropout` drops single numbers, `nn.Dropout1d`, `nn.Dropout2d` and
# `nn.Dropout3d` drop whole channels:

# %%
torch.manual_seed(0)
image = torch.ones(1, 4, 2, 2)
print(nn.Dropout(0.5)(image).flatten(2))
print(nn.Dropout2d(0.5)(image).flatten(2))

# %% [markdown]
# A single answer has a spread of 0. But by default PyTorch's `std` divides by n - 1, and 0/0 is nan:

# %%
answers = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
print(answers.std(dim=0, correction=1), answers.std(dim=0, correction=0))
print(answers[:1].std(dim=0, correction=0))

# %% [markdown]
# ### Task `mc_dropout`
#
# A doctor or a self-driving car needs to know when the model is only guessing.


# %%
def mc_dropout(model: nn.Module, x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Monte-Carlo dropout: return (mean, std) over the outputs of n >= 1
    forward passes model(x).

    ONLY the dropout layers (nn.Dropout, nn.Dropout1d, nn.Dropout2d,
    nn.Dropout3d) are active, at every depth of nesting; everything else is in
    eval mode, other kinds of dropout such as nn.AlphaDropout included.

    Both results have the shape and the dtype of the output, and no graph; std
    is taken with correction=0. Afterwards the training flag of every submodule
    is what it was before; parameters and buffers are unchanged.
    """
    raise NotImplementedError


# %% [markdown]
# Is a network less certain where it has seen no data? This one has only seen points between -1 and 1:

# %%
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
    low, high = (mean - 2 * std)[:, 0].tolist(), (mean + 2 * std)[:, 0].tolist()
    places = wide[:, 0].tolist()
    axis.fill_between(places, low, high, alpha=0.3, label="mean ± 2 std")
    axis.plot(places, mean[:, 0].tolist())
    axis.plot(x.tolist(), y.tolist(), ".", markersize=3, label="data")
    axis.set(xlabel="x", ylabel="y", title="How sure is the network?")
    axis.legend()
    plt.show()

# %% [markdown]
# ## 5. Changing parameters behind autograd's back
#
# Parameters jump around from step to step, and an average over the last steps is often a better model than the last
# step alone. An *exponential moving average* does not need to store the past: it keeps a large share, `decay`, of
# itself and takes the rest from the new value. The larger the share, the smoother the average, and the longer it lags
# behind.

# %%
noise = torch.Generator().manual_seed(0)
weight = (
    1
    - torch.exp(-torch.arange(150) / 20)
    + 0.15 * torch.randn(150, generator=noise)
)
figure, axis = plt.subplots(figsize=(5.5, 3))
axis.plot(
    weight.tolist(), color="gray", alpha=0.5, label="a weight in training"
)
for decay in (0.8, 0.95):
    average, averages = 0.0, []
    for value in weight.tolist():
        average = decay * average + (1 - decay) * value
        averages.append(average)
    axis.plot(averages, label=f"its average, decay {decay}")
axis.set(xlabel="step", ylabel="value")
axis.legend()
plt.show()

# %% [markdown]
# Averaging is bookkeeping, not learning. A parameter is a leaf that requires grad, so while PyTorch is recording, you
# cannot change it in place; under `no_grad` you can:

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
# A model also has *buffers*: tensors that belong to it but are not trained. Some hold integers, which cannot be
# averaged; some are not even saved with the model:

# %%
norm = nn.BatchNorm1d(2)
norm.register_buffer("grid", torch.arange(3), persistent=False)
print({name: buffer.dtype for name, buffer in norm.named_buffers()})
print(list(norm.state_dict()))

# %% [markdown]
# ### Task `ema_update_`
#
# Diffusion models and many speech models are sampled from such an average, not from the last weights.


# %%
def ema_update_(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average: update `ema` in place towards `model`, a
    module with the same architecture.

    Every parameter e of ema becomes decay * e + (1 - decay) * p, where p is the
    parameter with the same name in model. Every buffer of ema becomes a copy of
    model's buffer, whatever its dtype.

    Autograd records nothing. The parameter objects, requires_grad flags, .grad
    and training flags of both modules do not change, nor does any value in
    model.

    Raise ValueError unless 0 <= decay <= 1; in that case nothing changes.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Autograd
#   mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation) in
#   PyTorch's documentation: `no_grad`, inference mode, and why eval mode is neither.
# * [torch.optim.swa_utils](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema): PyTorch's own
#   averaged models.
# * Gal and Ghahramani, [Dropout as a Bayesian approximation](https://arxiv.org/abs/1506.02142): where Monte-Carlo dropout
#   comes from.
# * In this course, `metrics` looks at what a classifier gets wrong, and `checkpoints` saves a model for later.

# %% [markdown]
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * Its example with three layers says which of them get no gradient, and names `lin1` twice. It means `lin0` and `lin1`.
# * It says that under `no_grad` "you also have to set your model to evaluation mode". For inference that is good advice,
#   but neither switch needs the other: Monte-Carlo dropout, for one, wants `no_grad` with active dropout.
# * `vgg16(pretrained=True)` is now written `vgg16(weights=VGG16_Weights.DEFAULT)`.
