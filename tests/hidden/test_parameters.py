"""Checks of topic `parameters` that only grading runs: edge cases of the specification."""

import copy
from itertools import pairwise

import torch
from torch import nn

from autograder import checks, only


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


def changed_copy(given, module):
    """A copy of the module in which the numbers of its parameters and buffers are drawn anew."""
    made = copy.deepcopy(module)
    for _, part in sorted([*made.named_parameters(), *made.named_buffers()]):
        write(part, given.uniform(part.shape, low=2, high=3, dtype=torch.float64))
    return made


def odd_rows(given, columns):
    """Rows with infinity or nan in one column, and one without."""
    rows = given.normal(4, columns, dtype=torch.float64)
    for row, number in enumerate((float("inf"), float("-inf"), float("nan"))):
        rows[row, given.integer(0, columns)] = number
    return given.watch(rows, "rows with infinity and nan")


def negate_last_layer(module, index):
    """Flip the signs of an MLP's results, so that some of them are negative in every draw."""
    state = module.state_dict()
    for part in ("weight", "bias"):
        state[f"layers.{index}.{part}"] = -state[f"layers.{index}.{part}"]
    module.load_state_dict(state)


def inputs(given, features):
    """Inputs of every shape that ends in `features`."""
    return {
        "a single sample": given.normal(features, dtype=torch.float64),
        "a batch of one": given.normal(1, features, dtype=torch.float64),
        "a batch of sequences": given.normal(2, 5, features, dtype=torch.float64),
        "an empty batch": given.normal(0, features, dtype=torch.float64),
        "a transposed batch": given.transposed(given.normal(6, features, dtype=torch.float64)),
    }


def gradients(result, tensors):
    """The gradients of a tensor's sum with respect to tensors, by name; None where none arrives."""
    if not result.requires_grad:
        return dict.fromkeys(tensors)
    return dict(zip(tensors, torch.autograd.grad(result.sum(), list(tensors.values()), allow_unused=True), strict=True))


def step(module, x, lr=0.1):
    """One step of SGD."""
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    module(x).square().sum().backward()
    optimizer.step()


def embedding_and_decoder(given, **options):
    return given.module(lambda: nn.Embedding(7, 4), name="emb"), given.module(
        lambda: nn.Linear(4, 7, **options), name="decoder"
    )


@checks("Affine", gate=True)
def test_affine_forward_of_any_shape(code, given):
    """It works over the last dimension of samples, batches, sequences and empty batches, with gradients, and in copies."""
    results = {}
    for features in (given.integer(2, 9), 1):
        for kind, options in (("with bias", {}), ("without bias", {"bias": False})):
            module = affine(code, given, features, **options).double()
            xs = inputs(given, features)
            for name, x in xs.items():
                results[f"{'one feature' if features == 1 else 'features'}, {kind}, {name}"] = module(x)
            results[f"a copy with other numbers, {features}, {kind}"] = changed_copy(given, module)(xs["a batch of one"])
            if features > 1:
                results[f"infinity and nan, {kind}"] = module(odd_rows(given, features))
    module = affine(code, given, 4)
    plain = affine(code, given, 4, bias=False)
    x = given.normal(6, 4, requires_grad=True)
    narrow, column = affine(code, given, 1), given.normal(6, 1, requires_grad=True)
    fresh = given.module(lambda: code.Affine(4, bias=False)).eval()
    slopes = {
        "one feature": gradients(narrow(column), {"x": column, "weight": narrow.weight, "bias": narrow.bias}),
        "fresh, in eval mode": gradients(fresh(x), {"x": x, "weight": fresh.weight}),
        "with bias": gradients(module(x), {"x": x, "weight": module.weight, "bias": module.bias}),
        "without bias": gradients(plain(x), {"x": x, "weight": plain.weight}),
        "float32": module(x),
        "in eval mode": gradients(module.eval()(x), {"x": x, "weight": module.weight, "bias": module.bias}),
        "frozen": gradients(module.requires_grad_(False)(x), {"x": x}),
    }
    results["frozen"] = module(x.detach())
    return {"results": only(results, "shape", "dtype", "values"), "gradients": only(slopes, "dtype", "values")}


