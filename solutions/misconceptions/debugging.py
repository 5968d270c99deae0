"""Wrong solutions that students write, each with the sentence that helps."""

import copy
import math

import torch

from autograder import misconception


@misconception("predicted_nans", "Clipping multiplies every gradient by the same factor. What is that factor computed from?")
def stays_alone():
    return 1


@misconception("predicted_nans", "Is the norm computed for each parameter separately, or for all of them together?")
def its_own_parameter():
    return 6


@misconception("predicted_nans", "Clipping makes numbers smaller. Can any factor make nan smaller?")
def clipped_away():
    return 0


@misconception("predicted_nans", "Does the norm use only the entries in one row?")
def its_own_row():
    return 3


@misconception("predicted_without", "Multiplying by 0 makes a gradient zero. Does that make it None?")
def zero_too():
    return ["gate", "side"]


@misconception(
    "predicted_without", "One of the two is multiplied by 0, the other is detached. Which one does autograd know about?"
)
def zero_only():
    return ["gate"]


@misconception("predicted_without", "Look at `.detach()`: which layer is behind it?")
def nobody():
    return []


@misconception("predicted_without", "The first layer feeds three others. Is the way back to it closed along all three?")
def everything_before_the_cut():
    return ["first", "side"]


@misconception("nonfinite_grads", "Not every parameter has a gradient, and torch.isfinite does not take None.")
def expects_gradients(model):
    return [name for name, p in model.named_parameters() if not torch.isfinite(p.grad).all()]


@misconception("nonfinite_grads", "A parameter without a gradient does not have a bad one.")
def none_is_bad(model):
    return [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]


@misconception(
    "nonfinite_grads",
    "Bad gradients go unnoticed. Is what you look at a parameter's own .grad? Entries of state_dict() have none.",
    also_true_of=("values_of_all", "values", "all_of_them"),
)
def entries_of_the_state_dict(model):
    return [name for name, p in model.state_dict().items() if p.grad is not None and not torch.isfinite(p.grad).all()]


@misconception("nonfinite_grads", "Is a tensor with many numbers true or false? What do you want to know about .grad?")
def asks_for_the_truth(model):
    return [name for name, p in model.named_parameters() if p.grad and not torch.isfinite(p.grad).all()]


@misconception("nonfinite_grads", "Does a set keep an order?")
def a_set(model):
    return {name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()}


@misconception("nonfinite_grads", "You print the names. What does the caller get?")
def prints(model):
    for name, p in model.named_parameters():
        if p.grad is not None and not torch.isfinite(p.grad).all():
            print(name)


@misconception("nonfinite_grads", "Some parameters had no .grad before your call. Do they have one now?")
def fills_missing_gradients(model):
    names = []
    for name, p in model.named_parameters():
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        if not torch.isfinite(p.grad).all():
            names.append(name)
    return names


@misconception("nonfinite_grads", "A broken value is bad news, too, but does the docstring ask about values?")
def values_as_well(model):
    pairs = [(name, p) for name, p in model.named_parameters() if p.grad is not None]
    return [name for name, p in pairs if not (torch.isfinite(p.grad).all() and torch.isfinite(p).all())]


@misconception(
    "nonfinite_grads",
    "Bad gradients go unnoticed. Do you look at the gradients, or at the values?",
    also_true_of=("entries_of_the_state_dict",),
)
def values_of_all(model):
    return [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]


@misconception(
    "nonfinite_grads", "Not every parameter has a gradient. What is .grad then, and does it have a method isfinite?"
)
def asks_every_gradient(model):
    return [name for name, p in model.named_parameters() if not p.grad.isfinite().all()]


@misconception(
    "nonfinite_grads",
    "Bad gradients go unnoticed. Do you look at the gradients, or at the values?",
    also_true_of=("entries_of_the_state_dict",),
)
def values(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p).all()]


@misconception("nonfinite_grads", "Is nan the only bad number?")
def nan_only(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and torch.isnan(p.grad).any()]


