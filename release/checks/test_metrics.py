"""Checks of topic `metrics` that students can run themselves."""

import torch

from autograder import checks, only, raises, secret


def classified(given, samples, classes, right):
    """Drawn logits, and labels of which `right` agree with the largest logit of their row."""
    logits = given.normal(samples, classes, name="logits")
    best = logits.detach().argmax(dim=1)
    wrong = (best + given.integers(samples, low=1, high=classes)) % classes
    places = given.permutation(samples)
    return logits, given.tensor(torch.where(places < right, best, wrong), name="labels")


def pairs(given, samples, classes):
    """Drawn predictions and labels."""
    preds = given.integers(samples, high=classes, name="preds")
    return preds, given.integers(samples, high=classes, name="labels")


def floating(result):
    """A Python float with its value; a float64 of NumPy's is one, too."""
    return only(float(result) if isinstance(result, float) else result, "type", "values")


@checks("predicted_share", gate=True, draws=1)
def test_predicted_share(code, given):
    """The prediction is the share that PyTorch computes."""
    return {"predicted_share": secret(round(float(code.predicted_share), 4))}


@checks("predicted_count", gate=True, draws=1)
def test_predicted_count(code, given):
    """The prediction is what counts[2] holds at the end."""
    return {"predicted_count": secret(round(float(code.predicted_count), 4))}


@checks("accuracy", gate=True)
def test_accuracy_values(code, given):
    """The share of correctly classified samples is right."""
    found = {}
    for samples, classes in ((given.integer(9, 15), 4), (7, 3), (given.integer(150, 250), 5)):
        logits, labels = classified(given, samples, classes, given.integer(2, samples - 1))
        found[f"{samples} samples, {classes} classes"] = only(code.accuracy(logits, labels), "values")
    return found


@checks("accuracy")
def test_accuracy_is_a_float(code, given):
    """The result is a Python float."""
    logits, labels = classified(given, given.integer(5, 30), 3, given.integer(1, 5))
    return {"accuracy": floating(code.accuracy(logits, labels))}


@checks("accuracy")
def test_accuracy_refuses_a_column(code, given):
    """Labels of shape (N, 1), and logits without a sample, are refused with a ValueError."""
    count = given.integer(6, 20)
    logits, labels = classified(given, count, 3, given.integer(1, count))
    nothing, none = given.normal(0, 3, name="logits without a sample"), given.integers(0, name="no labels")
    return {
        "labels of shape (N,)": only(code.accuracy(logits, labels), "values"),
        "labels of shape (N, 1)": raises(lambda: code.accuracy(logits, labels[:, None])),
        "N = 0": raises(lambda: code.accuracy(nothing, none)),
    }


@checks("confusion_matrix", gate=True)
def test_confusion_matrix_values(code, given):
    """Every pair is counted as often as it occurs."""
    classes = given.integer(3, 7)
    preds, labels = pairs(given, 60, classes)
    return only({"M": code.confusion_matrix(preds, labels, classes)}, "shape", "values")


@checks("confusion_matrix")
def test_confusion_matrix_orientation(code, given):
    """A single sample is counted in the row of its true class and the column of the predicted one."""
    true, predicted = given.permutation(5).tolist()[:2]
    preds, labels = given.tensor([predicted], name="preds"), given.tensor([true], name="labels")
    return {f"M, class {true} predicted as {predicted}": only(code.confusion_matrix(preds, labels, 5), "shape", "values")}


@checks("confusion_matrix")
def test_confusion_matrix_with_rare_classes(code, given):
    """Classes that never occur have rows and columns, too, and the matrix is an int64 tensor."""
    preds, labels = pairs(given, 20, 3)
    return only({"M": code.confusion_matrix(preds, labels, given.integer(5, 9))}, "type", "dtype", "shape", "values")


@checks("macro_f1", gate=True)
def test_macro_f1_values(code, given):
    """The mean over the classes is right."""
    found = {}
    for classes in (3, given.integer(4, 8)):
        M = given.integers(classes, classes, low=1, high=50, name=f"M with {classes} classes")
        found[f"{classes} classes"] = only(code.macro_f1(M), "values")
    return found


@checks("macro_f1")
def test_macro_f1_is_a_float(code, given):
    """The result is a Python float, for counts in int64 and in float64."""
    whole = given.integers(3, 3, low=1, high=50, name="M")
    floats = given.integers(4, 4, low=1, high=50, dtype=torch.float64, name="M in float64")
    return {"int64": floating(code.macro_f1(whole)), "float64": floating(code.macro_f1(floats))}


@checks("macro_f1")
def test_macro_f1_with_a_class_that_never_occurs(code, given):
    """A class that was never true and never predicted counts as 0."""
    M, never = given.integers(4, 4, low=1, high=50), given.integer(0, 4)
    M[never, :] = M[:, never] = 0
    given.watch(M, "M")
    return {"macro_f1(M)": only(code.macro_f1(M), "values")}
