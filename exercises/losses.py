# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Loss functions
#
# Two classifiers learn the same thing, one with PyTorch's loss, the other with a loss copied from its formula: softmax, then
# the logarithm. For 40 steps they agree. Then a single broken sample comes along. One recovers within a few steps; in the
# other, every weight is nan from now on, and hours of training are lost. The formula is right; what went wrong?

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn


# %%
import matplotlib.pyplot as plt


def by_the_formula(outputs: Tensor, wanted: Tensor) -> Tensor:
    logarithms = torch.softmax(outputs, dim=1).log()
    return -logarithms[torch.arange(len(wanted)), wanted].mean()


def curve_of(loss_function, steps: int = 100) -> list[float]:
    """The losses of a small classifier that meets a broken sample at step
    40."""
    torch.manual_seed(0)
    network = nn.Linear(2, 2)
    descent, found = torch.optim.SGD(network.parameters(), lr=0.5), []
    for step in range(steps):
        spots = torch.randn(50, 2)
        sides = (spots[:, 0] > 0).long()
        if step == 40:
            spots[0], sides[0] = torch.tensor([100.0, 0.0]), 0
        error = loss_function(network(spots), sides)
        descent.zero_grad()
        error.backward()
        descent.step()
        found.append(error.item())
    return found


figure, axis = plt.subplots(figsize=(5.5, 2.8))
axis.plot(curve_of(F.cross_entropy), label="F.cross_entropy")
axis.plot(curve_of(by_the_formula), "--", linewidth=3, label="by the formula")
axis.set(
    xlabel="step",
    ylabel="loss",
    ylim=(0, None),
    title="The same classifier, the same loss?",
)
axis.legend()
plt.show()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * tell which loss functions take logits, which take probabilities, and what their targets look like;
# * write cross-entropy from logits, for two classes and for many, so that no number is too large for it;
# * notice when a loss broadcasts two shapes against each other, and refuse to do so;
# * average over the entries that count, and keep the others out of the value *and* the gradient.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.

# %% [markdown]
# ## 1. Scores, probabilities, and a loss
#
# A classifier gives each class a score, which can be any number, positive or negative. These raw scores are called
# *logits*. Softmax turns a row of them into probabilities, and the *cross-entropy* of a sample is minus the logarithm of
# the probability of its true class: near 0 for an answer that is confident and right, large for one that is confident and
# wrong.

# %%
scores = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
classes = torch.tensor([0, 1])

probabilities = torch.softmax(scores, dim=1)
print(probabilities)
print(
    "loss of each sample:",
    -probabilities[0, 0].log(),
    -probabilities[1, 1].log(),
)
print("their mean:", nn.CrossEntropyLoss()(scores, classes))

# %% [markdown]
# `nn.CrossEntropyLoss` takes logits, because it contains the softmax. Each of PyTorch's losses expects one particular kind
# of input, and none can tell when it gets another:
#
# | loss | input | target |
# |---|---|---|
# | `nn.CrossEntropyLoss` | logits (N, C) | class indices (N,), or probabilities (N, C) |
# | `nn.NLLLoss` | log-probabilities (N, C) | class indices (N,) |
# | `nn.BCEWithLogitsLoss` | logits, of any shape | probabilities, of the same shape |
# | `nn.BCELoss` | probabilities, of any shape | probabilities, of the same shape |
# | `nn.MSELoss`, `nn.L1Loss` | numbers, of any shape | numbers, of the same shape |
#
# A target of `nn.CrossEntropyLoss` may be a class index or a row of probabilities, and hence a one-hot vector, as long as
# its dtype is floating. A one-hot vector of integers, which is what `F.one_hot` returns, raises an error:

# %%
one_hot = F.one_hot(classes, num_classes=3)
print(F.cross_entropy(scores, one_hot.float()))
try:
    F.cross_entropy(scores, one_hot)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# ### One entry of each row
#
# To write such a loss yourself, you have to pick one entry from each row. Two index tensors of the same length are read in
# pairs; a slice together with an index tensor does something else:

# %%
table = torch.arange(12).reshape(3, 4)
columns = torch.tensor([3, 0, 2])
print(table)
print("in pairs:", table[torch.arange(3), columns])
print("a slice and an index:\n", table[:, columns], sep="")

# %% [markdown]
# ### Where exp ends
#
# The formula for softmax contains exponentials, and in float32 they overflow just above exp(88). `torch.softmax` knows how
# to avoid infinity: it first subtracts the largest score from all of them. But at the other end a probability may become 0,
# and then its logarithm is lost. No later step can recover it, and the gradient is lost too:

# %%
far = torch.tensor([[0.0, 1000.0]], requires_grad=True)
loss = -torch.softmax(far, dim=1).log()[0, 0]
loss.backward()
print("exp:", far.detach().exp(), " loss:", loss.item(), " gradient:", far.grad)

