"""Checks for topic `losses` that students can run themselves."""

import torch
import torch.nn.functional as F

from autograder import checks, only, raises, secret

CROSS_ENTROPIES = (F.cross_entropy, F.nll_loss)
BINARY_CROSS_ENTROPIES = (
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    torch.binary_cross_entropy_with_logits,
    F.logsigmoid,
    F.softplus,
)


def cross_entropy(code, given, *arguments):
    with given.unavailable(*CROSS_ENTROPIES):
        return code.cross_entropy(*arguments)


def bce_with_logits(code, given, *arguments):
    with given.unavailable(*BINARY_CROSS_ENTROPIES):
        return code.bce_with_logits(*arguments)


def gradient(loss, x):
    """The gradient of the loss with respect to x; None if none arrives."""
    if not loss.requires_grad:
        return None
    return torch.autograd.grad(loss.sum(), x, allow_unused=True)[0]


def extreme_logits(given, dtype):
    """Logits around 1000 and -1000, and labels whose logit is sometimes large and sometimes small."""
    signs = given.bools(6, 5, name="signs").to(dtype) * 2 - 1
    signs[:, 0], signs[:, 1] = 1, -1
    noise = given.normal(6, 5, dtype=dtype, name="noise")
    labels = given.tensor([0, 1, 1, 0, 1, 3], name="labels")
    return (signs * 1000 + noise).detach(), labels


def two_numbers(pair):
    first, second = pair
    return {"the lower limit": secret(round(float(first), 2)), "the upper limit": secret(round(float(second), 2))}


@checks("predicted_limits", gate=True, draws=1)
def test_predicted_limits(code, given):
    """The two predicted numbers are the limits of a sigmoid of a sigmoid."""
    return two_numbers(code.predicted_limits)


@checks("predicted_loss", gate=True, draws=1)
def test_predicted_loss(code, given):
    """The predicted number is the mean of the squared differences."""
    return {"predicted_loss": secret(round(float(code.predicted_loss), 2))}


@checks("cross_entropy", gate=True)
def test_cross_entropy_values(code, given):
    """The mean cross-entropy is right, for few classes and for many, in float32 and in float64."""
    results = {
        "7 samples, 10 classes": cross_entropy(code, given, given.normal(7, 10, std=2), given.integers(7, high=10)),
        "5 samples, 2 classes": cross_entropy(
            code, given, given.normal(5, 2, std=2, dtype=torch.float64), given.integers(5, high=2)
        ),
    }
    return only(results, "values")


@checks("cross_entropy")
def test_cross_entropy_gradient(code, given):
    """The gradient of the mean with respect to the logits is right."""
    logits = given.normal(6, 4, std=2, dtype=torch.float64, requires_grad=True, name="logits")
    loss = cross_entropy(code, given, logits, given.integers(6, high=4, name="labels"))
    return only({"gradient of logits": gradient(loss, logits)}, "shape", "values")


@checks("cross_entropy")
def test_cross_entropy_reductions(code, given):
    """ "sum" gives the sum, and "none" the loss of each sample."""
    logits, labels = given.normal(6, 4, std=2, name="logits"), given.integers(6, high=4, name="labels")
    results = {name: cross_entropy(code, given, logits, labels, name) for name in ("sum", "none")}
    return only(results, "shape", "values")


@checks("cross_entropy")
def test_cross_entropy_of_large_logits(code, given):
    """Logits of 1000 and -1000 give the right, finite losses."""
    logits, labels = extreme_logits(given, torch.float32)
    given.watch(logits, "logits")
    results = {name: cross_entropy(code, given, logits, labels, name) for name in ("mean", "none")}
    return only(results, "values")


@checks("cross_entropy")
def test_cross_entropy_refuses_another_reduction(code, given):
    """The reduction "avg" raises a ValueError."""
    logits, labels = given.normal(6, 4, name="logits"), given.integers(6, high=4, name="labels")
    return {'reduction "avg"': raises(lambda: cross_entropy(code, given, logits, labels, "avg"))}


