"""Wrong solutions that students write, each with a sentence that helps them."""

import torch
from torch import nn

from autograder import misconception


def _matches(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def _matching(model, prefixes):
    named = dict(model.named_parameters())
    for prefix in prefixes:
        if not any(_matches(name, prefix) for name in named):
            raise ValueError
    return {name: p for name, p in named.items() if any(_matches(name, prefix) for prefix in prefixes)}


def _modes(module):
    return [(part, part.training) for part in module.modules()]


def _put_back(modes):
    for part, training in modes:
        part.training = training


def _refuse_wrong_masks(param, mask):
    if mask.dtype != torch.bool or mask.shape != param.shape:
        raise ValueError


def _thaw(model, prefix):
    matching = [p for name, p in model.named_parameters() if _matches(name, prefix)]
    if not matching:
        raise ValueError
    for p in matching:
        p.requires_grad = True
    return matching


def _missing(optimizer, matching):
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return [p for p in matching if id(p) not in held]


@misconception("predicted_layers", "You expect the frozen layer to stop everything. How does the flag differ from no_grad?")
def nothing_before_the_frozen_layer():
    return [2]


@misconception("predicted_layers", "Does PyTorch compute a gradient for a parameter whose flag is off?")
def all_layers():
    return [0, 1, 2]


@misconception("predicted_layers", "This is the layer whose flag is off. What about the other two?")
def the_frozen_layer_only():
    return [1]


@misconception("predicted_layers", "backward() starts at the sum. Which layer does it reach first?")
def the_first_layer_only():
    return [0]


@misconception("predicted_layers", "You expect no layer to get a gradient. Is there nothing left that requires one?")
def no_layer():
    return []


@misconception("predicted_running_mean", "The flags are off, but is the running mean one of the tensors they belong to?")
def stays_at_zero():
    return 0.0


@misconception("predicted_running_mean", "It is called a running mean: how far does a single batch move it?")
def mean_of_the_batch():
    return 6.0


@misconception("predicted_running_mean", "Which one gets the tenth: how much comes from the new batch?")
def weights_exchanged():
    return 5.4


@misconception("predicted_running_mean", "A tenth of what: the batch's mean, or its sum?")
def tenth_of_the_sum():
    return 1.8


@misconception(
    "predicted_running_mean", "You move it three times. Does each sample move it a tenth of the way, or each batch?"
)
def one_move_for_each_sample():
    return 1.664


@misconception("predicted_weight", "You expect the flag to hold w back. What does step() look at?")
def weight_stays():
    return 1.0


@misconception("predicted_weight", "Does gradient descent go up the slope, or down?")
def weight_goes_up():
    return 1.3


@misconception(
    "predicted_weight",
    "Look at what backward() left in w.grad, and at the learning rate: which one did you leave out?",
)
def one_factor_only():
    return 0.9


@misconception("predicted_weight", "You subtract the whole gradient. Which of the optimizer's numbers did you leave out?")
def without_the_learning_rate():
    return -2.0


@misconception("predicted_weight", "This is how far w moves. Where does it start?")
def the_move_only():
    return 0.3


@misconception("freeze", "You created a new attribute on the module; the parameters know nothing about it.")
def attribute_of_the_module(model, prefixes):
    matching = _matching(model, prefixes)
    for name, module in model.named_modules():
        if name in prefixes:
            module.requires_grad = False
    for prefix in set(prefixes) & set(matching):
        matching[prefix].requires_grad = False
    return list(matching)


@misconception("freeze", "Look at a model that has a layer1 and a layer10: where does a name end?")
def no_dot(model, prefixes):
    named = dict(model.named_parameters())
    if not all(any(name.startswith(prefix) for name in named) for prefix in prefixes):
        raise ValueError
    found = [name for name in named if name.startswith(tuple(prefixes))]
    for name in found:
        named[name].requires_grad = False
    return found


@misconception("freeze", "Your prefix may appear anywhere in a name; where does a path start?")
def anywhere_in_the_name(model, prefixes):
    named = dict(model.named_parameters())
    if not all(any(prefix in name for name in named) for prefix in prefixes):
        raise ValueError
    found = [name for name in named if any(prefix in name for prefix in prefixes)]
    for name in found:
        named[name].requires_grad = False
    return found


@misconception("freeze", "When one prefix is wrong, half of the model is already frozen by the time you notice.")
def raises_late(model, prefixes):
    named, found = dict(model.named_parameters()), set()
    for prefix in prefixes:
        hits = [name for name in named if _matches(name, prefix)]
        if not hits:
            raise ValueError
        for name in hits:
            named[name].requires_grad = False
        found |= set(hits)
    return [name for name in named if name in found]


@misconception(
    "freeze",
    "A typo in a prefix goes unnoticed as long as another prefix matches.",
    also_true_of=("first_part_of_the_name",),
)
def ignores_unknown_prefixes(model, prefixes):
    named = dict(model.named_parameters())
    found = [name for name in named if any(_matches(name, prefix) for prefix in prefixes)]
    if prefixes and not found:
        raise ValueError
    for name in found:
        named[name].requires_grad = False
    return found


@misconception("freeze", "Some modules have no parameters: what should happen if a prefix names one of them?")
def any_module_will_do(model, prefixes):
    named = dict(model.named_parameters())
    known = {name for name, _ in model.named_modules()} | set(named)
    if not set(prefixes) <= known - {""}:
        raise ValueError
    found = [name for name in named if any(_matches(name, prefix) for prefix in prefixes)]
    for name in found:
        named[name].requires_grad = False
    return found


@misconception("freeze", "With overlapping prefixes you return the same name twice, and not in the model's order.")
def names_prefix_by_prefix(model, prefixes):
    matching = _matching(model, prefixes)
    for p in matching.values():
        p.requires_grad = False
    return [name for prefix in prefixes for name in matching if _matches(name, prefix)]


@misconception("freeze", "No name appears twice, but compare their order with named_parameters().")
def names_in_the_order_of_the_prefixes(model, prefixes):
    matching = _matching(model, prefixes)
    for p in matching.values():
        p.requires_grad = False
    return list(dict.fromkeys(name for prefix in prefixes for name in matching if _matches(name, prefix)))


@misconception("freeze", "What should you return for a parameter that was already frozen?")
def names_of_newly_frozen_ones(model, prefixes):
    found = [name for name, p in _matching(model, prefixes).items() if p.requires_grad]
    for name in found:
        model.get_parameter(name).requires_grad = False
    return found


@misconception(
    "freeze", "You also set the flags of parameters that no prefix names; some of them may have been frozen before."
)
def thaws_all_others(model, prefixes):
    matching = _matching(model, prefixes)
    for name, p in model.named_parameters():
        p.requires_grad = name not in matching
    return list(matching)


@misconception("freeze", "A prefix may also name a single parameter; what does your function look up?")
def modules_only(model, prefixes):
    modules = dict(model.named_modules())
    if not all(prefix in modules and list(modules[prefix].parameters()) for prefix in prefixes):
        raise ValueError
    matching = _matching(model, prefixes)
    for prefix in prefixes:
        modules[prefix].requires_grad_(False)
    return list(matching)


@misconception("freeze", "A prefix may also name a module; then it covers everything inside.")
def whole_names_only(model, prefixes):
    named = dict(model.named_parameters())
    if not all(prefix in named for prefix in prefixes):
        raise ValueError
    for prefix in prefixes:
        named[prefix].requires_grad = False
    return [name for name in named if name in prefixes]


@misconception("freeze", "You look at the first part of each name only; what if a prefix has dots in it?")
def first_part_of_the_name(model, prefixes):
    found = [name for name, _ in model.named_parameters() if name.split(".")[0] in prefixes]
    if prefixes and not found:
        raise ValueError
    for name in found:
        model.get_parameter(name).requires_grad = False
    return found


@misconception("freeze", "The flags are right. What does your function return?")
def returns_nothing(model, prefixes):
    for p in _matching(model, prefixes).values():
        p.requires_grad = False


@misconception("freeze", "The model has new parameter objects: which ones does an optimizer made earlier hold?")
def new_parameters(model, prefixes):
    matching = _matching(model, prefixes)
    for name, p in matching.items():
        path, _, last = name.rpartition(".")
        setattr(model.get_submodule(path), last, nn.Parameter(p.detach().clone(), requires_grad=False))
    return list(matching)


@misconception("freeze", "You also change the mode; dropout and BatchNorm are none of this function's business.")
def evaluation_mode_as_well(model, prefixes):
    matching = _matching(model, prefixes)
    for p in matching.values():
        p.requires_grad = False
    model.eval()
    return list(matching)


@misconception("freeze", "The parameters had gradients, and now they are gone: which attribute are you allowed to change?")
def throws_gradients_away(model, prefixes):
    matching = _matching(model, prefixes)
    for p in matching.values():
        p.requires_grad = False
        p.grad = None
    return list(matching)


@misconception("freeze", 'Does the name of any parameter equal "layer1.", or start with "layer1." and another dot?')
def forgives_dots(model, prefixes):
    matching = _matching(model, [prefix.rstrip(".") for prefix in prefixes])
    for p in matching.values():
        p.requires_grad = False
    return list(matching)


@misconception("head_only_forward", "no_grad reaches too far: the head has to learn, but its result carries no graph.")
def head_under_no_grad(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    with torch.no_grad():
        result = head(backbone(x))
    _put_back(modes)
    return result


@misconception("head_only_forward", "After the call, the backbone is in a different mode than before.")
def stays_in_evaluation_mode(backbone, head, x):
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    return head(features)


@misconception("head_only_forward", "Afterwards, is everything in training mode, or as it was before?")
def always_back_to_training_mode(backbone, head, x):
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    backbone.train()
    return head(features)


@misconception(
    "head_only_forward",
    "Every module inside the backbone now has the backbone's own flag; did each of them have that before?",
)
def remembers_one_flag(backbone, head, x):
    training = backbone.training
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    backbone.train(training)
    return head(features)


@misconception(
    "head_only_forward",
    "Every module inside the backbone now has the backbone's own flag; did each of them have that before?",
)
def the_outermost_flag_comes_last(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    for part, training in reversed(modes):
        part.train(training)  # sets the flags of all modules inside as well
    return head(features)


@misconception("head_only_forward", "Some of the backbone's flags may have been off before the call; are they still?")
def thaws_the_backbone(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    backbone.requires_grad_(False)
    features = backbone(x.detach())
    backbone.requires_grad_(True)
    _put_back(modes)
    return head(features)


@misconception("head_only_forward", "You froze the backbone for good; the caller's flags are not yours to change.")
def freezes_for_good(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    for p in backbone.parameters():
        p.requires_grad = False
    features = backbone(x.detach())
    _put_back(modes)
    return head(features)


@misconception(
    "head_only_forward",
    "Call it twice with the same x: what do dropout and the running statistics do when the backbone runs?",
)
def never_in_evaluation_mode(backbone, head, x):
    with torch.no_grad():
        features = backbone(x)
    return head(features)


@misconception(
    "head_only_forward",
    "Eval mode does not stop autograd from recording: look at .grad in the backbone after backward().",
)
def evaluation_mode_only(backbone, head, x):
    modes = _modes(backbone)
    features = backbone.eval()(x)
    _put_back(modes)
    return head(features)


@misconception("head_only_forward", "The path to x is closed. Is the path to the backbone's parameters closed as well?")
def detaches_x_only(backbone, head, x):
    modes = _modes(backbone)
    features = backbone.eval()(x.detach())
    _put_back(modes)
    return head(features)


@misconception(
    "head_only_forward", "The backbone's parameters get no gradient, but follow the graph further back: where does it end?"
)
def leaves_the_way_to_x_open(backbone, head, x):
    modes, flags = _modes(backbone), [(p, p.requires_grad) for p in backbone.parameters()]
    backbone.requires_grad_(False)
    features = backbone.eval()(x)
    for p, flag in flags:
        p.requires_grad = flag
    _put_back(modes)
    return head(features)


@misconception("head_only_forward", "Which mode does the head run in, and who decided that?")
def head_in_evaluation_mode(backbone, head, x):
    modes = _modes(backbone) + _modes(head)
    backbone.eval()
    head.eval()
    with torch.no_grad():
        features = backbone(x)
    result = head(features)
    _put_back(modes)
    return result


@misconception(
    "head_only_forward", "The head is being trained, but that does not mean you should switch it to training mode."
)
def head_in_training_mode(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    _put_back(modes)
    head.train()
    return head(features)


@misconception(
    "head_only_forward",
    "A module's own forward may depend on its mode: which modules do you switch, and which do you miss?",
)
def switches_known_layers_only(backbone, head, x):
    modes = _modes(backbone)
    for part in backbone.modules():
        if isinstance(part, (nn.Dropout, nn.BatchNorm1d, nn.BatchNorm2d)):
            part.eval()
    with torch.no_grad():
        features = backbone(x)
    _put_back(modes)
    return head(features)


@misconception(
    "head_only_forward",
    "Autograd cannot record what happens to tensors made in inference mode; what does the head do with them?",
)
def inference_mode(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    with torch.inference_mode():
        features = backbone(x)
    _put_back(modes)
    return head(features)


@misconception(
    "freeze_entries",
    "Run backward() and look at .grad: nothing is frozen. Which tensor did your function change, and when?",
    also_true_of=("hook_writes_into_grad",),
)
def flag_of_a_copy(param, mask):
    _refuse_wrong_masks(param, mask)
    param.data[mask].requires_grad = False
    return param.register_hook(lambda gradient: None)


@misconception(
    "freeze_entries",
    "Run backward() and look at .grad: nothing is frozen. Which tensor did your function change, and when?",
)
def clears_what_is_there_already(param, mask):
    _refuse_wrong_masks(param, mask)
    if param.grad is not None:
        param.grad[mask] = 0
    return param.register_hook(lambda gradient: None)


@misconception("freeze_entries", "Your hook runs before the new gradient reaches param.grad: what does it change there?")
def hook_writes_into_grad(param, mask):
    _refuse_wrong_masks(param, mask)
    frozen = mask.clone()

    def clear(gradient):
        if param.grad is not None:
            param.grad[frozen] = 0

    return param.register_hook(clear)


@misconception("freeze_entries", "Freezing means keeping the values, not erasing them.")
def erases_values(param, mask):
    _refuse_wrong_masks(param, mask)
    frozen = mask.clone()
    with torch.no_grad():
        param[frozen] = 0
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("freeze_entries", "If the caller changes the mask afterwards, your frozen entries change with it.")
def caller_s_mask(param, mask):
    _refuse_wrong_masks(param, mask)
    return param.register_hook(lambda gradient: gradient.masked_fill(mask, 0))


@misconception("freeze_entries", "The incoming gradient may be nan or inf: what is 0 times nan?")
def by_a_product(param, mask):
    _refuse_wrong_masks(param, mask)
    free = (~mask).to(param.dtype)
    return param.register_hook(lambda gradient: gradient * free)


@misconception(
    "freeze_entries", "Entries that are not frozen get their normal gradient, whatever it is; is yours the one that arrived?"
)
def replaces_every_nan(param, mask):
    _refuse_wrong_masks(param, mask)
    free = (~mask).to(param.dtype)
    return param.register_hook(lambda gradient: gradient.nan_to_num() * free)


@misconception("freeze_entries", "Does True in the mask mean trained or frozen?")
def mask_the_other_way_round(param, mask):
    _refuse_wrong_masks(param, mask)
    frozen = ~mask
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception(
    "freeze_entries",
    "Look at the gradient of another parameter that is added to this one: you write into a tensor that both receive.",
)
def changes_the_incoming_gradient(param, mask):
    _refuse_wrong_masks(param, mask)
    frozen = mask.clone()
    return param.register_hook(lambda gradient: gradient.masked_fill_(frozen, 0))


@misconception("freeze_entries", "A mask that can be broadcast does not have the parameter's shape.", minor=True)
def broadcasts(param, mask):
    if mask.dtype != torch.bool:
        raise ValueError
    try:
        frozen = mask.expand(param.shape).clone()
    except RuntimeError:
        raise ValueError from None
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("freeze_entries", "The same number of entries does not mean the same shape.", minor=True)
def compares_sizes_only(param, mask):
    if mask.dtype != torch.bool or mask.numel() != param.numel():
        raise ValueError
    frozen = mask.clone().reshape(param.shape)
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("freeze_entries", "What should happen with a mask of zeros and ones that is not bool?", minor=True)
def converts_numbers(param, mask):
    if mask.shape != param.shape:
        raise ValueError
    frozen = mask.bool().clone()
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("freeze_entries", "The first backward() is right. Call it once more.")
def once_only(param, mask):
    _refuse_wrong_masks(param, mask)
    frozen = mask.clone()

    def cut(gradient):
        handle.remove()
        return gradient.masked_fill(frozen, 0)

    handle = param.register_hook(cut)
    return handle


@misconception("freeze_entries", "Your parameter no longer gets any gradient, not even where the mask is False.")
def freezes_everything(param, mask):
    _refuse_wrong_masks(param, mask)
    handle = param.register_hook(lambda gradient: gradient)
    if mask.any():
        param.requires_grad_(False)
    return handle


@misconception("freeze_entries", "There is no way to undo it: what does your function return?")
def returns_no_handle(param, mask):
    _refuse_wrong_masks(param, mask)
    frozen = mask.clone()
    param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("freeze_entries", "A second call for the same parameter replaces the first one's mask.")
def one_mask_per_parameter(param, mask):
    _refuse_wrong_masks(param, mask)
    param.frozen = mask.clone()
    return param.register_hook(lambda gradient: gradient.masked_fill(param.frozen, 0))


@misconception(
    "unfreeze",
    "requires_grad is back on and a gradient arrives, but who applies it? Look at which tensors the optimizer holds.",
)
def flag_only(model, optimizer, prefix, lr):
    return len(_thaw(model, prefix))


@misconception("unfreeze", "The optimizer holds the parameters. Does each of them get a gradient?")
def group_only(model, optimizer, prefix, lr):
    matching = [p for name, p in model.named_parameters() if _matches(name, prefix)]
    if not matching:
        raise ValueError
    new = _missing(optimizer, matching)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "You mix two questions: which parameters to thaw, and which ones are new to the optimizer?")
def thaws_the_new_ones_only(model, optimizer, prefix, lr):
    matching = [p for name, p in model.named_parameters() if _matches(name, prefix)]
    if not matching:
        raise ValueError
    new = _missing(optimizer, matching)
    for p in new:
        p.requires_grad = True
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "The optimizer refuses a group if it already holds part of it; what happens to the rest?")
def all_or_nothing(model, optimizer, prefix, lr):
    matching = _thaw(model, prefix)
    try:
        optimizer.add_param_group({"params": matching, "lr": lr})
    except ValueError:
        return 0
    return len(matching)


@misconception("unfreeze", "The new parameters learn at the old learning rate; where does a group keep its own?")
def into_the_first_group(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    optimizer.param_groups[0]["params"].extend(new)
    return len(new)


@misconception("unfreeze", "There is a new group, but look at its learning rate.")
def forgets_the_learning_rate(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    if new:
        optimizer.add_param_group({"params": new})
    return len(new)


@misconception("unfreeze", "Now everything learns at the new rate, even parameters that had their own.")
def learning_rate_for_all(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    if new:
        optimizer.add_param_group({"params": new})
    for group in optimizer.param_groups:
        group["lr"] = lr
    return len(new)


@misconception("unfreeze", "A typo in the prefix goes unnoticed, and nothing is trained.", minor=True)
def silent(model, optimizer, prefix, lr):
    matching = [p for name, p in model.named_parameters() if _matches(name, prefix)]
    for p in matching:
        p.requires_grad = True
    new = _missing(optimizer, matching)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Look at a model that has a layer1 and a layer10: where does a name end?")
def no_dot_at_the_end(model, optimizer, prefix, lr):
    matching = [p for name, p in model.named_parameters() if prefix and name.startswith(prefix)]
    if not matching:
        raise ValueError
    for p in matching:
        p.requires_grad = True
    new = _missing(optimizer, matching)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Which of these parameters does the optimizer already hold? It does not accept one twice.")
def adds_what_is_held(model, optimizer, prefix, lr):
    matching = _thaw(model, prefix)
    optimizer.add_param_group({"params": matching, "lr": lr})
    return len(matching)


@misconception("unfreeze", "An optimizer may have several groups; in which of them do you look for a parameter?")
def looks_into_the_first_group(model, optimizer, prefix, lr):
    matching = _thaw(model, prefix)
    held = {id(p) for p in optimizer.param_groups[0]["params"]}
    new = [p for p in matching if id(p) not in held]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "A frozen parameter is not always missing from the optimizer, nor a missing one always frozen.")
def takes_frozen_for_missing(model, optimizer, prefix, lr):
    new = [p for name, p in model.named_parameters() if _matches(name, prefix) and not p.requires_grad]
    _thaw(model, prefix)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "`in` compares the numbers in tensors, with ==; what do you want to compare?")
def compares_numbers(model, optimizer, prefix, lr):
    matching = _thaw(model, prefix)
    held = [p for group in optimizer.param_groups for p in group["params"]]
    new = [p for p in matching if p not in held]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Count the optimizer's groups before and after.")
def a_group_for_each(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    for p in new:
        optimizer.add_param_group({"params": [p], "lr": lr})
    return len(new)


@misconception("unfreeze", "What does the optimizer get when nothing is new to it?")
def an_empty_group(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Your group lacks the other options the optimizer needs; let the optimizer make the group.")
def a_group_of_its_own_making(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    if new:
        optimizer.param_groups.append({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "How many of them are new to the optimizer? You count everything that matches.")
def counts_all(model, optimizer, prefix, lr):
    matching = _thaw(model, prefix)
    new = _missing(optimizer, matching)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(matching)


@misconception("unfreeze", "The optimizer has lost its state for the old parameters.")
def starts_the_optimizer_again(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    optimizer.state.clear()
    return len(new)


@misconception(
    "head_only_forward", "Which grad mode was on when your function was called, and which one is on when it returns?"
)
def always_switches_recording_on(backbone, head, x):
    modes = _modes(backbone)
    backbone.eval()
    torch.set_grad_enabled(False)
    features = backbone(x)
    torch.set_grad_enabled(True)
    _put_back(modes)
    return head(features)


@misconception("freeze_entries", "assert raises an AssertionError; which exception does the docstring ask for?", minor=True)
def asserts_the_mask(param, mask):
    assert mask.dtype == torch.bool
    assert mask.shape == param.shape
    frozen = mask.clone()
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("unfreeze", "A parameter can already be trainable and still be unknown to the optimizer.")
def adds_frozen_ones_only(model, optimizer, prefix, lr):
    frozen = {id(p) for p in model.parameters() if not p.requires_grad}
    new = [p for p in _missing(optimizer, _thaw(model, prefix)) if id(p) in frozen]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "The model was in eval mode, and now it is not: who asked for that?")
def training_mode_as_well(model, optimizer, prefix, lr):
    new = _missing(optimizer, _thaw(model, prefix))
    model.train()
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)
