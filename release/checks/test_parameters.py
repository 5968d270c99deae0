"""Checks of topic `parameters` that students can run themselves."""

from itertools import pairwise

import torch
from torch import nn

from autograder import checks, only, raises, secret


def write(parameter, values):
    """Give a parameter new values, in place."""
    parameter.detach().copy_(values)


def affine(code, given, features, **options):
    """An Affine with drawn weights."""
    module = given.module(lambda: code.Affine(features, **options))
    write(module.weight, given.uniform(features, low=2, high=3))
    if module.bias is not None:
        write(module.bias, given.uniform(features, low=1, high=2))
    return module


def mlp(code, given, sizes):
    """An MLP of float64 with drawn weights, which are loaded under the names in the specification."""
    module = given.module(lambda: code.MLP(sizes).double())
    state = {}
    for index, (a, b) in enumerate(pairwise(sizes)):
        state[f"layers.{index}.weight"] = given.normal(b, a, dtype=torch.float64)
        state[f"layers.{index}.bias"] = given.normal(b, dtype=torch.float64)
    module.load_state_dict(state)
    return module


def negate_last_layer(module, index):
    """Flip the signs of an MLP's results, so that some of them are negative in every draw."""
    state = module.state_dict()
    for part in ("weight", "bias"):
        state[f"layers.{index}.{part}"] = -state[f"layers.{index}.{part}"]
    module.load_state_dict(state)


def gradients(result, tensors):
    """The gradients of a tensor's sum with respect to tensors, by name; None where none arrives."""
    if not result.requires_grad:
        return dict.fromkeys(tensors)
    return dict(zip(tensors, torch.autograd.grad(result.sum(), list(tensors.values()), allow_unused=True), strict=True))


@checks("predicted_keys", gate=True, draws=1)
def test_predicted_keys(code, given):
    """The predicted names are those in state_dict()."""
    return {"predicted_keys": secret(" ".join(sorted({str(key) for key in code.predicted_keys})))}


@checks("predicted_count", gate=True, draws=1)
def test_predicted_count(code, given):
    """The predicted number is how many parameters the network has."""
    return {"predicted_count": secret(float(code.predicted_count))}


@checks("predicted_after_step", gate=True, draws=1)
def test_predicted_after_step(code, given):
    """The predicted number is the value of layer.weight."""
    return {"predicted_after_step": secret(round(float(code.predicted_after_step), 4))}


@checks("Affine", gate=True)
def test_affine_forward(code, given):
    """The result is x * weight + bias."""
    features = given.integer(2, 9)
    module = affine(code, given, features)
    return {"module(x)": only(module(given.normal(6, features)), "shape", "values")}


@checks("Affine")
def test_affine_parameters(code, given):
    """weight (ones) and bias (zeros) are the module's trainable parameters, and there are no others."""
    features = given.integer(2, 40)
    modules = {f"Affine({n})": given.module(lambda n=n: code.Affine(n)) for n in (features, 1)}
    return only(modules, "type", "shape", "requires_grad", "is_leaf", "values")


@checks("Affine", weight=0.5)
def test_affine_learns(code, given):
    """Gradients reach x, weight and bias, and x may have any number of dimensions."""
    features = given.integer(2, 9)
    module = affine(code, given, features)
    results = {}
    for shape in ((features,), (4, features), (2, 3, features)):
        x = given.normal(shape, requires_grad=True)
        result = module(x)
        results[f"x of shape {shape}"] = result
        results[f"gradients, x of shape {shape}"] = gradients(result, {"x": x, **dict(module.named_parameters())})
    return only(results, "shape", "values")


