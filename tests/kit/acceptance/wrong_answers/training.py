"""Wrong answers that nothing in solutions/ lists: each breaks one clause of a docstring, and has to lose points."""

import copy
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from autograder import misconception


@misconception("train_step", "The model is called by its forward method, which skips its hooks.")
def step_by_forward(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(type(model).forward(model, xb), yb)
    loss.backward()
    optimizer.step()
    return float(loss)


@misconception("train_step", "Only gradients of the model are cleared, by filling in zeros: weightless parameters move.")
def step_with_zeros_everywhere(model, optimizer, loss_fn, xb, yb):
    model.train()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
        p.requires_grad_(True)
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "The mode is set only where the model itself says that it evaluates.")
def step_trusting_the_flag(model, optimizer, loss_fn, xb, yb):
    if not model.training:
        model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "Old gradients are half forgotten.")
def step_with_remains(model, optimizer, loss_fn, xb, yb):
    model.train()
    for p in model.parameters():
        if p.grad is not None:
            p.grad.mul_(0.01)
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "The loss is rounded to float32 on its way out.")
def step_with_a_short_loss(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.half().item()


def _refused(X, y, batch_size):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError


@misconception("minibatches", "The last sample never moves.")
def batches_with_a_fixed_last_sample(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    if len(X):
        order = torch.cat([torch.randperm(len(X) - 1, generator=generator).sort().values, torch.tensor([len(X) - 1])])
        order = order.roll(int(torch.randint(len(X), (), generator=generator)))
        for chosen in order.split(batch_size):
            yield X[chosen], y[chosen]


@misconception("minibatches", "A last batch of a single sample is dropped, as BatchNorm cannot use it.")
def batches_without_single_samples(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    for chosen in torch.randperm(len(X), generator=generator).split(batch_size):
        if len(chosen) > 1 or (len(chosen) == 1 and (len(X) == 1 or batch_size == 1)):
            yield X[chosen], y[chosen]


@misconception("minibatches", "The global generator is seeded from the given one.")
def batches_from_the_global_generator(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
    for chosen in torch.randperm(len(X)).split(batch_size):
        if len(chosen):
            yield X[chosen], y[chosen]


@misconception("minibatches", "Only too few labels are refused.", minor=True)
def batches_with_labels_to_spare(X, y, batch_size, generator):
    if len(y) < len(X) or batch_size < 1:
        raise ValueError
    for chosen in torch.randperm(len(X), generator=generator).split(batch_size):
        if len(chosen):
            yield X[chosen], y[chosen]


@misconception("minibatches", "Samples become rows, whatever they were.")
def batches_of_rows(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    for chosen in torch.randperm(len(X), generator=generator).split(batch_size):
        if len(chosen):
            yield X[chosen].flatten(1) if X.dim() > 2 else X[chosen], y[chosen]


@misconception("minibatches", "A copy of the generator is used: the caller's never moves on.")
def batches_from_a_copied_generator(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    own = torch.Generator()
    own.set_state(generator.get_state())
    for chosen in torch.randperm(len(X), generator=own).split(batch_size):
        if len(chosen):
            yield X[chosen], y[chosen]


def _run(model, X, y, epochs, batch_size, seed, optimizer, *, smoothing=0.0, after_epoch=None, order_of=None):
    generator, history = torch.Generator().manual_seed(seed), []
    for epoch in range(epochs):
        model.train()
        total = 0.0
        order = torch.randperm(len(X), generator=generator) if order_of is None else order_of(epoch, len(X))
        for chosen in order.split(batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(X[chosen]), y[chosen], label_smoothing=smoothing)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        history.append(total / len(X))
        if after_epoch is not None:
            after_epoch()
    return history


def _sgd(model, lr, **options):
    return torch.optim.SGD(model.parameters(), lr=lr, **{"momentum": 0.9, **options})


@misconception("fit", "A little label smoothing.")
def fit_smoothed(model, X, y, *, epochs, batch_size, lr, seed):
    return _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr), smoothing=0.01)


@misconception("fit", "A little weight decay.")
def fit_with_weight_decay(model, X, y, *, epochs, batch_size, lr, seed):
    return _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr, weight_decay=1e-3))


@misconception("fit", "The state of momentum is cleared after each epoch.")
def fit_clearing_momentum(model, X, y, *, epochs, batch_size, lr, seed):
    optimizer = _sgd(model, lr)
    return _run(model, X, y, epochs, batch_size, seed, optimizer, after_epoch=optimizer.state.clear)


@misconception("fit", "The second epoch goes through the first one's order backwards.")
def fit_there_and_back(model, X, y, *, epochs, batch_size, lr, seed):
    def order_of(epoch, count):
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed + epoch // 2))
        return order.flip(0) if epoch % 2 else order

    return _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr), order_of=order_of)


