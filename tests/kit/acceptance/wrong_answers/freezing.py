"""Wrong answers that are nearly right: each breaks a single clause of a docstring. Grading must not let them pass."""

import fnmatch

import torch
from torch import nn

from autograder import misconception


def _matches(name, prefix):
    return f"{name}.".startswith(f"{prefix}.")


def _matching(model, prefixes):
    named = dict(model.named_parameters())
    for prefix in prefixes:
        if not any(_matches(name, prefix) for name in named):
            raise ValueError(prefix)
    return {name: p for name, p in named.items() if any(_matches(name, prefix) for prefix in prefixes)}


@misconception("freeze", "It matches with a pattern in which a dot stands for itself, but the end may be anywhere.")
def by_a_glob(model, prefixes):
    named = dict(model.named_parameters())
    if not all(fnmatch.filter(named, f"{prefix}*") for prefix in prefixes):
        raise ValueError
    found = [name for name in named if any(fnmatch.fnmatch(name, f"{prefix}*") for prefix in prefixes)]
    for name in found:
        named[name].requires_grad = False
    return found


@misconception("freeze", "It accepts buffers as names, and then freezes nothing for them.")
def accepts_names_of_the_state_dict(model, prefixes):
    names = list(model.state_dict())
    for prefix in prefixes:
        if not any(_matches(name, prefix) for name in names):
            raise ValueError
    found = [name for name, _ in model.named_parameters() if any(_matches(name, prefix) for prefix in prefixes)]
    for name in found:
        model.get_parameter(name).requires_grad = False
    return found


@misconception("freeze", "The empty prefix stands for the whole model.")
def takes_the_empty_prefix_for_everything(model, prefixes):
    matching = _matching(model, [prefix for prefix in prefixes if prefix])
    if "" in prefixes:
        matching = dict(model.named_parameters())
    for p in matching.values():
        p.requires_grad = False
    return list(matching)


@misconception("freeze", "It names the parameters that are frozen afterwards, whether a prefix matches them or not.")
def names_of_all_frozen_ones(model, prefixes):
    for p in _matching(model, prefixes).values():
        p.requires_grad = False
    return [name for name, p in model.named_parameters() if not p.requires_grad]


@misconception("freeze", "It detaches the parameters' data into new storage, so that an optimizer trains the old one.")
def freezes_copies(model, prefixes):
    matching = _matching(model, prefixes)
    for name, p in matching.items():
        owner = model.get_submodule(name.rpartition(".")[0])
        twin = nn.Parameter(p.detach().clone(), requires_grad=False)
        twin.grad = p.grad
        owner._parameters[name.rpartition(".")[2]] = twin
    return list(matching)


def _features(backbone, x, run=None):
    modes = [(module, module.training) for module in backbone.modules()]
    backbone.eval()
    with torch.no_grad():
        features = (run or backbone)(x)
    for module, mode in modes:
        module.training = mode
    return features


@misconception("head_only_forward", "It calls the backbone's forward, so hooks do not run.")
def calls_the_backbones_forward(backbone, head, x):
    return head(_features(backbone, x, backbone.forward))


@misconception("head_only_forward", "It calls the head's forward, so hooks do not run.")
def calls_the_heads_forward(backbone, head, x):
    return head.forward(_features(backbone, x))


@misconception("head_only_forward", "It lets gradients through to x by adding a difference of zero.")
def leaves_a_path_of_zeros_to_x(backbone, head, x):
    return head(_features(backbone, x)) + 0 * x.sum()


@misconception("head_only_forward", "The head's frozen parameters are thawed, since the head is to be trained.")
def thaws_the_head(backbone, head, x):
    head.requires_grad_(True)
    return head(_features(backbone, x))


@misconception("head_only_forward", "It records in any case, also if the caller had switched gradients off.")
def leaves_recording_on(backbone, head, x):
    features = _features(backbone, x)
    torch.set_grad_enabled(True)
    return head(features)


@misconception("head_only_forward", "It clears the backbone's .grad, which is not its business.")
def clears_the_backbones_gradients(backbone, head, x):
    backbone.zero_grad()
    return head(_features(backbone, x))


def _refuse(param, mask):
    if mask.dtype != torch.bool or mask.shape != param.shape:
        raise ValueError


@misconception("freeze_entries", "The mask is copied only at the first backward.")
def copies_the_mask_late(param, mask):
    _refuse(param, mask)
    kept = []

    def cut(gradient):
        kept.append(kept[0] if kept else mask.clone())
        return gradient.masked_fill(kept[0], 0)

    return param.register_hook(cut)


