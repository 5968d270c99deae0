"""Wrong solutions that students write, each with the sentence that helps them on."""

import torch
import torch.nn.functional as F

from autograder import misconception


@misconception("predicted_limits", "These are the limits of one sigmoid. What is the smallest input the outer one gets?")
def limits_of_one():
    return 0.0, 1.0


@misconception(
    "predicted_limits", "Look at the upper limit: can the inner sigmoid exceed 1, and what does the outer one make of 1?"
)
def upper_stays_one():
    return 0.5, 1.0


@misconception("predicted_limits", "Look at the lower limit: what input does the outer sigmoid get when z is very negative?")
def lower_stays_zero():
    return 0.0, 0.73


@misconception("predicted_limits", "These are the lowest losses for the two answers. The question asks for probabilities.")
def the_losses():
    return 0.31, 0.69


@misconception("predicted_limits", "Both numbers are right, but which one is the lower limit?")
def limits_exchanged():
    return 0.73, 0.5


@misconception("predicted_loss", "That is what it should be. What shape is the difference?")
def perfect():
    return 0.0


@misconception("predicted_loss", "You added up the squares. How many differences are there?")
def the_sum():
    return 12.0


@misconception("predicted_loss", "You divided by three. How many entries does the difference of these two tensors have?")
def divided_by_three():
    return 4.0


@misconception("predicted_loss", "These are the distances, not their squares.")
def not_squared():
    return 8 / 9


@misconception("predicted_loss", "You left out the three differences that are 0. Do they count in a mean?")
def without_the_zeros():
    return 2.0


def _reduced(losses, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


def _picked(logarithms, labels):
    return -logarithms[torch.arange(len(labels), device=labels.device), labels]


@misconception("cross_entropy", "Your softmax has become exactly 0 before the log: use one function that does both.")
def log_of_softmax(logits, labels, reduction="mean"):
    return _reduced(_picked(torch.softmax(logits, 1).log(), labels), reduction)


@misconception("cross_entropy", "exp(1000) is infinite. Does the formula have to compute it?")
def plain_exponentials(logits, labels, reduction="mean"):
    return _reduced(_picked(logits, labels) + logits.exp().sum(1).log(), reduction)


@misconception(
    "cross_entropy", "A small number inside the logarithm hides the infinity: what loss do you get for a logit of -1000?"
)
def with_epsilon(logits, labels, reduction="mean"):
    return _reduced(_picked((torch.softmax(logits, 1) + 1e-8).log(), labels), reduction)


@misconception(
    "cross_entropy", "Clamping the probabilities keeps the loss finite, but is it right, and what is its gradient there?"
)
def clamped(logits, labels, reduction="mean"):
    return _reduced(_picked(torch.softmax(logits, 1).clamp(min=1e-12).log(), labels), reduction)


@misconception(
    "cross_entropy", "You subtract one number from all samples. What is left of a sample whose logits are much smaller?"
)
def largest_of_all(logits, labels, reduction="mean"):
    shifted = logits - logits.max()
    return _reduced(shifted.exp().sum(1).log() + _picked(shifted, labels), reduction)


@misconception("cross_entropy", "Can you call backward() on what you return? Look at its type.")
def python_numbers(logits, labels, reduction="mean"):
    losses = _reduced(_picked(F.log_softmax(logits, 1), labels), reduction)
    return losses if reduction == "none" else losses.item()


@misconception("cross_entropy", "You divide by the number of samples. Which of the three reductions does that?")
def divides_always(logits, labels, reduction="mean"):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError
    losses = _picked(F.log_softmax(logits, 1), labels) / len(labels)
    return losses if reduction == "none" else losses.sum()


@misconception("cross_entropy", "You took the columns of ALL labels for every row: your indexing gives an N x N result.")
def columns(logits, labels, reduction="mean"):
    losses = -F.log_softmax(logits, 1)[:, labels]
    return losses.mean(1) if reduction == "none" else _reduced(losses, reduction)


@misconception("cross_entropy", "The mean divides by the number of samples; you divided by the number of entries.")
def over_nc(logits, labels, reduction="mean"):
    losses = -F.log_softmax(logits, 1) * F.one_hot(labels, logits.shape[1])
    return losses.sum(1) if reduction == "none" else _reduced(losses, reduction)


@misconception("cross_entropy", "You pick the right entries, but from the raw scores. Do those depend on the other classes?")
def of_raw_scores(logits, labels, reduction="mean"):
    return _reduced(_picked(logits, labels), reduction)


@misconception("cross_entropy", "You apply softmax twice: what do you pass to log_softmax?")
def softmax_twice(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(torch.softmax(logits, 1), 1), labels), reduction)


