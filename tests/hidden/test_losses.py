"""Checks for topic `losses` that only grading runs: edge cases of the specification."""

import torch
import torch.nn.functional as F

from autograder import checks, close, only, raises

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


def extreme_logits(given, size):
    """Logits around +size and -size, and labels whose logit is sometimes large and sometimes small."""
    signs = given.bools(6, 5, name="signs").double() * 2 - 1
    signs[:, 0], signs[:, 1] = 1, -1
    noise = given.normal(6, 5, dtype=torch.float64, name="noise")
    return (signs * size + noise).detach(), given.tensor([0, 1, 1, 0, 1, 3], name="labels")


def away_from_zero(given, *shape, dtype=torch.float64):
    """Logits of both signs, none of them near 0."""
    signs = given.bools(*shape).to(dtype) * 2 - 1
    return (given.uniform(*shape, low=0.1, high=4, dtype=dtype) * signs).detach()


@checks("cross_entropy", gate=True)
def test_cross_entropy_of_edge_cases(code, given):
    """The mean is right for a single sample, a single class, as many samples as classes, and repeated labels."""
    cases = {
        "one sample": (given.normal(1, 4), given.integers(1, high=4)),
        "one sample, one class": (given.normal(1, 1), given.tensor([0])),
        "one class": (given.normal(5, 1), given.tensor([0, 0, 0, 0, 0])),
        "as many samples as classes": (given.normal(4, 4, std=2), given.integers(4, high=4)),
        "one label for all": (given.normal(5, 3, std=2), given.tensor([2, 2, 2, 2, 2])),
        "first and last class": (given.normal(4, 3, std=2), given.tensor([0, 2, 2, 0])),
        "more samples than classes": (given.normal(20, 3, std=2), given.integers(20, high=3)),
        "one logit for all": (given.full(3, 4, value=7.0), given.integers(3, high=4)),
    }
    return only({name: cross_entropy(code, given, *case) for name, case in cases.items()}, "shape", "values")


@checks("cross_entropy")
def test_cross_entropy_of_any_layout(code, given):
    """Logits and labels may have any memory layout, and logits may be the result of an operation."""
    labels = given.integers(5, high=4)
    cases = {
        "transposed logits": (given.transposed(given.normal(5, 4)), labels),
        "logits with gaps": (given.non_contiguous(given.normal(5, 4)), labels),
        "labels with gaps": (given.normal(5, 4), given.non_contiguous(given.integers(5, high=4))),
        "a slice of more labels": (given.normal(5, 4), given.sliced(given.integers(5, high=4))),
        "logits with a graph": (given.non_leaf(given.normal(5, 4)), labels),
    }
    return only({name: cross_entropy(code, given, *case, "none") for name, case in cases.items()}, "values")


@checks("cross_entropy")
def test_cross_entropy_far_from_zero(code, given):
    """The losses are right if all logits of a sample are very large or very small, even next to other samples."""
    labels = given.integers(4, high=3)
    results = {}
    for size in (1000.0, -1000.0, 10_000.0, -10_000.0):
        logits = given.normal(4, 3, mean=size, std=2, dtype=torch.float64)
        results[f"logits around {size:g}"] = cross_entropy(code, given, logits, labels, "none")
    places = given.tensor([[1000.0], [-1000.0], [0.0], [10_000.0]], dtype=torch.float64)
    mixed = given.watch(
        (places + given.normal(4, 3, std=2, dtype=torch.float64)).detach(), "logits, each sample of its own size"
    )
    results["each sample of its own size"] = cross_entropy(code, given, mixed, labels, "none")
    return only(results, "values")


@checks("cross_entropy")
def test_cross_entropy_gradient_of_large_logits(code, given):
    """The gradient is right for logits of 1000 and -1000, too."""
    results = {}
    for size in (1000.0, 5000.0):
        drawn, labels = extreme_logits(given, size)
        logits = given.tensor(drawn, requires_grad=True, name=f"logits of {size:g}")
        results[f"logits of {size:g}"] = gradient(cross_entropy(code, given, logits, labels), logits)
    return only(results, "shape", "values")