@checks("Affine")
def test_affine_instances(code, given):
    """Each instance has its own parameters, and they move with the module to another device and another dtype."""
    first, second = given.module(lambda: code.Affine(4)), given.module(lambda: code.Affine(4))
    step(first, given.normal(6, 4))
    third = given.module(lambda: code.Affine(4))
    found = {"trained": first, "made before": second, "made afterwards": third}
    values = {name: {"weight": module.weight, "bias": module.bias} for name, module in found.items()}
    values["trained"]["module(x)"] = first(given.normal(6, 4))
    moved = given.module(lambda: code.Affine(4)).to(given.second_device)
    wide = given.module(lambda: code.Affine(4)).to(torch.float64)
    return {
        "instances": only(values, "values"),
        "on the second device": only({"weight": moved.weight, "bias": moved.bias}, "device"),
        "as float64": only({"weight": wide.weight, "bias": wide.bias}, "dtype"),
    }


@checks("Standardize", gate=True)
def test_standardize_of_any_x(code, given):
    """The stored statistics are used for x of any shape, in both modes, in copies and after loading; they never change."""
    module = given.module(lambda: code.Standardize(given.normal(6, 5, mean=1, std=2, dtype=torch.float64)))
    results = {}
    for mode in (True, False):
        module.train(mode)
        given.watch(module, "module 1")
        results |= {f"{name}, training {mode}": module(x) for name, x in inputs(given, 5).items()}
    x = given.normal(4, 5, dtype=torch.float64, requires_grad=True)
    results |= {"statistics": [module.mean, module.std], "gradient": gradients(module(x), {"x": x})}
    other = given.module(lambda: code.Standardize(given.normal(6, 5, mean=5, std=3, dtype=torch.float64)))
    module.load_state_dict(other.state_dict())
    given.watch(module, "module 1")
    results["after loading"] = module(given.normal(4, 5, dtype=torch.float64))
    far = given.module(lambda: code.Standardize(given.normal(6, 5, mean=1e6, dtype=torch.float64)))
    near = given.module(lambda: code.Standardize(given.normal(6, 5, std=1e-30, dtype=torch.float64)))
    results["a copy with other numbers"] = changed_copy(given, module)(x.detach())
    results["infinity and nan, and numbers far out"] = [module(odd_rows(given, 5)), module(1e6 * x.detach()) / 1e6]
    constant = given.module(lambda: code.Standardize(given.full(4, 3, value=given.integer(1, 9), dtype=torch.float64)))
    results["constant columns only"] = [constant.mean, constant.std]
    results["far from 0"] = [far.mean, far.std, near.std * 1e30]
    return only(results, "shape", "dtype", "values")


@checks("Standardize", weight=0.5)
def test_standardize_holds_its_own_numbers(code, given):
    """The buffers neither follow X nor carry its graph; they move with the module to another dtype and device."""
    results = {}
    for rows in (6, 1):
        X = given.normal(rows, 3, dtype=torch.float64).clone()
        module = given.module(lambda X=X: code.Standardize(X))
        X.mul_(5).add_(1)
        found = [module(given.normal(4, 3, dtype=torch.float64)), module.mean, module.std]
        results[f"X changed later, {rows} rows"] = only(found, "values")
    for name, X in {
        "leaf": given.normal(6, 3, requires_grad=True),
        "not a leaf": given.non_leaf(given.normal(6, 3)),
    }.items():
        module = given.module(lambda X=X: code.Standardize(X))
        results[f"X requires grad, {name}"] = only(module, "type", "requires_grad", "is_leaf", "values")
        results[f"X requires grad, {name}: module(x)"] = only(module(given.normal(4, 3)), "requires_grad", "values")
    X, x = given.normal(6, 3), given.normal(4, 3)
    wide = given.module(lambda: code.Standardize(X)).to(torch.float64)
    moved = given.module(lambda: code.Standardize(X)).to(given.second_device)
    return {
        **results,
        "float64": only({"mean": wide.mean, "std": wide.std, "module(x)": wide(x.double())}, "dtype"),
        "second device": only({"mean": moved.mean, "std": moved.std}, "device"),
        "second device, module(x)": only(moved(x.to(given.second_device)), "device", "shape"),
    }