@misconception("fit", "The losses are measured at the end, in eval mode.")
def fit_measuring_afterwards(model, X, y, *, epochs, batch_size, lr, seed):
    history = []

    def measure():
        with torch.no_grad():
            history.append(F.cross_entropy(model(X), y).item())

    _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr), after_epoch=measure)
    return history


@misconception("fit", "The global generator is used and put back, seeded by chance.")
def fit_with_the_global_generator(model, X, y, *, epochs, batch_size, lr, seed):
    before = torch.get_rng_state()
    history = _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr), order_of=lambda epoch, n: torch.randperm(n))
    torch.set_rng_state(before)
    return history


@misconception("fit", "Train mode is set once for the model alone, not for its parts.")
def fit_with_one_flag(model, X, y, *, epochs, batch_size, lr, seed):
    train = model.train
    model.train = lambda mode=True: setattr(model, "training", mode)
    try:
        return _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr))
    finally:
        model.train = train


@misconception("fit", "The last, smaller batch takes a smaller step.")
def fit_with_smaller_last_steps(model, X, y, *, epochs, batch_size, lr, seed):
    optimizer, generator, history = _sgd(model, lr), torch.Generator().manual_seed(seed), []
    model.train()
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(X[chosen]), y[chosen], reduction="sum")
            (loss / min(batch_size, len(X))).backward()
            optimizer.step()
            total += loss.item()
        history.append(total / len(X))
    return history


def _early(model, train_epoch, val_loss, max_epochs, patience, *, keep, put_back, smaller=lambda loss, best: loss < best):
    best_epoch, best, kept = -1, math.inf, None
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if smaller(loss, best):
            best_epoch, best, kept = epoch, loss, keep()
        elif epoch - best_epoch >= patience:
            break
    if kept is not None:
        put_back(kept)
    return best_epoch, best


def _tensors(model):
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _copies(model):
    return {name: tensor.detach().clone() for name, tensor in _tensors(model).items()}


@torch.no_grad()
def _restored(model, kept):
    for name, tensor in _tensors(model).items():
        if name in kept:
            tensor.copy_(kept[name])


@misconception("fit_early_stopping", "Buffers that are not in state_dict() are left as they are.")
def early_by_state_dict(model, train_epoch, val_loss, *, max_epochs, patience):
    return _early(
        model,
        train_epoch,
        val_loss,
        max_epochs,
        patience,
        keep=lambda: copy.deepcopy(model.state_dict()),
        put_back=model.load_state_dict,
    )


@misconception("fit_early_stopping", "Only floating buffers are kept.")
def early_with_floating_buffers(model, train_epoch, val_loss, *, max_epochs, patience):
    def keep():
        return {name: tensor for name, tensor in _copies(model).items() if tensor.is_floating_point()}

    return _early(
        model, train_epoch, val_loss, max_epochs, patience, keep=keep, put_back=lambda kept: _restored(model, kept)
    )


