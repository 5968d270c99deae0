"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import copy
import math
import re

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder import alternative


@alternative("predicted_places")
def places_as_devices():
    return [torch.device("cuda:0"), torch.device("cpu"), torch.device("cuda")]


@alternative("predicted_returns")
def returns_as_a_float():
    return 5 * 2.0


@alternative("pick_device")
def pick_with_a_pattern(prefer="auto"):
    found = re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", prefer)
    if found is None:
        raise ValueError(prefer)
    available = [torch.device("cuda", k) for k in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if prefer == "auto":
        return [*available, torch.device("cpu")][0]
    if prefer == "cpu":
        return torch.device(type="cpu")
    wanted = int(found[1][1:]) if found[1] else 0
    if wanted >= len(available):
        raise RuntimeError("no such GPU")
    return available[wanted]


@alternative("pick_device")
def pick_by_asking_the_device(prefer="auto"):
    try:
        device = torch.device("cuda" if prefer == "auto" and torch.cuda.is_available() else prefer.replace("auto", "cpu"))
    except RuntimeError:
        raise ValueError(prefer) from None
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise ValueError(prefer)
    if not torch.cuda.is_available() or (device.index or 0) not in range(torch.cuda.device_count()):
        raise RuntimeError(prefer)
    return device


@alternative("to_device")
def move_with_pytree(obj, device):
    from torch.utils import _pytree

    return _pytree.tree_map(lambda leaf: leaf.to(device) if isinstance(leaf, torch.Tensor) else leaf, obj)


@alternative("to_device")
def move_with_match(obj, device):
    def move(thing):
        match thing:
            case torch.Tensor():
                return thing.to(device=device, copy=True)
            case dict():
                return dict(zip(thing, map(move, thing.values()), strict=True))
            case tuple() if hasattr(thing, "_make"):
                return thing._make(map(move, thing))
            case tuple():
                return tuple(move(item) for item in thing)
            case list():
                return [move(item) for item in thing]
            case _:
                return thing

    return move(obj)


@alternative("run_where_model_is")
def run_by_loops(model, x):
    for tensor in [*model.parameters(), *model.buffers()]:
        return model(x.to(tensor))
    return model(x)


@alternative("run_where_model_is")
def run_with_chain(model, x):
    import itertools

    device = next((t.device for t in itertools.chain(model.parameters(), model.buffers(), [x])), None)
    return model.forward(x if x.device == device else x.to(device=device))


@alternative("causal_scores")
def causal_with_where(scores):
    position = torch.arange(scores.shape[-1], device=scores.device)
    return torch.where(position[None, :] <= position[:, None], scores, -math.inf)


@alternative("causal_scores")
def causal_on_a_copy(scores):
    result = scores.clone()
    for row in range(scores.shape[-1]):
        result[..., row, row + 1 :] = float("-inf")
    return result


@alternative("causal_scores")
def causal_with_tril(scores):
    kept = torch.ones_like(scores, dtype=torch.bool, requires_grad=False).tril()
    return scores.masked_fill(~kept, -torch.inf)


@alternative("leaf_on")
def leaf_switched_on_last(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype).to(device).requires_grad_()


@alternative("leaf_on")
def leaf_detached(values, device, dtype=torch.float32):
    array = np.array(values, dtype=np.float64)
    leaf = torch.from_numpy(array).to(dtype=dtype).to(device).clone().detach()
    leaf.requires_grad = True
    return leaf


@alternative("leaf_on")
def leaf_as_a_parameter(values, device, dtype=torch.float32):
    return nn.Parameter(torch.tensor(values, dtype=dtype, device=device))


@alternative("Standardizer")
class StandardizerWithNumbers(nn.Module):
    def __init__(self, data):
        super().__init__()
        with torch.no_grad():
            mean = data.sum(0) / len(data)
            std = ((data - mean) ** 2).sum(0).div(len(data) - 1).sqrt()
            std[(data == data[0]).all(0)] = 1.0
        self.std = nn.Buffer(std)
        self.mean = nn.Buffer(mean)

    def forward(self, x):
        return x.sub(self.mean).div(self.std)


@alternative("Standardizer")
class StandardizerWithVarMean(nn.Module):
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, data):
        super().__init__()
        variance, mean = torch.var_mean(data.detach(), dim=0)
        self.register_buffer("mean", mean)
        self.register_buffer("std", variance.sqrt().masked_fill(variance == 0, 1.0))

    def forward(self, x):
        return torch.addcdiv(-self.mean / self.std, x, self.std)


