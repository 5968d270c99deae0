"""Checks of topic `parameters` that only grading runs: edge cases of the specification."""

from itertools import pairwise

import torch
from torch import nn

from autograder import checks, only, raises


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
    """It works over the last dimension of samples, batches, sequences and empty batches, and for a single feature."""
    results = {}
    for features in (5, 1):
        module = affine(code, given, features).double()
        results |= {f"{features} features, {name}": module(x) for name, x in inputs(given, features).items()}
    return only(results, "shape", "values")


@checks("Affine")
def test_affine_without_bias_forward(code, given):
    """With bias=False, the result is x * weight."""
    module = affine(code, given, 5, bias=False).double()
    return only({name: module(x) for name, x in inputs(given, 5).items()}, "shape", "values")


@checks("Affine")
def test_affine_dtype(code, given):
    """The result has the dtype of x and of the parameters."""
    x, wide = given.normal(4, 3), given.normal(4, 3, dtype=torch.float64)
    results = {"float32": code.Affine(3).to(x.device)(x), "float64": code.Affine(3).to(x.device).double()(wide)}
    return only(results, "dtype")


@checks("Affine")
def test_affine_gradients(code, given):
    """Gradients reach x, the weight and the bias."""
    module = affine(code, given, 4)
    plain = affine(code, given, 4, bias=False)
    x = given.normal(6, 4, requires_grad=True)
    return only(
        {
            "with bias": gradients(module(x), {"x": x, "weight": module.weight, "bias": module.bias}),
            "without bias": gradients(plain(x), {"x": x, "weight": plain.weight}),
        },
        "values",
    )


@checks("Affine")
def test_affine_instances(code, given):
    """Training one instance leaves others as they are, and new ones start as ones and zeros."""
    first, second = given.module(lambda: code.Affine(4)), given.module(lambda: code.Affine(4))
    step(first, given.normal(6, 4))
    third = given.module(lambda: code.Affine(4))
    found = {"trained": first, "made before": second, "made afterwards": third}
    return only({name: {"weight": module.weight, "bias": module.bias} for name, module in found.items()}, "values")


@checks("Affine")
def test_affine_start_of_other_sizes(code, given):
    """With a single feature, or bias passed by position, the weight is a parameter that starts as ones."""
    one, plain = given.module(lambda: code.Affine(1)), given.module(lambda: code.Affine(3, False))
    return only({"Affine(1)": one, "Affine(3, False)": plain}, "type", "shape", "requires_grad", "values")


@checks("Affine")
def test_affine_moves(code, given):
    """The parameters follow the module to another device and another dtype."""
    moved = given.module(lambda: code.Affine(4)).to(given.second_device)
    wide = given.module(lambda: code.Affine(4)).to(torch.float64)
    return {
        "on the second device": only({"weight": moved.weight, "bias": moved.bias}, "device"),
        "as float64": only({"weight": wide.weight, "bias": wide.bias}, "dtype"),
    }


@checks("Standardize", gate=True)
def test_standardize_of_any_shape(code, given):
    """It works over the last dimension of samples, batches, sequences and empty batches."""
    module = given.module(lambda: code.Standardize(given.normal(6, 5, mean=1, std=2, dtype=torch.float64)))
    return only({name: module(x) for name, x in inputs(given, 5).items()}, "shape", "values")


@checks("Standardize")
def test_standardize_statistics(code, given):
    """mean and std have the shape (D,) and the dtype of X."""
    found = {}
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64), ("float16", torch.float16)):
        module = given.module(lambda dtype=dtype: code.Standardize(given.normal(6, 3, dtype=dtype)))
        found[name] = {"mean": module.mean, "std": module.std}
    facts = {name: only(buffers, "shape", "dtype") for name, buffers in found.items()}
    return {**facts, "values, float64": only(found["float64"], "values")}


@checks("Standardize")
def test_standardize_small_columns(code, given):
    """A std that is small but not 0 is used as it is; only an std of exactly 0 becomes 1."""
    columns = [
        given.normal(5, 1, std=1e-6, dtype=torch.float64),
        given.full(5, 1, value=-2.0, dtype=torch.float64),
        given.normal(5, 1, dtype=torch.float64),
    ]
    module = given.module(lambda: code.Standardize(given.watch(torch.cat(columns, dim=1), "X")))
    x = given.normal(4, 3, dtype=torch.float64)
    return only({"std, exponents": module.std.log10(), "module(x)": list(module(x).unbind(dim=1))}, "values")


