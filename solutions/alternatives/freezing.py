"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import copy
import re

import torch
from torch import nn

from autograder import alternative


@alternative("predicted_layers")
def layers_in_a_tuple():
    return 2, 0


@alternative("predicted_layers")
def layers_in_a_set():
    return {0, 2}


@alternative("predicted_running_mean")
def running_mean_computed():
    return 0.9 * 0 + 0.1 * torch.tensor([4.0, 6.0, 8.0]).mean()


@alternative("predicted_weight")
def weight_computed():
    return torch.tensor(1.0) - 0.1 * 3


@alternative("freeze")
def freeze_by_patterns(model, prefixes):
    patterns = [re.compile(re.escape(prefix) + r"(\..+)?") for prefix in prefixes]
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not list(filter(pattern.fullmatch, names)):
            raise ValueError(pattern)
    found = []
    for name, parameter in model.named_parameters():
        if any(pattern.fullmatch(name) for pattern in patterns):
            parameter.requires_grad_(False)
            found.append(name)
    return found


@alternative("freeze")
def freeze_by_parts_of_names(model, prefixes):
    wanted = [prefix.split(".") for prefix in prefixes]
    used, hits = set(), {}
    for name, parameter in model.named_parameters():
        parts = name.split(".")
        for index, prefix in enumerate(wanted):
            if parts[: len(prefix)] == prefix:
                used.add(index)
                hits[name] = parameter
    if len(used) < len(wanted):
        raise ValueError("a prefix matches nothing")
    for parameter in hits.values():
        parameter.requires_grad = False
    return list(hits)


class UnknownPrefix(ValueError):
    """A subclass of the requested error."""


@alternative("freeze")
def freeze_with_a_dot_at_the_end(model, prefixes):
    ends = tuple(f"{prefix}." for prefix in prefixes)
    names = [f"{name}." for name, _ in model.named_parameters()]
    if not all(any(name.startswith(end) for name in names) for end in ends):
        raise UnknownPrefix
    frozen = [name[:-1] for name in names if name.startswith(ends)]
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    return frozen


@alternative("head_only_forward")
def head_only_with_finally(backbone, head, x):
    training = [module for module in backbone.modules() if module.training]
    try:
        backbone.eval()
        with torch.no_grad():
            features = backbone(x)
    finally:
        for module in training:
            module.training = True
    return head(features)


@alternative("head_only_forward")
def head_only_by_detaching(backbone, head, x):
    modes = [(module, module.training) for module in backbone.modules()]
    features = backbone.train(False)(x).detach()
    for module, mode in modes:
        module.train(mode)
    return head(features)


@alternative("head_only_forward")
def head_only_on_a_copy(backbone, head, x):
    return head(copy.deepcopy(backbone).eval().requires_grad_(False)(x.detach()))


@alternative("head_only_forward")
def head_only_by_a_functional_call(backbone, head, x):
    names = {name for name, module in backbone.named_modules() if module.training}
    backbone.eval()
    weights = {name: parameter.detach() for name, parameter in backbone.named_parameters()}
    features = torch.func.functional_call(backbone, weights, (x.detach(),))
    for name in names:
        backbone.get_submodule(name).training = True
    return head(features)


@alternative("head_only_forward")
def head_only_with_flags_put_back(backbone, head, x):
    flags = [(parameter, parameter.requires_grad) for parameter in backbone.parameters()]
    modes = {name: module.training for name, module in backbone.named_modules()}
    backbone.requires_grad_(False)
    backbone.eval()
    features = backbone(x.detach())
    for parameter, flag in flags:
        parameter.requires_grad_(flag)
    for name, module in backbone.named_modules():
        module.training = modes[name]
    return head(features)


@torch.no_grad()
def _features(backbone, x):
    return backbone(x)


@alternative("head_only_forward")
def head_only_with_a_decorator(backbone, head, x):
    modes = [module.training for module in backbone.modules()]
    features = _features(backbone.eval(), x)
    for module, mode in zip(backbone.modules(), modes, strict=True):
        module.training = mode
    return head(features.clone().requires_grad_())


@alternative("freeze_entries")
def entries_by_where(param, mask):
    if mask.dtype is not torch.bool or mask.size() != param.size():
        raise ValueError(mask)
    mask = torch.clone(mask)
    return param.register_hook(lambda gradient: torch.where(mask, torch.zeros_like(gradient), gradient))


@alternative("freeze_entries")
def entries_after_accumulation(param, mask):
    if mask.dtype != torch.bool or list(mask.shape) != list(param.shape):
        raise ValueError(mask)
    frozen = mask.detach().clone()

    def clear(tensor):
        tensor.grad.masked_fill_(frozen, 0)

    return param.register_post_accumulate_grad_hook(clear)


@alternative("freeze_entries")
def entries_by_index(param, mask):
    if not (isinstance(mask, torch.Tensor) and mask.dtype == torch.bool and mask.shape == param.shape):
        raise ValueError("not a bool tensor of the parameter's shape")
    chosen = mask.clone()

    def cut(gradient):
        result = gradient.clone()
        result[chosen] = 0.0
        return result

    return param.register_hook(cut)


class FrozenEntries:
    """A hook that is an object with its own mask."""

    def __init__(self, mask):
        self.free = ~mask

    def __call__(self, gradient):
        kept = torch.zeros_like(gradient)
        kept[self.free] = gradient[self.free]
        return kept


@alternative("freeze_entries")
def entries_by_an_object(param, mask):
    if mask.type() not in ("torch.BoolTensor", "torch.cuda.BoolTensor") or mask.shape != param.shape:
        raise ValueError("not a bool tensor of the parameter's shape")
    return param.register_hook(FrozenEntries(mask))


@alternative("unfreeze")
def unfreeze_by_comparing_objects(model, optimizer, prefix, lr):
    missing, matched = [], False
    for name, parameter in model.named_parameters():
        if name != prefix and not name.startswith(f"{prefix}."):
            continue
        matched = True
        parameter.requires_grad_()
        if not any(parameter is other for group in optimizer.param_groups for other in group["params"]):
            missing.append(parameter)
    if not matched:
        raise ValueError(prefix)
    if missing:
        optimizer.add_param_group({"lr": lr, "params": missing})
    return len(missing)


@alternative("unfreeze")
def unfreeze_with_sets(model, optimizer, prefix, lr):
    matching = {parameter for name, parameter in model.named_parameters() if f"{name}.".startswith(f"{prefix}.")}
    if not matching:
        raise ValueError(prefix)
    new = matching.difference(*(group["params"] for group in optimizer.param_groups))
    if new:
        optimizer.add_param_group({"params": [p for p in model.parameters() if p in new], "lr": lr})
    for parameter in matching:
        parameter.requires_grad = True
    return len(new)


@alternative("unfreeze")
def unfreeze_with_names_listed_twice(model, optimizer, prefix, lr):
    wanted = prefix.split(".")
    found = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if name.split(".")[: len(wanted)] == wanted:
            found[id(parameter)] = parameter
    if len(found) == 0:
        raise ValueError(prefix)
    nn.ParameterList(found.values()).requires_grad_(True)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            found.pop(id(parameter), None)
    if found:
        optimizer.add_param_group({"lr": lr, "params": list(found.values())})
    return len(found)


@alternative("head_only_forward")
def head_only_in_inference_mode(backbone, head, x):
    modes = {name: part.training for name, part in backbone.named_modules()}
    backbone.train(False)
    with torch.inference_mode():
        features = backbone(x)
    for name, part in backbone.named_modules():
        part.train(modes[name])  # the outer modules come first
    return head(features.clone())