@misconception("cross_entropy", "Which probabilities should add up to 1: those of one sample, or those of one class?")
def along_the_samples(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(logits, 0), labels), reduction)


@misconception("cross_entropy", "The logarithm of a probability is negative. Is a loss?")
def negative(logits, labels, reduction="mean"):
    return _reduced(-_picked(F.log_softmax(logits, 1), labels), reduction)


@misconception("cross_entropy", "You return how improbable the right class is. Where is the logarithm?")
def one_minus_probability(logits, labels, reduction="mean"):
    return _reduced(1 + _picked(torch.softmax(logits, 1), labels), reduction)


@misconception("cross_entropy", "You pick the entry the model likes best. Which entry should it be?")
def of_the_predicted_class(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(logits, 1), logits.argmax(1)), reduction)


@misconception("cross_entropy", "What does your function do with the argument `reduction`?")
def always_mean(logits, labels, reduction="mean"):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError
    return _picked(F.log_softmax(logits, 1), labels).mean()


@misconception("cross_entropy", "Mean and sum: which of the two divides by the number of samples?")
def sum_for_mean(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(logits, 1), labels), "sum" if reduction == "mean" else reduction)


@misconception("cross_entropy", "What do you return for an unknown reduction? The docstring asks for an error.", minor=True)
def any_other_is_none(logits, labels, reduction="mean"):
    losses = _picked(F.log_softmax(logits, 1), labels)
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


@misconception("cross_entropy", "Another reduction raises an error, but is it the one the docstring asks for?", minor=True)
def asserts(logits, labels, reduction="mean"):
    assert reduction in ("mean", "sum", "none")
    return _reduced(_picked(F.log_softmax(logits, 1), labels), reduction)


@misconception("cross_entropy", "`in` also finds parts of a string: try the reductions 'me' and ''.", minor=True)
def part_of_a_word(logits, labels, reduction="mean"):
    if reduction not in "mean sum none":
        raise ValueError
    losses = _picked(F.log_softmax(logits, 1), labels)
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


@misconception("cross_entropy", "The numbers are right. Print the shapes of your results.")
def keeps_a_column(logits, labels, reduction="mean"):
    return _reduced(-F.log_softmax(logits, 1).gather(1, labels[:, None]), reduction)


@misconception("cross_entropy", "The numbers are right. How many dimensions does your mean have?")
def one_element_vector(logits, labels, reduction="mean"):
    losses = _reduced(_picked(F.log_softmax(logits, 1), labels), reduction)
    return losses if reduction == "none" else losses.reshape(1)


@misconception("cross_entropy", "squeeze() removes every dimension of size 1: what is left of a single sample?")
def squeezes_everything(logits, labels, reduction="mean"):
    return _reduced(-F.log_softmax(logits, 1).gather(1, labels[:, None]).squeeze(), reduction)


@misconception("cross_entropy", "The value is right, but does the gradient get from your result back to the logits?")
def detached_loss(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(logits.detach(), 1), labels), reduction)


@misconception("cross_entropy", "What is the dtype of your result for logits in float64, or in float16?")
def always_float32(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(logits.float(), 1), labels), reduction)


@misconception("cross_entropy", "Look at the caller's logits after your function has run.")
def shifts_the_logits(logits, labels, reduction="mean"):
    with torch.no_grad():
        logits -= logits.amax(1, keepdim=True)
    return _reduced(_picked(F.log_softmax(logits, 1), labels), reduction)


