"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import math
from collections import OrderedDict
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from autograder import alternative


@alternative("predicted_keys")
def keys_in_another_order():
    return "e.weight", "c", "a"


@alternative("predicted_keys")
def keys_in_a_set():
    return {"a", "c", "e.weight"}


@alternative("predicted_count")
def count_of_objects():
    layer = nn.Linear(1, 1)
    return torch.tensor(len(list(nn.Sequential(layer, layer).parameters())))


@alternative("predicted_after_step")
def value_as_a_tensor():
    return torch.tensor([[2.0]])


@alternative("Affine")
class AffineWithRegisterParameter(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.register_parameter("bias", nn.Parameter(torch.zeros(features)) if bias else None)
        self.register_parameter("weight", nn.Parameter(torch.ones((features,))))

    def forward(self, x):
        if self.bias is None:
            return torch.mul(x, self.weight)
        return torch.addcmul(self.bias, x, self.weight)


@alternative("Affine")
class AffineWithReset(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features))
        if bias:
            self.bias = nn.Parameter(torch.empty(features))
        else:
            self.bias = None
        self.reset()

    def reset(self):
        with torch.no_grad():
            self.weight.fill_(1)
            if self.bias is not None:
                self.bias.zero_()

    def forward(self, x):
        y = torch.einsum("...d,d->...d", x, self.weight)
        if self.bias is not None:
            y = y + self.bias
        return y


class _Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.full((features,), 1.0))


@alternative("Affine")
class AffineByInheritance(_Scale):
    def __init__(self, features, bias=True):
        super().__init__(features)
        self.bias = None
        if bias:
            del self.bias
            self.bias = nn.Parameter(torch.zeros_like(self.weight))

    def forward(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)


@alternative("Standardize")
class StandardizeByFormula(nn.Module):
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, X):
        super().__init__()
        with torch.no_grad():
            mean = X.sum(0) / len(X)
            std = ((X - mean) ** 2).mean(0).sqrt()
            std[std == 0] = 1
        self.register_buffer("std", std)
        self.register_buffer("mean", mean)

    def forward(self, x):
        return x.sub(self.mean).div(self.std)


@alternative("Standardize")
class StandardizeColumnByColumn(nn.Module):
    def __init__(self, X):
        nn.Module.__init__(self)
        columns = [column.detach().clone() for column in X.unbind(1)]
        self.register_buffer("mean", torch.stack([column.mean() for column in columns]))
        self.register_buffer("std", torch.stack([self.spread(column) for column in columns]))

    @staticmethod
    def spread(column):
        variance = torch.var(column, unbiased=False)
        return variance.sqrt() if variance > 0 else torch.ones_like(variance)

    def forward(self, x):
        return (x - self.mean) * self.std.reciprocal()


@alternative("Standardize")
class StandardizeWithEmptyBuffers(nn.Module):
    def __init__(self, X):
        super().__init__()
        D = X.shape[-1]
        self.register_buffer("mean", torch.zeros(D, dtype=X.dtype, device=X.device))
        self.register_buffer("std", torch.ones(D, dtype=X.dtype, device=X.device))
        self.fit(X.detach())

    def fit(self, X):
        std, mean = torch.std_mean(X, dim=0, correction=0)
        self.mean.copy_(mean)
        self.std.copy_(std.masked_fill(std.eq(0), 1))

    def forward(self, x):
        return torch.div(x - self.mean, self.std)


@alternative("Standardize")
class StandardizeWithBufferObjects(nn.Module):
    def __init__(self, X):
        super().__init__()
        data = X.data
        std = data.std(0, unbiased=False)
        self.mean = nn.Buffer(data.mean(0))
        self.std = nn.Buffer(std + (std == 0))

    def forward(self, x):
        return (x - self.mean) / self.std


@alternative("MLP")
class MLPOfSequential(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(sizes)
        self.layers = nn.Sequential(*(nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)))

    def forward(self, x):
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index < last:
                x = F.relu(x)
        return x