@misconception("nonfinite_grads", "Try a gradient with a nan in it: is nan infinite? Is it equal to anything?")
def infinite_only(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and torch.isinf(p.grad).any()]


@misconception("nonfinite_grads", "There are two infinities.")
def one_infinity(model):
    def bad(gradient):
        return (gradient == math.inf).any() or torch.isnan(gradient).any()

    return [name for name, p in model.named_parameters() if p.grad is not None and bad(p.grad)]


@misconception("nonfinite_grads", "Try a gradient with a nan in it: is nan infinite? Is it equal to anything?")
def compares_with_nan(model):
    def bad(gradient):
        return (gradient == math.nan).any() or (gradient.abs() == math.inf).any()

    return [name for name, p in model.named_parameters() if p.grad is not None and bad(p.grad)]


@misconception(
    "nonfinite_grads",
    "Bad gradients go unnoticed. How many bad numbers does it take? Try a gradient with a single one.",
    also_true_of=("entries_of_the_state_dict",),
)
def all_of_them(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).any()]


@misconception("nonfinite_grads", "The sum of large finite numbers can be infinite.")
def sums(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad.sum())]


@misconception("nonfinite_grads", "A norm squares the numbers. What is the square of 1e30 in float32?")
def norms(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad.norm())]


@misconception(
    "nonfinite_grads", "A frozen parameter can still have an old gradient. Does the docstring tell you to leave it out?"
)
def trainable_only(model):
    pairs = [(name, p) for name, p in model.named_parameters() if p.requires_grad and p.grad is not None]
    return [name for name, p in pairs if not torch.isfinite(p.grad).all()]


@misconception("nonfinite_grads", "You return the parameters. The docstring asks for their names.")
def parameters_instead_of_names(model):
    return [p for p in model.parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]


@misconception("nonfinite_grads", "You return the names of modules. The docstring asks for those of parameters.")
def layers(model):
    names = []
    for name, module in model.named_modules():
        gradients = [p.grad for p in module.parameters(recurse=False) if p.grad is not None]
        if any(not torch.isfinite(gradient).all() for gradient in gradients):
            names.append(name)
    return names


@misconception("nonfinite_grads", "You stop at the first bad gradient. There may be more.")
def first_only(model):
    for name, p in model.named_parameters():
        if p.grad is not None and not torch.isfinite(p.grad).all():
            return [name]
    return []


@misconception("nonfinite_grads", "You sorted the names. Which order does named_parameters() give them in?")
def sorted_names(model):
    return sorted(name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all())


@misconception(
    "nonfinite_grads", "A parameter shared by two layers has two names. How many of them does named_parameters() give?"
)
def shared_twice(model):
    pairs = model.named_parameters(remove_duplicate=False)
    return [name for name, p in pairs if p.grad is not None and not torch.isfinite(p.grad).all()]


