# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Metrics
#
# Your model tells ill patients from healthy ones with an accuracy of 95 %. The clinic is delighted, until it notices
# that nobody is ever called ill. Here is that model, live; the number is right, and it answers the wrong question.

# %%
import numpy as np
import torch
from torch import Tensor

# %%
ill = torch.zeros(100, dtype=torch.int64)
ill[:5] = 1
called_ill = torch.zeros_like(ill)  # this is the whole model
print("accuracy:          ", (called_ill == ill).double().mean().item())
print("found of those ill:", (called_ill[ill == 1] == 1).double().mean().item())

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * compute a metric in PyTorch along the right axis, and return it as a Python number;
# * notice when two shapes that look alike are not compared as you think;
# * count pairs without looping over the samples, and without losing any;
# * explain why accuracy is not enough when some classes are rare, and deal with classes that never occur.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring
# asks for; any implementation that does it is fine.
#
# ## 1. From logits to a number
#
# A loss is made to be differentiated. A *metric* is made to be read: what share of the samples is classified correctly,
# what share of the alarms was justified? It is computed from the same logits, but nobody needs its gradient.
#
# Here are the logits of five samples for three classes, one row per sample and one column per class.

# %%
logits = torch.tensor(
    [
        [2.0, 0.1, -1.0],
        [0.3, 0.9, 0.5],
        [-0.2, 0.1, 3.0],
        [1.5, 1.6, 0.2],
        [0.7, -0.4, 0.6],
    ]
)
print("over the columns:", logits.argmax(dim=1), "- one class for each sample")
print("over the rows:   ", logits.argmax(dim=0), "- one sample for each class")
print("over everything: ", logits.argmax())

# %% [markdown]
# `dim` is the axis that *disappears*. None of these calls raises an error, but two of them answer a question nobody
# asked. You do not need a softmax: it does not change which entry is the largest.
#
# In older programs, you will find the accuracy computed with NumPy:


# %%
def numpy_accuracy(out, labels):
    outputs = np.argmax(out, axis=1)
    return np.sum(outputs == labels) / float(labels.size)


labels = torch.tensor([0, 1, 2, 0, 0])
print(numpy_accuracy(logits.numpy(), labels.numpy()))
try:
    numpy_accuracy(logits.numpy(), labels)
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# It works for arrays only. Give it a tensor and it raises a TypeError: `np.sum` cannot sum a tensor, and `labels.size`,
# a number for an array, is a method for a tensor. You do not need NumPy here, and if the logits require grad or live on
# a GPU, NumPy cannot even read them. Stay in PyTorch and leave it only at the very end: `item()` turns a tensor with
# one element into a Python number.
#
# ## 2. Labels in a column
#
# Class labels sometimes come as a column, for example when they were read from a table. The shape (4, 1) looks almost
# like the shape (4,).
#
# ### Predict, then verify: everything is right
#
# Here all four predictions agree with their labels. What is `share`? Replace the dots with a number.

# %%
preds = torch.tensor([0, 1, 2, 2])
column = torch.tensor([[0], [1], [2], [2]])
share = (preds == column).float().mean()

predicted_share = ...

# %%
if predicted_share is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_share, "and the share is", share.item())
    print(preds == column)

# %% [markdown]
# The two shapes are broadcast to a common one, aligned from the right: (4,) is treated as (1, 4) and meets (4, 1). If a
# function gets the wrong shape, it should say so instead of returning a number that looks plausible.
#
# The mean of nothing is not a number either:

# %%
print(torch.tensor([]).mean())

# %% [markdown]
# ### Task `accuracy`
#
# This is the number that most training loops print, and the one that most often hides a wrong shape.


# %%
def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of rows of logits whose largest entry is at the labelled
    class, as a Python float in [0, 1].

    logits has shape (N, C), any floating dtype, and may require grad. labels
    has shape (N,) and any integer dtype. You need not handle ties: each row has
    one largest entry.

    Raise ValueError if N == 0 or labels.shape != (N,).
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Which classes are confused?
#
# Two models with the same accuracy can make very different mistakes. A *confusion matrix* shows which: the entry in row
# i and column j counts the samples of class i that the model took for class j. Correct predictions are on the diagonal.

# %%
import matplotlib.pyplot as plt

animals = ["cat", "dog", "hare", "owl"]
M = torch.tensor([[50, 8, 2, 0], [12, 45, 3, 0], [9, 1, 10, 0], [0, 1, 0, 4]])

figure, axis = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
axis.imshow(M.numpy(), cmap="Blues")
for i in range(4):
    for j in range(4):
        axis.text(
            j,
            i,
            M[i, j].item(),
            ha="center",
            va="center",
            color="white" if M[i, j] > 25 else "black",
        )