@checks("Affine")
def test_affine_without_bias(code, given):
    """With bias=False, the attribute is None, no parameter has that name, and the result is x * weight."""
    features = given.integer(2, 40)
    fresh = {
        f"Affine({features}, bias=False)": given.module(lambda: code.Affine(features, bias=False)),
        f"Affine({features}, False)": given.module(lambda: code.Affine(features, False)),
    }
    module = affine(code, given, features, bias=False)
    return {
        "bias": module.bias,
        "modules": only(fresh, "type", "shape", "requires_grad", "values"),
        "module(x)": only(module(given.normal(6, features)), "shape", "values"),
    }


@checks("Standardize", gate=True)
def test_standardize_values(code, given):
    """The result is (x - mean) / std, with the mean and the population standard deviation of the columns of X."""
    module = given.module(lambda: code.Standardize(given.normal(6, 3, mean=1, std=2, dtype=torch.float64)))
    return {"module(x)": only(module(given.normal(4, 3, dtype=torch.float64)), "shape", "values")}


@checks("Standardize")
def test_standardize_buffers(code, given):
    """mean and std are buffers in state_dict() with the dtype of X; nothing else is, and there are no parameters."""
    found = {}
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64), ("float16", torch.float16)):
        X = given.normal(6, given.integer(2, 40), dtype=dtype)
        found[name] = given.module(lambda X=X: code.Standardize(X))
    return only(found, "type", "shape", "dtype", "requires_grad")


@checks("Standardize")
def test_standardize_constant_column(code, given):
    """Where the std is exactly 0, for a constant column or a single row, it is 1; a small std is used as it is."""
    columns = [
        given.normal(5, 1, std=1e-6, dtype=torch.float64),
        given.full(5, 1, value=float(given.integer(-9, 9)), dtype=torch.float64),
        given.normal(5, 1, dtype=torch.float64),
    ]
    order = given.permutation(3)
    tables = {
        "a constant column": given.watch(torch.cat(columns, dim=1)[:, order], "X"),
        "a single row": given.normal(1, 3, dtype=torch.float64),
    }
    x, results = given.normal(4, 3, dtype=torch.float64), {}
    for name, X in tables.items():
        module = given.module(lambda X=X: code.Standardize(X))
        columns_of_result = list(module(x).unbind(dim=1))  # each is compared by itself: they differ in size
        results[name] = {"mean": module.mean, "std": list(module.std.unbind()), "module(x)": columns_of_result}
    return only(results, "values")


@checks("Standardize")
def test_standardize_keeps_to_itself(code, given):
    """Gradients reach x. The buffers do not follow X when it is modified later, nor require grad if X does."""
    X = given.normal(6, 3, dtype=torch.float64).clone()
    module = given.module(lambda: code.Standardize(X))
    X.mul_(5).add_(1)
    x = given.normal(4, 3, dtype=torch.float64, requires_grad=True)
    result = module(x)
    learned = given.module(lambda: code.Standardize(given.normal(6, 3, requires_grad=True)))
    return {
        "X modified later": only({"mean": module.mean, "std": module.std, "module(x)": result}, "values"),
        "gradient": only(gradients(result, {"x": x}), "values"),
        "X requires grad": only(learned, "type", "requires_grad", "values"),
    }


@checks("MLP", gate=True)
def test_mlp_forward(code, given):
    """The result is that of linear layers with a ReLU between them, and none after the last one."""
    module = mlp(code, given, [4, 8, 8, 2])
    x = given.normal(16, 4, dtype=torch.float64)
    results = {"module(x)": module(x)}
    negate_last_layer(module, 2)
    results["module(x), last layer negated"] = module(x)
    return only(results, "shape", "values")


@checks("MLP")
def test_mlp_of_other_sizes(code, given):
    """Other sizes work as well, as do a single linear layer and an x with any number of dimensions."""
    width, results = given.integer(3, 9), {}
    for sizes in ([width, width, width, 2], [width, 2]):
        module = mlp(code, given, sizes)
        for shape in ((width,), (16, width), (2, 5, width)):
            results[f"MLP({sizes}), x of shape {shape}"] = module(given.normal(shape, dtype=torch.float64))
    return only(results, "shape", "values")


