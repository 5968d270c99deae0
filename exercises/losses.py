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
# When you have worked through this notebook you can
#
# * tell which loss function wants logits, which wants probabilities, and what its targets look like;
# * write cross-entropy from logits, for two classes and for many, so that no number is too large for it;
# * notice when two shapes are broadcast against each other inside a loss, and refuse it;
# * average over the entries that count, and keep the others out of the value *and* of the gradient.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# %% [markdown]
# ## 1. Scores, probabilities, and a loss
#
# A classifier gives each class a score: any number, also a negative one. These raw scores are called *logits*. Softmax
# turns a row of them into probabilities, and the *cross-entropy* of a sample is minus the logarithm of the probability
# that its right class has got: 0 for a sure and right answer, large for a sure and wrong one.

# %%
scores = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
classes = torch.tensor([0, 1])

probabilities = torch.softmax(scores, dim=1)
print(probabilities)
print("loss of each sample:", -probabilities[0, 0].log(), -probabilities[1, 1].log())
print("their mean:", nn.CrossEntropyLoss()(scores, classes))

# %% [markdown]
# `nn.CrossEntropyLoss` is given the logits, because it contains the softmax. Each loss of PyTorch expects one particular
# kind of input, and none can tell that it was given another:
#
# | loss | input | target |
# |---|---|---|
# | `nn.CrossEntropyLoss` | logits (N, C) | class indices (N,), or probabilities (N, C) |
# | `nn.NLLLoss` | logarithms of probabilities (N, C) | class indices (N,) |
# | `nn.BCEWithLogitsLoss` | logits, of any shape | probabilities, of the same shape |
# | `nn.BCELoss` | probabilities, of any shape | probabilities, of the same shape |
# | `nn.MSELoss`, `nn.L1Loss` | numbers, of any shape | numbers, of the same shape |
#
# The tutorial says that a target of `nn.CrossEntropyLoss` must be a class index. Since PyTorch 1.10 it may also be a row of
# probabilities, and so a one-hot vector, provided that its numbers are floating. A one-hot vector of integers, as
# `F.one_hot` gives it, is refused:

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
# To write such a loss yourself you have to pick one entry of each row. Two index tensors of the same length are read in
# pairs; a slice beside an index tensor is something else:

# %%
table = torch.arange(12).reshape(3, 4)
columns = torch.tensor([3, 0, 2])
print(table)
print("in pairs:", table[torch.arange(3), columns])
print("a slice and an index:\n", table[:, columns], sep="")

# %% [markdown]
# ### Where exp ends
#
# The formula of softmax has exponentials in it, and in float32 they end at about exp(88). `torch.softmax` knows how to avoid
# the infinity: it subtracts the largest score from all of them first. But at the other end a probability may become 0,
# and its logarithm is lost. No later step brings it back, and the gradient is lost with it:

# %%
far = torch.tensor([[0.0, 1000.0]], requires_grad=True)
loss = -torch.softmax(far, dim=1).log()[0, 0]
loss.backward()
print("exp:", far.detach().exp(), " loss:", loss.item(), " gradient:", far.grad)

# %% [markdown]
# The right loss is 1000. The logarithm of a softmax is far simpler than either of the two:
#
# log softmax(z)ᵢ = zᵢ - log Σⱼ exp(zⱼ)
#
# `F.log_softmax(z, dim)` computes it in one step, and `torch.logsumexp(z, dim)` its second half; both are exact for
# numbers of any size. (The tutorial's own cross-entropy uses `log_softmax`, too, but divides by a `num_examples` that does
# not exist: a NameError.)
#
# ### Task `cross_entropy`