@checks("MLP", gate=True)
def test_mlp_forward_of_any_shape(code, given):
    """It works for samples, batches, sequences and empty batches, with gradients; the sizes stay as they were."""
    sizes = [4, given.integer(4, 9), given.integer(4, 9), 3]
    before = list(sizes)
    module = mlp(code, given, sizes)
    xs = inputs(given, 4)
    results = {name: module(x) for name, x in xs.items()}
    x = given.normal(16, 4, dtype=torch.float64, requires_grad=True)
    slopes = gradients(module(x), {"x": x, **dict(module.named_parameters())})
    negate_last_layer(module, 2)
    results |= {f"{name}, last layer negated": module(x) for name, x in xs.items()}
    results["a copy with other numbers"] = changed_copy(given, module)(xs["a batch of one"])
    results["infinity and nan"] = module(odd_rows(given, 4))
    narrow = mlp(code, given, [4, 1, 3])
    results["one hidden unit"] = narrow(given.normal(16, 4, dtype=torch.float64))
    results["large numbers"] = module(given.normal(4, 4, std=1e6, dtype=torch.float64)) / 1e6
    x = given.normal(16, 4, dtype=torch.float64, requires_grad=True)
    slopes["x, in eval mode"] = gradients(module.eval()(x), {"x": x})["x"]
    return {
        "results": only(results, "shape", "dtype", "values"),
        "gradients": only(slopes, "values"),
        "sizes": sizes,
        "sizes as given": before,
    }


@checks("MLP")
def test_mlp_layers_are_distinct(code, given):
    """Each layer of each model is an nn.Linear with its own parameters, which train and move to other devices and dtypes."""
    module = mlp(code, given, [3, 3, 3, 3])
    other = mlp(code, given, [3, 3, 3, 3])
    step(module, given.normal(8, 3, dtype=torch.float64), lr=0.01)
    moved = given.module(lambda: code.MLP([3, 4, 2])).to(given.second_device)
    wide = given.module(lambda: code.MLP([3, 4, 2])).to(torch.float64)
    with given.seeded():
        first, second = code.MLP([3, 4, 2]), code.MLP([3, 4, 2])
    return {
        "two models start with equal weights": torch.equal(
            *(model.get_submodule("layers.0").weight for model in (first, second))
        ),
        "parameters after one step": only(dict(module.named_parameters()), "values"),
        "parameters of another model": only(dict(other.named_parameters()), "values"),
        "layers of type nn.Linear": sum(isinstance(part, nn.Linear) for part in module.modules()),
        "on the second device": only(moved, "type", "device"),
        "as float64": only(wide, "type", "dtype"),
    }


@checks("set_weights_", gate=True)
def test_set_weights_of_any_kind(code, given):
    """W and b may be of any dtype and strides, and hold any numbers, nan included; the layer keeps its dtype and device."""
    cases = {
        "float64": (given.normal(2, 3, dtype=torch.float64), given.normal(2, dtype=torch.float64)),
        "requires grad": (given.normal(2, 3, requires_grad=True), given.normal(2, requires_grad=True)),
        "not a leaf": (given.non_leaf(given.normal(2, 3)), given.non_leaf(given.normal(2))),
        "transposed": (given.transposed(given.normal(2, 3)), given.non_contiguous(given.normal(2))),
        "expanded": (given.expanded(given.normal(1, 3), 2, 3), given.expanded(given.normal(1), 2)),
        "without b": (given.normal(2, 3), None),
        "zeros": (given.full(2, 3, value=0.0), given.full(2, value=0.0)),
        "nan and infinity": (odd_rows(given, 3)[:2].float(), given.tensor([float("nan"), given.number()])),
    }
    results = {}
    for name, (W, b) in cases.items():
        for before in (given.number(), float("nan"), 1e30):
            linear = given.module(lambda: nn.Linear(3, 2))
            if b is not None:
                write(linear.weight, torch.full((2, 3), before))
                write(linear.bias, torch.full((2,), before))
            code.set_weights_(linear, *([W] if b is None else [W, b]))
            results[f"{name}, {before:.1g} before"] = {"weight": linear.weight, "bias": linear.bias}
    plain, wide = given.module(lambda: nn.Linear(3, 2, bias=False)), given.module(lambda: nn.Linear(3, 2).double())
    code.set_weights_(plain, given.normal(2, 3), None)
    code.set_weights_(wide, given.normal(2, 3), given.normal(2, dtype=torch.float16))
    tiny = given.module(lambda: nn.Linear(3, 2))
    code.set_weights_(tiny, given.normal(2, 3, std=1e-30))
    results["tiny, times 1e30"] = tiny.weight * 1e30
    results |= {"layer without bias": plain, "layer in float64": wide}
    return only(results, "shape", "dtype", "device", "values")