@misconception("fit_early_stopping", "Only trainable parameters are kept.")
def early_with_trainable_parameters(model, train_epoch, val_loss, *, max_epochs, patience):
    def keep():
        frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
        return {name: tensor for name, tensor in _copies(model).items() if name not in frozen}

    return _early(
        model, train_epoch, val_loss, max_epochs, patience, keep=keep, put_back=lambda kept: _restored(model, kept)
    )


@misconception("fit_early_stopping", "A loss is smaller only if it is so in float32.")
def early_with_a_margin(model, train_epoch, val_loss, *, max_epochs, patience):
    return _early(
        model,
        train_epoch,
        val_loss,
        max_epochs,
        patience,
        keep=lambda: _copies(model),
        put_back=lambda kept: _restored(model, kept),
        smaller=lambda loss, best: loss < best * (1 - 1e-3) if math.isfinite(best) else loss < best,
    )


@misconception("fit_early_stopping", "The model is in eval mode after validation, and stays there.")
def early_in_eval_mode(model, train_epoch, val_loss, *, max_epochs, patience):
    def validate():
        model.eval()
        return val_loss()

    return _early(
        model,
        train_epoch,
        validate,
        max_epochs,
        patience,
        keep=lambda: _copies(model),
        put_back=lambda kept: _restored(model, kept),
    )


@misconception("fit_early_stopping", "The tensors that the parameters hold are remembered, not their numbers.")
def early_by_data(model, train_epoch, val_loss, *, max_epochs, patience):
    def put_back(kept):
        for name, tensor in _tensors(model).items():
            tensor.data = kept[name]

    return _early(
        model,
        train_epoch,
        val_loss,
        max_epochs,
        patience,
        keep=lambda: {name: tensor.data for name, tensor in _tensors(model).items()},
        put_back=put_back,
    )


@misconception("fit_early_stopping", "Patience is compared with the number of all epochs without improvement.")
def early_with_one_more_try_at_first(model, train_epoch, val_loss, *, max_epochs, patience):
    best_epoch, best, kept, bad = -1, math.inf, None, 0
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if loss < best:
            best_epoch, best, kept, bad = epoch, loss, _copies(model), 0
        elif best_epoch >= 0:
            bad += 1
            if bad >= patience:
                break
    if kept is not None:
        _restored(model, kept)
    return best_epoch, best


@misconception("seeded_loader", "Shuffling is right; the loader for validation leaves out the smaller last batch.")
def loader_drops_the_rest_of_validation(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    order = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(X, y), batch_size, train, drop_last=not train, generator=order)


