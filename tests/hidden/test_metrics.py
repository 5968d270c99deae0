"""Checks of topic `metrics` that only grading runs: edge cases of the specification."""

import torch

from autograder import checks, close, only, raises

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def classified(given, samples, classes, right, dtype=torch.float32, **options):
    """Drawn logits, and labels of which `right` agree with the largest logit of their row."""
    order = torch.stack([given.permutation(classes) for _ in range(samples)])
    logits = given.tensor((order - given.number(0.2, 0.8) * classes) / 2, dtype=dtype, **options)
    best = order.argmax(dim=1)
    wrong = (best + given.integers(samples, low=1, high=max(classes, 2))) % classes
    return logits, given.tensor(torch.where(given.permutation(samples) < right, best, wrong))


@checks("accuracy", gate=True)
def test_accuracy_of_any_size(code, given):
    """It is right for any number of samples and classes, and if all or none of the predictions are right."""
    cases = {
        "as many samples as classes": (5, 5, given.integer(1, 5)),
        "fewer samples than classes": (3, 8, 2),
        "two classes": (9, 2, given.integer(1, 9)),
        "many samples": (301, 4, given.integer(100, 200)),
        "all right": (6, 3, 6),
        "none right": (6, 3, 0),
        "one sample, right": (1, 4, 1),
        "one sample, wrong": (1, 4, 0),
        "one class": (4, 1, 4),
    }
    return only({name: code.accuracy(*classified(given, *case)) for name, case in cases.items()}, "values")


@checks("accuracy")
def test_accuracy_with_any_integer_labels(code, given):
    """Labels may have any integer dtype."""
    found = {}
    for dtype in INTEGERS:
        logits, labels = classified(given, 37, 5, given.integer(10, 30))
        found[str(dtype)] = only(code.accuracy(logits, given.tensor(labels, dtype=dtype)), "values")
    return found


@checks("accuracy")
def test_accuracy_of_any_logits(code, given):
    """Logits may be float64 or float16, be laid out in memory in any way, contain -inf, and require grad."""
    found = {}
    for dtype in (torch.float64, torch.float16):
        logits, labels = classified(given, 7, 5, given.integer(2, 6), dtype=dtype)
        found[str(dtype)] = code.accuracy(logits, labels)
    logits, labels = classified(given, 7, 5, 4, requires_grad=True)
    found["requires grad"] = code.accuracy(logits, labels)
    logits, labels = classified(given, 7, 5, 4)
    found["no leaf"] = code.accuracy(given.non_leaf(logits), labels)
    logits, labels = classified(given, 7, 5, 4)
    found["transposed"] = code.accuracy(given.transposed(logits), given.non_contiguous(labels))
    logits, labels = classified(given, 7, 5, 4)
    lowest = logits.argmin(dim=1, keepdim=True)
    found["all negative"] = code.accuracy(given.watch(logits - 50, "negative logits"), labels)
    found["with -inf"] = code.accuracy(given.watch(logits.scatter(1, lowest, float("-inf")), "logits with -inf"), labels)
    return only(found, "values")


@checks("accuracy")
def test_accuracy_of_close_logits(code, given):
    """In float64, the largest logit may be larger than the others by very little."""
    order = torch.stack([given.permutation(4, dtype=torch.float64) for _ in range(97)])
    logits = given.tensor(3 + order * 1e-10, dtype=torch.float64, name="logits")
    best = order.argmax(dim=1)
    labels = given.tensor(torch.where(given.permutation(97) < given.integer(40, 60), best, (best + 1) % 4), name="labels")
    return {"accuracy": only(code.accuracy(logits, labels), "values")}


@checks("accuracy")
def test_accuracy_is_always_a_float(code, given):
    """The result is a Python float for every dtype, if logits require grad, and if it is 0 or 1."""
    cases = {
        "float64": classified(given, 6, 3, 4, dtype=torch.float64),
        "requires grad": classified(given, 6, 3, 4, requires_grad=True),
        "all right": classified(given, 6, 3, 6),
        "none right": classified(given, 6, 3, 0),
        "one sample": classified(given, 1, 3, 1),
    }
    return {f"{name}: it is a float": isinstance(code.accuracy(*case), float) for name, case in cases.items()}