@misconception("cross_entropy", "The docstring says which functions are not available in this task.")
def by_the_library(logits, labels, reduction="mean"):
    return F.cross_entropy(logits, labels, reduction=reduction)


@misconception("cross_entropy", "What is the base of your logarithm? The gradient is simple for only one base.")
def in_bits(logits, labels, reduction="mean"):
    return _reduced(_picked(F.log_softmax(logits, 1), labels) / 0.6931471805599453, reduction)


@misconception("cross_entropy", "The name you divide by does not exist. How many samples are there?")
def divides_by_an_unknown_name(logits, labels, reduction="mean"):
    losses = F.log_softmax(logits, 1)[range(len(logits)), labels]
    return -torch.sum(losses) / num_examples  # noqa: F821 (the mistake itself)


@misconception("cross_entropy", "Where do the tensors you create live? Try logits on another device.")
def classes_on_the_cpu(logits, labels, reduction="mean"):
    chosen = labels[:, None] == torch.arange(logits.shape[1], device="cpu")
    return _reduced(-F.log_softmax(logits, 1)[chosen], reduction)


def _same_shapes(logits, targets):
    if logits.shape != targets.shape:
        raise ValueError


def _losses(logits, targets):
    return torch.logaddexp(logits, torch.zeros_like(logits)) - logits * targets


@misconception("bce_with_logits", "At 200 the sigmoid is exactly 1, and the log of what is left is minus infinity.")
def sigmoid_and_log(logits, targets):
    _same_shapes(logits, targets)
    p = torch.sigmoid(logits)
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


@misconception(
    "bce_with_logits", "The loss of a wrong logit of 200 stops at 100, and its gradient is gone: where do you clamp?"
)
def logarithms_cut_off(logits, targets):
    _same_shapes(logits, targets)
    p = torch.sigmoid(logits)
    return -(targets * p.log().clamp(min=-100) + (1 - targets) * (1 - p).log().clamp(min=-100)).mean()


@misconception(
    "bce_with_logits", "A small number inside the logarithms hides the infinity: is the loss 200 where it should be?"
)
def epsilon_in_the_logs(logits, targets):
    _same_shapes(logits, targets)
    p = torch.sigmoid(logits)
    return -(targets * (p + 1e-7).log() + (1 - targets) * (1 - p + 1e-7).log()).mean()


@misconception("bce_with_logits", "Clamping the probabilities keeps the loss finite. Is it 200 where it should be?")
def probabilities_cut_off(logits, targets):
    _same_shapes(logits, targets)
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


@misconception("bce_with_logits", "More digits only move the limit: what is sigmoid(200) in float64?")
def sigmoid_in_double(logits, targets):
    _same_shapes(logits, targets)
    p, t = torch.sigmoid(logits.double()), targets.double()
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean().to(logits.dtype)


@misconception("bce_with_logits", "Targets may lie between 0 and 1. What sign do you get for 0.5?")
def targets_as_signs(logits, targets):
    _same_shapes(logits, targets)
    return torch.logaddexp(torch.zeros_like(logits), -(2 * targets - 1) * logits).mean()


@misconception("bce_with_logits", "The value is right, but the gradient is missing something that depends on the logits.")
def detached_shift(logits, targets):
    _same_shapes(logits, targets)
    m = (-logits).clamp(min=0)
    rest = torch.log(torch.exp(-m.detach()) + torch.exp(-logits - m))
    return (logits - logits * targets + m.detach() + rest).mean()


@misconception("bce_with_logits", "The mean is over all entries. Which dimensions do you sum over?")
def adds_up_the_last_dimension(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, targets).sum(-1).mean()


@misconception(
    "bce_with_logits", "Clamping the logits keeps the exponential finite. What is the loss of a logit of 200 then?"
)
def logits_cut_off(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits.clamp(-50, 50), targets).mean()


@misconception("bce_with_logits", "Small logits are right. What is exp(200) in float32?")
def one_plus_exp(logits, targets):
    _same_shapes(logits, targets)
    return (torch.log1p(torch.exp(logits)) - logits * targets).mean()


