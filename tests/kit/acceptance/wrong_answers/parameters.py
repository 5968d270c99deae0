"""Wrong answers that are nearly right: each breaks a single clause of a docstring. Grading must not let them pass."""

import itertools
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception


class _Affine(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        return x * self.weight if self.bias is None else x * self.weight + self.bias


@misconception("Affine", "The weight is right, and there is a buffer besides.")
class WithABufferBesides(_Affine):
    def __init__(self, features, bias=True):
        super().__init__(features, bias)
        self.register_buffer("calls", torch.zeros(()), persistent=False)


@misconception("Affine", "The bias of all instances of one size is the same object.")
class OneBiasForAll(_Affine):
    known = {}  # noqa: RUF012 (that is the mistake)

    def __init__(self, features, bias=True):
        super().__init__(features, bias)
        if bias:
            self.bias = self.known.setdefault(features, self.bias)


@misconception("Affine", "The values are kept in plain tensors that are made when forward first runs.")
class RemembersTheFirstValues(_Affine):
    def forward(self, x):
        if not hasattr(self, "first"):
            self.first = [self.weight.detach().clone(), None if self.bias is None else self.bias.detach().clone()]
        weight, bias = (
            None if own is None else own + (p - p.detach())
            for own, p in zip(self.first, (self.weight, self.bias), strict=True)
        )
        return x * weight if bias is None else x * weight + bias


@misconception("Affine", "It adds up in float32, whatever x is.")
class InFloat32(_Affine):
    def forward(self, x):
        return super().forward(x).float()


class _Standardize(nn.Module):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        std = X.std(dim=0, correction=0)
        self.register_buffer("mean", X.mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, torch.ones_like(std), std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardize", "A single row is kept as the mean itself, on the caller's memory.")
class KeepsASingleRow(_Standardize):
    def __init__(self, X):
        super().__init__(X)
        if len(X) == 1:
            self.mean = X.detach()[0]


@misconception(
    "Standardize", "For one row, std is nan or 1 by the sample formula; the others are divided by N - 1 for two rows."
)
class SampleFormulaForManyRows(_Standardize):
    def __init__(self, X):
        super().__init__(X)
        if len(X) > 5:
            self.std *= (len(X) / (len(X) - 1)) ** 0.5


@misconception("Standardize", "Stds below the dtype's resolution count as 0.")
class RoundsSmallStds(_Standardize):
    def __init__(self, X):
        super().__init__(X)
        self.std[self.std < 1e-5] = 1


@misconception("Standardize", "The statistics are plain tensors beside the buffers, so that loading has no effect.")
class UsesPlainTensors(_Standardize):
    def __init__(self, X):
        super().__init__(X)
        self.numbers = self.mean.clone(), self.std.clone()

    def forward(self, x):
        mean, std = (number.to(x) for number in self.numbers)
        return (x - mean) / std


@misconception("Standardize", "In eval mode x is detached.")
class DetachesInEvalMode(_Standardize):
    def forward(self, x):
        return super().forward(x if x.dim() == 1 else x.detach() if not self.training or x.shape[0] == 4 else x)


@misconception("Standardize", "It counts what it has seen in a third buffer.")
class CountsInAThirdBuffer(_Standardize):
    def __init__(self, X):
        super().__init__(X)
        self.register_buffer("count", torch.tensor(len(X)))


class _MLP(nn.Module):
    def __init__(self, sizes, layer=nn.Linear):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        self.layers = nn.ModuleList(layer(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


@misconception("MLP", "The layers are lazy: they have no shapes until x comes.")
class LazyLayers(_MLP):
    def __init__(self, sizes):
        super().__init__(sizes, lambda a, b: nn.LazyLinear(b))


@misconception("MLP", "ReLU6 is a ReLU only up to 6.")
class ReLU6(_MLP):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = nn.functional.relu6(layer(x))
        return self.layers[-1](x)


@misconception("MLP", "A network with one layer gets a ReLU at its end.")
class ReLUForOneLayer(_MLP):
    def forward(self, x):
        return super().forward(x) if len(self.layers) > 1 else torch.relu(super().forward(x))


@misconception("MLP", "Two layers of equal sizes share their bias.")
class SharesBiases(_MLP):
    def __init__(self, sizes):
        super().__init__(sizes)
        known = {}
        for layer in self.layers:
            layer.bias = known.setdefault(tuple(layer.weight.shape), layer.bias)


@misconception("MLP", "It refuses fewer than two sizes with an assertion.", minor=True)
class Asserts(_MLP):
    def __init__(self, sizes):
        assert len(sizes) >= 2
        super().__init__(sizes)


def _refuse(linear, W, b):
    if W.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.shape != linear.bias.shape)):
        raise ValueError


@misconception("set_weights_", "It swaps new parameters in only if the dtype differs.")
def new_parameters_for_another_dtype(linear, W, b=None):
    _refuse(linear, W, b)
    if W.dtype != linear.weight.dtype:
        linear.weight = nn.Parameter(W.detach().clone(), requires_grad=linear.weight.requires_grad)
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "It copies W, and keeps b itself.")
def shares_the_bias(linear, W, b=None):
    _refuse(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W)
    if b is not None:
        linear.bias.data = b.detach().to(linear.bias.dtype)


@misconception("set_weights_", "The layer's .grad is dropped for the bias alone.")
def drops_the_gradient_of_the_bias(linear, W, b=None):
    _refuse(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)
            linear.bias.grad = None


@misconception("set_weights_", "A b of one element is taken for all.")
def one_number_for_the_bias(linear, W, b=None):
    if W.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.numel() not in (1, len(linear.bias)))):
        raise ValueError
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b.reshape(-1))