# %% [markdown]
# The right loss is 1000. The logarithm of a softmax is much simpler than the two steps it combines:
#
# log softmax(z)ᵢ = zᵢ - log Σⱼ exp(zⱼ)
#
# `F.log_softmax(z, dim)` computes it in one step, and `torch.logsumexp(z, dim)` computes its second term; both are accurate
# for numbers of any size.
#
# ### Task `cross_entropy`
#
# This is the loss of nearly every classifier. A language model is one too: its classes are the words that may come next.


# %%
def cross_entropy(
    logits: Tensor, labels: Tensor, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of raw logits (N, C), N >= 1, and int64 class labels (N,)
    in [0, C).

    reduction "mean" gives the mean over the N samples and "sum" their sum, both
    as a 0-dim tensor; "none" gives the loss of each sample, with shape (N,).
    Raise ValueError for any other reduction.

    The values and the gradients are correct for logits of any size (e.g. 1000).
    The result has the dtype of logits, and lives on their device.

    F.cross_entropy, F.nll_loss and their nn classes are not available here;
    log_softmax and logsumexp are.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. Two classes
#
# For a question with two answers, one logit z is enough. The *sigmoid* turns it into a probability, σ(z) = 1 / (1 +
# exp(-z)), and the binary cross-entropy with a target t between 0 and 1 is
#
# -t · log σ(z) - (1 - t) · log(1 - σ(z))
#
# PyTorch has two losses for this. They are the same on paper, but not in a computer. The target is 0, and the model gets
# more and more confident of the opposite:

# %%
both = {
    "sigmoid, then BCELoss": lambda z, t: nn.BCELoss()(torch.sigmoid(z), t),
    "BCEWithLogitsLoss": nn.BCEWithLogitsLoss(),
}
for size in (5.0, 15.0, 20.0, 200.0):
    for name, loss_of in both.items():
        z, t = torch.tensor([size], requires_grad=True), torch.zeros(1)
        loss = loss_of(z, t)
        loss.backward()
        numbers = f"loss {loss.item():8.4f}  gradient {z.grad.item():.4f}"
        print(f"logit {size:5}  {name:21}  {numbers}")

# %% [markdown]
# From about 17 on, σ(z) is exactly 1 in float32. Then the logarithm of 1 - σ(z) is minus infinity; `BCELoss` replaces it
# with -100, and the gradient is 0: the model learns nothing exactly where it is most wrong.
#
# ### Predict, then verify: sigmoid twice
#
# A common mistake is to pass the *output of a sigmoid* to `nn.BCEWithLogitsLoss`, which applies the sigmoid again. The model
# may produce any number z. Between which two probabilities does σ(σ(z)) lie? Replace the dots with the lower and the upper
# limit, to two decimals, as in `predicted_limits = 0.00, 1.00`.

# %%
# The lower limit, and the upper limit:
predicted_limits = ...

# %%
if predicted_limits is ...:
    print("Write down your prediction first, then run this cell.")
else:
    z = torch.tensor([-1000.0, 0.0, 1000.0])
    print(
        "You predicted",
        predicted_limits,
        "and for z =",
        z.tolist(),
        "it is",
        torch.sigmoid(torch.sigmoid(z)).tolist(),
    )

# %% [markdown]
# Whatever such a model has learned, it can never say "no", nor be sure of a "yes". Its loss stays above a floor, and the
# floor differs between the two answers. In the plot, the target is 0 again:

# %%
z = torch.linspace(-20, 120, 1401)
zeros = torch.zeros_like(z)
curves = {
    "BCEWithLogitsLoss(z)": F.binary_cross_entropy_with_logits(
        z, zeros, reduction="none"
    ),
    "BCELoss(sigmoid(z))": F.binary_cross_entropy(
        torch.sigmoid(z), zeros, reduction="none"
    ),
    "BCEWithLogitsLoss(sigmoid(z))": F.binary_cross_entropy_with_logits(
        torch.sigmoid(z), zeros, reduction="none"
    ),
}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for axis in axes:
    for curve, style in zip(curves.values(), ("-", "--", ":"), strict=True):
        axis.plot(z, curve, style)
axes[0].set(title="from afar", xlabel="logit z", ylabel="loss for target 0")
axes[1].set(title="near 0", xlabel="logit z", xlim=(-6, 6), ylim=(0, 4))
figure.legend(axes[0].lines, curves, loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# The dotted line never falls below log 2 = 0.69, and never rises above 1.31: to this loss, a model that is as wrong as can
# be is only twice as bad as one that is right. (For target 1, the floor is 0.31.)
#
# ### From the formula to something that works
#
# Insert σ into the formula, and it becomes
#
# log(1 + exp(z)) - t · z
#
# which is exact for z = -200 and overflows for z = 200. On paper, you can take z out of the logarithm where it is positive;
# then the exponent is never above 0. Whichever way you choose, check the gradient as well: `torch.where` has a trap. It
# picks the right *value* from the two it is given, but the backward pass goes through both. If the one that was not picked
# has an infinite derivative, that is multiplied by 0, which gives nan:

# %%
x = torch.tensor([4.0, 0.0], requires_grad=True)
root = torch.where(x > 0, x.sqrt(), torch.zeros_like(x))
root.sum().backward()
print("values:", root.tolist(), " gradient:", x.grad)

# %% [markdown]
# ### Task `bce_with_logits`
#
# You use it wherever several answers can be right at once, such as the tags of a photo.


# %%
def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy of raw logits and targets in [0, 1]: a 0-dim
    tensor.

    Both are floating and have the same shape, which may be any shape. The
    result has their dtype, and lives on their device.

    It is accurate for logits of any size, e.g. |logit| = 200 or 1000: a
    confidently wrong logit of 200 has loss 200, not inf and not 100. The
    gradient is (sigmoid(z) - t) / numel at every logit z != 0; at exactly 0 it
    does not matter.

    Raise ValueError if the shapes differ.

    F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.logsigmoid,
    F.softplus and the loss classes are not available here.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Shapes that fit by accident
#
# Why should `bce_with_logits` insist on equal shapes when PyTorch can broadcast? A model with one output gives predictions
# of shape (N, 1), and targets often have shape (N,):

# %%
prediction = torch.tensor([[1.0], [2.0], [3.0]])
target = torch.tensor([1.0, 2.0, 3.0])
print(prediction.shape, target.shape)

# %% [markdown]
# ### Predict, then verify: the loss of a perfect prediction
#
# Each prediction equals its target. What is `((prediction - target) ** 2).mean()`? Replace the dots with a number.

# %%
predicted_loss = ...

# %%
if predicted_loss is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_loss,
        "and it is",
        ((prediction - target) ** 2).mean(),
    )
    print("The difference has the shape", tuple((prediction - target).shape))

# %% [markdown]
# `F.mse_loss` warns you about this; a formula of your own does not, and training continues with a loss that means something
# else: the best a model can then do is to predict the mean of all targets for every sample.
#
# ## 4. What does not count
#
# Often a batch has entries that should not count: padding after the end of a sentence, missing measurements. A *mask* says
# which entries count. Multiplying by the mask is not enough if the other entries hold something wild. Replacing them after
# the computation does not work either, for the reason you saw above.

# %%
measured = torch.tensor([1.0, torch.nan, 3.0])
there = torch.tensor([True, False, True])
print("multiplied:", (measured * there).sum())
print("left out:  ", measured[there].sum())

# %% [markdown]
# Watch the divisor, too. A mean over all entries gets smaller the more padding there is, and so does its gradient: the
# model would learn more slowly from batches of short sentences, for no good reason.
#
# ### Task `masked_mse`
#
# Forecasts from sensors that fail now and then, and models that fill in hidden parts of an image, are trained with it.


# %%
def masked_mse(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over the entries where mask (bool) is True, as a 0-dim
    tensor.

    pred, target and mask have the same shape. Raise ValueError if they do not
    (there is no broadcasting), or if mask has no True entry.

    Whatever the other entries hold - even nan or inf - has no effect on the
    value, and pred's gradient there is exactly 0. The result has the dtype of
    pred and target, and lives on their device.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * PyTorch's [loss functions](https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions); the page on
#   [`nn.CrossEntropyLoss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html) explains weights,
#   `ignore_index` and label smoothing.
# * [`torch.logsumexp`](https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html) and
#   [`torch.logaddexp`](https://docs.pytorch.org/docs/stable/generated/torch.logaddexp.html): sums of exponentials that do
#   not overflow.
# * [Broadcasting](https://docs.pytorch.org/docs/stable/notes/broadcasting.html): the rules for which shapes fit together.
# * In this course, `optimizers` comes next: what happens to a gradient.

# %% [markdown]
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It says that a target of `nn.CrossEntropyLoss` must be a class index. Since PyTorch 1.10 it may also be probabilities.
# * Its own cross-entropy uses `log_softmax`, but divides by a `num_examples` that does not exist: a NameError.
# * It says that the binary loss with logits "improves numeric stability". The table in section 2 shows by how much.
# * It calls passing probabilities to a loss that wants logits "softmax twice", finds it "not quite clear why" it hurts, and
#   suspects vanishing gradients. What hurts is the floor in section 2, below which the loss cannot fall.