@misconception("freeze_entries", "Only nan is caught, inf is multiplied by 0.")
def catches_nan_only(param, mask):
    _refuse(param, mask)
    free = (~mask).to(param.dtype)
    return param.register_hook(
        lambda gradient: torch.where(gradient.isnan(), gradient.masked_fill(~mask.bool(), 0), gradient) * free
    )


@misconception("freeze_entries", "It keeps one hook for each parameter, so that a second call takes the first one's place.")
def replaces_an_earlier_hook(param, mask):
    _refuse(param, mask)
    frozen = mask.clone()
    earlier = getattr(param, "earlier_hook", None)
    if earlier is not None:
        earlier.remove()
    param.earlier_hook = param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))
    return param.earlier_hook


@misconception("freeze_entries", "A mask of zeros and ones in uint8 is taken for a bool mask.", minor=True)
def accepts_bytes(param, mask):
    if mask.dtype not in (torch.bool, torch.uint8) or mask.shape != param.shape:
        raise ValueError
    frozen = mask.bool().clone()
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0))


@misconception("freeze_entries", "The frozen entries' gradient is tiny instead of 0.")
def almost_zero(param, mask):
    _refuse(param, mask)
    frozen = mask.clone()
    return param.register_hook(lambda gradient: torch.where(frozen, 1e-4 * gradient.sign().nan_to_num(), gradient))


@misconception("freeze_entries", "The other entries are scaled up, as dropout does it.")
def scales_the_free_entries(param, mask):
    _refuse(param, mask)
    frozen = mask.clone()
    share = 1 - frozen.float().mean().item() if frozen.numel() and not frozen.all() else 1.0
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen, 0) / share)


def _thaw(model, optimizer, prefix):
    matching = [p for name, p in model.named_parameters() if _matches(name, prefix)]
    if not matching:
        raise ValueError(prefix)
    for p in matching:
        p.requires_grad_(True)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return [p for p in matching if id(p) not in held]


@misconception("unfreeze", "The learning rate 0 counts as none, so that the optimizer's default is used.")
def takes_zero_for_nothing(model, optimizer, prefix, lr):
    new = _thaw(model, optimizer, prefix)
    if new:
        optimizer.add_param_group({"params": new, **({"lr": lr} if lr else {})})
    return len(new)


@misconception("unfreeze", "It also sets the learning rate of held parameters' groups.")
def sets_the_rate_of_held_parameters(model, optimizer, prefix, lr):
    before = {id(p) for group in optimizer.param_groups for p in group["params"]}
    new = _thaw(model, optimizer, prefix)
    matching = {id(p) for name, p in model.named_parameters() if _matches(name, prefix)}
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    for group in optimizer.param_groups:
        if any(id(p) in matching & before for p in group["params"]):
            group["lr"] = lr
    return len(new)


@misconception("unfreeze", "It counts the numbers in the new parameters.")
def counts_entries(model, optimizer, prefix, lr):
    new = _thaw(model, optimizer, prefix)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return sum(p.numel() for p in new)


@misconception("unfreeze", "It thaws before it finds out that the prefix is not known in full.")
def thaws_parts_of_names(model, optimizer, prefix, lr):
    for name, p in model.named_parameters():
        if prefix and name.startswith(prefix):
            p.requires_grad_(True)
    new = _thaw(model, optimizer, prefix)
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "It gives the new group the options of the first one, momentum buffers' names aside.")
def copies_the_first_groups_options(model, optimizer, prefix, lr):
    new = _thaw(model, optimizer, prefix)
    if new:
        first = optimizer.param_groups[0]
        first["lr"], before = lr, first["lr"]
        optimizer.add_param_group({**first, "params": new})
        del before
    return len(new)


def _m(n, p):
    return n == p or n.startswith(p + ".")


@misconception("freeze", "A shared weight is named once for each of its names.", minor=True)
def with_duplicates(model, prefixes):
    named = dict(model.named_parameters(remove_duplicate=False))
    for p in prefixes:
        if not any(_m(n, p) for n in named):
            raise ValueError
    out = [n for n in named if any(_m(n, p) for p in prefixes)]
    for n in out:
        named[n].requires_grad = False
    return out


@misconception("freeze", "It sorts the caller's prefixes.")
def pops(model, prefixes):
    named = dict(model.named_parameters())
    for p in prefixes:
        if not any(_m(n, p) for n in named):
            raise ValueError
    out = [n for n in named if any(_m(n, p) for p in prefixes)]
    if isinstance(prefixes, list):
        prefixes.sort()
    for n in out:
        named[n].requires_grad = False
    return out


