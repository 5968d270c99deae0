"""Right answers in awkward styles: no check may fail on them."""

import functools
import itertools
import operator
from collections import deque
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from autograder import alternative


@alternative("to_device")
def moved_with_single_dispatch(obj, device):
    @functools.singledispatch
    def move(thing):
        return thing

    move.register(torch.Tensor, operator.methodcaller("to", device))
    move.register(dict, lambda thing: dict(zip(thing, map(move, thing.values()), strict=True)))
    move.register(list, lambda thing: [*map(move, thing)])

    @move.register
    def _(thing: tuple):
        make = getattr(type(thing), "_make", type(thing))
        return make(map(move, thing))

    return move(obj)


@alternative("causal_scores")
def causal_row_by_row(scores):
    size = scores.size(-1)
    rows = [
        torch.cat((scores[..., i, : i + 1], scores.new_full((*scores.shape[:-2], size - i - 1), -torch.inf)), dim=-1)
        for i in range(size)
    ]
    return torch.stack(rows, dim=-2) if rows else scores.clone()


class _Frozen(nn.Module):
    def __getattr__(self, name):
        return super().__getattr__(name)


@alternative("Standardizer")
class StandardizerWithAClosure(_Frozen):
    def __init__(self, data):
        super().__init__()
        with torch.no_grad():
            variance, mean = torch.var_mean(data, dim=0)
            for name, value in {"std": variance.sqrt_(), "mean": mean}.items():
                self.register_buffer(name, value)
            self.std[self.std == 0] = 1

    def forward(self, x):
        return torch.sub(x, self.mean).div(self.std)


@alternative("batches_on")
class BatchesOn:
    """An iterator instead of a generator."""

    def __init__(self, batches, device):
        self.source, self.device = iter(batches), torch.device(device)

    def __iter__(self):
        return self

    def __next__(self):
        batch = next(self.source)
        return type(batch)([self.move(tensor) for tensor in batch])

    def move(self, tensor):
        if self.device.type == "cpu" or not tensor.is_cpu:
            return tensor.to(self.device)
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        return pinned.to(self.device, non_blocking=True)


@alternative("mean_loss")
def mean_loss_by_reduce(model, batches):
    device = next(iter(model.parameters())).device

    @torch.no_grad()
    def add(so_far, batch):
        x, y = (part.to(device) for part in batch)
        return so_far[0] + F.cross_entropy(model(x), y, reduction="none").sum(), so_far[1] + y.numel()

    total, count = functools.reduce(add, batches, (0, 0))
    try:
        return float(total) / count
    except ZeroDivisionError:
        raise ValueError("no samples") from None


@alternative("move_training_")
def moved_with_tree_map(model, optimizer, device):
    for module in model.modules():
        module._apply(lambda tensor: tensor.to(device), recurse=False)
    for parameter in model.parameters():
        state = optimizer.state.get(parameter, {})
        state.update({k: v.to(device) for k, v in state.items() if torch.is_tensor(v) and v.size() == parameter.size()})


@alternative("pick_device")
def pick_by_listing(prefer="auto"):
    there = ["cpu"]
    if torch.cuda.is_available():
        there += [f"cuda:{k}" for k in range(torch.cuda.device_count())]
    if prefer == "auto":
        return torch.device(there[min(1, len(there) - 1)])
    head, colon, digits = prefer.partition(":")
    if prefer not in ("cpu", "cuda") and not (head == "cuda" and colon and digits and set(digits) <= set("0123456789")):
        raise ValueError(prefer)
    wanted = "cpu" if prefer == "cpu" else f"cuda:{int(digits or 0)}"
    if wanted not in there:
        raise RuntimeError(f"{wanted} is not here")
    return torch.device(wanted)


@alternative("to_device")
def moved_with_a_stack(obj, device):
    """No recursion: containers are taken apart, and put together from the inside."""
    root = [None]
    work = [(obj, root, 0, None)]
    while work:
        thing, where, key, parts = work.pop()
        if parts is not None:
            kind = type(thing)
            if kind is dict:
                where[key] = dict(zip(thing, parts, strict=True))
            else:
                where[key] = kind(*parts) if hasattr(thing, "_fields") else kind(parts)
        elif isinstance(thing, torch.Tensor):
            where[key] = thing if thing.device == torch.device(device) else thing.to(device=device)
        elif isinstance(thing, dict | list | tuple):
            items = list(thing.values()) if isinstance(thing, dict) else list(thing)
            parts = [None] * len(items)
            work.append((thing, where, key, parts))
            work.extend((item, parts, n, None) for n, item in enumerate(items))
        else:
            where[key] = thing
    return root[0]


