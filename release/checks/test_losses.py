"""Checks for topic `losses` that students can run themselves."""

import torch
import torch.nn.functional as F

from autograder import checks, close, only, raises, secret

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


def away_from_zero(given, *shape, dtype=torch.float64):
    """Logits of both signs, none of them near 0."""
    signs = given.bools(*shape).to(dtype) * 2 - 1
    return (given.uniform(*shape, low=0.1, high=4, dtype=dtype) * signs).detach()


def extreme_logits(given, size, dtype):
    """Logits around +size and -size, and labels whose logit is sometimes large and sometimes small."""
    high, low = given.permutation(5)[:2].tolist()
    signs = given.bools(6, 5).double() * 2 - 1
    signs[:, high], signs[:, low] = 1, -1
    noise = given.normal(6, 5, dtype=torch.float64)
    labels = [high, low, low, high, low, given.integer(0, 5)]
    return given.tensor(signs * size + noise, dtype=dtype, requires_grad=True), given.tensor(labels)


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
    """The mean cross-entropy is right, for any number of samples and classes, in float32 and in float64."""
    n, c = given.integer(5, 9), given.integer(5, 11)
    single, same, wide = given.integer(0, 4), given.integer(0, 3), torch.float64
    cases = {
        "many classes": (given.normal(n, c, std=2), given.integers(n, high=c)),
        "2 classes, float64": (given.normal(n, 2, std=2, dtype=wide), given.integers(n, high=2)),
        "one sample": (given.normal(1, 4, dtype=wide), given.tensor([single])),
        "one class": (given.normal(n, 1), given.full(n, value=0, dtype=torch.int64)),
        "as many samples as classes": (given.normal(c, c, std=2), given.integers(c, high=c)),
        "one label for all": (given.normal(n, 3, std=2), given.full(n, value=same, dtype=torch.int64)),
        "more samples than classes": (given.normal(20, 3, std=2, dtype=wide), given.integers(20, high=3)),
        "one logit for all": (given.full(3, c, value=7.0), given.integers(3, high=c)),
    }
    return only({name: cross_entropy(code, given, *case) for name, case in cases.items()}, "shape", "values")


@checks("cross_entropy")
def test_cross_entropy_reductions(code, given):
    """ "sum" gives the sum and "none" the loss of each sample."""
    results = {}
    for n in (1, given.integer(4, 8)):
        logits, labels = given.normal(n, 4, std=2), given.integers(n, high=4)
        for reduction in ("mean", "sum", "none"):
            name = f'"{reduction}" of {"one sample" if n == 1 else "several samples"}'
            results[name] = only(cross_entropy(code, given, logits, labels, reduction), "shape", "values")
    return results


@checks("cross_entropy")
def test_cross_entropy_gradient(code, given):
    """The gradients of the mean, of the sum and of each sample's loss with respect to the logits are right."""
    n, c = given.integer(5, 8), given.integer(3, 6)
    logits = given.normal(n, c, std=2, dtype=torch.float64, requires_grad=True, name="logits")
    labels = given.integers(n, high=c, name="labels")
    weights = given.uniform(n, low=1, high=3, dtype=torch.float64)
    results = {
        "gradient of the mean": gradient(cross_entropy(code, given, logits, labels), logits),
        "gradient of the sum": gradient(cross_entropy(code, given, logits, labels, "sum"), logits),
        "gradient of a weighted sum": gradient(cross_entropy(code, given, logits, labels, "none") * weights, logits),
    }
    return only(results, "shape", "values")


