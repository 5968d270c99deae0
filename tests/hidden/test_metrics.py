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


def floating(result):
    """A Python float with its value; a float64 of NumPy's is one, too."""
    return only(float(result) if isinstance(result, float) else result, "type", "values")


@checks("accuracy", gate=True, weight=2)
def test_accuracy_of_any_logits(code, given):
    """It is right for any number of samples and classes, for large, small or close logits, and for every dtype."""
    many = given.integer(250, 350)
    cases = {
        "as many samples as classes": (5, 5, given.integer(1, 5)),
        "fewer samples than classes": (3, 8, 2),
        "two classes": (9, 2, given.integer(1, 9)),
        f"{many} samples": (many, 4, given.integer(130, 200)),
        "all right": (6, 3, 6),
        "none right": (6, 3, 0),
        "one sample, right": (1, 4, 1),
        "one sample, wrong": (1, 4, 0),
        "one class": (4, 1, 4),
        "more than 256 right": (700, 4, given.integer(300, 600)),
    }
    found = {name: code.accuracy(*classified(given, *case)) for name, case in cases.items()}
    for dtype in INTEGERS:
        logits, labels = classified(given, 37, 5, given.integer(10, 30))
        found[str(dtype)] = code.accuracy(logits, given.tensor(labels, dtype=dtype))
    for dtype in (torch.float64, torch.float16):
        logits, labels = classified(given, 7, 5, given.integer(2, 6), dtype=dtype)
        found[str(dtype)] = code.accuracy(logits, labels)
    logits, labels = classified(given, 7, 5, 4, requires_grad=True)
    found["requires grad"] = code.accuracy(logits, labels)
    logits, labels = classified(given, 7, 5, 4)
    found["no leaf"] = code.accuracy(given.non_leaf(logits), labels)
    logits, labels = classified(given, 7, 5, 4)
    found["transposed"] = code.accuracy(given.transposed(logits), given.non_contiguous(labels))
    for name, shift in (("all negative", -50), ("very negative", -500), ("all positive", 50), ("very positive", 500)):
        logits, labels = classified(given, 7, 5, given.integer(2, 6))
        found[name] = code.accuracy(given.watch(logits + shift, f"logits, {name}"), labels)
    logits, labels = classified(given, 7, 5, 4)
    lowest = logits.argmin(dim=1, keepdim=True)
    found["with -inf"] = code.accuracy(given.watch(logits.scatter(1, lowest, float("-inf")), "logits with -inf"), labels)
    logits = given.full(6, 300, value=0.0)
    logits[:, 256:] = given.uniform(6, 44, low=1.0, high=2.0)
    labels = (logits.argmax(dim=1) - 256 * given.tensor([0, 1, 1, 0, 1, 1]).to(logits.device)).to(torch.int16)
    found["more than 256 classes"] = code.accuracy(given.watch(logits, "wide logits"), labels)
    few = given.tensor(labels.remainder(256), dtype=torch.uint8, name="uint8 labels")
    found["more than 256 classes, uint8"] = code.accuracy(logits, few)
    order = torch.stack([given.permutation(4, dtype=torch.float64) for _ in range(97)])
    logits, best = given.tensor(3 + order * 1e-10, dtype=torch.float64, name="close logits"), order.argmax(dim=1)
    labels = given.tensor(torch.where(given.permutation(97) < given.integer(40, 60), best, (best + 1) % 4), name="labels")
    found["close logits"] = code.accuracy(logits, labels)
    return {name: floating(result) for name, result in found.items()}