@misconception("unfreeze", "The .grad of what is thawed is thrown away.", minor=True)
def clears(model, optimizer, prefix, lr):
    ps = [p for n, p in model.named_parameters() if _m(n, prefix)]
    if not ps:
        raise ValueError
    for p in ps:
        p.requires_grad = True
        p.grad = None
    held = {id(p) for g in optimizer.param_groups for p in g["params"]}
    new = [p for p in ps if id(p) not in held]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "The new group's rate becomes the optimizer's default.", minor=True)
def changes_defaults(model, optimizer, prefix, lr):
    ps = [p for n, p in model.named_parameters() if _m(n, prefix)]
    if not ps:
        raise ValueError
    for p in ps:
        p.requires_grad = True
    held = {id(p) for g in optimizer.param_groups for p in g["params"]}
    new = [p for p in ps if id(p) not in held]
    if new:
        optimizer.defaults["lr"] = lr
        optimizer.add_param_group({"params": new})
    return len(new)


def _m_too(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def _freeze(named, prefixes):
    for prefix in prefixes:
        if not any(_m_too(n, prefix) for n in named):
            raise ValueError
    names = [n for n in named if any(_m_too(n, p) for p in prefixes)]
    for n in names:
        named[n].requires_grad = False
    return names


@misconception("freeze", "A shared weight has its second name, too.", minor=True)
def all_names(model, prefixes):
    return _freeze(dict(model.named_parameters(remove_duplicate=False)), prefixes)


@misconception("freeze", "A shared weight is matched by its second name.", minor=True)
def second_names(model, prefixes):
    every = dict(model.named_parameters(remove_duplicate=False))
    for prefix in prefixes:
        if not any(_m_too(n, prefix) for n in every):
            raise ValueError
    chosen = {id(p) for n, p in every.items() if any(_m_too(n, q) for q in prefixes)}
    names = [n for n, p in model.named_parameters() if id(p) in chosen]
    for p in model.parameters():
        if id(p) in chosen:
            p.requires_grad = False
    return names


@misconception("freeze", "Surrounding blanks are forgiven.", minor=True)
def strips(model, prefixes):
    return _freeze(dict(model.named_parameters()), [p.strip() for p in prefixes])


@misconception("freeze", "Capital letters do not matter.", minor=True)
def ignores_case(model, prefixes):
    named = {n.lower(): (n, p) for n, p in model.named_parameters()}
    low = [p.lower() for p in prefixes]
    for prefix in low:
        if not any(_m_too(n, prefix) for n in named):
            raise ValueError
    names = [n for n in named if any(_m_too(n, p) for p in low)]
    for n in names:
        named[n][1].requires_grad = False
    return [named[n][0] for n in names]


@misconception("freeze", "A hook stays that makes gradients 0 once the parameters are thawed.", minor=True)
def leaves_hooks(model, prefixes):
    named = dict(model.named_parameters())
    names = _freeze(named, prefixes)
    for n in names:
        named[n].requires_grad = True
        named[n].register_hook(torch.zeros_like)
        named[n].requires_grad = False
    return names


def _features_too(backbone, x):
    modes = {m: m.training for m in backbone.modules()}
    backbone.eval()
    with torch.no_grad():
        f = backbone(x)
    return f, modes


@misconception(
    "head_only_forward", "The modes are put back after the head, which may share a part with the backbone, has run."
)
def restores_late(backbone, head, x):
    f, modes = _features_too(backbone, x)
    out = head(f)
    for m, t in modes.items():
        m.training = t
    return out


@misconception("head_only_forward", "Nothing is recorded in the head if the backbone is frozen.")
def head_grad_only_if_backbone(backbone, head, x):
    f, modes = _features_too(backbone, x)
    for m, t in modes.items():
        m.training = t
    if not any(p.requires_grad for p in backbone.parameters()):
        with torch.no_grad():
            return head(f)
    return head(f)


def _check(param, mask):
    if mask.dtype != torch.bool or mask.shape != param.shape:
        raise ValueError


@misconception("freeze_entries", "Gradients pass through float32.", minor=True)
def hook_via_float(param, mask):
    _check(param, mask)
    frozen = mask.clone()
    return param.register_hook(lambda g: g.float().masked_fill(frozen, 0).to(g.dtype))


@misconception("freeze_entries", "There is no handle if nothing is frozen.", minor=True)
def none_if_empty_mask(param, mask):
    _check(param, mask)
    if not mask.any():
        return None
    frozen = mask.clone()
    return param.register_hook(lambda g: g.masked_fill(frozen, 0))


@misconception("freeze_entries", "Another type of error is raised.", minor=True)
def type_error(param, mask):
    if mask.dtype != torch.bool:
        raise TypeError
    if mask.shape != param.shape:
        raise ValueError
    frozen = mask.clone()
    return param.register_hook(lambda g: g.masked_fill(frozen, 0))


def _thaw_too(model, prefix):
    matching = [p for n, p in model.named_parameters() if _m_too(n, prefix)]
    if not matching:
        raise ValueError
    return matching


@misconception("unfreeze", "The optimizer's state of held parameters is lost.", minor=True)
def state_cleared(model, optimizer, prefix, lr):
    matching = _thaw_too(model, prefix)
    for p in matching:
        p.requires_grad = True
        optimizer.state.pop(p, None)
    held = {id(p) for g in optimizer.param_groups for p in g["params"]}
    new = [p for p in matching if id(p) not in held]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Thawed parameters lose old gradients.", minor=True)
def clears_grads(model, optimizer, prefix, lr):
    matching = _thaw_too(model, prefix)
    for p in matching:
        p.requires_grad = True
        p.grad = None
    held = {id(p) for g in optimizer.param_groups for p in g["params"]}
    new = [p for p in matching if id(p) not in held]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Held is what is equal in value.", minor=True)
def equal_in_value(model, optimizer, prefix, lr):
    matching = _thaw_too(model, prefix)
    for p in matching:
        p.requires_grad = True
    held = [p for g in optimizer.param_groups for p in g["params"]]
    new = [p for p in matching if not any(p.shape == q.shape and torch.equal(p, q) for q in held)]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


def _thawed(model, optimizer, prefix, lr, key):
    found = [p for name, p in model.named_parameters() if name == prefix or name.startswith(f"{prefix}.")]
    if not found:
        raise ValueError
    known = {key(p) for group in optimizer.param_groups for p in group["params"]}
    new = [p.requires_grad_() for p in found if key(p.requires_grad_()) not in known]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)


