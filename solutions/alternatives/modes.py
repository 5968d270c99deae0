"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import contextlib
import copy
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
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


@alternative("evaluate")
def evaluate_with_train_of_each(model, X, y, batch_size):
    was = [module.training for module in model.modules()]
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    loss = correct = start = 0
    try:
        with torch.inference_mode():
            while start < len(X):
                xb, yb = X[start : start + batch_size], y[start : start + batch_size]
                output = model(xb)
                loss += criterion(output, yb).item()
                correct += int((output.max(1)[1] == yb).sum())
                start += batch_size
    finally:
        for module, mode in zip(model.modules(), was, strict=True):
            module.train(mode)  # reaches the children as well, which come later and have the last word
    return loss / len(X), correct / len(X)


class _Evaluating:
    def __init__(self, model):
        self.model, self.no_grad = model, torch.no_grad()

    def __enter__(self):
        self.flags = {id(module): module.training for module in self.model.modules()}
        self.model.eval()
        self.no_grad.__enter__()

    def __exit__(self, *error):
        self.no_grad.__exit__(*error)
        self.model.apply(lambda module: setattr(module, "training", self.flags[id(module)]))


@alternative("evaluate")
def evaluate_with_a_class_and_einsum(model, X, y, batch_size):
    with _Evaluating(model):
        logits = torch.cat([model(part) for part in torch.split(X, batch_size)])
        log_p = logits - logits.logsumexp(1, keepdim=True)
        loss = -torch.einsum("nc,nc->", F.one_hot(y, logits.shape[1]).to(log_p), log_p) / y.numel()
    return float(loss), float(logits.argmax(1).eq(y).double().mean())


@alternative("evaluate")
def evaluate_with_a_loader_of_its_own_generator(model, X, y, batch_size):
    modules = list(model.modules())
    saved = [module.training for module in modules]
    try:
        model.eval()
        seen, loss, accuracy = 0, 0.0, 0.0
        with torch.no_grad():
            for xb, yb in DataLoader(TensorDataset(X, y), batch_size, generator=torch.Generator()):
                output, size = model(xb), len(yb)
                loss = (loss * seen + F.cross_entropy(output, yb).item() * size) / (seen + size)
                accuracy = (accuracy * seen + (output.argmax(1) == yb).sum().item()) / (seen + size)
                seen += size
        return loss, accuracy
    finally:
        for module, mode in zip(modules, saved, strict=True):
            module.training = mode


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


@alternative("mc_dropout")
def dropout_with_sums_of_squares(model, x, n):
    flags = {module: module.training for module in model.modules()}
    for module in flags:
        module.training = type(module) in {nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d}
    total = squares = 0
    with torch.no_grad():
        for _ in range(n):
            output = model(x)
            total, squares = total + output, squares + output**2
    for module, flag in flags.items():
        module.training = flag
    mean = total / n
    return mean, (squares / n - mean**2).clamp(min=0).sqrt()


@alternative("mc_dropout")
@torch.inference_mode()
def dropout_in_inference_mode(model, x, n):
    flags = [module.training for module in model.modules()]
    model.eval()
    for module in model.modules():
        alpha = isinstance(module, nn.AlphaDropout | nn.FeatureAlphaDropout)
        if isinstance(module, nn.modules.dropout._DropoutNd) and not alpha:
            module.train()
    outputs = torch.stack([model(x) for _ in range(n)])
    for module, flag in zip(model.modules(), flags, strict=True):
        module.training = flag
    return outputs.mean(0), outputs.std(0, correction=0)


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


@alternative("ema_update_")
def averaged_by_pytorchs_own(ema, model, decay):
    if max(0, min(1, decay)) != decay:
        raise ValueError("decay")
    get_ema_multi_avg_fn(decay)(list(ema.parameters()), list(model.parameters()), 0)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.data = theirs.detach().clone()


@alternative("ema_update_")
def averaged_by_loading_a_state(ema, model, decay):
    if not 0 <= decay <= 1:
        raise ValueError
    parameters = {name for name, _ in ema.named_parameters(remove_duplicate=False)}
    mine, theirs = ema.state_dict(), model.state_dict()
    average = {
        name: decay * mine[name] + (1 - decay) * theirs[name] if name in parameters else theirs[name] for name in mine
    }
    ema.load_state_dict(average)
    buffers = dict(model.named_buffers())
    for name, buffer in ema.named_buffers():
        buffer.copy_(buffers[name])


@alternative("ema_update_")
@torch.inference_mode()
def averaged_in_inference_mode(ema, model, decay):
    if decay > 1 or decay < 0:
        raise ValueError(decay)
    for mine, theirs in zip(ema.parameters(), model.parameters(), strict=True):
        mine.mul_(decay).add_(theirs * (1 - decay))
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)