@checks("bce_with_logits", gate=True)
def test_bce_with_logits_values(code, given):
    """The mean is right for targets of 0 and 1."""
    logits, targets = given.normal(8, std=2, name="logits"), given.integers(8, high=2, dtype=torch.float32, name="targets")
    return {"loss": only(bce_with_logits(code, given, logits, targets), "values")}


@checks("bce_with_logits")
def test_bce_with_logits_gradient(code, given):
    """The gradient with respect to the logits is right."""
    logits = given.normal(8, std=2, dtype=torch.float64, requires_grad=True, name="logits")
    loss = bce_with_logits(code, given, logits, given.uniform(8, dtype=torch.float64, name="targets"))
    return only({"gradient of logits": gradient(loss, logits)}, "shape", "values")


@checks("bce_with_logits")
def test_bce_with_logits_of_large_logits(code, given):
    """Logits of 200 and -200 give the right losses, whether the model is right or wrong."""
    results = {}
    for size, target in ((200.0, 0.0), (-200.0, 1.0), (200.0, 1.0), (-200.0, 0.0)):
        logits, targets = given.full(3, value=size), given.full(3, value=target)
        results[f"logits {size:g}, targets {target:g}"] = bce_with_logits(code, given, logits, targets)
    return only(results, "values")


@checks("bce_with_logits")
def test_bce_with_logits_refuses_other_shapes(code, given):
    """Logits of shape (N, 1) with targets of shape (N,) raise a ValueError."""
    logits, targets = given.normal(5, 1, name="logits"), given.uniform(5, name="targets")
    return {"shapes (5, 1) and (5,)": raises(lambda: bce_with_logits(code, given, logits, targets))}


@checks("masked_mse", gate=True)
def test_masked_mse_values(code, given):
    """The mean is taken over the entries where mask is True."""
    pred, target = given.normal(6, name="pred"), given.normal(6, name="target")
    mask = given.tensor([True, False, True, True, False, True], name="mask")
    rows, others, places = given.normal(4, 5), given.normal(4, 5), given.bools(4, 5)
    places[0], places[1, 2], places[2] = True, False, False
    given.watch(places, "mask of shape (4, 5)")
    results = {"shape (6,)": code.masked_mse(pred, target, mask), "shape (4, 5)": code.masked_mse(rows, others, places)}
    return only(results, "values")


@checks("masked_mse")
def test_masked_mse_gradient(code, given):
    """The gradient of pred is right where mask is True."""
    pred = given.normal(4, 5, dtype=torch.float64, requires_grad=True, name="pred")
    target, mask = given.normal(4, 5, dtype=torch.float64, name="target"), given.bools(4, 5, name="mask")
    mask[0, 0], mask[1, 1], mask[2, 2] = True, True, False
    given.watch(mask, "mask")
    slope = gradient(code.masked_mse(pred, target, mask), pred)
    return only({"gradient of pred where mask is True": None if slope is None else slope[mask]}, "values")


@checks("masked_mse")
def test_masked_mse_of_nan(code, given):
    """A nan in pred or target where mask is False has no effect on the value."""
    results = {}
    for name, damaged in (("pred", (True, False)), ("target", (False, True)), ("both", (True, True))):
        tensors = [given.normal(6, name=f"{part}, {name}") for part in ("pred", "target")]
        for tensor, damage in zip(tensors, damaged, strict=True):
            if damage:
                tensor[2] = torch.nan
                given.watch(tensor, f"{name}, with nan")
        mask = given.tensor([True, True, False, True, True, True])
        results[f"nan in {name}"] = code.masked_mse(*tensors, mask)
    return only(results, "values")


@checks("masked_mse")
def test_masked_mse_of_nothing(code, given):
    """A mask without any True raises a ValueError."""
    pred, target, mask = given.normal(5), given.normal(5), given.full(5, value=False, dtype=torch.bool)
    return {"no True entry": raises(lambda: code.masked_mse(pred, target, mask))}


@checks("masked_mse")
def test_masked_mse_refuses_other_shapes(code, given):
    """A pred of shape (N, 1) with a target of shape (N,) raises a ValueError."""
    pred, target, mask = given.normal(5, 1), given.normal(5), given.full(5, value=True, dtype=torch.bool)
    return {"shapes (5, 1) and (5,)": raises(lambda: code.masked_mse(pred, target, mask))}