@checks("accuracy")
def test_accuracy_refuses_other_shapes(code, given):
    """Labels of any other shape are refused with a ValueError, even if they could be broadcast; so are N = 0 samples."""
    logits, labels = classified(given, given.integer(5, 40), 3, 4)
    share = code.accuracy(logits, labels)
    cases = {
        "logits (6, 3), labels (1,)": ((6, 3), (1,)),
        "logits (6, 3), labels (5,)": ((6, 3), (5,)),
        "logits (6, 3), labels (7,)": ((6, 3), (7,)),
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
    drawn["no logits, labels (4,)"] = (given.normal(0, 3), given.integers(4, high=3))
    drawn["no logits, one class"] = (given.normal(0, 1), given.integers(0))
    drawn["no logits, int32 labels"] = (given.normal(0, 5), given.integers(0, dtype=torch.int32))
    drawn["no logits, labels (0, 1)"] = (given.normal(0, 3), given.integers(0, 1))
    refused = {name: raises(lambda pair=pair: code.accuracy(*pair)) for name, pair in drawn.items()}
    return {"labels that fit": only(share, "values"), **refused}


def pairs(given, samples, classes):
    """Drawn predictions and labels."""
    return given.integers(samples, high=classes), given.integers(samples, high=classes)


@checks("confusion_matrix", gate=True)
def test_confusion_matrix_of_any_size(code, given):
    """It is right for one, two or many classes, for a single sample or thousands, and however the inputs are stored."""
    found = {}
    some = given.integer(20, 60)
    for samples, classes in ((9, 1), (some, 2), (1, 3), (1, 1), (200, 11), (40, 7), (2000, 2)):
        found[f"{samples} samples, {classes} classes"] = code.confusion_matrix(*pairs(given, samples, classes), classes)
    same = torch.full((33_001,), 1, device=given.device)
    found["one pair"] = code.confusion_matrix(same, same.clone(), 3)
    found["last of 200 classes"] = code.confusion_matrix(*[one + 190 for one in pairs(given, 60, 10)], 200)[190:]
    preds, labels = pairs(given, 25, 4)
    table = given.integers(25, 2, high=4, name="table")
    found["with gaps"] = code.confusion_matrix(given.non_contiguous(preds), given.non_contiguous(labels), 4)
    found["columns of a table"] = code.confusion_matrix(table[:, 0], table[:, 1], 4)
    found["the same tensor twice"] = code.confusion_matrix(labels, labels, 4)
    return only(found, "shape", "values")


@checks("confusion_matrix", device="second")
def test_confusion_matrix_edge_cases(code, given):
    """All rows and columns are there, even without samples; the matrix is an int64 tensor on its inputs' device."""
    nothing = torch.zeros(0, dtype=torch.int64, device=given.device)
    found = {f"none of {classes} classes": code.confusion_matrix(nothing, nothing.clone(), classes) for classes in (1, 3, 6)}
    some, few = given.integers(20, high=5), given.integers(20, low=2, high=4)
    constant = torch.full((20,), 3, device=given.device)
    found["predictions without 0, 1, 4"] = code.confusion_matrix(few, some, 5)
    found["labels without 0, 1, 4"] = code.confusion_matrix(some, few, 5)
    found["always predicted as 3"] = code.confusion_matrix(constant, some, 6)
    found["always 3"] = code.confusion_matrix(constant, constant.clone(), given.integer(7, 10))
    low, high = given.integers(15, high=2), given.integers(15, low=2, high=5)
    found["predicted too high"] = code.confusion_matrix(high, low, 5)
    found["predicted too low"] = code.confusion_matrix(low, high, 5)
    moved = [tensor.to(given.second_device) for tensor in pairs(given, 12, 3)]
    found["on another device"] = code.confusion_matrix(*moved, 3)
    return only(found, "type", "shape", "dtype", "device", "layout", "requires_grad", "values")


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
    M = given.integers(4, 4, low=1, high=50, name="M")
    large = given.integers(6, 6, low=1, high=50, name="larger matrix")
    found["stored by columns"] = code.macro_f1(given.transposed(M))
    found["a part of a larger matrix"] = code.macro_f1(large[1:4, 2:5])
    return only(found, "values")


@checks("macro_f1")
def test_macro_f1_in_float64(code, given):
    """Everything is computed in float64 and returned as a float, with every empty class counted as 0."""
    found = {}
    for number in range(6):
        whole = given.integers(5, 5, low=1, high=10 ** (2 + number))
        found[f"int64, matrix {number + 1}"] = code.macro_f1(whole)
        found[f"float64, matrix {number + 1}"] = code.macro_f1(given.integers(3, 3, low=1, high=999, dtype=torch.float64))
    found["a single sample"] = code.macro_f1(given.full(1, 1, value=1, dtype=torch.int64))
    for dtype in (torch.int64, torch.float64):
        for name, empty in (("never true", "row"), ("never predicted", "column"), ("neither", "row and column")):
            M = given.integers(4, 4, low=1, high=50, dtype=dtype)
            k = given.integer(0, 4)
            if "row" in empty:
                M[k, :] = 0
            if "column" in empty:
                M[:, k] = 0
            found[f"{name}, {dtype}"] = code.macro_f1(given.watch(M, f"M, {name}, {dtype}"))
        for classes in (1, 2, 5):
            found[f"zeros, {classes} classes, {dtype}"] = code.macro_f1(given.full(classes, classes, value=0, dtype=dtype))
    single = torch.zeros(3, 3, dtype=torch.int64, device=given.device)
    single[1, 1] = given.integer(1, 9)
    found["one class of three"] = code.macro_f1(given.watch(single, "M with one entry"))
    crossed = torch.zeros(3, 3, dtype=torch.int64, device=given.device)
    crossed[0, 2] = given.integer(1, 9)
    found["one entry beside the diagonal"] = code.macro_f1(given.watch(crossed, "M with one wrong entry"))
    return {name: close(floating(value), rtol=1e-9) for name, value in found.items()}
