"""Wrong solutions that students write, each with the sentence that helps."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from autograder import misconception


@misconception("predicted_places", "What does the line `x.to(device)` do to x itself?")
def tensors_move_in_place():
    return "cuda", "cuda", "cuda"


@misconception("predicted_places", "Does `model.to(device)` work like `x.to(device)`, or do modules behave differently?")
def modules_do_not_move_in_place():
    return "cpu", "cpu", "cuda"


@misconception("predicted_places", "Which device is the product of a GPU tensor and a Python number on?")
def result_comes_back():
    return "cuda", "cpu", "cpu"


@misconception("predicted_places", "Does a module wait for its data before it moves?")
def nothing_moves_until_it_is_used():
    return "cpu", "cpu", "cpu"


@misconception("predicted_places", "Which of the two returns a copy, and which one changes in place?")
def the_other_way_round():
    return "cpu", "cuda", "cuda"


@misconception("predicted_returns", "How does Python find out whether to print `large`?")
def only_items():
    return 5


@misconception("predicted_returns", "That is one iteration. How many are there?")
def one_round():
    return 2


@misconception(
    "predicted_returns", "`model(x)` and `.mean()` run on the GPU. Does the next line need their results on the CPU?"
)
def every_operation():
    return 20


@misconception("predicted_returns", "Nothing is printed, but what does each iteration ask for?")
def only_the_last():
    return 1


@misconception("predicted_returns", "Which of the lines can Python finish without knowing any number?")
def the_mean_as_well():
    return 15


def known(prefer):
    if prefer in ("auto", "cpu", "cuda"):
        return
    if not prefer.startswith("cuda:") or not prefer[5:].isdigit():
        raise ValueError(prefer)


def refuse_missing(prefer):
    if prefer.startswith("cuda"):
        number = int(prefer[5:] or 0)
        if not torch.cuda.is_available() or number >= torch.cuda.device_count():
            raise RuntimeError(prefer)


@misconception("pick_device", "Run it on a machine without a GPU: you never ask whether there is one.")
def hard_cuda(prefer="auto"):
    known(prefer)
    return torch.device("cuda" if prefer == "auto" else prefer)


@misconception(
    "pick_device",
    "Run it on a machine without a GPU. If you ask whether there is one: do you call the function?",
    also_true_of=("hard_cuda",),
)
def question_not_asked(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    return torch.device(("cuda" if torch.cuda.is_available else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "A string is not a device: callers will ask it for .type.")
def string(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    return ("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer


@misconception(
    "pick_device", "Someone who asks for a GPU should be told that there is none, instead of silently getting the CPU."
)
def silently_falls_back(prefer="auto"):
    known(prefer)
    try:
        refuse_missing(prefer)
    except RuntimeError:
        return torch.device("cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "The caller may name a device. What does your function do with that?")
def ignores_the_wish(prefer="auto"):
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@misconception("pick_device", "There are two exceptions here. Which one is for a GPU that does not exist?")
def value_error_for_all(prefer="auto"):
    known(prefer)
    try:
        refuse_missing(prefer)
    except RuntimeError as error:
        raise ValueError(prefer) from error
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "Is there a GPU with that number?")
def does_not_count(prefer="auto"):
    known(prefer)
    if prefer.startswith("cuda") and not torch.cuda.is_available():
        raise RuntimeError(prefer)
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "PyTorch may count GPUs that are not available. Which question should you ask first?")
def counts_only(prefer="auto"):
    known(prefer)
    if prefer.startswith("cuda") and int(prefer[5:] or 0) >= torch.cuda.device_count():
        raise RuntimeError(prefer)
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "Which of two GPUs did the caller ask for?")
def always_the_first(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    gpu = prefer.startswith("cuda") or (prefer == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")


@misconception("pick_device", "GPUs are numbered from 0: with two of them, is there a `cuda:2`?")
def counts_from_one(prefer="auto"):
    known(prefer)
    if prefer.startswith("cuda") and (not torch.cuda.is_available() or int(prefer[5:] or 0) > torch.cuda.device_count()):
        raise RuntimeError(prefer)
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception(
    "pick_device", "What does torch.device raise for a string it does not know, and what does the docstring ask for?"
)
def leaves_it_to_torch_device(prefer="auto"):
    if prefer == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(prefer)
    if device.type == "cuda":
        refuse_missing(prefer)
    return device


@misconception("pick_device", "PyTorch can tell you whether there is a GPU. Trying it out uses memory on it.")
def by_trying(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    if prefer != "auto":
        return torch.device(prefer)
    try:
        return torch.zeros(1, device="cuda").device
    except (RuntimeError, AssertionError):
        return torch.device("cpu")


@misconception("to_device", "`.to` does not move a tensor in place, and you throw its result away.")
def discarded(obj, device):
    if isinstance(obj, torch.Tensor):
        obj.to(device)
    elif isinstance(obj, dict):
        for value in obj.values():
            discarded(value, device)
    elif isinstance(obj, list | tuple):
        for value in obj:
            discarded(value, device)
    return obj


@misconception("to_device", "A tuple came back as a list (and a namedtuple lost its names).")
def all_lists(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: all_lists(value, device) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [all_lists(value, device) for value in obj]
    return obj


@misconception("to_device", "A namedtuple is a tuple, but you create it from separate arguments, not from one list.")
def namedtuples_like_tuples(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: namedtuples_like_tuples(value, device) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return type(obj)([namedtuples_like_tuples(value, device) for value in obj])
    return obj


@misconception("to_device", "What is inside a tuple?")
def leaves_tuples_alone(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: leaves_tuples_alone(value, device) for key, value in obj.items()}
    if isinstance(obj, list):
        return [leaves_tuples_alone(value, device) for value in obj]
    return obj


@misconception("to_device", "A namedtuple came back without its names: what type is it now?")
def plain_tuples(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: plain_tuples(value, device) for key, value in obj.items()}
    if isinstance(obj, list):
        return [plain_tuples(value, device) for value in obj]
    if isinstance(obj, tuple):
        return tuple(plain_tuples(value, device) for value in obj)
    return obj


@misconception("to_device", "Not everything in a batch is a tensor: strings and None have no .to().")
def everything(obj, device):
    if isinstance(obj, dict):
        return {key: everything(value, device) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(everything(value, device) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(everything(value, device) for value in obj)
    return obj.to(device)


@misconception("to_device", "The caller still has the original batch: what is in it after your call?")
def into_the_original(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        for key in obj:
            obj[key] = into_the_original(obj[key], device)
        return obj
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(into_the_original(value, device) for value in obj))
    if isinstance(obj, tuple):
        return tuple(into_the_original(value, device) for value in obj)
    if isinstance(obj, list):
        obj[:] = [into_the_original(value, device) for value in obj]
    return obj


@misconception("to_device", "A batch can hold a dict of lists of tensors: how deep do you look?")
def one_level(obj, device):
    def move(thing):
        return thing.to(device) if isinstance(thing, torch.Tensor) else thing

    if isinstance(obj, dict):
        return {key: move(value) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(move(value) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(move(value) for value in obj)
    return move(obj)


def rebuilt(obj, move):
    if isinstance(obj, torch.Tensor):
        return move(obj)
    if isinstance(obj, dict):
        return {key: rebuilt(value, move) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(rebuilt(value, move) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(rebuilt(value, move) for value in obj)
    return obj


@misconception("to_device", "On the way back to the CPU, what makes sure that a copy is complete before it is read?")
def never_waits_for_copies(obj, device):
    return rebuilt(obj, lambda tensor: tensor.to(device, non_blocking=True))


@misconception("to_device", "The labels were integers. What are they now?")
def converts_to_float(obj, device):
    return rebuilt(obj, lambda tensor: tensor.to(device, torch.float32))


@misconception("to_device", "Is a number a tensor? Look at what else is in the batch.")
def makes_tensors_of_numbers(obj, device):
    if isinstance(obj, int | float):
        return torch.tensor(obj, device=device)
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: makes_tensors_of_numbers(value, device) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(makes_tensors_of_numbers(value, device) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(makes_tensors_of_numbers(value, device) for value in obj)
    return obj


@misconception("to_device", "The caller passes a device, and it is not always the GPU.")
def always_cuda(obj, device):
    return rebuilt(obj, lambda tensor: tensor.cuda() if torch.cuda.is_available() else tensor)


@misconception("to_device", "A tensor that requires grad still does after `.to`. What else did you do to it?")
def loses_the_gradient(obj, device):
    return rebuilt(obj, lambda tensor: tensor.detach().to(device))


@misconception("run_where_model_is", "Modules have no `.device`. What inside a module does?")
def attribute(model, x):
    return model(x.to(model.device))


@misconception("run_where_model_is", "Whether CUDA exists does not tell you where the model is.")
def cuda_if_there(model, x):
    return model(x.cuda() if torch.cuda.is_available() else x)


@misconception("run_where_model_is", "`model.to` works in place: where is the caller's model now?")
def moves_the_model(model, x):
    return model.to(x.device)(x)


@misconception("run_where_model_is", "The model is back where it was afterwards. But where did it compute?")
def moves_the_model_and_back(model, x):
    home = next(model.parameters(), next(model.buffers(), x)).device
    result = model.to(x.device)(x)
    model.to(home)
    return result.to(home)


@misconception("run_where_model_is", "`x.to` does not move x. What do you do with what it returns?")
def discards_the_copy(model, x):
    x.to(next(model.parameters(), next(model.buffers(), x)).device)
    return model(x)


@misconception("run_where_model_is", "On the way to the CPU, what makes sure that x is complete before the model reads it?")
def does_not_wait_for_x(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    return model(x.to(part.device, non_blocking=True))


@misconception("run_where_model_is", "The result should stay where the model is.")
def brings_it_back(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    return model(x.to(part.device)).to(x.device)


@misconception("run_where_model_is", "Gradients should flow back to x. What cuts them off in your function?")
def cuts_the_graph(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    return model(x.detach().to(part.device))


@misconception("run_where_model_is", "The result should be differentiable, but you switch off gradient recording.")
def without_recording(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    with torch.no_grad():
        return model(x.to(part.device))


@misconception("run_where_model_is", "Some models have no parameters at all. What does next() do then?")
def needs_parameters(model, x):
    return model(x.to(next(model.parameters()).device))


@misconception("run_where_model_is", "A model without parameters may still have buffers, which tell you where it is.")
def ignores_buffers(model, x):
    return model(x.to(next(model.parameters(), x).device))


@misconception("run_where_model_is", "Not every model has a `.weight`.")
def asks_the_weight(model, x):
    return model(x.to(model.weight.device))


@misconception("causal_scores", "You build the mask on the CPU: it cannot be combined with scores on another device.")
def cpu_mask(scores):
    size = scores.shape[-1]
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool).triu(1), float("-inf"))


@misconception("causal_scores", "A position may look at itself: does your mask cover the diagonal?")
def diagonal(scores):
    size = scores.shape[-1]
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(0), float("-inf"))


@misconception("causal_scores", "Multiplying by a mask of 0 and 1 gives a score of 0, and exp(0) is 1.")
def multiplied(scores):
    return scores * torch.ones_like(scores).tril()


@misconception("causal_scores", "Which of the two triangles is the future: entries with j > i, or those with j < i?")
def other_triangle(scores):
    size = scores.shape[-1]
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool, device=scores.device).tril(-1), float("-inf"))


@misconception("causal_scores", "An underscore at the end of a method's name means that it changes the tensor in place.")
def in_place(scores):
    size = scores.shape[-1]
    return scores.masked_fill_(torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1), float("-inf"))


@misconception("causal_scores", "There may be a GPU while the scores are on the CPU. How can you tell where the scores are?")
def mask_on_the_gpu_if_there(scores):
    size = scores.shape[-1]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool, device=device).triu(1), float("-inf"))


@misconception("causal_scores", "Gradients must reach whatever comes before the scores. Does your result have a graph?")
def detached_scores(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.detach().masked_fill(later, float("-inf"))


@misconception("causal_scores", "What is 0 times infinity?")
def mask_times_infinity(scores):
    size = scores.shape[-1]
    return scores + torch.ones(size, size, dtype=scores.dtype, device=scores.device).triu(1) * float("-inf")


@misconception("causal_scores", "With batches and heads, which axis of the scores counts positions?")
def first_axis(scores):
    size = scores.shape[0]
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1), float("-inf"))


@misconception("causal_scores", "A very small number is not -inf.")
def smallest_number(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(later, torch.finfo(scores.dtype).min)


@misconception("causal_scores", "A masked entry has no influence on the result. Which gradient does it get in your version?")
def added(scores):
    size = scores.shape[-1]
    return scores + torch.full((size, size), float("-inf"), dtype=scores.dtype, device=scores.device).triu(1)


@misconception("causal_scores", "A mask of float32 numbers turns float16 scores into float32 ones.")
def mask_in_float32(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return torch.where(later, torch.full((size, size), float("-inf"), device=scores.device), scores)


@misconception("causal_scores", "A very small number is not -inf.")
def large_number(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(later, -1e4)


@misconception("leaf_on", "`.to(device)` is an operation: its result has a grad_fn and is not a leaf, so .grad stays None.")
def moved_after(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, requires_grad=True)
    return leaf.to(device=device, copy=True)


@misconception("leaf_on", "You have not asked for gradients anywhere.")
def no_grad_flag(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, device=device)


@misconception("leaf_on", "as_tensor shares memory with a NumPy array of the same dtype.")
def as_tensor(values, device, dtype=torch.float32):
    return torch.as_tensor(values, dtype=dtype, device=device).requires_grad_()


@misconception("leaf_on", "Only floating-point tensors can require grad. What about integers?")
def dtype_of_the_values(values, device, dtype=torch.float32):
    return torch.tensor(values, device=device, requires_grad=True)


@misconception("leaf_on", "A new leaf has no gradient at all. Is a gradient of zeros the same thing?")
def gradient_of_zeros(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, device=device, requires_grad=True)
    leaf.grad = torch.zeros_like(leaf)
    return leaf


@misconception("leaf_on", "The caller may ask for a dtype other than float32.")
def always_float32(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=torch.float32, device=device, requires_grad=True)


@misconception("leaf_on", "Digits that were lost in float32 do not come back with a conversion to float64.")
def through_float32(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=torch.float32).to(device, dtype).requires_grad_()


@misconception("leaf_on", "Which device should the tensor be on?")
def ignores_the_device(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, requires_grad=True)


@misconception(
    "leaf_on", "retain_grad keeps the gradient of a result, but an optimizer still refuses a tensor that is not a leaf."
)
def retained(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, requires_grad=True).to(device=device, copy=True)
    leaf.retain_grad()
    return leaf


def statistics(data):
    data = data.detach()
    std = data.std(dim=0)
    return data.mean(dim=0), torch.where(std == 0, 1, std)


@misconception(
    "Standardizer",
    "`.to` moves parameters and buffers. How would the module know about your attributes?",
    also_true_of=("FollowsX",),
)
class PlainAttributes(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.mean, self.std = statistics(data)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "You made the statistics parameters: parameters() would hand them to an optimizer.")
class Parameters(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.mean = nn.Parameter(mean, requires_grad=False)
        self.std = nn.Parameter(std, requires_grad=False)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Save the model's state_dict and load it into another one: are the statistics in it?")
class NotSaved(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Do you divide by N or by N - 1?")
class PopulationStd(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, _ = statistics(data)
        std = data.detach().std(dim=0, correction=0)
        self.register_buffer("mean", mean)
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "What do you return for a feature that has the same value in all samples?")
class DividesByZero(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", data.detach().std(dim=0))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "forward is right for a constant feature. But what is in the buffer `std`?")
class RepairsInForward(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", data.detach().std(dim=0))

    def forward(self, x):
        return (x - self.mean) / torch.where(self.std == 0, 1, self.std)


@misconception("Standardizer", "What shape do mean and std have? Try an x without a batch dimension.")
class KeepsTheDimension(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.register_buffer("mean", mean[None])
        self.register_buffer("std", std[None])

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "A module must be initialised before you can register anything in it. Which call does that?")
class WithoutSuper(nn.Module):
    def __init__(self, data):
        mean, std = statistics(data)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Tensors made in inference mode can never take part in autograd, not even later in forward.")
class InInferenceMode(nn.Module):
    def __init__(self, data):
        super().__init__()
        with torch.inference_mode():
            mean, std = statistics(data)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception(
    "Standardizer", "Are the statistics part of the module, so that `.to` moves them?", also_true_of=("PlainAttributes",)
)
class FollowsX(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.mean, self.std = statistics(data)

    def forward(self, x):
        return (x - self.mean.to(x.device)) / self.std.to(x.device)


@misconception("Standardizer", "Divide a constant feature by 1, and every other one by exactly its own std.")
class AddsEpsilon(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", data.detach().std(dim=0) + 1e-3)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Each feature needs its own mean and its own std.")
class OneForAll(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean())
        self.register_buffer("std", data.detach().std())

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "If data requires grad, so do its statistics, unless you detach them.")
class KeepsTheGraph(nn.Module):
    def __init__(self, data):
        super().__init__()
        std = data.std(dim=0)
        self.register_buffer("mean", data.mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Use the statistics of data, not those of whatever is passed to forward.")
class StatisticsOfX(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        mean, std = statistics(x)
        return (x - mean) / std


def on_gpu(tensor, device):
    device = torch.device(device)
    if device.type == "cpu" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@misconception("batches_on", "A GPU cannot read ordinary memory by itself: Python waits despite non_blocking=True.")
def not_pinned(batches, device):
    for batch in batches:
        yield type(batch)(t.to(device, non_blocking=torch.device(device).type != "cpu") for t in batch)


@misconception("batches_on", "Python waits for each of these copies. Have you told it not to?")
def blocking(batches, device):
    for batch in batches:
        pinned = [t.pin_memory() if t.is_cpu and torch.device(device).type != "cpu" else t for t in batch]
        yield type(batch)(t.to(device) for t in pinned)


@misconception("batches_on", "You do not wait for each copy. But what does synchronize() do?")
def synchronises(batches, device):
    for batch in batches:
        moved = type(batch)(on_gpu(t, device) for t in batch)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        yield moved


@misconception("batches_on", "The caller may use the original list again: what is in it afterwards?")
def into_the_callers_list(batches, device):
    for batch in batches:
        moved = [on_gpu(t, device) for t in batch]
        if isinstance(batch, list):
            batch[:] = moved
            yield batch
        else:
            yield tuple(moved)


@misconception("batches_on", "How many batches have you taken from the source when you yield the first one?")
def one_ahead(batches, device):
    source = iter(batches)
    following = next(source, None)
    while following is not None:
        batch, following = following, next(source, None)
        yield type(batch)(on_gpu(t, device) for t in batch)


@misconception("batches_on", "What use is pinning when the tensors stay on the CPU?")
def pins_always(batches, device):
    for batch in batches:
        pinned = [t.pin_memory() if t.is_cpu else t for t in batch]
        yield type(batch)(t.to(device, non_blocking=torch.device(device).type != "cpu") for t in pinned)


@misconception("batches_on", "You can only pin CPU memory. Do you pin before or after the copy?")
def pinned_too_late(batches, device):
    for batch in batches:
        moved = [t.to(device, non_blocking=torch.device(device).type != "cpu") for t in batch]
        yield type(batch)(t.pin_memory() if torch.device(device).type != "cpu" else t for t in moved)


@misconception("batches_on", "You move all batches to the GPU before the first one is used: will they fit?")
def all_at_once(batches, device):
    return [type(batch)(on_gpu(t, device) for t in batch) for batch in batches]


@misconception("batches_on", "A list should come out as a list, and a tuple as a tuple.")
def always_tuples(batches, device):
    for batch in batches:
        yield tuple(on_gpu(t, device) for t in batch)


@misconception("batches_on", "Not every batch is a pair.")
def only_pairs(batches, device):
    for batch in batches:
        x, y = batch
        yield type(batch)((on_gpu(x, device), on_gpu(y, device)))


@misconception("batches_on", "The labels must be where the predictions will be.")
def labels_left(batches, device):
    for batch in batches:
        yield type(batch)(on_gpu(t, device) if i == 0 else t for i, t in enumerate(batch))


@misconception(
    "batches_on", "When a tensor comes from the GPU, what makes sure that the copy is complete before it is read?"
)
def never_waits(batches, device):
    for batch in batches:
        gpu = torch.device(device).type != "cpu"
        yield type(batch)((t.pin_memory() if gpu and t.is_cpu else t).to(device, non_blocking=True) for t in batch)


@misconception("mean_loss", "How often does Python wait for a number? Count the batches.")
def item_in_the_loop(model, batches):
    device, total, count = next(model.parameters()).device, 0.0, 0
    with torch.no_grad():
        for x, y in batches:
            total += F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum").item()
            count += len(y)
    if count == 0:
        raise ValueError
    return total / count


@misconception("mean_loss", "Nobody asked you to change the mode. Which mode was the model in when you got it?")
def in_eval_mode(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    for module, mode in modes:
        module.training = mode
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "There may be a GPU while the model is on the CPU. How can you tell where the model is?")
def to_the_gpu_if_there(model, batches):
    device, total, count = "cuda" if torch.cuda.is_available() else "cpu", 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "How many numbers do you fetch? One of them was on the GPU only because you put it there.")
def counts_on_the_gpu(model, batches):
    device = next(model.parameters()).device
    total, count = torch.zeros((), device=device), torch.zeros((), device=device)
    with torch.no_grad():
        for x, y in batches:
            total += F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count.item() == 0:
        raise ValueError
    return (total / count).item()


@misconception("mean_loss", "An `if` needs a bool. Where does yours come from?")
def looks_for_nan(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    with torch.no_grad():
        for x, y in batches:
            loss = F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            if torch.isnan(loss):
                continue
            total = total + loss
            count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception(
    "mean_loss",
    "What does your division do if there are no samples, and which exception does the docstring ask for?",
    minor=True,
)
def lets_the_division_fail(model, batches):
    device, total, count = next(model.parameters()).device, torch.zeros(()), 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    return total.item() / count


@misconception("mean_loss", "A batch with one sample should not count as much as a batch with five.")
def mean_of_means(model, batches):
    device, losses, count = next(model.parameters()).device, [], 0
    with torch.no_grad():
        for x, y in batches:
            losses.append(F.cross_entropy(model(x.to(device)), y.to(device)))
            count += len(y)
    if count == 0:
        raise ValueError
    return torch.stack(losses).mean().item()


@misconception("mean_loss", "Where are the labels, and where are the predictions?")
def labels_not_moved(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y, reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "The model was on the GPU for a reason.")
def model_to_the_cpu(model, batches):
    model.cpu()
    total, count = 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x), y, reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "Which dtype is your running total, and what happens to the digits of a float64 loss in it?")
def total_in_float32(model, batches):
    device, total, count = next(model.parameters()).device, torch.tensor(0.0), 0
    total = total.to(device)
    with torch.no_grad():
        for x, y in batches:
            total += F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("run_where_model_is", "Which hooks run when you call forward yourself, and which when you call the model?")
def calls_forward_itself(model, x):
    return model.forward(x.to(next(model.parameters(), next(model.buffers(), x)).device))


@misconception("mean_loss", "You return a tensor. The task asks for a Python float.")
def still_a_tensor(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total / count


@misconception("mean_loss", "Each loss keeps its whole graph alive, so you keep the graphs of all batches until the end.")
def keeps_the_graphs(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    for x, y in batches:
        total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
        count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "What is the mean over no samples?", minor=True)
def zero_of_nothing(model, batches):
    device, total, count = next(model.parameters()).device, torch.zeros(()), 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    return total.item() / max(count, 1)


@misconception("mean_loss", "Not every iterable has a length.")
def asks_for_the_length(model, batches):
    if len(batches) == 0 or sum(len(y) for _, y in batches) == 0:
        raise ValueError
    device = next(model.parameters()).device
    with torch.no_grad():
        losses = [F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum") for x, y in batches]
    return torch.stack(losses).sum().item() / sum(len(y) for _, y in batches)


@misconception(
    "move_training_",
    "The optimizer remembers something about each parameter. On which device is that now?",
    also_true_of=("state_first",),
)
def model_only(model, optimizer, device):
    model.to(device)


@misconception("move_training_", "A model has more than parameters. Where are its buffers?")
def leaves_buffers(model, optimizer, device):
    for parameter in model.parameters():
        parameter.data = parameter.data.to(device)
        if parameter.grad is not None:
            parameter.grad.data = parameter.grad.data.to(device)
    optimizer.load_state_dict(optimizer.state_dict())


@misconception("move_training_", "The caller passes a device, and it is not always the GPU.")
def always_to_cuda(model, optimizer, device):
    model.cuda()
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = value.cuda()


@misconception("move_training_", "Everything happens in place. Is there anything left to return?")
def returns_both(model, optimizer, device):
    model.to(device)
    optimizer.load_state_dict(optimizer.state_dict())
    return model, optimizer


@misconception("move_training_", "The optimizer's tensors are on the right device. Are their values the same as before?")
def starts_with_zeros(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = torch.zeros_like(value, device=device)


@misconception("move_training_", "Without its state, the optimizer starts from scratch.")
def forgets_the_state(model, optimizer, device):
    model.to(device)
    optimizer.state.clear()


@misconception("move_training_", "The optimizer remembers something about each parameter. On which device is that now?")
def state_not_put_back(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, torch.Tensor):
                value.to(device)


@misconception("move_training_", "Not every optimizer uses the name `exp_avg` for what it remembers.")
def names_of_adam(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for name in ("exp_avg", "exp_avg_sq"):
            if name in state:
                state[name] = state[name].to(device)


@misconception(
    "move_training_", "load_state_dict puts the state where the parameters are at that moment. What should you move first?"
)
def state_first(model, optimizer, device):
    optimizer.load_state_dict(optimizer.state_dict())
    model.to(device)


@misconception("move_training_", "Which parameters does the optimizer train: the ones the model has now?")
def new_parameters(model, optimizer, device):
    for module in model.modules():
        for name, parameter in list(module._parameters.items()):
            module._parameters[name] = nn.Parameter(parameter.detach().to(device))
        for name, buffer in list(module._buffers.items()):
            module._buffers[name] = buffer.to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = value.to(device)


@misconception("move_training_", "You moved a copy. Where is the caller's model?")
def moves_a_copy(model, optimizer, device):
    model = copy.deepcopy(model).to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = value.to(device)


@misconception("move_training_", "The caller may still need the gradients.")
def drops_gradients(model, optimizer, device):
    optimizer.zero_grad()
    model.to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = value.to(device)


def scaled_step(optimizer, scaler, model, loss, max_norm):
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()


@misconception("mixed_step", "Small gradients vanish in float16. What is the scaler for?")
def not_scaled(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.detach()


@misconception("mixed_step", "The gradients are still multiplied by the scale when you compare them with max_norm.")
def clips_scaled_gradients(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "What may the norm of all gradients together be at most?")
def does_not_clip(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "Which dtype does your model compute in?")
def without_autocast(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception(
    "mixed_step", "Autocast chooses a dtype for each operation. Converting the whole model also converts its parameters."
)
def half_model(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    model.half()
    loss = F.cross_entropy(model(x.half()), y)
    (loss.float() * scaler.get_scale()).backward()
    for p in model.parameters():
        if p.grad is not None:
            p.grad.div_(scaler.get_scale())
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.detach().float()


@misconception("mixed_step", "The loss needs autocast, too: which dtype does it have outside?")
def loss_outside(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        logits = model(x)
    loss = F.cross_entropy(logits, y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "What is in .grad when the scaler takes the step?")
def forgets_too_late(model, x, y, optimizer, scaler, max_norm):
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    optimizer.zero_grad()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "You limit each entry. Is a norm the size of the largest entry, or of all entries together?")
def clips_values(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_value_(model.parameters(), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "You clip each parameter's gradient separately. What is the norm of all of them together?")
def clips_each_by_itself(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    for parameter in model.parameters():
        nn.utils.clip_grad_norm_(parameter, max_norm)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "How many steps does one call take?")
def steps_twice(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    optimizer.step()
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "You return a Python float. What does the docstring say the result is?")
def returns_a_float(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.item()


@misconception(
    "mixed_step",
    "There may be a GPU while the model is on the CPU. How can you tell where the model is?",
    also_true_of=("autocast_for_cuda",),
)
def autocast_for_cuda_if_there(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast("cuda" if torch.cuda.is_available() else "cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "After an overflow the step must be skipped. What decides that?")
def own_step(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "Tell the scaler that the step is over, so that it can adapt its scale.")
def never_updated(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    return loss.detach()


@misconception("mixed_step", "What is in .grad before this step?")
def adds_to_old_gradients(model, x, y, optimizer, scaler, max_norm):
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "The number you return is the loss times a factor that the caller does not know.")
def returns_the_scaled_loss(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    result = scaler.scale(loss).detach()
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return result


@misconception("mixed_step", "Anyone who keeps your result also keeps the graph behind it.")
def returns_the_history(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss


@misconception(
    "mixed_step", "A Python number is not on the GPU. Where should the result be, and what does fetching it cost?"
)
def returns_a_number(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return torch.tensor(loss.item())


@misconception("mixed_step", "Which of the two 16-bit dtypes does the docstring ask for?")
def bfloat16(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "You use autocast for CUDA. Which device are the tensors on?")
def autocast_for_cuda(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("load_weights_", "The file says GPU, but this machine may not have one.", also_true_of=("to_the_gpu",))
def as_the_file_says(model, path):
    model.load_state_dict(torch.load(path))


@misconception("load_weights_", "Does every machine this runs on have a GPU?", also_true_of=("as_the_file_says",))
def to_the_gpu(model, path):
    model.load_state_dict(torch.load(path, map_location="cuda"))


@misconception("load_weights_", "Where was the model before you loaded something into it?")
def model_to_the_cpu_first(model, path):
    model.cpu().load_state_dict(torch.load(path, map_location="cpu"))


@misconception("load_weights_", "You replace the parameters. An optimizer that holds the old ones would not notice.")
def new_objects(model, path):
    model.load_state_dict(torch.load(path, map_location=next(model.parameters()).device), assign=True)


@misconception("load_weights_", "Weights that do not fit should raise an error, not be skipped silently.")
def not_strict(model, path):
    model.load_state_dict(torch.load(path, map_location="cpu"), strict=False)


@misconception("load_weights_", "A missing name is an error, but which exception does the docstring ask for?")
def key_error(model, path):
    state = torch.load(path, map_location="cpu")
    for name, value in model.state_dict().items():
        value.copy_(state[name])


@misconception("load_weights_", "What does copy_ do with a source that is smaller than the target?")
def stretches(model, path):
    state = torch.load(path, map_location="cpu")
    own = model.state_dict()
    if own.keys() != state.keys():
        raise RuntimeError
    for name, value in own.items():
        value.copy_(state[name])


@misconception("load_weights_", "Modules have no `.device`. What inside a module does?")
def devices_attribute(model, path):
    model.load_state_dict(torch.load(path, map_location=model.device))


@misconception("load_weights_", "load_state_dict returns a report. Should your function return anything?")
def returns_the_report(model, path):
    return model.load_state_dict(torch.load(path, map_location="cpu"))


@misconception(
    "load_weights_",
    "What has changed in the caller's model? A new value for a name inside your function changes nothing there.",
    also_true_of=("not_loaded",),
)
def rebinds_the_model(model, path):
    model = torch.load(path, map_location="cpu")  # noqa: F841


@misconception(
    "load_weights_", "You read the weights. Did you put them into the model?", also_true_of=("rebinds_the_model",)
)
def not_loaded(model, path):
    return torch.load(path, map_location="cpu")


@misconception("load_weights_", "Buffers, such as BatchNorm's statistics, are part of what was saved.")
def parameters_only(model, path):
    state = torch.load(path, map_location="cpu")
    if state.keys() != model.state_dict().keys():
        raise RuntimeError
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.shape != state[name].shape:
                raise RuntimeError
            parameter.copy_(state[name])


@misconception("pick_device", "There are accelerators other than CUDA. Which ones count here?")
def any_accelerator(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    if prefer != "auto":
        return torch.device(prefer)
    there = torch.accelerator.is_available()
    return torch.accelerator.current_accelerator() if there else torch.device("cpu")


@misconception("pick_device", "Which accelerator was PyTorch built for, and is there one now? Which of the two did you ask?")
def accelerator_of_the_build(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    if prefer != "auto":
        return torch.device(prefer)
    return torch.accelerator.current_accelerator() or torch.device("cpu")


@misconception("pick_device", "torch.device knows devices that do not count here. Try 'meta' or 'mps'.")
def other_devices_as_well(prefer="auto"):
    if prefer == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(prefer)
    except RuntimeError as error:
        raise ValueError(prefer) from error
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise RuntimeError(prefer)
    return device


@misconception("run_where_model_is", "x should only change its device. What else does your function change?")
def takes_the_dtype_as_well(model, x):
    first = next(model.parameters(), next(model.buffers(), None))
    return model(x if first is None else x.to(first))


@misconception("run_where_model_is", "If the parameters are on several devices, which of them decides?")
def last_parameter(model, x):
    found = list(model.parameters()) or list(model.buffers())
    return model(x.to(found[-1].device) if found else x)


@misconception("causal_scores", "A score can be 0 without being masked. Which entries does your mask cover then?")
def zeros_of_the_scores(scores):
    return scores.masked_fill(scores.tril() == 0, float("-inf"))


@misconception("causal_scores", "Only mask the scores. Does the docstring ask for probabilities?")
def softmax_as_well(scores):
    size = scores.shape[-1]
    mask = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(mask, float("-inf")).softmax(dim=-1)


@misconception(
    "leaf_on",
    "Which dtype does torch.Tensor give every number, and whose memory does it use for a float32 array?",
    also_true_of=("old_constructor_as_it_is",),
)
def old_constructor(values, device, dtype=torch.float32):
    return torch.Tensor(values).to(device=device, dtype=dtype).requires_grad_()


@misconception(
    "leaf_on",
    "Ask for float64 and look at the dtype and the digits. Then change the NumPy array and look at your tensor.",
    also_true_of=("old_constructor",),
)
def old_constructor_as_it_is(values, device, dtype=torch.float32):
    return torch.Tensor(values).to(device).requires_grad_()


@misconception("leaf_on", "The caller passes a device. Does it always mean the GPU, just because there is one?")
def on_the_gpu_if_there(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, device="cuda" if torch.cuda.is_available() else "cpu", requires_grad=True)


@misconception("load_weights_", "Does the model hold its own tensors afterwards or the file's, and where are they?")
def assigns_what_was_read(model, path):
    model.load_state_dict(torch.load(path, map_location="cpu"), assign=True)