axis.set_xticks(range(4), animals)
axis.set_yticks(range(4), animals)
axis.set(xlabel="predicted", ylabel="true", title="9 hares were taken for cats")
plt.show()

# %% [markdown]
# Whether rows or columns stand for the true classes is a convention. This notebook follows scikit-learn: rows are true.
# Others do it the other way round, so always look it up.
#
# ### Predict, then verify: counting with an index
#
# In PyTorch you can use a list of positions as an index. In the next cell, position 2 occurs three times. What is
# `counts[2]` at the end? Replace the dots with a number.

# %%
counts = torch.zeros(4, dtype=torch.int64)
places = torch.tensor([0, 2, 2, 2])
counts[places] += 1

predicted_count = ...

# %%
if predicted_count is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_count, "and counts is", counts)

# %% [markdown]
# To see why, write the line without `+=`: `counts[places] = counts[places] + 1`. Everything is read before anything is
# written. For counting, PyTorch has functions that say what they do: `torch.bincount` counts how often each number
# occurs, `Tensor.index_put_` has an argument `accumulate`, and there are `scatter_add_` and `index_add_`.

# %%
print(torch.bincount(places))
print(torch.bincount(places, minlength=6))

# %% [markdown]
# `bincount` makes its result only as long as the largest number requires. Larger numbers that never occur get no entry,
# unless you ask for one with `minlength`.
#
# ### Task `confusion_matrix`
#
# Look at it before you tune anything: it tells you which data to collect next.


# %%
def confusion_matrix(preds: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Return the confusion matrix M: an int64 tensor of shape (C, C), where C
    is num_classes.

    M[i, j] is the number of samples with TRUE class i (labels) that are
    predicted as j (preds).

    preds and labels are int64 tensors of shape (N,) on the same device, with
    values in [0, C); N may be 0. Do not change them. M is on their device.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Rare classes count too
#
# Back to the clinic: 5 out of 100 patients are ill, and a model that calls everyone healthy has an accuracy of 95 %.
#
# For each class there are two questions, and a row or a column of the confusion matrix answers each. *Recall*: what
# share of the class was found? The denominator is the sum of a row. *Precision*: what share of the samples taken for
# this class really belongs to it? The denominator is the sum of a column. For the hares:

# %%
hare = animals.index("hare")
print("recall:   ", (M[hare, hare] / M[hare, :].sum()).item())
print("precision:", (M[hare, hare] / M[:, hare].sum()).item())

# %% [markdown]
# *F1* is the harmonic mean of the two. With TP for the entry on the diagonal, it becomes
#
# > F1 = 2 · TP / (sum of the row + sum of the column)
#
# and a *macro* average is the plain mean over the classes: five owls count as much as sixty cats. (A *micro* average
# pools all samples; for F1, that gives the accuracy again.)
#
# Two details matter. First, for a class that was never true and never predicted, F1 is 0/0:

# %%
scores = torch.tensor([2.0, 0.0, 6.0]) / torch.tensor([4.0, 0.0, 8.0])
print(scores, "and their mean:", scores.mean())

# %% [markdown]
# One nan spoils the whole mean. You have to decide what such a class counts for, and say so; here it counts as 0.
#
# Second, counts are integers, and PyTorch divides integers in its default dtype, float32, which is accurate to about
# seven digits:

# %%
found, wanted = torch.tensor(1), torch.tensor(3)
print(f"{(found / wanted).item():.12f}")
print(f"{(found.double() / wanted).item():.12f}")

# %% [markdown]
# ### Task `macro_f1`
#
# Competitions and papers with rare classes report this number: a model that ignores a class pays for it.


# %%
def macro_f1(M: Tensor) -> float:
    """Return the macro-averaged F1 of a confusion matrix like those above: rows
    are true classes, columns are predicted classes, and all counts are >= 0
    (int64 or float64).

    F1_k = 2 * TP_k / (sum of row k + sum of column k), or 0 where that
    denominator is 0. The result is the plain mean over all C classes, computed
    in float64, as a Python float.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Metrics and scoring](https://scikit-learn.org/stable/modules/model_evaluation.html) in scikit-learn's
#   documentation: what else you can measure, and when you should.
# * [TorchMetrics](https://lightning.ai/docs/torchmetrics/stable/): metrics that accumulate batch by batch, on several
#   GPUs too.
# * In this course, `modes` says which state a model must be in while you measure it, and `interop` keeps the mean of a
#   loss over batches.
#
# ## Appendix: where the tutorial differs
#
# If you also read the [PyTorch tutorial](https://aman.ai/primers/pytorch/): it computes the accuracy with the NumPy
# function of section 1, so logits and labels have to become arrays first.