@checks("Standardize")
def test_standardize_of_one_row(code, given):
    """If X has a single row, that row is the mean, and every std is 1."""
    module = given.module(lambda: code.Standardize(given.normal(1, 3, dtype=torch.float64)))
    x = given.normal(4, 3, dtype=torch.float64)
    return only({"mean": module.mean, "std": module.std, "module(x)": module(x)}, "values")


@checks("Standardize")
def test_standardize_uses_stored_statistics(code, given):
    """The stored statistics are used in training and in eval mode, even for a batch of one, and never change."""
    module = given.module(lambda: code.Standardize(given.normal(6, 3, mean=2, dtype=torch.float64)))
    results = {}
    for mode in (True, False):
        module.train(mode)
        results[f"batch, training {mode}"] = module(given.normal(8, 3, dtype=torch.float64))
        results[f"batch of one, training {mode}"] = module(given.normal(1, 3, dtype=torch.float64))
    return only({**results, "mean": module.mean, "std": module.std}, "values")


@checks("Standardize")
def test_standardize_does_not_follow_x(code, given):
    """Changing X later has no effect, whether it has many rows or one."""
    results = {}
    for rows in (6, 1):
        X = given.normal(rows, 3, dtype=torch.float64).clone()
        module = given.module(lambda X=X: code.Standardize(X))
        X.mul_(5).add_(1)
        results[f"{rows} rows"] = [module(given.normal(4, 3, dtype=torch.float64)), module.mean, module.std]
    return only(results, "values")


@checks("Standardize")
def test_standardize_of_x_that_requires_grad(code, given):
    """Even if X requires grad, the buffers do not, and no gradient flows back to X."""
    results = {}
    for name, X in {
        "leaf": given.normal(6, 3, requires_grad=True),
        "not a leaf": given.non_leaf(given.normal(6, 3)),
    }.items():
        module = given.module(lambda X=X: code.Standardize(X))
        results[name] = only(module, "type", "requires_grad", "is_leaf")
        results[f"{name}, module(x)"] = only(module(given.normal(4, 3)), "requires_grad")
    return results


@checks("Standardize")
def test_standardize_gradient(code, given):
    """Gradients reach x."""
    module = given.module(lambda: code.Standardize(given.normal(6, 3, std=2, dtype=torch.float64)))
    x = given.normal(4, 3, dtype=torch.float64, requires_grad=True)
    return only(gradients(module(x), {"x": x}), "values")


@checks("Standardize")
def test_standardize_loads(code, given):
    """After loading another module's state, its statistics are used."""
    first = given.module(lambda: code.Standardize(given.normal(6, 3, dtype=torch.float64)))
    second = given.module(lambda: code.Standardize(given.normal(6, 3, mean=5, std=3, dtype=torch.float64)))
    first.load_state_dict(second.state_dict())
    return only({"module(x)": first(given.normal(4, 3, dtype=torch.float64))}, "values")


@checks("Standardize")
def test_standardize_moves(code, given):
    """The buffers follow the module to another dtype and to another device."""
    X, x = given.normal(6, 3), given.normal(4, 3)
    wide = given.module(lambda: code.Standardize(X)).to(torch.float64)
    moved = given.module(lambda: code.Standardize(X)).to(given.second_device)
    return {
        "float64": only({"mean": wide.mean, "std": wide.std, "module(x)": wide(x.double())}, "dtype"),
        "second device": only({"mean": moved.mean, "std": moved.std}, "device"),
        "second device, module(x)": only(moved(x.to(given.second_device)), "device", "shape"),
    }


@checks("MLP", gate=True)
def test_mlp_forward_of_any_shape(code, given):
    """It works for single samples, batches, sequences and empty batches; the sizes may be a tuple."""
    module = mlp(code, given, (4, 6, 5, 3))
    xs = inputs(given, 4)
    results = {name: module(x) for name, x in xs.items()}
    negate_last_layer(module, 2)
    results |= {f"{name}, last layer negated": module(x) for name, x in xs.items()}
    return only(results, "shape", "values")