# %%
def cross_entropy(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy of raw logits (N, C), N >= 1, and int64 class labels (N,) in [0, C).

    reduction "mean" gives the mean over the N samples and "sum" their sum, both as a 0-dim
    tensor; "none" gives the loss of each sample, of shape (N,). Raise ValueError for any other
    reduction.

    The values and the gradients are correct for logits of any size (e.g. 1000). The result has
    the dtype of logits.

    F.cross_entropy, F.nll_loss and their nn classes are not available here; log_softmax and
    logsumexp are.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. Two classes
#
# For a question with two answers one logit z is enough. The *sigmoid* makes a probability of it,
# σ(z) = 1 / (1 + exp(-z)), and the binary cross-entropy with a target t between 0 and 1 is
#
# -t · log σ(z) - (1 - t) · log(1 - σ(z))
#
# There are two losses for it, and the tutorial says that the one with logits "improves numeric stability". Here is by how
# much. The target is 0, and the model is more and more sure of the opposite:

# %%
for size in (5.0, 15.0, 20.0, 200.0):
    for name, apart in (("sigmoid, then BCELoss", True), ("BCEWithLogitsLoss", False)):
        z, t = torch.tensor([size], requires_grad=True), torch.zeros(1)
        loss = nn.BCELoss()(torch.sigmoid(z), t) if apart else nn.BCEWithLogitsLoss()(z, t)
        loss.backward()
        print(
            f"logit {size:5}  {name:21}  loss {loss.item():8.4f}  gradient {z.grad.item():.4f}"
        )

# %% [markdown]
# From about 17 on, σ(z) is exactly 1 in float32. The logarithm of 1 - σ(z) is then minus infinity; `BCELoss` puts -100 in
# its place, and the gradient is 0: where the model is most wrong it learns nothing.
#
# ### Predict, then verify: sigmoid twice
#
# A frequent mistake is to hand the *output of a sigmoid* to `nn.BCEWithLogitsLoss`, which applies the sigmoid again. (The
# tutorial calls that "softmax twice", finds it "not quite clear why" it hurts, and suspects vanishing gradients.)
# The model may produce any number z. Between which two probabilities does σ(σ(z)) lie? Write the lower and the upper
# limit in place of the dots, with two decimals, as in `predicted_limits = 0.00, 1.00`.

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
# Whatever such a model has learnt, it can neither say "no" nor be sure of a "yes". Its loss stays above a floor, and the
# floor differs for the two answers. In the picture the target is 0 again:

# %%
import matplotlib.pyplot as plt

z = torch.linspace(-20, 120, 1401)
zeros = torch.zeros_like(z)
curves = {
    "BCEWithLogitsLoss(z)": F.binary_cross_entropy_with_logits(z, zeros, reduction="none"),
    "BCELoss(sigmoid(z))": F.binary_cross_entropy(torch.sigmoid(z), zeros, reduction="none"),
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
_ = figure.legend(axes[0].lines, curves, loc="outside lower center", ncols=3)

# %% [markdown]
# The dotted line never falls below log 2 = 0.69, nor does it rise above 1.31: to this loss a model that is wrong with all
# its might is only twice as bad as one that is right. (For target 1 the floor is 0.31.)
#
# ### From the formula to something that holds
#
# Put σ into the formula, and it becomes
#
# log(1 + exp(z)) - t · z
#
# which is exact for z = -200 and overflows for z = 200. On paper one can take z out of the logarithm where it is positive;
# then the exponent is never above 0. Whichever way you choose, look at the gradient as well: there is a trap in
# `torch.where`. It picks the right *value* of the two that it is given, but on the way back both are differentiated. If the
# one that was not picked has an infinite derivative, then that is multiplied by 0, which is nan:

# %%
x = torch.tensor([4.0, 0.0], requires_grad=True)
root = torch.where(x > 0, x.sqrt(), torch.zeros_like(x))
root.sum().backward()
print("values:", root.tolist(), " gradient:", x.grad)

# %% [markdown]
# ### Task `bce_with_logits`


# %%
def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy of raw logits and targets in [0, 1]: a 0-dim tensor.

    Both are floating and have the same shape, whichever it is. The result has their dtype.

    It is exact also for |logit| = 200: the loss of a confidently wrong one is 200, not inf and
    not 100. The gradient is (sigmoid(z) - t) / numel at every logit z != 0; at exactly 0 it
    does not matter.

    Raise ValueError if the shapes differ.

    F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.logsigmoid, F.softplus and the
    loss classes are not available here.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Shapes that fit by accident
#
# Why should `bce_with_logits` insist on equal shapes, if PyTorch can broadcast? A model with one output gives predictions of
# shape (N, 1), and targets often come as (N,):

# %%
prediction = torch.tensor([[1.0], [2.0], [3.0]])
target = torch.tensor([1.0, 2.0, 3.0])
print(prediction.shape, target.shape)

# %% [markdown]
# ### Predict, then verify: the loss of a perfect prediction
#
# Each prediction agrees with its target. What is `((prediction - target) ** 2).mean()`? Write a number in place of the
# dots.

# %%
predicted_loss = ...

# %%
if predicted_loss is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_loss, "and it is", ((prediction - target) ** 2).mean())
    print("The difference has the shape", tuple((prediction - target).shape))

# %% [markdown]
# `F.mse_loss` warns of it, a formula of your own does not, and training goes on with a loss that means something else: the
# best that a model can do then is to predict the mean of all targets for every sample.
#
# ## 4. What does not count
#
# Often a batch has entries that should not count: padding behind the end of a sentence, measurements that are missing. A
# *mask* says which ones do. Multiplying by the mask is not enough if something wild stands at the other entries, and
# neither is replacing it after the computation, for the reason you have seen above.

# %%
measured = torch.tensor([1.0, torch.nan, 3.0])
there = torch.tensor([True, False, True])
print("multiplied:", (measured * there).sum())
print("left out:  ", measured[there].sum())

# %% [markdown]
# Mind the divisor, too. A mean over all places is smaller the more padding there is, and so is its gradient: batches with
# short sentences would be learnt more slowly, for no good reason.
#
# ### Task `masked_mse`


# %%
def masked_mse(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over the entries where mask (bool) is True, as a 0-dim tensor.

    pred, target and mask have the same shape; raise ValueError if they do not (there is no
    broadcasting), and if mask has no True entry.

    What stands at the other entries - even nan or inf - has no influence on the value, and
    pred's gradient there is exactly 0. The result has the dtype of pred.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Loss functions](https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions) of PyTorch; the page of
#   [`nn.CrossEntropyLoss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html) explains weights,
#   `ignore_index` and label smoothing.
# * [`torch.logsumexp`](https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html) and
#   [`torch.logaddexp`](https://docs.pytorch.org/docs/stable/generated/torch.logaddexp.html): sums of exponentials that do
#   not overflow.
# * [Broadcasting](https://docs.pytorch.org/docs/stable/notes/broadcasting.html): the rules by which shapes fit.
# * In this course, `optimizers` comes next: what becomes of a gradient.
