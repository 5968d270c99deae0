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
    for samples, classes in ((12, 4), (7, 3), (211, 5)):
        logits, labels = classified(given, samples, classes, given.integer(2, samples - 1))
        found[f"{samples} samples, {classes} classes"] = only(code.accuracy(logits, labels), "values")
    return found


@checks("accuracy")
def test_accuracy_is_a_float(code, given):
    """The result is a Python float."""
    logits, labels = classified(given, 6, 3, 4)
    return {"it is a float": isinstance(code.accuracy(logits, labels), float)}


@checks("accuracy")
def test_accuracy_refuses_a_column(code, given):
    """Labels of shape (N, 1) are refused with a ValueError."""
    logits, labels = classified(given, 6, 3, 4)
    return {"labels of shape (6, 1)": raises(lambda: code.accuracy(logits, labels[:, None]))}


@checks("accuracy")
def test_accuracy_of_nothing(code, given):
    """Logits without a sample are refused with a ValueError."""
    logits, labels = given.normal(0, 3, name="logits"), given.integers(0, name="labels")
    return {"N = 0": raises(lambda: code.accuracy(logits, labels))}


@checks("confusion_matrix", gate=True)
def test_confusion_matrix_values(code, given):
    """Every pair is counted as often as it occurs."""
    preds, labels = pairs(given, 60, 5)
    return only({"M": code.confusion_matrix(preds, labels, 5)}, "shape", "values")


@checks("confusion_matrix")
def test_confusion_matrix_orientation(code, given):
    """A single sample of class 0 that is predicted as 2 is counted in row 0, column 2."""
    preds, labels = given.tensor([2], name="preds"), given.tensor([0], name="labels")
    return only({"M": code.confusion_matrix(preds, labels, 3)}, "shape", "values")


@checks("confusion_matrix")
def test_confusion_matrix_with_rare_classes(code, given):
    """Classes that never occur have rows and columns, too."""
    preds, labels = pairs(given, 20, 3)
    return only({"M": code.confusion_matrix(preds, labels, 6)}, "shape", "values")


@checks("confusion_matrix")
def test_confusion_matrix_dtype(code, given):
    """The matrix is an int64 tensor."""
    preds, labels = pairs(given, 20, 3)
    return only({"M": code.confusion_matrix(preds, labels, 3)}, "type", "dtype")


@checks("macro_f1", gate=True)
def test_macro_f1_values(code, given):
    """The mean over the classes is right."""
    found = {}
    for classes in (3, 5):
        M = given.integers(classes, classes, low=1, high=50, name=f"M with {classes} classes")
        found[f"{classes} classes"] = only(code.macro_f1(M), "values")
    return found


@checks("macro_f1")
def test_macro_f1_is_a_float(code, given):
    """The result is a Python float."""
    M = given.integers(3, 3, low=1, high=50, name="M")
    return {"it is a float": isinstance(code.macro_f1(M), float)}


@checks("macro_f1")
def test_macro_f1_with_a_class_that_never_occurs(code, given):
    """A class that was never true and never predicted counts as 0."""
    M = given.integers(4, 4, low=1, high=50)
    M[2, :] = M[:, 2] = 0
    given.watch(M, "M")
    return {"macro_f1(M)": only(code.macro_f1(M), "values")}


@checks("macro_f1")
def test_macro_f1_of_floating_counts(code, given):
    """Counts may be float64, too."""
    M = given.integers(4, 4, low=1, high=50, dtype=torch.float64, name="M")
    return {"macro_f1(M)": only(code.macro_f1(M), "values")}