@checks("MLP")
def test_mlp_keys_of_other_sizes(code, given):
    """The keys and shapes are right for two sizes and for many, even if some are equal."""
    models = {
        str(sizes): given.module(lambda sizes=sizes: code.MLP(sizes)) for sizes in ([3, 2], [1, 1, 1, 1], (5, 5, 5, 2, 2))
    }
    layers = {name: sum(isinstance(part, nn.Linear) for part in model.modules()) for name, model in models.items()}
    return {"models": only(models, "type", "shape", "requires_grad"), "layers of type nn.Linear": layers}


@checks("MLP")
def test_mlp_layers_are_distinct(code, given):
    """Each layer has its own parameters, even if sizes repeat, and one step of SGD moves each in its own way."""
    module = mlp(code, given, [3, 3, 3, 3])
    count = len(list(module.parameters()))
    step(module, given.normal(8, 3, dtype=torch.float64), lr=0.01)
    return {"number of parameters": count, "parameters after one step": only(dict(module.named_parameters()), "values")}


@checks("MLP")
def test_mlp_instances_are_distinct(code, given):
    """Two models of the same sizes share no parameters."""
    models = nn.ModuleList([given.module(lambda: code.MLP([3, 3, 2])) for _ in range(2)])
    return {"number of parameters of two models": len(list(models.parameters()))}


@checks("MLP")
def test_mlp_gradients(code, given):
    """Gradients reach x and every parameter."""
    module = mlp(code, given, [4, 8, 8, 2])
    x = given.normal(16, 4, dtype=torch.float64, requires_grad=True)
    return only(gradients(module(x), {"x": x, **dict(module.named_parameters())}), "values")


@checks("MLP")
def test_mlp_moves(code, given):
    """All parameters follow the model to another device and another dtype."""
    moved = given.module(lambda: code.MLP([3, 4, 2])).to(given.second_device)
    wide = given.module(lambda: code.MLP([3, 4, 2])).to(torch.float64)
    return {"on the second device": only(moved, "type", "device"), "as float64": only(wide, "type", "dtype")}


@checks("MLP")
def test_mlp_refuses_too_few_sizes(code, given):
    """Fewer than two sizes raise a ValueError."""
    return {str(sizes): raises(lambda sizes=sizes: code.MLP(sizes)) for sizes in ([], [3], (4,))}


@checks("MLP")
def test_mlp_leaves_the_sizes_alone(code, given):
    """The list of sizes is not changed."""
    sizes = [4, 6, 5, 3]
    module = given.module(lambda: code.MLP(sizes).double())
    x = given.normal(8, 4, dtype=torch.float64)
    return {"module(x)": only(module(x), "shape"), "sizes": sizes}


@checks("set_weights_", gate=True)
def test_set_weights_of_any_kind(code, given):
    """W and b may have another dtype, require grad, be non-leaves, or be transposed or expanded."""
    cases = {
        "float64": (given.normal(2, 3, dtype=torch.float64), given.normal(2, dtype=torch.float64)),
        "requires grad": (given.normal(2, 3, requires_grad=True), given.normal(2, requires_grad=True)),
        "not a leaf": (given.non_leaf(given.normal(2, 3)), given.non_leaf(given.normal(2))),
        "transposed": (given.transposed(given.normal(2, 3)), given.non_contiguous(given.normal(2))),
        "expanded": (given.expanded(given.normal(1, 3), 2, 3), given.expanded(given.normal(1), 2)),
    }
    results = {}
    for name, (W, b) in cases.items():
        linear = given.module(lambda: nn.Linear(3, 2))
        code.set_weights_(linear, W, b)
        results[name] = {"weight": linear.weight, "bias": linear.bias}
    return only(results, "shape", "values")


@checks("set_weights_")
def test_set_weights_without_b(code, given):
    """Without b, the bias keeps its values; the layer may have no bias; nothing is returned."""
    linear, plain = given.module(lambda: nn.Linear(3, 2)), given.module(lambda: nn.Linear(3, 2, bias=False))
    returned = [code.set_weights_(linear, given.normal(2, 3)), code.set_weights_(plain, given.normal(2, 3), None)]
    return {
        "returned": returned,
        "layer": only(dict(linear.named_parameters()), "values"),
        "layer without bias": only(dict(plain.named_parameters()), "values"),
    }


@checks("set_weights_")
def test_set_weights_with_an_older_optimizer(code, given):
    """An optimizer made earlier keeps training the layer, with the momentum it has."""
    linear = given.module(lambda: nn.Linear(3, 2).double())
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.1, momentum=0.9)
    for number in range(3):
        if number == 1:
            code.set_weights_(linear, given.normal(2, 3, dtype=torch.float64), given.normal(2, dtype=torch.float64))
        optimizer.zero_grad()
        linear(given.normal(5, 3, dtype=torch.float64)).square().sum().backward()
        optimizer.step()
    return only({"weight": linear.weight, "bias": linear.bias}, "values")