@alternative("MLP")
class MLPWithAnActivation(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        a, *rest = sizes if len(sizes) >= 2 else (None,)
        if a is None:
            raise ValueError("too few sizes")
        self.layers = nn.ModuleList()
        for b in rest:
            self.layers.append(nn.Linear(a, b))
            a = b
        self.activation = nn.ReLU()

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@alternative("MLP")
class MLPOfADict(nn.Module):
    def __init__(self, sizes):
        if not len(sizes) > 1:
            raise ValueError("too few sizes")
        super().__init__()
        pairs = list(pairwise(sizes))
        self.layers = nn.ModuleDict(OrderedDict((str(i), nn.Linear(*pair)) for i, pair in enumerate(pairs)))

    def forward(self, x):
        x = self.layers["0"](x)
        for name in list(self.layers)[1:]:
            x = self.layers[name](x.clamp(min=0))
        return x


@alternative("set_weights_")
@torch.no_grad()
def set_by_index(linear, W, b=None):
    wanted = [(linear.weight, W)] + ([] if b is None else [(linear.bias, b)])
    for parameter, value in wanted:
        if parameter is None or parameter.size() != value.size():
            raise ValueError("another shape")
    for parameter, value in wanted:
        parameter[...] = value


@alternative("set_weights_")
def set_by_data(linear, W, b=None):
    if tuple(W.shape) != (linear.out_features, linear.in_features):
        raise ValueError(W.shape)
    if b is not None:
        if linear.bias is None:
            raise ValueError("no bias")
        if tuple(b.shape) != (linear.out_features,):
            raise ValueError(b.shape)
        linear.bias.data.copy_(b.data)
    linear.weight.data.copy_(W.data)


@alternative("set_weights_")
def set_new_data(linear, W, b=None):
    if W.shape != linear.weight.shape or (b is not None and (linear.bias is None or b.shape != linear.bias.shape)):
        raise ValueError
    linear.weight.data = W.detach().to(linear.weight.device, linear.weight.dtype, copy=True).contiguous()
    if b is not None:
        linear.bias.data = b.detach().to(linear.bias.device, linear.bias.dtype, copy=True).contiguous()


@alternative("set_weights_")
def set_by_loading(linear, W, b=None):
    state = {"weight": W} if b is None else {"weight": W, "bias": b}
    own = linear.state_dict()
    if any(name not in own or own[name].shape != value.shape for name, value in state.items()):
        raise ValueError("another shape, or no bias")
    linear.load_state_dict(own | state)


@alternative("set_weights_")
def set_through_a_detached_view(linear, W, b=None):
    def fits(parameter, value):
        return parameter is not None and parameter.shape == value.shape

    if not fits(linear.weight, W) or (b is not None and not fits(linear.bias, b)):
        raise ValueError("another shape, or no bias")
    for parameter, value in ((linear.weight, W), (linear.bias, b)):
        if value is not None:
            parameter.detach().zero_().add_(value.detach())


@alternative("tie_weights")
def tie_by_registering(decoder, emb):
    if decoder.weight.size() != emb.weight.size():
        raise ValueError("other shapes")
    decoder.register_parameter("weight", emb.weight)


@alternative("tie_weights")
def tie_by_setattr(decoder, emb):
    shapes = {tuple(layer.weight.shape) for layer in (decoder, emb)}
    if len(shapes) == 2:
        raise ValueError(shapes)
    del decoder.weight
    setattr(decoder, "weight", emb.get_parameter("weight"))  # noqa: B010 (as some write it)


@alternative("tie_weights")
def tie_by_the_books(decoder, emb):
    if (decoder.out_features, decoder.in_features) != (emb.num_embeddings, emb.embedding_dim):
        raise ValueError(f"{math.prod(decoder.weight.shape)} numbers in another shape")
    decoder._parameters["weight"] = emb._parameters["weight"]


@alternative("MLP")
class MLPThatCountsItsSizes(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError("two sizes or more")
        self.sizes = sizes
        self.layers = nn.ModuleList()
        for i in range(len(sizes) - 1):
            self.layers.append(nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, x):
        for i in range(len(self.sizes) - 1):
            x = self.layers[i](x)
            if i < len(self.sizes) - 2:
                x = F.relu(x, inplace=True)
        return x
