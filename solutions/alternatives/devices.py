"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import copy
import functools
import math
import re
from collections.abc import Mapping

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


@alternative("pick_device")
def pick_with_match(prefer="auto"):
    match prefer.split(":"):
        case ["auto"]:
            return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        case ["cpu"]:
            return torch.device("cpu")
        case ["cuda"]:
            number = 0
        case ["cuda", text] if text.isdecimal():
            number = int(text)
        case _:
            raise ValueError(prefer)
    if not torch.cuda.is_available() or number >= torch.cuda.device_count():
        raise RuntimeError(prefer)
    return torch.device("cuda", number)


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


@functools.singledispatch
def _moved(obj, device):
    return obj


@_moved.register
def _(obj: torch.Tensor, device):
    return obj.detach().to(device).requires_grad_(obj.requires_grad)


@_moved.register(dict)
@_moved.register(list)
def _(obj, device):
    new = copy.copy(obj)
    for key in obj if isinstance(obj, dict) else range(len(obj)):
        new[key] = _moved(obj[key], device)
    return new


@_moved.register
def _(obj: tuple, device):
    parts = [_moved(part, device) for part in obj]
    return type(obj)(*parts) if type(obj) is not tuple else tuple(parts)


@alternative("to_device")
def move_by_type(obj, device):
    return _moved(obj, device)


@alternative("to_device")
def move_what_can_be_moved(obj, device):
    def move(thing):
        return move_what_can_be_moved(thing, device)

    if hasattr(obj, "to"):
        return obj.to(device, non_blocking=torch.device(device).type == "cuda")
    if isinstance(obj, Mapping):
        return type(obj)((key, move(value)) for key, value in obj.items())
    if isinstance(obj, tuple) and hasattr(obj, "_asdict"):
        return obj._replace(**{key: move(value) for key, value in obj._asdict().items()})
    return obj.__class__(map(move, obj)) if isinstance(obj, list | tuple) else obj


@alternative("run_where_model_is")
def run_with_stop_iteration(model, x):
    try:
        device = next(model.parameters()).device
    except StopIteration:
        device = next((buffer.device for buffer in model.buffers()), x.device)
    return model(x.cuda(device) if device.type == "cuda" else x.cpu())


@alternative("run_where_model_is")
def run_by_loops(model, x):
    for tensor in [*model.parameters(), *model.buffers()]:
        return model(x.to(tensor.device))
    return model(x)


@alternative("run_where_model_is")
def run_with_chain(model, x):
    import itertools

    device = next((t.device for t in itertools.chain(model.parameters(), model.buffers(), [x])), None)
    return model(x if x.device == device else x.to(device=device))


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


@alternative("causal_scores")
def causal_as_a_sum(scores):
    size = scores.size(-1)
    return scores.tril() + torch.full((size, size), float("-inf"), dtype=scores.dtype, device=scores.device).triu(1)


@alternative("causal_scores")
def causal_by_indices(scores):
    size, result = scores.shape[-1], scores.clone()
    rows, columns = torch.triu_indices(size, size, offset=1, device=scores.device)
    result[..., rows, columns] = -math.inf
    return result


@alternative("causal_scores")
def causal_with_numpy(scores):
    later = torch.from_numpy(np.triu(np.ones(scores.shape[-2:], dtype=bool), k=1)).to(scores.device)
    return torch.masked_fill(scores, later, -np.inf)


@alternative("leaf_on")
def leaf_under_a_device(values, device, dtype=torch.float32):
    with torch.device(device):
        return torch.tensor(values, dtype=dtype, requires_grad=True)


@alternative("leaf_on")
def leaf_filled_later(values, device, dtype=torch.float32):
    leaf = torch.empty(np.shape(values), dtype=dtype, device=device)
    return leaf.copy_(torch.as_tensor(np.asarray(values))).requires_grad_()


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