@checks("cross_entropy")
def test_cross_entropy_gradient_of_each_reduction(code, given):
    """The gradients of the sum and of each sample's loss are right."""
    logits = given.normal(6, 4, std=2, dtype=torch.float64, requires_grad=True, name="logits")
    labels = given.integers(6, high=4, name="labels")
    weights = given.uniform(6, low=1, high=3, dtype=torch.float64)
    single = cross_entropy(code, given, logits, labels, "none")
    results = {
        "gradient of the sum": gradient(cross_entropy(code, given, logits, labels, "sum"), logits),
        "gradient of a weighted sum": gradient(single * weights, logits),
    }
    return only(results, "values")


@checks("cross_entropy")
def test_cross_entropy_shape(code, given):
    """The mean and the sum are 0-dim and "none" gives one dimension, even for a single sample."""
    results = {}
    for n in (1, 4):
        logits, labels = given.normal(n, 3), given.integers(n, high=3)
        for reduction in ("mean", "sum", "none"):
            results[f'"{reduction}" of {n}'] = cross_entropy(code, given, logits, labels, reduction)
    return only(results, "shape")


@checks("cross_entropy")
def test_cross_entropy_dtype(code, given):
    """The result has the dtype of the logits."""
    labels = given.integers(4, high=3)
    results = {}
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        logits = given.normal(4, 3, dtype=dtype)
        for reduction in ("mean", "none"):
            results[f'{dtype}, "{reduction}"'] = cross_entropy(code, given, logits, labels, reduction)
    return only(results, "dtype")


@checks("cross_entropy", device="second")
def test_cross_entropy_on_another_device(code, given):
    """It works on the device of the logits and labels, and the result lives there."""
    logits = given.normal(5, 4, dtype=torch.float64).to(given.second_device)
    labels = given.integers(5, high=4).to(given.second_device)
    results = {name: cross_entropy(code, given, logits, labels, name) for name in ("mean", "none")}
    return only(results, "device", "values")


@checks("cross_entropy")
def test_cross_entropy_refuses_everything_else(code, given):
    """No other string is accepted as a reduction."""
    logits, labels = given.normal(6, 4, name="logits"), given.integers(6, high=4, name="labels")
    texts = ("Mean", "batchmean", "me", "s", "")
    return {f'reduction "{text}"': raises(lambda t=text: cross_entropy(code, given, logits, labels, t)) for text in texts}


@checks("bce_with_logits", gate=True)
def test_bce_with_logits_of_any_shape(code, given):
    """The mean over all entries is right for any shape, and for targets between 0 and 1."""
    shapes = {"(6,)": (6,), "(6, 1)": (6, 1), "(4, 3)": (4, 3), "(2, 3, 4)": (2, 3, 4), "(1,)": (1,), "()": ()}
    results = {}
    for name, shape in shapes.items():
        logits, targets = given.normal(shape, std=3, dtype=torch.float64), given.uniform(shape, dtype=torch.float64)
        results[f"shape {name}"] = bce_with_logits(code, given, logits, targets)
    return only(results, "shape", "values")


@checks("bce_with_logits")
def test_bce_with_logits_of_any_layout(code, given):
    """Logits and targets may have any memory layout, logits may be the result of an operation, and logits may be 0."""
    results = {
        "transposed logits": (given.transposed(given.normal(3, 4)), given.uniform(3, 4)),
        "transposed targets": (given.normal(3, 4), given.transposed(given.uniform(3, 4))),
        "with gaps": (given.non_contiguous(given.normal(6)), given.non_contiguous(given.uniform(6))),
        "a slice of a tensor": (given.sliced(given.normal(6)), given.uniform(6)),
        "logits with a graph": (given.non_leaf(given.normal(6)), given.uniform(6)),
        "logits of 0": (given.full(3, value=0.0), given.uniform(3)),
    }
    return only({name: bce_with_logits(code, given, *pair) for name, pair in results.items()}, "values")


