"""Wrong solutions that students write, each with the sentence that helps."""

import torch

from autograder import misconception


@misconception("predicted_share", "All four agree, but what is compared with what? Look at both shapes.")
def each_with_its_own():
    return 1.0


@misconception("predicted_share", "Everything is compared with everything, and class 2 occurs more than once.")
def diagonal_only():
    return 0.25


@misconception("predicted_share", "Count again: at how many of the 16 places do row and column agree?")
def one_pair_counted_once():
    return 5 / 16


@misconception("predicted_share", "A share lies between 0 and 1.")
def number_of_agreements():
    return 6.0


@misconception("predicted_count", "Write the line without `+=`: which number is written, and how often?")
def counted_all():
    return 3


@misconception("predicted_count", "A repeated index still has an effect: what is written to that place?")
def counted_nothing():
    return 0


@misconception("predicted_count", "That is how many positions are in the list. What happens to just one of them?")
def counted_places():
    return 4


@misconception("predicted_count", "Do the repetitions count differently from the first time?")
def counted_repetitions():
    return 2


def _checked(logits, labels):
    if len(logits) == 0 or labels.shape != logits.shape[:1]:
        raise ValueError


@misconception("accuracy", "The largest entry of a COLUMN tells you which sample scores highest for that class.")
def over_the_samples(logits, labels):
    _checked(logits, labels)
    best = logits.argmax(0).repeat(len(labels))[: len(labels)]
    return (best == labels).double().mean().item()


@misconception("accuracy", "Look at the shape of what argmax gives you: how many samples are there, and how many numbers?")
def over_the_samples_as_it_is(logits, labels):
    _checked(logits, labels)
    return (logits.argmax(0) == labels).double().mean().item()


@misconception("accuracy", "Without dim, argmax returns one number for the whole table.")
def over_everything(logits, labels):
    _checked(logits, labels)
    return (logits.argmax() == labels).double().mean().item()


@misconception("accuracy", "You compare with the class that has the SMALLEST logit.")
def with_the_smallest(logits, labels):
    _checked(logits, labels)
    return (logits.argmin(1) == labels).double().mean().item()


@misconception(
    "accuracy",
    "Some predictions are right, yet your result is 0. Are labels compared with the largest values or with their positions?",
    also_true_of=("all_or_nothing",),
)
def values_for_places(logits, labels):
    _checked(logits, labels)
    return (logits.max(1).values == labels).double().mean().item()


@misconception("accuracy", "The best class can have a small or a negative logit.")
def only_clear_predictions(logits, labels):
    _checked(logits, labels)
    value, place = logits.max(1)
    return ((place == labels) & (value > 1.0)).double().mean().item()


@misconception("accuracy", "What type do you return? The task asks for a Python number.")
def as_a_tensor(logits, labels):
    _checked(logits, labels)
    return (logits.argmax(1) == labels).double().mean()


@misconception("accuracy", "That is the share of wrong predictions.")
def error_rate(logits, labels):
    _checked(logits, labels)
    return (logits.argmax(1) != labels).double().mean().item()


@misconception("accuracy", "You counted the correct ones. What share of all the samples is that?")
def number_of_hits(logits, labels):
    _checked(logits, labels)
    return float((logits.argmax(1) == labels).sum())


@misconception("accuracy", "One half is 0.5 here, not 50.")
def percent(logits, labels):
    _checked(logits, labels)
    return 100 * (logits.argmax(1) == labels).double().mean().item()


@misconception("accuracy", "What do you divide by: the number of samples, or the number of logits?")
def divided_by_all_entries(logits, labels):
    _checked(logits, labels)
    return (logits.argmax(1) == labels).sum().item() / logits.numel()


@misconception("accuracy", "Two digits are enough for reading, but did the task ask you to round?")
def rounded(logits, labels):
    _checked(logits, labels)
    return round((logits.argmax(1) == labels).double().mean().item(), 2)


@misconception(
    "accuracy",
    "Some predictions are right, yet your result is 0. What do the correct ones count?",
    also_true_of=("values_for_places",),
)
def all_or_nothing(logits, labels):
    _checked(logits, labels)
    return float((logits.argmax(1) == labels).all())