@alternative("Standardizer")
class StandardizerColumnByColumn(nn.Module):
    def __init__(self, data):
        super().__init__()
        with torch.no_grad():
            columns = data.unbind(1)
            self.register_buffer("mean", torch.stack([column.mean() for column in columns]))
            self.register_buffer("std", torch.stack([column.std() for column in columns]))
            self.std[self.std == 0] = 1

    def forward(self, x):
        return torch.einsum("...f,f->...f", x - self.mean, 1 / self.std)


@alternative("batches_on")
def batches_that_wait_on_the_way_back(batches, device):
    device = torch.device(device)
    for batch in batches:
        moved = []
        for tensor in batch:
            if device.type == "cpu":
                moved.append(tensor.to("cpu", non_blocking=True))
                if tensor.is_cuda:
                    torch.cuda.synchronize(tensor.device)
            elif tensor.is_cpu:
                moved.append(torch.empty_like(tensor, device=device).copy_(tensor.pin_memory(), non_blocking=True))
            else:
                moved.append(tensor.to(device))
        yield moved if isinstance(batch, list) else tuple(moved)


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


@alternative("mean_loss")
@torch.no_grad()
def mean_loss_of_all_logits(model, batches):
    device, logits, labels = next(model.parameters()).device, [], []
    for x, y in batches:
        logits.append(model(x.to(device)))
        labels.append(y)
    if sum(map(len, labels)) == 0:
        raise ValueError("no samples")
    return F.cross_entropy(torch.cat(logits), torch.cat(labels).to(device)).item()


@alternative("mean_loss")
def mean_loss_of_each_sample(model, batches):
    criterion, parts, was = nn.CrossEntropyLoss(reduction="none"), [], torch.is_grad_enabled()
    device = next(iter(model.parameters())).device
    torch.set_grad_enabled(False)
    try:
        for batch in batches:
            x, y = (tensor.to(device, non_blocking=device.type == "cuda") for tensor in batch)
            parts.append(criterion(model(x), y))
    finally:
        torch.set_grad_enabled(was)
    if not sum(part.numel() for part in parts):
        raise ValueError
    return torch.cat(parts).mean().cpu().tolist()


@alternative("move_training_")
def move_all_of_the_state(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                state[name] = value.to(device)


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


@alternative("mixed_step")
def mixed_with_clipping_by_hand(model, x, y, optimizer, scaler, max_norm):
    model.zero_grad(set_to_none=False)

    @torch.autocast(x.device.type, dtype=torch.float16)
    def forward():
        return F.cross_entropy(model(x), y)

    loss = forward()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
    scaler.step(optimizer)
    scaler.update()
    return loss.data


@alternative("mixed_step")
def mixed_through_a_number(model, x, y, optimizer, scaler, max_norm):
    device = next(model.parameters()).device
    optimizer.zero_grad()
    with torch.amp.autocast(device.type, torch.float16):
        loss = F.cross_entropy(model(x), y)
        scaled = scaler.scale(loss)
    scaled.backward()
    scaler.unscale_(optimizer)
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    scaler.step(optimizer)
    scaler.update()
    return torch.tensor(loss.item(), device=device)


@alternative("load_weights_")
def load_by_copying(model, path):
    state = torch.load(path, map_location=lambda storage, location: storage, weights_only=True)
    model.load_state_dict(copy.copy(state), strict=True)


@alternative("load_weights_")
def load_to_the_models_device(model, path):
    device = next(model.parameters()).device
    with open(path, "rb") as file:  # noqa: PTH123
        model.load_state_dict(torch.load(file, map_location=device))


@alternative("load_weights_")
def load_from_mapped_memory(model, path):
    model.load_state_dict(torch.load(path, map_location=torch.device("cpu"), mmap=True, weights_only=True))


@alternative("pick_device")
def by_the_accelerator(prefer="auto"):
    if prefer == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None and accelerator.type == "cuda" else torch.device("cpu")
    kind, _, number = prefer.partition(":")
    if prefer not in ("cpu", "cuda") and not (kind == "cuda" and number.isdigit()):
        raise ValueError(prefer)
    if kind == "cuda" and not (torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()):
        raise RuntimeError(prefer)
    return torch.device(prefer)