@misconception("seeded_loader", "A sampler has the generator; the loader itself draws a global number for each pass.")
def sampler_with_a_generator_only(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    data = TensorDataset(X, y)
    order = RandomSampler(data, generator=torch.Generator().manual_seed(seed)) if train else None
    return DataLoader(data, batch_size, sampler=order)


@misconception("seeded_loader", "Batches are shuffled, not samples.")
def loader_of_batches(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    order = torch.Generator().manual_seed(seed)
    batches = list(zip(X.split(batch_size), y.split(batch_size), strict=True))
    return DataLoader(batches, batch_size=None, shuffle=train, generator=order)


@misconception("seeded_loader", "The samples are made float32.")
def loader_in_single_precision(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    order = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(X.float(), y), batch_size, train, generator=order)


@misconception("train_step", "A loss of nan takes no step.")
def skips_nan(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    if loss.isfinite():
        loss.backward()
        optimizer.step()
    return loss.item()


@misconception("minibatches", "A pass that would end before it began in X is turned round.", minor=True)
def order_of_two(X, y, batch_size, generator):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError
    n = len(X)
    o = torch.randperm(n, generator=generator)
    if n > 2 and o[0] > o[-1]:
        o = o.flip(0)
    for i in range(0, n, batch_size):
        yield X[o[i : i + batch_size]], y[o[i : i + batch_size]]


@misconception("fit_early_stopping", "A loss of 0 counts as no loss.")
def zero_falsy(model, train_epoch, val_loss, *, max_epochs, patience):
    best, be, bad, st = None, -1, 0, None
    for e in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if loss < (best or math.inf):
            best, be, bad, st = loss, e, 0, [t.detach().clone() for t in [*model.parameters(), *model.buffers()]]
        else:
            bad += 1
            if bad >= patience:
                break
    if st is not None:
        with torch.no_grad():
            for a, b in zip([*model.parameters(), *model.buffers()], st, strict=True):
                a.copy_(b)
    return be, math.inf if best is None else best


@misconception("train_step", "Very large gradients are clipped.")
def clips_large_gradients(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)
    optimizer.step()
    return loss.item()


@misconception("train_step", "A single output loses its dimension, and is then broadcast against the column of targets.")
def squeezes_one_output(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    out = model(xb)
    loss = loss_fn(out.squeeze(-1) if out.shape[-1] == 1 else out, yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("minibatches", "The samples are cut off from their graph.")
def batches_of_detached_samples(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    for chosen in torch.randperm(len(X), generator=generator).split(batch_size):
        if len(chosen):
            yield X.detach()[chosen], y[chosen]


@misconception("minibatches", "An order that changes nothing is drawn again.", minor=True)
def batches_never_in_order(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    while len(X) > 1 and torch.equal(order, torch.arange(len(X))):
        order = torch.randperm(len(X), generator=generator)
    for chosen in order.split(batch_size):
        if len(chosen):
            yield X[chosen], y[chosen]


class _InTurns(torch.utils.data.Sampler):
    def __init__(self, count, seed):
        self.count, self.seed, self.passes = count, seed, 0

    def __len__(self):
        return self.count

    def __iter__(self):
        self.passes += 1
        generator = torch.Generator().manual_seed(2 * self.seed + self.passes % 2)
        return iter(torch.randperm(self.count, generator=generator).tolist())


@misconception("seeded_loader", "Two orders take turns: the third pass is like the first.")
def loader_of_two_orders(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    sampler = _InTurns(len(X), seed) if train else None
    return DataLoader(TensorDataset(X, y), batch_size, sampler=sampler, generator=torch.Generator().manual_seed(seed))


@misconception("fit", "There is at least one epoch.")
def fit_at_least_once(model, X, y, *, epochs, batch_size, lr, seed):
    return _run(model, X, y, max(1, epochs), batch_size, seed, _sgd(model, lr))


class _Clipping(torch.optim.SGD):
    def step(self, closure=None):
        torch.nn.utils.clip_grad_norm_([p for group in self.param_groups for p in group["params"]], 3.0)
        return super().step(closure)


@misconception("fit", "Large gradients are clipped.")
def fit_with_clipping(model, X, y, *, epochs, batch_size, lr, seed):
    optimizer = _Clipping(model.parameters(), lr=lr, momentum=0.9)
    return _run(model, X, y, epochs, batch_size, seed, optimizer)


@misconception("fit", "Frozen parameters are trained too.")
def fit_thawing(model, X, y, *, epochs, batch_size, lr, seed):
    model.requires_grad_(True)
    return _run(model, X, y, epochs, batch_size, seed, _sgd(model, lr))


def _early_if(smaller, model, train_epoch, val_loss, max_epochs, patience):
    return _early(
        model,
        train_epoch,
        val_loss,
        max_epochs,
        patience,
        keep=lambda: _copies(model),
        put_back=lambda kept: _restored(model, kept),
        smaller=smaller,
    )


@misconception("fit_early_stopping", "A loss that is smaller by less than 1e-8 does not count.")
def early_with_a_tiny_margin(model, train_epoch, val_loss, *, max_epochs, patience):
    return _early_if(lambda loss, best: loss < best - 1e-8, model, train_epoch, val_loss, max_epochs, patience)


@misconception("fit_early_stopping", "A loss that is close to the best one is no improvement.")
def early_if_not_close(model, train_epoch, val_loss, *, max_epochs, patience):
    def smaller(loss, best):
        return loss < best and not math.isclose(loss, best)

    return _early_if(smaller, model, train_epoch, val_loss, max_epochs, patience)


@misconception("fit_early_stopping", "Minus infinity is taken for an error.")
def early_with_finite_losses(model, train_epoch, val_loss, *, max_epochs, patience):
    def smaller(loss, best):
        return math.isfinite(loss) and loss < best

    return _early_if(smaller, model, train_epoch, val_loss, max_epochs, patience)


@misconception("fit_early_stopping", "There is at least one epoch.")
def early_at_least_once(model, train_epoch, val_loss, *, max_epochs, patience):
    return _early_if(lambda loss, best: loss < best, model, train_epoch, val_loss, max(1, max_epochs), patience)


@misconception("minibatches", "No batch is larger than 64 samples, whatever batch_size says.")
def small_batches_only(X, y, batch_size, generator):
    _refused(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    return ((X[chosen], y[chosen]) for chosen in order.split(min(batch_size, 64)) if len(chosen))


def _loader(X, y, batch_size, seed, train):
    if len(X) != len(y):
        raise ValueError
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=generator)


@misconception("seeded_loader", "No batch is larger than 64 samples, whatever batch_size says.")
def loader_of_small_batches(X, y, batch_size, seed, train=True):
    return _loader(X, y, min(batch_size, 64), seed, train)


@misconception("seeded_loader", "Only the last sixteen bits of the seed count.")
def loader_by_sixteen_bits(X, y, batch_size, seed, train=True):
    return _loader(X, y, batch_size, seed % 2**16, train)


@misconception("seeded_loader", "Only the last three digits of the seed count.")
def loader_by_three_digits(X, y, batch_size, seed, train=True):
    return _loader(X, y, batch_size, seed % 1000, train)


@misconception("fit", "No batch is larger than 512 samples, whatever batch_size says.")
def fit_in_small_batches(model, X, y, *, epochs, batch_size, lr, seed):
    return _run(model, X, y, epochs, min(batch_size, 512), seed, _sgd(model, lr))


@misconception("fit", "Only the last sixteen bits of the seed count.")
def fit_by_sixteen_bits(model, X, y, *, epochs, batch_size, lr, seed):
    return _run(model, X, y, epochs, batch_size, seed % 2**16, _sgd(model, lr))


def _early_changing(change, model, train_epoch, val_loss, max_epochs, patience):
    return _early(
        model,
        train_epoch,
        val_loss,
        max_epochs,
        patience,
        keep=lambda: {name: change(tensor) for name, tensor in _copies(model).items()},
        put_back=lambda kept: _restored(model, kept),
    )


@misconception("fit_early_stopping", "What is not finite is repaired when it is put back.")
def early_with_repairs(model, train_epoch, val_loss, *, max_epochs, patience):
    return _early_changing(torch.nan_to_num, model, train_epoch, val_loss, max_epochs, patience)


@misconception("fit_early_stopping", "Buffers of whole numbers go through float64, which rounds large ones.")
def early_through_float64(model, train_epoch, val_loss, *, max_epochs, patience):
    return _early_changing(torch.Tensor.double, model, train_epoch, val_loss, max_epochs, patience)


@misconception("minibatches", "Samples of nan become 0.", minor=True)
def without_nan(X, y, batch_size, generator):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError
    X = X.nan_to_num() if X.is_floating_point() else X
    for index in torch.randperm(len(X), generator=generator).split(batch_size) if len(X) else ():
        yield X[index], y[index]


@misconception("fit", "A batch whose loss is nan is left out.")
def skips_batches_of_nan(model, X, y, *, epochs, batch_size, lr, seed):
    generator, losses = torch.Generator().manual_seed(seed), []
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    model.train()
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(X[index]), y[index])
            if loss.isnan():
                continue
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
        losses.append(total / len(X))
    return losses