@checks("bce_with_logits")
def test_bce_with_logits_of_mixed_sizes(code, given):
    """The mean is accurate for logits of all sizes together, with targets of 0, 1 and in between."""
    sizes = torch.tensor([200.0, -200.0, 30.0, -30.0, 95.0, -95.0, 17.0, -17.0])
    targets = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.3, 0.6, 0.0, 1.0])
    order = given.permutation(8).tolist()
    wide, wide_targets = torch.tensor([30.0, -30.0, 20.0, -20.0, 33.0, -33.0]), torch.tensor([0.0, 1.0, 0.3, 0.8, 0.5, 0.5])
    results = {
        "float32": bce_with_logits(code, given, given.tensor(sizes[order]), given.tensor(targets[order])),
        "float64": bce_with_logits(
            code, given, given.tensor(wide, dtype=torch.float64), given.tensor(wide_targets, dtype=torch.float64)
        ),
    }
    return only(results, "values")


@checks("bce_with_logits")
def test_bce_with_logits_gradient_of_large_logits(code, given):
    """The gradient is right for logits of 200 and -200, whether the model is right or wrong."""
    results = {}
    for size, target in ((200.0, 0.0), (-200.0, 1.0), (200.0, 1.0), (-200.0, 0.0), (200.0, 0.3), (-200.0, 0.3)):
        logits = given.full(4, value=size, requires_grad=True)
        loss = bce_with_logits(code, given, logits, given.full(4, value=target))
        results[f"logits {size:g}, targets {target:g}"] = gradient(loss, logits)
    return only(results, "values")


@checks("bce_with_logits")
def test_bce_with_logits_gradient_of_any_shape(code, given):
    """The gradient is divided by the total number of entries, whatever the shape."""
    results = {}
    for name, shape in {"(6,)": (6,), "(6, 1)": (6, 1), "(4, 3)": (4, 3), "(2, 3, 4)": (2, 3, 4)}.items():
        logits = given.tensor(away_from_zero(given, *shape), requires_grad=True, name=f"logits {name}")
        results[f"shape {name}"] = gradient(
            bce_with_logits(code, given, logits, given.uniform(*shape, dtype=torch.float64)), logits
        )
    return only(results, "shape", "values")


@checks("bce_with_logits")
def test_bce_with_logits_dtype(code, given):
    """The result has the dtype of its inputs."""
    dtypes = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    results = {
        str(dtype): bce_with_logits(code, given, given.normal(4, dtype=dtype), given.uniform(4, dtype=dtype))
        for dtype in dtypes
    }
    return only(results, "dtype")


@checks("bce_with_logits", device="second")
def test_bce_with_logits_on_another_device(code, given):
    """It works on the device of its inputs, and the result lives there."""
    logits = given.normal(4, 3, dtype=torch.float64).to(given.second_device)
    targets = given.uniform(4, 3, dtype=torch.float64).to(given.second_device)
    return {"loss": only(bce_with_logits(code, given, logits, targets), "device", "values")}


@checks("bce_with_logits")
def test_bce_with_logits_refuses_every_other_shape(code, given):
    """Different shapes raise a ValueError, whether or not they could be broadcast."""
    pairs = (((5,), (5, 1)), ((4, 5), (5,)), ((5,), (1,)), ((4, 3), ()), ((2, 3), (3, 2)), ((4,), (5,)), ((4, 3), (4, 2)))
    found = {}
    for left, right in pairs:
        logits, targets = given.normal(left), given.uniform(right)
        found[f"shapes {left} and {right}"] = raises(lambda z=logits, t=targets: bce_with_logits(code, given, z, t))
    return found


