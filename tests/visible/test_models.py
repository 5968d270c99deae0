"""Checks of topic `models` that students can run themselves."""

import torch
from torch import nn

from autograder import checks, only, secret

KEYS = ("total", "trainable", "frozen", "buffers")


def two_layer_net(code, given, d_in, h, d_out):
    """The student's network, in float64 and with drawn weights."""
    model = given.module(lambda: code.TwoLayerNet(d_in, h, d_out), name="model").double()
    with torch.no_grad():
        for layer, rows, columns in ((model.linear1, h, d_in), (model.linear2, d_out, h)):
            layer.weight.copy_(given.normal(rows, columns, dtype=torch.float64))
            layer.bias.copy_(given.normal(rows, dtype=torch.float64))
    return given.watch(model, "model")


def negate_scores(given, model, name):
    """Flip the signs of the scores, so that some of them are negative in every draw."""
    with torch.no_grad():
        for parameter in model.linear2.parameters():
            parameter.neg_()
    return given.watch(model, name)


def counts(found):
    return {key: found[key] for key in KEYS}


def rows_of(found):
    """The rows as plain lists, whatever kinds of sequence they are."""
    return [[name, kind, list(shape), entries] for name, kind, shape, entries in found]


class Reversed(nn.Module):
    """Its parts run in a different order from the one they are made in, and one of them runs twice."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.act = nn.ReLU()
        self.body = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.act(self.body(self.act(x))))


def network():
    return nn.Sequential(
        nn.Linear(4, 6), nn.Sequential(nn.BatchNorm1d(6), nn.Sequential(nn.ReLU(), nn.Dropout())), nn.Linear(6, 3)
    )


@checks("predicted_tensors", gate=True, draws=1)
def test_predicted_tensors(code, given):
    """The predicted number is how many tensors parameters() gives."""
    return {"predicted_tensors": secret(float(code.predicted_tensors))}


@checks("predicted_count", gate=True, draws=1)
def test_predicted_count(code, given):
    """The predicted number is how many trainable numbers the network has."""
    return {"predicted_count": secret(float(code.predicted_count))}


@checks("TwoLayerNet", gate=True)
def test_two_layer_net_values(code, given):
    """The scores are linear2(relu(linear1(x))), for a batch of 32."""
    model = two_layer_net(code, given, 5, 7, 3)
    x = given.normal(32, 5, dtype=torch.float64, name="x")
    results = {"model(x)": model(x)}
    results["model(x), linear2 negated"] = negate_scores(given, model, "model")(x)
    return only(results, "values")


@checks("TwoLayerNet")
def test_two_layer_net_parameters(code, given):
    """The parameters are those of linear1 and linear2, with the right shapes, and they are trainable."""
    model = given.module(lambda: code.TwoLayerNet(5, 7, 3), name="model")
    return only(dict(sorted(model.named_parameters())), "type", "shape", "requires_grad")


@checks("TwoLayerNet")
def test_two_layer_net_repeats_itself(code, given):
    """Two calls with the same x give the same scores."""
    model = given.module(lambda: code.TwoLayerNet(5, 7, 3), name="model")
    x = given.normal(8, 5, name="x")
    return {"difference of two calls": only((model(x) - model(x)).detach(), "shape", "values")}


@checks("count_parameters", gate=True)
def test_count_parameters_values(code, given):
    """The counts are right for a model with a frozen layer."""
    sizes = [given.integer(2, 9) for _ in range(3)]
    model = given.module(lambda: nn.Sequential(nn.Linear(sizes[0], sizes[1]), nn.Linear(sizes[1], sizes[2])))
    model[1].requires_grad_(False)
    given.watch(model, "model")
    return only(counts(code.count_parameters(model)), "values")


@checks("count_parameters")
def test_count_parameters_of_buffers(code, given):
    """Buffers are counted separately: they are not parameters."""
    size = given.integer(3, 9)
    model = given.module(lambda: nn.Sequential(nn.Linear(2, size), nn.BatchNorm1d(size)), name="model")
    return only(counts(code.count_parameters(model)), "values")


@checks("count_parameters")
def test_count_parameters_of_a_tied_weight(code, given):
    """A weight shared by two layers counts once."""
    words, width = given.integer(8, 12), given.integer(3, 7)
    model = given.module(lambda: nn.Sequential(nn.Embedding(words, width), nn.Linear(width, words)))
    model[1].weight = model[0].weight
    given.watch(model, "model")
    return only(counts(code.count_parameters(model)), "values")


@checks("count_parameters")
def test_count_parameters_gives_ints(code, given):
    """The result has the four keys and no others, and its values are Python ints."""
    found = code.count_parameters(given.module(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), name="model"))
    return {"keys": sorted(found), "all are ints": [type(found[key]) is int for key in KEYS]}


@checks("summarize", gate=True)
def test_summarize_rows(code, given):
    """There is a row for each call of a leaf module, with name, class, shape and number of entries."""
    model = given.module(network, name="model")
    x = given.normal(given.integer(2, 7), 4, name="x")
    return {"rows": only(rows_of(code.summarize(model, x)), "values")}


@checks("summarize")
def test_summarize_in_the_order_of_calls(code, given):
    """The rows are in the order of the calls, and a module that is called twice has two."""
    model = given.module(Reversed, name="model")
    x = given.normal(given.integer(2, 7), 5, name="x")
    return {"rows": only(rows_of(code.summarize(model, x)), "values")}


@checks("summarize")
def test_summarize_restores_the_modes(code, given):
    """A model in training mode is in training mode afterwards, and one in eval mode is in eval mode."""
    models = {"in training mode": given.module(network), "in eval mode": given.module(lambda: network().eval())}
    x = given.normal(5, 4, name="x")
    for model in models.values():
        code.summarize(model, x)
    return {
        f"{name}: {part or 'model'}": module.training
        for name, model in models.items()
        for part, module in model.named_modules()
    }


@checks("summarize")
def test_summarize_removes_its_hooks(code, given):
    """Calling the model later adds no rows."""
    model = given.module(Reversed, name="model")
    x = given.normal(4, 5, name="x")
    rows = code.summarize(model, x)
    before = len(rows)
    model(x)
    return {"rows": before, "rows after another call": len(rows)}
