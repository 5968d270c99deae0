"""Wrong solutions that students write, each with a sentence that helps them."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception


@misconception("predicted_keys", "One of these requires grad, but does that make it a parameter?")
def plain_tensor_included():
    return ["a", "b", "c", "e.weight"]


@misconception("predicted_keys", "You listed what is learned. Is that all that is saved?")
def parameters_only():
    return ["a", "e.weight"]


@misconception("predicted_keys", "Does a module look inside a Python list?")
def list_included():
    return ["a", "c", "d.0.weight", "d.0.bias", "d.1.weight", "d.1.bias", "e.weight"]


@misconception("predicted_keys", "A submodule's parameters appear under their own names; what does `e` hold?")
def module_without_its_parameter():
    return ["a", "c", "e"]


@misconception("predicted_keys", "Look at the arguments of the last layer again.")
def bias_that_is_not_there():
    return ["a", "c", "e.weight", "e.bias"]


@misconception("predicted_keys", "These are the module's attributes. Which of them does it register, and under which names?")
def all_attributes():
    return ["a", "b", "c", "d", "e"]


@misconception("predicted_count", "You counted places; parameters() counts objects.")
def counted_twice():
    return 4


@misconception("predicted_count", "You were asked for tensors, not for the numbers in them.")
def numbers_counted():
    return 12


@misconception("predicted_count", "A linear layer has more than a weight.")
def without_bias():
    return 1


@misconception("predicted_count", "You counted the modules in the network; which of them have parameters, and how many?")
def places_in_the_network():
    return 3


@misconception("predicted_count", "You counted numbers, and those of the shared layer twice.")
def numbers_counted_twice():
    return 24


@misconception("predicted_after_step", "You expect the optimizer to train the new parameter. Does it know about it?")
def trained():
    return 1.9


@misconception("predicted_after_step", "Which parameter got this gradient, and which one does the optimizer hold?")
def step_upwards():
    return 2.1


@misconception("predicted_after_step", "You subtract the whole gradient. Does the optimizer know this parameter at all?")
def whole_gradient():
    return 1.0


@misconception("predicted_after_step", "You subtract a tenth of the weight. Does the optimizer know this parameter at all?")
def tenth_of_the_weight():
    return 1.8


@misconception(
    "predicted_after_step", "This is how far one such step goes. Which parameter does the optimizer move, and from where?"
)
def the_move_only():
    return -0.1


@misconception(
    "Affine", "list(model.parameters()) is empty: requires_grad=True does not make a tensor a parameter of the module."
)
class PlainTensor(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = torch.ones(features, requires_grad=True)
        self.bias = torch.zeros(features, requires_grad=True) if bias else None

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@misconception("Affine", "Train one instance and look at another: a class attribute belongs to all of them.")
class ClassLevel(nn.Module):
    _weights = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = self._weights.setdefault(features, nn.Parameter(torch.ones(features)))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@misconception("Affine", "Right formula, wrong start: a weight of ones leaves the input alone; what does yours do?")
class RandomStart(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@misconception("Affine", "What does a new layer do to its input? Look at the values both parameters start from.")
class StartsExchanged(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.ones(features)) if bias else None

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@misconception("Affine", "With bias=False, there is still a tensor named bias; is one that does nothing the same as None?")
class ZerosForNoBias(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else torch.zeros(features)

    def forward(self, x):
        return x * self.weight + self.bias


@misconception("Affine", "With bias=False, there is still a tensor named bias; is one that does nothing the same as None?")
class FrozenBias(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features), requires_grad=bias)

    def forward(self, x):
        return x * self.weight + self.bias


@misconception("Affine", "With bias=False, the attribute does not exist at all: what should it be?")
class NoAttribute(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        if bias:
            self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return x * self.weight + getattr(self, "bias", 0)


@misconception("Affine", "A buffer is saved and moved, but does an optimizer train it?")
class Buffers(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.register_buffer("weight", torch.ones(features))
        self.register_buffer("bias", torch.zeros(features) if bias else None)

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@misconception("Affine", "The parameters should be learned; what does requires_grad say?")
class NotTrainable(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(features), requires_grad=False) if bias else None

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@misconception("Affine", "The results are right, but your parameters do not have the shape the docstring asks for.")
class RowParameters(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, features))
        self.bias = nn.Parameter(torch.zeros(1, features)) if bias else None

    def forward(self, x):
        return (x.unsqueeze(-2) * self.weight + (0 if self.bias is None else self.bias)).squeeze(-2)


@misconception("Affine", "A matrix product sums over the features. Should anything be summed here?")
class MatrixProduct(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        y = (x @ self.weight).unsqueeze(-1)
        return y if self.bias is None else y + self.bias


@misconception("Affine", "Your forward changes the caller's x.")
class InPlace(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        with torch.no_grad():
            x.mul_(self.weight)
            if self.bias is not None:
                x.add_(self.bias)
        return x + 0 * self.weight + (0 if self.bias is None else 0 * self.bias)


@misconception("Affine", "The values are right, but do the parameters get a gradient?")
class UsesData(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        return x * self.weight.data + (0 if self.bias is None else self.bias.data)


@misconception("Affine", "A layer that makes a new weight at every call learns nothing.")
class MadeInForward(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        self.weight = nn.Parameter(torch.ones(x.shape[-1], dtype=x.dtype))
        return x * self.weight + (0 if self.bias is None else self.bias)


def _statistics(X):
    X = X.detach()
    std = X.std(0, correction=0)
    return X.mean(0), torch.where(std == 0, torch.ones_like(std), std)


class _Standardizing(nn.Module):
    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardize", "Save and reload the model: plain attributes are not part of state_dict().")
class PlainAttributes(_Standardizing):
    def __init__(self, X):
        super().__init__()
        self.mean, self.std = _statistics(X)


@misconception("Standardize", "Switching requires_grad off does not remove a Parameter from parameters().")
class FrozenParameters(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.mean, self.std = nn.Parameter(mean, requires_grad=False), nn.Parameter(std, requires_grad=False)


@misconception("Standardize", "PyTorch's std divides by N - 1 unless told otherwise; the docstring asks for the other one.")
class Unbiased(_Standardizing):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        std = X.std(0)
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", torch.where(std == 0, torch.ones_like(std), std))


@misconception("Standardize", "A non-persistent buffer moves with the model but is not saved with it.")
class NotPersistent(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)


@misconception(
    "Standardize",
    "Send a small batch through a new module: whose mean do you subtract?",
    also_true_of=("StatisticsOfTheBatchInTraining",),
)
class StatisticsOfTheBatch(nn.Module):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        std = x.std(0, correction=0)
        return (x - x.mean(0)) / torch.where(std == 0, torch.ones_like(std), std)


@misconception("Standardize", "In which modes should the stored statistics be used?", also_true_of=("StatisticsOfTheBatch",))
class StatisticsOfTheBatchInTraining(nn.Module):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        mean, std = _statistics(x) if self.training and x.dim() == 2 and len(x) > 1 else (self.mean, self.std)
        return (x - mean) / std


@misconception(
    "Standardize", "Your buffers change when the module is used; they should be computed once, from the training data."
)
class RunningStatistics(nn.Module):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        result = (x - self.mean.clone()) / self.std
        if self.training and x.numel():
            with torch.no_grad():
                self.mean.lerp_(x.reshape(-1, x.shape[-1]).mean(0), 0.1)
        return result


@misconception("Standardize", "What do you get for a column whose values are all the same?")
class DividesByZero(_Standardizing):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", X.std(0, correction=0))


@misconception(
    "Standardize",
    "A tiny number keeps you from dividing by 0. What should std be where it is exactly 0, and what elsewhere?",
)
class Clamps(_Standardizing):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", X.std(0, correction=0).clamp(min=1e-8))


@misconception(
    "Standardize",
    "A tiny number keeps you from dividing by 0. What should std be where it is exactly 0, and what elsewhere?",
)
class AddsEpsilon(_Standardizing):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", X.std(0, correction=0) + 1e-8)


@misconception("Standardize", "Is a std of 0.000001 exactly 0?")
class Threshold(_Standardizing):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        std = X.std(0, correction=0)
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", torch.where(std < 1e-4, torch.ones_like(std), std))


@misconception("Standardize", "You have a single mean for all features; how many should there be?")
class OverEverything(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X.reshape(-1))
        self.register_buffer("mean", mean.expand(X.shape[1]).clone())
        self.register_buffer("std", std.expand(X.shape[1]).clone())


@misconception("Standardize", "Which dimension of X counts the samples, and which one the features?")
class OverTheFeatures(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X.T)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)


@misconception("Standardize", "You divide by the variance; how does it differ from the standard deviation?")
class Variance(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std**2)


@misconception("Standardize", "If X requires grad, do your buffers still carry its graph?")
class KeepsTheGraph(_Standardizing):
    def __init__(self, X):
        super().__init__()
        std = X.std(0, correction=0)
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", torch.where(std == 0, torch.ones_like(std), std))


@misconception("Standardize", "You keep the caller's X itself. What happens to your statistics when the caller changes it?")
class KeepsTheData(nn.Module):
    def __init__(self, X):
        super().__init__()
        self.register_buffer("X", X.detach())

    @property
    def mean(self):
        return _statistics(self.X)[0]

    @property
    def std(self):
        return _statistics(self.X)[1]

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardize", "Does a gradient reach x through your forward?")
class DetachesX(nn.Module):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    @torch.no_grad()
    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardize", "Look at the dtype of your buffers and of your result when X is float64.")
class AlwaysFloat32(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X.float())
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)


@misconception("Standardize", "What shape do your buffers have?")
class KeepsADimension(_Standardizing):
    def __init__(self, X):
        super().__init__()
        mean, std = _statistics(X)
        self.register_buffer("mean", mean[None])
        self.register_buffer("std", std[None])


def _linears(sizes):
    if len(sizes) < 2:
        raise ValueError
    return [nn.Linear(a, b) for a, b in pairwise(sizes)]


class _Network(nn.Module):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


@misconception("MLP", "A Python list hides the layers: no parameters, no state_dict, no .to().")
class PythonList(_Network):
    def __init__(self, sizes):
        super().__init__()
        self.layers = _linears(sizes)


@misconception("MLP", "Without a nonlinearity between them, all these layers together are one linear map.")
class NoReLU(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@misconception(
    "MLP", "Activations in the same container shift the numbering: compare your keys with those in the docstring."
)
class ReLUInside(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        parts = [part for layer in _linears(sizes) for part in (layer, nn.ReLU())]
        self.layers = nn.Sequential(*parts[:-1])

    def forward(self, x):
        return self.layers(x)


@misconception("MLP", "Can your network output a negative number?")
class ReLUAtTheEnd(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return x


@misconception("MLP", "Your results add up to one. Should anything come after the last layer?")
class SoftmaxAtTheEnd(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x).softmax(-1)


@misconception("MLP", "A ReLU before the first layer throws away every negative input.")
class ReLUAtTheStart(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))

    def forward(self, x):
        for layer in self.layers:
            x = layer(F.relu(x))
        return x


@misconception("MLP", "You use a different nonlinearity between the layers.")
class Tanh(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)


@misconception("MLP", "Layers of equal size are the same object in your list; how many parameters do they have together?")
class SharedLayers(_Network):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        known = {}
        pairs = pairwise(sizes)
        self.layers = nn.ModuleList([known.setdefault(pair, nn.Linear(*pair)) for pair in pairs])


@misconception("MLP", "Count the layers: how many neighbouring pairs are there?")
class OneLayerTooFew(_Network):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes)[: max(len(sizes) - 2, 1)])


@misconception("MLP", "Which argument of nn.Linear is the number of inputs?")
class SizesExchanged(_Network):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        self.layers = nn.ModuleList(nn.Linear(b, a) for a, b in pairwise(sizes))


@misconception("MLP", "The layers should have a bias, and it should be in state_dict().")
class NoBias(_Network):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes))


@misconception("MLP", "Your class accepts a single size: how many layers does that make?", minor=True)
class AcceptsOneSize(_Network):
    def __init__(self, sizes):
        super().__init__()
        if not sizes:
            raise ValueError
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))


@misconception("MLP", "Print the keys of state_dict(): the layers are registered, but are these the names asked for?")
class NumberedAttributes(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.count = len(sizes) - 1
        for index, layer in enumerate(_linears(sizes)):
            setattr(self, f"layer{index}", layer)

    def forward(self, x):
        for index in range(self.count):
            x = getattr(self, f"layer{index}")(x if index == 0 else F.relu(x))
        return x


@misconception("MLP", "Each layer is in state_dict() under two names.")
class RegisteredTwice(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))
        parts = [part for layer in self.layers for part in (layer, nn.ReLU())]
        self.net = nn.Sequential(*parts[:-1])

    def forward(self, x):
        return self.net(x)


@misconception("MLP", "All dimensions of x but the last should come back as they were.")
class Flattens(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))

    def forward(self, x):
        x = x.reshape(-1, x.shape[-1])
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


@misconception("MLP", "The caller's list of sizes is shorter afterwards.")
class EatsTheSizes(_Network):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        inner = sizes.pop(0)
        self.layers = nn.ModuleList()
        while sizes:
            outer = sizes.pop(0)
            self.layers.append(nn.Linear(inner, outer))
            inner = outer


def _refuse(linear, W, b):
    if W.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.shape != linear.bias.shape)):
        raise ValueError


@misconception("set_weights_", "There is a new Parameter in the layer; the optimizer still holds the old one.")
def new_parameter(linear, W, b=None):
    _refuse(linear, W, b)
    linear.weight = nn.Parameter(W.detach().clone())
    if b is not None:
        linear.bias = nn.Parameter(b.detach().clone())


@misconception("set_weights_", "PyTorch refuses to modify a leaf that requires grad while it is recording.")
def recorded(linear, W, b=None):
    _refuse(linear, W, b)
    linear.weight.copy_(W)
    if b is not None:
        linear.bias.copy_(b)


@misconception("set_weights_", "To get past the error you switched requires_grad: what is it now?")
def flags_on_again(linear, W, b=None):
    _refuse(linear, W, b)
    linear.requires_grad_(False)
    linear.weight.copy_(W.detach())
    if b is not None:
        linear.bias.copy_(b.detach())
    linear.requires_grad_(True)


@misconception("set_weights_", "The layer has the new values. Can it still be trained?")
def flags_stay_off(linear, W, b=None):
    _refuse(linear, W, b)
    linear.requires_grad_(False)
    linear.weight.copy_(W.detach())
    if b is not None:
        linear.bias.copy_(b.detach())


@misconception("set_weights_", "copy_ broadcasts: what happens with a W of one row?")
def broadcasts(linear, W, b=None):
    if b is not None and linear.bias is None:
        raise ValueError
    try:
        torch.broadcast_to(W, linear.weight.shape)
        if b is not None:
            torch.broadcast_to(b, linear.bias.shape)
    except RuntimeError:
        raise ValueError from None
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "The same number of elements does not mean the same shape.")
def reshapes(linear, W, b=None):
    if W.numel() != linear.weight.numel() or (b is not None and (linear.bias is None or b.numel() != linear.bias.numel())):
        raise ValueError
    with torch.no_grad():
        linear.weight.copy_(W.reshape(linear.weight.shape))
        if b is not None:
            linear.bias.copy_(b.reshape(linear.bias.shape))


@misconception("set_weights_", "When b turns out to be wrong, the weight has already been overwritten.")
def raises_late(linear, W, b=None):
    with torch.no_grad():
        if W.shape != linear.weight.shape:
            raise ValueError
        linear.weight.copy_(W)
        if b is not None:
            if linear.bias is None or b.shape != linear.bias.shape:
                raise ValueError
            linear.bias.copy_(b)


@misconception(
    "set_weights_", "PyTorch does complain about a wrong shape, but with which exception, and about which shapes?"
)
def leaves_it_to_pytorch(linear, W, b=None):
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "The layer and the caller now share memory: what happens when W changes later?")
def shares_memory(linear, W, b=None):
    _refuse(linear, W, b)
    linear.weight.data = W.detach().to(linear.weight.dtype)
    if b is not None:
        linear.bias.data = b.detach().to(linear.bias.dtype)


@misconception(
    "set_weights_",
    "Look at the dtype of the layer's parameters after you pass a W of float64.",
    also_true_of=("new_parameter",),
)
def takes_the_dtype(linear, W, b=None):
    _refuse(linear, W, b)
    linear.weight.data = W.detach().clone()
    if b is not None:
        linear.bias.data = b.detach().clone()


@misconception("set_weights_", "You got two tensors; do you use the second one?")
def forgets_the_bias(linear, W, b=None):
    _refuse(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W)


@misconception("set_weights_", "No b was given: what should happen to the bias then?")
def clears_the_bias(linear, W, b=None):
    _refuse(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W)
        if linear.bias is not None:
            linear.bias.zero_()
            if b is not None:
                linear.bias.copy_(b)


@misconception("set_weights_", "If the layer has no bias, you silently drop b.")
def drops_b(linear, W, b=None):
    if W.shape != linear.weight.shape or (b is not None and linear.bias is not None and b.shape != linear.bias.shape):
        raise ValueError
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None and linear.bias is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "You gave a bias to a layer that had none. What should happen instead?")
def adds_a_bias(linear, W, b=None):
    if W.shape != linear.weight.shape or (b is not None and b.shape != (linear.out_features,)):
        raise ValueError
    if b is not None and linear.bias is None:
        linear.bias = nn.Parameter(torch.zeros(linear.out_features))
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "What was in .grad is gone.")
def clears_gradients(linear, W, b=None):
    _refuse(linear, W, b)
    linear.zero_grad()
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "In which order does nn.Linear store its weight: (out, in) or (in, out)?")
def transposes(linear, W, b=None):
    if W.T.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.shape != linear.bias.shape)):
        raise ValueError
    with torch.no_grad():
        linear.weight.copy_(W.T)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "What should the function return?")
def returns_the_layer(linear, W, b=None):
    _refuse(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)
    return linear


@misconception("tie_weights", "Equal now, different after the next step: these are two parameters with the same numbers.")
def copied(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    with torch.no_grad():
        decoder.weight.copy_(emb.weight)


@misconception("tie_weights", "Which of the two parameters should survive? An optimizer may already hold it.")
def wrong_way(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    emb.weight = decoder.weight


@misconception("tie_weights", "You silently accept weights of different shapes; what should happen then?")
def no_check(decoder, emb):
    decoder.weight = emb.weight


@misconception("tie_weights", "You silently accept weights of different shapes; what should happen then?", minor=True)
def does_nothing_where_shapes_differ(decoder, emb):
    if decoder.weight.shape == emb.weight.shape:
        decoder.weight = emb.weight


@misconception(
    "tie_weights", "They share memory, but there are two Parameter objects: where do the gradients of both uses go?"
)
def shared_memory(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight.data = emb.weight.data


@misconception(
    "tie_weights", "They share memory, but there are two Parameter objects: where do the gradients of both uses go?"
)
def parameter_of_a_parameter(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight = nn.Parameter(emb.weight.detach(), requires_grad=emb.weight.requires_grad)


@misconception("tie_weights", "Both layers share a parameter, but neither of them had it before.")
def a_third_parameter(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    shared = nn.Parameter(emb.weight.detach().clone(), requires_grad=emb.weight.requires_grad)
    decoder.weight = shared
    emb.weight = shared


@misconception("tie_weights", "The right parameter survives, but with whose values?")
def values_of_the_decoder(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    with torch.no_grad():
        emb.weight.copy_(decoder.weight)
    decoder.weight = emb.weight


@misconception("tie_weights", "The same number of elements does not mean the same shape.")
def counts_numbers(decoder, emb):
    if decoder.weight.numel() != emb.weight.numel():
        raise ValueError
    decoder.weight = emb.weight


@misconception("tie_weights", "You compare only one of the two sizes.")
def compares_the_width(decoder, emb):
    if decoder.in_features != emb.embedding_dim:
        raise ValueError
    decoder.weight = emb.weight


@misconception("tie_weights", "You raise the error too late: look at the decoder afterwards.")
def raises_too_late(decoder, emb):
    fits = decoder.weight.shape == emb.weight.shape
    decoder.weight = emb.weight
    if not fits:
        raise ValueError


@misconception("tie_weights", "A tensor is not a parameter: read PyTorch's error message.")
def tensor_for_a_parameter(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight = emb.weight.data


@misconception("tie_weights", "You were asked to tie the weights; what happened to the bias?")
def drops_the_bias(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight = emb.weight
    decoder.bias = None


@misconception("tie_weights", "The embedding's weight no longer has the requires_grad it had.")
def always_trainable(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight = emb.weight.requires_grad_(True)


@misconception("Affine", "A parameter with several numbers is neither true nor false: what do you want to know about it?")
class AsksTheBias(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        y = x * self.weight
        return y + self.bias if self.bias else y


@misconception("Standardize", "Your results are right. What is in the buffer `std` for a constant column?")
class RepairsInForward(nn.Module):
    def __init__(self, X):
        super().__init__()
        self.register_buffer("mean", X.detach().mean(dim=0))
        self.register_buffer("std", X.detach().std(dim=0, correction=0))

    def forward(self, x):
        return (x - self.mean) / torch.where(self.std == 0, torch.ones_like(self.std), self.std)


@misconception("Standardize", "What happened to the caller's x?")
class ChangesX(nn.Module):
    def __init__(self, X):
        super().__init__()
        std = X.detach().std(dim=0, correction=0)
        self.register_buffer("mean", X.detach().mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, torch.ones_like(std), std))

    def forward(self, x):
        x -= self.mean
        x /= self.std
        return x


@misconception("MLP", "Two sizes make a network with one layer: is that too few?")
class RefusesOneLayer(_Network):
    def __init__(self, sizes):
        if len(sizes) < 3:
            raise ValueError
        super().__init__()
        self.layers = nn.ModuleList(_linears(sizes))