@alternative("batches_on")
class BatchesOn:
    def __init__(self, batches, device):
        self.source, self.device = iter(batches), torch.device(device)

    def __iter__(self):
        return self

    def __next__(self):
        batch, moved = next(self.source), []
        for tensor in batch:
            if tensor.is_cpu and self.device.type == "cuda":
                pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
                moved.append(pinned.cuda(self.device, non_blocking=True))
            else:
                moved.append(tensor.to(device=self.device))
        return batch.__class__(moved)


@alternative("batches_on")
def batches_with_map(batches, device):
    to_gpu = torch.device(device).type != "cpu"

    def move(tensor):
        on_its_way = to_gpu and not tensor.is_cuda
        return (tensor.pin_memory() if on_its_way else tensor).to(device, non_blocking=on_its_way)

    return (type(batch)(map(move, batch)) for batch in batches)


@alternative("mean_loss")
def mean_loss_stacked(model, batches):
    losses, sizes = [], []
    for x, y in batches:
        with torch.inference_mode():
            logits = model(x.to(next(model.parameters()).device))
            losses.append(F.nll_loss(logits.log_softmax(-1), y.to(logits.device)) * y.shape[0])
        sizes.append(y.shape[0])
    if sum(sizes) == 0:
        raise ValueError
    return float(torch.stack(losses).sum() / sum(sizes))


@alternative("mean_loss")
def mean_loss_from_a_cpu_scalar(model, batches):
    total, count = torch.tensor(0.0, dtype=torch.float64), 0
    device = next(iter(model.state_dict().values())).device
    criterion = nn.CrossEntropyLoss()
    with torch.no_grad():
        for x, y in batches:
            total = total + criterion(model(x.to(device, non_blocking=True)), y.to(device)) * len(x)
            count += len(x)
    if not count:
        raise ValueError
    return total.cpu().item() / count


@alternative("move_training_")
def move_by_loading_the_state(model, optimizer, device):
    model.to(device)
    optimizer.load_state_dict(optimizer.state_dict())


@alternative("move_training_")
def move_state_by_data(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for value in state.values():
            if torch.is_tensor(value) and value.dim() > 0:
                value.data = value.data.to(device)


@alternative("move_training_")
def move_by_hand(model, optimizer, device):
    for parameter in model.parameters():
        gradient = parameter.grad
        parameter.grad = None
        parameter.data = parameter.data.to(device)
        parameter.grad = None if gradient is None else gradient.to(device)
    for module in model.modules():
        for name, buffer in list(module._buffers.items()):
            module._buffers[name] = None if buffer is None else buffer.to(device)
    kept = {
        p: {k: v.to(device) if torch.is_tensor(v) and k != "step" else v for k, v in s.items()}
        for p, s in optimizer.state.items()
    }
    optimizer.state.update(kept)


@alternative("mixed_step")
def mixed_in_other_words(model, x, y, optimizer, scaler, max_norm):
    for parameter in model.parameters():
        parameter.grad = None
    with torch.amp.autocast(device_type=x.device.type, dtype=torch.half):
        logits = model(x)
        loss = nn.CrossEntropyLoss()(logits, y)
    result = loss.detach().clone()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], max_norm, foreach=False)
    scaler.step(optimizer)
    scaler.update()
    return result


@alternative("load_weights_")
def load_by_copying(model, path):
    state = torch.load(path, map_location=lambda storage, location: storage, weights_only=True)
    model.load_state_dict(copy.copy(state), strict=True)


@alternative("load_weights_")
def load_to_the_models_device(model, path):
    device = next(model.parameters()).device
    with open(path, "rb") as file:  # noqa: PTH123
        model.load_state_dict(torch.load(file, map_location=device))