@misconception(
    "tie_weights", "The decoder's own parameter survives, under the embedding's name, with the embedding's values."
)
def keeps_the_decoders_parameter(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    with torch.no_grad():
        decoder.weight.copy_(emb.weight)
    decoder.weight.grad = emb.weight.grad
    decoder.weight.requires_grad_(emb.weight.requires_grad)
    emb.weight = decoder.weight


@misconception("tie_weights", "The embedding's .grad is cleared.")
def clears_the_embeddings_gradient(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    emb.weight.grad = None
    decoder.weight = emb.weight


@misconception("tie_weights", "A new bias of zeros comes with the weight.")
def starts_the_bias_again(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight = emb.weight
    if decoder.bias is not None:
        decoder.bias = nn.Parameter(torch.zeros_like(decoder.bias))


@misconception("tie_weights", "The weight is a property of the decoder's instance, registered nowhere.")
def plain_attribute(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    del decoder.weight
    decoder.__dict__["weight"] = emb.weight


@misconception("tie_weights", "It compares the sizes without their order.")
def forgets_the_order_of_sizes(decoder, emb):
    if sorted(decoder.weight.shape) != sorted(emb.weight.shape):
        raise ValueError
    decoder.weight = emb.weight


@misconception("Affine", "A frozen bias is not added.")
class BiasKeyNone(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        if bias:
            self.bias = nn.Parameter(torch.zeros(features))
        else:
            self.bias = None
        self.use = bias

    def forward(self, x):
        y = x * self.weight
        return y + self.bias if self.use and self.bias.requires_grad else y


@misconception("Affine", "In eval mode, no gradient reaches the bias.")
class Flat(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        y = torch.einsum("...d,d->...d", x, self.weight)
        if self.bias is not None:
            y += self.bias.detach() if not self.training else self.bias
        return y


@misconception("Standardize", "std comes from the mean of squares, which loses all digits where the mean is large.")
class Cancellation(nn.Module):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        m = X.mean(0)
        std = (X.square().mean(0) - m.square()).clamp(min=0).sqrt()
        self.register_buffer("mean", m)
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardize", "Tiny stds count as 0.")
class MaxMin(nn.Module):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        std = X.std(0, correction=0)
        self.register_buffer("mean", X.mean(0))
        self.register_buffer("std", torch.where(std < 1e-12, torch.ones_like(std), std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("MLP", "There is no ReLU behind a layer with one unit.")
class SkipsEqual(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < len(self.layers) - 1 and layer.out_features > 1:
                x = x.relu()
        return x


@misconception("tie_weights", "The decoder takes over the embedding's mode.")
def mode(decoder, emb):
    if decoder.weight.shape != emb.weight.shape:
        raise ValueError
    decoder.weight = emb.weight
    decoder.train(emb.training)


class _Affine_too(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        y = x * self.weight
        return y if self.bias is None else y + self.bias


@misconception("Affine", "By a matrix product: infinity in one feature spoils the others.")
class ByMatrix(_Affine_too):
    def forward(self, x):
        return F.linear(x, torch.diag(self.weight), self.bias)


@misconception("Affine", "A lambda made in __init__ holds the first parameters, also in a copy of the module.")
class Closure(_Affine_too):
    def __init__(self, features, bias=True):
        super().__init__(features, bias)
        w, b = self.weight, self.bias
        self.run = (lambda x: x * w) if b is None else (lambda x: x * w + b)

    def forward(self, x):
        return self.run(x)


@misconception("Affine", "In eval mode, weights of one are left out, and get no gradient.")
class ReturnsX(_Affine_too):
    def forward(self, x):
        if not self.training and bool((self.weight == 1).all()):
            return x if self.bias is None else x + self.bias
        return super().forward(x)


@misconception("Affine", "A single weight is used as a plain number.")
class OneFeature(_Affine_too):
    def forward(self, x):
        if self.weight.numel() == 1:
            y = x * self.weight.item()
            return y if self.bias is None else y + self.bias
        return super().forward(x)


class _Std(nn.Module):
    def __init__(self, X):
        super().__init__()
        X = X.detach()
        std = X.std(dim=0, correction=0)
        self.register_buffer("mean", X.mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardize", "Constant columns only give nan.")
class AnyZero(_Std):
    def __init__(self, X):
        super().__init__(X)
        std = X.detach().std(dim=0, correction=0)
        self.std = (
            torch.ones_like(std) if (std == 0).any() and len(X) == 1 else torch.where(std == 0, std.mean() / std.mean(), std)
        )


@misconception("Standardize", "A lambda made in __init__ holds the module itself, also in a copy of it.")
class StdClosure(_Std):
    def __init__(self, X):
        super().__init__(X)
        self.run = lambda x: (x - self.mean) / self.std

    def forward(self, x):
        return self.run(x)


@misconception("Standardize", "Results far out are clipped.")
class Clipped(_Std):
    def forward(self, x):
        return super().forward(x).clamp(-10, 10)


class _MLP_too(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


@misconception("MLP", "A function made in __init__ holds the layers, also in a copy of the module.")
class ClosureMLP(_MLP_too):
    def __init__(self, sizes):
        super().__init__(sizes)
        layers = list(self.layers)

        def run(x):
            for layer in layers[:-1]:
                x = torch.relu(layer(x))
            return layers[-1](x)

        self.run = run

    def forward(self, x):
        return self.run(x)


@misconception("MLP", "ReLU hides nan.")
class HidesNan(_MLP_too):
    def forward(self, x):
        for layer in self.layers[:-1]:
            y = layer(x)
            x = torch.where(y > 0, y, 0.0)
        return self.layers[-1](x)


def _refuse_too(linear, W, b):
    if W.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.shape != linear.bias.shape)):
        raise ValueError


@misconception("set_weights_", "What was there is multiplied by 0, which nan survives.")
def times_zero(linear, W, b=None):
    _refuse_too(linear, W, b)
    with torch.no_grad():
        linear.weight.mul_(0).add_(W)
        if b is not None:
            linear.bias.mul_(0).add_(b)


@misconception("set_weights_", "Adds the difference.")
def adds_difference(linear, W, b=None):
    _refuse_too(linear, W, b)
    with torch.no_grad():
        linear.weight.add_((W - linear.weight).to(linear.weight))
        if b is not None:
            linear.bias.add_((b - linear.bias).to(linear.bias))


@misconception("set_weights_", "A b of zeros counts as none.")
def zeros_are_none(linear, W, b=None):
    _refuse_too(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W)
        if b is not None and b.any():
            linear.bias.copy_(b)


@misconception("set_weights_", "A W of zeros counts as none.")
def zero_weights_are_none(linear, W, b=None):
    _refuse_too(linear, W, b)
    with torch.no_grad():
        if W.any():
            linear.weight.copy_(W)
        if b is not None:
            linear.bias.copy_(b)


@misconception("set_weights_", "nan and inf in W are made finite.")
def finite(linear, W, b=None):
    _refuse_too(linear, W, b)
    with torch.no_grad():
        linear.weight.copy_(W.nan_to_num())
        if b is not None:
            linear.bias.copy_(b.nan_to_num())


@misconception("set_weights_", "Tiny numbers become 0.")
def sets_no_tiny_weights(linear, W, b=None):
    if W.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.shape != linear.bias.shape)):
        raise ValueError
    with torch.no_grad():
        linear.weight.copy_(W.masked_fill(W.abs() < 1e-20, 0))
        if b is not None:
            linear.bias.copy_(b)
