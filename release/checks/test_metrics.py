"""Checks of topic `metrics` that students can run themselves."""

import torch

from autograder import checks, close, only, raises, secret


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
def test_accuracy_dtypes(code, given):
    """The logits may be of any floating dtype, with large or close entries, and require grad; labels of any integer one."""
    found = {}
    for dtype in (torch.int32, torch.uint8):
        logits, labels = classified(given, 37, 4, given.integer(10, 30))
        found[f"{dtype} labels"] = code.accuracy(logits, given.tensor(labels, dtype=dtype))
    logits, labels = classified(given, 7, 5, given.integer(2, 6))
    found["logits that require grad"] = code.accuracy(given.tensor(logits, requires_grad=True), labels)
    order = torch.stack([given.permutation(4) for _ in range(97)])
    best = order.argmax(dim=1)
    labels = given.tensor(torch.where(given.permutation(97) < given.integer(40, 60), best, (best + 1) % 4), name="labels")
    for name, logits in (
        ("float16", order.to(torch.float16)),
        ("close logits in float64", 3 + order.double() * 1e-10),
        ("large logits", 200.0 + order),
    ):
        found[name] = code.accuracy(given.watch(logits, f"logits, {name}"), labels)
    return {name: floating(result) for name, result in found.items()}


@checks("accuracy")
def test_accuracy_refuses_a_column(code, given):
    """Labels of another shape than (N,), and logits without a sample, are refused with a ValueError."""
    count = given.integer(6, 20)
    logits, labels = classified(given, count, 3, given.integer(1, count))
    nothing, none = given.normal(0, 3, name="logits without a sample"), given.integers(0, name="no labels")
    return {
        "labels of shape (N,)": only(code.accuracy(logits, labels), "values"),
        "labels of shape (N, 1)": raises(lambda: code.accuracy(logits, labels[:, None])),
        "labels of shape (N - 1,)": raises(lambda: code.accuracy(logits, labels[1:])),
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


@checks("confusion_matrix", device="second")
def test_confusion_matrix_without_samples(code, given):
    """Without samples, the matrix is as large; it is on the device of its inputs."""
    nothing, classes = torch.zeros(0, dtype=torch.int64, device=given.device), given.integer(2, 6)
    moved = [tensor.to(given.second_device) for tensor in pairs(given, 12, 3)]
    found = {"no samples": code.confusion_matrix(nothing, nothing.clone(), classes)}
    found["on a GPU"] = code.confusion_matrix(*moved, 3)
    return only(found, "type", "shape", "dtype", "device", "values")


@checks("confusion_matrix")
def test_confusion_matrix_of_many(code, given):
    """A pair may occur hundreds of times, and preds and labels stay as they are."""
    count = given.integer(300, 900) * 2 + 1
    preds, labels = torch.full((count,), 1, device=given.device), torch.full((count,), 2, device=given.device)
    matrix = code.confusion_matrix(given.watch(preds, "preds"), given.watch(labels, "labels"), 3)
    return only({"M": matrix, "preds": preds.clone(), "labels": labels.clone()}, "values")


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


@checks("macro_f1")
def test_macro_f1_precision(code, given):
    """Everything is computed in float64, for small and for large counts, and M stays as it is."""
    found, kept = {}, {}
    for number in range(4):
        M = given.integers(5, 5, low=1, high=10 ** (2 + number))
        found[f"matrix {number + 1}"] = floating(code.macro_f1(given.watch(M, f"matrix {number + 1}")))
        kept[f"matrix {number + 1} afterwards"] = only(M.clone(), "values")
    single = given.tensor(torch.eye(3, dtype=torch.int64) * given.integer(1, 4), name="a diagonal")
    found["only a few samples, all right"] = floating(code.macro_f1(single))
    return {**{name: close(value, rtol=1e-9) for name, value in found.items()}, **kept}


@checks("macro_f1", draws=1)
def test_macro_f1_of_zeros(code, given):
    """Classes count as 0 where the denominator is 0, even if that is true of all of them."""
    classes = given.integer(3, 10)
    M = given.full(classes, classes, value=0, dtype=torch.int64)
    M[1, 1] = given.integer(1, 9)
    found = {f"one class of {classes}": code.macro_f1(given.watch(M, "M"))}
    found["no samples"] = code.macro_f1(given.full(3, 3, value=0, dtype=given.choice((torch.int64, torch.float64))))
    return {name: floating(value) for name, value in found.items()}