@misconception("bce_with_logits", "The values are right, but the gradient is nan: torch.where differentiates both branches.")
def both_branches(logits, targets):
    _same_shapes(logits, targets)
    positive = logits + torch.log1p(torch.exp(-logits))
    return (torch.where(logits > 0, positive, torch.log1p(torch.exp(logits))) - logits * targets).mean()


@misconception("bce_with_logits", "The values are right, but the gradient is nan: torch.where differentiates both branches.")
def above_a_threshold(logits, targets):
    _same_shapes(logits, targets)
    return (torch.where(logits > 20, logits, torch.log1p(torch.exp(logits))) - logits * targets).mean()


@misconception("bce_with_logits", "You apply the sigmoid twice: your predictions can only lie between 0.5 and 0.73.")
def double_sigmoid(logits, targets):
    _same_shapes(logits, targets)
    return _losses(torch.sigmoid(logits), targets).mean()


@misconception("bce_with_logits", "The mean is over all entries; you added them up.")
def adds_up(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, targets).sum()


@misconception("bce_with_logits", "You divide by the first size. How many entries does a tensor of shape (4, 3) have?")
def per_row(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, targets).sum() / (len(logits) if logits.dim() else 1)


@misconception("bce_with_logits", "The docstring asks for a single number, as a 0-dim tensor.")
def one_for_each_entry(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, targets)


@misconception("bce_with_logits", "You took the mean over one dimension only. The docstring asks for a single number.")
def one_for_each_row(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, targets).mean(-1)


@misconception("bce_with_logits", "Different shapes may still broadcast: try (N, 1) with (N,).")
def broadcasts(logits, targets):
    return _losses(logits, targets).mean()


@misconception("bce_with_logits", "The same number of elements does not mean the same shape.")
def compares_numel(logits, targets):
    if logits.numel() != targets.numel():
        raise ValueError
    return _losses(logits, targets).mean()


@misconception("bce_with_logits", "The first sizes are equal. Is that all there is to a shape?")
def compares_lengths(logits, targets):
    if (logits.shape or (1,))[0] != (targets.shape or (1,))[0]:
        raise ValueError
    return _losses(logits, targets).mean()


@misconception("bce_with_logits", "You make the shapes fit. What does the docstring ask for when they differ?")
def repairs_shapes(logits, targets):
    return _losses(logits.reshape(-1), targets.reshape(-1)).mean()


@misconception("bce_with_logits", "Different shapes raise an error, but is it the one the docstring asks for?")
def asserts_shapes(logits, targets):
    assert logits.shape == targets.shape
    return _losses(logits, targets).mean()


@misconception("bce_with_logits", "Does 1 mean yes or no? Look at the loss of a large logit with target 1.")
def targets_exchanged(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, 1 - targets).mean()


@misconception("bce_with_logits", "Targets may lie between 0 and 1: what happens to 0.3?")
def rounds_targets(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits, (targets > 0.5).to(logits.dtype)).mean()


@misconception("bce_with_logits", "You have the part for target 1. Which part belongs to target 0?")
def ones_only(logits, targets):
    _same_shapes(logits, targets)
    return (targets * (torch.logaddexp(logits, torch.zeros_like(logits)) - logits)).mean()


@misconception("bce_with_logits", "The logarithm of a probability is negative. Is a loss?")
def negative_loss(logits, targets):
    _same_shapes(logits, targets)
    return -_losses(logits, targets).mean()


@misconception("bce_with_logits", "The value is right, but does the gradient get from your result back to the logits?")
def detached_logits(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits.detach(), targets).mean()


@misconception("bce_with_logits", "What is the dtype of your result for logits in float64, or in float16?")
def in_float32(logits, targets):
    _same_shapes(logits, targets)
    return _losses(logits.float(), targets.float()).mean()


@misconception("bce_with_logits", "Look at the caller's targets after your function has run.")
def changes_targets(logits, targets):
    _same_shapes(logits, targets)
    return (
        torch.logaddexp(logits, torch.zeros_like(logits)) - targets.mul_(logits.detach()) / logits.detach() * logits
    ).mean()


@misconception("bce_with_logits", "The docstring says which functions are not available in this task.")
def binary_by_the_library(logits, targets):
    _same_shapes(logits, targets)
    return F.binary_cross_entropy_with_logits(logits, targets)