@checks("cross_entropy")
def test_cross_entropy_of_large_logits(code, given):
    """Logits of 1000 and more, of either sign, give the right, finite losses and gradients."""
    results = {}
    for name, size, dtype in (
        ("about 1000, float32", given.number(800, 1200), torch.float32),
        ("about 1000", given.number(800, 1200), torch.float64),
        ("about 5000", given.number(4000, 6000), torch.float64),
    ):
        logits, labels = extreme_logits(given, size, dtype)
        losses = {reduction: cross_entropy(code, given, logits, labels, reduction) for reduction in ("mean", "none")}
        results[name] = {**losses, "gradient": gradient(losses["mean"], logits)}
    labels, places = given.integers(4, high=3), [[1000.0], [-1000.0], [0.0], [10_000.0]]
    noise = given.normal(4, 3, std=2, dtype=torch.float64)
    mixed = given.tensor(torch.tensor(places, dtype=torch.float64)[given.permutation(4).cpu()] + noise.cpu())
    results["each sample of its own size"] = cross_entropy(code, given, mixed, labels, "none")
    return only(results, "values")


@checks("cross_entropy", weight=0.5)
def test_cross_entropy_refuses(code, given):
    """Any other reduction raises a ValueError."""
    n = given.integer(4, 8)
    logits, labels, texts = (
        given.normal(n, 4),
        given.integers(n, high=4),
        ("avg", "Mean", "batchmean", "me", "s", "", "max", "median", None),
    )
    return {f'reduction "{text}"': raises(lambda t=text: cross_entropy(code, given, logits, labels, t)) for text in texts}


@checks("bce_with_logits", gate=True)
def test_bce_with_logits_values(code, given):
    """The mean over all entries is right for any shape, and for targets of 0, 1 and in between."""
    n, k, wide = given.integer(5, 9), given.integer(3, 5), torch.float64
    logits, targets = given.normal(n, std=2), given.integers(n, high=2, dtype=torch.float32)
    results = {"targets of 0 and 1": bce_with_logits(code, given, logits, targets)}
    for name, shape in {"(N,)": n, "(N, 1)": (n, 1), "(N, K)": (n, k), "(2, N, K)": (2, n, k), "(1,)": 1, "()": ()}.items():
        pair = given.normal(shape, std=3, dtype=wide), given.uniform(shape, dtype=wide)
        results[f"shape {name}"] = bce_with_logits(code, given, *pair)
    results["logits of 0"] = bce_with_logits(code, given, given.full(3, value=0.0), given.uniform(3))
    return only(results, "shape", "values")


@checks("bce_with_logits")
def test_bce_with_logits_gradient(code, given):
    """The gradient with respect to the logits is right, whatever the shape."""
    n, results = given.integer(5, 9), {}
    for name, shape in {"(N,)": (n,), "(N, 1)": (n, 1), "(N, 3)": (n, 3), "(2, N, 4)": (2, n, 4)}.items():
        logits = given.tensor(away_from_zero(given, *shape), requires_grad=True, name=f"logits {name}")
        targets = given.uniform(*shape, dtype=torch.float64)
        results[f"shape {name}"] = gradient(bce_with_logits(code, given, logits, targets), logits)
    return only(results, "shape", "values")


@checks("bce_with_logits", draws=1)
def test_bce_with_logits_of_large_logits(code, given):
    """Logits of 200 and -200, and larger ones, give the right losses and gradients, whether the model is right or wrong."""
    results = {}
    for name, size in (("200", 200.0), ("some hundreds", given.number(550, 1500)), ("30 or so", given.number(20, 90))):
        for sign, target in ((1, 0.0), (-1, 1.0), (1, 1.0), (-1, 0.0), (1, 0.3), (-1, given.number(0.2, 0.8))):
            if size < 100 and target == (sign > 0):
                continue  # right with a probability of nearly 1: the loss is all rounding
            for dtype in (torch.float32, torch.float64):
                logits = given.full(4, value=sign * size, dtype=dtype, requires_grad=True)
                loss = bce_with_logits(code, given, logits, given.full(4, value=target, dtype=dtype))
                case = f"logits {'-' if sign < 0 else ''}{name}, targets {target if target in (0, 1, 0.3) else 'between'}"
                results[f"{case}, {dtype}"] = {"loss": loss, "gradient": gradient(loss, logits)}
    sizes = torch.tensor([200.0, -200.0, 30.0, -30.0, 95.0, -95.0, 17.0, -17.0, 600.0])
    order, targets = given.permutation(9).cpu(), torch.tensor([0.0, 1.0, 0.0, 1.0, 0.3, 0.6, 0.0, 1.0, 0.5])
    mixed = bce_with_logits(code, given, given.tensor(sizes[order]), given.tensor(targets[order]))
    return only({**results, "logits of all sizes": mixed}, "values")