@misconception("accuracy", "The dtype of the logits determines how accurate your mean is. Try float16.")
def mean_in_the_logits_dtype(logits, labels):
    _checked(logits, labels)
    return (logits.argmax(1) == labels).to(logits.dtype).mean().item()


@misconception("accuracy", "What is the sigmoid of 50 in float32, and what is that of 60? You do not need probabilities.")
def largest_probability(logits, labels):
    _checked(logits, labels)
    return (torch.sigmoid(logits).argmax(1) == labels).double().mean().item()


@misconception("accuracy", "float64 logits can differ by less than float32 can represent.")
def in_single_precision(logits, labels):
    _checked(logits, labels)
    return (logits.float().argmax(1) == labels).double().mean().item()


@misconception("accuracy", "Logits from a model require grad, and NumPy refuses them.")
def through_numpy(logits, labels):
    _checked(logits, labels)
    return float((logits.double().numpy().argmax(axis=1) == labels.numpy()).mean())


@misconception("accuracy", "Your way of looking up a class works with int64 labels only.")
def needs_int64(logits, labels):
    _checked(logits, labels)
    own = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (own == logits.max(1).values).double().mean().item()


@misconception("accuracy", "Labels of shape (N, 1) are compared with everything. Where do you check their shape?")
def any_shape(logits, labels):
    if len(logits) == 0:
        raise ValueError
    return (logits.argmax(1) == labels).double().mean().item()


@misconception("accuracy", "You check how many labels there are. Is (N, 1) an allowed shape?")
def any_shape_of_that_size(logits, labels):
    if len(logits) == 0 or labels.numel() != len(logits):
        raise ValueError
    return (logits.argmax(1) == labels.reshape(-1)).double().mean().item()


@misconception("accuracy", "The length of labels is right. What else is part of a shape?")
def any_shape_of_that_length(logits, labels):
    if len(logits) == 0 or labels.shape[:1] != logits.shape[:1]:
        raise ValueError
    return (logits.argmax(1) == labels).double().mean().item()


@misconception("accuracy", "The length of labels is right. What else is part of a shape?")
def looks_at_the_first_size(logits, labels):
    if logits.shape[0] == 0 or labels.shape[0] != logits.shape[0]:
        raise ValueError
    return (logits.argmax(1) == labels).double().mean().item()


@misconception("accuracy", "You average over the classes. Does the task ask for that, or for a mean over the samples?")
def mean_over_classes(logits, labels):
    _checked(logits, labels)
    best = logits.argmax(1)
    shares = [(best[labels == k] == k).double().mean() for k in labels.unique()]
    return torch.stack(shares).mean().item()


@misconception("accuracy", "You check how many dimensions labels has. How many entries must it have?")
def any_vector(logits, labels):
    if len(logits) == 0 or labels.dim() != 1:
        raise ValueError
    n = min(len(logits), len(labels))
    return (logits.argmax(1)[:n] == labels[:n]).sum().item() / len(logits)


@misconception("accuracy", "An empty batch gives nan instead of an error.")
def nan_for_nothing(logits, labels):
    if labels.shape != logits.shape[:1]:
        raise ValueError
    return (logits.argmax(1) == labels).double().mean().item()


@misconception("accuracy", "Without samples there is no accuracy, not even 0. The docstring asks for an error.")
def zero_for_nothing(logits, labels):
    if labels.shape != logits.shape[:1]:
        raise ValueError
    return (logits.argmax(1) == labels).sum().item() / max(len(labels), 1)


@misconception("accuracy", "Dividing by zero raises an error, but not the one the docstring asks for.")
def lets_the_division_fail(logits, labels):
    if labels.shape != logits.shape[:1]:
        raise ValueError
    return (logits.argmax(1) == labels).sum().item() / len(labels)


@misconception("accuracy", "You notice the bad input. But which exception does the docstring ask for?")
def asserts(logits, labels):
    assert len(logits)
    assert labels.shape == logits.shape[:1]
    return (logits.argmax(1) == labels).double().mean().item()


def _counted(preds, labels, num_classes):
    return torch.bincount(labels * num_classes + preds, minlength=num_classes**2).reshape(num_classes, num_classes)


@misconception("confusion_matrix", "A pair that occurs twice counts only once: does `+=` with an index add up?")
def indexed_sum(preds, labels, num_classes):
    M = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=preds.device)
    M[labels, preds] += 1
    return M


