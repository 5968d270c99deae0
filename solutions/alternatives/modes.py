"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import contextlib
import copy
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder import alternative


@alternative("predicted_largest")
def largest_by_trial():
    with torch.no_grad():
        return nn.Dropout(0.75)(torch.ones(1000)).max()


@alternative("predicted_gradients")
def gradients_as_a_list():
    return [True] * 3


@alternative("predicted_batches")
def batches_as_a_float():
    return 2.0


@alternative("evaluate")
def evaluate_a_copy(model, X, y, batch_size):
    twin = copy.deepcopy(model).eval()
    with torch.inference_mode():
        outputs = torch.cat([twin(xb) for xb in X.split(batch_size)])
        return F.cross_entropy(outputs, y).item(), (outputs.argmax(1) == y).double().mean().item()


@contextlib.contextmanager
def _evaluating(model):
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@alternative("evaluate")
@torch.no_grad()
def evaluate_by_weighted_means(model, X, y, batch_size):
    loss = accuracy = 0.0
    with _evaluating(model):
        for start in range(0, len(X), batch_size):
            xb, yb = X[start : start + batch_size], y[start : start + batch_size]
            logits, share = model(xb), len(xb) / len(X)
            loss += share * float(F.cross_entropy(logits, yb))
            accuracy += share * float((logits.argmax(-1) == yb).double().mean())
    return loss, accuracy


@alternative("evaluate")
def evaluate_with_a_loader(model, X, y, batch_size):
    before = {name: module.training for name, module in model.named_modules()}
    recording = torch.is_grad_enabled()
    losses, hits = [], 0
    try:
        for module in model.modules():
            module.training = False
        torch.set_grad_enabled(False)
        for start in range(math.ceil(len(y) / batch_size)):
            chosen = slice(start * batch_size, (start + 1) * batch_size)
            log_p = model.forward(X[chosen]).log_softmax(dim=1)
            losses += (-log_p[range(len(y[chosen])), y[chosen]]).tolist()
            hits += sum(a == b for a, b in zip(log_p.max(dim=1).indices.tolist(), y[chosen].tolist(), strict=True))
    finally:
        torch.set_grad_enabled(recording)
        for name, module in model.named_modules():
            module.training = before[name]
    return math.fsum(losses) / len(losses), hits / len(losses)


@alternative("evaluate")
def evaluate_batches_of_a_data_set(model, X, y, batch_size):
    modes = [(module, module.training) for module in model.modules()]
    criterion = nn.CrossEntropyLoss(reduction="none")
    try:
        model.train(False)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            pairs = [(model(xb), yb) for xb, yb in DataLoader(TensorDataset(X, y), batch_size=batch_size)]
    finally:
        for module, mode in modes:
            module.training = mode
    losses = torch.cat([criterion(logits, yb) for logits, yb in pairs])
    right = torch.cat([logits.argmax(dim=1).eq(yb) for logits, yb in pairs])
    return losses.mean().item(), right.double().mean().item()


DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


@alternative("mc_dropout")
def dropout_in_a_copy(model, x, n):
    twin = copy.deepcopy(model)
    twin.eval()
    for module in twin.modules():
        if isinstance(module, DROPOUTS):
            module.train()
    outputs = torch.stack([twin(x).detach() for _ in range(n)])
    return outputs.mean(0), outputs.var(0, unbiased=False).sqrt()


@alternative("mc_dropout")
def dropout_by_apply(model, x, n):
    flags = [module.training for module in model.modules()]
    model.eval()
    model.apply(lambda module: module.train() if type(module) in DROPOUTS else module)
    with torch.inference_mode():
        outputs = [model(x) for _ in range(n)]
    for module, flag in zip(model.modules(), flags, strict=True):
        module.training = flag
    mean = sum(outputs) / n
    return mean.clone(), (sum((output - mean) ** 2 for output in outputs) / n).sqrt()


@alternative("mc_dropout")
def dropout_with_running_moments(model, x, n):
    before = {name: module.training for name, module in model.named_modules()}
    for module in model.modules():
        module.training = isinstance(module, DROPOUTS)
    mean = spread = None
    with torch.no_grad():
        for count in range(1, n + 1):
            output = model(x)
            if mean is None:
                mean, spread = output.clone(), torch.zeros_like(output)
                continue
            step = output - mean
            mean += step / count
            spread += step * (output - mean)
    for name, module in model.named_modules():
        module.training = before[name]
    return mean, (spread / n).sqrt()


@alternative("ema_update_")
@torch.no_grad()
def averaged_by_name(ema, model, decay):
    if decay < 0 or decay > 1:
        raise ValueError(decay)
    theirs = dict(model.named_parameters())
    for name, mine in ema.named_parameters():
        mine.mul_(decay).add_(theirs[name], alpha=1 - decay)
    buffers = dict(model.named_buffers())
    for name, mine in ema.named_buffers():
        mine[...] = buffers[name]


@alternative("ema_update_")
def averaged_through_data(ema, model, decay):
    if not (decay >= 0.0 and decay <= 1.0):
        raise ValueError("decay")
    for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
        mine.data.copy_(decay * mine.data + (1 - decay) * theirs.data)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.data.copy_(theirs.data)


@alternative("ema_update_")
def averaged_with_detached_tensors(ema, model, decay):
    if decay != min(max(decay, 0), 1):
        raise ValueError(f"decay {decay}")
    mine = [p.detach() for p in ema.parameters()]
    theirs = [p.detach() for p in model.parameters()]
    torch._foreach_mul_(mine, decay)
    torch._foreach_add_(mine, theirs, alpha=1 - decay)
    for name, module in ema.named_modules():
        other = model.get_submodule(name)
        for key in dict(module.named_buffers(recurse=False)):
            setattr(module, key, other.get_buffer(key).clone())
