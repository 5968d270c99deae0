"""Wrong solutions that students write, each with the sentence that helps."""

import copy
import math

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, MultiplicativeLR, StepLR

from autograder import misconception


@misconception(
    "predicted_frozen", "Does the optimizer look at requires_grad, or at something that freezing leaves in place?"
)
def frozen_rests():
    return 2.0


@misconception("predicted_frozen", "Which way does a step go: along the gradient, or against it?")
def frozen_uphill():
    return 2.3


@misconception("predicted_frozen", "Where does the learning rate come into the step?")
def without_the_rate():
    return -1.0


@misconception("predicted_frozen", "What is the gradient of 3·w with respect to w? It is not the value of the loss.")
def loss_as_gradient():
    return 1.4


@misconception(
    "predicted_momentum", "Three equal steps are what happens without momentum. How much of each velocity is kept?"
)
def plain_steps():
    return -3.0


@misconception("predicted_momentum", "The distance is right. Does w go up or down the slope?")
def momentum_uphill():
    return 4.25


@misconception("predicted_momentum", "This is only the last step. How far does w move in all three?")
def last_velocity():
    return -1.75


@misconception("predicted_momentum", "You averaged old and new. Is there a factor in front of the gradient in the formula?")
def averaged_gradients():
    return -2.125


@misconception("predicted_momentum", "You kept all of the old velocity, but the momentum is one half.")
def whole_velocity():
    return -6.0