@checks("MLP")
def test_mlp_keys(code, given):
    """The keys of state_dict() are layers.0.weight, layers.0.bias and so on, and the shapes fit the sizes."""
    width = given.integer(2, 40)
    models = {
        str(sizes): given.module(lambda sizes=sizes: code.MLP(sizes))
        for sizes in ([4, width, width, 2], [width, 2], [1, 1, 1, 1], (5, width, 5, 5, 2))
    }
    return only(models, "type", "shape", "requires_grad")


@checks("MLP", weight=0.5)
def test_mlp_refuses_too_few_sizes(code, given):
    """Fewer than two sizes raise a ValueError."""
    width = given.integer(2, 40)
    return {str(sizes): raises(lambda sizes=sizes: code.MLP(sizes)) for sizes in ([width], [], (width,))}


@checks("set_weights_", gate=True)
def test_set_weights_values(code, given):
    """The layer's weight has the values of W, and its bias those of b."""
    linear = given.module(lambda: nn.Linear(3, 2))
    code.set_weights_(linear, given.normal(2, 3), given.normal(2))
    return only({"weight": linear.weight, "bias": linear.bias}, "shape", "values")


@checks("set_weights_")
def test_set_weights_keeps_objects(code, given):
    """The parameters are the same objects, leaves with their flags and .grad; an older optimizer still trains them."""
    results = {}
    for name, frozen in (("trainable", ""), ("weight frozen", "weight"), ("bias frozen", "bias")):
        linear = given.module(lambda: nn.Linear(3, 2).double())
        if frozen:
            linear.get_parameter(frozen).requires_grad_(False)
        given.watch(given.with_grad(linear), f"layer, {name}")
        optimizer = torch.optim.SGD(linear.parameters(), lr=0.1, momentum=0.9)
        optimizer.step()
        given.watch(linear, f"layer, {name}")
        returned = code.set_weights_(linear, given.normal(2, 3, dtype=torch.float64), given.normal(2, dtype=torch.float64))
        results[name] = {"returned": returned, "weight": linear.weight, "bias": linear.bias}
        optimizer.step()
        given.watch(linear, f"layer, {name}")
    return only(results, "type", "requires_grad", "is_leaf", "gradient", "values")


@checks("set_weights_")
def test_set_weights_copies_numbers(code, given):
    """Changing W or b later has no effect, the layer keeps its dtype, and without b its bias stays as it was."""
    results = {}
    for name, dtype in (("same dtype", torch.float32), ("another dtype", torch.float64)):
        linear = given.module(lambda: nn.Linear(3, 2))
        W, b = given.normal(2, 3, dtype=dtype).clone(), given.normal(2, dtype=dtype).clone()
        code.set_weights_(linear, W, b)
        W.add_(1)
        b.mul_(2).add_(1)
        results[name] = {"weight": linear.weight, "bias": linear.bias}
    linear = given.module(lambda: nn.Linear(3, 2))
    code.set_weights_(linear, given.normal(2, 3))
    results["without b"] = {"weight": linear.weight, "bias": linear.bias}
    return only(results, "dtype", "values")


@checks("set_weights_")
def test_set_weights_refuses_other_shapes(code, given):
    """A different shape, even one that could be broadcast, or a b without a bias, raises a ValueError; nothing changes."""
    n = given.integer(3, 20)
    cases = {
        f"W of shape ({n}, 2)": (True, (n, 2), None),
        f"W of shape (1, {n})": (True, (1, n), None),
        f"W of shape ({n},)": (True, (n,), None),
        "W of shape ()": (True, (), None),
        "W of shape (2, 1), b right": (True, (2, 1), (2,)),
        f"W of shape ({2 * n},)": (True, (2 * n,), None),
        f"W of shape (1, 2, {n})": (True, (1, 2, n), None),
        "W right, b of shape ()": (True, (2, n), ()),
        "W right, b of shape (1,)": (True, (2, n), (1,)),
        "W right, b of shape (1, 2)": (True, (2, n), (1, 2)),
        "W right, b of shape (3,)": (True, (2, n), (3,)),
        "W right, b for a layer without bias": (False, (2, n), (2,)),
    }
    results = {}
    for name, (bias, shape, b_shape) in cases.items():
        linear = given.module(lambda bias=bias: nn.Linear(n, 2, bias=bias))
        W, b = given.normal(shape), None if b_shape is None else given.normal(b_shape)
        results[name] = raises(lambda linear=linear, W=W, b=b: code.set_weights_(linear, W, b))
        results[f"{name}: parameters"] = only(linear, "type", "shape", "values")
    return results


