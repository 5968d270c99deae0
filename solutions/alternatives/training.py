"""Other right solutions, in other styles than the reference: every check passes on each of them."""

import copy
import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler, TensorDataset

from autograder import alternative


@alternative("predicted_weight")
def weight_as_a_tensor():
    return torch.tensor(1 - 0.1 * 2 - 0.1 * 4)


@alternative("predicted_steps")
def steps_computed():
    return 3 * math.ceil(50 / 8)


@alternative("predicted_best")
def best_as_an_integer():
    return 20


@alternative("train_step")
def step_cleared_first(model, optimizer, loss_fn, xb, yb):
    optimizer.zero_grad(set_to_none=False)
    model.train(True)
    predictions = model(xb)
    loss = loss_fn(predictions, yb)
    loss.backward()
    optimizer.step()
    return float(loss)


@alternative("train_step")
def step_with_a_closure(model, optimizer, loss_fn, xb, yb):
    model.train()

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        return loss

    return optimizer.step(closure).item()


@alternative("train_step")
def step_with_autograd_grad(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    held = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    for p, slope in zip(held, torch.autograd.grad(loss, held, allow_unused=True), strict=True):
        p.grad = slope
    optimizer.step()
    return loss.detach().tolist()


@alternative("train_step")
def step_cleared_before_and_after(model, optimizer, loss_fn, xb, yb):
    for module in model.modules():
        module.training = True
    for p in model.parameters():
        p.grad = None
    loss = loss_fn(model.__call__(xb), yb)
    value = loss.item()
    loss.backward()
    optimizer.step()
    model.zero_grad()
    return value


@alternative("minibatches")
def batches_by_index_select(X, y, batch_size, generator):
    if X.shape[0] != y.shape[0] or batch_size < 1:
        raise ValueError
    return _selected(X, y, batch_size, generator)


def _selected(X, y, batch_size, generator):
    order = torch.randperm(X.shape[0], generator=generator).to(X.device)
    X, y = X.index_select(0, order), y.index_select(0, order)
    while len(X):
        yield X[:batch_size], y[:batch_size]
        X, y = X[batch_size:], y[batch_size:]


@alternative("minibatches")
def batches_by_sorting_random_numbers(X, y, batch_size, generator):
    if len(X) != len(y):
        raise ValueError("lengths differ")
    if batch_size <= 0:
        raise ValueError("no samples in a batch")
    keys = torch.rand(len(X), generator=generator, dtype=torch.float64)
    for chosen in keys.argsort().split(batch_size):
        if len(chosen):
            yield X[chosen], y[chosen]


@alternative("minibatches")
def batches_with_a_loader(X, y, batch_size, generator):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError
    if len(X) == 0:
        return iter(())
    return iter(DataLoader(TensorDataset(X, y), batch_size, shuffle=True, generator=generator))


@alternative("minibatches")
def batches_with_samplers(X, y, batch_size, generator):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError
    if len(X):
        for chosen in BatchSampler(RandomSampler(range(len(X)), generator=generator), batch_size, drop_last=False):
            yield torch.stack([X[index] for index in chosen]), torch.stack([y[index] for index in chosen])


@alternative("minibatches")
def batches_by_fisher_and_yates(X, y, batch_size, generator):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError
    seed = torch.randint(2**62, (), generator=generator).item()
    order = list(range(len(X)))
    choose = np.random.default_rng(seed)
    for last in range(len(X) - 1, 0, -1):
        other = int(choose.integers(last + 1))
        order[last], order[other] = order[other], order[last]
    return ((X[order[i : i + batch_size]], y[order[i : i + batch_size]]) for i in range(0, len(X), batch_size))


@alternative("minibatches")
class BatchesAsAnIterator:
    def __init__(self, X, y, batch_size, generator):
        if len(X) != len(y) or batch_size < 1:
            raise ValueError
        self.X, self.y = X, y
        self.left = list(torch.randperm(len(X), generator=generator).split(batch_size)) if len(X) else []

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        chosen = self.left.pop(0)
        return torch.take_along_dim(self.X, _as_wide(chosen, self.X), 0), self.y[chosen]


def _as_wide(chosen, X):
    return chosen.reshape(-1, *[1] * (X.dim() - 1)).expand(-1, *X.shape[1:])


@alternative("fit")
def fit_in_one_piece(model, X, y, *, epochs, batch_size, lr, seed):
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr, 0.9)
    generator = torch.Generator()
    generator.manual_seed(seed)
    history = []
    for _epoch in range(epochs):
        losses = []
        for chosen in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(X[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            losses += [loss.item()] * len(chosen)
        history.append(sum(losses) / len(losses))
    return history


@alternative("fit")
def fit_with_a_loader(model, X, y, *, epochs, batch_size, lr, seed):
    modes = {module: module.training for module in model.modules()}
    model.train()
    loader = DataLoader(
        TensorDataset(X, y), batch_size=batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed)
    )
    criterion = nn.CrossEntropyLoss(reduction="none")
    optimizer = torch.optim.SGD(list(model.parameters()), lr=lr, momentum=0.9)
    history = []
    for _ in range(epochs):
        losses = []
        for xb, yb in loader:
            each = criterion(model(xb), yb)
            each.mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(each.detach())
        history.append(torch.cat(losses).mean().item())
    for module, mode in modes.items():
        module.training = mode
    return history


@alternative("fit")
def fit_with_log_probabilities(model, X, y, *, epochs, batch_size, lr, seed):
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD([{"params": model.parameters(), "momentum": 0.9}], lr=lr)
    means = torch.zeros(epochs, dtype=torch.float64)
    for epoch in range(epochs):
        order = torch.rand(len(X), generator=rng, dtype=torch.float64).argsort()
        X_epoch, y_epoch = X[order], y[order]
        for start in range(0, len(X), batch_size):
            model.train()
            xb, yb = X_epoch[start : start + batch_size], y_epoch[start : start + batch_size]
            log_p = model(xb).log_softmax(dim=1)
            total = -log_p[torch.arange(len(yb)), yb].sum()
            model.zero_grad()
            (total / len(yb)).backward()
            optimizer.step()
            means[epoch] += total.item() / len(X)
    return means.tolist()


@alternative("fit")
def fit_with_a_forked_state(model, X, y, *, epochs, batch_size, lr, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, foreach=False)
        history = []
        for _ in range(epochs):
            model.train()
            losses = torch.empty(len(y), dtype=torch.float64)
            for chosen in torch.randperm(len(y)).split(batch_size):

                def closure(chosen=chosen, losses=losses):
                    optimizer.zero_grad()
                    each = F.cross_entropy(model(X[chosen]), y[chosen], reduction="none")
                    losses[chosen] = each.detach().double()
                    mean = each.mean()
                    mean.backward()
                    return mean

                optimizer.step(closure)
            history.append(float(losses.mean()))
        return history


@alternative("fit_early_stopping")
def stop_with_a_saved_file(model, train_epoch, val_loss, *, max_epochs, patience):
    file, best, epoch, bad = None, (-1, math.inf), 0, 0
    while epoch < max_epochs and bad < patience:
        train_epoch()
        loss = val_loss()
        bad += 1
        if loss < best[1]:
            best, bad, file = (epoch, loss), 0, io.BytesIO()
            torch.save([*model.parameters(), *model.buffers()], file)
        epoch += 1
    if file is not None:
        file.seek(0)
        for tensor, saved in zip([*model.parameters(), *model.buffers()], torch.load(file), strict=True):
            tensor.data.copy_(saved)
    return best


@alternative("fit_early_stopping")
def stop_with_cloned_tensors(model, train_epoch, val_loss, *, max_epochs, patience):
    kept, best, bad = None, (-1, math.inf), 0
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if loss < best[1]:
            best, bad = (epoch, loss), 0
            kept = {name: tensor.detach().clone() for name, tensor in (*model.named_parameters(), *model.named_buffers())}
        else:
            bad += 1
        if bad == patience:
            break
    if kept:
        with torch.no_grad():
            for name, tensor in (*model.named_parameters(), *model.named_buffers()):
                tensor.copy_(kept[name])
    return best


@alternative("fit_early_stopping")
def stop_with_a_copied_model(model, train_epoch, val_loss, *, max_epochs, patience):
    losses, keeper = [], None
    while len(losses) < max_epochs:
        train_epoch()
        losses.append(val_loss())
        finite = [loss for loss in losses if loss < math.inf]
        lowest = losses.index(min(finite)) if finite else -1
        if lowest == len(losses) - 1:
            keeper = copy.deepcopy(model)
        elif len(losses) - 1 - lowest >= patience:
            break
    if keeper is None:
        return -1, float("inf")
    for mine, theirs in zip(model.parameters(), keeper.parameters(), strict=True):
        mine.data.copy_(theirs.data)
    for mine, theirs in zip(model.buffers(), keeper.buffers(), strict=True):
        mine.copy_(theirs)
    return lowest, losses[lowest]


@alternative("fit_early_stopping")
def stop_with_snapshots_of_every_epoch(model, train_epoch, val_loss, *, max_epochs, patience):
    snapshots, best_epoch, best_loss, left = [], -1, math.inf, patience
    for epoch in range(max_epochs):
        train_epoch()
        others = {name: buffer.clone() for name, buffer in model.named_buffers()}
        snapshots.append((copy.deepcopy(model.state_dict()), others))
        loss = val_loss()
        improved = not math.isnan(loss) and loss < best_loss
        left = patience if improved else left - 1
        if improved:
            best_epoch, best_loss = epoch, loss
        if not left:
            break
    if best_epoch >= 0:
        state, others = snapshots[best_epoch]
        model.load_state_dict(state)
        for name, buffer in model.named_buffers():
            buffer.set_(others[name])
    return best_epoch, best_loss


@alternative("seeded_loader")
def loader_of_a_list(X, y, batch_size, seed, train=True):
    if X.shape[0] != y.shape[0]:
        raise ValueError
    order = torch.Generator()
    order.manual_seed(seed)
    return DataLoader(list(zip(X, y, strict=True)), batch_size, train, generator=order)


@alternative("seeded_loader")
def loader_with_samplers(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    data, order = TensorDataset(X, y), torch.Generator().manual_seed(seed)
    sampler = RandomSampler(data, generator=order) if train else SequentialSampler(data)
    return DataLoader(data, batch_sampler=BatchSampler(sampler, batch_size, drop_last=False), generator=order)


class _Pairs(Dataset):
    """Samples and labels that are fetched a batch at a time."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, place):
        return self.X[place], self.y[place]


@alternative("seeded_loader")
def loader_of_a_data_set(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    order = torch.Generator().manual_seed(seed)
    if train:
        return DataLoader(_Pairs(X, y), batch_size=batch_size, shuffle=True, generator=order, num_workers=0)
    return DataLoader(_Pairs(X, y), batch_size=batch_size, generator=order)


@alternative("seeded_loader")
def loader_that_indexes_whole_batches(X, y, batch_size, seed, train=True):
    if len(X) != len(y):
        raise ValueError
    order = torch.Generator().manual_seed(seed)

    class Orders:
        def __iter__(self):
            places = torch.randperm(len(X), generator=order) if train else torch.arange(len(X))
            return iter(places.split(batch_size))

        def __len__(self):
            return math.ceil(len(X) / batch_size)

    return DataLoader(_Pairs(X, y), sampler=Orders(), batch_size=None, generator=order)
