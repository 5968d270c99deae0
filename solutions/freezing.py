"""Reference solutions: freezing."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

predicted_layers = [0, 2]
predicted_running_mean = 0.6
predicted_weight = 0.7


def _matches(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def freeze(model: nn.Module, prefixes: Sequence[str]) -> list[str]:
    named = dict(model.named_parameters())
    for prefix in prefixes:
        if not any(_matches(name, prefix) for name in named):
            raise ValueError(f"no parameter is named {prefix!r}, or lies inside it")
    matched = [name for name in named if any(_matches(name, prefix) for prefix in prefixes)]
    for name in matched:
        named[name].requires_grad = False
    return matched


def head_only_forward(backbone: nn.Module, head: nn.Module, x: Tensor) -> Tensor:
    modes = {module: module.training for module in backbone.modules()}
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    for module, training in modes.items():
        module.training = training
    return head(features)


def freeze_entries(param: nn.Parameter, mask: Tensor) -> RemovableHandle:
    if mask.dtype != torch.bool or mask.shape != param.shape:
        raise ValueError(
            f"mask is {mask.dtype} of shape {tuple(mask.shape)}; it should be bool of shape {tuple(param.shape)}"
        )
    frozen = mask.clone()
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


def unfreeze(model: nn.Module, optimizer: torch.optim.Optimizer, prefix: str, lr: float) -> int:
    matching = [parameter for name, parameter in model.named_parameters() if _matches(name, prefix)]
    if not matching:
        raise ValueError(f"no parameter is named {prefix!r}, or lies inside it")
    for parameter in matching:
        parameter.requires_grad = True
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    new = [parameter for parameter in matching if id(parameter) not in held]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)
