"""Wrong solutions that students write, each with the sentence that helps them on."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception


@misconception("predicted_tensors", "You counted every layer. Does nn.Module look into a Python list?")
def all_layers():
    return 6


@misconception("predicted_tensors", "You counted layers; how many tensors does a linear layer hold?")
def one_for_the_head():
    return 1


@misconception("predicted_tensors", "You counted the numbers in the tensors; the tensors themselves are asked for.")
def entries_of_the_head():
    return 5


@misconception("predicted_tensors", "The list holds two layers. Is what is in the list registered, and is the head a list?")
def layers_of_the_list():
    return 4


@misconception("predicted_count", "You have the weights. What else does a linear layer hold?")
def without_biases():
    return 5500


@misconception("predicted_count", "These are the tensors; how many numbers stand in them?")
def number_of_tensors():
    return 4


@misconception("predicted_count", "How many biases has a layer: one for each input, or one for each output?")
def biases_of_the_inputs():
    return 100 * 50 + 100 + 50 * 10 + 50


@misconception("predicted_count", "Has a layer one bias in all, or one for each of its outputs?")
def one_bias_a_layer():
    return 5502


@misconception("predicted_count", "This is the first layer. There is another one.")
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


@misconception("TwoLayerNet", "The layers of the constructor are there; are they those that forward uses?")
class OtherLayersInForward(_Net):
    def forward(self, x):
        hidden = nn.Linear(self.linear1.in_features, self.linear1.out_features).to(x.dtype)
        return self.linear2(F.relu(hidden(x)))


@misconception("TwoLayerNet", "Raw scores are asked for. What does your model do after linear2?")
class SoftmaxAtTheEnd(_Net):
    def forward(self, x):
        return F.softmax(super().forward(x), dim=-1)


@misconception("TwoLayerNet", "Raw scores are asked for, not logarithms of probabilities.")
class LogSoftmaxAtTheEnd(_Net):
    def forward(self, x):
        return F.log_softmax(super().forward(x), dim=-1)


@misconception("TwoLayerNet", "Can a score of your model be negative?")
class ReLUAtTheEnd(_Net):
    def forward(self, x):
        return F.relu(super().forward(x))


@misconception("TwoLayerNet", "Which activation function does the specification name?")
class Sigmoid(_Net):
    def forward(self, x):
        return self.linear2(torch.sigmoid(self.linear1(x)))


@misconception("TwoLayerNet", "The activation stands in the wrong place: what is cut off at zero, x or the hidden layer?")
class ReLUBefore(_Net):
    def forward(self, x):
        return self.linear2(self.linear1(F.relu(x)))


@misconception("TwoLayerNet", "The model may be given more than one leading dimension, and none. What does your reshape do?")
class Flattens(_Net):
    def forward(self, x):
        return super().forward(x.reshape(-1, x.shape[-1]))


@misconception("TwoLayerNet", "What comes out for a single sample, and for a single output? squeeze() removes every 1.")
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


@misconception("TwoLayerNet", "Under which names does the specification want the layers?")
class OtherNames(nn.Module):
    def __init__(self, d_in, h, d_out):
        super().__init__()
        self.fc1 = nn.Linear(d_in, h)
        self.fc2 = nn.Linear(h, d_out)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


@misconception("TwoLayerNet", "Each layer stands in state_dict() under two names. Print its keys.")
class RegisteredTwice(_Net):
    def __init__(self, d_in, h, d_out):
        super().__init__(d_in, h, d_out)
        self.net = nn.Sequential(self.linear1, nn.ReLU(), self.linear2)

    def forward(self, x):
        return self.net(x)


@misconception(
    "TwoLayerNet", "A slope is left where the hidden layer is negative; is that the activation that is asked for?"
)
class LeakyReLU(_Net):
    def forward(self, x):
        return self.linear2(F.leaky_relu(self.linear1(x)))


@misconception("TwoLayerNet", "The layers have names of their own inside the Sequential. Print the state_dict's keys.")
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


@misconception("TwoLayerNet", "What has to be called in the constructor before the first layer is assigned?")
class WithoutSuper(nn.Module):
    def __init__(self, d_in, h, d_out):
        self.linear1 = nn.Linear(d_in, h)
        self.linear2 = nn.Linear(h, d_out)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


@misconception("TwoLayerNet", "forward computes something; what does it give back?")
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


@misconception("TwoLayerNet", "In training mode the scores change from call to call. Which layer has nobody asked for?")
class WithDropout(_Net):
    def forward(self, x):
        return self.linear2(F.dropout(F.relu(self.linear1(x)), 0.5, self.training))


@misconception("TwoLayerNet", "The scores are right. How does a gradient reach the first layer?")
class HiddenLayerDetached(_Net):
    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)).detach())


@misconception("TwoLayerNet", "The scores are right. Does a gradient find its way from them to x?")
class CutOffFromX(_Net):
    def forward(self, x):
        return super().forward(x.detach())


@misconception("TwoLayerNet", "Move the model to another device: does everything that forward uses go along?")
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


@misconception("count_parameters", "len() is the first size of a tensor. How many entries has it?")
def first_sizes(model):
    def size(tensors):
        return sum(len(t) if t.dim() else 1 for t in tensors)

    return _counts(size(model.parameters()), size(_trainable(model)), size(model.buffers()))


@misconception("count_parameters", "A tensor without dimensions has an entry, too.")
def no_entries_without_dimensions(model):
    def size(tensors):
        return sum(t.numel() for t in tensors if t.dim())

    return _counts(size(model.parameters()), size(_trainable(model)), size(model.buffers()))


@misconception(
    "count_parameters", "Not every parameter has one or two dimensions: what is the product of no sizes, and of four?"
)
def two_sizes(model):
    def size(tensors):
        return sum(t.shape[0] * (t.shape[1] if t.dim() > 1 else 1) for t in tensors)

    return _counts(size(model.parameters()), size(_trainable(model)), size(model.buffers()))


@misconception("count_parameters", "state_dict also holds the buffers: running means are not parameters.")
def state_dict(model):
    total = _entries(model.state_dict().values())
    frozen = _entries(p for p in model.parameters() if not p.requires_grad)
    return _counts(total, total - frozen, _entries(model.buffers()))


@misconception("count_parameters", "A state_dict leaves some buffers out. Which ones, and who knows all of them?")
def buffers_of_the_state_dict(model):
    buffers = [name for name, _ in model.named_buffers()]
    saved = _entries(tensor for name, tensor in model.state_dict().items() if name in buffers)
    return _counts(_entries(model.parameters()), _entries(_trainable(model)), saved)


@misconception("count_parameters", "A parameter that is used in two places is still one parameter.")
def duplicates(model):
    everything = [p for _, p in model.named_parameters(remove_duplicate=False)]
    return _counts(_entries(everything), _entries(p for p in everything if p.requires_grad), _entries(model.buffers()))


@misconception(
    "count_parameters", "You walk through the modules; which parameters does each of them give you, and how often?"
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


@misconception(
    "count_parameters", "Not only linear layers have parameters, and not all of those are called weight and bias."
)
def weights_and_biases(model):
    everything = [p for name, p in model.named_parameters() if name.split(".")[-1] in ("weight", "bias")]
    return _counts(_entries(everything), _entries(p for p in everything if p.requires_grad), _entries(model.buffers()))


@misconception("count_parameters", "Freeze a layer and look: what makes a parameter trainable?")
def nothing_is_frozen(model):
    return _counts(_entries(model.parameters()), _entries(model.parameters()), _entries(model.buffers()))


@misconception("count_parameters", "trainable and frozen: which is which?")
def flags_exchanged(model):
    frozen = _entries(p for p in model.parameters() if not p.requires_grad)
    return _counts(_entries(model.parameters()), frozen, _entries(model.buffers()))


@misconception("count_parameters", "train() and eval() do not freeze anything: what is the flag of a parameter?")
def frozen_by_mode(model):
    trainable = _entries(model.parameters()) if model.training else 0
    return _counts(_entries(model.parameters()), trainable, _entries(model.buffers()))


@misconception("count_parameters", "A parameter without .grad is not frozen: it has just not been trained yet.")
def frozen_without_grad(model):
    trainable = _entries(p for p in model.parameters() if p.grad is not None)
    return _counts(_entries(model.parameters()), trainable, _entries(model.buffers()))


@misconception("count_parameters", "total is the sum of trainable and frozen. What have you added to it?")
def buffers_in_the_total(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    return found | {"total": found["total"] + found["buffers"]}


@misconception("count_parameters", "Buffers are neither trained nor frozen: they are no parameters.")
def buffers_are_frozen(model):
    buffers = _entries(model.buffers())
    return _counts(_entries(model.parameters()) + buffers, _entries(_trainable(model)), buffers)


@misconception("count_parameters", "Equal values are not the same parameter: how do you tell that one is shared?")
def equal_values_count_once(model):
    different = []
    for p in model.parameters():
        if not any(p.shape == other.shape and torch.equal(p, other) for other in different):
            different.append(p)
    return _counts(_entries(different), _entries(p for p in different if p.requires_grad), _entries(model.buffers()))


@misconception("count_parameters", "The counts are right. Of which type are they?")
def counts_as_tensors(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    return {key: torch.tensor(count) for key, count in found.items()}


@misconception("count_parameters", "Look at the keys that the specification names.")
def total_is_missing(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    return {key: count for key, count in found.items() if key != "total"}


@misconception("count_parameters", "Counting has changed the model: look at its requires_grad flags afterwards.")
def freezes_to_count(model):
    found = _counts(_entries(model.parameters()), _entries(_trainable(model)), _entries(model.buffers()))
    model.requires_grad_(False)
    return found


def _row(name, module, output):
    return name, type(module).__name__, tuple(output.shape), sum(p.numel() for p in module.parameters())


def _leaves(model):
    return [(name, module) for name, module in model.named_modules() if not list(module.children())]


def _watched(model, x, named=None, row=_row, prepare=lambda model: model.eval(), grad=False):
    """The right way, with parts that a misconception replaces."""
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


@misconception("summarize", "A model that fails in the middle keeps your hooks: which lines run in any case?")
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


@misconception("summarize", "A model that fails in the middle stays in evaluation mode: which lines run in any case?")
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


@misconception("summarize", "A model that fails in the middle stays as you have prepared it: which lines run in any case?")
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


@misconception("summarize", "The model has failed, and nobody has heard of it.")
def swallows_errors(model, x):
    try:
        return _watched(model, x)
    except RuntimeError:
        return []


@misconception("summarize", "The model is in another mode than before.")
def eval_stays(model, x):
    rows = _watched(model, x)
    model.eval()
    return rows


@misconception("summarize", "What if the model was in evaluation mode before, or a part of it?")
def train_at_the_end(model, x):
    try:
        return _watched(model, x)
    finally:
        model.train()


@misconception("summarize", "Each module has a flag of its own: what becomes of a model that is partly in evaluation mode?")
def flag_of_the_root(model, x):
    flag = model.training
    try:
        return _watched(model, x)
    finally:
        model.train(flag)


@misconception("summarize", "In which mode has the pass run? Look at the statistics of BatchNorm and at the random state.")
def in_the_mode_it_was(model, x):
    return _watched(model, x, prepare=lambda model: None)


@misconception("summarize", "eval() does not switch gradients off.")
def with_gradients(model, x):
    return _watched(model, x, grad=True)


@misconception(
    "summarize",
    "You listed the modules in the order of definition and guessed the shapes; a module that runs twice appears once.",
)
def definition_order(model, x):
    found = {row[0]: row for row in _watched(model, x)}
    return [found[name] for name, _ in model.named_modules() if name in found]


@misconception("summarize", "A module that runs twice has two rows: what happens to the first one in a dict?")
def one_row_a_name(model, x):
    return list({row[0]: row for row in _watched(model, x)}.values())


@misconception("summarize", "Containers have run, too, but which modules are to have a row?")
def containers_too(model, x):
    def row(name, module, output):
        return _row(name, module, output if isinstance(output, torch.Tensor) else torch.empty(0))

    return _watched(model, x, named=list(model.named_modules()), row=row)


@misconception("summarize", "Not everything that runs returns a tensor. Which modules are to have a row?")
def every_output_is_a_tensor(model, x):
    return [row for row in _watched(model, x, named=list(model.named_modules())) if row[1] != "Sequential"]


@misconception("summarize", "You look at the top of the tree only. Where are the leaves?")
def children_only(model, x):
    named = [(name, part) for name, part in model.named_children() if not list(part.children())]
    return _watched(model, x, named=named)


@misconception("summarize", "All rows have the same name: when does your hook look at the variable of the loop?")
def late_name(model, x):
    named = _leaves(model)
    return _watched(model, x, row=lambda name, module, output: _row(named[-1][0], module, output))


@misconception("summarize", "The names are those among brothers and sisters: what is the whole path of a nested module?")
def last_part_of_the_name(model, x):
    return _watched(model, x, row=lambda name, module, output: _row(name.split(".")[-1], module, output))


@misconception("summarize", "The specification asks for the class's name, without the rest of what str() writes.")
def class_as_text(model, x):
    return [(name, str(kind), shape, count) for name, kind, shape, count in _watched(model, x, row=_with_type)]


def _with_type(name, module, output):
    return (name, type(module), *_row(name, module, output)[2:])


@misconception("summarize", "The output's shape is asked for, all of it. Which dimension is missing?")
def without_the_batch(model, x):
    return [(name, kind, shape[1:], count) for name, kind, shape, count in _watched(model, x)]


@misconception("summarize", "The table in the tutorial writes -1 for the batch. What does the output's shape say?")
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


@misconception("summarize", "A frozen layer has parameters, too.")
def trainable_only(model, x):
    def row(name, module, output):
        return (*_row(name, module, output)[:3], sum(p.numel() for p in module.parameters() if p.requires_grad))

    return _watched(model, x, row=row)


@misconception("summarize", "Running statistics are buffers. Are they to be counted here?")
def entries_of_the_state_dict(model, x):
    def row(name, module, output):
        return (*_row(name, module, output)[:3], sum(t.numel() for t in module.state_dict().values()))

    return _watched(model, x, row=row)


@misconception("summarize", "You counted tensors, not their entries.")
def number_of_parameter_tensors(model, x):
    return _watched(model, x, row=lambda name, m, output: (*_row(name, m, output)[:3], len(list(m.parameters()))))


@misconception("summarize", "Has every layer a weight and a bias? Look at ReLU, and at layers with other parameters.")
def weight_and_bias(model, x):
    def row(name, module, output):
        parts = [getattr(module, part, None) for part in ("weight", "bias")]
        return (*_row(name, module, output)[:3], sum(part.numel() for part in parts if part is not None))

    return _watched(model, x, row=row)


@misconception("summarize", "A shared module is one module. By how many names do you listen to it?")
def once_for_each_name(model, x):
    named = [(name, part) for name, part in model.named_modules(remove_duplicate=False) if not list(part.children())]
    return _watched(model, x, named=named)


@misconception("summarize", "A shared module has several names; which of them does the specification want?")
def last_name(model, x):
    names = {module: name for name, module in model.named_modules(remove_duplicate=False)}
    named = [(names[module], module) for _, module in _leaves(model)]
    return _watched(model, x, named=named)


@misconception("summarize", "A model can be a single layer. Which name has it in its own named_modules()?")
def without_the_root(model, x):
    return _watched(model, x, named=[(name, module) for name, module in _leaves(model) if name])


@misconception("summarize", "A weight that two modules share counts for each of them: the row speaks of one module only.")
def shared_weights_once(model, x):
    seen = set()

    def row(name, module, output):
        own = [p for p in module.parameters() if p not in seen]
        seen.update(own)
        return (*_row(name, module, output)[:3], sum(p.numel() for p in own))

    return _watched(model, x, row=row)


@misconception("summarize", "How often has the model run?")
def runs_twice(model, x):
    with torch.no_grad():
        _watched(model, x)
    return _watched(model, x)


@misconception("summarize", "The content is right; look at the types that the specification names.")
def lists_for_tuples(model, x):
    return [[name, kind, list(shape), count] for name, kind, shape, count in _watched(model, x)]


@misconception("summarize", "The model has run, but on which numbers? Look at what the layers are given.")
def on_numbers_of_its_own(model, x):
    return _watched(model, torch.zeros_like(x))


@misconception("summarize", "The batch that you were given need not be cut: is a single row the same pass?")
def on_a_single_row(model, x):
    rows = _watched(model, x[:1])
    return [(name, kind, (len(x), *shape[1:]), count) for name, kind, shape, count in rows]


@misconception("summarize", "Look at whether gradients are still recorded after your function.")
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


@misconception("summarize", "The leaves are in evaluation mode. In which mode are the modules around them?")
def leaves_in_eval_mode(model, x):
    def prepare(model):
        for _, module in _leaves(model):
            module.eval()

    return _watched(model, x, prepare=prepare)