@misconception("confusion_matrix", "`M[labels]` makes a new tensor. Which one do you add to, and which one do you return?")
def adds_to_a_copy(preds, labels, num_classes):
    M = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=preds.device)
    M[labels][:, preds] += 1
    return M


@misconception(
    "confusion_matrix", "Your matrix has a row and a column for each class that occurs. Are those all the classes?"
)
def classes_that_occur(preds, labels, num_classes):
    classes = torch.cat([preds, labels]).unique()
    rows = [torch.stack([((labels == i) & (preds == j)).sum() for j in classes]) for i in classes]
    return torch.stack(rows) if rows else torch.zeros(0, 0, dtype=torch.int64)


@misconception("confusion_matrix", "The entries of your matrix add up to 1. Does the task ask for shares, or for counts?")
def shares_of_all(preds, labels, num_classes):
    M = _counted(preds, labels, num_classes)
    return M / M.sum()


@misconception("confusion_matrix", "What type do you return?")
def as_an_array(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).numpy()


@misconception("confusion_matrix", "Your matrix says whether a pair occurs. How often does it occur, and in which dtype?")
def occurrence(preds, labels, num_classes):
    return _counted(preds, labels, num_classes) > 0


@misconception(
    "confusion_matrix", "In your matrix the columns are the true classes. Which way round does the docstring want it?"
)
def transposed(preds, labels, num_classes):
    return _counted(labels, preds, num_classes)


@misconception(
    "confusion_matrix", "Taking i for j and taking j for i are different mistakes. You count each in both places."
)
def symmetric(preds, labels, num_classes):
    M = _counted(preds, labels, num_classes)
    return M + M.T


@misconception("confusion_matrix", "How big is your matrix if the highest class never occurs?")
def size_from_the_data(preds, labels, num_classes):
    size = int(max(preds.max(), labels.max())) + 1 if len(preds) else 0
    return _counted(preds, labels, size) if size else torch.zeros(0, 0, dtype=torch.int64)


@misconception("confusion_matrix", "How big is your matrix if there are no samples? You still know the number of classes.")
def nothing_for_nothing(preds, labels, num_classes):
    return _counted(preds, labels, num_classes) if len(preds) else torch.zeros(0, 0, dtype=torch.int64)


@misconception("confusion_matrix", "An empty tensor has no largest element. Do you need one?")
def fails_without_samples(preds, labels, num_classes):
    assert int(torch.stack([preds, labels]).max()) < num_classes
    return _counted(preds, labels, num_classes)


@misconception(
    "confusion_matrix", "bincount makes its result only as long as the largest number requires. How long must it be here?"
)
def without_a_minlength(preds, labels, num_classes):
    return torch.bincount(labels * num_classes + preds).reshape(num_classes, num_classes)


@misconception("confusion_matrix", "Only classes that occur among the labels get a row.")
def rows_of_known_classes(preds, labels, num_classes):
    rows = [torch.bincount(preds[labels == k], minlength=num_classes) for k in labels.unique()]
    return torch.stack(rows) if rows else torch.zeros(num_classes, num_classes, dtype=torch.int64)


@misconception(
    "confusion_matrix", "Two different pairs get the same number in your function. Which factor would keep them apart?"
)
def factor_too_small(preds, labels, num_classes):
    pairs = labels * (num_classes - 1) + preds
    return torch.bincount(pairs, minlength=num_classes**2)[: num_classes**2].reshape(num_classes, num_classes)


@misconception("confusion_matrix", "The correct predictions are missing: what belongs on the diagonal?")
def mistakes_only(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).fill_diagonal_(0)


@misconception("confusion_matrix", "Only the correct predictions are counted. Where are the mistakes?")
def diagonal_alone(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).diagonal().diag()


@misconception("confusion_matrix", "The rows of your matrix add up to 1. Does the task ask for shares, or for counts?")
def shares_of_rows(preds, labels, num_classes):
    M = _counted(preds, labels, num_classes).double()
    return M / M.sum(1, keepdim=True).clamp(min=1)


@misconception("confusion_matrix", "Which dtype is your matrix, and which should it be?")
def floats(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).float()