def some_true(given, *shape):
    """A mask with different numbers of True and False entries."""
    mask = given.bools(*shape, p=0.4)
    flat = mask.view(-1)
    flat[0], flat[1], flat[2], flat[3], flat[4] = True, False, False, False, True
    return given.watch(mask, f"mask of shape {shape}")


@checks("masked_mse", gate=True)
def test_masked_mse_of_any_shape(code, given):
    """The mean is right for any shape, for a mask with all or a single True, and where pred equals target."""
    results = {}
    for shape in ((7,), (3, 5), (2, 3, 4), (6, 1)):
        pred, target = given.normal(shape, dtype=torch.float64), given.normal(shape, dtype=torch.float64)
        results[f"shape {shape}"] = code.masked_mse(pred, target, some_true(given, *shape))
    pred, target = given.normal(3, 4), given.normal(3, 4)
    single = torch.zeros(3, 4, dtype=torch.bool, device=given.device)
    single[given.integer(0, 3), given.integer(0, 4)] = True
    results["all True"] = code.masked_mse(pred, target, given.full(3, 4, value=True, dtype=torch.bool))
    results["one True"] = code.masked_mse(pred, target, given.watch(single, "mask with one True"))
    hit = target.clone()
    hit[0, :2] = pred[0, :2]
    results["two hits"] = code.masked_mse(pred, given.watch(hit, "target"), given.full(3, 4, value=True, dtype=torch.bool))
    results["a single entry"] = code.masked_mse(given.normal(1), given.normal(1), given.tensor([True]))
    return only(results, "shape", "values")


@checks("masked_mse")
def test_masked_mse_of_any_layout(code, given):
    """pred, target and mask may have any memory layout, and pred may be the result of an operation."""
    mask = some_true(given, 4, 3)
    results = {
        "transposed pred": (given.transposed(given.normal(4, 3)), given.normal(4, 3), mask),
        "transposed mask": (given.normal(4, 3), given.normal(4, 3), given.transposed(some_true(given, 4, 3))),
        "with gaps": (given.non_contiguous(given.normal(4, 3)), given.non_contiguous(given.normal(4, 3)), mask),
        "pred with a graph": (given.non_leaf(given.normal(4, 3)), given.normal(4, 3), mask),
    }
    return only({name: code.masked_mse(*case) for name, case in results.items()}, "values")


def wild(given, tensor, mask, *values):
    """The tensor with the values in turn wherever mask is False."""
    drawn = tensor.detach().clone()
    places = (~mask).nonzero()
    for number, place in enumerate(places):
        drawn[tuple(place)] = values[number % len(values)]
    return given.tensor(drawn, requires_grad=tensor.requires_grad)


@checks("masked_mse")
def test_masked_mse_of_wild_entries(code, given):
    """Infinities, nan and huge numbers where mask is False have no effect on the value."""
    results = {}
    for name, values in (
        ("inf", (torch.inf,)),
        ("-inf", (-torch.inf,)),
        ("nan", (torch.nan,)),
        ("1e30", (1e30,)),
        ("all of them", (torch.nan, torch.inf, -1e30, -torch.inf)),
    ):
        mask = some_true(given, 3, 4)
        pred, target = (given.normal(3, 4, dtype=torch.float64) for _ in range(2))
        results[f"{name} in pred"] = code.masked_mse(wild(given, pred, mask, *values), target, mask)
        results[f"{name} in target"] = code.masked_mse(pred, wild(given, target, mask, *values), mask)
        results[f"{name} in both"] = code.masked_mse(
            wild(given, pred, mask, *values), wild(given, target, mask, *values), mask
        )
    return only(results, "values")


