"""Checks for topic `optimizers` that students can run themselves."""

from contextlib import suppress

import torch
from torch import nn

from autograder import checks, close, only, raises, secret


def parameters_of(given, *shapes, dtype=torch.float64):
    """Parameters with drawn values."""
    return [nn.Parameter(given.normal(shape, dtype=dtype, name=f"p{place}")) for place, shape in enumerate(shapes)]


def values_of(parameters):
    """Copies of what the parameters hold now."""
    return only([p.detach().clone() for p in parameters], "values", "dtype")


def with_new_gradients(given, parameters):
    for p in parameters:
        p.grad = given.normal(p.shape, dtype=p.dtype, name="gradient")


def steps_of(given, optimizer, parameters, count=3):
    """The parameters' values after each of some steps with drawn gradients."""
    found = {}
    for step in range(1, count + 1):
        with_new_gradients(given, parameters)
        optimizer.step()
        found[f"after step {step}"] = values_of(parameters)
    return found


@checks("predicted_frozen", gate=True, draws=1)
def test_predicted_frozen(code, given):
    """The predicted number is the value of the frozen parameter after the step."""
    return {"predicted_frozen": secret(round(float(code.predicted_frozen), 4))}


@checks("predicted_momentum", gate=True, draws=1)
def test_predicted_momentum(code, given):
    """The predicted number is where w is after three steps."""
    return {"predicted_momentum": secret(round(float(code.predicted_momentum), 4))}


@checks("SGD", gate=True)
def test_sgd_values(code, given):
    """Without momentum, each step changes the parameters by -lr * grad, whatever their shape, layout and dtype."""
    parameters = parameters_of(given, (), (1,), (0, 3), (2, given.integer(2, 5), 3))
    parameters += parameters_of(given, (3,), (2, 2), dtype=torch.float32)
    parameters.append(nn.Parameter(given.transposed(given.normal(3, 2))))
    optimizer = code.SGD(parameters, given.number(0.05, 0.5))
    return steps_of(given, optimizer, parameters)


@checks("SGD", gate=True)
def test_sgd_momentum(code, given):
    """With momentum, each step changes the parameters by -lr * buf, and each parameter has its own buf."""
    found = {}
    for name, momentum in (("momentum 0.9", 0.9), ("another momentum", given.number(0.3, 0.7)), ("momentum 0", 0.0)):
        parameters = parameters_of(given, (3,), (3,), (given.integer(2, 5), 2), dtype=torch.float32)
        parameters += parameters_of(given, (3,))
        optimizer = code.SGD(params=parameters, lr=given.number(0.05, 2.0), momentum=momentum)
        found[name] = steps_of(given, optimizer, parameters, 5)
    return found


@checks("SGD")
def test_sgd_skips_parameters_without_gradient(code, given):
    """A parameter whose .grad is None rests and keeps its buf; one with a gradient moves, even if that is zero."""
    found = {}
    for name, momentum in (("without momentum", 0.0), ("with momentum", given.number(0.5, 0.9))):
        parameters = parameters_of(given, (3,), (2,), (4,), (3,))
        parameters[3].requires_grad_(False)
        optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=momentum)
        late, early = given.permutation(3)[:2].tolist()
        for step, without in enumerate(((late,), (early, late), (3,), (), (0, 1, 2, 3), (early,), ()), 1):
            with_new_gradients(given, parameters)
            for place in without:
                parameters[place].grad = None
            if step == 4:
                parameters[early].grad.zero_()
                parameters[late].requires_grad_(False)
                parameters[3].requires_grad_(True)
            optimizer.step()
            found[f"{name}, after step {step}"] = values_of(parameters)
        found[f"{name}, requires_grad"] = [p.requires_grad for p in parameters]
    return found