@checks("set_weights_", weight=0.5)
def test_set_weights_connects_nothing(code, given):
    """Changing W and b later does not change the layer, and no gradient flows from the layer to them."""
    results = {}
    for name, dtype in (("float16", torch.float16), ("float64", torch.float64)):
        linear = given.module(lambda dtype=dtype: nn.Linear(3, 2).to(dtype))
        weight = given.expanded(given.normal(1, 3, dtype=dtype), 2, 3)
        W, b = weight.clone().T.contiguous().T, given.normal(2, dtype=dtype).clone()
        code.set_weights_(linear, W, b)
        W.add_(1)
        b.mul_(2).add_(1)
        results[f"transposed W and b changed later, {name}"] = {"weight": linear.weight, "bias": linear.bias}
    linear = given.module(lambda: nn.Linear(3, 2))
    W, b = given.normal(2, 3, requires_grad=True), given.normal(2, requires_grad=True)
    code.set_weights_(linear, W, b)
    slopes = gradients(linear(given.normal(4, 3)), {"W": W, "b": b, "weight": linear.weight, "bias": linear.bias})
    return {"layers": only(results, "values"), "gradients": only(slopes, "values")}


@checks("tie_weights")
def test_tie_weights_stay_equal(code, given):
    """After optimizer steps, both weights are still equal, whether the optimizer was made before or after tying."""
    results = {}
    for name in ("before", "after"):
        emb, decoder = embedding_and_decoder(given)
        optimizer = torch.optim.Adam(emb.parameters(), lr=0.1)
        code.tie_weights(decoder, emb)
        if name == "after":
            optimizer = torch.optim.Adam(nn.ModuleList([emb, decoder]).parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            decoder(emb(given.permutation(7))).square().sum().backward()
            optimizer.step()
        given.watch(emb, "emb")
        given.watch(decoder, "decoder")
        results[name] = {"emb.weight": emb.weight, "decoder.weight": decoder.weight}
    return only(results, "values")


@checks("tie_weights")
def test_tie_weights_leaves_the_rest_alone(code, given):
    """The decoder's bias stays as it was, with its flag and .grad, and so do the embedding's flag and .grad."""
    results = {}
    for name, flags in {"frozen embedding": (False, True), "frozen decoder": (True, False)}.items():
        emb, decoder = embedding_and_decoder(given)
        optimizer = torch.optim.SGD(decoder.parameters(), lr=given.number(0.1, 0.5))
        emb.weight.requires_grad_(flags[0])
        decoder.requires_grad_(flags[1])
        given.with_grad(emb)
        if flags[1]:
            given.with_grad(decoder)
        decoder.train(flags[0])
        given.watch(emb, "emb")
        given.watch(decoder, "decoder")
        code.tie_weights(decoder, emb)
        results[name] = {"emb.weight": emb.weight, "decoder.weight": decoder.weight, "bias": decoder.bias}
        results[name]["decoder in training mode"] = decoder.training
        optimizer.step()  # it still trains the bias
        given.watch(decoder, "decoder")
    emb, decoder = embedding_and_decoder(given, bias=False)
    code.tie_weights(decoder, emb)
    return {
        "layers": only(results, "type", "requires_grad", "is_leaf", "values", "gradient"),
        "bias of a decoder without one": decoder.bias,
        "decoder without a bias": only(decoder, "type", "shape", "requires_grad"),
    }