class _SGD:
    """What the variants have in common."""

    def __init__(self, params, lr, momentum=0.0):
        self.params = list(params)
        self.lr, self.momentum = lr, momentum
        self.velocities = {}

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def velocity(self, place, p):
        old = self.velocities.get(place)
        self.velocities[place] = p.grad.clone() if old is None else self.momentum * old + p.grad
        return self.velocities[place]

    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception(
    "SGD",
    "`p - ...` makes a new tensor, whatever name you give it. The model's parameter has not moved.",
    also_true_of=("NewParameters",),
)
class Rebinds(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p = p - self.lr * self.velocity(place, p)


@misconception("SGD", "You make new tensors. Which ones are in the model?", also_true_of=("Rebinds",))
class NewParameters(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                self.params[place] = nn.Parameter(p.detach() - self.lr * self.velocity(place, p))


@misconception("SGD", "A parameter is a leaf that requires grad: may you change it in place while PyTorch is recording?")
class WhileRecording(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "After your step, nothing is trainable any more: look at requires_grad.")
class SwitchesGradientsOff(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p.requires_grad_(False)
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "Some parameters were frozen before your step. Are they still frozen after it?")
class SwitchesGradientsOn(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p.requires_grad_(False)
                p -= self.lr * self.velocity(place, p)
            p.requires_grad_(True)


@misconception("SGD", "Not every parameter has a gradient in every step.")
class ExpectsGradients(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            p -= self.lr * self.velocity(place, p)


@misconception("SGD", "One parameter without a gradient ends your loop. What about the ones after it?")
class StopsAtNone(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None:
                break
            p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter without a gradient keeps moving on its momentum. What should happen to it?")
class Glides(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None and place in self.velocities:
                self.velocities[place] = self.momentum * self.velocities[place]
                p -= self.lr * self.velocities[place]
            elif p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter without a gradient rests in your step. Is its velocity the same afterwards?")
class ForgetsVelocities(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None:
                self.velocities.pop(place, None)
            else:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter without a gradient rests in your step. Is its velocity the same afterwards?")
class DampsVelocities(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p -= self.lr * self.velocity(place, p)
            elif place in self.velocities:
                self.velocities[place] *= self.momentum


@misconception("SGD", "You number the parameters that have a gradient. Do these numbers stay the same from step to step?")
class NumbersTheGradients(_SGD):
    @torch.no_grad()
    def step(self):
        with_gradient = [p for p in self.params if p.grad is not None]
        for place, p in enumerate(with_gradient):
            old = self.velocities.get(place)
            fits = old is not None and old.shape == p.shape
            self.velocities[place] = self.momentum * old + p.grad if fits else p.grad.clone()
            p -= self.lr * self.velocities[place]


@misconception("SGD", "You compute the velocity inside .grad: what does the caller find there after the step?")
class VelocityInTheGradient(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None:
                continue
            if self.momentum and place in self.velocities:
                p.grad.add_(self.velocities[place], alpha=self.momentum)
            self.velocities[place] = p.grad.clone()
            p -= self.lr * p.grad


@misconception("SGD", "Your velocity and .grad start out as the same tensor. What if someone changes .grad in place?")
class KeepsTheGradient(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        self.velocities[place] = p.grad if old is None else self.momentum * old + p.grad
        return self.velocities[place]


@misconception("SGD", "Your velocity and .grad are the same tensor. What if someone changes .grad in place?")
class GrowsInTheGradient(_SGD):
    def velocity(self, place, p):
        if place in self.velocities:
            self.velocities[place].mul_(self.momentum).add_(p.grad)
        else:
            self.velocities[place] = p.grad
        return self.velocities[place]


@misconception("SGD", "Look at .grad after the step: it has been multiplied by the learning rate.")
class ScalesTheGradient(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                velocity = self.velocity(place, p)
                p.grad.mul_(self.lr)
                p -= self.lr * velocity


@misconception("SGD", "Nobody asked step() to remove the gradients. The caller may still want to look at them.")
class ClearsGradients(_SGD):
    def step(self):
        super().step()
        self.zero_grad()


@misconception("SGD", "The loss goes up from step to step.")
class GoesUphill(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p += self.lr * self.velocity(place, p)


@misconception("SGD", "One argument makes no difference to your optimizer: compare momentum 0 with 0.9.")
class ForgetsMomentum(_SGD):
    def velocity(self, place, p):
        return p.grad


@misconception("SGD", "You average velocity and gradient. Does the docstring have a factor in front of grad?")
class Averages(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        self.velocities[place] = p.grad.clone() if old is None else self.momentum * old + (1 - self.momentum) * p.grad
        return self.velocities[place]


@misconception("SGD", "What is buf in the very first step? Yours is smaller than the gradient.")
class AveragesFromZero(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place, torch.zeros_like(p.grad))
        self.velocities[place] = self.momentum * old + (1 - self.momentum) * p.grad
        return self.velocities[place]


@misconception("SGD", "This is Nesterov's variant, which looks one step ahead. The docstring's formula does not.")
class Nesterov(_SGD):
    def velocity(self, place, p):
        if not self.momentum:
            return p.grad
        return p.grad + self.momentum * super().velocity(place, p)


@misconception(
    "SGD", "You keep the last gradient, not the velocity: how much of the first gradient should remain in step three?"
)
class RemembersOneGradient(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        self.velocities[place] = p.grad.clone()
        return p.grad if old is None else self.momentum * old + p.grad


@misconception("SGD", "The learning rate enters twice: once on the way into the velocity, and once on the way out.")
class RateTwice(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        self.velocities[place] = self.lr * p.grad if old is None else self.momentum * old + self.lr * p.grad
        return self.velocities[place]


@misconception("SGD", "Parameters of the same shape share a velocity. What does one's gradient have to do with another's?")
class SharedVelocity(_SGD):
    def velocity(self, place, p):
        return super().velocity(tuple(p.shape), p)


@misconception("SGD", "What you define in a class body is shared by all its objects. Make two optimizers.")
class VelocitiesOfTheClass(_SGD):
    everybody = {}  # noqa: RUF012 (the mistake)

    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, lr, momentum)
        self.velocities = self.everybody

    def velocity(self, place, p):
        old = self.velocities.get((place, p.shape))
        self.velocities[place, p.shape] = p.grad.clone() if old is None else self.momentum * old + p.grad
        return self.velocities[place, p.shape]


@misconception(
    "SGD", "What you define in a class body is shared by all its objects. Make a second optimizer for your model."
)
class VelocitiesOutliveTheOptimizer(_SGD):
    everybody = {}  # noqa: RUF012 (the mistake)

    def velocity(self, place, p):
        self.velocities = self.everybody
        return super().velocity(p, p)


@misconception("SGD", "A gradient of zero is not the same as no gradient. Which of them lets a parameter rest?")
class RestsAtZero(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None and p.grad.any():
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "You can go through a generator only once: what is left for the second step?")
class KeepsTheIterable(_SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__((), lr, momentum)
        self.params = params


@misconception("SGD", "Which parameters does your optimizer move? The docstring goes by the gradient, not by the flag.")
class LooksAtTheFlag(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.requires_grad and p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter that is frozen when you create the optimizer may not stay frozen.")
class TakesTrainableOnesOnly(_SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__([p for p in params if p.requires_grad], lr, momentum)


@misconception("SGD", "A gradient of zero is not the same as no gradient. Which one does the docstring ask for?")
class ZerosGradients(_SGD):
    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


@misconception("SGD", "After zero_grad(), some parameters still have a gradient. Which ones does your loop skip?")
class ClearsTrainableOnesOnly(_SGD):
    def zero_grad(self):
        for p in self.params:
            if p.requires_grad:
                p.grad = None


@misconception("SGD", "What does the velocity have to do with zero_grad()? It should survive from step to step.")
class ClearsVelocities(_SGD):
    def zero_grad(self):
        super().zero_grad()
        self.velocities.clear()


@misconception("SGD", "Your optimizer expects a list, but not every iterable has a length.")
class ExpectsAList(_SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__([params[place] for place in range(len(params))], lr, momentum)


@misconception("SGD", "Your velocities do not have the dtype of their parameters, and digits get lost.")
class SinglePrecision(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        gradient = p.grad.float()
        self.velocities[place] = gradient.clone() if old is None else self.momentum * old + gradient
        return self.velocities[place]


@misconception("SGD", "A parameter may get its first gradient in a later step. What is its velocity then?")
class VelocitiesOfTheFirstStep(_SGD):
    @torch.no_grad()
    def step(self):
        if not self.velocities:
            self.velocities = {place: p.grad.clone() for place, p in enumerate(self.params) if p.grad is not None}
        else:
            for place, p in enumerate(self.params):
                if p.grad is not None:
                    self.velocities[place] = self.momentum * self.velocities[place] + p.grad
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p -= self.lr * self.velocities[place]


def _trainable(model):
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


def _groups(body, head, base_lr, head_lr):
    if not head:
        raise ValueError
    return [{"params": body, "lr": base_lr}, {"params": head, "lr": head_lr}]


def _split(named, of_head, base_lr, head_lr):
    body = [p for name, p in named if not of_head(name)]
    return _groups(body, [p for name, p in named if of_head(name)], base_lr, head_lr)


@misconception("param_groups", "The head's parameters are in both groups: what would an optimizer do with them?")
def overlap(model, head, base_lr, head_lr):
    named = _trainable(model)
    inside = [p for name, p in named if name.startswith(head + ".")]
    return _groups([p for _, p in named], inside, base_lr, head_lr)


@misconception("param_groups", "Frozen parameters should not be in either group.")
def takes_frozen_ones(model, head, base_lr, head_lr):
    return _split(list(model.named_parameters()), lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "One of your groups has no frozen parameters. What about the other?")
def takes_frozen_ones_of_the_head(model, head, base_lr, head_lr):
    body = [p for name, p in _trainable(model) if not name.startswith(head + ".")]
    return _groups(body, [p for name, p in model.named_parameters() if name.startswith(head + ".")], base_lr, head_lr)


@misconception("param_groups", "There are frozen parameters in the first group. Which layers are they from?")
def takes_frozen_ones_of_the_body(model, head, base_lr, head_lr):
    body = [p for name, p in model.named_parameters() if not name.startswith(head + ".")]
    return _groups(body, [p for name, p in _trainable(model) if name.startswith(head + ".")], base_lr, head_lr)


@misconception("param_groups", "Someone froze those layers on purpose. After your call they are trainable.")
def unfreezes(model, head, base_lr, head_lr):
    model.requires_grad_(True)
    return _split(list(model.named_parameters()), lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "You can go through a generator only once; then it is empty.")
def generators(model, head, base_lr, head_lr):
    if not any(name.startswith(head + ".") for name, _ in _trainable(model)):
        raise ValueError
    return [
        {"params": (p for name, p in _trainable(model) if not name.startswith(head + ".")), "lr": base_lr},
        {"params": (p for name, p in _trainable(model) if name.startswith(head + ".")), "lr": head_lr},
    ]


@misconception("param_groups", "Is 'head2.weight' a parameter of the layer called head?")
def without_the_dot(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head), base_lr, head_lr)


@misconception("param_groups", "A name can contain the head's name somewhere in the middle. Where do you look for it?")
def anywhere_in_the_name(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: head in name, base_lr, head_lr)


@misconception("param_groups", "A name like 'body.head.weight' contains the head's name, but how does it start?")
def any_part_of_the_name(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: f".{head}." in f".{name}", base_lr, head_lr)


@misconception("param_groups", "A name like 'body.head.weight' contains the head's name, but how does it start?")
def the_dot_anywhere(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: f"{head}." in name, base_lr, head_lr)


@misconception("param_groups", "The head may be deeper in the model: what if its name has a dot in it?")
def first_part_of_the_name(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: "." in name and name.split(".")[0] == head, base_lr, head_lr)


@misconception("param_groups", "How many parts can a parameter's name have? Try a head with several layers.")
def all_but_the_last_part(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.rpartition(".")[0] == head, base_lr, head_lr)


@misconception(
    "param_groups", "Your function raises an error if there is no such layer. Is it the one the docstring asks for?"
)
def by_the_attribute(model, head, base_lr, head_lr):
    inside = {id(p) for p in model.get_submodule(head).parameters()}
    named = [(id(p) in inside, p) for p in model.parameters() if p.requires_grad]
    return _groups([p for of_head, p in named if not of_head], [p for of_head, p in named if of_head], base_lr, head_lr)


@misconception("param_groups", "A parameter shared by two layers has two names, and it is in both of your groups.")
def shared_ones_twice(model, head, base_lr, head_lr):
    named = [(name, p) for name, p in model.named_parameters(remove_duplicate=False) if p.requires_grad]
    return _split(named, lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "Your function says nothing if the head has no parameters to train.")
def accepts_an_empty_head(model, head, base_lr, head_lr):
    named = _trainable(model)
    return [
        {"params": [p for name, p in named if not name.startswith(head + ".")], "lr": base_lr},
        {"params": [p for name, p in named if name.startswith(head + ".")], "lr": head_lr},
    ]


@misconception(
    "param_groups",
    "A head can exist and have nothing to train. What does your function do then?",
    also_true_of=("takes_frozen_ones", "takes_frozen_ones_of_the_head"),
)
def looks_for_the_name_only(model, head, base_lr, head_lr):
    if not any(name.startswith(head + ".") for name, _ in model.named_parameters()):
        raise ValueError
    return accepts_an_empty_head(model, head, base_lr, head_lr)


@misconception("param_groups", "A head can exist and have nothing to train. Look at what is left in its group.")
def looks_for_the_module_only(model, head, base_lr, head_lr):
    if head not in dict(model.named_modules()):
        raise ValueError
    return accepts_an_empty_head(model, head, base_lr, head_lr)


@misconception("param_groups", "You raise an error for a head that does not exist. Which error does the docstring ask for?")
def raises_a_key_error(model, head, base_lr, head_lr):
    groups = accepts_an_empty_head(model, head, base_lr, head_lr)
    if not groups[1]["params"]:
        raise KeyError(head)
    return groups


@misconception("param_groups", "An empty body is allowed: which group must not be empty?")
def refuses_an_empty_body(model, head, base_lr, head_lr):
    groups = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    if not groups[0]["params"]:
        raise ValueError
    return groups


@misconception("param_groups", "How many groups does the docstring ask for? You drop one if it is empty.")
def drops_an_empty_body(model, head, base_lr, head_lr):
    groups = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    return [group for group in groups if group["params"]]


@misconception("param_groups", "You split the parameters correctly. Which of the two groups should come first?")
def head_first(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)[::-1]


@misconception("param_groups", "Which layers should train faster? Look at which rate went where.")
def rates_swapped(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), head_lr, base_lr)


@misconception("param_groups", "Print the learning rates of both groups.")
def one_rate(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, base_lr)


@misconception("param_groups", "head_lr is the head's learning rate itself. Is it meant to be a factor?")
def rate_as_factor(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, base_lr * head_lr)


@misconception("param_groups", "Compare the order of the parameters in each group with their order in the model.")
def sorted_by_name(model, head, base_lr, head_lr):
    return _split(sorted(_trainable(model)), lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "The optimizer would now train copies. Would the model notice?")
def trains_copies(model, head, base_lr, head_lr):
    copied = _trainable(copy.deepcopy(model))
    return _split(copied, lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "An optimizer cannot do anything with names. What is in your lists?")
def names_for_parameters(model, head, base_lr, head_lr):
    names = [name for name, _ in _trainable(model)]
    inside = [name for name in names if name.startswith(head + ".")]
    return _groups([name for name in names if not name.startswith(head + ".")], inside, base_lr, head_lr)


@misconception("param_groups", "What does named_parameters() give you: parameters, or pairs that contain them?")
def pairs_for_parameters(model, head, base_lr, head_lr):
    body = [pair for pair in _trainable(model) if not pair[0].startswith(head + ".")]
    return _groups(body, [pair for pair in _trainable(model) if pair[0].startswith(head + ".")], base_lr, head_lr)


@misconception("param_groups", "How many groups does the docstring ask for?")
def a_group_for_each_parameter(model, head, base_lr, head_lr):
    inside = {name for name, _ in _trainable(model) if name.startswith(head + ".")}
    if not inside:
        raise ValueError
    return [{"params": [p], "lr": head_lr if name in inside else base_lr} for name, p in _trainable(model)]


@misconception("param_groups", "One of your groups has no learning rate. Where would it come from?")
def without_the_rate_of_the_body(model, head, base_lr, head_lr):
    body, inside = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    return [{"params": body["params"]}, inside]


@misconception("param_groups", "Look at the type of the values under 'params'.")
def tuples(model, head, base_lr, head_lr):
    groups = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    return [{**group, "params": tuple(group["params"])} for group in groups]


@misconception("param_groups", "Biases are parameters, too.")
def weights_only(model, head, base_lr, head_lr):
    named = [(name, p) for name, p in _trainable(model) if not name.endswith("bias")]
    return _split(named, lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("scale_lr", "You gave the optimizer a new attribute. Where does each group keep its own rate?")
def makes_an_attribute(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.lr = optimizer.param_groups[0]["lr"] * factor
    return [optimizer.lr]


@misconception("scale_lr", "All groups now have the same rate. Did they before?")
def one_rate_for_all(optimizer, factor):
    if factor < 0:
        raise ValueError
    new = optimizer.param_groups[0]["lr"] * factor
    for group in optimizer.param_groups:
        group["lr"] = new
    return [new] * len(optimizer.param_groups)


@misconception("scale_lr", "An optimizer can have more than one group.")
def first_group_only(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.param_groups[0]["lr"] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "You set the learning rate to the factor itself.")
def factor_as_rate(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] = factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Defaults are for groups that do not exist yet. Which rates does the next step use?")
def changes_the_defaults(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.defaults["lr"] *= factor
    return [optimizer.defaults["lr"]] * len(optimizer.param_groups)


@misconception("scale_lr", "Defaults are for groups that do not exist yet. Should they change too?")
def changes_the_defaults_too(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.defaults["lr"] *= factor
    return scale_first(optimizer, factor)


@misconception("scale_lr", "The rates you return are right. Does the optimizer you were given know about them?")
def changes_nothing(optimizer, factor):
    if factor < 0:
        raise ValueError
    return [group["lr"] * factor for group in optimizer.param_groups]


@misconception("scale_lr", "The rates you return are right. Does the optimizer you were given know about them?")
def rebinds_the_rate(optimizer, factor):
    if factor < 0:
        raise ValueError
    rates = []
    for group in optimizer.param_groups:
        lr = group["lr"]
        lr *= factor
        rates.append(lr)
    return rates


@misconception("scale_lr", "The rates you return are right. Does the optimizer you were given know about them?")
def makes_a_new_optimizer(optimizer, factor):
    if factor < 0:
        raise ValueError
    groups = [{**group, "lr": group["lr"] * factor} for group in optimizer.param_groups]
    new = torch.optim.SGD([{"params": group["params"], "lr": group["lr"]} for group in groups])
    optimizer = new
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The rates are right, but the optimizer has forgotten everything it knew about its parameters.")
def forgets_the_state(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    optimizer.state.clear()
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "You set up the optimizer a second time: what happened to its state and its options?")
def initialises_again(optimizer, factor):
    if factor < 0:
        raise ValueError
    groups = [{"params": group["params"], "lr": group["lr"] * factor} for group in optimizer.param_groups]
    optimizer.__init__(groups)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Call your function twice: does the second call start from the current rates?")
def by_a_scheduler(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = group["initial_lr"] * factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Which of a group's options is the learning rate? You changed another one too.")
def scales_everything(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        for name in ("lr", "initial_lr", "weight_decay", "momentum"):
            if name in group:
                group[name] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "You scaled velocities and moments along with the rates. Are they learning rates?")
def scales_the_state(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
        for p in group["params"]:
            for name, value in optimizer.state[p].items():
                if name != "step" and torch.is_tensor(value):
                    value.mul_(factor)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The learning rates are right, but the parameters have moved. Who asked for a step?")
def takes_a_step(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    optimizer.step()
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The rates should be multiplied by the factor. What do you do with it?")
def adds_the_factor(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] += factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Compare your rates with the products digit by digit: what rounds them?")
def rounds(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] = round(group["lr"] * factor, 4)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "What does your function do with a negative factor? The docstring asks for an error.", minor=True)
def takes_the_absolute_value(optimizer, factor):
    for group in optimizer.param_groups:
        group["lr"] *= abs(factor)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Look at the type of what you return.")
def returns_a_tuple(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return tuple(group["lr"] for group in optimizer.param_groups)


@misconception("scale_lr", "You divide the rates by the factor.")
def divides(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] /= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "You return the rates as they were before the change.")
def returns_the_old_rates(optimizer, factor):
    if factor < 0:
        raise ValueError
    old = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return old


@misconception("scale_lr", "The optimizer has its new rates, but what does your function return?")
def scales_and_returns_nothing(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor


@misconception("scale_lr", "There are as many rates as groups. How many do you return?")
def returns_one_rate(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return optimizer.param_groups[0]["lr"]


@misconception("scale_lr", "This optimizer's learning rates were Python numbers. What are they now?")
def makes_tensors(optimizer, factor):
    if factor < 0:
        raise ValueError
    return [torch.tensor(rate) for rate in scale_first(optimizer, factor)]


def scale_first(optimizer, factor):
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception(
    "scale_lr", "What would a negative learning rate do to the loss? The docstring asks for an error.", minor=True
)
def accepts_a_negative_factor(optimizer, factor):
    return scale_first(optimizer, factor)


@misconception("scale_lr", "You raise the right error. What happened to the rates before that?", minor=True)
def raises_too_late(optimizer, factor):
    rates = scale_first(optimizer, factor)
    if factor < 0:
        raise ValueError
    return rates


@misconception("scale_lr", "You raise the right error. What happened to the rates before that?", minor=True)
def raises_on_the_way(optimizer, factor):
    rates = []
    for group in optimizer.param_groups:
        group["lr"] *= factor
        if group["lr"] < 0:
            raise ValueError
        rates.append(group["lr"])
    return rates


@misconception(
    "scale_lr", "What must not be negative: the factor, or its product with a rate? Try a group with rate 0.", minor=True
)
def looks_at_the_products(optimizer, factor):
    if any(group["lr"] * factor < 0 for group in optimizer.param_groups):
        raise ValueError
    return scale_first(optimizer, factor)


@misconception("scale_lr", "Zero is not negative.")
def refuses_zero(optimizer, factor):
    if factor <= 0:
        raise ValueError
    return scale_first(optimizer, factor)


@misconception("scale_lr", "You reject a factor of 2. Does the docstring say that rates may only fall?")
def refuses_growth(optimizer, factor):
    if not 0 <= factor <= 1:
        raise ValueError
    return scale_first(optimizer, factor)


@misconception("scale_lr", "A negative factor raises an error, but is it the one the docstring asks for?", minor=True)
def asserts(optimizer, factor):
    assert factor >= 0
    return scale_first(optimizer, factor)


def _check_plan(warmup, total):
    if not 0 <= warmup < total:
        raise ValueError


def _share(t, warmup, total):
    return (t + 1) / warmup if t < warmup else max(total - t, 0) / (total - warmup)


@misconception("warmup_then_decay", "The very first step has the rate 0. What does the docstring say of step 0?")
def plan_starts_at_zero(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: t / warmup if t < warmup else _share(t, warmup, total))


@misconception("warmup_then_decay", "The warm-up is right. What happens to the rate after it?")
def plan_without_decay(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: min(_share(min(t, warmup), warmup, total), 1))


@misconception("warmup_then_decay", "The rate falls from the first step on. Which argument makes no difference?")
def plan_without_warmup(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: max(total - t, 0) / total)


@misconception("warmup_then_decay", "The rate starts to fall at its full value, and not until the warm-up is over.")
def plan_jumps_after_the_warmup(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else max(total - t, 0) / total)


@misconception("warmup_then_decay", "Go on after step `total`: with a rate below 0, a step goes uphill.")
def plan_goes_below_zero(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else (total - t) / (total - warmup))


@misconception("warmup_then_decay", "LambdaLR multiplies what your function returns by something. By what?")
def plan_of_rates(optimizer, warmup, total):
    _check_plan(warmup, total)
    rate = optimizer.param_groups[0]["lr"]
    return LambdaLR(optimizer, lambda t: rate * _share(t, warmup, total))


@misconception(
    "warmup_then_decay", "Each of your rates is a share of the one before it. Of which rate should it be a share?"
)
def plan_of_products(optimizer, warmup, total):
    _check_plan(warmup, total)
    scheduler = MultiplicativeLR(optimizer, lambda t: _share(t, warmup, total))
    for group in optimizer.param_groups:
        group["lr"] *= _share(0, warmup, total)
    return scheduler


@misconception("warmup_then_decay", "What are the rates of the second group? Every group should follow the plan.")
def plan_for_the_first_group(optimizer, warmup, total):
    _check_plan(warmup, total)
    others = [lambda t: 1.0] * (len(optimizer.param_groups) - 1)
    return LambdaLR(optimizer, [lambda t: _share(t, warmup, total), *others])


@misconception("warmup_then_decay", "Each group has a rate of its own. Is it still the same share of the others' rates?")
def plan_with_one_rate_for_all(optimizer, warmup, total):
    _check_plan(warmup, total)
    for group in optimizer.param_groups:
        group["lr"] = optimizer.param_groups[0]["lr"]
    return LambdaLR(optimizer, lambda t: _share(t, warmup, total))


@misconception("warmup_then_decay", "Both ends are right, but what is in the middle: a straight line, or a curve?")
def plan_with_a_cosine(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(
        optimizer,
        lambda t: (t + 1) / warmup if t < warmup else (1 + math.cos(math.pi * (1 - _share(t, warmup, total)))) / 2,
    )


@misconception("warmup_then_decay", "Does // do what you want with 1 and 4? Print the factors of the warm-up.")
def plan_of_whole_numbers(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: (t + 1) // warmup if t < warmup else _share(t, warmup, total))


@misconception("warmup_then_decay", "At which step does your rate reach 0, and at which one should it?")
def plan_ends_too_early(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(
        optimizer,
        lambda t: (t + 1) / warmup if t < warmup else max(total - 1 - t, 0) / max(total - 1 - warmup, 1),
    )


@misconception("warmup_then_decay", "For how many steps does your rate fall? Part of `total` is the warm-up.")
def plan_adds_the_warmup(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: _share(t, warmup, warmup + total))


@misconception("warmup_then_decay", "After `total` steps, your plan starts again. What should the rate be then?")
def plan_begins_again(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: _share(t % (total + 1), warmup, total))


@misconception("warmup_then_decay", "Your rate falls in steps. The docstring asks for a straight line.")
def plan_in_steps(optimizer, warmup, total):
    _check_plan(warmup, total)
    return StepLR(optimizer, step_size=max(warmup, 1), gamma=0.1)


@misconception("warmup_then_decay", "This plan of PyTorch's falls from the first step on, and not in a straight line.")
def plan_of_cosine_annealing(optimizer, warmup, total):
    _check_plan(warmup, total)
    return CosineAnnealingLR(optimizer, T_max=total)


@misconception("warmup_then_decay", "The rates of the optimizer you were given do not change. Whose do?")
def plan_of_another_optimizer(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(copy.deepcopy(optimizer), lambda t: _share(t, warmup, total))


@misconception("warmup_then_decay", "What has the optimizer remembered before your call, and what is left of that after it?")
def plan_clears_the_state(optimizer, warmup, total):
    _check_plan(warmup, total)
    optimizer.state.clear()
    return LambdaLR(optimizer, lambda t: _share(t, warmup, total))


@misconception("warmup_then_decay", "What does your function divide by if there is no warm-up?")
def plan_divides_by_the_warmup(optimizer, warmup, total):
    _check_plan(warmup, total)
    return LambdaLR(optimizer, lambda t: max(min((t + 1) / warmup, _share(max(t, warmup), warmup, total)), 0))


@misconception("warmup_then_decay", "How long may a warm-up be in a plan of ten steps? Not every answer fits.", minor=True)
def plan_for_any_numbers(optimizer, warmup, total):
    return LambdaLR(optimizer, lambda t: (t + 1) / warmup if t < warmup else max(total - t, 0) / max(total - warmup, 1))


@misconception("warmup_then_decay", "Wrong numbers raise an exception, but not the one the docstring asks for.", minor=True)
def plan_asserts(optimizer, warmup, total):
    assert 0 <= warmup < total
    return LambdaLR(optimizer, lambda t: _share(t, warmup, total))