@misconception("nonfinite_grads", "Only look, do not repair: you have changed the gradients.")
def repairs(model):
    names = [name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
    for p in model.parameters():
        if p.grad is not None:
            torch.nan_to_num_(p.grad, nan=0.0, posinf=0.0, neginf=0.0)
    return names


@misconception("nonfinite_grads", "Someone may still need the gradients. Where have they gone?")
def throws_away(model):
    names = [name for name, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
    model.zero_grad()
    return names


def _trainable(model):
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


def _gradients(pairs, loss, **options):
    if not pairs or not loss.requires_grad:
        return [None] * len(pairs)
    options = {"allow_unused": True, "retain_graph": True, **options}
    return list(torch.autograd.grad(loss, [p for _, p in pairs], **options))


def _missing(pairs, gradients):
    return [name for (name, _), gradient in zip(pairs, gradients, strict=True) if gradient is None]


@misconception("disconnected", "Your check has added a gradient to every parameter.")
def backward(model, loss):
    if loss.requires_grad:
        loss.backward(retain_graph=True)
    return [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


@misconception("disconnected", "The loss was computed with the model, but you look at a copy of it. Do gradients get there?")
def looks_at_a_copy(model, loss):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    if loss.requires_grad:
        loss.backward(retain_graph=True)
    return [name for name, p in _trainable(twin) if p.grad is None]


@misconception(
    "disconnected",
    "You name connected parameters, too. A leaf never has a grad_fn, and it has no .grad before backward().",
    also_true_of=("all_or_nothing", "looks_at_grad"),
)
def looks_at_grad_fn(model, loss):
    return [name for name, p in _trainable(model) if p.grad_fn is None]


@misconception(
    "disconnected",
    "As soon as one parameter is disconnected, you name them all. Which of them caused the error?",
    also_true_of=("looks_at_grad_fn",),
)
def all_or_nothing(model, loss):
    pairs = _trainable(model)
    try:
        _gradients(pairs, loss, allow_unused=False)
    except RuntimeError:
        return [name for name, _ in pairs]
    return [] if loss.requires_grad else [name for name, _ in pairs]


@misconception("disconnected", "Gradients that were there before your call are gone.")
def backward_and_zero_grad(model, loss):
    model.zero_grad()
    if loss.requires_grad:
        loss.backward(retain_graph=True)
    names = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    model.zero_grad()
    return names


@misconception("disconnected", "You put back the model's gradients. Are its parameters the only leaves in this graph?")
def backward_and_put_back(model, loss):
    pairs = _trainable(model)
    before = [p.grad for _, p in pairs]
    for _, p in pairs:
        p.grad = None
    if loss.requires_grad:
        loss.backward(retain_graph=True)
    names = [name for name, p in pairs if p.grad is None]
    for (_, p), gradient in zip(pairs, before, strict=True):
        p.grad = gradient
    return names


@misconception(
    "disconnected",
    "You name connected parameters, too. What does a missing .grad or grad_fn, or a .grad left over, say about this loss?",
    also_true_of=("looks_at_grad_fn",),
)
def looks_at_grad(model, loss):
    return [name for name, p in _trainable(model) if p.grad is None]


@misconception("disconnected", "Frozen parameters are disconnected on purpose: leave them out.")
def frozen(model, loss):
    pairs = _trainable(model)
    connected = {name for (name, _), g in zip(pairs, _gradients(pairs, loss), strict=True) if g is not None}
    return [name for name, _ in model.named_parameters() if name not in connected]


@misconception("disconnected", "You cannot ask for the gradient of a frozen parameter; ask for the trainable ones only.")
def asks_for_frozen_ones(model, loss):
    pairs = list(model.named_parameters())
    return _missing(pairs, _gradients(pairs, loss))


@misconception("disconnected", "If the loss has no graph, your function fails instead of naming all trainable parameters.")
def no_graph(model, loss):
    pairs = _trainable(model)
    if not pairs:
        return []
    gradients = torch.autograd.grad(loss, [p for _, p in pairs], allow_unused=True, retain_graph=True)
    return _missing(pairs, gradients)


@misconception("disconnected", "A loss without a graph depends on no parameter at all. Which names should you return?")
def no_graph_no_names(model, loss):
    if not loss.requires_grad:
        return []
    pairs = _trainable(model)
    return _missing(pairs, _gradients(pairs, loss))


@misconception("disconnected", "A gradient of zeros is still a gradient.")
def zero_is_none(model, loss):
    pairs = _trainable(model)
    gradients = _gradients(pairs, loss)
    return [name for (name, _), g in zip(pairs, gradients, strict=True) if g is None or not g.any()]


@misconception("disconnected", "Afterwards the graph is gone, and the training step can no longer run.")
def frees_the_graph(model, loss):
    pairs = _trainable(model)
    return _missing(pairs, _gradients(pairs, loss, retain_graph=False))


@misconception(
    "disconnected", "An unused parameter is what you are looking for, but your function raises an error when it meets one."
)
def raises_if_unused(model, loss):
    pairs = _trainable(model)
    return _missing(pairs, _gradients(pairs, loss, allow_unused=False))


@misconception("disconnected", "You name whole layers. Can a loss depend on a layer's weight but not on its bias?")
def layers_as_a_whole(model, loss):
    pairs = _trainable(model)
    missing = _missing(pairs, _gradients(pairs, loss))
    return list(dict.fromkeys(name.rpartition(".")[0] for name in missing))


@misconception("disconnected", "Those are the connected ones.")
def the_other_way_round(model, loss):
    pairs = _trainable(model)
    missing = _missing(pairs, _gradients(pairs, loss))
    return [name for name, _ in pairs if name not in missing]


@misconception("disconnected", "Does a parameter stop requiring grad when the loss does not use it?")
def looks_at_the_flags(model, loss):
    return [name for name, p in model.named_parameters() if not p.requires_grad]


@misconception("disconnected", "You sorted the names. Which order does named_parameters() give them in?")
def disconnected_sorted(model, loss):
    pairs = _trainable(model)
    return sorted(_missing(pairs, _gradients(pairs, loss)))


@misconception("disconnected", "You return the parameters. The docstring asks for their names.")
def disconnected_parameters(model, loss):
    pairs = _trainable(model)
    gradients = _gradients(pairs, loss)
    return [p for (_, p), gradient in zip(pairs, gradients, strict=True) if gradient is None]


def _is_bad(output):
    return output.is_floating_point() and not bool(torch.isfinite(output).all())


def _leaves(model):
    return [(name, module) for name, module in model.named_modules() if not list(module.children())]


def _run(model, x, modules, bad=_is_bad):
    """All names of bad outputs, in call order; the model is a copy, on which hooks may stay."""
    found = []
    for name, module in modules:
        module.register_forward_hook(lambda _m, _a, output, name=name: found.append(name) if bad(output) else None)
    with torch.no_grad():
        model(x)
    return found


def _first(found):
    return found[0] if found else None


@misconception(
    "first_nonfinite",
    "You name a module at the end, not the first that saw a nan.",
    also_true_of=("name_of_the_last_round",),
)
def last(model, x):
    twin = copy.deepcopy(model)
    found = _run(twin, x, _leaves(twin))
    return found[-1] if found else None


@misconception(
    "first_nonfinite",
    "You do not name the first module that saw a nan. If your hooks look up `name`: what is its value after the loop?",
    also_true_of=("last",),
)
def name_of_the_last_round(model, x):
    twin = copy.deepcopy(model)
    found = []
    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, output: found.append(name) if _is_bad(output) else None)  # noqa: B023
    with torch.no_grad():
        twin(x)
    return _first(found)


@misconception("first_nonfinite", "Where does a hook's return value go: to your function, or to the model?")
def returns_inside_of_the_hook(model, x):
    twin = copy.deepcopy(model)
    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, output, name=name: name if _is_bad(output) else None)
    with torch.no_grad():
        twin(x)


@misconception("first_nonfinite", "Whatever a forward hook returns replaces the output. What does yours return?")
def replaces_outputs(model, x):
    twin = copy.deepcopy(model)
    found = []

    def look(name, output):
        if _is_bad(output):
            found.append(name)
        return torch.tensor(_is_bad(output))

    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, output, name=name: look(name, output))
    with torch.no_grad():
        twin(x)
    return _first(found)


