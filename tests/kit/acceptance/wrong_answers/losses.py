"""Wrong answers that nothing in solutions/ lists: each breaks one clause of a docstring, and has to lose points."""

import torch
import torch.nn.functional as F

from autograder import misconception


def _reduce(losses, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError
    return losses if reduction == "none" else getattr(losses, reduction)()


def _at(table, labels):
    return table.gather(1, labels[:, None])[:, 0]


@misconception("cross_entropy", "The shift is cut off at 100, so that larger differences between logits are lost.")
def entropy_with_a_floor(logits, labels, reduction="mean"):
    return _reduce(-_at(logits.log_softmax(1).clamp(min=-100), labels), reduction)


@misconception("cross_entropy", "The shift by the largest logit takes no part in the gradient, but the logit does.")
def entropy_with_half_a_gradient(logits, labels, reduction="mean"):
    shifted = logits - logits.amax(1, keepdim=True)
    return _reduce(shifted.exp().sum(1).log().detach() - _at(shifted, labels), reduction)


@misconception("cross_entropy", "Everything is computed in the default dtype.")
def entropy_in_the_default_dtype(logits, labels, reduction="mean"):
    table = F.one_hot(labels, logits.shape[1]) * 1.0
    losses = -(table * logits.to(torch.get_default_dtype()).log_softmax(1)).sum(1)
    return _reduce(losses, reduction)


@misconception("cross_entropy", "The mean gives a single sample back without reducing it.")
def entropy_of_one_sample_unreduced(logits, labels, reduction="mean"):
    losses = -_at(logits.log_softmax(1), labels)
    return losses if len(labels) == 1 and reduction == "mean" else _reduce(losses, reduction)


@misconception("cross_entropy", "The mean is a mean of the classes' means.")
def entropy_by_class(logits, labels, reduction="mean"):
    losses = -_at(logits.log_softmax(1), labels)
    if reduction == "mean":
        return torch.stack([losses[labels == label].mean() for label in labels.unique()]).mean()
    return _reduce(losses, reduction)


@misconception("cross_entropy", "nan and infinities are repaired in the value, not in the gradient.")
def entropy_repaired(logits, labels, reduction="mean"):
    losses = -logits.softmax(1).log()
    exact = logits.detach().logsumexp(1, keepdim=True) - logits.detach()
    return _reduce(_at(torch.where(losses.isfinite(), losses, exact), labels), reduction)


@misconception("cross_entropy", "Capitals do not matter.", minor=True)
def entropy_in_capitals(logits, labels, reduction="mean"):
    return _reduce(-_at(logits.log_softmax(1), labels), reduction.lower())


def _checked(logits, targets):
    if logits.shape != targets.shape:
        raise ValueError


@misconception("bce_with_logits", "Logits are cut off at 500.")
def binary_cut_off_at_500(logits, targets):
    _checked(logits, targets)
    z = logits.clamp(-500, 500)
    return (z.clamp(min=0) - z * targets + torch.log1p(torch.exp(-z.abs()))).mean()


@misconception("bce_with_logits", "The absolute value is detached: the gradient misses the second term.")
def binary_with_a_detached_exponent(logits, targets):
    _checked(logits, targets)
    return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs().detach()))).mean()


@misconception("bce_with_logits", "Two shapes are the same here if one is the other with dimensions of size 1.")
def binary_without_dimensions_of_one(logits, targets):
    if logits.squeeze().shape != targets.squeeze().shape:
        raise ValueError
    targets = targets.reshape(logits.shape)
    return (torch.logaddexp(logits, torch.zeros_like(logits)) - logits * targets).mean()


@misconception("bce_with_logits", "Shapes are sorted before they are compared.")
def binary_with_sorted_shapes(logits, targets):
    if sorted(logits.shape) != sorted(targets.shape):
        raise ValueError
    targets = targets.reshape(logits.shape)
    return (torch.logaddexp(logits, torch.zeros_like(logits)) - logits * targets).mean()


@misconception("bce_with_logits", "log(1 + exp(-|z|)) is left out where it is small in float32.")
def binary_without_small_terms(logits, targets):
    _checked(logits, targets)
    small = torch.where(logits.abs() > 3, 0.0, torch.log1p(torch.exp(-logits.abs())))
    return (logits.clamp(min=0) - logits * targets + small).mean()


@misconception("bce_with_logits", "The mean is a 1-element tensor.")
def binary_in_a_vector(logits, targets):
    _checked(logits, targets)
    return (torch.logaddexp(logits, torch.zeros_like(logits)) - logits * targets).mean().reshape(1)


class _Slope(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets):
        ctx.save_for_backward(logits, targets)
        return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))).mean()

    @staticmethod
    def backward(ctx, slope):
        logits, targets = ctx.saved_tensors
        return slope * (torch.sigmoid(logits) - targets) / len(logits), None


@misconception("bce_with_logits", "Its own gradient is divided by the first size.")
def binary_with_a_slope_of_its_own(logits, targets):
    _checked(logits, targets)
    return _Slope.apply(logits, targets) if logits.dim() else _Slope.apply(logits[None], targets[None])