@checks("SGD")
def test_sgd_gradients(code, given):
    """step() leaves every .grad alone, and does not depend on it later; zero_grad() sets every .grad to None."""
    found = {}
    for name, momentum in (("without momentum", 0.0), ("with momentum", given.number(0.5, 0.9))):
        parameters = parameters_of(given, (3,), (2, 2), (3,))
        parameters[0].requires_grad_(False)
        optimizer = code.SGD(parameters, lr=given.number(0.05, 0.5), momentum=momentum)
        with_new_gradients(given, parameters)
        optimizer.zero_grad()
        found[f"{name}, .grad after zero_grad() at first"] = only([p.grad for p in parameters], "values")
        with_new_gradients(given, parameters)
        parameters[2].grad = parameters[0].grad
        for step in (1, 2, 3):
            optimizer.step()
            gradients = [None if p.grad is None else p.grad.clone() for p in parameters]
            found[f"{name}, .grad after step {step}"] = only(gradients, "values")
            found[f"{name}, after step {step}"] = values_of(parameters)
            for gradient in (parameters[0].grad, parameters[1].grad):
                if gradient is not None:
                    gradient.mul_(-3).add_(1)
        for when in ("after the steps", "once more", "after gradients of zeros"):
            if when == "after gradients of zeros":
                for p in parameters:
                    p.grad = torch.zeros_like(p)
            optimizer.zero_grad()
            found[f"{name}, .grad after zero_grad(), {when}"] = only([p.grad for p in parameters], "values")
            found[f"{name}, after zero_grad(), {when}"] = values_of(parameters)
            with_new_gradients(given, parameters[1:])
    return found


def names_in(model, group):
    """The parameters of a group by their names in the model, in their order."""
    names = {id(p): name for name, p in model.named_parameters()}
    return [names.get(id(p), "not a parameter of the model") for p in group["params"]]


def members(code, model, head):
    """The names of the parameters in both groups."""
    first, second = code.param_groups(model, head, 0.01, 0.1)
    return {"first group": names_in(model, first), "second group": names_in(model, second)}


def linear(given):
    return nn.Linear(given.integer(1, 4), given.integer(1, 4))


@checks("param_groups", gate=True)
def test_param_groups_members(code, given):
    """The first group holds the body's parameters and the second the head's, each in the model's order."""
    found = {}
    head, *others = [("head", "top", "classifier", "output")[place] for place in given.permutation(4)]
    for case, names in (("head last", (*others, head)), ("head first", (head, *others)), ("inside", (others[0], head, "z"))):
        model = nn.ModuleDict({name: nn.Sequential(linear(given), linear(given)) for name in names})
        model.register_parameter("scale", nn.Parameter(given.normal(2)))
        found[case] = members(code, given.watch(model.to(given.device), f"model, {case}"), head)
    return found


@checks("param_groups")
def test_param_groups_in_an_optimizer(code, given):
    """The groups hold lists and the two learning rates, and a step of torch.optim.SGD moves each group with its own."""
    found = {}
    for case, base_lr, head_lr in (
        ("head faster", given.number(0.01, 0.02), given.number(0.5, 0.9)),
        ("body faster", given.number(0.5, 1.0), given.number(0.1, 0.2)),
        ("body at 0", 0.0, given.number(0.5, 0.9)),
        ("head at 0", given.number(0.5, 0.9), 0.0),
    ):
        model = given.module(lambda: nn.ModuleDict({"body": linear(given), "head": linear(given)}))
        first, second = code.param_groups(model, "head", base_lr, head_lr)
        lists = {"first['params']": first["params"], "second['params']": second["params"]}
        found[f"{case}, lists"] = only(lists, "type", "shape", "aliasing")
        found[f"{case}, lr"] = only({"first group": first["lr"], "second group": second["lr"]}, "values")
        optimizer = torch.optim.SGD(code.param_groups(model, "head", base_lr, head_lr), lr=9.0)
        with_new_gradients(given, model.parameters())
        optimizer.step()
        found[f"{case}, after a step"] = {name: only(p.detach(), "values") for name, p in model.named_parameters()}
    return found


@checks("param_groups")
def test_param_groups_of_frozen_and_shared_parameters(code, given):
    """Frozen parameters are in neither group, shared ones in only one, and the body may be empty."""
    model = nn.ModuleDict({name: nn.Sequential(linear(given), linear(given)) for name in ("stem", "body", "head")})
    model["stem"].requires_grad_(False)
    frozen = given.choice(["weight", "bias"])
    model["body"][given.integer(0, 2)].get_parameter(frozen).requires_grad_(False)
    model["head"][given.integer(0, 2)].get_parameter(frozen).requires_grad_(False)
    first = nn.ModuleDict({"body": nn.Linear(3, 3), "head": nn.Linear(3, 3)})
    first["head"].weight = first["body"].weight
    second = nn.ModuleDict({"head": nn.Linear(3, 3), "body": nn.Linear(3, 3), "more": nn.Linear(3, 3)})
    second["body"].weight = second["head"].weight
    second["more"] = second["body"]
    alone, still = nn.ModuleDict({"head": linear(given)}), nn.ModuleDict({"body": linear(given), "head": linear(given)})
    still["body"].requires_grad_(False)
    cases = {"frozen": model, "body first": first, "head first": second, "head alone": alone, "frozen body": still}
    found = {}
    for name, case in cases.items():
        given.watch(case.to(given.device), name)
        found[name] = members(code, case, "head")
        optimizer = torch.optim.Adam(code.param_groups(case, "head", 0.01, 0.1))
        found[f"{name}: parameters in the optimizer"] = [len(group["params"]) for group in optimizer.param_groups]
    return {**found, "requires_grad": only(dict(model.named_parameters()), "requires_grad")}


