"""Checks for topic `initialization` that only grading runs: edge cases of the specification.

Right code fails a statistical check less than once in 10**9 times: `distributed_as` promises it, `moments` states it.
"""

import math

import torch
from torch import nn

from autograder import at_least, at_most, checks, close, distributed_as, only, raises

NN_INIT = [member for member in vars(nn.init).values() if callable(member) and member.__module__ == "torch.nn.init"]


def drawn(tensor, family, *, share=1, **parameters):
    """A tensor whose values alone are compared with a distribution; `share` of them have the false rejects of one."""
    return only(distributed_as(tensor, family, false_reject=1e-9 / share, **parameters), "values")


def moments(tensor, std):
    """Mean and standard deviation in units of `std`. With 8,000 right numbers they fail less than once in 10**9 times."""
    numbers = tensor.detach().double()
    mean, spread = numbers.mean().item() / std, numbers.std().item() / std
    return {"mean / right std": close(mean, rtol=0.1), "std / right std": close(spread, rtol=0.04)}


def share_of_equals(left, right):
    """The share of entries that agree; independent draws, even in float32, practically never do."""
    return at_most((left.detach() == right.detach()).double().mean().item(), 0.01)


def with_one_generator(given, fill):
    """Differences between numbers that must agree, and shares of equal entries where they must not."""
    seed = given.integer(0, 2**31)
    tensors = [given.full(40, 30, value=7.0, dtype=torch.float64, name=f"w{number}") for number in range(4)]
    generator = torch.Generator(given.device).manual_seed(seed)
    fill(tensors[0], generator)
    fill(tensors[1], generator)
    fill(tensors[2], torch.Generator(given.device).manual_seed(seed))
    fill(tensors[3], torch.Generator(given.device).manual_seed(seed + 1))
    return {
        "difference, same seed": only(tensors[0] - tensors[2], "values"),
        "equal entries, next call": share_of_equals(tensors[0], tensors[1]),
        "equal entries, another seed": share_of_equals(tensors[0], tensors[3]),
    }