@misconception("first_nonfinite", "Does the docstring ask for the module or for its name?")
def the_module_itself(model, x):
    twin = copy.deepcopy(model)
    modules = dict(twin.named_modules())
    return modules.get(_first(_run(twin, x, _leaves(twin))))


@misconception("first_nonfinite", "Your hooks are still attached.")
def leaves_hooks(model, x):
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    found = _run(model, x, _leaves(model))
    for name, buffer in model.named_buffers():
        buffer.copy_(before[name])
    return _first(found)


@misconception("first_nonfinite", "You remove your hooks if all goes well. What if the model raises an exception?")
def leaves_hooks_if_it_raises(model, x):
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    found, handles = [], []
    for name, module in _leaves(model):
        hook = lambda _m, _a, output, name=name: found.append(name) if _is_bad(output) else None  # noqa: E731
        handles.append(module.register_forward_hook(hook))
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    for name, buffer in model.named_buffers():
        buffer.copy_(before[name])
    return _first(found)


def _with_hooks_removed(model, x):
    found, handles = [], []
    for name, module in _leaves(model):
        hook = lambda _m, _a, output, name=name: found.append(name) if _is_bad(output) else None  # noqa: E731
        handles.append(module.register_forward_hook(hook))
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return _first(found)


@misconception("first_nonfinite", "Someone else may have put hooks on the model. Are theirs still there?")
def clears_every_hook(model, x):
    twin = copy.deepcopy(model)
    found = _run(twin, x, _leaves(twin))
    for module in model.modules():
        module._forward_hooks.clear()
    return _first(found)


