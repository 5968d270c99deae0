"""Wrong answers that are nearly right: each breaks a single clause of a docstring. Grading must not let them pass."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception


class _Net(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1 = nn.Linear(d_in, h)
        self.linear2 = nn.Linear(h, d_out)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


@misconception("TwoLayerNet", "GELU looks like a ReLU from afar.")
class GELU(_Net):
    def forward(self, x):
        return self.linear2(F.gelu(self.linear1(x)))


@misconception("TwoLayerNet", "There is a third layer, which forward does not use.")
class AnUnusedLayer(_Net):
    def __init__(self, d_in, h, d_out):
        super().__init__(d_in, h, d_out)
        self.linear3 = nn.Linear(d_out, d_out)


@misconception("TwoLayerNet", "linear2 has a frozen bias.")
class FrozenBias(_Net):
    def __init__(self, d_in, h, d_out):
        super().__init__(d_in, h, d_out)
        self.linear2.bias.requires_grad_(False)


@misconception("TwoLayerNet", "A softmax follows in eval mode.")
class SoftmaxInEvalMode(_Net):
    def forward(self, x):
        scores = super().forward(x)
        return scores if self.training else scores.softmax(dim=-1)


@misconception("TwoLayerNet", "A batch normalisation without parameters or buffers stands before the ReLU.")
class Normalises(_Net):
    def forward(self, x):
        hidden = self.linear1(x)
        return self.linear2(F.relu(F.layer_norm(hidden, hidden.shape[-1:])))


def _counts(model, entries=torch.numel, parameters=None, buffers=None):
    parameters = list(model.parameters()) if parameters is None else parameters
    frozen = sum(entries(p) for p in parameters if not p.requires_grad)
    total = sum(map(entries, parameters))
    held = sum(map(entries, model.buffers() if buffers is None else buffers))
    return {"total": total, "trainable": total - frozen, "frozen": frozen, "buffers": held}


@misconception("count_parameters", "Parameters without elements count as one entry.")
def one_entry_at_least(model):
    return _counts(model, lambda t: max(t.numel(), 1))


@misconception("count_parameters", "Buffers of whole numbers, like counters, are left out.")
def floating_buffers_only(model):
    return _counts(model, buffers=[b for b in model.buffers() if b.is_floating_point()])


@misconception("count_parameters", "Parameters of equal shapes count once.")
def by_shape_and_flag(model):
    distinct = {(tuple(p.shape), p.requires_grad): p for p in model.parameters()}
    return _counts(model, parameters=list(distinct.values()))


@misconception("count_parameters", "A shared parameter counts once for each module, though the total is right.")
def trainable_with_duplicates(model):
    found = _counts(model)
    everything = [p for _, p in model.named_parameters(remove_duplicate=False)]
    return found | {"trainable": sum(p.numel() for p in everything if p.requires_grad)}


@misconception("count_parameters", "The numbers are floats.")
def floats(model):
    return {key: float(number) for key, number in _counts(model).items()}


@misconception("count_parameters", "There is a fifth key.")
def one_key_more(model):
    return {**_counts(model), "modules": len(list(model.modules()))}


def _row(name, module, output):
    return name, type(module).__name__, tuple(output.shape), sum(p.numel() for p in module.parameters())


def _summary(model, x, row=_row, run=None, leaves=lambda module: not list(module.children()), remove=None):
    rows, modes = [], [(module, module.training) for module in model.modules()]
    handles = [
        module.register_forward_hook(lambda m, a, output, name=name: rows.append(row(name, m, output)))
        for name, module in model.named_modules()
        if leaves(module)
    ]
    try:
        model.eval()
        with torch.no_grad():
            (run or model)(x)
    finally:
        for handle in handles:
            handle.remove()
        if remove:
            remove(model)
        for module, mode in modes:
            module.training = mode
    return rows


@misconception("summarize", "It removes all hooks, those that were there before as well.")
def removes_all_hooks(model, x):
    return _summary(model, x, remove=lambda model: [module._forward_hooks.clear() for module in model.modules()])


@misconception("summarize", "Only modules with parameters have rows.")
def modules_with_parameters_only(model, x):
    return _summary(model, x, leaves=lambda module: not list(module.children()) and any(True for _ in module.parameters()))


@misconception("summarize", "It runs a copy's class name in full.")
def qualified_class_names(model, x):
    return _summary(
        model, x, lambda name, m, out: (name, f"{type(m).__module__}.{type(m).__name__}", *_row(name, m, out)[2:])
    )


@misconception("summarize", "It runs twice: first to see whether the model works.")
def tries_the_model_first(model, x):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            model(x)
    finally:
        for module, mode in modes:
            module.training = mode
    return _summary(model, x)


@misconception("summarize", "It catches the model's error and raises another one.")
def raises_another_error(model, x):
    try:
        return _summary(model, x)
    except RuntimeError as error:
        raise ValueError("the model does not work") from error


@misconception("summarize", "After an error gradients stay off.")
def gradients_off_after_an_error(model, x):
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    rows = _summary(model, x)
    torch.set_grad_enabled(before)
    return rows


@misconception("summarize", "It clears .grad, to save memory.")
def clears_gradients(model, x):
    model.zero_grad()
    return _summary(model, x)


@misconception("summarize", "Equal rows in a row are given once.")
def without_repetitions(model, x):
    rows = _summary(model, x)
    return [row for index, row in enumerate(rows) if index == 0 or row != rows[index - 1]]


@misconception("summarize", "It calls the model's forward, so that hooks of a model that is a leaf do not run.")
def calls_forward_of_the_model(model, x):
    return _summary(model, x, run=model.forward)


@misconception("TwoLayerNet", "In eval mode nothing is recorded.")
class EvalNoGrad(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_in, h), nn.Linear(h, d_out)

    def forward(self, x):
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            return self.linear2(self.linear1(x).relu())


@misconception("TwoLayerNet", "Hidden units stop at 1000.")
class Clips(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_in, h), nn.Linear(h, d_out)

    def forward(self, x):
        return self.linear2(self.linear1(x).clamp(0, 1000))


@misconception("TwoLayerNet", "It seeds the global generator, so all networks of one size start alike.")
class Seeds(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        torch.manual_seed(0)
        self.linear1, self.linear2 = nn.Linear(d_in, h), nn.Linear(h, d_out)

    def forward(self, x):
        return self.linear2(self.linear1(x).relu())


@misconception("count_parameters", "It counts bytes and divides by four, as if all numbers were float32.")
def by_bytes(model):
    def f(t):
        return t.nelement() * t.element_size() // 4

    ps = list(model.parameters())
    return {
        "total": sum(map(f, ps)),
        "trainable": sum(f(p) for p in ps if p.requires_grad),
        "frozen": sum(f(p) for p in ps if not p.requires_grad),
        "buffers": sum(b.numel() for b in model.buffers()),
    }


@misconception("count_parameters", "It remembers what it counted, and misses what is frozen later.")
def cached(model, kept={}):  # noqa: B006
    if id(model) not in kept:
        ps = list(model.parameters())
        kept[id(model)] = (
            model,
            {
                "total": sum(p.numel() for p in ps),
                "trainable": sum(p.numel() for p in ps if p.requires_grad),
                "frozen": sum(p.numel() for p in ps if not p.requires_grad),
                "buffers": sum(b.numel() for b in model.buffers()),
            },
        )
    return kept[id(model)][1]


@misconception("TwoLayerNet", "A hidden nan becomes 0.")
class HidesNan(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1 = nn.Linear(d_in, h)
        self.linear2 = nn.Linear(h, d_out)

    def forward(self, x):
        hidden = self.linear1(x)
        return self.linear2(torch.where(hidden > 0, hidden, 0.0))


@misconception("count_parameters", "Parameters of modules that have children are left out.")
def parameters_of_leaves(model):
    leaves = [module for module in model.modules() if not list(module.children())]
    found = {id(p): p for module in leaves for p in module.parameters()}.values()
    total, trainable = sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad)
    buffers = sum(buffer.numel() for buffer in model.buffers())
    return {"total": total, "trainable": trainable, "frozen": total - trainable, "buffers": buffers}


def _noted(model, x, *, is_leaf, expected):
    names, rows = {module: name for name, module in model.named_modules()}, []
    flags = {module: module.training for module in names}

    def note(module, arguments, output):
        entries = sum(p.numel() for p in module.parameters())
        rows.append((names[module], type(module).__name__, tuple(output.shape), entries))

    handles = [module.register_forward_hook(note) for module in names if is_leaf(module)]

    def put_back():
        for handle in handles:
            handle.remove()
        for module, flag in flags.items():
            module.training = flag

    try:
        model.eval()
        with torch.no_grad():
            model(x)
    except expected:
        put_back()
        raise
    put_back()
    return rows


@misconception("summarize", "Only after a RuntimeError is everything put back.")
def expects_runtime_errors(model, x):
    return _noted(model, x, is_leaf=lambda module: not list(module.children()), expected=RuntimeError)


@misconception("summarize", "nn.Identity and containers without parts are left out.")
def without_idle_modules(model, x):
    idle = (nn.Identity, nn.Sequential)
    return _noted(
        model,
        x,
        is_leaf=lambda module: not list(module.children()) and not isinstance(module, idle),
        expected=BaseException,
    )


@misconception("TwoLayerNet", "Tiny hidden numbers count as 0.")
class CutsOffTinyNumbers(_Net):
    def forward(self, x):
        return self.linear2(F.threshold(self.linear1(x), 1e-6, 0.0))


@misconception("TwoLayerNet", "Scores that are nan become 0.")
class RepairsScores(_Net):
    def forward(self, x):
        return super().forward(x).nan_to_num()


@misconception("count_parameters", "Buffers beside layers are left out.")
def buffers_of_leaves(model):
    leaves = [module for module in model.modules() if not list(module.children())]
    return _counts(model, buffers=[buffer for module in leaves for buffer in module.buffers()])


@misconception("summarize", "Hooks for the backward pass stay.")
def leaves_backward_hooks(model, x):
    for module in model.modules():
        module.register_full_backward_hook(lambda *_: None)
    return _summary(model, x)


@misconception("summarize", "Hooks of parameters stay.")
def leaves_hooks_of_parameters(model, x):
    for p in model.parameters():
        if p.requires_grad:
            p.register_post_accumulate_grad_hook(lambda p: None)
    return _summary(model, x)


@misconception("summarize", "A hook for all modules stays.")
def leaves_a_global_hook(model, x):
    nn.modules.module.register_module_full_backward_hook(lambda *_: None)
    return _summary(model, x)


@misconception("summarize", "An output of shape () is given as (1,).", minor=True)
def shapes_of_one(model, x):
    return [(name, kind, shape or (1,), entries) for name, kind, shape, entries in _summary(model, x)]


@misconception("summarize", "An empty batch is not run.", minor=True)
def not_without_samples(model, x):
    return _summary(model, x) if x.numel() else []


@misconception("summarize", "x becomes float32, whatever the model's dtype is.", minor=True)
def in_float32(model, x):
    return _summary(model, x.float() if x.is_floating_point() else x)


@misconception("count_parameters", "Parameters are told apart by their storage, which two may share.")
def parameters_by_storage(model):
    found = {p.untyped_storage().data_ptr(): p for p in model.parameters()}.values()
    total, trainable = sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad)
    buffers = sum(buffer.numel() for buffer in model.buffers())
    return {"total": total, "trainable": trainable, "frozen": total - trainable, "buffers": buffers}