@checks("param_groups")
def test_param_groups_refuses_an_empty_head(code, given):
    """A head without trainable parameters raises a ValueError: it is frozen, has none, or is not a module's name."""
    number = given.integer(10, 1000)
    body, head = f"body_{number}", f"head_{number}"
    model = nn.ModuleDict({body: linear(given), head: linear(given), "relu": nn.ReLU(), f"{head}2": linear(given)})
    model.register_parameter("scale", nn.Parameter(given.normal(2)))
    model["again"] = model[body]
    model[head].requires_grad_(False)
    given.watch(model.to(given.device), "model")
    heads = (head, "relu", "scale", "again", body[:-1], f"{body}.weight", "", "nothing", f"{head}2.", f"{head[1:]}2")
    heads = (*heads, body.capitalize())
    return {f"head {head!r}": raises(lambda head=head: code.param_groups(model, head, 0.01, 0.1)) for head in heads}


def trained_optimizer(given, kind, **options):
    """An optimizer with three groups that has taken two steps, and its parameters."""
    parameters = parameters_of(given, (3, 2), (4,), (2,), (5,))
    low, middle, high = given.number(0.01, 0.04), given.number(0.08, 0.12), given.number(0.2, 0.4)
    groups = [
        {"params": [parameters[0]], "lr": low},
        {"params": parameters[1:3]},
        {"params": [parameters[3]], "lr": high, "weight_decay": 0.2},
    ]
    optimizer = kind(groups, lr=middle, **options)
    for _ in range(2):
        with_new_gradients(given, parameters)
        optimizer.step()
    return optimizer, parameters


def rates(optimizer):
    return only(close([group["lr"] for group in optimizer.param_groups], rtol=1e-12, atol=0.0), "values")


def state_of(optimizer, parameters):
    return [dict(optimizer.state.get(p, {})) for p in parameters]


@checks("scale_lr", gate=True)
def test_scale_lr_of_every_group(code, given):
    """The learning rate of every group is multiplied by the factor, call after call; the new ones are returned."""
    optimizer, _ = trained_optimizer(given, torch.optim.SGD)
    found = {}
    for call in (1, 2, 3):
        found[f"call {call}, result"] = code.scale_lr(optimizer, given.number(0.3, 2.8))
        found[f"call {call}, learning rates"] = rates(optimizer)
        optimizer.param_groups[call - 1]["lr"] = given.number(1.0, 2.0)
    found["factor 0, result"] = code.scale_lr(optimizer, 0.0)
    return found


@checks("scale_lr")
def test_scale_lr_keeps_the_state(code, given):
    """The optimizer keeps its state, and its next steps use the new rates together with the old state."""
    found = {}
    for name, kind, options in (
        ("SGD", torch.optim.SGD, {"momentum": 0.9}),
        ("Adam", torch.optim.Adam, {"betas": (0.8, 0.95)}),
    ):
        optimizer, parameters = trained_optimizer(given, kind, **options)
        code.scale_lr(optimizer, given.number(0.1, 0.7))
        found[f"{name}, parameters"] = values_of(parameters)
        found[f"{name}, state"] = only(state_of(optimizer, parameters), "values")
        found[f"{name}, next steps"] = steps_of(given, optimizer, parameters, 2)
    return found


@checks("scale_lr", weight=0.5)
def test_scale_lr_refuses_a_negative_factor(code, given):
    """A negative factor raises a ValueError, even one just below 0; learning rates and state stay as they were."""
    found = {}
    for case, factor in (("-1", -1.0), ("a small one", -1e-6), ("a large one", -given.number(2.0, 9.0))):
        optimizer, parameters = trained_optimizer(given, torch.optim.SGD, momentum=0.9)
        with suppress(ValueError):
            code.scale_lr(optimizer, factor)
        found[f"{case}, learning rates"] = rates(optimizer)
        found[f"{case}, state"] = only(state_of(optimizer, parameters), "values")
        found[case] = raises(lambda optimizer=optimizer, factor=factor: code.scale_lr(optimizer, factor))
    resting = torch.optim.SGD(parameters_of(given, (3,)), lr=0.0)
    return {**found, "rate 0": raises(lambda: code.scale_lr(resting, -2.0))}