@checks("bce_with_logits")
def test_bce_with_logits_refuses_other_shapes(code, given):
    """Logits and targets of different shapes raise a ValueError, whether or not they could be broadcast."""
    n, k = given.integer(4, 8), given.integer(2, 4)
    pairs = (((n, 1), (n,)), ((n,), (n, 1)), ((n, k), (k,)), ((n,), (1,)), ((n, k), ()), ((n, k), (k, n)), ((n,), (n + 1,)))
    pairs = (*pairs, ((n, k), (n, k + 1)), ((1, n), (n,)))
    found = {}
    for number, (left, right) in enumerate(pairs):
        logits, targets = given.normal(left), given.uniform(right)
        name = "shapes (N, 1) and (N,)" if number == 0 else f"shapes {tuple(left)} and {tuple(right)}"
        found[name] = raises(lambda z=logits, t=targets: bce_with_logits(code, given, z, t))
    return found


def some_true(given, *shape):
    """A mask with different numbers of True and False entries, in any places."""
    mask = given.bools(*shape, p=0.4)
    flat = mask.view(-1)
    flat[given.permutation(flat.numel())[:5]] = torch.tensor([True, False, False, False, True], device=mask.device)
    return given.watch(mask, f"mask of shape {shape}")


def wild(given, tensor, mask, *values):
    """The tensor with the values in turn wherever mask is False."""
    drawn = tensor.detach().clone()
    for number, place in enumerate((~mask).nonzero()):
        drawn[tuple(place)] = values[number % len(values)]
    return given.tensor(drawn, requires_grad=tensor.requires_grad)


@checks("masked_mse", gate=True)
def test_masked_mse_values(code, given):
    """The mean is taken over the entries where mask is True: some, all or one of them, in any shape."""
    results, n = {}, given.integer(6, 9)
    for name, shape in {"(N,)": (n,), "(3, N)": (3, n), "(2, N, 4)": (2, n, 4), "(N, 1)": (n, 1)}.items():
        pred, target = given.normal(shape, dtype=torch.float64), given.normal(shape, dtype=torch.float64)
        results[f"shape {name}"] = code.masked_mse(pred, target, some_true(given, *shape))
    pred, target, everything = given.normal(3, n), given.normal(3, n), given.full(3, n, value=True, dtype=torch.bool)
    single = torch.zeros(3, n, dtype=torch.bool, device=given.device)
    single[given.integer(0, 3), given.integer(0, n)] = True
    results["all True"] = code.masked_mse(pred, target, everything)
    results["one True"] = code.masked_mse(pred, target, given.watch(single, "mask with one True"))
    hit = target.clone()
    hit[0, :2] = pred[0, :2]
    results["two perfect entries"] = code.masked_mse(pred, given.watch(hit, "target"), everything)
    results["a single entry"] = code.masked_mse(given.normal(1), given.normal(1), given.tensor([True]))
    return only(results, "shape", "values")


