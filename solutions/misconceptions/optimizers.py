"""Wrong solutions that students write, each with the sentence that helps."""

import copy

import torch
from torch import nn

from autograder import misconception


@misconception(
    "predicted_frozen", "Does the optimizer look at requires_grad, or at something that freezing leaves in place?"
)
def frozen_rests():
    return 2.0


@misconception("predicted_frozen", "In which direction does a step go: with the gradient, or against it?")
def frozen_uphill():
    return 2.3


@misconception("predicted_frozen", "The learning rate takes part in the step. Where?")
def without_the_rate():
    return -1.0


@misconception("predicted_frozen", "What is the gradient of 3·w with respect to w? It is not the value of the loss.")
def loss_as_gradient():
    return 1.4


@misconception("predicted_momentum", "Three equal steps are what happens without momentum. What is left of each velocity?")
def plain_steps():
    return -3.0


@misconception("predicted_momentum", "The way is as long as you say. Does w go up or down the slope?")
def momentum_uphill():
    return 4.25


@misconception("predicted_momentum", "This is the velocity in the last step. How far has w come in all three?")
def last_velocity():
    return -1.75


@misconception("predicted_momentum", "You averaged old and new. Is there a factor before the gradient in the formula?")
def averaged_gradients():
    return -2.125


@misconception("predicted_momentum", "You kept all of the old velocity; the momentum is one half.")
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


