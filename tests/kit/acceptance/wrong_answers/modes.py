"""Wrong answers of a careful adversary: each breaks one clause of its task's docstring, and must lose points for it."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from autograder import misconception

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def _mean_loss(model, X, y, batch_size, loss_of=F.cross_entropy):
    loss = right = 0.0
    for xb, yb in zip(X.split(batch_size), y.split(batch_size), strict=True):
        logits = model(xb)
        loss += loss_of(logits, yb).item() * len(xb)
        right += (logits.argmax(dim=1) == yb).sum().item()
    return loss / len(X), right / len(X)


@misconception("evaluate", "Remembers the modes of the children and grandchildren only.")
def restores_two_levels(model, X, y, batch_size):
    parts = [model, *model.children(), *(inner for child in model.children() for inner in child.children())]
    flags = [(part, part.training) for part in parts]
    model.eval()
    try:
        with torch.no_grad():
            return _mean_loss(model, X, y, batch_size)
    finally:
        for part, flag in flags:
            part.training = flag


@misconception("evaluate", "Freezes the parameters instead of using no_grad, and leaves recording on in the pass.")
def freezes_and_thaws(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    frozen = [(p, p.requires_grad) for p in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        return _mean_loss(model, X, y, batch_size)
    finally:
        for p, flag in frozen:
            p.requires_grad_(flag)
        for module, flag in flags:
            module.training = flag


@misconception("evaluate", "Makes all parameters trainable again after the evaluation, frozen ones too.")
def thaws_everything(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval().requires_grad_(False)
    try:
        with torch.no_grad():
            return _mean_loss(model, X, y, batch_size)
    finally:
        model.requires_grad_(True)
        for module, flag in flags:
            module.training = flag


@misconception("evaluate", "Takes the logarithm of a softmax that has underflowed.")
def logarithm_of_a_softmax(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            return _mean_loss(model, X, y, batch_size, lambda logits, target: F.nll_loss(logits.softmax(1).log(), target))
    finally:
        for module, flag in flags:
            module.training = flag


@misconception("evaluate", "Adds a small number before the logarithm, which changes every loss a little.")
def logarithm_with_an_epsilon(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()

    def loss_of(logits, target):
        return F.nll_loss((logits.softmax(1) + 1e-8).log(), target)

    try:
        with torch.no_grad():
            return _mean_loss(model, X, y, batch_size, loss_of)
    finally:
        for module, flag in flags:
            module.training = flag


@misconception("evaluate", "After an exception recording stays off, because the switch is not a context.")
def recording_stays_off_after_an_error(model, X, y, batch_size):
    flags, recording = [(module, module.training) for module in model.modules()], torch.is_grad_enabled()
    model.eval()
    torch.set_grad_enabled(False)
    try:
        result = _mean_loss(model, X, y, batch_size)
    finally:
        for module, flag in flags:
            module.training = flag
    torch.set_grad_enabled(recording)
    return result


@misconception("evaluate", "Pads the last batch by repeating samples, so that all batches have one size.")
def repeats_samples(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    places = torch.arange(-(-len(X) // batch_size) * batch_size) % len(X)
    try:
        with torch.no_grad():
            return _mean_loss(model, X[places], y[places], batch_size)
    finally:
        for module, flag in flags:
            module.training = flag


@misconception("mc_dropout", "Wakes a module's children as well: train() on a container that holds a dropout layer.")
def wakes_the_container(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    for module in model.modules():
        if any(isinstance(child, DROPOUTS) for child in module.children()):
            module.train()
    with torch.no_grad():
        outputs = torch.stack([model(x) for _ in range(n)])
    for module, flag in flags:
        module.training = flag
    return outputs.mean(0), outputs.std(0, correction=0)


@misconception("mc_dropout", "Calls forward itself, so that the model's hooks do not run.")
def calls_forward(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    for module in model.modules():
        module.training = isinstance(module, DROPOUTS)
    with torch.no_grad():
        outputs = torch.stack([model.forward(x) for _ in range(n)])
    for module, flag in flags:
        module.training = flag
    return outputs.mean(0), outputs.std(0, correction=0)


@misconception("mc_dropout", "Collects the outputs in a tensor of the default dtype.")
def in_the_default_dtype(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    for module in model.modules():
        module.training = isinstance(module, DROPOUTS)
    with torch.no_grad():
        outputs = torch.stack([model(x) for _ in range(n)]).to(torch.get_default_dtype())
    for module, flag in flags:
        module.training = flag
    return outputs.mean(0), outputs.std(0, correction=0)


@misconception("mc_dropout", "The standard deviation is that of the mean: it is divided by the root of n.")
def error_of_the_mean(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    for module in model.modules():
        module.training = isinstance(module, DROPOUTS)
    with torch.no_grad():
        outputs = torch.stack([model(x) for _ in range(n)])
    for module, flag in flags:
        module.training = flag
    return outputs.mean(0), outputs.std(0, correction=0) / n**0.5


@misconception("mc_dropout", "Puts back the modes by name of the class: every dropout layer gets the mode of the first.")
def one_mode_for_all_dropout_layers(model, x, n):
    flags = {type(module): module.training for module in reversed(list(model.modules()))}
    for module in model.modules():
        module.training = isinstance(module, DROPOUTS)
    with torch.no_grad():
        outputs = torch.stack([model(x) for _ in range(n)])
    for module in model.modules():
        module.training = flags[type(module)]
    return outputs.mean(0), outputs.std(0, correction=0)


def _refuse(decay):
    if not 0 <= decay <= 1:
        raise ValueError


@misconception("ema_update_", "Moves data to new tensors through .data, which shares the model's memory for decay 0.")
def shares_memory_at_decay_zero(ema, model, decay):
    _refuse(decay)
    for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
        mine.data = theirs.data if decay == 0 else decay * mine.data + (1 - decay) * theirs.data
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


@misconception("ema_update_", "Averages in float32, whatever the parameters are.")
def averages_in_float32(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
            mine.copy_(decay * mine.float() + (1 - decay) * theirs.float())
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


@misconception("ema_update_", "Skips buffers by the names that BatchNorm uses.")
def buffers_of_batch_norm_only(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
            mine.lerp_(theirs, 1 - decay)
    for module, other in zip(ema.modules(), model.modules(), strict=True):
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            if getattr(module, name, None) is not None:
                getattr(module, name).copy_(getattr(other, name))


@misconception("ema_update_", "Refuses decay 0 because it tests the number's truth.")
def refuses_zero(ema, model, decay):
    if not decay or not 0 < decay <= 1:
        raise ValueError
    with torch.no_grad():
        for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
            mine.lerp_(theirs, 1 - decay)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


@misconception("ema_update_", "Puts the average into new parameter objects, by exchanging what the module holds.")
def replaces_the_modules_tensors(ema, model, decay):
    _refuse(decay)
    average = copy.deepcopy(model)
    with torch.no_grad():
        for new, mine in zip(average.parameters(), ema.parameters(), strict=True):
            new.lerp_(mine, decay)
    ema.__dict__ = average.__dict__


def _evaluated(model, X, y, batch_size, clean=lambda losses: losses):
    modes = [(module, module.training) for module in model.modules()]
    loss, right = 0.0, 0
    try:
        with torch.no_grad():
            model.eval()
            for start in range(0, len(X), batch_size):
                logits, labels = model(X[start : start + batch_size]), y[start : start + batch_size]
                loss += clean(F.cross_entropy(logits, labels, reduction="none")).sum().item()
                right += (logits.argmax(1) == labels).sum().item()
    finally:
        for module, mode in modes:
            module.training = mode
    return loss / len(X), right / len(X)


@misconception("evaluate", "Losses of nan count as 0.")
def nan_counts_as_zero(model, X, y, batch_size):
    return _evaluated(model, X, y, batch_size, lambda losses: losses.nan_to_num(0.0))


@misconception("evaluate", "An accuracy of 1 is an int.")
def whole_accuracies(model, X, y, batch_size):
    loss, right = _evaluated(model, X, y, batch_size)
    return loss, int(right) if right in (0.0, 1.0) else right


@misconception("evaluate", "No batch is larger than 64 samples, whatever batch_size says.")
def small_batches_only(model, X, y, batch_size):
    return _evaluated(model, X, y, min(batch_size, 64))


@misconception("evaluate", "No batch is larger than 2,048 samples, whatever batch_size says.")
def no_large_batches(model, X, y, batch_size):
    return _evaluated(model, X, y, min(batch_size, 2048))


@torch.no_grad()
def _averaged(ema, model, decay, average, clean=lambda buffer: buffer):
    _refuse(decay)
    for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
        mine.copy_(average(mine, theirs))
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(clean(theirs))


@misconception("ema_update_", "Entries of the model that are not finite are left out.")
def skips_what_is_not_finite(ema, model, decay):
    _averaged(ema, model, decay, lambda a, p: torch.where(p.isfinite(), decay * a + (1 - decay) * p, a))


@misconception("ema_update_", "A parameter of the average that holds a nan starts anew from the model's.")
def starts_anew_after_nan(ema, model, decay):
    _averaged(ema, model, decay, lambda a, p: p if a.isnan().any() else decay * a + (1 - decay) * p)


@misconception("ema_update_", "A nan in a buffer becomes 0.")
def repairs_buffers(ema, model, decay):
    _averaged(ema, model, decay, lambda a, p: decay * a + (1 - decay) * p, torch.nan_to_num)


@misconception("ema_update_", "Buffers go through float64, which rounds large whole numbers.")
def buffers_through_float64(ema, model, decay):
    _averaged(ema, model, decay, lambda a, p: decay * a + (1 - decay) * p, lambda buffer: buffer.double())


def _over_the_passes(model, x, n, *, is_active=lambda module: isinstance(module, DROPOUTS), clean=lambda outputs: outputs):
    flags = {module: module.training for module in model.modules()}
    for module in flags:
        module.training = is_active(module)
    with torch.no_grad():
        outputs = clean(torch.stack([model(x) for _ in range(n)]))
    for module, flag in flags.items():
        module.training = flag
    return outputs.mean(dim=0), outputs.std(dim=0, correction=0)


@misconception("mc_dropout", "A layer that works in place is left out.")
def none_in_place(model, x, n):
    return _over_the_passes(model, x, n, is_active=lambda module: isinstance(module, DROPOUTS) and not module.inplace)


@misconception("mc_dropout", "A nan in an output counts as 0.")
def outputs_without_nan(model, x, n):
    return _over_the_passes(model, x, n, clean=torch.nan_to_num)


@misconception("mc_dropout", "There are never more than 100 passes.")
def a_hundred_passes_at_most(model, x, n):
    return _over_the_passes(model, x, min(n, 100))


@misconception("evaluate", "Only after a RuntimeError or a KeyError are the modes put back.")
def expects_some_errors(model, X, y, batch_size):
    flags = {module: module.training for module in model.modules()}

    def put_back():
        for module, flag in flags.items():
            module.training = flag

    model.eval()
    try:
        with torch.no_grad():
            results = _mean_loss(model, X, y, batch_size)
    except (RuntimeError, KeyError):
        put_back()
        raise
    put_back()
    return results


@misconception("ema_update_", "What is close to the model's already is left alone.")
def skips_what_is_close(ema, model, decay):
    _averaged(ema, model, decay, lambda a, p: a if torch.allclose(a, p) else decay * a + (1 - decay) * p)