@misconception("confusion_matrix", "Which device do you create the matrix on? Try predictions that are on another one.")
def made_on_the_cpu(preds, labels, num_classes):
    M = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    for predicted, true in zip(preds.tolist(), labels.tolist(), strict=True):
        M[true, predicted] += 1
    return M


@misconception("confusion_matrix", "How many bits does the dtype in the docstring have?")
def int32(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).int()


@misconception("confusion_matrix", "What happens in your matrix when the same pair occurs for the 256th time?")
def overflows(preds, labels, num_classes):
    M = torch.zeros(num_classes * num_classes, dtype=torch.uint8)
    M.index_add_(0, labels * num_classes + preds, torch.ones(len(preds), dtype=torch.uint8))
    return M.reshape(num_classes, num_classes).long()


@misconception("confusion_matrix", "Your counts pass through a short floating dtype. How far can you count in it?")
def counts_in_bfloat16(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).to(torch.bfloat16).long()


@misconception("confusion_matrix", "Print labels after the call. Whose tensor is it?")
def changes_the_labels(preds, labels, num_classes):
    labels *= num_classes
    labels += preds
    return torch.bincount(labels, minlength=num_classes**2).reshape(num_classes, num_classes)


@misconception("confusion_matrix", "What type do you return?")
def as_a_list(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).tolist()


@misconception("confusion_matrix", "How many dimensions does a matrix have, and how many does your result have?")
def flat(preds, labels, num_classes):
    return _counted(preds, labels, num_classes).flatten()


@misconception("confusion_matrix", "That is one class too many: with C classes, the highest is C - 1.")
def one_class_too_many(preds, labels, num_classes):
    return _counted(preds, labels, num_classes + 1)


def _f1(M):
    denominators = M.sum(0) + M.sum(1)
    return torch.where(denominators == 0, 0.0, 2 * M.diagonal() / denominators)


@misconception("macro_f1", "That is the accuracy (the micro average). Do rare classes count as much as the others?")
def micro(M):
    M = M.double()
    return float(M.diagonal().sum() / M.sum().clamp(min=1))


@misconception("macro_f1", "You weight each class by its number of samples. Which mean does the docstring ask for?")
def weighted(M):
    M = M.double()
    return float((_f1(M) * M.sum(1)).sum() / M.sum().clamp(min=1))


@misconception("macro_f1", "That is the mean recall: you only look along the rows.")
def recall_only(M):
    M = M.double()
    return float((M.diagonal() / M.sum(1).clamp(min=1)).mean())


@misconception("macro_f1", "That is the mean precision: you only look down the columns.")
def precision_only(M):
    M = M.double()
    return float((M.diagonal() / M.sum(0).clamp(min=1)).mean())


@misconception("macro_f1", "Mean first and then harmonic mean, or the other way round? The order matters.")
def harmonic_mean_of_means(M):
    precision, recall = precision_only(M), recall_only(M)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@misconception("macro_f1", "You took the plain mean of precision and recall. Is it the harmonic mean?")
def mean_of_both(M):
    return (precision_only(M) + recall_only(M)) / 2


@misconception("macro_f1", "Even if every prediction is right, your result stays below 1: look at the formula again.")
def without_the_two(M):
    return float((_f1(M.double()) / 2).mean())


@misconception("macro_f1", "You divide by the size of the union. Is that the formula for F1?")
def intersection_over_union(M):
    M = M.double()
    union = M.sum(0) + M.sum(1) - M.diagonal()
    return float((M.diagonal() / union.clamp(min=1)).mean())


@misconception(
    "macro_f1",
    "The mean is over all classes, also those with F1 = 0.",
    also_true_of=("skips_classes_that_are_never_true", "classes_with_a_hit", "nanmean"),
)
def skips_empty_classes(M):
    M = M.double()
    present = M.sum(0) + M.sum(1) > 0
    return float(_f1(M)[present].mean()) if present.any() else 0.0


@misconception(
    "macro_f1",
    "Which classes do you leave out of the mean? One that is never true counts, too.",
    also_true_of=("skips_empty_classes",),
)
def skips_classes_that_are_never_true(M):
    M = M.double()
    present = M.sum(1) > 0
    return float(_f1(M)[present].mean()) if present.any() else 0.0


