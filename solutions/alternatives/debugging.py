"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import contextlib
import copy
import math
from functools import partial
from unittest import mock

import torch
from torch import nn

from autograder import alternative


@alternative("predicted_nans")
def nans_counted():
    return torch.tensor(2 * 3 + 2)


@alternative("predicted_without")
def without_as_a_set():
    return {"side"}


@alternative("predicted_without")
def without_as_a_word():
    return "side"


@alternative("nonfinite_grads")
def nonfinite_in_a_loop(model):
    names = []
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        bad = torch.isnan(parameter.grad) | torch.isinf(parameter.grad)
        if bool(bad.any()):
            names.append(name)
    return names


@alternative("nonfinite_grads")
def nonfinite_by_multiplying_with_zero(model):
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return [name for name, gradient in gradients.items() if (gradient * 0 != 0).sum().item() > 0]


@alternative("nonfinite_grads")
def nonfinite_number_by_number(model):
    def finite(number):
        return number - number == 0

    def bad(parameter):
        return parameter.grad is not None and not all(map(finite, parameter.grad.flatten().tolist()))

    return list(dict(filter(lambda pair: bad(pair[1]), model.named_parameters())))


@alternative("nonfinite_grads")
def nonfinite_by_size(model):
    return [name for name, p in model.named_parameters() if p.grad is not None and not (p.grad.abs() < math.inf).all()]


@alternative("nonfinite_grads")
def nonfinite_by_repairing_a_copy(model):
    def bad(gradient):
        return gradient is not None and not torch.equal(torch.nan_to_num(gradient), gradient)

    return [name for name, p in model.named_parameters() if bad(p.grad)]


@alternative("disconnected")
def disconnected_by_walking(model, loss):
    seen, reached, left = set(), set(), [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            reached.add(id(node.variable))
        left += [following for following, _ in node.next_functions]
    return [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in reached]


@alternative("disconnected")
def disconnected_by_backward_with_inputs(model, loss):
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    before = [p.grad for _, p in trainable]
    if trainable and loss.requires_grad:
        for _, p in trainable:
            p.grad = None
        loss.backward(retain_graph=True, inputs=[p for _, p in trainable])
        missing = [name for name, p in trainable if p.grad is None]
    else:
        missing = [name for name, _ in trainable]
    for (_, p), gradient in zip(trainable, before, strict=True):
        p.grad = gradient
    return missing


@alternative("disconnected")
def disconnected_one_by_one(model, loss):
    def reached(parameter):
        if loss.grad_fn is None:
            return False
        (gradient,) = torch.autograd.grad(loss, parameter, retain_graph=True, allow_unused=True)
        return gradient is not None

    return [name for name, p in model.named_parameters() if p.requires_grad and not reached(p)]


@alternative("disconnected")
def disconnected_by_errors(model, loss):
    names = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        try:
            torch.autograd.grad((loss * 1, loss * 1)[0], [parameter], retain_graph=True)
        except RuntimeError:
            names.append(name)
    return names


@alternative("disconnected")
def disconnected_with_a_graph_of_the_gradients(model, loss):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    try:
        gradients = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True, create_graph=True)
    except (RuntimeError, ValueError):
        return [name for name, _ in named]
    return [name for (name, _), gradient in zip(named, gradients, strict=True) if gradient is None]


@alternative("disconnected")
def disconnected_from_a_sum(model, loss):
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    one = torch.ones((), requires_grad=True, device=loss.device)
    gradients = torch.autograd.grad(loss + one, [one, *trainable.values()], retain_graph=True, allow_unused=True)
    return [name for name, gradient in zip(trainable, gradients[1:], strict=True) if gradient is None]


def _leaves(model):
    return [(name, module) for name, module in model.named_modules() if next(module.children(), None) is None]


def _bad(output):
    return output.is_floating_point() and bool((torch.isnan(output) | torch.isinf(output)).any())


@alternative("first_nonfinite")
def first_with_buffers_put_back(model, x):
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    found, handles = [], []

    def hook_for(name):
        return lambda module, arguments, output: found.append(name) if _bad(output) else None

    try:
        for name, module in _leaves(model):
            handles.append(module.register_forward_hook(hook_for(name)))
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])
    return next(iter(found), None)


@alternative("first_nonfinite")
def first_by_functional_call(model, x):
    names = {module: name for name, module in _leaves(model)}
    found = []
    with contextlib.ExitStack() as stack, torch.no_grad():
        for module in names:
            handle = module.register_forward_hook(lambda m, _, y: found.append(names[m]) if _bad(y) else None)
            stack.callback(handle.remove)
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        torch.func.functional_call(model, buffers, (x,))
    return found[0] if found else None


class _Found(Exception):
    pass


@alternative("first_nonfinite")
def first_that_stops_the_model(model, x):
    twin = copy.deepcopy(model)

    def stop(name, output):
        if _bad(output):
            raise _Found(name)

    for name, module in _leaves(twin):
        module.register_forward_hook(lambda _m, _a, output, name=name: stop(name, output))
    try:
        with torch.inference_mode():
            twin(x)
    except _Found as found:
        return found.args[0]
    return None


@alternative("first_nonfinite")
@torch.no_grad()
def first_by_a_global_hook(model, x):
    twin = copy.deepcopy(model)
    names = {id(module): name for name, module in _leaves(twin)}
    found = []

    def look(module, arguments, output):
        if id(module) in names and not found and _bad(output):
            found.append(names[id(module)])

    with nn.modules.module.register_module_forward_hook(look):
        twin(x)
    found.append(None)
    return found[0]


@alternative("first_nonfinite")
def first_by_other_forwards(model, x):
    twin = copy.deepcopy(model)
    results = []
    for name, module in _leaves(twin):

        def forward(*arguments, name=name, original=module.forward, **options):
            output = original(*arguments, **options)
            results.append((name, _bad(output)))
            return output

        module.forward = forward
    with torch.no_grad():
        twin(x)
    return next((name for name, bad in results if bad), None)


class _Recorder:
    def __init__(self, model):
        self.first = None
        leaves = [(name, module) for name, module in model.named_modules() if not module._modules]
        self.handles = [module.register_forward_hook(partial(self.look, name)) for name, module in leaves]

    def look(self, name, module, arguments, output):
        if self.first is None and torch.is_floating_point(output) and not torch.all(torch.isfinite(output)):
            self.first = name


@alternative("first_nonfinite")
def first_with_buffers_exchanged(model, x):
    saved = {name: buffer.detach().clone() for name, buffer in model.named_buffers()}
    recorder = _Recorder(model)
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in recorder.handles:
            handle.remove()
        for name, buffer in saved.items():
            owner, _, key = name.rpartition(".")
            model.get_submodule(owner)._buffers[key] = buffer
    return recorder.first


@alternative("first_nonfinite")
def first_by_another_call(model, x):
    twin = copy.deepcopy(model)
    names = {module: name for name, module in _leaves(twin)}
    found = []
    original = nn.Module.__call__

    def call(self, *arguments, **options):
        output = original(self, *arguments, **options)
        if self in names and _bad(output):
            found.append(names[self])
        return output

    with mock.patch.object(nn.Module, "__call__", call), torch.no_grad():
        twin(x)
    return [*found, None][0]
