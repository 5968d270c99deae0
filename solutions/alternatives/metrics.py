"""Other right solutions, in other styles than the reference: every check passes on each of them."""

from collections import Counter
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F

from autograder import alternative


@alternative("predicted_share")
def share_as_a_fraction():
    return 6 / 16


@alternative("predicted_share")
def share_as_a_tensor():
    return torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]).double().mean()


@alternative("predicted_count")
def count_as_a_tensor():
    return torch.tensor(1)


@alternative("accuracy")
def accuracy_as_a_mean(logits, labels):
    if len(logits) == 0 or labels.shape != logits.shape[:1]:
        raise ValueError("shapes do not fit")
    return logits.argmax(1).eq(labels).float().mean().item()


@alternative("accuracy")
def accuracy_by_max(logits, labels):
    n = logits.size(0)
    if not n or tuple(labels.size()) != (n,):
        raise ValueError
    _, best = torch.max(logits.detach(), dim=-1)
    return float((best == labels).sum()) / n


@alternative("accuracy")
def accuracy_in_a_loop(logits, labels):
    rows = logits.tolist()
    if labels.dim() != 1 or len(labels) != len(rows) or not rows:
        raise ValueError("one label per row, please")
    hits = [max(range(len(row)), key=row.__getitem__) == label for row, label in zip(rows, labels.tolist(), strict=True)]
    return sum(hits) / len(hits)


@alternative("accuracy")
def accuracy_through_numpy(logits, labels):
    if logits.shape[0] == 0 or labels.shape != (logits.shape[0],):
        raise ValueError("shapes do not fit")
    scores = logits.detach().cpu().numpy()
    return float(np.mean(scores.argmax(axis=1) == labels.cpu().numpy()))


@alternative("accuracy")
def accuracy_by_one_hot(logits, labels):
    if labels.ndim != 1 or labels.shape[0] != logits.shape[0] or labels.numel() == 0:
        raise ValueError("shapes do not fit")
    with torch.no_grad():
        target = F.one_hot(labels.long(), logits.shape[1]).bool()
        return ((logits == logits.amax(dim=1, keepdim=True)) & target).sum().item() / len(labels)


@alternative("accuracy")
def accuracy_by_gather(logits, labels):
    if labels.shape != (len(logits),) or len(logits) < 1:
        raise ValueError("shapes do not fit")
    own = logits.gather(1, labels.to(torch.int64).unsqueeze(1)).squeeze(1)
    return (own >= logits.max(dim=1).values).double().mean().item()


@alternative("accuracy")
def accuracy_of_probabilities(logits, labels):
    samples, _ = logits.shape
    if samples == 0 or labels.ndim != 1 or labels.size(0) != samples:
        raise ValueError
    return torch.softmax(logits, dim=1).argmax(dim=1).eq(labels).sum().true_divide(samples).item()


@alternative("accuracy")
def accuracy_by_sorting(logits, labels):
    if logits.shape[0] == 0 or labels.shape != logits[:, 0].shape:
        raise ValueError
    order = logits.detach().sort(dim=1, descending=True)[1]
    return np.mean((order[:, 0] == labels).numpy())


@alternative("accuracy")
def accuracy_by_topk(logits, labels):
    if len(logits) == 0 or labels.shape != torch.Size([logits.size(0)]):
        raise ValueError("shapes do not fit")
    return torch.count_nonzero(torch.topk(logits, 1, dim=1).indices.squeeze(1) == labels).item() / len(labels)


@alternative("confusion_matrix")
def matrix_in_a_loop(preds, labels, num_classes):
    M = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=preds.device)
    for true, predicted in zip(labels, preds, strict=True):
        M[true, predicted] += 1
    return M


@alternative("confusion_matrix")
def matrix_by_index_put(preds, labels, num_classes):
    M = preds.new_zeros((num_classes, num_classes))
    return M.index_put_((labels, preds), torch.ones_like(preds), accumulate=True)


@alternative("confusion_matrix")
def matrix_as_a_product(preds, labels, num_classes):
    true, predicted = F.one_hot(labels, num_classes), F.one_hot(preds, num_classes)
    return torch.einsum("ni,nj->ij", true.double(), predicted.double()).round().long()