@checks("tie_weights", gate=True)
def test_tie_weights_follow(code, given):
    """When the embedding's parameter changes, both layers use its new values."""
    emb, decoder = given.module(lambda: nn.Embedding(7, 4)), given.module(lambda: nn.Linear(4, 7, bias=False))
    weight = emb.weight
    code.tie_weights(decoder, emb)
    write(weight, given.normal(7, 4))
    given.watch(emb, "emb")
    given.watch(decoder, "decoder")
    return only({"decoder(x)": decoder(given.normal(5, 4)), "emb(i)": emb(given.permutation(7))}, "shape", "values")


@checks("tie_weights")
def test_tie_weights_is_one_parameter(code, given):
    """Both layers hold the one Parameter that the embedding had, frozen or not; both uses add to its gradient."""
    words, width = given.integer(5, 9), given.integer(2, 5)
    emb, decoder = given.module(lambda: nn.Embedding(words, width)), given.module(lambda: nn.Linear(width, words))
    weight = emb.weight
    code.tie_weights(decoder, emb)
    i, x, scores = given.permutation(words), given.normal(words, width), given.uniform(words, words, low=1, high=2)
    uses = {
        "gradient of the embedding's use": (emb(i) * x).sum(),
        "gradient of the decoder's use": (decoder(x) * scores).sum(),
        "gradient of both": (decoder(emb(i)) * scores).sum(),
    }
    found = {}
    for name, total in uses.items():
        found[name] = torch.autograd.grad(total, weight, allow_unused=True)[0] if total.requires_grad else None
    both = nn.ModuleDict({"emb": emb, "decoder": decoder})
    frozen, other = given.module(lambda: nn.Embedding(words, width)), given.module(lambda: nn.Linear(width, words))
    frozen.requires_grad_(False)
    given.watch(frozen, "frozen embedding")
    code.tie_weights(other, frozen)
    return {
        **{name: only(slope, "values") for name, slope in found.items()},
        "emb.weight": only(emb.weight, "type", "shape", "values"),
        "a frozen embedding": only({"decoder.weight": other.weight, "bias": other.bias}, "requires_grad", "values"),
        "number of parameters": len(list(both.parameters())),
        "names": sorted(name for name, _ in both.named_parameters(remove_duplicate=False)),
    }


@checks("tie_weights", weight=0.5)
def test_tie_weights_refuses_other_shapes(code, given):
    """Weights of different shapes, even if they could be broadcast, raise a ValueError, and nothing changes."""
    n, results = given.integer(5, 20), {}
    for words, width, inner, out in ((n, 3, 4, n), (4, n, 4, n), (1, 4, 4, n), (6, 2, 3, 4), (n + 4, 4, 4, n)):
        emb = given.module(lambda words=words, width=width: nn.Embedding(words, width))
        decoder = given.module(lambda inner=inner, out=out: nn.Linear(inner, out))
        name = f"shapes ({out}, {inner}) and ({words}, {width})"
        results[name] = raises(lambda decoder=decoder, emb=emb: code.tie_weights(decoder, emb))
        results[f"{name}: layers"] = only([emb, decoder], "type", "shape", "values")
    return results
