"""Wrong answers of a careful adversary: each breaks one clause of its task's docstring, and must lose points for it."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder import misconception


@misconception("pick_device", "Takes the remainder of the number, so that a GPU that is not there becomes another one.")
def wraps_around(prefer="auto"):
    there = torch.cuda.is_available()
    if prefer in ("auto", "cpu"):
        return torch.device("cuda" if there and prefer == "auto" else "cpu")
    kind, _, index = prefer.partition(":")
    if kind != "cuda" or (prefer != "cuda" and not index.isdecimal()):
        raise ValueError(prefer)
    if not there:
        raise RuntimeError(prefer)
    return torch.device("cuda", int(index or 0) % torch.cuda.device_count())


@misconception("pick_device", "Compares without regard to case and spaces, and so accepts other strings.")
def forgiving(prefer="auto"):
    prefer = prefer.strip().lower()
    there = torch.cuda.is_available()
    if prefer in ("auto", "cpu"):
        return torch.device("cuda" if there and prefer == "auto" else "cpu")
    kind, _, index = prefer.partition(":")
    if kind != "cuda" or (prefer != "cuda" and not index.isdecimal()):
        raise ValueError(prefer)
    if not there or int(index or 0) >= torch.cuda.device_count():
        raise RuntimeError(prefer)
    return torch.device(prefer)


@misconception("to_device", "Makes new tensors with the data of the old ones, which drops requires_grad.")
def drops_requires_grad(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.data.to(device)
    if isinstance(obj, dict):
        return {key: drops_requires_grad(value, device) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)._make(drops_requires_grad(value, device) for value in obj)
    if isinstance(obj, list | tuple):
        return type(obj)(drops_requires_grad(value, device) for value in obj)
    return obj


@misconception("to_device", "Moves whatever has a method `to` or is an array, and turns arrays into tensors.")
def moves_arrays_too(obj, device):
    if isinstance(obj, np.ndarray):
        return torch.as_tensor(obj).to(device)
    if hasattr(obj, "to"):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: moves_arrays_too(value, device) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)._make(moves_arrays_too(value, device) for value in obj)
    if isinstance(obj, list | tuple):
        return type(obj)(moves_arrays_too(value, device) for value in obj)
    return obj


@misconception("run_where_model_is", "Cuts the parameters off: only x gets a gradient.")
def cuts_the_parameters(model, x):
    device = next((t.device for t in (*model.parameters(), *model.buffers())), x.device)
    flags = [(p, p.requires_grad) for p in model.parameters()]
    model.requires_grad_(False)
    result = model(x.to(device))
    for p, flag in flags:
        p.requires_grad_(flag)
    return result


@misconception("causal_scores", "Replaces nan and infinities in all scores, kept ones included.")
def cleans_the_scores(scores):
    later = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return torch.nan_to_num(scores).masked_fill(later, float("-inf"))


@misconception("causal_scores", "Adds -inf, which makes nan of an infinite score.")
def adds_minus_infinity(scores):
    later = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores + torch.zeros_like(scores).masked_fill(later, float("-inf"))


@misconception("causal_scores", "Returns the scores themselves where there is nothing to mask.")
def not_new_for_one_position(scores):
    if scores.shape[-1] < 2:
        return scores
    later = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, float("-inf"))


@misconception("leaf_on", "Makes the leaf in float32 first and then converts it.")
def through_the_default_dtype(values, device, dtype=torch.float32):
    leaf = torch.tensor(np.asarray(values).tolist(), device=device).float()
    return leaf.to(dtype).requires_grad_()


@misconception("leaf_on", "Shares memory with an array of the right dtype that is on the CPU already.")
def shares_an_array(values, device, dtype=torch.float32):
    if isinstance(values, np.ndarray):
        return torch.from_numpy(values).to(device, dtype).requires_grad_()
    return torch.tensor(values, dtype=dtype, device=device, requires_grad=True)


class _Statistics(nn.Module):
    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Replaces every small std by 1, not only a std of 0.")
class ReplacesSmallStd(_Statistics):
    def __init__(self, data):
        super().__init__()
        std = data.detach().std(dim=0)
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", torch.where(std < 1, 1.0, std).to(std))


@misconception("Standardizer", "Keeps its statistics in float32, whatever data has.")
class InFloat32(_Statistics):
    def __init__(self, data):
        super().__init__()
        std = data.detach().std(dim=0)
        self.register_buffer("mean", data.detach().mean(dim=0).float())
        self.register_buffer("std", torch.where(std == 0, 1, std).float())


@misconception("Standardizer", "forward detaches x, so that no gradient reaches it.")
class DetachesX(_Statistics):
    def __init__(self, data):
        super().__init__()
        std = data.detach().std(dim=0)
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return super().forward(x.detach()).requires_grad_(x.requires_grad)


@misconception("batches_on", "Pins each tensor and copies it twice, once blocking.")
def copies_twice(batches, device):
    device = torch.device(device)
    for batch in batches:
        moved = []
        for tensor in batch:
            if device.type != "cpu" and tensor.device.type == "cpu":
                tensor.to(device)
                moved.append(tensor.pin_memory().to(device, non_blocking=True))
            else:
                moved.append(tensor.to(device))
        yield type(batch)(moved)


@misconception("batches_on", "Copies what is on the device already.")
def always_copies(batches, device):
    device = torch.device(device)
    for batch in batches:
        moved = []
        for tensor in batch:
            if device.type != "cpu" and tensor.device.type == "cpu":
                moved.append(tensor.pin_memory().to(device, non_blocking=True))
            else:
                moved.append(tensor.to(device, copy=True))
        yield type(batch)(moved)


@misconception("mean_loss", "Waits for the GPU in each round, by asking whether the loss is finite.")
def asserts_in_the_loop(model, batches):
    device, losses, count = next(model.parameters()).device, [], 0
    with torch.no_grad():
        for x, y in batches:
            losses.append(F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum"))
            assert losses[-1] >= 0
            count += len(y)
    if not count:
        raise ValueError
    return torch.stack(losses).sum().item() / count


@misconception("move_training_", "Moves the state, but through float16, in which it loses digits.")
def through_float16(model, optimizer, device):
    model.to(device)
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                state[name] = value.half().to(device).to(value.dtype)


@misconception("move_training_", "Starts counting the steps again, by which Adam corrects its means.")
def starts_counting_again(model, optimizer, device):
    model.to(device)
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                state[name] = value.to(device) if value.shape == parameter.shape else torch.zeros_like(value)


@misconception("mixed_step", "Clips before it unscales, with max_norm scaled up by a constant.")
def clips_with_a_constant(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm * 65536)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "Returns the loss of the model after the step.")
def loss_after_the_step(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    with torch.no_grad(), torch.autocast(x.device.type, dtype=torch.float16):
        return F.cross_entropy(model(x), y)


@misconception("load_weights_", "Loads what fits of a file in which a name is missing.")
def fills_up(model, path):
    model.load_state_dict({**model.state_dict(), **torch.load(path, map_location="cpu")})


@misconception("load_weights_", "Copies parameters and buffers in the order of the file, whatever their names.")
def by_order(model, path):
    state = torch.load(path, map_location="cpu")
    own = model.state_dict()
    for tensor, value in zip(own.values(), state.values(), strict=False):
        if tensor.shape != value.shape:
            raise RuntimeError
        tensor.copy_(value)


@misconception("pick_device", "int() reads the number, with signs, blanks and underscores.")
def int_parse(prefer="auto"):
    if prefer == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if prefer == "cpu":
        return torch.device("cpu")
    if prefer == "cuda":
        k = 0
    elif prefer.startswith("cuda:"):
        k = int(prefer[5:])
    else:
        raise ValueError
    if not torch.cuda.is_available() or k >= torch.cuda.device_count():
        raise RuntimeError
    return torch.device("cuda", k)


@misconception("Standardizer", "std comes from the sum of squares, which loses digits where the mean is large.", minor=True)
class Cancels(nn.Module):
    def __init__(self, data):
        super().__init__()
        d = data.detach()
        n = len(d)
        m = d.mean(0)
        std = ((d.square().sum(0) - n * m.square()).clamp(min=0) / (n - 1)).sqrt()
        self.register_buffer("mean", m)
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("mean_loss", "A loss of nan counts as 0.", minor=True)
def nan_hidden(model, batches):
    d = next(model.parameters()).device
    t, n = 0, 0
    with torch.no_grad():
        for x, y in batches:
            t = t + F.cross_entropy(model(x.to(d)), y.to(d), reduction="none").nan_to_num().sum()
            n += len(y)
    if not n:
        raise ValueError
    return t.item() / n


@misconception("mean_loss", "Recording is switched off and on, not put back.", minor=True)
def model_raises(model, batches):
    d = next(model.parameters()).device
    torch.set_grad_enabled(False)
    t, n = 0, 0
    for x, y in batches:
        t = t + F.cross_entropy(model(x.to(d)), y.to(d), reduction="sum")
        n += len(y)
    torch.set_grad_enabled(True)
    if not n:
        raise ValueError
    return t.item() / n


@misconception("move_training_", "The model is in training mode afterwards.", minor=True)
def trains(model, optimizer, device):
    model.to(device).train()
    for p, s in optimizer.state.items():
        for k, v in s.items():
            if isinstance(v, torch.Tensor) and v.shape == p.shape:
                s[k] = v.to(device)


@misconception("mixed_step", "The model is in training mode afterwards.", minor=True)
def train_mode(model, x, y, optimizer, scaler, max_norm):
    model.train()
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def _load_changed(model, path, change):
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict({name: change(value) for name, value in state.items()})


@misconception("load_weights_", "What is not finite is repaired.")
def loads_repaired_weights(model, path):
    _load_changed(model, path, torch.nan_to_num)


@misconception("load_weights_", "Weights go through float32, which rounds those of float64 and large whole numbers.")
def loads_through_float32(model, path):
    _load_changed(model, path, torch.Tensor.float)


def _moved(obj, move):
    if isinstance(obj, torch.Tensor):
        return move(obj)
    if isinstance(obj, dict):
        return {key: _moved(value, move) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(_moved(value, move) for value in obj))
    return type(obj)(_moved(value, move) for value in obj) if isinstance(obj, list | tuple) else obj


@misconception("to_device", "A nan becomes 0 on the way.")
def moves_without_nan(obj, device):
    return _moved(obj, lambda tensor: (tensor.nan_to_num() if tensor.is_floating_point() else tensor).to(device))


@misconception("to_device", "Whole numbers go through float64, which rounds large ones.")
def moves_through_float64(obj, device):
    return _moved(obj, lambda tensor: (tensor.double().long() if tensor.dtype is torch.int64 else tensor).to(device))