@checks("masked_mse", draws=1)
def test_masked_mse_gradient(code, given):
    """The gradient of pred is right where mask is True, and exactly 0 where it is False, whatever the entries hold."""
    results = {}
    for name, values in (
        ("ordinary numbers", ()),
        ("nan", (torch.nan,)),
        ("inf", (torch.inf, -torch.inf)),
        ("huge numbers", (1e200, -1e300)),
    ):
        for place in ("pred", "target", "both") if values else ("",):
            mask = some_true(given, 3, given.integer(4, 7))
            pred = given.normal(mask.shape, dtype=torch.float64, requires_grad=True)
            target = given.normal(mask.shape, dtype=torch.float64)
            wild_pred = wild(given, pred, mask, *values) if place in ("pred", "both") else pred
            wild_target = wild(given, target, mask, *values) if place in ("target", "both") else target
            slope = gradient(code.masked_mse(wild_pred, wild_target, mask), wild_pred)
            results[f"{name} in {place}" if place else name] = (
                None
                if slope is None
                else {
                    "where mask is True": only(slope[mask], "values"),
                    "where mask is False": only(close(slope[~mask], rtol=0.0), "values"),
                }
            )
    return results


@checks("masked_mse", draws=1)
def test_masked_mse_of_nan(code, given):
    """A nan, an infinity or a huge number has no effect where mask is False, and is not repaired where mask is True."""
    results = {}
    for name, values in (
        ("nan", (torch.nan,)),
        ("inf", (torch.inf,)),
        ("-inf", (-torch.inf,)),
        ("a huge number", (1e200,)),
        ("all of them", (torch.nan, torch.inf, -1e200, -torch.inf)),
    ):
        mask = some_true(given, 3, given.integer(4, 7))
        pred, target = (given.normal(mask.shape, dtype=torch.float64) for _ in range(2))
        bad_pred, bad_target = wild(given, pred, mask, *values), wild(given, target, mask, *values)
        results[f"{name} in pred"] = code.masked_mse(bad_pred, target, mask)
        results[f"{name} in target"] = code.masked_mse(pred, bad_target, mask)
        results[f"{name} in both"] = code.masked_mse(bad_pred, bad_target, mask)
    for name, value in (("nan", torch.nan), ("inf", torch.inf)):
        mask = some_true(given, 6)
        for place in ("pred", "target"):
            tensors = {"pred": given.normal(6), "target": given.normal(6)}
            tensors[place][mask.nonzero()[0]] = value
            given.watch(tensors[place], f"{place} with {name}")
            results[f"{name} in {place} where mask is True"] = code.masked_mse(*tensors.values(), mask)
    return only(results, "values")


@checks("masked_mse")
def test_masked_mse_refuses_other_shapes(code, given):
    """Different shapes of pred, target and mask raise a ValueError, and so does a mask without any True."""
    n, k, found = given.integer(4, 8), given.integer(2, 4), {}
    triples = (
        ((n, 1), (n,), (n,)),
        ((n,), (n, 1), (n,)),
        ((n, 1), (n,), (n, 1)),
        ((n, n), (n,), (n, n)),
        ((n,), (n,), (1,)),
        ((n, k), (n, k), (n,)),
        ((n, k), (n, k), (k,)),
        ((n, k), (n, k), (n, 1)),
        ((n, k), (1,), (n, k)),
        ((n,), (n,), (k, n)),
        ((n,), (n - 1,), (n,)),
        ((n, k), (n, k), (k, n)),
        ((n, k), (k, n), (n, k)),
    )
    for number, (one, two, three) in enumerate(triples):
        tensors = given.normal(one), given.normal(two), given.full(three, value=True, dtype=torch.bool)
        name = "shapes (N, 1), (N,) and (N,)" if number == 0 else f"shapes {one}, {two} and {three}"
        found[name] = raises(lambda t=tensors: code.masked_mse(*t))
    for name, shape in {"(N,)": n, "(N, K)": (n, k), "(1,)": 1, "(0,)": 0, "(0, 3)": (0, 3)}.items():
        tensors = given.normal(shape), given.normal(shape), given.full(shape, value=False, dtype=torch.bool)
        found[f"no True entry, shape {name}"] = raises(lambda t=tensors: code.masked_mse(*t))
    return found