@checks("set_weights_")
def test_set_weights_leaves_gradients_alone(code, given):
    """What is in .grad stays there."""
    linear = given.with_grad(given.module(lambda: nn.Linear(3, 2)))
    fresh = given.module(lambda: nn.Linear(3, 2))
    for layer in (linear, fresh):
        code.set_weights_(layer, given.normal(2, 3), given.normal(2))
    return only({"with .grad": dict(linear.named_parameters()), "without": dict(fresh.named_parameters())}, "gradient")


@checks("set_weights_")
def test_set_weights_of_frozen_layers(code, given):
    """Frozen parameters also get the values and stay frozen; each keeps its own flag."""
    results = {}
    for name, flags in {"both frozen": (False, False), "weight frozen": (False, True), "bias frozen": (True, False)}.items():
        linear = given.module(lambda: nn.Linear(3, 2))
        linear.weight.requires_grad_(flags[0])
        linear.bias.requires_grad_(flags[1])
        given.watch(linear, f"layer, {name}")
        code.set_weights_(linear, given.normal(2, 3), given.normal(2, requires_grad=True))
        results[name] = {"weight": linear.weight, "bias": linear.bias}
    return only(results, "requires_grad", "is_leaf", "values")


@checks("set_weights_")
def test_set_weights_keeps_the_dtype(code, given):
    """The parameters keep their dtype and device, whatever dtype W and b have."""
    narrow, wide = given.module(lambda: nn.Linear(3, 2)), given.module(lambda: nn.Linear(3, 2).double())
    code.set_weights_(narrow, given.normal(2, 3, dtype=torch.float64), given.normal(2, dtype=torch.float64))
    code.set_weights_(wide, given.normal(2, 3), given.normal(2, dtype=torch.float16))
    return only({"float32": dict(narrow.named_parameters()), "float64": dict(wide.named_parameters())}, "dtype", "device")


@checks("set_weights_")
def test_set_weights_does_not_follow(code, given):
    """Changing W and b later does not change the layer."""
    linear = given.module(lambda: nn.Linear(3, 2))
    W, b = given.normal(2, 3).clone(), given.normal(2).clone()
    code.set_weights_(linear, W, b)
    W.add_(1)
    b.mul_(2).add_(1)
    return only({"weight": linear.weight, "bias": linear.bias}, "values")


@checks("set_weights_")
def test_set_weights_connects_nothing(code, given):
    """No gradient flows from the layer to W or b."""
    linear = given.module(lambda: nn.Linear(3, 2))
    W, b = given.normal(2, 3, requires_grad=True), given.normal(2, requires_grad=True)
    code.set_weights_(linear, W, b)
    result = linear(given.normal(4, 3))
    return only(gradients(result, {"W": W, "b": b, "weight": linear.weight, "bias": linear.bias}), "values")


@checks("set_weights_")
def test_set_weights_refuses_shapes(code, given):
    """A shape that could be broadcast, or a b for a layer without bias, raises a ValueError, and nothing changes."""
    cases = {
        "W of shape (1, 3)": (True, (1, 3), None),
        "W of shape (3,)": (True, (3,), None),
        "W of shape ()": (True, (), None),
        "W of shape (2, 1), b right": (True, (2, 1), (2,)),
        "W of shape (6,)": (True, (6,), None),
        "W of shape (1, 2, 3)": (True, (1, 2, 3), None),
        "W right, b of shape ()": (True, (2, 3), ()),
        "W right, b of shape (1,)": (True, (2, 3), (1,)),
        "W right, b of shape (1, 2)": (True, (2, 3), (1, 2)),
        "W right, b of shape (3,)": (True, (2, 3), (3,)),
        "W right, b for a layer without bias": (False, (2, 3), (2,)),
    }
    results = {}
    for name, (bias, shape, b_shape) in cases.items():
        linear = given.module(lambda bias=bias: nn.Linear(3, 2, bias=bias))
        W, b = given.normal(shape), None if b_shape is None else given.normal(b_shape)
        results[name] = raises(lambda linear=linear, W=W, b=b: code.set_weights_(linear, W, b))
        results[f"{name}: parameters"] = only(linear, "type", "shape", "values")
    return results