@misconception("first_nonfinite", "What has BatchNorm learned while you were looking?")
def leaves_its_mark_on_buffers(model, x):
    return _with_hooks_removed(model, x)


@misconception("first_nonfinite", "You saved state_dict(). Do the tensors in it stay the same while the model runs?")
def puts_back_what_has_changed(model, x):
    before = model.state_dict()
    try:
        return _with_hooks_removed(model, x)
    finally:
        model.load_state_dict(before)


@misconception("first_nonfinite", "You put back the running statistics. Are those all the buffers?")
def puts_running_statistics_back(model, x):
    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    before = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]
    try:
        return _with_hooks_removed(model, x)
    finally:
        for norm, (mean, variance) in zip(norms, before, strict=True):
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)


@misconception("first_nonfinite", "You put values back into the old tensors. Does the model still hold those tensors?")
def puts_back_into_old_tensors(model, x):
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        return _with_hooks_removed(model, x)
    finally:
        for buffer, values in before:
            buffer.copy_(values)


@misconception("first_nonfinite", "Not every buffer is in state_dict(). Which ones do you put back?")
def puts_the_state_dict_back(model, x):
    before = copy.deepcopy(model.state_dict())
    try:
        return _with_hooks_removed(model, x)
    finally:
        model.load_state_dict(before)


@misconception("first_nonfinite", "A nan can come from healthy weights. Looking at the weights does not find it.")
def looks_at_weights(model, x):
    for name, module in _leaves(model):
        if any(not torch.isfinite(p).all() for p in module.parameters()):
            return name
    return None


@misconception("first_nonfinite", "A container passes on what one of its layers returned. Which modules have no children?")
def containers_as_well(model, x):
    twin = copy.deepcopy(model)
    return _first(_run(twin, x, list(twin.named_modules())))


@misconception("first_nonfinite", "Your names go only one level deep. Where inside that part does it begin?")
def top_level_only(model, x):
    twin = copy.deepcopy(model)
    return _first(_run(twin, x, list(twin.named_children())))


@misconception("first_nonfinite", "Can an output be bad without containing nan?")
def nan_only_outputs(model, x):
    twin = copy.deepcopy(model)
    return _first(_run(twin, x, _leaves(twin), bad=lambda output: bool(torch.isnan(output).any())))


@misconception("first_nonfinite", "The sum of large, finite numbers can be infinite.")
def sums_of_outputs(model, x):
    twin = copy.deepcopy(model)
    return _first(_run(twin, x, _leaves(twin), bad=lambda output: not math.isfinite(output.sum().item())))


@misconception("first_nonfinite", "float32 is not the only floating-point dtype.")
def float32_only(model, x):
    twin = copy.deepcopy(model)
    return _first(_run(twin, x, _leaves(twin), bad=lambda output: output.dtype is torch.float32 and _is_bad(output)))


@misconception("first_nonfinite", "The model was in a different mode when it went wrong. Which mode did you run it in?")
def in_eval_mode(model, x):
    twin = copy.deepcopy(model).eval()
    return _first(_run(twin, x, _leaves(twin)))


