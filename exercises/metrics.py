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
# When you have worked through this notebook you can
#
# * compute a metric in PyTorch, along the right axis, and return it as a Python number;
# * notice when broadcasting compares everything with everything;
# * count pairs without a loop over samples, and without losing any;
# * say why accuracy is not enough when some classes are rare, and deal with classes that never occur.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
import numpy as np
import torch
from torch import Tensor

# %% [markdown]
# ## 1. From logits to a number
#
# A loss is made to be differentiated. A *metric* is made to be read: which share of the samples is classified
# correctly, which share of the alarms was justified? It is computed from the same logits, but nobody needs its
# gradient.
#
# Here are the logits of five samples for three classes. Each row belongs to a sample, each column to a class.

# %%
logits = torch.tensor(
    [[2.0, 0.1, -1.0], [0.3, 0.9, 0.5], [-0.2, 0.1, 3.0], [1.5, 1.6, 0.2], [0.7, -0.4, 0.6]]
)
print("over the columns:", logits.argmax(dim=1), "- one class for each sample")
print("over the rows:   ", logits.argmax(dim=0), "- one sample for each class")
print("over everything: ", logits.argmax())

# %% [markdown]
# `dim` is the axis that *disappears*. None of these calls raises an error, and two of them answer a question that
# nobody has asked. There is no need for a softmax: it does not change which entry is the largest.
#
# The tutorial computes the accuracy with NumPy:


# %%
def tutorial_accuracy(out, labels):
    outputs = np.argmax(out, axis=1)
    return np.sum(outputs == labels) / float(labels.size)


labels = torch.tensor([0, 1, 2, 0, 0])
print(tutorial_accuracy(logits.numpy(), labels.numpy()))
try:
    tutorial_accuracy(logits.numpy(), labels)
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# It works with arrays only. With a tensor among them it ends in a TypeError: `np.sum` does not know what to do with one,
# and `labels.size`, a number for an array, is a method of a tensor. The way through NumPy is not necessary, and where
# logits require grad or live on a GPU it is blocked. Stay in PyTorch, and leave it at the very end: `item()` makes a Python
# number of a tensor with one element.
#
# ## 2. A comparison that is too large
#
# Class labels sometimes come as a column, because they were read from a table. A shape of (4, 1) looks nearly like a
# shape of (4,).
#
# ### Predict, then verify: everything is right
#
# Here all four predictions agree with their labels. Which number does the last line give? Write a number in place of
# the dots.

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
# Two shapes are broadcast to a common one, from the right: (4,) is treated as (1, 4), and meets (4, 1). A function that
# is given the wrong shape should say so instead of returning a number that looks plausible.
#
# Nor is the mean of nothing a number:

# %%
print(torch.tensor([]).mean())

# %% [markdown]
# ### Task `accuracy`


# %%
def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of rows of logits whose largest entry is at the labelled class, as a
    Python float in [0, 1].

    logits has shape (N, C). labels has shape (N,), of any integer dtype. No ties occur.

    Raise ValueError if N == 0 or labels.shape != (N,).
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Which classes are confused?
#
# Two models with the same accuracy can make very different mistakes. A *confusion matrix* shows which: the entry in row
# i and column j counts the samples of class i that the model took for class j. What is right stands on the diagonal.

# %%
import matplotlib.pyplot as plt

animals = ["cat", "dog", "hare", "owl"]
M = torch.tensor([[50, 8, 2, 0], [12, 45, 3, 0], [9, 1, 10, 0], [0, 1, 0, 4]])

figure, axis = plt.subplots(figsize=(3.6, 3.2))
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
_ = axis.set(xlabel="predicted", ylabel="true", title="9 hares were taken for cats")

# %% [markdown]
# Which of both directions belongs to the truth is a convention. The one used here is that of scikit-learn; others turn
# the matrix around. Always look it up.
#
# ### Predict, then verify: counting with an index
#
# A list of places is an index in PyTorch. In the following cell the place 2 is mentioned three times. What is
# `counts[2]` at the end? Write a number in place of the dots.

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
# The line is short for `counts[places] = counts[places] + 1`: four numbers are read, four numbers are written, and of
# those that are written to the same place one remains. What adds up is called something else: `torch.bincount` counts
# how often each number occurs, `Tensor.index_put_` has an argument `accumulate`, and there are `scatter_add_` and
# `index_add_`.

# %%
print(torch.bincount(places))
print(torch.bincount(places, minlength=6))

# %% [markdown]
# `bincount` makes its result as long as the largest number requires. Numbers that never occur at the end are left out,
# unless you ask for them.
#
# ### Task `confusion_matrix`


# %%
def confusion_matrix(preds: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Return the int64 matrix M of shape (C, C), where C is num_classes.

    M[i, j] is the number of samples with the TRUE class i (labels) that are predicted as j
    (preds).

    preds and labels are int64 of shape (N,) with values in [0, C), and N may be 0. They are not
    changed.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Rare classes count, too
#
# Of 100 patients 5 are ill. A model that calls everybody healthy has an accuracy of 95 %, and is of no use.
#
# For each class there are two questions, and each is answered by one line of the confusion matrix. *Recall*: which
# share of the class was found? The denominator is the sum of a row. *Precision*: which share of what was taken for this
# class does belong to it? The denominator is the sum of a column. For the hares:

# %%
hare = animals.index("hare")
print("recall:   ", (M[hare, hare] / M[hare, :].sum()).item())
print("precision:", (M[hare, hare] / M[:, hare].sum()).item())

# %% [markdown]
# *F1* is the harmonic mean of both. With TP for the entry on the diagonal it becomes
#
# > F1 = 2 · TP / (sum of the row + sum of the column)
#
# and a *macro* average is the plain mean over the classes: four owls weigh as much as sixty cats. (A *micro* average
# puts all samples into one pot. For F1 it comes out as the accuracy again.)
#
# Two details matter. First, a class that was never true and never predicted has the F1 0/0:

# %%
scores = torch.tensor([2.0, 0.0, 6.0]) / torch.tensor([4.0, 0.0, 8.0])
print(scores, "and their mean:", scores.mean())

# %% [markdown]
# One nan spoils every mean. What such a class is to count has to be decided, and it should be said; here it is 0.
#
# Second, counts are integers, and PyTorch divides integers in its default dtype, which is float32. Of its digits
# about seven are right:

# %%
found, wanted = torch.tensor(1), torch.tensor(3)
print(f"{(found / wanted).item():.12f}")
print(f"{(found.double() / wanted).item():.12f}")

# %% [markdown]
# ### Task `macro_f1`


# %%
def macro_f1(M: Tensor) -> float:
    """Return the macro-averaged F1 of a confusion matrix as above: rows true, columns
    predicted, counts >= 0.

    F1_k = 2 * TP_k / (sum of row k + sum of column k), defined as 0 where that denominator is
    0. The result is the plain mean over all C classes, a Python float, computed in float64.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Metrics and scoring](https://scikit-learn.org/stable/modules/model_evaluation.html) in scikit-learn's documentation:
#   what else can be measured, and when it should be.
# * [TorchMetrics](https://lightning.ai/docs/torchmetrics/stable/): metrics that collect batch by batch, on several GPUs too.
# * In this course, `modes` says in which state a model has to be while it is measured, and `interop` keeps the mean of a
#   loss over batches.