def global_state(device):
    """The state of the global generator that serves a device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_global_state(device, state):
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def global_state_change(given, fill):
    """How many bytes of the global random state change while `fill` uses its own generator."""
    w = given.full(20, 10, value=7.0, name="w")
    generator = given.generator(given.device)
    before = global_state(given.device)
    fill(w, generator)
    after = global_state(given.device)
    set_global_state(given.device, before)
    return {"changed bytes of the global random state": int((before != after).sum())}


def with_the_global_generator(given, fill):
    """The same for the global generator: it decides the numbers, and it moves on from call to call."""
    tensors = [given.full(40, 30, value=7.0, dtype=torch.float64, name=f"w{number}") for number in range(3)]
    with given.seeded():
        start = global_state(given.device)
        fill(tensors[0])
        fill(tensors[1])
        set_global_state(given.device, start)
        fill(tensors[2])
    return {
        "difference, same global state": only(tensors[0] - tensors[2], "values"),
        "equal entries, next call": share_of_equals(tensors[0], tensors[1]),
    }


def filled_parameters(given, fill):
    """What became of parameters with either flag, and whether they were returned."""
    parameters = {
        "parameter": nn.Parameter(given.full(6, 5, value=7.0)),
        "frozen parameter": nn.Parameter(given.full(6, 5, value=7.0), requires_grad=False),
    }
    results = {name: fill(parameter) for name, parameter in parameters.items()}
    facts = ("type", "shape", "dtype", "requires_grad", "is_leaf", "gradient")
    return {
        "parameters": only(dict(parameters), *facts),
        "the results are the parameters": [results[name] is parameters[name] for name in parameters],
    }


def untouched(given, fill):
    """The share of unchanged entries in the memory of several kinds of tensor that should be filled."""
    tensors = {
        "parameter": nn.Parameter(given.full(40, 30, value=7.0)),
        "transposed": given.transposed(given.full(40, 30, value=7.0)),
        "not contiguous": given.non_contiguous(given.full(40, 30, value=7.0)),
        "float64": given.full(40, 30, value=7.0, dtype=torch.float64),
    }
    views = {name: tensor.detach() for name, tensor in tensors.items()}
    for tensor in tensors.values():
        fill(tensor)
    kept = {name: (view == 7).double().mean().item() for name, view in views.items()}
    return {f"share of unchanged entries, {name}": at_most(share, 0.01) for name, share in kept.items()}


@checks("glorot_uniform_", gate=True, draws=1)
def test_glorot_uniform_gain(code, given):
    """The bound is multiplied by the gain."""
    results = {}
    for name, gain in (("sqrt(2)", math.sqrt(2)), ("5/3", 5 / 3)):
        w = given.full(90, 180, value=7.0, name=f"w, gain {name}")
        with given.unavailable(*NN_INIT):
            code.glorot_uniform_(w, gain)
        bound = gain * math.sqrt(6 / 270)
        results[f"gain {name}"] = drawn(w, "uniform", a=-bound, b=bound, share=2)
    return results


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_of_unequal_kernels(code, given):
    """Kernels need not be square or two-dimensional, and the two fans may be very different."""
    results = {}
    for shape in ((200, 10, 9), (8, 120, 2, 7), (16, 40, 2, 3, 4)):
        w = given.full(shape, value=7.0, name=f"w of shape {shape}")
        with given.unavailable(*NN_INIT):
            code.glorot_uniform_(w)
        bound = math.sqrt(6 / ((shape[0] + shape[1]) * math.prod(shape[2:])))
        results[f"shape {shape}"] = drawn(w, "uniform", a=-bound, b=bound, share=3)
    return results


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_of_a_single_weight(code, given):
    """A weight of shape (1, 1) is uniform between -sqrt(3) and sqrt(3)."""
    w = given.full(1, 1, value=7.0, name="w")
    numbers = []
    for _ in range(400):
        code.glorot_uniform_(w)
        numbers.append(w.clone())
    bound = math.sqrt(3) * (1 + 1e-6)
    return {"400 draws": drawn(torch.cat(numbers), "uniform", a=-bound, b=bound)}


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_of_any_dtype_and_layout(code, given):
    """Weights in float64 and weights with another memory layout are filled in the same way."""
    tensors = {
        "float64": given.full(120, 80, value=7.0, dtype=torch.float64),
        "transposed": given.transposed(given.full(120, 80, value=7.0)),
        "not contiguous": given.non_contiguous(given.full(120, 80, value=7.0)),
    }
    with given.unavailable(*NN_INIT):
        for w in tensors.values():
            code.glorot_uniform_(w)
    bound = math.sqrt(6 / 200)
    return {name: drawn(w, "uniform", a=-bound, b=bound, share=3) for name, w in tensors.items()}


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_with_a_generator(code, given):
    """The generator alone decides the numbers, and it moves on from call to call."""
    with given.unavailable(*NN_INIT):
        return with_one_generator(given, lambda w, generator: code.glorot_uniform_(w, generator=generator))


@checks("glorot_uniform_")
def test_glorot_uniform_leaves_the_global_state_alone(code, given):
    """When a generator is given, the global random state is left untouched."""
    with given.unavailable(*NN_INIT):
        return global_state_change(given, lambda w, generator: code.glorot_uniform_(w, 1.0, generator))


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_without_a_generator(code, given):
    """Without a generator, the global one decides the numbers."""
    with given.unavailable(*NN_INIT):
        return with_the_global_generator(given, lambda w: code.glorot_uniform_(w))


@checks("glorot_uniform_")
def test_glorot_uniform_of_parameters(code, given):
    """A parameter is returned itself: the same object, still a leaf, with the same flag and no gradient."""
    with given.unavailable(*NN_INIT):
        return filled_parameters(given, lambda w: code.glorot_uniform_(w))


@checks("glorot_uniform_")
def test_glorot_uniform_is_in_place(code, given):
    """The caller's own tensor is filled: a parameter, and weights of any layout and dtype."""
    with given.unavailable(*NN_INIT):
        return untouched(given, lambda w: code.glorot_uniform_(w))


@checks("glorot_uniform_")
def test_glorot_uniform_refuses_numbers_and_vectors(code, given):
    """Tensors with 0 dimensions or 1 dimension raise a ValueError."""
    number, vector, nothing = (torch.zeros(shape, device=given.device) for shape in ((), (7,), (0,)))
    return {
        "shape ()": raises(lambda: code.glorot_uniform_(number)),
        "shape (7,)": raises(lambda: code.glorot_uniform_(vector)),
        "shape (0,)": raises(lambda: code.glorot_uniform_(nothing)),
    }