@misconception("macro_f1", "0/0 is nan, and one nan spoils the whole mean.")
def nan(M):
    M = M.double()
    return float((2 * M.diagonal() / (M.sum(0) + M.sum(1))).mean())


@misconception("macro_f1", "You leave some classes out of the mean. Does the docstring say so?")
def nanmean(M):
    M = M.double()
    return float((2 * M.diagonal() / (M.sum(0) + M.sum(1))).nanmean())


@misconception("macro_f1", "You replace nan after taking the mean. What is left of the other classes by then?")
def nan_replaced_too_late(M):
    M = M.double()
    return float(torch.nan_to_num((2 * M.diagonal() / (M.sum(0) + M.sum(1))).mean()))


@misconception("macro_f1", "You leave some classes out of the mean. Does the docstring say so?")
def classes_with_a_hit(M):
    scores = _f1(M.double())
    return float(scores[scores > 0].mean()) if scores.any() else 0.0


@misconception("macro_f1", "How many digits does your result have? Nobody asked you to round it.")
def rounded_f1(M):
    return round(float(_f1(M.double()).mean()), 4)


@misconception("macro_f1", "Try a class with a single, correctly predicted sample: is its F1 exactly 1?")
def with_a_tiny_epsilon(M):
    M = M.double()
    return float((2 * M.diagonal() / (M.sum(0) + M.sum(1) + 1e-8)).mean())


@misconception("macro_f1", "Small numbers in three denominators avoid nan. Do they leave the other results unchanged?")
def epsilons_in_precision_and_recall(M):
    M = M.double()
    precision, recall = M.diagonal() / (M.sum(0) + 1e-6), M.diagonal() / (M.sum(1) + 1e-6)
    return float((2 * precision * recall / (precision + recall + 1e-6)).mean())


@misconception("macro_f1", "Precision and recall can both be 0 for a class that does occur. What is your F1 then?")
def nan_without_a_hit(M):
    M = M.double()
    precision, recall = torch.nan_to_num(M.diagonal() / M.sum(0)), torch.nan_to_num(M.diagonal() / M.sum(1))
    return float((2 * precision * recall / (precision + recall)).mean())


@misconception("macro_f1", "A class that never occurs does not count as perfect. What does the docstring say it counts as?")
def one_for_empty_classes(M):
    M = M.double()
    return float(torch.where(M.sum(0) + M.sum(1) == 0, 1.0, _f1(M)).mean())


@misconception("macro_f1", "A matrix of zeros is allowed.")
def refuses_zeros(M):
    if M.sum() == 0:
        raise ValueError
    return float(_f1(M.double()).mean())


@misconception("macro_f1", "A small number in the denominator avoids nan, but changes all other results a little.")
def with_an_epsilon(M):
    M = M.double()
    return float((2 * M.diagonal() / (M.sum(0) + M.sum(1) + 1e-3)).mean())


@misconception("macro_f1", "Which dtype do your quotients have, and which should they have?")
def divides_integers(M):
    return float(_f1(M).mean())


@misconception("macro_f1", "How many digits does float32 have? The docstring names another dtype.")
def single_precision(M):
    return float(_f1(M.float()).mean())


@misconception("macro_f1", "What is the dtype of the quotient of two integers? The docstring names another one.")
def quotients_of_whole_numbers(M):
    return float(_f1(M).double().mean())


@misconception("macro_f1", "Your division cuts off everything after the decimal point.")
def whole_numbers(M):
    M = M.long()
    return float((2 * M.diagonal() // (M.sum(0) + M.sum(1)).clamp(min=1)).double().mean())


@misconception("macro_f1", "What type do you return? The task asks for a Python number.")
def f1_as_a_tensor(M):
    return _f1(M.double()).mean()


@misconception("macro_f1", "You return one number per class. Which single number does the task ask for?")
def one_for_each_class(M):
    return _f1(M.double()).tolist()


@misconception("macro_f1", "You added up the classes. How many are there?")
def total(M):
    return float(_f1(M.double()).sum())


@misconception("macro_f1", "Print M after the call: its diagonal is gone.")
def changes_the_matrix(M):
    tp = M.diagonal().double().clone()
    M.fill_diagonal_(0)
    wrong = (M.sum(0) + M.sum(1)).double()
    return float((2 * tp / (2 * tp + wrong).clamp(min=1)).mean())
