"""Right answers in awkward styles: no check may fail on them."""

import functools
import math

import torch

from autograder import alternative


@alternative("accuracy")
def accuracy_by_ranks(logits, labels):
    match logits.size(), labels.size():
        case (0, _), _:
            raise ValueError("no samples")
        case (n, _), (m,) if n == m:
            pass
        case _:
            raise UnicodeError("shapes")
    own = torch.take_along_dim(logits.detach(), labels.long().unsqueeze(-1), dim=-1)
    return sum((logits > own).any(-1).logical_not_().tolist()) / n


@alternative("accuracy")
class Accuracy(float):
    def __new__(cls, logits, labels):
        if not (labels.dim() == 1 and len(labels) == len(logits) > 0):
            raise ValueError(tuple(labels.shape))
        rows = zip(logits.unbind(), labels.tolist(), strict=True)
        return float(functools.reduce(lambda hits, row: hits + (int(row[0].argmax()) == row[1]), rows, 0) / len(labels))


@alternative("confusion_matrix")
def matrix_by_recursion(preds, labels, num_classes):
    if len(preds) < 2:
        eye = torch.eye(num_classes, dtype=torch.float64, device=labels.device)
        return torch.mm(eye[labels].T, eye[preds]).to(labels.dtype)
    middle = len(preds) // 2
    halves = ((preds[:middle], labels[:middle]), (preds[middle:], labels[middle:]))
    return sum(matrix_by_recursion(*half, num_classes) for half in halves)


@alternative("confusion_matrix")
def matrix_by_unique_pairs(preds, labels, num_classes):
    M = labels.new_zeros(num_classes, num_classes)
    pairs, counts = (
        torch.stack((labels, preds)).unique(dim=1, return_counts=True) if len(labels) else (labels.new_zeros(2, 0),) * 2
    )
    M[tuple(pairs)] = counts if len(labels) else labels
    return M


@alternative("macro_f1")
def f1_by_generators(M):
    def scores():
        for k, (row, column) in enumerate(zip(M.tolist(), M.T.tolist(), strict=True)):
            try:
                yield 2 * row[k] / math.fsum((*row, *column))
            except ZeroDivisionError:
                yield 0.0

    return math.fsum(scores()) / M.shape[-1]


@alternative("macro_f1")
def f1_by_weights(M):
    work = M.to(dtype=torch.float64, copy=True)
    total = work @ work.new_ones(len(work)) + torch.einsum("ij->j", work)
    total[total.eq(0)] = math.inf
    return torch.trace(work.div_(total[:, None])).mul_(2).div_(len(work)).item()