@checks("tie_weights")
def test_tie_weights_gradients_add_up(code, given):
    """The gradients of both uses add up in the embedding's parameter."""
    emb, decoder = embedding_and_decoder(given)
    weight = emb.weight
    code.tie_weights(decoder, emb)
    words, scores = given.permutation(7), given.uniform(7, 7, low=1, high=2)
    x = given.normal(7, 4)
    return only(
        {
            "the embedding's use": gradients(emb(words) * x, {"emb.weight": weight}),
            "the decoder's use": gradients(decoder(x) * scores, {"emb.weight": weight}),
            "both": gradients(decoder(emb(words)) * scores, {"emb.weight": weight}),
        },
        "values",
    )


@checks("tie_weights")
def test_tie_weights_stay_equal(code, given):
    """After an optimizer step, both weights are still equal, whether the optimizer was made before or after tying."""
    results = {}
    for name in ("before", "after"):
        emb, decoder = embedding_and_decoder(given)
        optimizer = torch.optim.SGD(emb.parameters(), lr=0.1)
        code.tie_weights(decoder, emb)
        if name == "after":
            optimizer = torch.optim.SGD(nn.ModuleList([emb, decoder]).parameters(), lr=0.1)
        decoder(emb(given.permutation(7))).square().sum().backward()
        optimizer.step()
        results[name] = {"emb.weight": emb.weight, "difference": emb.weight.detach() - decoder.weight.detach()}
    return only(results, "values")


@checks("tie_weights")
def test_tie_weights_registers(code, given):
    """The decoder lists the weight as its parameter, under the name it had before."""
    emb, decoder = embedding_and_decoder(given)
    code.tie_weights(decoder, emb)
    both = nn.ModuleDict({"emb": emb, "decoder": decoder})
    return {
        "decoder": only(decoder, "type", "shape", "requires_grad"),
        "names": sorted(name for name, _ in both.named_parameters(remove_duplicate=False)),
        "one object": decoder.weight is emb.weight,
    }


@checks("tie_weights")
def test_tie_weights_leaves_the_bias_alone(code, given):
    """The decoder's bias is the same object with the same values; a decoder without one still has none."""
    emb, decoder = embedding_and_decoder(given)
    other, plain = embedding_and_decoder(given, bias=False)
    bias = decoder.bias
    code.tie_weights(decoder, emb)
    code.tie_weights(plain, other)
    count = len(list(nn.ModuleList([plain, other]).parameters()))
    return {
        "bias": only(decoder.bias, "type", "values", "requires_grad", "gradient"),
        "bias is the same object": decoder.bias is bias,
        "bias of a decoder without one": plain.bias,
        "number of parameters without a bias": count,
    }


@checks("tie_weights")
def test_tie_weights_keeps_the_embeddings_flag(code, given):
    """A frozen embedding stays frozen and a trainable one stays trainable, with its .grad, whatever the decoder's flag."""
    results = {}
    for name, flags in {"frozen embedding": (False, True), "frozen decoder": (True, False)}.items():
        emb, decoder = embedding_and_decoder(given)
        emb.weight.requires_grad_(flags[0])
        decoder.weight.requires_grad_(flags[1])
        given.with_grad(emb)
        given.watch(emb, "emb")
        given.watch(decoder, "decoder")
        code.tie_weights(decoder, emb)
        results[name] = {"emb.weight": emb.weight, "decoder.weight": decoder.weight}
    return only(results, "type", "requires_grad", "is_leaf", "values", "gradient")


@checks("tie_weights")
def test_tie_weights_refuses_shapes(code, given):
    """Weights of different shapes raise a ValueError, even if they could be broadcast, and nothing changes."""
    results = {}
    for words, width, inner, out in ((5, 3, 4, 5), (4, 5, 4, 5), (1, 4, 4, 5), (6, 2, 3, 4), (9, 4, 4, 5)):
        emb = given.module(lambda words=words, width=width: nn.Embedding(words, width))
        decoder = given.module(lambda inner=inner, out=out: nn.Linear(inner, out))
        name = f"shapes ({out}, {inner}) and ({words}, {width})"
        results[name] = raises(lambda decoder=decoder, emb=emb: code.tie_weights(decoder, emb))
        results[f"{name}: layers"] = only([emb, decoder], "type", "shape", "values")
    return results