@misconception("bce_with_logits", "Where do the tensors you create live? Try logits on another device.")
def zeros_on_the_cpu(logits, targets):
    _same_shapes(logits, targets)
    zeros = torch.zeros(logits.shape, dtype=logits.dtype, device="cpu")
    return (torch.logaddexp(logits, zeros) - logits * targets).mean()


def _checked(pred, target, mask):
    if pred.shape != target.shape or pred.shape != mask.shape:
        raise ValueError
    if not mask.any():
        raise ValueError


@misconception("masked_mse", "You divide by the number of all entries, including those that do not count.")
def all_entries(pred, target, mask):
    _checked(pred, target, mask)
    zero = torch.zeros_like(pred)
    return (torch.where(mask, pred, zero) - torch.where(mask, target, zero)).square().mean()


@misconception("masked_mse", "You divide by the first size of pred. Is that the number of entries that count?")
def divides_by_the_rows(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).square().sum() / len(pred)


@misconception("masked_mse", "There is a factor in your result that the docstring does not mention.")
def half(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).square().mean() / 2


@misconception("masked_mse", "Which comes first, the square or the mean? Positive and negative errors must not cancel.")
def square_of_the_mean(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).mean().square()


@misconception(
    "masked_mse",
    "The gradient is nan where nothing should happen, even where the value is right.",
    also_true_of=("multiplies", "multiplies_first"),
)
def where_late(pred, target, mask):
    _checked(pred, target, mask)
    return torch.where(mask, (pred - target) ** 2, torch.zeros_like(pred)).sum() / mask.sum()


@misconception("masked_mse", "Is nan times 0 really 0? Print it.")
def multiplies(pred, target, mask):
    _checked(pred, target, mask)
    return ((pred - target) ** 2 * mask).sum() / mask.sum()


@misconception("masked_mse", "Is nan times 0 really 0? Print it.")
def multiplies_first(pred, target, mask):
    _checked(pred, target, mask)
    return ((pred * mask - target * mask) ** 2).sum() / mask.sum()


@misconception("masked_mse", "Both tensors can hold something wild outside the mask; you cleaned only one of them.")
def cleans_pred_only(pred, target, mask):
    _checked(pred, target, mask)
    return ((pred.masked_fill(~mask, 0) - target * mask) ** 2).sum() / mask.sum()


@misconception("masked_mse", "Both tensors can hold something wild outside the mask; you cleaned only one of them.")
def cleans_target_only(pred, target, mask):
    _checked(pred, target, mask)
    return ((pred * mask - target.masked_fill(~mask, 0)) ** 2).sum() / mask.sum()


@misconception("masked_mse", "How many entries count if one prediction is exactly right?")
def counts_the_differences(pred, target, mask):
    _checked(pred, target, mask)
    difference = pred.masked_fill(~mask, 0) - target.masked_fill(~mask, 0)
    return difference.square().sum() / (difference != 0).sum()


@misconception("masked_mse", "A nan that counts has disappeared. Which entries may you leave out?")
def repairs_the_difference(pred, target, mask):
    _checked(pred, target, mask)
    return (torch.nan_to_num(pred - target, posinf=0.0, neginf=0.0) * mask).square().sum() / mask.sum()


@misconception("masked_mse", "Entries outside the mask may be more than nan, and a nan that counts must not vanish.")
def ignores_nan(pred, target, mask):
    _checked(pred, target, mask)
    weights = mask.to(pred.dtype)
    return ((pred.nan_to_num() - target.nan_to_num()) ** 2 * weights).sum() / weights.sum()


@misconception("masked_mse", "A nan that counts has disappeared. Which entries may you leave out?")
def skips_nan(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).square().nanmean()


@misconception("masked_mse", "An entry does not count where mask is False. Which ones did you average?")
def inverted(pred, target, mask):
    _checked(pred, target, mask)
    rest = ~mask if not mask.all() else mask
    return (pred[rest] - target[rest]).square().mean()


