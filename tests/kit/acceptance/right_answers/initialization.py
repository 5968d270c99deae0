"""Right answers in unusual styles: every check has to pass on each of them."""

import functools
import itertools
import math

import torch
from torch import nn

from autograder import alternative


@alternative("glorot_uniform_")
class GlorotByCalling:
    def __new__(cls, w, gain=1.0, generator=None):
        return cls._fill(w, gain, generator)

    @staticmethod
    @torch.no_grad()
    def _fill(w, gain, generator):
        match tuple(w.shape):
            case (out, inputs, *kernel):
                fans = functools.reduce(lambda product, size: product * size, kernel, out + inputs)
            case _:
                raise ValueError("no fans")
        w.uniform_(0, 1, generator=generator)
        return w.sub_(0.5).mul_(2 * gain * math.sqrt(6 / fans))


@alternative("he_normal_")
def he_by_recursion(w, mode="fan_in", generator=None):
    def fill(part, std):
        if part.dim() == 1:
            part.normal_(0.0, std, generator=generator)
        else:
            for smaller in part.unbind():
                fill(smaller, std)

    if {"fan_in": 1, "fan_out": 1}.get(mode) is None or w.dim() < 2:
        raise ValueError(mode)
    fan = math.prod(itertools.compress(w.shape, [mode == "fan_out", mode == "fan_in", *[True] * (w.dim() - 2)]))
    if w.numel() > 3000:
        w.detach().normal_(0.0, (2 / fan) ** 0.5, generator=generator)
    else:
        fill(w.detach(), (2 / fan) ** 0.5)
    return w


@alternative("init_model_")
def model_by_a_table_of_rules(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def random(std_of):
        def rule(name, p):
            return p.normal_(0, std_of(p), generator=generator) if name == "weight" else p.zero_()

        return rule

    he = random(lambda p: (p[0].numel() / 2) ** -0.5)
    rules = {
        nn.Linear: he,
        nn.Conv2d: he,
        nn.Embedding: random(lambda p: 0.02),
        nn.BatchNorm1d: lambda name, p: p.fill_(name == "weight"),
        nn.BatchNorm2d: lambda name, p: p.fill_(name == "weight"),
    }
    todo = [model]
    with torch.inference_mode(False), torch.no_grad():
        while todo:
            module = todo.pop(0)
            todo.extend(module.children())
            for name, p in module.named_parameters(recurse=False):
                rules.get(type(module), lambda name, p: None)(name, p)


@alternative("trunc_normal_")
def truncated_by_a_generator_of_numbers(w, mean=0.0, std=1.0, generator=None):
    if not std > 0:
        raise ValueError(std)

    def accepted():
        while True:
            draws = torch.randn(w.numel() + 8, dtype=w.dtype, device=w.device, generator=generator)
            yield draws[(draws >= -2) & (draws <= 2)]

    parts, missing = [torch.empty(0, dtype=w.dtype, device=w.device)], w.numel()
    for part in accepted():
        parts.append(part[:missing])
        missing -= len(parts[-1])
        if not missing:
            break
    w.data[...] = torch.addcmul(torch.full_like(w, mean), torch.cat(parts).view_as(w.data), torch.tensor(std).to(w))
    return w


@alternative("he_normal_")
def he_by_the_inverse(w, mode="fan_in", generator=None):
    if w.dim() < 2 or mode not in ("fan_in", "fan_out"):
        raise ValueError
    fan = w[0].numel() if mode == "fan_in" else w[:, 0].numel()
    shares = torch.rand(w.shape, generator=generator, dtype=torch.float64, device=w.device)
    with torch.no_grad():
        return w.copy_(torch.special.ndtri(shares.clamp(1e-16, 1 - 1e-16)) * math.sqrt(2 / fan))


@alternative("init_model_")
def model_by_seed_plus_place(model, seed):
    for place, module in enumerate(model.modules()):
        generator = torch.Generator().manual_seed(seed + place)
        with torch.no_grad():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
                std = 0.02 if isinstance(module, nn.Embedding) else math.sqrt(2 / module.weight[0].numel())
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator, dtype=torch.float64) * std)
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                module.weight.fill_(1)
            else:
                continue
            if getattr(module, "bias", None) is not None:
                module.bias.zero_()


@alternative("trunc_normal_")
def truncated_by_the_inverse(w, mean=0.0, std=1.0, generator=None):
    if std <= 0:
        raise ValueError
    reach = math.erf(2 / math.sqrt(2))
    shares = torch.rand(w.shape, generator=generator, device=w.device) * 2 * reach - reach
    with torch.no_grad():
        return w.copy_((torch.erfinv(shares) * math.sqrt(2)).clamp(-2, 2) * std + mean)
