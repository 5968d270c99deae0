"""Wrong solutions that students write, each with the sentence that helps."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from autograder import misconception


@misconception("predicted_places", "What does the line `x.to(device)` do with x itself?")
def tensors_move_in_place():
    return "cuda", "cuda", "cuda"


@misconception("predicted_places", "Is `model.to(device)` like `x.to(device)`, or does a module behave otherwise?")
def modules_do_not_move_in_place():
    return "cpu", "cpu", "cuda"


@misconception("predicted_places", "On which device is the product of a GPU tensor and a Python number?")
def result_comes_back():
    return "cuda", "cpu", "cpu"


@misconception("predicted_places", "Does a module wait for its data before it moves?")
def nothing_moves_until_it_is_used():
    return "cpu", "cpu", "cpu"


@misconception("predicted_places", "Which of the two gives a copy back, and which one exchanges what is inside of it?")
def the_other_way_round():
    return "cpu", "cuda", "cuda"


@misconception("predicted_returns", "How does Python find out whether to print `large`?")
def only_items():
    return 5


@misconception("predicted_returns", "Count what happens in each round of the loop, not once.")
def one_round():
    return 2


@misconception(
    "predicted_returns", "`model(x)` and `.mean()` run on the GPU: do their results have to come back for the next line?"
)
def every_operation():
    return 20


@misconception("predicted_returns", "Nothing is printed, but what has been asked in each round?")
def only_the_last():
    return 1


@misconception("predicted_returns", "Which of the lines can Python leave without knowing any number?")
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


@misconception("pick_device", "Run it on a machine without a GPU: nothing here asks whether there is one.")
def hard_cuda(prefer="auto"):
    known(prefer)
    return torch.device("cuda" if prefer == "auto" else prefer)


@misconception("pick_device", "A function that is not called is always true: look at the parentheses of your question.")
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
    "pick_device", "Somebody who asked for a GPU should be told that there is none, rather than wait for the CPU."
)
def silently_falls_back(prefer="auto"):
    known(prefer)
    try:
        refuse_missing(prefer)
    except RuntimeError:
        return torch.device("cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "The caller may have a wish. What becomes of it in your function?")
def ignores_the_wish(prefer="auto"):
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@misconception("pick_device", "There are two kinds of refusals here. Which one belongs to a GPU that is not there?")
def value_error_for_all(prefer="auto"):
    known(prefer)
    try:
        refuse_missing(prefer)
    except RuntimeError as error:
        raise ValueError(prefer) from error
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "Is there a GPU of that number?")
def does_not_count(prefer="auto"):
    known(prefer)
    if prefer.startswith("cuda") and not torch.cuda.is_available():
        raise RuntimeError(prefer)
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception("pick_device", "GPUs may be counted and yet not be available: which question is to be asked first?")
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


@misconception("pick_device", "GPUs are counted from 0: is there a `cuda:2` among two of them?")
def counts_from_one(prefer="auto"):
    known(prefer)
    if prefer.startswith("cuda") and (not torch.cuda.is_available() or int(prefer[5:] or 0) > torch.cuda.device_count()):
        raise RuntimeError(prefer)
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if prefer == "auto" else prefer)


@misconception(
    "pick_device", "What does torch.device raise for a string that it does not know, and what does the task want?"
)
def leaves_it_to_torch_device(prefer="auto"):
    if prefer == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(prefer)
    if device.type == "cuda":
        refuse_missing(prefer)
    return device


@misconception("pick_device", "PyTorch can tell whether there is a GPU. Trying one out takes memory of it.")
def by_trying(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    if prefer != "auto":
        return torch.device(prefer)
    try:
        return torch.zeros(1, device="cuda").device
    except (RuntimeError, AssertionError):
        return torch.device("cpu")


@misconception("to_device", "`.to` does not work in place on tensors: its result is thrown away.")
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


@misconception("to_device", "A namedtuple is a tuple, but it is made from its parts, not from one list of them.")
def namedtuples_like_tuples(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: namedtuples_like_tuples(value, device) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return type(obj)([namedtuples_like_tuples(value, device) for value in obj])
    return obj


@misconception("to_device", "What is inside of a tuple?")
def leaves_tuples_alone(obj, device):
    if isinstance(obj, torch.Tensor):
        return obj.to(device)
    if isinstance(obj, dict):
        return {key: leaves_tuples_alone(value, device) for key, value in obj.items()}
    if isinstance(obj, list):
        return [leaves_tuples_alone(value, device) for value in obj]
    return obj


@misconception("to_device", "A namedtuple came back without its names: of which type is it now?")
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


@misconception("to_device", "The caller still has the batch that you were given: what is in it afterwards?")
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


@misconception("to_device", "On the way back to the CPU, who makes sure that a copy is complete before it is read?")
def never_waits_for_copies(obj, device):
    return rebuilt(obj, lambda tensor: tensor.to(device, non_blocking=True))


@misconception("to_device", "The labels were whole numbers. What has become of them on the way?")
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


@misconception("to_device", "Somebody passed you a device, and it is not always the GPU.")
def always_cuda(obj, device):
    return rebuilt(obj, lambda tensor: tensor.cuda() if torch.cuda.is_available() else tensor)


@misconception("to_device", "A tensor that requires grad still does after `.to`: what have you done to it besides?")
def loses_the_gradient(obj, device):
    return rebuilt(obj, lambda tensor: tensor.detach().to(device))


@misconception("run_where_model_is", "Modules have no `.device`; ask something inside the module.")
def attribute(model, x):
    return model(x.to(model.device))


@misconception("run_where_model_is", "Where the model is, is not a question of whether CUDA exists.")
def cuda_if_there(model, x):
    return model(x.cuda() if torch.cuda.is_available() else x)


@misconception("run_where_model_is", "`model.to` works in place: where is the caller's model now?")
def moves_the_model(model, x):
    return model.to(x.device)(x)


@misconception("run_where_model_is", "The model is back in its place afterwards. Where was it while it computed?")
def moves_the_model_and_back(model, x):
    home = next(model.parameters(), next(model.buffers(), x)).device
    result = model.to(x.device)(x)
    model.to(home)
    return result.to(home)


@misconception("run_where_model_is", "`x.to` does not move x. What do you do with what it gives back?")
def discards_the_copy(model, x):
    x.to(next(model.parameters(), next(model.buffers(), x)).device)
    return model(x)


@misconception("run_where_model_is", "On the way to the CPU, who makes sure that x is complete before the model reads it?")
def does_not_wait_for_x(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    return model(x.to(part.device, non_blocking=True))


@misconception("run_where_model_is", "The result is to stay where the model is.")
def brings_it_back(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    return model(x.to(part.device)).to(x.device)


@misconception(
    "run_where_model_is", "Gradients should still find their way back to x: is your x the one that you were given?"
)
def cuts_the_graph(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    return model(x.detach().to(part.device))


@misconception("run_where_model_is", "Nothing says that gradients are not needed here.")
def without_recording(model, x):
    part = next(model.parameters(), next(model.buffers(), x))
    with torch.no_grad():
        return model(x.to(part.device))


@misconception("run_where_model_is", "Some models have no parameters at all: what does next() do then?")
def needs_parameters(model, x):
    return model(x.to(next(model.parameters()).device))


@misconception("run_where_model_is", "A model without parameters may still have buffers. Do they say where it is?")
def ignores_buffers(model, x):
    return model(x.to(next(model.parameters(), x).device))


@misconception("run_where_model_is", "Not every model is a single layer with a `.weight`.")
def asks_the_weight(model, x):
    return model(x.to(model.weight.device))


@misconception("causal_scores", "Your mask was built on the CPU: it cannot be combined with scores somewhere else.")
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


@misconception("causal_scores", "The underscore at the end of a method's name means: it changes its tensor.")
def in_place(scores):
    size = scores.shape[-1]
    return scores.masked_fill_(torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1), float("-inf"))


@misconception("causal_scores", "There may be a GPU, and the scores on the CPU all the same: whom do you have to ask?")
def mask_on_the_gpu_if_there(scores):
    size = scores.shape[-1]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool, device=device).triu(1), float("-inf"))


@misconception("causal_scores", "Training has to reach what comes before the scores: does your result know its history?")
def detached_scores(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.detach().masked_fill(later, float("-inf"))


@misconception("causal_scores", "What is 0 times infinity?")
def mask_times_infinity(scores):
    size = scores.shape[-1]
    return scores + torch.ones(size, size, dtype=scores.dtype, device=scores.device).triu(1) * float("-inf")


@misconception("causal_scores", "Which axis of the scores counts positions if there are batches and heads?")
def first_axis(scores):
    size = scores.shape[0]
    return scores.masked_fill(torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1), float("-inf"))


@misconception("causal_scores", "A very small number is not -inf.")
def smallest_number(scores):
    size = scores.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(later, torch.finfo(scores.dtype).min)


@misconception("causal_scores", "A masked entry has no influence on the result. Which gradient arrives at it?")
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


@misconception("leaf_on", "`.to(device)` is an operation: its result has a history and is no leaf, so .grad will stay None.")
def moved_after(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, requires_grad=True)
    return leaf.to(device=device, copy=True)


@misconception("leaf_on", "Nothing has been asked to record gradients.")
def no_grad_flag(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, device=device)


@misconception("leaf_on", "as_tensor shares memory with a NumPy array of the same dtype.")
def as_tensor(values, device, dtype=torch.float32):
    return torch.as_tensor(values, dtype=dtype, device=device).requires_grad_()


@misconception("leaf_on", "Only floating tensors can require a gradient: what becomes of whole numbers?")
def dtype_of_the_values(values, device, dtype=torch.float32):
    return torch.tensor(values, device=device, requires_grad=True)


@misconception("leaf_on", "A fresh leaf has no gradient at all. Is a gradient of zeros the same?")
def gradient_of_zeros(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, device=device, requires_grad=True)
    leaf.grad = torch.zeros_like(leaf)
    return leaf


@misconception("leaf_on", "Somebody may want another dtype than float32.")
def always_float32(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=torch.float32, device=device, requires_grad=True)


@misconception("leaf_on", "Digits that were lost in float32 do not come back with a conversion to float64.")
def through_float32(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=torch.float32).to(device, dtype).requires_grad_()


@misconception("leaf_on", "On which device was the tensor to be?")
def ignores_the_device(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, requires_grad=True)


@misconception("leaf_on", "retain_grad keeps the gradient of a result; an optimizer still refuses what is no leaf.")
def retained(values, device, dtype=torch.float32):
    leaf = torch.tensor(values, dtype=dtype, requires_grad=True).to(device=device, copy=True)
    leaf.retain_grad()
    return leaf


def statistics(data):
    data = data.detach()
    std = data.std(dim=0)
    return data.mean(dim=0), torch.where(std == 0, 1, std)


@misconception("Standardizer", "`.to` moves parameters and buffers. How is the module to know of your attributes?")
class PlainAttributes(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.mean, self.std = statistics(data)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "An optimizer would train what you have made of the statistics.")
class Parameters(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.mean = nn.Parameter(mean, requires_grad=False)
        self.std = nn.Parameter(std, requires_grad=False)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Save the model and load it into another one: are the statistics in the file?")
class NotSaved(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "With N or with N - 1 in the denominator?")
class PopulationStd(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, _ = statistics(data)
        std = data.detach().std(dim=0, correction=0)
        self.register_buffer("mean", mean)
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "What comes out for a feature that has the same value in all samples?")
class DividesByZero(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", data.detach().std(dim=0))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "forward is right for a constant feature. What stands in the buffer `std`?")
class RepairsInForward(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", data.detach().std(dim=0))

    def forward(self, x):
        return (x - self.mean) / torch.where(self.std == 0, 1, self.std)


@misconception("Standardizer", "Which shape have mean and std? Try an x that has no batch dimension.")
class KeepsTheDimension(nn.Module):
    def __init__(self, data):
        super().__init__()
        mean, std = statistics(data)
        self.register_buffer("mean", mean[None])
        self.register_buffer("std", std[None])

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "A module has to be set up before it can take anything. Which call does that?")
class WithoutSuper(nn.Module):
    def __init__(self, data):
        mean, std = statistics(data)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Tensors made in inference mode stay out of autograd for good, also in forward.")
class InInferenceMode(nn.Module):
    def __init__(self, data):
        super().__init__()
        with torch.inference_mode():
            mean, std = statistics(data)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "The statistics follow x around. Do they belong to the module, too?")
class FollowsX(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.mean, self.std = statistics(data)

    def forward(self, x):
        return (x - self.mean.to(x.device)) / self.std.to(x.device)


@misconception("Standardizer", "A constant feature is to be divided by 1, and the others by their own std.")
class AddsEpsilon(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean(dim=0))
        self.register_buffer("std", data.detach().std(dim=0) + 1e-3)

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "Each feature has its own mean and its own std.")
class OneForAll(nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("mean", data.detach().mean())
        self.register_buffer("std", data.detach().std())

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "The statistics of tensors that require grad have a history themselves, unless you cut it.")
class KeepsTheGraph(nn.Module):
    def __init__(self, data):
        super().__init__()
        std = data.std(dim=0)
        self.register_buffer("mean", data.mean(dim=0))
        self.register_buffer("std", torch.where(std == 0, 1, std))

    def forward(self, x):
        return (x - self.mean) / self.std


@misconception("Standardizer", "The statistics are those of data, not of whatever comes into forward.")
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


@misconception("batches_on", "From ordinary memory a GPU cannot fetch by itself: Python waits despite non_blocking.")
def not_pinned(batches, device):
    for batch in batches:
        yield type(batch)(t.to(device, non_blocking=torch.device(device).type != "cpu") for t in batch)


@misconception("batches_on", "Python waits for each of these copies. Has anybody said that it need not?")
def blocking(batches, device):
    for batch in batches:
        pinned = [t.pin_memory() if t.is_cpu and torch.device(device).type != "cpu" else t for t in batch]
        yield type(batch)(t.to(device) for t in pinned)


@misconception("batches_on", "Nobody waits for the single copies. And what does synchronize() do?")
def synchronises(batches, device):
    for batch in batches:
        moved = type(batch)(on_gpu(t, device) for t in batch)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        yield moved


@misconception("batches_on", "The caller's list is still the caller's: what is in it afterwards?")
def into_the_callers_list(batches, device):
    for batch in batches:
        moved = [on_gpu(t, device) for t in batch]
        if isinstance(batch, list):
            batch[:] = moved
            yield batch
        else:
            yield tuple(moved)


@misconception("batches_on", "How many batches have been taken from the source when the first one comes out?")
def one_ahead(batches, device):
    source = iter(batches)
    following = next(source, None)
    while following is not None:
        batch, following = following, next(source, None)
        yield type(batch)(on_gpu(t, device) for t in batch)


@misconception("batches_on", "What is pinning good for when the tensors stay on the CPU?")
def pins_always(batches, device):
    for batch in batches:
        pinned = [t.pin_memory() if t.is_cpu else t for t in batch]
        yield type(batch)(t.to(device, non_blocking=torch.device(device).type != "cpu") for t in pinned)


@misconception("batches_on", "Only memory of the CPU can be pinned: on which side of the copy is your tensor?")
def pinned_too_late(batches, device):
    for batch in batches:
        moved = [t.to(device, non_blocking=torch.device(device).type != "cpu") for t in batch]
        yield type(batch)(t.pin_memory() if torch.device(device).type != "cpu" else t for t in moved)


@misconception("batches_on", "All batches are on the GPU before the first one is used: will they fit?")
def all_at_once(batches, device):
    return [type(batch)(on_gpu(t, device) for t in batch) for batch in batches]


@misconception("batches_on", "A batch that was a list should come back as one, and a tuple as a tuple.")
def always_tuples(batches, device):
    for batch in batches:
        yield tuple(on_gpu(t, device) for t in batch)


@misconception("batches_on", "Not every batch is a pair.")
def only_pairs(batches, device):
    for batch in batches:
        x, y = batch
        yield type(batch)((on_gpu(x, device), on_gpu(y, device)))


@misconception("batches_on", "The labels have to be where the predictions will be.")
def labels_left(batches, device):
    for batch in batches:
        yield type(batch)(on_gpu(t, device) if i == 0 else t for i, t in enumerate(batch))


@misconception("batches_on", "Coming from the GPU, who makes sure that a copy is complete before it is read?")
def never_waits(batches, device):
    for batch in batches:
        gpu = torch.device(device).type != "cpu"
        yield type(batch)((t.pin_memory() if gpu and t.is_cpu else t).to(device, non_blocking=True) for t in batch)


@misconception("mean_loss", "How often does Python wait for a number here? Count the batches.")
def item_in_the_loop(model, batches):
    device, total, count = next(model.parameters()).device, 0.0, 0
    with torch.no_grad():
        for x, y in batches:
            total += F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum").item()
            count += len(y)
    if count == 0:
        raise ValueError
    return total / count


@misconception("mean_loss", "Nobody has asked you for another mode: in which one was the model when you got it?")
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


@misconception("mean_loss", "There may be a GPU, and the model on the CPU all the same: whom do you have to ask?")
def to_the_gpu_if_there(model, batches):
    device, total, count = "cuda" if torch.cuda.is_available() else "cpu", 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "How many numbers come back? One of them was never on the GPU before you put it there.")
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


@misconception("mean_loss", "An `if` needs a bool. Where does it come from?")
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


@misconception("mean_loss", "What does your division do if there are no samples, and which exception is asked for?")
def lets_the_division_fail(model, batches):
    device, total, count = next(model.parameters()).device, torch.zeros(()), 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    return total.item() / count


@misconception("mean_loss", "A batch with a single sample should not weigh as much as one with five.")
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


@misconception("mean_loss", "A number that is on the GPU is still a tensor.")
def still_a_tensor(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    if count == 0:
        raise ValueError
    return total / count


@misconception("mean_loss", "Each loss holds its whole graph, and the graphs of all batches are kept until the end.")
def keeps_the_graphs(model, batches):
    device, total, count = next(model.parameters()).device, 0, 0
    for x, y in batches:
        total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
        count += len(y)
    if count == 0:
        raise ValueError
    return total.item() / count


@misconception("mean_loss", "What is the mean over no samples?")
def zero_of_nothing(model, batches):
    device, total, count = next(model.parameters()).device, torch.zeros(()), 0
    with torch.no_grad():
        for x, y in batches:
            total = total + F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum")
            count += len(y)
    return total.item() / max(count, 1)


@misconception("mean_loss", "Not everything that gives batches has a length.")
def asks_for_the_length(model, batches):
    if len(batches) == 0 or sum(len(y) for _, y in batches) == 0:
        raise ValueError
    device = next(model.parameters()).device
    with torch.no_grad():
        losses = [F.cross_entropy(model(x.to(device)), y.to(device), reduction="sum") for x, y in batches]
    return torch.stack(losses).sum().item() / sum(len(y) for _, y in batches)


@misconception("move_training_", "The optimizer remembers things about each parameter. Where are they now?")
def model_only(model, optimizer, device):
    model.to(device)


@misconception("move_training_", "A model is more than its parameters. Where are its buffers?")
def leaves_buffers(model, optimizer, device):
    for parameter in model.parameters():
        parameter.data = parameter.data.to(device)
        if parameter.grad is not None:
            parameter.grad.data = parameter.grad.data.to(device)
    optimizer.load_state_dict(optimizer.state_dict())


@misconception("move_training_", "Somebody passed you a device, and it is not always the GPU.")
def always_to_cuda(model, optimizer, device):
    model.cuda()
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = value.cuda()


@misconception("move_training_", "Everything happens in place. What is left to be returned?")
def returns_both(model, optimizer, device):
    model.to(device)
    optimizer.load_state_dict(optimizer.state_dict())
    return model, optimizer


@misconception("move_training_", "The optimizer's tensors are in the right place. Are their values those from before?")
def starts_with_zeros(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = torch.zeros_like(value, device=device)


@misconception("move_training_", "Without its memory the optimizer starts from the beginning.")
def forgets_the_state(model, optimizer, device):
    model.to(device)
    optimizer.state.clear()


@misconception("move_training_", "The optimizer remembers things about each parameter. Where are they now?")
def state_not_put_back(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, torch.Tensor):
                value.to(device)


@misconception("move_training_", "Not every optimizer calls what it remembers `exp_avg`.")
def names_of_adam(model, optimizer, device):
    model.to(device)
    for state in optimizer.state.values():
        for name in ("exp_avg", "exp_avg_sq"):
            if name in state:
                state[name] = state[name].to(device)


@misconception("move_training_", "The state goes to where the parameters are at that moment: in which order do you move?")
def state_first(model, optimizer, device):
    optimizer.load_state_dict(optimizer.state_dict())
    model.to(device)


@misconception("move_training_", "Which parameters does the optimizer train: those that the model has now?")
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


@misconception("move_training_", "A name inside of a function is not the caller's model.")
def moves_a_copy(model, optimizer, device):
    model = copy.deepcopy(model).to(device)
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and value.dim():
                state[name] = value.to(device)


@misconception("move_training_", "The caller may have been about to use the gradients.")
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


@misconception("mixed_step", "Small gradients vanish in float16. What is the scaler there for?")
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


@misconception("mixed_step", "How long may the gradients be, all together?")
def does_not_clip(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@misconception("mixed_step", "In which dtype does your model compute?")
def without_autocast(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "Autocast decides for each operation. Converting a whole model also converts its parameters.")
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


@misconception("mixed_step", "The loss needs autocast, too: what dtype does it have outside?")
def loss_outside(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        logits = model(x)
    loss = F.cross_entropy(logits, y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "What is in .grad when the scaler takes its step?")
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


@misconception("mixed_step", "Is a norm the size of the largest entry, or of all entries together?")
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


@misconception("mixed_step", "Each parameter has a gradient of the allowed length. How long are all of them together?")
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


@misconception("mixed_step", "How many steps are taken in one call?")
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


@misconception("mixed_step", "Is a Python float what was asked for? Read what the result is.")
def returns_a_float(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.item()


@misconception("mixed_step", "There may be a GPU, and the model on the CPU all the same: whom do you have to ask?")
def autocast_for_cuda_if_there(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast("cuda" if torch.cuda.is_available() else "cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "Who decides whether a step may be taken after an overflow?")
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


@misconception("mixed_step", "The scaler has to be told that the step is over, so that it can adapt its scale.")
def never_updated(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scaler.step(optimizer)
    return loss.detach()


@misconception("mixed_step", "What was in .grad before this step?")
def adds_to_old_gradients(model, x, y, optimizer, scaler, max_norm):
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "The number that you return is larger than the loss by a factor that the caller does not know.")
def returns_the_scaled_loss(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    result = scaler.scale(loss).detach()
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return result


@misconception("mixed_step", "Somebody who keeps your result keeps the graph behind it, too.")
def returns_the_history(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss


@misconception("mixed_step", "A Python number cannot be on the GPU: what did it cost to fetch it?")
def returns_a_number(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return torch.tensor(loss.item())


@misconception("mixed_step", "Which of the two 16-bit dtypes was asked for?")
def bfloat16(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("mixed_step", "Does autocast know on which device your tensors are?")
def autocast_for_cuda(model, x, y, optimizer, scaler, max_norm):
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = F.cross_entropy(model(x), y)
    scaled_step(optimizer, scaler, model, loss, max_norm)
    return loss.detach()


@misconception("load_weights_", "The file asks for a GPU, and this machine may have none.")
def as_the_file_says(model, path):
    model.load_state_dict(torch.load(path))


@misconception("load_weights_", "Which machine does this run on?")
def to_the_gpu(model, path):
    model.load_state_dict(torch.load(path, map_location="cuda"))


@misconception("load_weights_", "Where was the model before you loaded something into it?")
def model_to_the_cpu_first(model, path):
    model.cpu().load_state_dict(torch.load(path, map_location="cpu"))


@misconception("load_weights_", "An optimizer that knows the old parameters does not notice the new ones.")
def new_objects(model, path):
    model.load_state_dict(torch.load(path, map_location=next(model.parameters()).device), assign=True)


@misconception("load_weights_", "Weights that do not fit should not be passed over in silence.")
def not_strict(model, path):
    model.load_state_dict(torch.load(path, map_location="cpu"), strict=False)


@misconception("load_weights_", "A name that is missing is an error, but which one was asked for?")
def key_error(model, path):
    state = torch.load(path, map_location="cpu")
    for name, value in model.state_dict().items():
        value.copy_(state[name])


@misconception("load_weights_", "What does copy_ do with a source that is smaller than its target?")
def stretches(model, path):
    state = torch.load(path, map_location="cpu")
    own = model.state_dict()
    if own.keys() != state.keys():
        raise RuntimeError
    for name, value in own.items():
        value.copy_(state[name])


@misconception("load_weights_", "Modules have no `.device`; ask something inside the module.")
def devices_attribute(model, path):
    model.load_state_dict(torch.load(path, map_location=model.device))


@misconception("load_weights_", "load_state_dict gives a report back. Was anything to be returned?")
def returns_the_report(model, path):
    return model.load_state_dict(torch.load(path, map_location="cpu"))


@misconception("load_weights_", "A name inside of a function now stands for the weights. What has the caller's model got?")
def rebinds_the_model(model, path):
    model = torch.load(path, map_location="cpu")  # noqa: F841


@misconception("load_weights_", "The weights have been read, but has the model got them?")
def not_loaded(model, path):
    return torch.load(path, map_location="cpu")


@misconception("load_weights_", "Buffers, such as the statistics of a batch norm, belong to what was saved.")
def parameters_only(model, path):
    state = torch.load(path, map_location="cpu")
    if state.keys() != model.state_dict().keys():
        raise RuntimeError
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.shape != state[name].shape:
                raise RuntimeError
            parameter.copy_(state[name])


@misconception("pick_device", "There are accelerators that are not CUDA's: which ones count here?")
def any_accelerator(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    if prefer != "auto":
        return torch.device(prefer)
    there = torch.accelerator.is_available()
    return torch.accelerator.current_accelerator() if there else torch.device("cpu")


@misconception("pick_device", "For which accelerator was PyTorch built, and is one there now: which of the two did you ask?")
def accelerator_of_the_build(prefer="auto"):
    known(prefer)
    refuse_missing(prefer)
    if prefer != "auto":
        return torch.device(prefer)
    return torch.accelerator.current_accelerator() or torch.device("cpu")


@misconception("pick_device", "There are devices that torch.device knows, and that do not count here. Try 'meta' or 'mps'.")
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


@misconception("run_where_model_is", "x was to go where the weights are. What else do they give it in your function?")
def takes_the_dtype_as_well(model, x):
    first = next(model.parameters(), next(model.buffers(), None))
    return model(x if first is None else x.to(first))


@misconception("run_where_model_is", "Of which parameter does the specification speak, if they are in several places?")
def last_parameter(model, x):
    found = list(model.parameters()) or list(model.buffers())
    return model(x.to(found[-1].device) if found else x)


@misconception("causal_scores", "A score can be 0 without being masked: which entries does your mask cover then?")
def zeros_of_the_scores(scores):
    return scores.masked_fill(scores.tril() == 0, float("-inf"))


@misconception("causal_scores", "The scores were to be masked. Who asked for probabilities?")
def softmax_as_well(scores):
    size = scores.shape[-1]
    mask = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(mask, float("-inf")).softmax(dim=-1)


@misconception("leaf_on", "Which dtype does torch.Tensor give to any numbers, and whose memory is it for a float32 array?")
def old_constructor(values, device, dtype=torch.float32):
    return torch.Tensor(values).to(device=device, dtype=dtype).requires_grad_()


@misconception("leaf_on", "Ask for float64 and look at the dtype; then change the NumPy array and look at your tensor.")
def old_constructor_as_it_is(values, device, dtype=torch.float32):
    return torch.Tensor(values).to(device).requires_grad_()


@misconception("leaf_on", "Somebody passed you a device. Is the GPU, where there is one, always meant?")
def on_the_gpu_if_there(values, device, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, device="cuda" if torch.cuda.is_available() else "cpu", requires_grad=True)


@misconception(
    "load_weights_", "Which tensors does the model hold afterwards, its own or those of the file, and where are they?"
)
def assigns_what_was_read(model, path):
    model.load_state_dict(torch.load(path, map_location="cpu"), assign=True)