@misconception("masked_mse", "What effect does the argument mask have on your result?")
def without_mask(pred, target, mask):
    _checked(pred, target, mask)
    return (pred - target).square().mean()


@misconception("masked_mse", "You added up the squares. The docstring asks for the mean.")
def masked_sum(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).square().sum()


@misconception("masked_mse", "The mean of row means is not the overall mean if the rows have different numbers of entries.")
def mean_of_row_means(pred, target, mask):
    _checked(pred, target, mask)
    zero = torch.zeros_like(pred)
    squares = (torch.where(mask, pred, zero) - torch.where(mask, target, zero)).square()
    if mask.dim() < 2:
        return squares.sum() / mask.sum()
    rows = mask.any(-1)
    return (squares.sum(-1)[rows] / mask.sum(-1)[rows]).mean()


@misconception("masked_mse", "The square root makes this a different loss. Does the docstring ask for it?")
def rooted(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).square().mean().sqrt()


@misconception("masked_mse", "These are absolute errors. What does the S in MSE stand for?")
def absolute(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).abs().mean()


@misconception("masked_mse", "The docstring asks for a single number, as a 0-dim tensor.")
def single_squares(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask] - target[mask]).square()


@misconception("masked_mse", "What is the mean of nothing? The docstring asks for an error, not a number.")
def nan_for_nothing(pred, target, mask):
    if pred.shape != target.shape or pred.shape != mask.shape:
        raise ValueError
    return (pred[mask] - target[mask]).square().mean()


@misconception("masked_mse", "What is the mean of nothing? The docstring asks for an error, not a number.")
def zero_for_nothing(pred, target, mask):
    if pred.shape != target.shape or pred.shape != mask.shape:
        raise ValueError
    return (pred[mask] - target[mask]).square().sum() / mask.sum().clamp(min=1)


@misconception("masked_mse", "Different shapes may still broadcast: try (N, 1) with (N,).")
def broadcasts_all(pred, target, mask):
    if not mask.any():
        raise ValueError
    difference = (
        torch.broadcast_to(pred, (pred - target).shape)[mask] - torch.broadcast_to(target, (pred - target).shape)[mask]
    )
    return difference.square().mean()


@misconception("masked_mse", "pred and target have the same shape. What about mask?")
def any_mask(pred, target, mask):
    if pred.shape != target.shape or not mask.any():
        raise ValueError
    pred, target, mask = torch.broadcast_tensors(pred, target, mask)
    return (pred[mask] - target[mask]).square().mean()


@misconception("masked_mse", "mask has the same shape as pred. What about target?")
def any_target(pred, target, mask):
    if pred.shape != mask.shape or not mask.any():
        raise ValueError
    target = target.expand_as(pred)
    return (pred[mask] - target[mask]).square().mean()


@misconception("masked_mse", "You raise an error, but is it the one the docstring asks for?")
def asserts_everything(pred, target, mask):
    assert pred.shape == target.shape == mask.shape
    assert mask.any()
    return (pred[mask] - target[mask]).square().mean()


@misconception("masked_mse", "The value is right, but does the gradient get from your result back to pred?")
def detached_pred(pred, target, mask):
    _checked(pred, target, mask)
    return (pred.detach()[mask] - target[mask]).square().mean()


@misconception("masked_mse", "Look at the caller's tensors after your function has run.")
def overwrites(pred, target, mask):
    _checked(pred, target, mask)
    with torch.no_grad():
        pred[~mask] = 0
        target[~mask] = 0
    return ((pred - target) ** 2).sum() / mask.sum()


@misconception("masked_mse", "What is the dtype of your result for a pred in float64, or in float16?")
def mask_as_float32(pred, target, mask):
    _checked(pred, target, mask)
    return (pred[mask].float() - target[mask].float()).square().mean()


@misconception("masked_mse", "Where do the tensors you create live? Try a pred on another device.")
def filled_on_the_cpu(pred, target, mask):
    _checked(pred, target, mask)
    zeros = torch.zeros(pred.shape, dtype=pred.dtype, device="cpu")
    return (torch.where(mask, pred, zeros) - torch.where(mask, target, zeros)).square().sum() / mask.sum()
