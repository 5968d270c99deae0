"""Checks for topic `initialization` that students can run themselves."""

import math
from contextlib import contextmanager

import torch
from torch import nn

from autograder import alike, checks, distributed_as, only, raises, secret

NN_INIT = [member for member in vars(nn.init).values() if callable(member) and member.__module__ == "torch.nn.init"]


def two_numbers(pair):
    first, second = pair
    return {"the fan-in": secret(round(float(first), 3)), "the fan-out": secret(round(float(second), 3))}


def drawn(tensor, family, *, share=1, **parameters):
    """A tensor whose values alone are compared with a distribution; `share` of them have the false rejects of one."""
    return only(distributed_as(tensor, family, false_reject=1e-9 / share, **parameters), "values")


def normal(weight, variance, share=1):
    return drawn(weight, "normal", share=share, mean=0, std=math.sqrt(variance))


def filled(given, shape, fill, family, **parameters):
    """What `fill` puts into the memory of tensors of several kinds, and what it returns and leaves of them."""
    tensors = {
        "a tensor": given.full(shape, value=7.0),
        "a parameter": nn.Parameter(given.full(shape, value=7.0)),
        "a frozen parameter": nn.Parameter(given.full(shape, value=7.0), requires_grad=False),
        "a transposed tensor": given.transposed(given.full(shape, value=7.0)),
        "a tensor with gaps": given.non_contiguous(given.full(shape, value=7.0)),
        "a float64 tensor": given.full(shape, value=7.0, dtype=torch.float64),
        "a tensor full of nan": given.full(shape, value=float("nan")),
        "a parameter with a gradient": given.with_grad(nn.Parameter(given.full(shape, value=7.0))),
    }
    memory = {name: tensor.detach() for name, tensor in tensors.items()}
    with given.unavailable(*NN_INIT):
        results = {name: fill(tensor) for name, tensor in tensors.items()}
    facts = ("type", "shape", "dtype", "requires_grad", "is_leaf", "gradient")
    return {
        "in memory afterwards": {
            name: drawn(view, family, share=len(memory), **parameters) for name, view in memory.items()
        },
        "w": only(tensors, *facts),
        "the result": only(results, *facts, "aliasing"),
        "the result is w": {name: results[name] is tensor for name, tensor in tensors.items()},
    }


def too_few_dimensions(given, fill):
    """What comes of tensors that have no fan-in."""
    tensors = {"shape ()": (), "shape (n,)": given.integer(2, 9), "shape (0,)": 0}
    made = {name: given.full(shape, value=7.0) for name, shape in tensors.items()}
    return {name: raises(lambda w=w: fill(w)) for name, w in made.items()}


@contextmanager
def seeded(given, seed):
    """The global generators seeded; afterwards they are as they were."""
    device = given.device
    with given.seeded():
        before = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        torch.manual_seed(seed)
        try:
            yield
        finally:
            if before is not None:
                torch.cuda.set_rng_state(before, device)


def random_sources(given, shape, fill, family, **parameters):
    """Numbers that follow a generator or the global one: in new calls new ones, with equal seeds equal ones.

    That new ones are new is seen from the distribution of all of them together, which repeats nothing.
    """
    own = [given.full(shape, value=7.0, dtype=torch.float64, name=f"w{number}") for number in range(4)]
    seed = given.integer(0, 2**31)
    generator = torch.Generator(given.device).manual_seed(seed)
    with seeded(given, seed + 2):
        for w in own[:2]:
            fill(w, generator)
        fill(own[2], torch.Generator(given.device).manual_seed(seed))
        fill(own[3], torch.Generator(given.device).manual_seed(seed + 1))
        following = torch.rand(4, device=given.device)
    shared = [given.full(shape, value=7.0, dtype=torch.float64, name=f"w{number}, no generator") for number in range(4)]
    for places, number in (((0, 1), seed), ((2,), seed), ((3,), seed + 1)):
        with seeded(given, number):
            for place in places:
                fill(shared[place], None)
    return {
        "two calls and another seed": drawn(torch.stack([own[0], own[1], own[3]]), family, share=2, **parameters),
        "twice with the same seed": only(alike(some(own[0]), some(own[2])), "values"),
        "the global generator's next numbers": only(following, "values"),
        "two calls and another seed, global generator": drawn(
            torch.stack([shared[0], shared[1], shared[3]]), family, share=2, **parameters
        ),
        "twice with the same global seed": only(alike(some(shared[0]), some(shared[2])), "values"),
    }