def planned(given, kind=torch.optim.SGD, rates=1, **options):
    """An optimizer with some groups of drawn rates, and its parameters."""
    parameters = parameters_of(given, *[(3,)] * rates)
    groups = [{"params": [p], "lr": given.number(0.01, 0.9)} for p in parameters]
    return kind(groups, lr=0.5, **options), parameters


def run(given, optimizer, scheduler, parameters, steps):
    """The learning rates of every group at each of some steps, in each of which optimizer and scheduler step once."""
    found = [[group["lr"] for group in optimizer.param_groups]]
    for _ in range(steps):
        with_new_gradients(given, parameters)
        optimizer.step()
        scheduler.step()
        found.append([group["lr"] for group in optimizer.param_groups])
    return only(close(torch.tensor(found, dtype=torch.float64), rtol=1e-9), "shape", "values")


@checks("warmup_then_decay", gate=True)
def test_warmup_then_decay_rises_and_falls(code, given):
    """The learning rate rises in a straight line to its full value, and falls in another one to 0."""
    found = {}
    for name, warmup, more in (("short", 2, given.integer(3, 6)), ("longer", given.integer(3, 6), given.integer(5, 9))):
        optimizer, parameters = planned(given)
        scheduler = code.warmup_then_decay(optimizer, warmup, warmup + more)
        found[f"{name}: rates, step by step"] = run(given, optimizer, scheduler, parameters, warmup + more)
    return found


@checks("warmup_then_decay")
def test_warmup_then_decay_without_warmup(code, given):
    """With warmup 0 or 1, the very first step has the full rate; after the end, the rate stays 0."""
    found = {}
    for warmup in (0, 1):
        total = warmup + given.integer(2, 6)
        optimizer, parameters = planned(given)
        scheduler = code.warmup_then_decay(optimizer, warmup, total)
        found[f"warmup {warmup}: rates until after the end"] = run(given, optimizer, scheduler, parameters, 2 * total + 3)
    return found


@checks("warmup_then_decay")
def test_warmup_then_decay_of_every_group(code, given):
    """Every group follows the plan with its own rate, and get_last_lr() says the rates of this step."""
    optimizer, parameters = planned(given, rates=3)
    scheduler = code.warmup_then_decay(optimizer, given.integer(2, 4), given.integer(6, 9))
    found = {"rates of the groups": run(given, optimizer, scheduler, parameters, 5)}
    return {**found, "get_last_lr()": only(close(list(scheduler.get_last_lr()), rtol=1e-9), "values")}


@checks("warmup_then_decay")
def test_warmup_then_decay_keeps_the_state(code, given):
    """Called in the middle of training, it keeps what the optimizer remembers, and all its other options."""
    optimizer, parameters = planned(given, rates=2, momentum=0.9, weight_decay=0.01)
    for _ in range(2):
        with_new_gradients(given, parameters)
        optimizer.step()
    before = values_of(parameters)
    scheduler = code.warmup_then_decay(optimizer, 2, given.integer(5, 9))
    state = only(state_of(optimizer, parameters), "values")
    kept = [{name: group[name] for name in ("momentum", "weight_decay", "nesterov")} for group in optimizer.param_groups]
    run(given, optimizer, scheduler, parameters, 3)
    return {"before": before, "state": state, "other options": kept, "after three more steps": values_of(parameters)}


@checks("warmup_then_decay", weight=0.5)
def test_warmup_then_decay_refuses(code, given):
    """A negative warmup, or a total that is not larger than warmup, raises a ValueError."""
    optimizer, _ = planned(given)
    warmup = given.integer(1, 9)
    return {
        "total = warmup": raises(lambda: code.warmup_then_decay(optimizer, warmup, warmup)),
        "total below warmup": raises(lambda: code.warmup_then_decay(optimizer, warmup, warmup - 1)),
        "negative warmup": raises(lambda: code.warmup_then_decay(optimizer, -warmup, 5)),
        "nothing to do": raises(lambda: code.warmup_then_decay(optimizer, 0, 0)),
    }