@checks("he_normal_", gate=True, draws=1)
def test_he_normal_of_other_shapes(code, given):
    """The standard deviation is right for fans of any size, and for convolutions."""
    results = {}
    for shape in ((50, 400), (64, 16, 3, 3), (300, 4, 9)):
        w = given.full(shape, value=7.0, name=f"w of shape {shape}")
        with given.unavailable(*NN_INIT):
            code.he_normal_(w, "fan_in")
        results[f"shape {shape}"] = moments(w, math.sqrt(2 / math.prod(shape[1:])))
    return results


@checks("he_normal_", draws=1)
def test_he_normal_of_fan_out_of_other_shapes(code, given):
    """With mode "fan_out", the standard deviation is right for fans of any size, and for convolutions."""
    results = {}
    for shape in ((50, 400), (64, 16, 3, 3), (20, 50, 9)):
        w = given.full(shape, value=7.0, name=f"w of shape {shape}")
        with given.unavailable(*NN_INIT):
            code.he_normal_(w, "fan_out")
        results[f"shape {shape}"] = moments(w, math.sqrt(2 / (shape[0] * math.prod(shape[2:]))))
    return results


@checks("he_normal_", draws=1)
def test_he_normal_is_normal(code, given):
    """The numbers are independent and follow a normal distribution, tails included."""
    w = given.full(400, 50, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.he_normal_(w)
    # In units of its own standard deviation: another check looks at the size.
    numbers = w.detach().double()
    std = numbers.std().item()
    beyond = (numbers.abs() > 3 * std).double().mean().item()
    return {
        "w / its std": drawn(numbers / std, "normal", mean=0, std=1),
        "share beyond 3 std": at_least(beyond, 0.0005),  # 10 of 20,000, where 54 are expected
    }


@checks("he_normal_", draws=1)
def test_he_normal_with_a_generator(code, given):
    """The generator alone decides the numbers, and it moves on from call to call."""
    with given.unavailable(*NN_INIT):
        return with_one_generator(given, lambda w, generator: code.he_normal_(w, generator=generator))


@checks("he_normal_")
def test_he_normal_leaves_the_global_state_alone(code, given):
    """When a generator is given, the global random state is left untouched."""
    with given.unavailable(*NN_INIT):
        return global_state_change(given, lambda w, generator: code.he_normal_(w, "fan_out", generator))


@checks("he_normal_", draws=1)
def test_he_normal_without_a_generator(code, given):
    """Without a generator, the global one decides the numbers."""
    with given.unavailable(*NN_INIT):
        return with_the_global_generator(given, lambda w: code.he_normal_(w))


@checks("he_normal_")
def test_he_normal_of_parameters(code, given):
    """A parameter is returned itself: the same object, still a leaf, with the same flag and no gradient."""
    with given.unavailable(*NN_INIT):
        return filled_parameters(given, lambda w: code.he_normal_(w))


@checks("he_normal_")
def test_he_normal_is_in_place(code, given):
    """The caller's own tensor is filled, in both modes: a parameter, and weights of any layout and dtype."""
    with given.unavailable(*NN_INIT):
        return [untouched(given, lambda w, mode=mode: code.he_normal_(w, mode)) for mode in ("fan_in", "fan_out")]


@checks("he_normal_")
def test_he_normal_refuses_numbers_and_vectors(code, given):
    """Tensors with 0 dimensions or 1 dimension raise a ValueError."""
    number, vector = (torch.zeros(shape, device=given.device) for shape in ((), (7,)))
    return {
        "shape ()": raises(lambda: code.he_normal_(number)),
        "shape (7,)": raises(lambda: code.he_normal_(vector)),
        'shape (7,), mode "fan_out"': raises(lambda: code.he_normal_(vector, mode="fan_out")),
    }


@checks("he_normal_", draws=1)
def test_he_normal_refuses_all_other_modes(code, given):
    """Every mode except "fan_in" and "fan_out" raises a ValueError."""
    w = torch.zeros(4, 3, device=given.device)
    return {
        repr(mode): raises(lambda mode=mode: code.he_normal_(w, mode)) for mode in ("fan", "in", "fan_in_out", "", "FAN_IN")
    }


class Block(nn.Module):
    """Layers in containers of every kind, and a parameter and a buffer of its own."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(200, 60)
        self.layers = nn.ModuleList([nn.Linear(80, 80), nn.Linear(80, 80)])
        self.named = nn.ModuleDict({"plain": nn.Linear(80, 80, bias=False), "conv": nn.Conv2d(30, 12, 5, bias=False)})
        self.norms = nn.Sequential(nn.BatchNorm1d(5), nn.Sequential(nn.BatchNorm2d(6), nn.BatchNorm2d(3, affine=False)))
        self.others = nn.Sequential(nn.LayerNorm(7), nn.Conv1d(2, 3, 3), nn.PReLU(4), nn.GroupNorm(2, 4))
        self.more = nn.ModuleList([nn.ConvTranspose2d(2, 3, 3), nn.GRU(3, 4), nn.BatchNorm3d(2), nn.Bilinear(2, 3, 4)])
        self.scale = nn.Parameter(torch.empty(3, 4))
        self.bias = nn.Parameter(torch.empty(5))
        self.register_buffer("weight", torch.empty(4, 4))


def block():
    """A block in which every number is drawn, statistics of BatchNorm included."""
    made = Block()
    with torch.no_grad():
        for tensor in (*made.parameters(), *made.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(2, 3)
            else:
                tensor.fill_(7)
    return nn.Sequential(made)


@checks("init_model_", draws=1)
def test_init_model_in_containers(code, given):
    """Layers inside nn.ModuleList and nn.ModuleDict are initialised, with or without a bias."""
    model = given.module(
        lambda: nn.Sequential(nn.ModuleDict({"a": nn.ModuleList([nn.Linear(100, 90), nn.Conv2d(30, 12, 5, bias=False)])}))
    )
    code.init_model_(model, given.integer(0, 10_000))
    linear, conv = model[0]["a"]
    return {
        "linear layer": moments(linear.weight, math.sqrt(2 / 100)),
        "convolution": moments(conv.weight, math.sqrt(2 / 750)),
    }


@checks("init_model_", draws=1)
def test_init_model_is_normal(code, given):
    """The weights are independent and follow a normal distribution, tails included."""
    model = given.module(lambda: nn.Sequential(nn.Linear(50, 300), nn.Conv2d(8, 50, 5)))
    code.init_model_(model, given.integer(0, 10_000))
    weights = {"linear layer": model[0].weight, "convolution": model[1].weight}
    found = {}
    for name, weight in weights.items():
        numbers = weight.detach().double()
        found[name] = drawn(numbers / numbers.std(), "normal", mean=0, std=1, share=2)
    return found


@checks("init_model_", draws=1)
def test_init_model_of_a_single_layer(code, given):
    """A model that is itself a layer is initialised."""
    linear, conv = given.module(lambda: nn.Linear(100, 90)), given.module(lambda: nn.Conv2d(30, 12, 5))
    embedding, norm = given.module(lambda: nn.Embedding(300, 30)), given.module(lambda: block()[0].norms[0])
    for model in (linear, conv, embedding, norm):
        code.init_model_(model, given.integer(0, 10_000))
    return {
        "Linear": moments(linear.weight, math.sqrt(2 / 100)),
        "Conv2d": moments(conv.weight, math.sqrt(2 / 750)),
        "Embedding": moments(embedding.weight, 0.02),
        "BatchNorm1d": only(dict(norm.named_parameters()), "values"),
    }


@checks("init_model_", draws=1)
def test_init_model_embeddings(code, given):
    """The weights of an embedding have mean 0 and standard deviation 0.02."""
    model = given.module(block, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    return moments(model[0].embedding.weight, 0.02)


@checks("init_model_", draws=1)
def test_init_model_norms(code, given):
    """The weights of BatchNorm1d and BatchNorm2d layers are 1, and their biases are 0."""
    model = given.module(block, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    return only(dict(model[0].norms.named_parameters()), "values")


@checks("init_model_", draws=1)
def test_init_model_keeps_buffers(code, given):
    """Buffers keep their values: the statistics of BatchNorm layers, and all others."""
    model = given.module(block, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    return only(dict(model.named_buffers()), "values")


@checks("init_model_", draws=1)
def test_init_model_keeps_other_parameters(code, given):
    """Parameters of other layers, and parameters outside any layer, keep their values."""
    model = given.module(block, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    own = {"scale": model[0].scale, "bias": model[0].bias}
    layers = dict(model[0].others.named_parameters())
    more = dict(model[0].more.named_parameters())
    return only({"parameters outside any layer": own, "other layers": layers, "more layers": more}, "values")


@checks("init_model_", draws=1)
def test_init_model_is_reproducible_in_full(code, given):
    """The same seed gives the same numbers in every layer, embeddings included; so do seed 0 and large seeds."""
    results = {}
    for seed in (0, 2**32 + given.integer(0, 1000)):
        left, right = given.module(lambda: block()[0].double()), given.module(lambda: block()[0].double())
        for model in (left, right):
            with given.seeded():
                code.init_model_(model, seed)
        results |= {
            f"seed {'0' if seed == 0 else 'large'}: difference, embedding": left.embedding.weight - right.embedding.weight,
            f"seed {'0' if seed == 0 else 'large'}: difference, layer": left.layers[1].weight - right.layers[1].weight,
            f"seed {'0' if seed == 0 else 'large'}: difference, conv": left.named["conv"].weight
            - right.named["conv"].weight,
        }
    return only({name: difference.detach() for name, difference in results.items()}, "values")


@checks("init_model_", draws=1)
def test_init_model_depends_on_the_seed(code, given):
    """A different seed gives different weights."""
    left, right = given.module(block), given.module(block)
    seed = given.integer(0, 10_000)
    code.init_model_(left, seed)
    code.init_model_(right, seed + 1)
    return {
        "equal entries, embedding": share_of_equals(left[0].embedding.weight, right[0].embedding.weight),
        "equal entries, linear layer": share_of_equals(left[0].layers[0].weight, right[0].layers[0].weight),
        "equal entries, convolution": share_of_equals(left[0].named["conv"].weight, right[0].named["conv"].weight),
    }


@checks("init_model_", draws=1)
def test_init_model_layers_differ(code, given):
    """Layers of the same shape get different weights, and so do the rows of a single layer."""
    model = given.module(block, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    first, second, third = model[0].layers[0].weight, model[0].layers[1].weight, model[0].named["plain"].weight
    return {
        "equal entries, two layers": share_of_equals(first, second),
        "equal entries, two layers in different containers": share_of_equals(first, third),
        "equal entries, two rows": share_of_equals(first[:-1], first[1:]),
    }


@checks("init_model_", draws=1)
def test_init_model_keeps_parameter_objects(code, given):
    """The parameters are the same objects as before, and the model holds no new ones."""
    model = given.module(lambda: block().eval(), name="model")
    before = dict(model.named_parameters())
    code.init_model_(model, given.integer(0, 10_000))
    after = dict(model.named_parameters())
    return {"names": list(after), "the same objects": {name: after.get(name) is before[name] for name in before}}


@checks("init_model_", draws=1)
def test_init_model_keeps_flags(code, given):
    """Frozen layers are initialised too; every requires_grad flag stays, and parameters stay leaves without a gradient."""
    model = given.module(lambda: nn.Sequential(nn.Linear(100, 90), nn.Linear(90, 100), nn.BatchNorm1d(4)))
    model[0].requires_grad_(False)
    model[2].bias.requires_grad_(False)
    given.watch(model, "model")
    code.init_model_(model, given.integer(0, 10_000))
    return {
        "frozen layer": moments(model[0].weight, math.sqrt(2 / 100)),
        "parameters": only(dict(model.named_parameters()), "type", "requires_grad", "is_leaf", "gradient"),
    }


@checks("init_model_")
def test_init_model_returns_nothing(code, given):
    """The function returns None, and leaves a model without such layers as it is."""
    model = given.module(lambda: nn.Sequential(nn.ReLU(), nn.LayerNorm(3)))
    return {"result": code.init_model_(model, 3), "model": only(dict(model.named_parameters()), "values")}


@checks("trunc_normal_", gate=True, draws=1)
def test_trunc_normal_with_mean_and_std(code, given):
    """The distribution is right for any mean and any standard deviation."""
    results = {}
    for mean, std in ((3.0, 0.5), (0.0, 0.02), (-1.0, 4.0)):
        w = given.full(200, 150, value=7.0, name=f"w, mean {mean}, std {std}")
        with given.unavailable(*NN_INIT):
            code.trunc_normal_(w, mean, std)
        low, high = mean - 2 * std, mean + 2 * std
        results[f"mean {mean}, std {std}"] = drawn(w, "truncated_normal", mean=mean, std=std, a=low, b=high, share=3)
    return results


@checks("trunc_normal_", draws=1)
def test_trunc_normal_does_not_pile_up(code, given):
    """The values do not pile up at the limits."""
    results = {}
    for mean, std in ((0.0, 1.0), (3.0, 0.02)):
        w = given.full(200, 150, value=7.0, dtype=torch.float64, name=f"w, mean {mean}, std {std}")
        with given.unavailable(*NN_INIT):
            code.trunc_normal_(w, mean=mean, std=std)
        # Right code has a share of 1.1e-5 there; 30 of 30,000 values happen with a probability below 10**-40.
        near = ((w - mean).abs() - 2 * std).abs() < 1e-4 * std
        results[f"share at the limits, mean {mean}, std {std}"] = at_most(near.double().mean().item(), 0.001)
    return results


@checks("trunc_normal_", draws=1)
def test_trunc_normal_spread(code, given):
    """The spread and the share of values within one std are those of the truncated distribution."""
    w = given.full(800, 500, value=7.0, name="w")
    std = given.choice([0.05, 0.1])
    with given.unavailable(*NN_INIT):
        code.trunc_normal_(w, std=std)
    spread, share = w.double().std().item() / std, (w.abs() < std).double().mean().item()
    # Exact are 0.8796 and 0.7152; those of 400,000 numbers err by 0.0008 and 0.0007, and the limits are over six times that.
    return {
        "standard deviation / std": at_least(spread, 0.8736),
        "standard deviation / std, again": at_most(spread, 0.8856),
        "share inside one std": at_least(share, 0.7106),
        "share inside one std, again": at_most(share, 0.7199),
    }


@checks("trunc_normal_")
def test_trunc_normal_of_any_shape(code, given):
    """Tensors of any shape and layout are filled, 0-d and empty ones included."""
    tensors = {
        "0-d": given.full((), value=7.0),
        "empty": given.full(0, value=7.0),
        "shape (0, 3)": given.full(0, 3, value=7.0),
        "vector": given.full(5, value=7.0),
        "transposed": given.transposed(given.full(40, 30, value=7.0)),
        "not contiguous": given.non_contiguous(given.full(40, 30, value=7.0)),
        "0-d parameter": nn.Parameter(given.full((), value=7.0)),
    }
    with given.unavailable(*NN_INIT):
        results = {name: code.trunc_normal_(w, mean=1.0, std=2.0) for name, w in tensors.items()}
    return {
        "values outside the limits": {name: int(((w - 1).abs() > 4.001).sum()) for name, w in tensors.items()},
        "results": only(results, "type", "shape", "dtype", "requires_grad"),
    }


@checks("trunc_normal_", draws=1)
def test_trunc_normal_of_a_single_number(code, given):
    """A 0-d tensor gets a number from the truncated distribution."""
    w = given.full((), value=7.0, name="w")
    numbers = []
    for _ in range(400):
        code.trunc_normal_(w)
        numbers.append(w.clone())
    return {"400 draws": drawn(torch.stack(numbers), "truncated_normal", mean=0, std=1, a=-2, b=2)}


@checks("trunc_normal_", draws=1)
def test_trunc_normal_with_a_generator(code, given):
    """The generator alone decides the numbers, and it moves on from call to call."""
    with given.unavailable(*NN_INIT):
        return with_one_generator(given, lambda w, generator: code.trunc_normal_(w, generator=generator))


@checks("trunc_normal_")
def test_trunc_normal_leaves_the_global_state_alone(code, given):
    """When a generator is given, the global random state is left untouched."""
    with given.unavailable(*NN_INIT):
        return global_state_change(given, lambda w, generator: code.trunc_normal_(w, 0.0, 1.0, generator))


@checks("trunc_normal_", draws=1)
def test_trunc_normal_without_a_generator(code, given):
    """Without a generator, the global one decides the numbers."""
    with given.unavailable(*NN_INIT):
        return with_the_global_generator(given, lambda w: code.trunc_normal_(w))


@checks("trunc_normal_")
def test_trunc_normal_of_parameters(code, given):
    """A parameter is returned itself: the same object, still a leaf, with the same flag and no gradient."""
    with given.unavailable(*NN_INIT):
        return filled_parameters(given, lambda w: code.trunc_normal_(w))


@checks("trunc_normal_")
def test_trunc_normal_is_in_place(code, given):
    """The caller's own tensor is filled: a parameter, and tensors of any layout and dtype."""
    with given.unavailable(*NN_INIT):
        return untouched(given, lambda w: code.trunc_normal_(w))


@checks("trunc_normal_")
def test_trunc_normal_refuses_negative_std(code, given):
    """A negative standard deviation raises a ValueError, and so does 0 for an empty tensor."""
    w, nothing = (torch.zeros(shape, device=given.device) for shape in ((4, 3), (0,)))
    return {
        "std -1": raises(lambda: code.trunc_normal_(w, std=-1.0)),
        "std -0.001": raises(lambda: code.trunc_normal_(w, 1.0, -0.001)),
        "std 0, empty tensor": raises(lambda: code.trunc_normal_(nothing, std=0.0)),
    }
