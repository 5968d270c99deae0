"""Right answers in awkward styles: no check may fail on them."""

import contextlib
import copy
import functools

import torch

from autograder import alternative


@alternative("nonfinite_grads")
def nonfinite_by_generators(model):
    def broken():
        for name, parameter in model.named_parameters():
            with contextlib.suppress(AttributeError):
                if (
                    torch.count_nonzero(parameter.grad.sub(parameter.grad)).item()
                    or (parameter.grad != parameter.grad).any()
                ):
                    yield name

    return [*broken()]


@alternative("disconnected")
class Disconnected(list):
    def __new__(cls, model, loss):
        wanted = {id(p): name for name, p in model.named_parameters() if p.requires_grad}

        @functools.cache
        def reached(node):
            own = {id(node.variable)} if hasattr(node, "variable") else set()
            return own.union(*(reached(other) for other, _ in node.next_functions if other is not None))

        found = reached(loss.grad_fn) if loss.grad_fn else set()
        return [name for key, name in wanted.items() if key not in found]


@alternative("first_nonfinite")
def first_by_a_subclass_of_each(model, x):
    twin, found = copy.deepcopy(model), []
    for name, module in twin.named_modules():
        if not any(True for _ in module.children()):
            kind = type(module)

            def forward(self, *arguments, name=name, kind=kind, **options):
                output = kind.forward(self, *arguments, **options)
                if output.is_floating_point() and not (output - output == 0).all():
                    found.append(name)
                return output

            module.__class__ = type(kind.__name__, (kind,), {"forward": forward})
    with torch.inference_mode():
        twin(x)
    return (found or [None])[0]


@alternative("first_nonfinite")
def first_with_a_snapshot_of_everything(model, x):
    class Stop(BaseException):
        pass

    def look(module, arguments, output):
        if output.dtype.is_floating_point and output.isfinite().logical_not_().any():
            raise Stop(names[module])

    names = {module: name for name, module in model.named_modules() if len(module._modules) == 0}
    kept = {owner: {key: b if b is None else b.clone() for key, b in owner._buffers.items()} for owner in model.modules()}
    with contextlib.ExitStack() as stack:
        for owner, buffers in kept.items():
            stack.callback(owner._buffers.update, buffers)
        for module in names:
            stack.enter_context(module.register_forward_hook(look))
        try:
            with torch.no_grad():
                model(x)
        except Stop as stop:
            return stop.args[0]
    return None
