"""Wrong solutions that students write, each with a sentence that helps them."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception


@misconception("predicted_tensors", "You counted every layer. Does nn.Module look inside a Python list?")
def all_layers():
    return 6


@misconception("predicted_tensors", "You counted layers; how many tensors does a linear layer hold?")
def one_for_the_head():
    return 1


@misconception("predicted_tensors", "You counted the numbers in the tensors; count the tensors themselves.")
def entries_of_the_head():
    return 5


@misconception(
    "predicted_tensors", "These are the tensors of the layers in the list. Are those registered, and is the head?"
)
def layers_of_the_list():
    return 4


@misconception("predicted_count", "You have the weights. What else does a linear layer hold?")
def without_biases():
    return 5500


@misconception("predicted_count", "You counted the tensors; how many numbers are in them?")
def number_of_tensors():
    return 4


@misconception("predicted_count", "How many biases does a layer have: one per input, or one per output?")
def biases_of_the_inputs():
    return 100 * 50 + 100 + 50 * 10 + 50


@misconception("predicted_count", "Does a layer have one bias in all, or one per output?")
def one_bias_a_layer():
    return 5502


@misconception("predicted_count", "This is the first layer only. There is another one.")
def first_layer_only():
    return 5050


class _Net(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1 = nn.Linear(d_in, h)
        self.linear2 = nn.Linear(h, d_out)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


@misconception("TwoLayerNet", "Two linear layers in a row are one linear layer: what is missing between them?")
class NoReLU(_Net):
    def forward(self, x):
        return self.linear2(self.linear1(x))


@misconception(
    "TwoLayerNet",
    "The same input gives two different outputs: layers made in forward are new (and untrained) every time.",
)
class LayersInForward(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.sizes = d_in, h, d_out

    def forward(self, x):
        d_in, h, d_out = self.sizes
        return nn.Linear(h, d_out)(F.relu(nn.Linear(d_in, h)(x)))


@misconception("TwoLayerNet", "The constructor makes the layers; does forward use them?")
class OtherLayersInForward(_Net):
    def forward(self, x):
        hidden = nn.Linear(self.linear1.in_features, self.linear1.out_features).to(x.dtype)
        return self.linear2(F.relu(hidden(x)))


@misconception("TwoLayerNet", "The result should be raw scores. What does your model do after linear2?")
class SoftmaxAtTheEnd(_Net):
    def forward(self, x):
        return F.softmax(super().forward(x), dim=-1)


@misconception("TwoLayerNet", "The result should be raw scores, not logarithms of probabilities.")
class LogSoftmaxAtTheEnd(_Net):
    def forward(self, x):
        return F.log_softmax(super().forward(x), dim=-1)


@misconception("TwoLayerNet", "Can a score of your model be negative?")
class ReLUAtTheEnd(_Net):
    def forward(self, x):
        return F.relu(super().forward(x))


@misconception("TwoLayerNet", "Which activation function does the docstring name?")
class Sigmoid(_Net):
    def forward(self, x):
        return self.linear2(torch.sigmoid(self.linear1(x)))


@misconception("TwoLayerNet", "The activation is in the wrong place: what should be cut off at zero, x or the hidden layer?")
class ReLUBefore(_Net):
    def forward(self, x):
        return self.linear2(self.linear1(F.relu(x)))


@misconception("TwoLayerNet", "x may have several leading dimensions, or none. What does your reshape do to them?")
class Flattens(_Net):
    def forward(self, x):
        return super().forward(x.reshape(-1, x.shape[-1]))


@misconception("TwoLayerNet", "What do you get for a single sample, or for a single output? squeeze() removes every 1.")
class Squeezes(_Net):
    def forward(self, x):
        return super().forward(x).squeeze()


@misconception("TwoLayerNet", "nn.Linear takes the number of inputs first. Look at the shapes of your weights.")
class SizesExchanged(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1 = nn.Linear(h, d_in)
        self.linear2 = nn.Linear(d_out, h)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


@misconception("TwoLayerNet", "Which names should the layers have?")
class OtherNames(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.fc1 = nn.Linear(d_in, h)
        self.fc2 = nn.Linear(h, d_out)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


@misconception("TwoLayerNet", "Each layer is in state_dict() under two names. Print its keys.")
class RegisteredTwice(_Net):
    def __init__(self, d_in, h, d_out):
        super().__init__(d_in, h, d_out)
        self.net = nn.Sequential(self.linear1, nn.ReLU(), self.linear2)

    def forward(self, x):
        return self.net(x)


@misconception(
    "TwoLayerNet", "Where the hidden layer is negative, you let some of it through; which activation should it be?"
)
class LeakyReLU(_Net):
    def forward(self, x):
        return self.linear2(F.leaky_relu(self.linear1(x)))


@misconception("TwoLayerNet", "Inside the Sequential, the layers have other names. Print the state_dict's keys.")
class InASequential(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(d_in, h), nn.ReLU(), nn.Linear(h, d_out))

    def forward(self, x):
        return self.layers(x)


@misconception("TwoLayerNet", "Print the state_dict's keys: which entries are missing?")
class WithoutBias(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.linear1 = nn.Linear(d_in, h, bias=False)
        self.linear2 = nn.Linear(h, d_out, bias=False)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


@misconception("TwoLayerNet", "What must the constructor call before it assigns the first layer?")
class WithoutSuper(nn.Module):
    def __init__(self, d_in, h, d_out):
        self.linear1 = nn.Linear(d_in, h)
        self.linear2 = nn.Linear(h, d_out)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


@misconception("TwoLayerNet", "forward computes the scores; what does it return?")
class ReturnsNothing(_Net):
    def forward(self, x):
        self.scores = super().forward(x)


@misconception("TwoLayerNet", "Layers in a Python list are not registered: what does parameters() give?")
class LayersInAList(_Net):
    def __init__(self, d_in, h, d_out):
        nn.Module.__init__(self)
        self.layers = [nn.Linear(d_in, h), nn.Linear(h, d_out)]

    linear1 = property(lambda self: self.layers[0])
    linear2 = property(lambda self: self.layers[1])


@misconception("TwoLayerNet", "In training mode, the scores change from call to call. Which operation did nobody ask for?")
class WithDropout(_Net):
    def forward(self, x):
        return self.linear2(F.dropout(F.relu(self.linear1(x)), 0.5, self.training))


@misconception("TwoLayerNet", "The scores are right. Can a gradient reach the first layer?")
class HiddenLayerDetached(_Net):
    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)).detach())


@misconception(
    "TwoLayerNet", "The scores are right. Can a gradient get from them to x?", also_true_of=("HiddenLayerDetached",)
)
class CutOffFromX(_Net):
    def forward(self, x):
        return super().forward(x.detach())


@misconception("TwoLayerNet", "Move the model to another device: does everything that forward uses move along?")
class ZerosOnTheCPU(_Net):
    def forward(self, x):
        hidden = self.linear1(x)
        return self.linear2(torch.maximum(hidden, torch.zeros(hidden.shape, dtype=hidden.dtype, device="cpu")))


def _counts(total, trainable, buffers):
    return {"total": total, "trainable": trainable, "frozen": total - trainable, "buffers": buffers}


def _entries(tensors):
    return sum(t.numel() for t in tensors)


def _trainable(model):
    return [p for p in model.parameters() if p.requires_grad]


@misconception("count_parameters", "You counted tensors, not their entries.")
def tensors(model):
    return _counts(len(list(model.parameters())), len(_trainable(model)), len(list(model.buffers())))


@misconception("count_parameters", "len() is the first size of a tensor. How many entries does it have?")
def first_sizes(model):
    def size(tensors):
        return sum(len(t) if t.dim() else 1 for t in tensors)

    return _counts(size(model.parameters()), size(_trainable(model)), size(model.buffers()))


@misconception("count_parameters", "A tensor without dimensions has one entry.")
def no_entries_without_dimensions(model):
    def size(tensors):
        return sum(t.numel() for t in tensors if t.dim())

    return _counts(size(model.parameters()), size(_trainable(model)), size(model.buffers()))


@misconception("count_parameters", "Parameters may have any number of dimensions: what do you count for none, and for four?")
def two_sizes(model):
    def size(tensors):
        return sum(t.shape[0] * (t.shape[1] if t.dim() > 1 else 1) for t in tensors)

    return _counts(size(model.parameters()), size(_trainable(model)), size(model.buffers()))


@misconception("count_parameters", "state_dict also holds the buffers: running means are not parameters.")
def state_dict(model):
    total = _entries(model.state_dict().values())
    frozen = _entries(p for p in model.parameters() if not p.requires_grad)
    return _counts(total, total - frozen, _entries(model.buffers()))


@misconception("count_parameters", "A state_dict leaves some buffers out. Which ones, and where do you find all of them?")
def buffers_of_the_state_dict(model):
    buffers = [name for name, _ in model.named_buffers()]
    saved = _entries(tensor for name, tensor in model.state_dict().items() if name in buffers)
    return _counts(_entries(model.parameters()), _entries(_trainable(model)), saved)


@misconception("count_parameters", "A parameter used in two places is still one parameter.")
def duplicates(model):
    everything = [p for _, p in model.named_parameters(remove_duplicate=False)]
    return _counts(_entries(everything), _entries(p for p in everything if p.requires_grad), _entries(model.buffers()))


@misconception(
    "count_parameters",
    "You walk through the modules; which parameters does each one give you, and how often do you see them?",
)
def of_every_module(model):
    everything = [p for module in model.modules() for p in module.parameters()]
    return _counts(_entries(everything), _entries(p for p in everything if p.requires_grad), _entries(model.buffers()))


@misconception("count_parameters", "A model is a tree. How deep do you look?")
def own_parameters_only(model):
    parts = [model, *model.children()]
    everything = {p for part in parts for p in part.parameters(recurse=False)}
    buffers = {b for part in parts for b in part.buffers(recurse=False)}
    return _counts(_entries(everything), _entries(p for p in everything if p.requires_grad), _entries(buffers))


@misconception("count_parameters", "Other layers have parameters too, and not all of them are called weight and bias.")
def weights_and_biases(model):
    everything = [p for name, p in model.named_parameters() if name.split(".")[-1] in ("weight", "bias")]
    return _counts(_entries(everything), _entries(p for p in everything if p.requires_grad), _entries(model.buffers()))


@misconception(
    "count_parameters", "Freeze a layer and count again: what makes a parameter trainable?", also_true_of=("frozen_by_mode",)
)
def nothing_is_frozen(model):
    return _counts(_entries(model.parameters()), _entries(model.parameters()), _entries(model.buffers()))


@misconception("count_parameters", "trainable and frozen: which is which?")
def flags_exchanged(model):
    frozen = _entries(p for p in model.parameters() if not p.requires_grad)
    return _counts(_entries(model.parameters()), frozen, _entries(model.buffers()))


@misconception(
    "count_parameters",
    "train() and eval() do not freeze anything: which flag does a parameter have?",
    also_true_of=("nothing_is_frozen",),
)
def frozen_by_mode(model):
    trainable = _entries(model.parameters()) if model.training else 0
    return _counts(_entries(model.parameters()), trainable, _entries(model.buffers()))


@misconception("count_parameters", "A parameter without .grad is not frozen; it just has not been trained yet.")
def frozen_without_grad(model):
    trainable = _entries(p for p in model.parameters() if p.grad is not None)
    return _counts(_entries(model.parameters()), trainable, _entries(model.buffers()))


@misconception("count_parameters", "total is the sum of trainable and frozen. What else did you add?")
def buffers_in_the_total(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    return found | {"total": found["total"] + found["buffers"]}


@misconception("count_parameters", "Buffers are neither trainable nor frozen: they are not parameters.")
def buffers_are_frozen(model):
    buffers = _entries(model.buffers())
    return _counts(_entries(model.parameters()) + buffers, _entries(_trainable(model)), buffers)


@misconception("count_parameters", "Equal values do not make it the same parameter: how can you tell that one is shared?")
def equal_values_count_once(model):
    different = []
    for p in model.parameters():
        if not any(p.shape == other.shape and torch.equal(p, other) for other in different):
            different.append(p)
    return _counts(_entries(different), _entries(p for p in different if p.requires_grad), _entries(model.buffers()))


@misconception("count_parameters", "The counts are right. What type are they?")
def counts_as_tensors(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    return {key: torch.tensor(count) for key, count in found.items()}


@misconception("count_parameters", "Compare your keys with those in the docstring.")
def total_is_missing(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    return {key: count for key, count in found.items() if key != "total"}


@misconception("count_parameters", "Counting changes your model: look at its requires_grad flags afterwards.")
def freezes_to_count(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    model.requires_grad_(False)
    return found


def _row(name, module, output):
    return name, type(module).__name__, tuple(output.shape), sum(p.numel() for p in module.parameters())


def _leaves(model):
    return [(name, module) for name, module in model.named_modules() if not list(module.children())]


def _watched(model, x, named=None, row=_row, prepare=lambda model: model.eval(), grad=False):
    """The right way, with parts for a misconception to replace."""
    rows, flags = [], [(module, module.training) for module in model.modules()]
    handles = [
        module.register_forward_hook(lambda m, a, out, name=name: rows.append(row(name, m, out)))
        for name, module in (_leaves(model) if named is None else named)
    ]
    try:
        prepare(model)
        with torch.set_grad_enabled(grad):
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, flag in flags:
            module.training = flag
    return rows


@misconception("summarize", "Call the model again afterwards: your hooks are still listening.")
def hooks_stay(model, x):
    rows, flags = [], [(module, module.training) for module in model.modules()]
    for name, module in _leaves(model):
        module.register_forward_hook(lambda m, a, out, name=name: rows.append(_row(name, m, out)))
    try:
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        for module, flag in flags:
            module.training = flag
    return rows


@misconception("summarize", "A model that fails midway keeps your hooks: which of your lines run whatever happens?")
def hooks_stay_after_an_error(model, x):
    rows, handles, flags = [], [], [(module, module.training) for module in model.modules()]
    for name, module in _leaves(model):
        handles.append(module.register_forward_hook(lambda m, a, out, name=name: rows.append(_row(name, m, out))))
    try:
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        for module, flag in flags:
            module.training = flag
    for handle in handles:
        handle.remove()
    return rows


@misconception("summarize", "A model that fails midway stays in eval mode: which of your lines run whatever happens?")
def modes_stay_after_an_error(model, x):
    flags = [(module, module.training) for module in model.modules()]
    rows, handles = [], []
    try:
        for name, module in _leaves(model):
            handles.append(module.register_forward_hook(lambda m, a, out, name=name: rows.append(_row(name, m, out))))
        model.eval()
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    for module, flag in flags:
        module.training = flag
    return rows


@misconception("summarize", "A model that fails midway stays as you prepared it: which of your lines run whatever happens?")
def nothing_in_any_case(model, x):
    rows, handles, flags = [], [], [(module, module.training) for module in model.modules()]
    for name, module in _leaves(model):
        handles.append(module.register_forward_hook(lambda m, a, out, name=name: rows.append(_row(name, m, out))))
    model.eval()
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    for module, flag in flags:
        module.training = flag
    return rows


@misconception("summarize", "The model failed, and the caller never hears about it.")
def swallows_errors(model, x):
    try:
        return _watched(model, x)
    except RuntimeError:
        return []


@misconception("summarize", "The model is in a different mode than before.")
def eval_stays(model, x):
    rows = _watched(model, x)
    model.eval()
    return rows


@misconception("summarize", "What if the model, or part of it, was in eval mode before?")
def train_at_the_end(model, x):
    try:
        return _watched(model, x)
    finally:
        model.train()


@misconception("summarize", "Each module has its own flag: what happens to a model that is partly in eval mode?")
def flag_of_the_root(model, x):
    flag = model.training
    try:
        return _watched(model, x)
    finally:
        model.train(flag)


@misconception("summarize", "Which mode did the model run in? Look at BatchNorm's statistics and at the random state.")
def in_the_mode_it_was(model, x):
    return _watched(model, x, prepare=lambda model: None)


@misconception("summarize", "eval() does not switch gradients off.")
def with_gradients(model, x):
    return _watched(model, x, grad=True)


@misconception(
    "summarize",
    "You list the modules in the order of definition, and each once; in which order and how often do they run?",
)
def definition_order(model, x):
    found = {row[0]: row for row in _watched(model, x)}
    return [found[name] for name, _ in model.named_modules() if name in found]


@misconception("summarize", "A module that runs twice has two rows: what happens to the first one in your dict?")
def one_row_a_name(model, x):
    return list({row[0]: row for row in _watched(model, x)}.values())


@misconception("summarize", "Containers run too, but which modules should have a row?")
def containers_too(model, x):
    def row(name, module, output):
        return _row(name, module, output if isinstance(output, torch.Tensor) else torch.empty(0))

    return _watched(model, x, named=list(model.named_modules()), row=row)


@misconception("summarize", "Not everything that runs returns a tensor. Which modules should have a row?")
def every_output_is_a_tensor(model, x):
    return [row for row in _watched(model, x, named=list(model.named_modules())) if row[1] != "Sequential"]


@misconception("summarize", "You look only at the top of the tree. Where are the leaves?")
def children_only(model, x):
    named = [(name, part) for name, part in model.named_children() if not list(part.children())]
    return _watched(model, x, named=named)


@misconception("summarize", "All rows have the same name: when does your hook look up the loop variable?")
def late_name(model, x):
    named = _leaves(model)
    return _watched(model, x, row=lambda name, module, output: _row(named[-1][0], module, output))


@misconception("summarize", "You use only the last part of each name: what is the whole path of a nested module?")
def last_part_of_the_name(model, x):
    return _watched(model, x, row=lambda name, module, output: _row(name.split(".")[-1], module, output))


@misconception("summarize", "A row has the class's name alone, without the rest of what str() gives.")
def class_as_text(model, x):
    return [(name, str(kind), shape, count) for name, kind, shape, count in _watched(model, x, row=_with_type)]


def _with_type(name, module, output):
    return (name, type(module), *_row(name, module, output)[2:])


@misconception("summarize", "The row should have the whole shape of the output. Which dimension is missing?")
def without_the_batch(model, x):
    return [(name, kind, shape[1:], count) for name, kind, shape, count in _watched(model, x)]


@misconception("summarize", "Some tables have -1 for the batch. What does the output's shape say?")
def batch_as_minus_one(model, x):
    return [(name, kind, (-1, *shape[1:]), count) for name, kind, shape, count in _watched(model, x)]


@misconception("summarize", "These are the shapes of the inputs. What does the hook get as its third argument?")
def shapes_of_the_inputs(model, x):
    rows, named = [], _leaves(model)
    handles = [
        module.register_forward_pre_hook(
            lambda m, args, kwargs, name=name: rows.append(_row(name, m, [*args, *kwargs.values()][0])), with_kwargs=True
        )
        for name, module in named
    ]
    try:
        _watched(model, x, named=[])
    finally:
        for handle in handles:
            handle.remove()
    return rows


@misconception("summarize", "A frozen layer has parameters too.")
def trainable_only(model, x):
    def row(name, module, output):
        return (*_row(name, module, output)[:3], sum(p.numel() for p in module.parameters() if p.requires_grad))

    return _watched(model, x, row=row)


@misconception("summarize", "Running statistics are buffers. Should they be counted here?")
def entries_of_the_state_dict(model, x):
    def row(name, module, output):
        return (*_row(name, module, output)[:3], sum(t.numel() for t in module.state_dict().values()))

    return _watched(model, x, row=row)


@misconception("summarize", "You counted tensors, not their entries.")
def number_of_parameter_tensors(model, x):
    return _watched(model, x, row=lambda name, m, output: (*_row(name, m, output)[:3], len(list(m.parameters()))))


@misconception("summarize", "Does every layer have a weight and a bias? Look at ReLU, and at layers with other parameters.")
def weight_and_bias(model, x):
    def row(name, module, output):
        parts = [getattr(module, part, None) for part in ("weight", "bias")]
        return (*_row(name, module, output)[:3], sum(part.numel() for part in parts if part is not None))

    return _watched(model, x, row=row)


@misconception("summarize", "A shared module is one module. How many hooks do you put on it?")
def once_for_each_name(model, x):
    named = [(name, part) for name, part in model.named_modules(remove_duplicate=False) if not list(part.children())]
    return _watched(model, x, named=named)


@misconception("summarize", "A shared module has several names; which of them should the row have?")
def last_name(model, x):
    names = {module: name for name, module in model.named_modules(remove_duplicate=False)}
    named = [(names[module], module) for _, module in _leaves(model)]
    return _watched(model, x, named=named)


@misconception("summarize", "A model can be a single layer. Which name does it have in its own named_modules()?")
def without_the_root(model, x):
    return _watched(model, x, named=[(name, module) for name, module in _leaves(model) if name])


@misconception("summarize", "A weight shared by two modules counts for each of them: a row is about one module only.")
def shared_weights_once(model, x):
    seen = set()

    def row(name, module, output):
        own = [p for p in module.parameters() if p not in seen]
        seen.update(own)
        return (*_row(name, module, output)[:3], sum(p.numel() for p in own))

    return _watched(model, x, row=row)


@misconception("summarize", "How often do you run the model?")
def runs_twice(model, x):
    with torch.no_grad():
        _watched(model, x)
    return _watched(model, x)


@misconception("summarize", "The content is right; compare the types with those in the docstring.")
def lists_for_tuples(model, x):
    return [[name, kind, list(shape), count] for name, kind, shape, count in _watched(model, x)]


@misconception("summarize", "You ran the model, but on which numbers? Look at what the layers get.")
def on_numbers_of_its_own(model, x):
    return _watched(model, torch.zeros_like(x))


@misconception("summarize", "You run the model on a single row of the batch: is that always the same?")
def on_a_single_row(model, x):
    rows = _watched(model, x[:1])
    return [(name, kind, (len(x), *shape[1:]), count) for name, kind, shape, count in rows]


@misconception("summarize", "Are gradients still recorded after your function?")
def gradients_stay_off(model, x):
    rows = _watched(model, x)
    torch.set_grad_enabled(False)
    return rows


@misconception("summarize", "You ran the layers yourself, one after the other. Does every model do that?")
def layer_by_layer(model, x):
    rows = []
    flags = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            for name, module in _leaves(model):
                x = module(x)
                rows.append(_row(name, module, x))
    finally:
        for module, flag in flags:
            module.training = flag
    return rows


@misconception("summarize", "Gradients are on after your function. Were they on before?")
def gradients_switched_on(model, x):
    try:
        return _watched(model, x)
    finally:
        torch.set_grad_enabled(True)


@misconception("summarize", "The leaves are in eval mode. Which mode are the modules around them in?")
def leaves_in_eval_mode(model, x):
    def prepare(model):
        for _, module in _leaves(model):
            module.eval()

    return _watched(model, x, prepare=prepare)
