"""Wrong answers of a careful adversary: each breaks one clause of its task's docstring, and must lose points for it."""

import re

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


def _picked(prefer):
    if prefer == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if prefer == "cpu":
        return torch.device("cpu")
    if not re.fullmatch("cuda(:[0-9]+)?", prefer):
        raise ValueError(prefer)
    if not torch.cuda.is_available() or int(prefer.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise RuntimeError(prefer)
    return torch.device(prefer)


@misconception("pick_device", "A line break at the end is forgiven, as $ does in a pattern.")
def forgives_a_line_break(prefer="auto"):
    return _picked(prefer.removesuffix("\n"))


@misconception("pick_device", "Numbers of two digits are no numbers.")
def one_digit_only(prefer="auto"):
    if re.fullmatch("cuda:[0-9]{2,}", prefer):
        raise ValueError(prefer)
    return _picked(prefer)


def _moved(obj, device, move=lambda tensor: tensor, key=lambda key: key):
    if isinstance(obj, torch.Tensor):
        return move(obj).to(device)
    if isinstance(obj, dict):
        return {key(name): _moved(value, device, move, key) for name, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(_moved(value, device, move, key) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(_moved(value, device, move, key) for value in obj)
    return obj


@misconception("to_device", "nan becomes 0.")
def moves_without_nan(obj, device):
    return _moved(obj, device, lambda tensor: tensor.nan_to_num() if tensor.is_floating_point() else tensor)


@misconception("to_device", "float64 goes through float16.")
def moves_in_half(obj, device):
    return _moved(obj, device, lambda tensor: tensor.half().double() if tensor.dtype == torch.float64 else tensor)


@misconception("to_device", "Whole numbers become int64.")
def moves_as_int64(obj, device):
    whole = (torch.int8, torch.int16, torch.int32, torch.uint8)
    return _moved(obj, device, lambda tensor: tensor.long() if tensor.dtype in whole else tensor)


@misconception("to_device", "Keys become strings.")
def moves_under_strings(obj, device):
    return _moved(obj, device, key=str)


def _place_of(model, x):
    return next(iter((*model.parameters(), *model.buffers(), x))).device


@misconception("run_where_model_is", "nan in x becomes 0.")
def runs_without_nan(model, x):
    return model((x.nan_to_num() if x.is_floating_point() else x).to(_place_of(model, x)))


@misconception("run_where_model_is", "The first parameter that is trained tells the device.")
def runs_where_it_is_trained(model, x):
    trained = [p for p in model.parameters() if p.requires_grad]
    return model(x.to(next(iter((*trained, *model.buffers(), x))).device))


@misconception("run_where_model_is", "Parameters beside layers are not asked.", minor=True)
def runs_where_layers_are(model, x):
    layers = [p for module in model.modules() if not list(module.children()) for p in module.parameters()]
    return model(x.to(next(iter((*layers, *model.parameters(), *model.buffers(), x))).device))


@misconception("run_where_model_is", "x gets the model's dtype, too.", minor=True)
def runs_in_the_models_dtype(model, x):
    place = _place_of(model, x)
    return model(
        x.to(place, next(model.parameters()).dtype) if x.is_floating_point() and [*model.parameters()] else x.to(place)
    )


@misconception("run_where_model_is", "Gradients are recorded, even if the caller switched that off.", minor=True)
def runs_and_records(model, x):
    with torch.enable_grad():
        return model(x.to(_place_of(model, x)))


@misconception("run_where_model_is", "A hook stays that moves the next x.", minor=True)
def runs_with_a_hook(model, x):
    place = _place_of(model, x)
    model.register_forward_pre_hook(lambda module, arguments: (arguments[0].to(place),))
    return model(x)


@misconception("causal_scores", "Tiny scores become 0.")
def masks_tiny_scores(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(scores.abs() < 1e-8, 0).masked_fill(later, float("-inf"))


@misconception("leaf_on", "nan becomes 0.", minor=True)
def leaf_without_nan(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, device=device).nan_to_num().requires_grad_()


@misconception("leaf_on", "An empty list becomes a 0.", minor=True)
def leaf_of_something(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, device=device)
    return (leaf if leaf.numel() else torch.zeros(1, dtype=dtype, device=device)).requires_grad_()


class _Standard(nn.Module):
    def __init__(self, data):
        super().__init__()
        std = data.detach().std(dim=0)
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "A result of nan becomes 0.")
class RepairsResults(_Standard):
    def forward(self, x):
        return super().forward(x).nan_to_num()


@misconception("Standardizer", "Results beyond 100 standard deviations are cut off.")
class CutsOff(_Standard):
    def forward(self, x):
        return super().forward(x).clamp(-100, 100)


@misconception("Standardizer", "A little is added to std, which matters where it is small.", minor=True)
class AddsALittle(_Standard):
    def forward(self, x):
        return (x - self.mean) / (self.std + 1e-10)


@misconception("mean_loss", "All logits are fetched from the GPU, in one transfer.")
def fetches_all_logits(model, batches):
    place, logits, labels = next(model.parameters()).device, [], []
    with torch.no_grad():
        for x, y in batches:
            logits.append(model(x.to(place)))
            labels.append(y)
    if not sum(map(len, labels)):
        raise ValueError
    return F.cross_entropy(torch.cat(logits).cpu(), torch.cat(labels)).item()


def _copied(tensor, device):
    if device.type == "cpu" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@misconception("batches_on", "Python waits for each batch, with an event.")
def waits_for_an_event(batches, device):
    device = torch.device(device)
    for batch in batches:
        moved = type(batch)(_copied(tensor, device) for tensor in batch)
        if device.type == "cuda":
            arrived = torch.cuda.Event()
            arrived.record()
            arrived.synchronize()
        yield moved


@misconception("batches_on", "Tensors are pinned on their way to the CPU, too.", minor=True)
def pins_for_the_cpu(batches, device):
    device = torch.device(device)
    for batch in batches:
        if device.type == "cpu" and torch.cuda.is_available():
            batch = type(batch)(tensor if tensor.is_cuda else tensor.pin_memory() for tensor in batch)
        yield type(batch)(_copied(tensor, device) for tensor in batch)


@misconception("batches_on", "A single tensor from the GPU is yielded before it has arrived.", minor=True)
def waits_for_pairs(batches, device):
    device = torch.device(device)
    for batch in batches:
        yield type(batch)(
            tensor.to(device, non_blocking=True) if len(batch) == 1 and tensor.is_cuda else _copied(tensor, device)
            for tensor in batch
        )


def _continued(model, optimizer, device, change=lambda value: value, names=None):
    model.to(device)
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape and (names is None or name in names):
                state[name] = change(value.to(device))


@misconception("move_training_", "Only the state that Adam, Adagrad and SGD have is moved.")
def moves_well_known_state(model, optimizer, device):
    _continued(model, optimizer, device, names=("exp_avg", "exp_avg_sq", "momentum_buffer", "sum"))


@misconception("move_training_", "Only the first group's state is moved.")
def moves_the_first_group(model, optimizer, device):
    model.to(device)
    for parameter in optimizer.param_groups[0]["params"]:
        for name, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                optimizer.state[parameter][name] = value.to(device)


@misconception("move_training_", "The state is in float32 afterwards.")
def moves_in_float32(model, optimizer, device):
    _continued(model, optimizer, device, torch.Tensor.float)


@misconception("move_training_", "nan in the state becomes 0.")
def moves_state_without_nan(model, optimizer, device):
    _continued(model, optimizer, device, torch.nan_to_num)


@misconception("move_training_", "Where there is no gradient, there are zeros afterwards.")
def moves_and_fills_gradients(model, optimizer, device):
    _continued(model, optimizer, device)
    for p in model.parameters():
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad


def _mixed(model, x, y, optimizer, scaler, clip):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    clip()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "Only the first group's gradients are clipped.", minor=True)
def clips_the_first_group(model, x, y, optimizer, scaler, max_norm):
    first = optimizer.param_groups[0]["params"]
    return _mixed(model, x, y, optimizer, scaler, lambda: nn.utils.clip_grad_norm_(first, max_norm))


@misconception("mixed_step", "A loss of nan becomes 0.", minor=True)
def returns_no_nan(model, x, y, optimizer, scaler, max_norm):
    clip = nn.utils.clip_grad_norm_
    return _mixed(model, x, y, optimizer, scaler, lambda: clip(model.parameters(), max_norm)).nan_to_num()


def _loaded(model, path, change):
    state = torch.load(path, map_location="cpu")
    model.load_state_dict({name: change(tensor) if tensor.is_floating_point() else tensor for name, tensor in state.items()})


@misconception("load_weights_", "Weights of nan become 0.")
def loads_without_nan(model, path):
    _loaded(model, path, torch.nan_to_num)


@misconception("load_weights_", "Tiny weights become 0.")
def loads_without_tiny_weights(model, path):
    _loaded(model, path, lambda tensor: tensor.masked_fill(tensor.abs() < 1e-6, 0))


@misconception("load_weights_", "Weights go through float32.")
def loads_in_float32(model, path):
    _loaded(model, path, torch.Tensor.float)


@misconception("load_weights_", "Frozen weights are thawed.")
def loads_and_thaws(model, path):
    _loaded(model, path, lambda tensor: tensor)
    model.requires_grad_()


@misconception("to_device", "Whole numbers go through float64, which rounds large ones.")
def moves_through_float64(obj, device):
    return _moved(obj, device, lambda tensor: tensor.double().long() if tensor.dtype is torch.int64 else tensor)


def _load_changed(model, path, change):
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict({name: change(value) for name, value in state.items()})


@misconception("load_weights_", "What is not finite is repaired.")
def loads_repaired_weights(model, path):
    _load_changed(model, path, torch.nan_to_num)


@misconception("load_weights_", "Weights go through float32, which rounds those of float64 and large whole numbers.")
def loads_through_float32(model, path):
    _load_changed(model, path, torch.Tensor.float)