@misconception("first_nonfinite", "The model may not be in train mode. Which mode was it in when you got it?")
def in_train_mode(model, x):
    twin = copy.deepcopy(model).train()
    return _first(_run(twin, x, _leaves(twin)))


@misconception("first_nonfinite", "Each module has its own mode. Did you run each of them in the mode it was in?")
def one_mode_for_all(model, x):
    twin = copy.deepcopy(model).train(model.training)
    found = _run(twin, x, _leaves(twin))
    model.train(model.training)
    return _first(found)


@misconception("first_nonfinite", "You protect BatchNorm's statistics, but in a mode in which it computes something else.")
def batchnorm_in_eval_mode(model, x):
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    return _first(_run(twin, x, _leaves(twin)))


@misconception("first_nonfinite", "Nobody needs gradients here, but your run records them.")
def records_gradients(model, x):
    twin = copy.deepcopy(model)
    found = []
    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, output, name=name: found.append(name) if _is_bad(output) else None)
    twin(x)
    return _first(found)


@misconception("first_nonfinite", "Are the modules called in the order in which they were registered?")
def order_of_registration(model, x):
    twin = copy.deepcopy(model)
    found = set(_run(twin, x, _leaves(twin)))
    return _first([name for name, _ in _leaves(twin) if name in found])


@misconception(
    "first_nonfinite", "You look at the outputs after the run. Could a later layer have changed one of them in place?"
)
def looks_when_all_is_over(model, x):
    twin = copy.deepcopy(model)
    outputs = []
    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, output, name=name: outputs.append((name, output)))
    with torch.no_grad():
        twin(x)
    return _first([name for name, output in outputs if _is_bad(output)])


@misconception("first_nonfinite", "You look at the input of each layer. Which layer produced it?")
def looks_at_inputs(model, x):
    twin = copy.deepcopy(model)
    found = []
    for name, module in _leaves(twin):
        module.register_forward_pre_hook(lambda _m, args, name=name: found.append(name) if _is_bad(args[0]) else None)
    with torch.no_grad():
        twin(x)
    return _first(found)


@misconception("first_nonfinite", "You skip layers whose input was already bad. Does the docstring say so?")
def blames_the_maker_only(model, x):
    twin = copy.deepcopy(model)
    found = []
    for name, module in _leaves(twin):
        module.register_forward_hook(
            lambda _m, args, output, name=name: found.append(name) if _is_bad(output) and not _is_bad(args[0]) else None
        )
    with torch.no_grad():
        twin(x)
    return _first(found)


@misconception("first_nonfinite", "The model may have many layers of this type. Which name does this one have?")
def names_the_type(model, x):
    twin = copy.deepcopy(model)
    types = {name: type(module).__name__ for name, module in twin.named_modules()}
    return types.get(_first(_run(twin, x, _leaves(twin))))


@misconception("first_nonfinite", "If the model itself is a leaf module, what is its name, and is that name true or false?")
def no_empty_name(model, x):
    twin = copy.deepcopy(model)
    return _first(_run(twin, x, _leaves(twin))) or None


@misconception("first_nonfinite", "An empty list is not a name. What should you return if there is no such module?")
def empty_list_for_none(model, x):
    twin = copy.deepcopy(model)
    found = _run(twin, x, _leaves(twin))
    return found[0] if found else []


@misconception(
    "first_nonfinite", "You call the layers yourself, in the order in which they are listed. Is that what forward does?"
)
@torch.no_grad()
def calls_the_layers_itself(model, x):
    twin = copy.deepcopy(model)
    for name, module in _leaves(twin):
        x = module(x)
        if _is_bad(x):
            return name
    return None


@misconception("first_nonfinite", "How often does your function run the model?")
def runs_for_each_layer(model, x):
    for name, _ in _leaves(model):
        twin = copy.deepcopy(model)
        if _run(twin, x, [(name, twin.get_submodule(name))]):
            others = copy.deepcopy(model)
            return _first(_run(others, x, _leaves(others)))
    return None