@alternative("to_device")
def moved_to_and_waited(obj, device):
    """All copies start before any is waited for."""

    def start(o):
        if isinstance(o, torch.Tensor):
            return o.to(device, non_blocking=True)
        if isinstance(o, tuple) and hasattr(o, "_make"):
            return o._make(map(start, o))
        if isinstance(o, list | tuple):
            return type(o)(map(start, o))
        return {k: start(v) for k, v in o.items()} if isinstance(o, dict) else o

    result = start(obj)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return result


@alternative("run_where_model_is")
def run_like_the_first_tensor(model, x):
    tensors = itertools.chain(model.parameters(), model.buffers(), [x])
    first = functools.reduce(lambda first, other: first, tensors)
    return nn.Module.__call__(model, x.to(first.device, copy=False))


@alternative("run_where_model_is")
def run_with_a_hook_for_once(model, x):
    place = next(itertools.chain(model.parameters(), model.buffers(), (x,))).device
    handle = model.register_forward_pre_hook(lambda module, arguments: (arguments[0].to(place),), prepend=True)
    try:
        return model(x)
    finally:
        handle.remove()


@alternative("causal_scores")
def causal_by_comparing_places(scores):
    rows = torch.arange(scores.size(-2), device=scores.device)
    keep = rows[:, None] >= rows[None, :]
    return torch.where(keep, scores, scores.new_full((), -torch.inf))


@alternative("causal_scores")
def causal_by_scatter(scores):
    result = scores.clone()
    size = scores.shape[-1]
    i, j = torch.triu_indices(size, size, 1, device=scores.device)
    result[..., i, j] = -torch.inf
    return result


@alternative("leaf_on")
def leaf_by_copy(values, device, dtype=torch.float32):
    array = numpy.array(values, dtype=numpy.float64)
    with torch.no_grad():
        leaf = torch.empty(array.shape, dtype=dtype, device=device)
        leaf.copy_(torch.from_numpy(array))
    leaf.requires_grad = True
    return leaf


@alternative("Standardizer")
class StandardizerOfAnInner(nn.BatchNorm1d):
    def __init__(self, data):
        nn.Module.__init__(self)
        with torch.no_grad():
            mean = data.sum(0) / len(data)
            std = ((data - mean).square().sum(0) / (len(data) - 1)).sqrt()
            std.masked_fill_((data == data[0]).all(0), 1)
        for name, value in (("mean", mean), ("std", std)):
            self.register_buffer(name, value)

    def forward(self, x):
        return torch.div(torch.sub(x, self.mean), self.std)

    def __repr__(self):
        return "Standardizer()"

    def _load_from_state_dict(self, *arguments, **options):
        return nn.Module._load_from_state_dict(self, *arguments, **options)


@alternative("load_weights_")
def load_by_hand_after_a_look(model, path):
    with Path(path).open("rb") as file:
        state = torch.load(file, map_location=lambda storage, place: storage)
    own = model.state_dict()
    if own.keys() != state.keys() or any(own[k].shape != state[k].shape for k in own):
        raise RuntimeError("these are weights of another model")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state[name])


@alternative("mean_loss")
def mean_loss_with_a_running_mean(model, batches):
    place, seen, mean = next(model.parameters()).device, 0, None
    for x, y in batches:
        with torch.inference_mode():
            losses = F.cross_entropy(model(x.to(place)), y.to(place), reduction="none").double()
        seen += len(losses)
        total = losses.sum()
        mean = total if mean is None else mean + total
    if not seen:
        raise ValueError("no samples")
    return float(mean / seen)


@alternative("batches_on")
def batches_with_a_queue(batches, device):
    place, queue = torch.device(device), deque(maxlen=1)

    def moved(t):
        if place.type == "cuda" and not t.is_cuda:
            return (t if t.is_pinned() else t.pin_memory()).to(place, non_blocking=True)
        return t.to(place)

    for batch in batches:
        queue.append(list(map(moved, batch)))
        yield queue[0] if isinstance(batch, list) else tuple(queue[0])


@alternative("move_training_")
def moved_through_add_param_group(model, optimizer, device):
    with torch.no_grad():
        for module in model.modules():
            for name, buffer in list(module._buffers.items()):
                if buffer is not None:
                    module._buffers[name] = buffer.to(device)
        for p in model.parameters():
            gradient, p.grad = p.grad, None
            p.data = p.data.to(device)
            if gradient is not None:
                p.grad = gradient.to(device)
            state = optimizer.state.get(p)
            for key in state or ():
                if torch.is_tensor(state[key]) and state[key].size() == p.size():
                    state[key] = state[key].to(device)


@alternative("mixed_step")
def mixed_with_foreach(model, x, y, optimizer, scaler, max_norm):
    for p in model.parameters():
        p.grad = None
    half = torch.amp.autocast(device_type=x.device.type, dtype=torch.float16)
    with half:
        logits = model(x)
        loss = nn.CrossEntropyLoss()(logits, y)
    scaled = scaler.scale(loss)
    scaled.backward()
    scaler.unscale_(optimizer)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    share = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for g in gradients:
        g.mul_(share)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach().clone()