@alternative("confusion_matrix")
def matrix_by_comparison(preds, labels, num_classes):
    classes = torch.arange(num_classes, device=labels.device)
    true, predicted = labels == classes[:, None], preds == classes[:, None]
    return (true[:, None, :] & predicted[None, :, :]).sum(dim=-1)


@alternative("confusion_matrix")
def matrix_by_scatter(preds, labels, num_classes):
    flat = torch.zeros(num_classes * num_classes, dtype=torch.long, device=preds.device)
    flat.scatter_add_(0, labels * num_classes + preds, torch.ones_like(labels))
    return flat.view(num_classes, num_classes)


@alternative("confusion_matrix")
def matrix_by_a_counter(preds, labels, num_classes):
    count = Counter(zip(labels.tolist(), preds.tolist(), strict=True))
    rows = [[count[i, j] for j in range(num_classes)] for i in range(num_classes)]
    return torch.tensor(rows, dtype=torch.int64, device=preds.device)


@alternative("confusion_matrix")
def matrix_transposed_at_the_end(preds, labels, num_classes):
    pairs = num_classes * preds + labels
    return torch.bincount(pairs, minlength=num_classes * num_classes).view(num_classes, num_classes).T


@alternative("confusion_matrix")
def matrix_from_a_sparse_tensor(preds, labels, num_classes):
    places, ones = torch.stack([labels, preds]), torch.ones_like(labels)
    return torch.sparse_coo_tensor(places, ones, (num_classes, num_classes)).to_dense()


@alternative("confusion_matrix")
def matrix_by_numpy(preds, labels, num_classes):
    M = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(M, (labels.cpu().numpy(), preds.cpu().numpy()), 1)
    return torch.from_numpy(M).to(labels.device)


@alternative("confusion_matrix")
def matrix_class_by_class(preds, labels, num_classes):
    M = torch.zeros((num_classes, num_classes), dtype=torch.int64, device=labels.device)
    for i in range(num_classes):
        for j in range(num_classes):
            M[i, j] = ((labels == i) & (preds == j)).sum()
    return M


@alternative("macro_f1")
def f1_with_a_clamp(M):
    M = M.double()
    return (2 * M.diag() / (M.sum(0) + M.sum(1)).clamp(min=1)).mean().item()


@alternative("macro_f1")
def f1_from_precision_and_recall(M):
    M = M.to(torch.float64)
    precision = torch.nan_to_num(M.diagonal() / M.sum(dim=0))
    recall = torch.nan_to_num(M.diagonal() / M.sum(dim=1))
    return float(torch.nan_to_num(2 * precision * recall / (precision + recall)).mean())


@alternative("macro_f1")
def f1_in_python(M):
    rows = M.tolist()
    scores = []
    for k, row in enumerate(rows):
        total = sum(row) + sum(other[k] for other in rows)
        scores.append(2 * row[k] / total if total else 0.0)
    return sum(scores) / len(scores)


@alternative("macro_f1")
def f1_of_true_and_false_positives(M):
    counts = M.cpu().numpy().astype(np.float64)
    tp = np.diag(counts)
    fp, fn = counts.sum(axis=0) - tp, counts.sum(axis=1) - tp
    total = 2 * tp + fp + fn
    return float(np.divide(2 * tp, total, out=np.zeros_like(tp), where=total > 0).mean())


@alternative("macro_f1")
def f1_exactly(M):
    C = len(M)
    total = Fraction(0)
    for k in range(C):
        below = int(M[k].sum() + M[:, k].sum())
        if below > 0:
            total += Fraction(2 * int(M[k, k]), below)
    return float(total / C)


@alternative("macro_f1")
def f1_of_present_classes(M):
    tp = torch.einsum("kk->k", M).double()
    below = torch.einsum("ij->i", M).double() + torch.einsum("ij->j", M).double()
    present = below > 0
    return ((2 * tp[present] / below[present]).sum() / M.shape[0]).item()


@alternative("macro_f1")
def f1_class_by_class(M):
    M = M.to(torch.double)
    scores = []
    for k in range(M.size(0)):
        tp = M[k, k]
        below = 2 * tp + (M[:, k].sum() - tp) + (M[k, :].sum() - tp)
        scores.append(torch.zeros_like(tp) if below == 0 else 2 * tp / below)
    return torch.stack(scores).mean().tolist()