@checks("accuracy")
def test_accuracy_refuses_other_shapes(code, given):
    """Labels of any other shape are refused with a ValueError, even if they could be broadcast."""
    cases = {
        "logits (6, 3), labels (1,)": ((6, 3), (1,)),
        "logits (6, 3), labels (5,)": ((6, 3), (5,)),
        "logits (6, 3), labels (3,)": ((6, 3), (3,)),
        "logits (6, 3), labels (1, 6)": ((6, 3), (1, 6)),
        "logits (6, 3), labels (6, 3)": ((6, 3), (6, 3)),
        "logits (6, 3), labels (0,)": ((6, 3), (0,)),
        "logits (6, 3), labels (2, 3)": ((6, 3), (2, 3)),
        "logits (1, 3), labels ()": ((1, 3), ()),
        "logits (1, 3), labels (1, 1)": ((1, 3), (1, 1)),
        "logits (1, 3), labels (3,)": ((1, 3), (3,)),
    }
    drawn = {name: (given.normal(one), given.integers(other, high=3)) for name, (one, other) in cases.items()}
    return {name: raises(lambda pair=pair: code.accuracy(*pair)) for name, pair in drawn.items()}


@checks("accuracy")
def test_accuracy_of_nothing_at_all(code, given):
    """Without samples there is a ValueError, whatever the labels and the number of classes."""
    cases = {"labels (4,)": (given.normal(0, 3), given.integers(4, high=3))}
    cases["one class"] = (given.normal(0, 1), given.integers(0))
    cases["int32 labels"] = (given.normal(0, 5), given.integers(0, dtype=torch.int32))
    cases["labels (0, 1)"] = (given.normal(0, 3), given.integers(0, 1))
    return {name: raises(lambda pair=pair: code.accuracy(*pair)) for name, pair in cases.items()}


def pairs(given, samples, classes):
    """Drawn predictions and labels."""
    return given.integers(samples, high=classes), given.integers(samples, high=classes)


@checks("confusion_matrix", gate=True)
def test_confusion_matrix_of_any_size(code, given):
    """It is right for one, two or many classes, and for a single sample."""
    found = {}
    for samples, classes in ((9, 1), (30, 2), (1, 3), (1, 1), (200, 11), (40, 7)):
        found[f"{samples} samples, {classes} classes"] = code.confusion_matrix(*pairs(given, samples, classes), classes)
    return only(found, "shape", "values")


@checks("confusion_matrix")
def test_confusion_matrix_of_nothing(code, given):
    """Without samples it is an int64 matrix of zeros."""
    nothing = torch.zeros(0, dtype=torch.int64, device=given.device)
    found = {f"{classes} classes": code.confusion_matrix(nothing, nothing.clone(), classes) for classes in (1, 3, 6)}
    return only(found, "shape", "dtype", "values")


@checks("confusion_matrix")
def test_confusion_matrix_keeps_true_and_predicted_apart(code, given):
    """Rows are true classes and columns are predicted ones, whichever have the higher numbers."""
    low, high = given.integers(15, high=2), given.integers(15, low=2, high=5)
    found = {"predicted too high": code.confusion_matrix(high, low, 5), "too low": code.confusion_matrix(low, high, 5)}
    return only(found, "values")


@checks("confusion_matrix")
def test_confusion_matrix_with_missing_classes(code, given):
    """Classes may be missing at the end, at the beginning, among the labels only or among the predictions only."""
    some, few = given.integers(20, high=5), given.integers(20, low=2, high=4)
    constant = torch.full((20,), 3, device=given.device)
    found = {
        "predictions without 0, 1, 4": code.confusion_matrix(few, some, 5),
        "labels without 0, 1, 4": code.confusion_matrix(some, few, 5),
        "always predicted as 3": code.confusion_matrix(constant, some, 6),
        "always 3": code.confusion_matrix(constant, constant.clone(), 9),
    }
    return only(found, "shape", "values")


@checks("confusion_matrix")
def test_confusion_matrix_of_many_samples(code, given):
    """Counts can be large: a pair may occur thousands of times."""
    preds, labels = pairs(given, 2000, 2)
    same = torch.full((3001,), 1, device=given.device)
    found = {
        "two classes": code.confusion_matrix(preds, labels, 2),
        "one pair": code.confusion_matrix(same, same.clone(), 3),
    }
    return only(found, "values")


@checks("confusion_matrix")
def test_confusion_matrix_is_int64(code, given):
    """The matrix is a plain int64 tensor on the inputs' device, even without samples or with a single class."""
    found = {
        f"{n} samples, {c} classes": code.confusion_matrix(*pairs(given, n, c), c) for n, c in ((30, 4), (5, 1), (0, 3))
    }
    return only(found, "type", "dtype", "device", "layout", "requires_grad")


@checks("confusion_matrix", device="second")
def test_confusion_matrix_on_another_device(code, given):
    """It works on whatever device its inputs are on, and the result is there, too."""
    preds, labels = (tensor.to(given.second_device) for tensor in pairs(given, 12, 3))
    return {"M": only(code.confusion_matrix(preds, labels, 3), "device", "values")}