def _all_checked(pred, target, mask):
    if not pred.shape == target.shape == mask.shape or not mask.any():
        raise ValueError


@misconception("masked_mse", "Only nan is left out, not what else is wild.")
def mse_without_nan(pred, target, mask):
    _all_checked(pred, target, mask)
    squares = (pred - target).square().masked_fill(~mask, 0)
    return squares.sum() / mask.sum()


@misconception("masked_mse", "Huge numbers are cut off, whether they count or not.")
def mse_with_limits(pred, target, mask):
    _all_checked(pred, target, mask)
    return (pred.clamp(-1e6, 1e6)[mask] - target[mask]).square().mean()


@misconception("masked_mse", "Numbers of rows and columns may be exchanged.")
def mse_of_the_same_number_of_entries(pred, target, mask):
    if not pred.numel() == target.numel() == mask.numel() or not mask.any():
        raise ValueError
    mask = mask.reshape(-1)
    return (pred.reshape(-1)[mask] - target.reshape(-1)[mask]).square().mean()


@misconception("masked_mse", "An empty mask is refused only if there is something it could choose from.")
def mse_of_nothing_is_zero(pred, target, mask):
    if not pred.shape == target.shape == mask.shape or (mask.numel() and not mask.any()):
        raise ValueError
    return (pred[mask] - target[mask]).square().sum() / mask.sum().clamp(min=1)


@misconception("masked_mse", "The mask is changed: nan is marked as not counting.")
def mse_changes_the_mask(pred, target, mask):
    _all_checked(pred, target, mask)
    mask &= ~(pred.detach().isnan() | target.isnan())
    return (pred[mask] - target[mask]).square().mean()


@misconception("masked_mse", "The unbiased variance's divisor: one entry too few.")
def mse_with_one_entry_less(pred, target, mask):
    _all_checked(pred, target, mask)
    return (pred[mask] - target[mask]).square().sum() / (mask.sum() - 1).clamp(min=1)


@misconception("masked_mse", "The mask is multiplied in as a float of the default dtype.")
def mse_with_a_mask_of_the_default_dtype(pred, target, mask):
    _all_checked(pred, target, mask)
    zero = pred.new_zeros(())
    weights = mask.to(torch.get_default_dtype())
    return ((torch.where(mask, pred, zero) - torch.where(mask, target, zero)).square() * weights).sum() / weights.sum()


@misconception("cross_entropy", "None is accepted as a reduction.", minor=True)
def none_object(logits, labels, reduction="mean"):
    if reduction not in ("mean", "sum", "none", None):
        raise ValueError
    r = -_at(logits.log_softmax(1), labels)
    return r if reduction in ("none", None) else getattr(r, reduction)()


@misconception("cross_entropy", "Some more methods of tensors are accepted as a reduction.", minor=True)
def attributes(logits, labels, reduction="mean"):
    r = -_at(logits.log_softmax(1), labels)
    if reduction == "none":
        return r
    if not hasattr(r, reduction) or reduction not in ("mean", "sum", "prod", "max", "min", "median"):
        raise ValueError
    return getattr(r, reduction)()


@misconception("bce_with_logits", "Logits beyond 2000 count as 2000.")
def binary_cut_off_at_2000(logits, targets):
    _checked(logits, targets)
    z = logits.clamp(-2000, 2000)
    return (z.clamp(min=0) - z * targets + torch.log1p(torch.exp(-z.abs()))).mean()


@misconception("masked_mse", "A single number is not squared.")
def mse_without_a_square(pred, target, mask):
    _all_checked(pred, target, mask)
    difference = pred[mask] - target[mask]
    return difference.square().mean() if pred.dim() else difference.abs().mean()


def _losses(logits, labels, reduction):
    losses = -logits.log_softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1)
    if reduction == "none":
        return losses
    if reduction not in ("sum", "mean"):
        raise ValueError
    return losses.sum() if reduction == "sum" else losses.mean()


@misconception("cross_entropy", "Logits of nan become 0.")
def entropy_without_nan(logits, labels, reduction="mean"):
    return _losses(logits.masked_fill(logits.isnan(), 0), labels, reduction)


@misconception("cross_entropy", "Samples with nan take no part in the mean.")
def entropy_of_known_samples(logits, labels, reduction="mean"):
    return _losses(logits, labels, "none").nanmean() if reduction == "mean" else _losses(logits, labels, reduction)


@misconception("bce_with_logits", "Entries of nan take no part in the mean.")
def binary_of_known_entries(logits, targets):
    if logits.shape != targets.shape:
        raise ValueError
    return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))).nanmean()


@misconception("bce_with_logits", "Targets are clamped to [0, 1], nan becomes 0.")
def binary_with_repaired_targets(logits, targets):
    if logits.shape != targets.shape:
        raise ValueError
    targets = targets.nan_to_num().clamp(0, 1)
    return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))).mean()


@misconception("masked_mse", "Tiny differences count as none.")
def mse_without_tiny_differences(pred, target, mask):
    if not pred.shape == target.shape == mask.shape or not mask.any():
        raise ValueError
    difference = pred[mask] - target[mask]
    return difference.masked_fill(difference.abs() < 1e-7, 0).square().mean()