@checks("masked_mse")
def test_masked_mse_gradient_outside_the_mask(code, given):
    """The gradient of pred is exactly 0 where mask is False, whatever the entries hold."""
    results = {}
    for name, values in (
        ("ordinary numbers", ()),
        ("nan", (torch.nan,)),
        ("inf", (torch.inf, -torch.inf)),
        ("1e30", (1e30,)),
    ):
        mask = some_true(given, 3, 4)
        pred = given.normal(3, 4, requires_grad=True)
        target = given.normal(3, 4)
        for place in ("pred", "target") if values else ("",):
            wild_pred = wild(given, pred, mask, *values) if place == "pred" else pred
            wild_target = wild(given, target, mask, *values) if place == "target" else target
            slope = gradient(code.masked_mse(wild_pred, wild_target, mask), wild_pred)
            results[f"{name} in {place}" if place else name] = None if slope is None else slope[~mask]
    return only(close(results, rtol=0.0), "values")


@checks("masked_mse")
def test_masked_mse_gradient_beside_wild_entries(code, given):
    """Where mask is True, the gradient of pred is right even next to nan and infinities."""
    mask = some_true(given, 3, 4)
    pred = given.normal(3, 4, dtype=torch.float64, requires_grad=True)
    target = given.normal(3, 4, dtype=torch.float64)
    results = {}
    for name, values in (("nan", (torch.nan,)), ("inf", (torch.inf,))):
        wild_pred = wild(given, pred, mask, *values)
        slope = gradient(code.masked_mse(wild_pred, wild(given, target, mask, *values), mask), wild_pred)
        results[name] = None if slope is None else slope[mask]
    return only(results, "values")


@checks("masked_mse")
def test_masked_mse_repairs_nothing(code, given):
    """Entries that count are not repaired: a nan where mask is True gives nan, an infinity gives infinity."""
    results = {}
    for name, value in (("nan", torch.nan), ("inf", torch.inf)):
        mask, pred, target = some_true(given, 6), given.normal(6), given.normal(6)
        pred[0] = value
        results[f"{name} where mask is True"] = code.masked_mse(given.watch(pred, f"pred with {name}"), target, mask)
    return only(results, "values")


@checks("masked_mse")
def test_masked_mse_dtype(code, given):
    """The result has the dtype of pred."""
    results = {}
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        pred, target = given.normal(6, dtype=dtype), given.normal(6, dtype=dtype)
        results[str(dtype)] = code.masked_mse(pred, target, some_true(given, 6))
    return only(results, "dtype")


@checks("masked_mse", device="second")
def test_masked_mse_on_another_device(code, given):
    """It works on the device of its inputs, and the result lives there."""
    pred, target = (given.normal(3, 4, dtype=torch.float64).to(given.second_device) for _ in range(2))
    mask = some_true(given, 3, 4).to(given.second_device)
    return {"loss": only(code.masked_mse(pred, target, mask), "device", "values")}


@checks("masked_mse")
def test_masked_mse_refuses_every_other_shape(code, given):
    """Different shapes raise a ValueError, whether it is pred's, target's or mask's."""
    triples = (
        ((5,), (5, 1), (5,)),
        ((5, 1), (5,), (5, 1)),
        ((5, 5), (5,), (5, 5)),
        ((5,), (5,), (1,)),
        ((5, 4), (5, 4), (5,)),
        ((5, 4), (5, 4), (4,)),
        ((5, 4), (5, 4), (5, 1)),
        ((5, 4), (1,), (5, 4)),
        ((5,), (5,), (4, 5)),
        ((5,), (4,), (5,)),
    )
    found = {}
    for one, two, three in triples:
        tensors = given.normal(one), given.normal(two), given.full(three, value=True, dtype=torch.bool)
        found[f"shapes {one}, {two} and {three}"] = raises(lambda t=tensors: code.masked_mse(*t))
    return found


@checks("masked_mse")
def test_masked_mse_of_nothing_at_all(code, given):
    """A mask without any True raises a ValueError whatever its shape, even if it has no entries."""
    found = {}
    for shape in ((4, 5), (1,), (0,), (0, 3)):
        tensors = given.normal(shape), given.normal(shape), given.full(shape, value=False, dtype=torch.bool)
        found[f"shape {shape}"] = raises(lambda t=tensors: code.masked_mse(*t))
    return found