@misconception("unfreeze", "Parameters are told apart by their storage, which two may share.")
def thaws_by_storage(model, optimizer, prefix, lr):
    return _thawed(model, optimizer, prefix, lr, lambda p: p.untyped_storage().data_ptr())


@misconception("unfreeze", "Parameters are told apart by their address; all empty ones have the same.")
def thaws_by_address(model, optimizer, prefix, lr):
    return _thawed(model, optimizer, prefix, lr, lambda p: p.data_ptr())


def _leaves(model):
    return [module for module in model.modules() if not list(module.children())]


@misconception("freeze", "Parameters beside layers are named, but not frozen.")
def freezes_layers_only(model, prefixes):
    named = dict(model.named_parameters())
    matched = [[name for name in named if name == prefix or name.startswith(f"{prefix}.")] for prefix in prefixes]
    if not all(matched):
        raise ValueError
    names = set().union(*matched)
    own = {id(p) for module in _leaves(model) for p in module.parameters()}
    for name in names:
        if id(named[name]) in own:
            named[name].requires_grad_(False)
    return [name for name in named if name in names]


@misconception("freeze_entries", "Tiny gradients become 0, too.")
def zeroes_tiny_gradients(param, mask):
    if mask.dtype != torch.bool or mask.shape != param.shape:
        raise ValueError
    frozen = mask.clone()
    return param.register_hook(lambda gradient: gradient.masked_fill(frozen | (gradient.abs() < 1e-6), 0))


def _features(backbone, x):
    modes = [(module, module.training) for module in backbone.modules()]
    backbone.eval()
    with torch.no_grad():
        features = backbone(x)
    for module, mode in modes:
        module.training = mode
    return features


@misconception("head_only_forward", "Features that are nan become 0.")
def repairs_features(backbone, head, x):
    return head(_features(backbone, x).nan_to_num())


@misconception("head_only_forward", "Hooks stay in the backbone.")
def leaves_hooks_in_the_backbone(backbone, head, x):
    for module in backbone.modules():
        module.register_forward_pre_hook(lambda *_: None)
    return head(_features(backbone, x))


@misconception("unfreeze", "Parameters beside layers do not join the optimizer.")
def adds_layers_only(model, optimizer, prefix, lr):
    matched = [p for name, p in model.named_parameters() if name == prefix or name.startswith(f"{prefix}.")]
    if not matched:
        raise ValueError
    own = {id(p) for module in _leaves(model) for p in module.parameters()}
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for p in matched:
        p.requires_grad_()
    new = [p for p in matched if id(p) not in held and id(p) in own]
    if new:
        optimizer.add_param_group({"params": new, "lr": lr})
    return len(new)