def some(w):
    """Every 61st number: enough to tell random numbers apart, and few to keep."""
    return w.flatten()[::61]


@checks("predicted_fans", gate=True, draws=1)
def test_predicted_fans(code, given):
    """The two predicted numbers are the fan-in and the fan-out of the convolution's weight."""
    return two_numbers(code.predicted_fans)


@checks("predicted_bound", gate=True, draws=1)
def test_predicted_bound(code, given):
    """The predicted number is the bound of the fresh layer's weights."""
    return {"predicted_bound": secret(round(float(code.predicted_bound), 4))}


@checks("glorot_uniform_", gate=True, draws=1)
def test_glorot_uniform_values(code, given):
    """The values of a weight of shape (out, in) are uniform between -a and a."""
    shape = 2 * given.integer(50, 70) + 1, 2 * given.integer(90, 110)
    w = given.full(shape, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.glorot_uniform_(w)
    bound = math.sqrt(6 / sum(shape))
    return {"w": drawn(w, "uniform", a=-bound, b=bound)}


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_of_a_convolution(code, given):
    """The bound for a convolution's weight takes the whole kernel into account, which need not be a square."""
    out, inputs, size = given.integer(60, 70), given.integer(30, 36), given.integer(3, 6)
    height, width = given.choice([(size, size + 2), (size + 2, size)])
    w = given.full(out, inputs, height, width, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.glorot_uniform_(w)
    bound = math.sqrt(6 / ((out + inputs) * height * width))
    return {"w": drawn(w, "uniform", a=-bound, b=bound)}


@checks("glorot_uniform_", draws=1)
def test_glorot_uniform_gain(code, given):
    """The bound is proportional to the gain."""
    shape, gain = (given.integer(80, 100), given.integer(170, 190)), given.number(1.4, 3)
    w = given.full(shape, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.glorot_uniform_(w, gain)
    bound = gain * math.sqrt(6 / sum(shape))
    return {"w": drawn(w, "uniform", a=-bound, b=bound)}


@checks("glorot_uniform_", weight=2, draws=1)
def test_glorot_uniform_fills_and_returns_w(code, given):
    """A tensor or parameter of any kind is filled, and is itself what the function returns."""
    shape = given.integer(35, 45), given.integer(25, 35)
    bound = math.sqrt(6 / sum(shape))
    return filled(given, shape, lambda w: code.glorot_uniform_(w), "uniform", a=-bound, b=bound)


@checks("glorot_uniform_", weight=2, draws=1)
def test_glorot_uniform_random_sources(code, given):
    """The generator alone decides the numbers, or else the global one, and it moves on from call to call."""
    shape = given.integer(60, 70), given.integer(50, 60)
    bound = math.sqrt(6 / sum(shape))
    with given.unavailable(*NN_INIT):
        return random_sources(given, shape, lambda w, g: code.glorot_uniform_(w, generator=g), "uniform", a=-bound, b=bound)


@checks("glorot_uniform_", weight=0.5, draws=1)
def test_glorot_uniform_refuses(code, given):
    """A tensor with fewer than 2 dimensions raises a ValueError."""
    return too_few_dimensions(given, lambda w: code.glorot_uniform_(w))


@checks("he_normal_", gate=True, draws=1)
def test_he_normal_of_fan_in(code, given):
    """With the default mode, the values are normal with mean 0 and standard deviation sqrt(2 / fan_in)."""
    out, inputs = given.integer(380, 420), given.integer(45, 55)
    w = given.full(out, inputs, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.he_normal_(w)
    return {"w": normal(w, 2 / inputs)}


@checks("he_normal_", draws=1)
def test_he_normal_of_fan_out(code, given):
    """With mode "fan_out", the values are normal with standard deviation sqrt(2 / fan_out)."""
    out, inputs = given.integer(380, 420), given.integer(45, 55)
    w = given.full(out, inputs, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.he_normal_(w, mode="fan_out")
    return {"w": normal(w, 2 / out)}


@checks("he_normal_", draws=1)
def test_he_normal_of_a_convolution(code, given):
    """For a convolution's weight, both fans include the kernel."""
    results = {}
    for mode, side in (("fan_in", 1), ("fan_out", 0)):
        shape = given.integer(60, 70), given.integer(15, 20), 3, given.integer(4, 6)
        w = given.full(shape, value=7.0, name=f"w, {mode}")
        with given.unavailable(*NN_INIT):
            code.he_normal_(w, mode)
        results[mode] = normal(w, 2 / (shape[side] * shape[2] * shape[3]), share=2)
    return results


@checks("he_normal_", weight=2, draws=1)
def test_he_normal_fills_and_returns_w(code, given):
    """A tensor or parameter of any kind is filled, and is itself what the function returns."""
    out, inputs = given.integer(40, 50), given.integer(20, 30)
    mode, fan = given.choice([("fan_in", inputs), ("fan_out", out)])
    return filled(given, (out, inputs), lambda w: code.he_normal_(w, mode), "normal", mean=0, std=math.sqrt(2 / fan))


@checks("he_normal_", weight=2, draws=1)
def test_he_normal_random_sources(code, given):
    """The generator alone decides the numbers, or else the global one, and it moves on from call to call."""
    out, inputs = given.integer(60, 70), given.integer(50, 60)
    mode, fan = given.choice([("fan_in", inputs), ("fan_out", out)])
    with given.unavailable(*NN_INIT):
        return random_sources(
            given, (out, inputs), lambda w, g: code.he_normal_(w, mode, g), "normal", mean=0, std=math.sqrt(2 / fan)
        )


@checks("he_normal_", weight=0.5, draws=1)
def test_he_normal_refuses(code, given):
    """Any other mode, or a tensor with fewer than 2 dimensions, raises a ValueError."""
    mode, w = given.choice(["fan_in", "fan_out"]), given.full(given.integer(2, 9), 3, value=7.0)
    modes = ["fan_avg", "fan", "in", "fan_in_out", "", "FAN_IN", "Fan_out", " fan_in"]
    return {
        "too few dimensions": too_few_dimensions(given, lambda w: code.he_normal_(w, mode)),
        "mode": {repr(mode): raises(lambda mode=mode: code.he_normal_(w, mode)) for mode in modes},
    }


def network(given):
    """A model of drawn size in a function that makes it, and the fan-in of each weight that is to be drawn."""
    channels, size, outputs = given.integer(9, 12), given.integer(4, 6), given.integer(60, 70)
    inputs, hidden = given.integer(50, 60), given.integer(200, 240)

    def make():
        return nn.Sequential(
            nn.Conv2d(channels, outputs, kernel_size=size),
            nn.BatchNorm2d(outputs),
            nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU()), nn.Linear(hidden, 80)),
        )

    return make, {"convolution": channels * size**2, "nested linear layer": inputs, "last linear layer": hidden}


def layers(model):
    return {"convolution": model[0], "nested linear layer": model[2][1][0], "last linear layer": model[2][2]}


@checks("init_model_", gate=True, draws=1)
def test_init_model_weights(code, given):
    """Weights of linear layers and convolutions are normal with mean 0 and variance 2 / fan_in, at any depth."""
    make, fans = network(given)
    model = given.module(make, name="model")
    code.init_model_(model, given.integer(0, 10_000))
    return {name: normal(layer.weight, 2 / fans[name], share=3) for name, layer in layers(model).items()}


@checks("init_model_", draws=1)
def test_init_model_biases_norms_and_embeddings(code, given):
    """Biases are 0, weights of BatchNorm layers are 1, and weights of embeddings have standard deviation 0.02."""
    make, _ = network(given)
    words, size = given.integer(200, 240), given.integer(50, 60)
    model = given.module(
        lambda: nn.ModuleList([make(), nn.Embedding(words, size), nn.BatchNorm1d(size), nn.BatchNorm2d(3, affine=False)])
    )
    with torch.no_grad():
        for part in (*layers(model[0]).values(), model[0][1], model[2]):
            part.bias.uniform_(2, 3, generator=given.generator(given.device))
        model[0][1].weight.fill_(given.number(2, 3))
        model[2].weight.fill_(given.number(2, 3))
        model[0][1].bias[0] = float("nan")
        model[1].weight[0] = float("nan")
    given.watch(given.with_grad(model), "model")
    code.init_model_(model, given.integer(0, 10_000))
    return {
        "biases": only({name: layer.bias for name, layer in layers(model[0]).items()}, "values"),
        "BatchNorm2d": only(dict(model[0][1].named_parameters()), "values"),
        "BatchNorm1d": only(dict(model[2].named_parameters()), "values"),
        "embedding": normal(model[1].weight, 0.02**2),
    }


@checks("init_model_", weight=2, draws=1)
def test_init_model_seeds(code, given):
    """Equal seeds give equal weights, and other seeds, layers and rows others; no global random numbers are used."""
    inputs, outputs = given.integer(60, 70), given.integer(70, 80)
    seed = given.integer(1, 10_000)

    def make():
        twins = nn.ModuleList([nn.Linear(inputs, outputs), nn.Sequential(nn.Linear(inputs, outputs))])
        return nn.ModuleDict({"twins": twins, "conv": nn.Conv2d(5, 40, 3), "words": nn.Embedding(90, 20)}).double()

    results, following = {}, []
    for case, number in (("small seed", seed), ("seed 0", 0), ("large seed", 2**32 + seed)):
        first, again, other = (given.module(make, name=f"{name}, {case}") for name in ("first", "again", "other"))
        for model, chosen in ((first, number), (again, number), (other, number + (1 if case == "small seed" else 256_000))):
            with given.seeded():
                code.init_model_(model, chosen)
                following.append(torch.rand(2))
        weights = [list(dict(model.named_parameters()).values()) for model in (first, again, other)]
        # Each 29th weight will do: the key would hold them all.
        same = [[weight.detach().flatten()[::29] for weight in of_one] for of_one in weights[:2]]
        twins = [layer.weight for model in (first, other) for layer in (model["twins"][0], model["twins"][1][0])]
        results[f"{case}: the weights of two models with the same seed"] = only(alike(*same), "dtype", "values")
        for name, parts, variance in (
            ("linear layers of a model", twins, 2 / inputs),
            ("weights of one layer", [twins[0], other["twins"][0].weight], 2 / inputs),
            ("convolutions", [first["conv"].weight, other["conv"].weight], 2 / 45),
            ("embeddings", [first["words"].weight, other["words"].weight], 0.02**2),
        ):
            results[f"{case}: all {name}"] = normal(torch.cat(parts).detach(), variance, share=12)
    return {**results, "the global generator's next numbers": only(following, "values")}


class Mixed(nn.Module):
    """Layers that init_model_ knows, one of them frozen, and others that it does not; every number is drawn."""

    def __init__(self, size):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(size, 90), nn.Linear(size, 120, bias=False)])
        self.norm = nn.BatchNorm1d(5)
        self.others = nn.Sequential(nn.LayerNorm(7), nn.Conv1d(2, 3, 3), nn.PReLU(4), nn.BatchNorm3d(2))
        self.scale = nn.Parameter(torch.empty(3, 4))
        self.register_buffer("weight", torch.empty(4, 4))
        with torch.no_grad():
            for tensor in (*self.parameters(), *self.buffers()):
                if tensor.is_floating_point():
                    tensor.uniform_(2, 3)
        self.layers[1].requires_grad_(False)


@checks("init_model_", draws=1)
def test_init_model_of_single_and_frozen_layers(code, given):
    """A layer without a bias, a frozen layer, and a model that is a single layer are initialised too."""
    size = given.integer(90, 110)
    model = given.module(lambda: Mixed(size), name="model")
    linear, norm = given.module(lambda: nn.Linear(size, 90)), given.module(lambda: Mixed(size).norm)
    for one in (model, linear, norm):
        code.init_model_(one, given.integer(0, 10_000))
    return {
        "a Linear in a list": normal(model.layers[0].weight, 2 / size, share=3),
        "a frozen Linear without a bias": normal(model.layers[1].weight, 2 / size, share=3),
        "a model that is a Linear": normal(linear.weight, 2 / size, share=3),
        "a model that is a BatchNorm1d": only(dict(norm.named_parameters()), "values"),
    }


@checks("init_model_", weight=2, draws=1)
def test_init_model_leaves_the_rest_alone(code, given):
    """Other parameters, buffers, parameter objects, flags and modes stay what they were; the function returns None."""
    size = given.integer(60, 90)
    model = given.module(lambda: Mixed(size).eval(), name="model")
    before = dict(model.named_parameters())
    result = code.init_model_(model, given.integer(0, 10_000))
    after = dict(model.named_parameters())
    return {
        "result": result,
        "the same objects": {name: after.get(name) is before[name] for name in before},
        "flags": only(after, "requires_grad"),
        "modes": [part.training for part in model.modules()],
        "a parameter outside any layer": only(model.scale, "values"),
        "other layers": only(dict(model.others.named_parameters()), "values"),
        "buffers": only(dict(model.named_buffers()), "values"),
    }


@checks("trunc_normal_", gate=True, draws=1)
def test_trunc_normal_values(code, given):
    """The values follow a normal distribution truncated at two standard deviations."""
    w = given.full(given.integer(280, 320), 200, value=7.0, name="w")
    with given.unavailable(*NN_INIT):
        code.trunc_normal_(w)
    factor = given.number(2, 3)
    return {"w times a drawn number": drawn(w * factor, "truncated_normal", mean=0, std=factor, a=-2 * factor, b=2 * factor)}


@checks("trunc_normal_", draws=1)
def test_trunc_normal_with_mean_and_std(code, given):
    """With another mean and std, no value is further than 2 std from the mean, and none pile up there."""
    mean, std = given.number(2, 4) * given.choice([-1, 1]), given.number(0.02, 0.1)
    w = given.full(150, 200, value=7.0, name="w", dtype=torch.float64)
    with given.unavailable(*NN_INIT):
        code.trunc_normal_(w, mean=mean, std=std)
    return {"w": drawn(w, "truncated_normal", mean=mean, std=std, a=mean - 2 * std, b=mean + 2 * std)}


@checks("trunc_normal_", weight=2, draws=1)
def test_trunc_normal_fills_and_returns_w(code, given):
    """A tensor or parameter of any kind and shape is filled, and is itself what the function returns."""
    mean, std = given.number(-1, 1), given.number(0.5, 3)
    limits = {"mean": mean, "std": std, "a": mean - 2 * std, "b": mean + 2 * std}
    shape = given.integer(35, 45), given.integer(25, 35)
    vector, number, nothing = given.full(1500, value=70.0), given.full((), value=70.0), given.full(0, 3, value=70.0)
    with given.unavailable(*NN_INIT):
        results = [code.trunc_normal_(w, mean, std) for w in (vector, number, nothing)]
    return {
        **filled(given, shape, lambda w: code.trunc_normal_(w, mean, std), "truncated_normal", **limits),
        "a vector": drawn(vector, "truncated_normal", **limits),
        "results for a vector, a single number and no numbers": only(results, "shape", "dtype", "aliasing"),
    }


@checks("trunc_normal_", weight=2, draws=1)
def test_trunc_normal_random_sources(code, given):
    """The generator alone decides the numbers, or else the global one, and it moves on from call to call."""
    mean, std, shape = given.number(0.5, 1.5), given.number(1.5, 2.5), (given.integer(60, 70), 60)
    limits = {"mean": mean, "std": std, "a": mean - 2 * std, "b": mean + 2 * std}
    with given.unavailable(*NN_INIT):
        return random_sources(given, shape, lambda w, g: code.trunc_normal_(w, mean, std, g), "truncated_normal", **limits)


@checks("trunc_normal_", weight=0.5, draws=1)
def test_trunc_normal_refuses(code, given):
    """A std of 0 or less raises a ValueError."""
    w, nothing, negative = given.full(4, 3, value=7.0), given.full(0, value=7.0), -given.number(0.001, 2)
    return {
        "std 0": raises(lambda: code.trunc_normal_(w, std=0.0)),
        "negative std": raises(lambda: code.trunc_normal_(w, 1.0, negative)),
        "std 0, empty tensor": raises(lambda: code.trunc_normal_(nothing, std=0.0)),
    }