@checks("confusion_matrix")
def test_confusion_matrix_of_any_order_in_memory(code, given):
    """Predictions and labels may be stored with gaps, be columns of a table, or be the same tensor."""
    preds, labels = pairs(given, 25, 4)
    table = given.integers(25, 2, high=4, name="table")
    found = {
        "with gaps": code.confusion_matrix(given.non_contiguous(preds), given.non_contiguous(labels), 4),
        "columns of a table": code.confusion_matrix(table[:, 0], table[:, 1], 4),
        "the same tensor twice": code.confusion_matrix(labels, labels, 4),
    }
    return only(found, "shape", "values")


@checks("macro_f1", gate=True)
def test_macro_f1_of_unbalanced_classes(code, given):
    """It is right for classes of very different sizes, for one or two classes, and with nothing on the diagonal."""
    found = {}
    for name, classes in (("two classes", 2), ("three classes", 3), ("seven classes", 7)):
        sizes = 10 ** torch.arange(classes, device=given.device).clamp(max=3)
        M = given.integers(classes, classes, low=1, high=30) * sizes[:, None]
        found[name] = code.macro_f1(given.watch(M, f"M, {name}"))
    M = given.integers(4, 4, low=1, high=30)
    M.fill_diagonal_(0)
    found["nothing is right"] = code.macro_f1(given.watch(M, "M without a diagonal"))
    found["everything is right"] = code.macro_f1(given.integers(4, low=1, high=30).diag())
    found["one class"] = code.macro_f1(given.integers(1, 1, low=1, high=30))
    return only(found, "values")


@checks("macro_f1")
def test_macro_f1_in_float64(code, given):
    """Everything is computed in float64, whether the counts are int64 or float64."""
    found = {}
    for number in range(6):
        whole = given.integers(5, 5, low=1, high=10 ** (2 + number))
        found[f"int64, matrix {number + 1}"] = code.macro_f1(whole)
        found[f"float64, matrix {number + 1}"] = code.macro_f1(given.integers(3, 3, low=1, high=999, dtype=torch.float64))
    found["a single sample"] = code.macro_f1(given.full(1, 1, value=1, dtype=torch.int64))
    return {name: only(close(value, rtol=1e-9), "values") for name, value in found.items()}


@checks("macro_f1")
def test_macro_f1_of_empty_classes(code, given):
    """A class that is never true, never predicted, or neither, counts as 0 in the mean over all classes."""
    found = {}
    for dtype in (torch.int64, torch.float64):
        for name, empty in (("never true", "row"), ("never predicted", "column"), ("neither", "row and column")):
            M = given.integers(4, 4, low=1, high=50, dtype=dtype)
            k = given.integer(0, 4)
            if "row" in empty:
                M[k, :] = 0
            if "column" in empty:
                M[:, k] = 0
            found[f"{name}, {dtype}"] = code.macro_f1(given.watch(M, f"M, {name}, {dtype}"))
    single = torch.zeros(3, 3, dtype=torch.int64, device=given.device)
    single[1, 1] = given.integer(1, 9)
    found["one class of three"] = code.macro_f1(given.watch(single, "M with one entry"))
    crossed = torch.zeros(3, 3, dtype=torch.int64, device=given.device)
    crossed[0, 2] = given.integer(1, 9)
    found["one entry beside the diagonal"] = code.macro_f1(given.watch(crossed, "M with one wrong entry"))
    return only(found, "values")


@checks("macro_f1")
def test_macro_f1_of_zeros(code, given):
    """A matrix of zeros gives 0, whatever its size and dtype."""
    found = {}
    for classes in (1, 2, 5):
        for dtype in (torch.int64, torch.float64):
            M = given.full(classes, classes, value=0, dtype=dtype)
            found[f"{classes} classes, {dtype}"] = only(code.macro_f1(M), "values")
    return found


@checks("macro_f1")
def test_macro_f1_is_always_a_float(code, given):
    """The result is a Python float for every dtype, for one class, and for a matrix of zeros."""
    cases = {
        "float64": given.integers(3, 3, low=1, high=50, dtype=torch.float64),
        "one class": given.integers(1, 1, low=1, high=50),
        "zeros": given.full(3, 3, value=0, dtype=torch.int64),
        "everything is right": given.integers(3, low=1, high=50).diag(),
    }
    return {f"{name}: it is a float": isinstance(code.macro_f1(M), float) for name, M in cases.items()}


@checks("macro_f1")
def test_macro_f1_of_any_order_in_memory(code, given):
    """The matrix may be stored by columns, or be part of a larger one."""
    M = given.integers(4, 4, low=1, high=50, name="M")
    large = given.integers(6, 6, low=1, high=50, name="larger matrix")
    return only({"by columns": code.macro_f1(given.transposed(M)), "a part": code.macro_f1(large[1:4, 2:5])}, "values")