@misconception("SGD", "`p = p - ...` gives a new tensor a name; the model's parameter has not moved.")
class Rebinds(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p = p - self.lr * self.velocity(place, p)


@misconception("SGD", "The new parameters are in your optimizer's list. Which ones are in the model?")
class NewParameters(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                self.params[place] = nn.Parameter(p.detach() - self.lr * self.velocity(place, p))


@misconception("SGD", "A parameter is a leaf that requires grad: may it be changed in place while PyTorch is recording?")
class WhileRecording(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "After your step nothing is trainable any more: look at requires_grad.")
class SwitchesGradientsOff(_SGD):
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p.requires_grad_(False)
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "Some parameters were frozen before your step. What are they after it?")
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


@misconception("SGD", "One parameter without a gradient ends your loop. What about those that come after it?")
class StopsAtNone(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None:
                break
            p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter without a gradient goes on by its own momentum. What should become of it?")
class Glides(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None and place in self.velocities:
                self.velocities[place] = self.momentum * self.velocities[place]
                p -= self.lr * self.velocities[place]
            elif p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter without a gradient rests in your step. Is its velocity afterwards what it was before?")
class ForgetsVelocities(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is None:
                self.velocities.pop(place, None)
            else:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter without a gradient rests in your step. Is its velocity afterwards what it was before?")
class DampsVelocities(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                p -= self.lr * self.velocity(place, p)
            elif place in self.velocities:
                self.velocities[place] *= self.momentum


@misconception("SGD", "You number the parameters that have a gradient. Do the numbers stay the same from step to step?")
class NumbersTheGradients(_SGD):
    @torch.no_grad()
    def step(self):
        with_gradient = [p for p in self.params if p.grad is not None]
        for place, p in enumerate(with_gradient):
            old = self.velocities.get(place)
            fits = old is not None and old.shape == p.shape
            self.velocities[place] = self.momentum * old + p.grad if fits else p.grad.clone()
            p -= self.lr * self.velocities[place]


@misconception("SGD", "The velocity is computed inside .grad: what does the caller find there after the step?")
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


@misconception("SGD", "Your velocity and .grad are the same tensor at first. What if somebody changes .grad in place?")
class KeepsTheGradient(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        self.velocities[place] = p.grad if old is None else self.momentum * old + p.grad
        return self.velocities[place]


@misconception("SGD", "Your velocity and .grad are the same tensor. What if somebody changes .grad in place?")
class GrowsInTheGradient(_SGD):
    def velocity(self, place, p):
        if place in self.velocities:
            self.velocities[place].mul_(self.momentum).add_(p.grad)
        else:
            self.velocities[place] = p.grad
        return self.velocities[place]


@misconception("SGD", "Look at .grad after the step: the learning rate has got into it.")
class ScalesTheGradient(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None:
                velocity = self.velocity(place, p)
                p.grad.mul_(self.lr)
                p -= self.lr * velocity


@misconception("SGD", "Who has asked for the gradients to be removed? The caller may still want to look at them.")
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


@misconception("SGD", "One argument changes nothing in what your optimizer does: compare momentum 0 with 0.9.")
class ForgetsMomentum(_SGD):
    def velocity(self, place, p):
        return p.grad


@misconception("SGD", "You average velocity and gradient. Is there a factor before the gradient in the specification?")
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


@misconception("SGD", "This is Nesterov's variant: it looks one step ahead. The specification does not.")
class Nesterov(_SGD):
    def velocity(self, place, p):
        if not self.momentum:
            return p.grad
        return p.grad + self.momentum * super().velocity(place, p)


@misconception("SGD", "You keep the last gradient, not the velocity: how much of the first gradient is left in step three?")
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


@misconception("SGD", "All parameters share one velocity; what has the gradient of one to do with the next?")
class SharedVelocity(_SGD):
    def velocity(self, place, p):
        return super().velocity(tuple(p.shape), p)


@misconception("SGD", "What stands in the body of a class belongs to all of its objects. Make two optimizers.")
class VelocitiesOfTheClass(_SGD):
    everybody = {}  # noqa: RUF012 (the mistake)

    def __init__(self, params, lr, momentum=0.0):
        super().__init__(params, lr, momentum)
        self.velocities = self.everybody

    def velocity(self, place, p):
        old = self.velocities.get((place, p.shape))
        self.velocities[place, p.shape] = p.grad.clone() if old is None else self.momentum * old + p.grad
        return self.velocities[place, p.shape]


@misconception("SGD", "What stands in the body of a class belongs to all of its objects. Make a second one for your model.")
class VelocitiesOutliveTheOptimizer(_SGD):
    everybody = {}  # noqa: RUF012 (the mistake)

    def velocity(self, place, p):
        self.velocities = self.everybody
        return super().velocity(p, p)


@misconception("SGD", "A gradient of zero and no gradient are not the same. Which of them lets a parameter rest?")
class RestsAtZero(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.grad is not None and p.grad.any():
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A generator is empty after it has been gone through once: what is left for the second step?")
class KeepsTheIterable(_SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__((), lr, momentum)
        self.params = params


@misconception("SGD", "Which parameters does your optimizer move? The specification asks for a gradient, not for a flag.")
class LooksAtTheFlag(_SGD):
    @torch.no_grad()
    def step(self):
        for place, p in enumerate(self.params):
            if p.requires_grad and p.grad is not None:
                p -= self.lr * self.velocity(place, p)


@misconception("SGD", "A parameter that is frozen when your optimizer is made need not stay frozen.")
class TakesTrainableOnesOnly(_SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__([p for p in params if p.requires_grad], lr, momentum)


@misconception("SGD", "A gradient of zero and no gradient are not the same. Which one is asked for?")
class ZerosGradients(_SGD):
    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


@misconception("SGD", "After zero_grad() some parameters still have a gradient. Which ones does your loop leave out?")
class ClearsTrainableOnesOnly(_SGD):
    def zero_grad(self):
        for p in self.params:
            if p.requires_grad:
                p.grad = None


@misconception("SGD", "What has the velocity to do with zero_grad()? It should survive from step to step.")
class ClearsVelocities(_SGD):
    def zero_grad(self):
        super().zero_grad()
        self.velocities.clear()


@misconception("SGD", "Your optimizer expects a list, but not everything that can be gone through has a length.")
class ExpectsAList(_SGD):
    def __init__(self, params, lr, momentum=0.0):
        super().__init__([params[place] for place in range(len(params))], lr, momentum)


@misconception("SGD", "Your velocities have another dtype than some of the parameters, and digits get lost.")
class SinglePrecision(_SGD):
    def velocity(self, place, p):
        old = self.velocities.get(place)
        gradient = p.grad.float()
        self.velocities[place] = gradient.clone() if old is None else self.momentum * old + gradient
        return self.velocities[place]


@misconception("SGD", "A parameter may have its first gradient in a later step. What is its velocity then?")
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


@misconception("param_groups", "A frozen parameter has no business in an optimizer.")
def takes_frozen_ones(model, head, base_lr, head_lr):
    return _split(list(model.named_parameters()), lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "One of your groups is free of frozen parameters. And the other?")
def takes_frozen_ones_of_the_head(model, head, base_lr, head_lr):
    body = [p for name, p in _trainable(model) if not name.startswith(head + ".")]
    return _groups(body, [p for name, p in model.named_parameters() if name.startswith(head + ".")], base_lr, head_lr)


@misconception("param_groups", "There are frozen parameters in the first group. Of which layers?")
def takes_frozen_ones_of_the_body(model, head, base_lr, head_lr):
    body = [p for name, p in model.named_parameters() if not name.startswith(head + ".")]
    return _groups(body, [p for name, p in _trainable(model) if name.startswith(head + ".")], base_lr, head_lr)


@misconception("param_groups", "Whose decision was it to freeze those layers? After your call they are trainable.")
def unfreezes(model, head, base_lr, head_lr):
    model.requires_grad_(True)
    return _split(list(model.named_parameters()), lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "A generator is empty after it has been looked at once.")
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


@misconception("param_groups", "A name can have the head's name somewhere in its middle. Where do you look for it?")
def anywhere_in_the_name(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: head in name, base_lr, head_lr)


@misconception("param_groups", "A name like 'body.head.weight' has the head's name in it, but where does it begin?")
def any_part_of_the_name(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: f".{head}." in f".{name}", base_lr, head_lr)


@misconception("param_groups", "A name like 'body.head.weight' has the head's name in it, but where does it begin?")
def the_dot_anywhere(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: f"{head}." in name, base_lr, head_lr)


@misconception("param_groups", "The head may lie deeper in the model: what if its name has a dot in it?")
def first_part_of_the_name(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: "." in name and name.split(".")[0] == head, base_lr, head_lr)


@misconception("param_groups", "How many parts can the name of a parameter have? Try a head that is made of several layers.")
def all_but_the_last_part(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.rpartition(".")[0] == head, base_lr, head_lr)


@misconception("param_groups", "A model that lacks such a layer raises in your function. Is it the error that is asked for?")
def by_the_attribute(model, head, base_lr, head_lr):
    inside = {id(p) for p in model.get_submodule(head).parameters()}
    named = [(id(p) in inside, p) for p in model.parameters() if p.requires_grad]
    return _groups([p for of_head, p in named if not of_head], [p for of_head, p in named if of_head], base_lr, head_lr)


@misconception("param_groups", "A parameter that two layers share has two names, and it is in both of your groups.")
def shared_ones_twice(model, head, base_lr, head_lr):
    named = [(name, p) for name, p in model.named_parameters(remove_duplicate=False) if p.requires_grad]
    return _split(named, lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "Nothing is said if the head has no parameters to train.")
def accepts_an_empty_head(model, head, base_lr, head_lr):
    named = _trainable(model)
    return [
        {"params": [p for name, p in named if not name.startswith(head + ".")], "lr": base_lr},
        {"params": [p for name, p in named if name.startswith(head + ".")], "lr": head_lr},
    ]


@misconception("param_groups", "A head can be there and have nothing to train. Look at what is left in its group.")
def looks_for_the_name_only(model, head, base_lr, head_lr):
    if not any(name.startswith(head + ".") for name, _ in model.named_parameters()):
        raise ValueError
    return accepts_an_empty_head(model, head, base_lr, head_lr)


@misconception("param_groups", "A head can be there and have nothing to train. Look at what is left in its group.")
def looks_for_the_module_only(model, head, base_lr, head_lr):
    if head not in dict(model.named_modules()):
        raise ValueError
    return accepts_an_empty_head(model, head, base_lr, head_lr)


@misconception("param_groups", "You raise an error for a head that is not there. Which one is asked for?")
def raises_a_key_error(model, head, base_lr, head_lr):
    groups = accepts_an_empty_head(model, head, base_lr, head_lr)
    if not groups[1]["params"]:
        raise KeyError(head)
    return groups


@misconception("param_groups", "An empty body is allowed: which group does the specification want to see filled?")
def refuses_an_empty_body(model, head, base_lr, head_lr):
    groups = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    if not groups[0]["params"]:
        raise ValueError
    return groups


@misconception("param_groups", "How many groups are asked for? Yours drops one that is empty.")
def drops_an_empty_body(model, head, base_lr, head_lr):
    groups = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    return [group for group in groups if group["params"]]


@misconception("param_groups", "The parameters are split well. Which of the two groups is to come first?")
def head_first(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)[::-1]


@misconception("param_groups", "Which layers did you want to train fast? Look at which rate went where.")
def rates_swapped(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), head_lr, base_lr)


@misconception("param_groups", "Print the learning rates of both groups.")
def one_rate(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, base_lr)


@misconception("param_groups", "The rate of the head is given as it is. Is it meant to be a factor?")
def rate_as_factor(model, head, base_lr, head_lr):
    return _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, base_lr * head_lr)


@misconception("param_groups", "Compare the order of the parameters in each group with the order in the model.")
def sorted_by_name(model, head, base_lr, head_lr):
    return _split(sorted(_trainable(model)), lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "Copies are trained now. Does the model notice?")
def trains_copies(model, head, base_lr, head_lr):
    copied = _trainable(copy.deepcopy(model))
    return _split(copied, lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("param_groups", "An optimizer cannot do anything with names. What stands in your lists?")
def names_for_parameters(model, head, base_lr, head_lr):
    names = [name for name, _ in _trainable(model)]
    inside = [name for name in names if name.startswith(head + ".")]
    return _groups([name for name in names if not name.startswith(head + ".")], inside, base_lr, head_lr)


@misconception("param_groups", "What do you get from named_parameters(): parameters, or something around them?")
def pairs_for_parameters(model, head, base_lr, head_lr):
    body = [pair for pair in _trainable(model) if not pair[0].startswith(head + ".")]
    return _groups(body, [pair for pair in _trainable(model) if pair[0].startswith(head + ".")], base_lr, head_lr)


@misconception("param_groups", "How many groups are asked for?")
def a_group_for_each_parameter(model, head, base_lr, head_lr):
    inside = {name for name, _ in _trainable(model) if name.startswith(head + ".")}
    if not inside:
        raise ValueError
    return [{"params": [p], "lr": head_lr if name in inside else base_lr} for name, p in _trainable(model)]


@misconception("param_groups", "One of the groups says nothing about its learning rate. Where would it come from?")
def without_the_rate_of_the_body(model, head, base_lr, head_lr):
    body, inside = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    return [{"params": body["params"]}, inside]


@misconception("param_groups", "Look at the type of what stands under 'params'.")
def tuples(model, head, base_lr, head_lr):
    groups = _split(_trainable(model), lambda name: name.startswith(head + "."), base_lr, head_lr)
    return [{**group, "params": tuple(group["params"])} for group in groups]


@misconception("param_groups", "Biases are parameters, too.")
def weights_only(model, head, base_lr, head_lr):
    named = [(name, p) for name, p in _trainable(model) if not name.endswith("bias")]
    return _split(named, lambda name: name.startswith(head + "."), base_lr, head_lr)


@misconception("scale_lr", "You made a new attribute of the optimizer. Where does each group keep its own rate?")
def makes_an_attribute(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.lr = optimizer.param_groups[0]["lr"] * factor
    return [optimizer.lr]


@misconception("scale_lr", "All groups now have the same rate. Had they before?")
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


@misconception("scale_lr", "The factor has become the learning rate itself.")
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


@misconception("scale_lr", "Defaults are for groups that do not exist yet. Should they change, too?")
def changes_the_defaults_too(optimizer, factor):
    if factor < 0:
        raise ValueError
    optimizer.defaults["lr"] *= factor
    return scale_first(optimizer, factor)


@misconception("scale_lr", "The rates that you return are right. Does the optimizer that you were given know them?")
def changes_nothing(optimizer, factor):
    if factor < 0:
        raise ValueError
    return [group["lr"] * factor for group in optimizer.param_groups]


@misconception("scale_lr", "The rates that you return are right. Does the optimizer that you were given know them?")
def rebinds_the_rate(optimizer, factor):
    if factor < 0:
        raise ValueError
    rates = []
    for group in optimizer.param_groups:
        lr = group["lr"]
        lr *= factor
        rates.append(lr)
    return rates


@misconception("scale_lr", "The rates that you return are right. Does the optimizer that you were given know them?")
def makes_a_new_optimizer(optimizer, factor):
    if factor < 0:
        raise ValueError
    groups = [{**group, "lr": group["lr"] * factor} for group in optimizer.param_groups]
    new = torch.optim.SGD([{"params": group["params"], "lr": group["lr"]} for group in groups])
    optimizer = new
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The rates are new, and the optimizer has forgotten everything it knew about its parameters.")
def forgets_the_state(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    optimizer.state.clear()
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Your optimizer was set up a second time: what has become of its state and of its options?")
def initialises_again(optimizer, factor):
    if factor < 0:
        raise ValueError
    groups = [{"params": group["params"], "lr": group["lr"] * factor} for group in optimizer.param_groups]
    optimizer.__init__(groups)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Call your function twice: does the second call start from the rates that are there?")
def by_a_scheduler(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = group["initial_lr"] * factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Which of a group's options is the learning rate? You have changed another one, too.")
def scales_everything(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        for name in ("lr", "initial_lr", "weight_decay", "momentum"):
            if name in group:
                group[name] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Velocities and moments were scaled along with the rates. Are they learning rates?")
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


@misconception("scale_lr", "The learning rates are new, and the parameters have moved. Who asked for a step?")
def takes_a_step(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    optimizer.step()
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "The factor is to be multiplied with. What do you do with it?")
def adds_the_factor(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] += factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "Compare your rates with the products digit by digit: who rounds them?")
def rounds(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] = round(group["lr"] * factor, 4)
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "What becomes of a negative factor in your function? The specification names an error.")
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


@misconception("scale_lr", "The rates are divided by the factor.")
def divides(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] /= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "What your function returns is the state of affairs before the change.")
def returns_the_old_rates(optimizer, factor):
    if factor < 0:
        raise ValueError
    old = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return old


@misconception("scale_lr", "The optimizer has its new rates; what does your function give back?")
def scales_and_returns_nothing(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor


@misconception("scale_lr", "There are as many rates as groups; how many do you return?")
def returns_one_rate(optimizer, factor):
    if factor < 0:
        raise ValueError
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return optimizer.param_groups[0]["lr"]


@misconception("scale_lr", "A learning rate is a Python number in this optimizer. What have you made of it?")
def makes_tensors(optimizer, factor):
    if factor < 0:
        raise ValueError
    return [torch.tensor(rate) for rate in scale_first(optimizer, factor)]


def scale_first(optimizer, factor):
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return [group["lr"] for group in optimizer.param_groups]


@misconception("scale_lr", "What happens to the loss with a negative learning rate? The specification names an error.")
def accepts_a_negative_factor(optimizer, factor):
    return scale_first(optimizer, factor)


@misconception("scale_lr", "You raise the right error. What has happened to the rates before that?")
def raises_too_late(optimizer, factor):
    rates = scale_first(optimizer, factor)
    if factor < 0:
        raise ValueError
    return rates


@misconception("scale_lr", "You raise the right error. What has happened to the rates before that?")
def raises_on_the_way(optimizer, factor):
    rates = []
    for group in optimizer.param_groups:
        group["lr"] *= factor
        if group["lr"] < 0:
            raise ValueError
        rates.append(group["lr"])
    return rates


@misconception("scale_lr", "What is to be negative, the factor or its product with a rate? Try a group with the rate 0.")
def looks_at_the_products(optimizer, factor):
    if any(group["lr"] * factor < 0 for group in optimizer.param_groups):
        raise ValueError
    return scale_first(optimizer, factor)


@misconception("scale_lr", "Zero is not negative.")
def refuses_zero(optimizer, factor):
    if factor <= 0:
        raise ValueError
    return scale_first(optimizer, factor)


@misconception("scale_lr", "A factor of 2 is refused. Does the specification say that rates may only fall?")
def refuses_growth(optimizer, factor):
    if not 0 <= factor <= 1:
        raise ValueError
    return scale_first(optimizer, factor)


@misconception("scale_lr", "A negative factor is refused; is it with the error that the specification names?")
def asserts(optimizer, factor):
    assert factor >= 0
    return scale_first(optimizer, factor)
