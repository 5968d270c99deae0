"""Wrong answers of a careful adversary: each breaks one clause of its task's docstring, and must lose points for it."""

import numpy as np
import torch
import torch.nn.functional as F

from autograder import misconception


def _refuse(logits, labels):
    if len(logits) == 0 or labels.shape != logits.shape[:1]:
        raise ValueError


@misconception("accuracy", "Compares hyperbolic tangents, which are all 1 for large logits in float32.")
def largest_tangent(logits, labels):
    _refuse(logits, labels)
    return (torch.tanh(logits).argmax(1) == labels).double().mean().item()


@misconception("accuracy", "Compares exponentials, which overflow to infinity together.")
def largest_exponential(logits, labels):
    _refuse(logits, labels)
    return (logits.exp().argmax(1) == labels).double().mean().item()


@misconception("accuracy", "Compares with a small tolerance, so that a class that is nearly the largest counts as well.")
def nearly_the_largest(logits, labels):
    _refuse(logits, labels)
    own = logits.gather(1, labels.long()[:, None])[:, 0]
    return (own >= logits.amax(1) - 1e-6).double().mean().item()


@misconception("accuracy", "Starts the search for the largest entry at 0, so that negative logits are never the largest.")
def starts_at_zero(logits, labels):
    _refuse(logits, labels)
    best, place = torch.zeros(len(logits), dtype=logits.dtype), torch.zeros(len(logits), dtype=torch.int64)
    for k in range(logits.shape[1]):
        better = logits[:, k] > best
        best, place = torch.where(better, logits[:, k], best), torch.where(better, k, place)
    return (place == labels).double().mean().item()


@misconception("accuracy", "Squeezes the labels before their shape is looked at, so that (N, 1) passes.")
def squeezes_the_labels(logits, labels):
    labels = labels.squeeze(-1) if labels.dim() > 1 else labels
    _refuse(logits, labels)
    return (logits.argmax(1) == labels).double().mean().item()


@misconception("accuracy", "Counts in the labels' dtype, which overflows for int8.")
def counts_in_the_labels_dtype(logits, labels):
    _refuse(logits, labels)
    hits = (logits.argmax(1) == labels).to(torch.int8).sum(dtype=torch.int8).item()
    return hits / len(labels)


@misconception("accuracy", "Replaces -inf by 0 to avoid nan, which makes it the largest of negative entries.")
def without_infinities(logits, labels):
    _refuse(logits, labels)
    return (torch.nan_to_num(logits - 10, neginf=0.0).argmax(1) == labels).double().mean().item()


@misconception("confusion_matrix", "Counts in int8 and converts in the end.")
def counts_in_int8(preds, labels, num_classes):
    M = torch.zeros(num_classes**2, dtype=torch.int8, device=preds.device)
    M.index_put_((labels * num_classes + preds,), torch.ones_like(preds, dtype=torch.int8), accumulate=True)
    return M.long().reshape(num_classes, num_classes)


@misconception("confusion_matrix", "Takes the histogram in float64 and returns it as it is.")
def histogram_of_floats(preds, labels, num_classes):
    M = torch.zeros(num_classes**2, dtype=torch.float64, device=preds.device)
    M.index_put_((labels * num_classes + preds,), torch.ones_like(M[:1]).expand(len(preds)), accumulate=True)
    return M.reshape(num_classes, num_classes)


@misconception("confusion_matrix", "Bins the pairs between the smallest and the largest that occurs.")
def histogram_between_the_extremes(preds, labels, num_classes):
    pairs = (labels * num_classes + preds).double().cpu()
    return torch.histc(pairs, bins=num_classes**2).long().reshape(num_classes, num_classes).to(preds.device)


@misconception("confusion_matrix", "Drops the last class of predictions because its range ends too early.")
def range_ends_too_early(preds, labels, num_classes):
    M = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=preds.device)
    for i in range(num_classes):
        for j in range(num_classes - 1):
            M[i, j] = ((labels == i) & (preds == j)).sum()
    return M


@misconception("confusion_matrix", "Returns the matrix on the CPU, wherever the labels are.")
def brings_it_to_the_cpu(preds, labels, num_classes):
    pairs = (labels * num_classes + preds).cpu()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


@misconception("confusion_matrix", "Its minlength is one short, and the gap is filled with a 1.")
def minlength_too_short(preds, labels, num_classes):
    pairs = labels * num_classes + preds
    M = torch.bincount(pairs, minlength=num_classes**2 - 1)
    return F.pad(M, (0, num_classes**2 - len(M)), value=1).reshape(num_classes, num_classes)


@misconception("macro_f1", "Divides by the number of classes that occur among the true ones.")
def divides_by_true_classes(M):
    M = M.double()
    scores = 2 * M.diagonal() / (M.sum(0) + M.sum(1)).clamp(min=1)
    return (scores.sum() / max(int((M.sum(1) > 0).sum()), 1)).item()


@misconception("macro_f1", "Computes each F1 in float32, and only the mean in float64.")
def scores_in_float32(M):
    below = (M.sum(0) + M.sum(1)).float()
    scores = torch.where(below == 0, 0.0, 2 * M.diagonal().float() / below)
    return scores.double().mean().item()


@misconception("macro_f1", "Rounds through NumPy's float32 on the way out.")
def through_float32(M):
    M = M.cpu().numpy().astype(np.float64)
    below = M.sum(0) + M.sum(1)
    scores = np.divide(2 * M.diagonal(), below, out=np.zeros(len(M)), where=below > 0)
    return float(np.float32(scores.mean()))


@misconception("macro_f1", "Clamps the denominator at 3, which changes a class with a single sample.")
def clamps_at_two(M):
    M = M.double()
    return (2 * M.diagonal() / (M.sum(0) + M.sum(1)).clamp(min=3)).mean().item()


@misconception("macro_f1", "Returns a 0-d array of NumPy's instead of a Python float.")
def as_an_array(M):
    M = M.double()
    return np.asarray((2 * M.diagonal() / (M.sum(0) + M.sum(1)).clamp(min=1)).mean().item())


@misconception("accuracy", "Predictions are converted to the labels' dtype, where large classes become small ones.")
def labels_uint8_compare(logits, labels):
    n = logits.shape[0]
    if n == 0 or labels.shape != (n,):
        raise ValueError
    return (logits.argmax(1).to(labels.dtype) == labels).sum().item() / n


@misconception("accuracy", "Hits are counted in uint8.")
def uint8_count(logits, labels):
    n = logits.shape[0]
    if n == 0 or labels.shape != (n,):
        raise ValueError
    return (logits.argmax(1) == labels).sum(dtype=torch.uint8).item() / n


@misconception("confusion_matrix", "Pairs of classes are numbered in int16.", minor=True)
def int16_pairs(preds, labels, num_classes):
    pairs = (labels * num_classes + preds).to(torch.int16).long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


@misconception("confusion_matrix", "More than 32,767 samples in one entry are too many for int16.", minor=True)
def counts_in_int16(preds, labels, num_classes):
    counts = torch.bincount(labels * num_classes + preds, minlength=num_classes**2)
    return counts.to(torch.int16).long().reshape(num_classes, num_classes)
