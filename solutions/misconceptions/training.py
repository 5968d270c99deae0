"""Wrong solutions that students write, each with the sentence that helps."""

import copy
import math
import random

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from autograder import misconception


@misconception("predicted_weight", "You cleared the gradient between the steps. Does this loop?")
def weight_as_if_cleared():
    return 0.6


@misconception("predicted_weight", "How many times does the loop run?")
def weight_after_one_step():
    return 0.8


@misconception("predicted_weight", "Which way does an optimizer step: along the gradient, or against it?")
def weight_goes_up():
    return 1.6


@misconception("predicted_weight", "You wrote down what is in .grad. The question asks for the weight.")
def gradient_for_weight():
    return 4.0


@misconception("predicted_weight", "The gradient has accumulated by the second step, but not yet at the first.")
def both_steps_with_the_sum():
    return 0.2


@misconception("predicted_steps", "What happens to the samples that do not fill a batch?")
def steps_without_the_rest():
    return 18


@misconception("predicted_steps", "That is the number of steps in one epoch. How many epochs are there?")
def steps_of_one_epoch():
    return 7


@misconception("predicted_steps", "Does the optimizer step once per epoch, or once per batch?")
def one_step_an_epoch():
    return 3


@misconception("predicted_steps", "Does a batch continue with samples from the next epoch?")
def steps_across_epochs():
    return 19


@misconception("predicted_steps", "Does the optimizer step once per sample, or once per batch?")
def steps_for_each_sample():
    return 150


@misconception(
    "predicted_best", "You assume the dict is a copy. Print both addresses: best['weight'].data_ptr() and the weight's."
)
def taken_for_a_copy():
    return 2.0


@misconception("predicted_best", "What does mul_ do with the number that is already there?")
def taken_for_fill():
    return 10.0


@misconception("predicted_best", "mul_ changes the number, but not by adding.")
def taken_for_a_sum():
    return 12.0


@misconception("predicted_best", "There is one tensor with two names. How many times is it multiplied?")
def multiplied_under_both_names():
    return 200.0


@misconception("predicted_best", "The weight starts out with a number: does multiplying set it to zero?")
def taken_for_zero():
    return 0.0


# train_step


@misconception("train_step", "Each step also applies the gradients of all earlier steps.")
def no_zero(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "No parameter moves: is optimizer.step() called, and what is in .grad just before it?",
    also_true_of=("never_steps",),
)
def zero_after_backward(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@misconception("train_step", "You tidy up after yourself, but what if someone before you did not?")
def zero_at_the_end_only(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@misconception("train_step", "You update before there is a gradient for this batch.")
def step_first(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


@misconception("train_step", "How many times do the parameters change in one call? Count the steps.")
def two_steps(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    optimizer.step()
    return loss.item()


@misconception("train_step", "You changed the gradients before the step. Does the docstring ask for that?")
def clips_gradients(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
    optimizer.step()
    return loss.item()


@misconception("train_step", "A parameter that has never had a gradient has none to set to zero.")
def zeroes_what_is_not_there(model, optimizer, loss_fn, xb, yb):
    model.train()
    for p in model.parameters():
        p.grad.zero_()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "You compute gradients but never use them: do the parameters change?",
    also_true_of=("zero_after_backward",),
)
def never_steps(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    return loss.item()


@misconception("train_step", "After an evaluation, the model is still in eval mode - and your step leaves it there.")
def no_train_mode(model, optimizer, loss_fn, xb, yb):
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "The model is in train mode at the end. Was it when you called it?")
def train_mode_too_late(model, optimizer, loss_fn, xb, yb):
    loss = loss_fn(model(xb), yb)
    model.train()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "Look at the training flag of the layers inside, not just the model's own.")
def flag_of_the_model_only(model, optimizer, loss_fn, xb, yb):
    model.training = True
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "Read again which mode to leave the model in.")
def puts_the_mode_back(model, optimizer, loss_fn, xb, yb):
    before = model.training
    model.train()
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.train(before)
    return loss.item()


@misconception("train_step", "You return a tensor, which keeps the batch's whole graph alive.")
def returns_the_tensor(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


@misconception("train_step", "Detached from its graph, it is still a tensor. The docstring asks for a Python number.")
def returns_a_detached_tensor(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@misconception("train_step", "You return the loss after the update. The docstring asks for the loss before it.")
def loss_after_the_update(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss_fn(model(xb), yb).backward()
    optimizer.step()
    return loss_fn(model(xb), yb).item()


@misconception("train_step", "The batch passes through the model more than once.")
def calls_the_model_twice(model, optimizer, loss_fn, xb, yb):
    model.train()
    value = loss_fn(model(xb), yb).item()
    optimizer.zero_grad()
    loss_fn(model(xb), yb).backward()
    optimizer.step()
    return value


@misconception("train_step", "Not every loss is symmetric: which argument comes from the model?")
def swaps_the_arguments(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(yb, model(xb))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "An optimizer remembers its earlier steps. Does the one that takes your step?")
def makes_an_optimizer(model, optimizer, loss_fn, xb, yb):
    model.train()
    own = type(optimizer)(model.parameters(), **{k: v for k, v in optimizer.param_groups[0].items() if k != "params"})
    loss = loss_fn(model(xb), yb)
    own.zero_grad()
    loss.backward()
    own.step()
    return loss.item()


@misconception("train_step", "The update is done, but what does your function return?")
def step_returns_nothing(model, optimizer, loss_fn, xb, yb):
    model.train()
    loss = loss_fn(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# minibatches


def _refuse(X, y, batch_size):
    if len(X) != len(y) or batch_size < 1:
        raise ValueError


def _taken(X, y, order, batch_size):
    for i in range(0, len(X), batch_size):
        yield X[order[i : i + batch_size]], y[order[i : i + batch_size]]


@misconception("minibatches", "You shuffled samples and labels differently: each picture has some other picture's label.")
def two_perms(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    p, q = torch.randperm(len(X), generator=generator), torch.randperm(len(X), generator=generator)
    for i in range(0, len(X), batch_size):
        yield X[p[i : i + batch_size]], y[q[i : i + batch_size]]


@misconception("minibatches", "The samples have moved. Look at where their labels are.")
def labels_stay(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    for i in range(0, len(X), batch_size):
        yield X[order[i : i + batch_size]], y[i : i + batch_size]


@misconception("minibatches", "If you draw indices independently, some samples occur twice and others never.")
def with_replacement(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    for i in range(0, len(X), batch_size):
        j = torch.randint(0, len(X), (min(batch_size, len(X) - i),), generator=generator)
        yield X[j], y[j]


@misconception("minibatches", "You draw each batch without regard to the earlier ones: does every sample get its turn?")
def permutes_for_each_batch(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    for i in range(0, len(X), batch_size):
        j = torch.randperm(len(X), generator=generator)[: min(batch_size, len(X) - i)]
        yield X[j], y[j]


@misconception("minibatches", "Only the order of the batches changes; the same samples always stay together.")
def shuffles_batches(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    starts = list(range(0, len(X), batch_size))
    if starts:
        last = starts.pop()
        for k in torch.randperm(len(starts), generator=generator).tolist():
            yield X[starts[k] : starts[k] + batch_size], y[starts[k] : starts[k] + batch_size]
        yield X[last:], y[last:]


@misconception("minibatches", "You shuffle only within each batch. Which samples can ever share a batch?")
def shuffles_inside_batches(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    for xb, yb in zip(X.split(batch_size), y.split(batch_size), strict=True):
        if len(xb):
            order = torch.randperm(len(xb), generator=generator)
            yield xb[order], yb[order]


@misconception("minibatches", "Every sample is there once, but print the first batch of two passes.")
def not_shuffled(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    yield from _taken(X, y, torch.arange(len(X)), batch_size)


@misconception("minibatches", "You start at a random position. Which samples are neighbours in each pass?")
def begins_anywhere(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    if len(X):
        order = (torch.arange(len(X)) + torch.randint(1, len(X) + 1, (), generator=generator)) % len(X)
        yield from _taken(X, y, order, batch_size)


@misconception("minibatches", "You rearranged the caller's data set in place.")
def in_place(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    p = torch.randperm(len(X), generator=generator)
    X[:] = X[p]
    y[:] = y[p]
    for i in range(0, len(X), batch_size):
        yield X[i : i + batch_size], y[i : i + batch_size]


@misconception("minibatches", "With 10 samples in batches of 4, where are the last two?")
def drops_the_rest(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    for i in range(0, len(X) - batch_size + 1, batch_size):
        yield X[order[i : i + batch_size]], y[order[i : i + batch_size]]


@misconception(
    "minibatches", "What does your loop yield at the end if the batches fit exactly, as with 12 samples in batches of 4?"
)
def one_batch_too_many(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    for i in range(len(X) // batch_size + 1):
        j = order[i * batch_size : (i + 1) * batch_size]
        yield X[j], y[j]


@misconception("minibatches", "Splitting nothing gives one empty part. What should a data set without samples yield?")
def empty_batch(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    for j in torch.randperm(len(X), generator=generator).split(batch_size):
        yield X[j], y[j]


@misconception("minibatches", "This is the whole data set in random order. How many samples should one batch have?")
def everything_at_once(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    if len(X):
        yield X[order], y[order]


@misconception("minibatches", "batch_size is the number of samples in a batch, not the number of batches.")
def so_many_batches(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    if len(X):
        for j in torch.randperm(len(X), generator=generator).chunk(batch_size):
            yield X[j], y[j]


@misconception("minibatches", "You were given a generator. Does the call that draws the order know about it?")
def forgets_the_generator(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    yield from _taken(X, y, torch.randperm(len(X)), batch_size)


@misconception("minibatches", "Make two passes with one generator and compare: a generator continues from where it is.")
def starts_again(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    own = torch.Generator().manual_seed(generator.initial_seed())
    yield from _taken(X, y, torch.randperm(len(X), generator=own), batch_size)


@misconception("minibatches", "Your pass restarts everyone's random numbers. Who owns the global generator?")
def seeds_everybody(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
    yield from _taken(X, y, torch.randperm(len(X)), batch_size)


@misconception("minibatches", "What if there are more labels than samples, or fewer?", minor=True)
def any_lengths(X, y, batch_size, generator):
    if batch_size < 1:
        raise ValueError
    yield from _taken(X, y, torch.randperm(min(len(X), len(y)), generator=generator), batch_size)


@misconception("minibatches", "What does a loop with a negative step do?", minor=True)
def any_batch_size(X, y, batch_size, generator):
    if len(X) != len(y):
        raise ValueError
    yield from _taken(X, y, torch.randperm(len(X), generator=generator), batch_size)


@misconception("minibatches", "Wrong arguments raise an exception, but not the one the docstring asks for.", minor=True)
def asserts(X, y, batch_size, generator):
    assert len(X) == len(y)
    assert batch_size >= 1
    yield from _taken(X, y, torch.randperm(len(X), generator=generator), batch_size)


@misconception("minibatches", "You yield the samples' indices. The docstring asks for the samples themselves.")
def yields_indices(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    for i in range(0, len(X), batch_size):
        yield order[i : i + batch_size], order[i : i + batch_size]


@misconception("minibatches", "Each item you yield is one sample with one label. How many should there be?")
def yields_single_samples(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    for k in torch.randperm(len(X), generator=generator):
        yield X[k], y[k]


@misconception(
    "minibatches", "You fill up the last batch with samples that were already seen. How many times may a sample occur?"
)
def fills_the_last_batch(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = torch.randperm(len(X), generator=generator)
    for i in range(0, len(X), batch_size):
        j = order[i : i + batch_size]
        j = torch.cat([j, order[: batch_size - len(j)]])
        yield X[j], y[j]


@misconception(
    "minibatches",
    "Make two passes over the same data, with generators of equal seeds, and compare the orders.",
    also_true_of=("in_place",),
)
def draws_from_python(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    order = list(range(len(X)))
    random.shuffle(order)
    yield from _taken(X, y, torch.tensor(order, dtype=torch.int64), batch_size)


@misconception("minibatches", "You seed the caller's generator. Make two passes with the same generator and compare.")
def seeds_the_generator(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    generator.manual_seed(0)
    yield from _taken(X, y, torch.randperm(len(X), generator=generator), batch_size)


@misconception("minibatches", "The labels changed their dtype on the way.")
def labels_to_float(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    for xb, yb in _taken(X, y, torch.randperm(len(X), generator=generator), batch_size):
        yield xb, yb.float()


# fit


def _train(
    model,
    X,
    y,
    epochs,
    batch_size,
    lr,
    seed,
    *,
    optimizer_of=lambda model, lr: torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9),
    loss_of=F.cross_entropy,
    order_of=lambda n, g, seed: torch.randperm(n, generator=g),
    clear="batch",
    new_optimizer="never",
    step="batch",
    drop=False,
    training=True,
    generator=None,
):
    """A loop with switches; returns for each epoch the pairs (loss, size) of its batches."""
    optimizer = optimizer_of(model, lr)
    g = generator or torch.Generator().manual_seed(seed)
    model.train(training)
    seen = []
    for _ in range(epochs):
        if new_optimizer == "epoch":
            optimizer = optimizer_of(model, lr)
        if clear == "epoch":
            optimizer.zero_grad()
        pairs = []
        for j in order_of(len(X), g, seed).split(batch_size):
            if drop and len(j) < batch_size:
                continue
            if new_optimizer == "batch":
                optimizer = optimizer_of(model, lr)
            loss = loss_of(model(X[j]), y[j])
            if clear == "batch":
                optimizer.zero_grad()
            if step == "batch":
                loss.backward()
                optimizer.step()
            pairs.append((loss.item(), len(j)))
        if step == "epoch":
            loss.backward()
            optimizer.step()
        seen.append(pairs)
    return seen


def _weighted(seen):
    return [sum(loss * size for loss, size in pairs) / sum(size for _, size in pairs) for pairs in seen]


@misconception("fit", "A new optimizer every epoch loses its momentum every epoch.")
def new_optimizer(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, new_optimizer="epoch"))


@misconception("fit", "Where do you make the optimizer? It never lives long enough to gather momentum.")
def new_optimizer_for_each_batch(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, new_optimizer="batch"))


@misconception("fit", "Compare the order of the samples in two epochs. Where do you make the generator?")
def same_order_every_epoch(model, X, y, *, epochs, batch_size, lr, seed):
    def order_of(n, g, seed):
        return torch.randperm(n, generator=torch.Generator().manual_seed(seed))

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, order_of=order_of))


@misconception("fit", "Print the first batch of two epochs: is anything shuffled?")
def no_shuffling(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, order_of=lambda n, g, seed: torch.arange(n)))


@misconception("fit", "The batches come in a new order every epoch. Do their members change?")
def shuffles_whole_batches(model, X, y, *, epochs, batch_size, lr, seed):
    def order_of(n, g, seed):
        full = n // batch_size
        starts = torch.randperm(full, generator=g) * batch_size
        return torch.cat([(starts[:, None] + torch.arange(batch_size)).flatten(), torch.arange(full * batch_size, n)])

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, order_of=order_of))


@misconception("fit", "In your epoch loss, the small last batch counts as much as a full one.")
def unweighted(model, X, y, *, epochs, batch_size, lr, seed):
    seen = _train(model, X, y, epochs, batch_size, lr, seed)
    return [sum(loss for loss, _ in pairs) / len(pairs) for pairs in seen]


@misconception("fit", "A sum over batches grows with the data set. What should you divide it by?")
def sum_of_losses(model, X, y, *, epochs, batch_size, lr, seed):
    seen = _train(model, X, y, epochs, batch_size, lr, seed)
    return [sum(loss for loss, _ in pairs) for pairs in seen]


@misconception("fit", "You divide a sum of batch means by the number of samples. How should each batch's mean be weighted?")
def divides_means_by_samples(model, X, y, *, epochs, batch_size, lr, seed):
    seen = _train(model, X, y, epochs, batch_size, lr, seed)
    return [sum(loss for loss, _ in pairs) / len(X) for pairs in seen]


@misconception("fit", "How many samples do you weight the last batch by, and how many does it have?")
def weighted_by_batch_size(model, X, y, *, epochs, batch_size, lr, seed):
    seen = _train(model, X, y, epochs, batch_size, lr, seed)
    return [sum(loss * batch_size for loss, _ in pairs) / len(X) for pairs in seen]


@misconception("fit", "Your history grows from epoch to epoch: where do you reset the sum to zero?")
def sum_never_reset(model, X, y, *, epochs, batch_size, lr, seed):
    history, total = [], 0.0
    for pairs in _train(model, X, y, epochs, batch_size, lr, seed):
        total += sum(loss * size for loss, size in pairs)
        history.append(total / len(X))
    return history


@misconception("fit", "Compare with the hand-written losses digit by digit: what rounds yours?")
def rounds_the_losses(model, X, y, *, epochs, batch_size, lr, seed):
    return [round(loss, 3) for loss in _weighted(_train(model, X, y, epochs, batch_size, lr, seed))]


@misconception("fit", "Your epoch loss depends on only one batch. Which one?")
def loss_of_the_last_batch(model, X, y, *, epochs, batch_size, lr, seed):
    return [pairs[-1][0] for pairs in _train(model, X, y, epochs, batch_size, lr, seed)]


@misconception("fit", "Your history has more entries than there are epochs.")
def loss_of_every_batch(model, X, y, *, epochs, batch_size, lr, seed):
    return [loss for pairs in _train(model, X, y, epochs, batch_size, lr, seed) for loss, _ in pairs]


@misconception(
    "fit", "Which parameters should a batch's loss use: those when it was processed, or those at the end of the epoch?"
)
def loss_at_the_end_of_the_epoch(model, X, y, *, epochs, batch_size, lr, seed):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    g, history = torch.Generator().manual_seed(seed), []
    for _ in range(epochs):
        model.train()
        for j in torch.randperm(len(X), generator=g).split(batch_size):
            optimizer.zero_grad()
            F.cross_entropy(model(X[j]), y[j]).backward()
            optimizer.step()
        with torch.no_grad():
            history.append(F.cross_entropy(model(X), y).item())
    return history


@misconception("fit", "cross_entropy already applies something to the model's outputs. Do not apply it twice.")
def softmax_first(model, X, y, *, epochs, batch_size, lr, seed):
    def loss_of(output, target):
        return F.cross_entropy(output.softmax(dim=1), target)

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, loss_of=loss_of))


@misconception("fit", "Classes are not quantities: which loss does the docstring name?")
def squared_error(model, X, y, *, epochs, batch_size, lr, seed):
    def loss_of(output, target):
        return F.mse_loss(output, F.one_hot(target, output.shape[1]).to(output.dtype))

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, loss_of=loss_of))


@misconception("fit", "Your steps grow with the size of the batch: is its loss a sum or a mean?")
def sum_over_the_batch(model, X, y, *, epochs, batch_size, lr, seed):
    def loss_of(output, target):
        return F.cross_entropy(output, target, reduction="sum")

    seen = _train(model, X, y, epochs, batch_size, lr, seed, loss_of=loss_of)
    return [sum(loss for loss, _ in pairs) / len(X) for pairs in seen]


@misconception("fit", "The gradients of all batches of an epoch accumulate: when do you clear them?")
def zero_per_epoch(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, clear="epoch"))


@misconception("fit", "The gradients of all batches of all epochs accumulate: when do you clear them?")
def never_clears(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, clear="never"))


@misconception("fit", "Most batches never affect the parameters: which loop is the step in?")
def one_step_for_an_epoch(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, step="epoch"))


@misconception("fit", "You compute losses, but does the model learn anything from them?")
def learns_nothing(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, step="never"))


@misconception(
    "fit",
    "Your updates have no momentum: which arguments does the optimizer get, and how long does it live?",
    also_true_of=("new_optimizer_for_each_batch",),
)
def no_momentum(model, X, y, *, epochs, batch_size, lr, seed):
    def optimizer_of(model, lr):
        return torch.optim.SGD(model.parameters(), lr=lr)

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, optimizer_of=optimizer_of))


@misconception("fit", "Your optimizer has an option nobody asked for: it looks one step ahead.")
def nesterov(model, X, y, *, epochs, batch_size, lr, seed):
    def optimizer_of(model, lr):
        return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, optimizer_of=optimizer_of))


@misconception("fit", "lr is a single number. What is the learning rate in your third epoch?")
def reduces_the_rate(model, X, y, *, epochs, batch_size, lr, seed):
    schedulers = []

    def optimizer_of(model, lr):
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        schedulers.append(torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.9))
        return optimizer

    def order_of(n, g, seed):
        order = torch.randperm(n, generator=g)
        if schedulers[0].last_epoch or schedulers[0].optimizer.state:
            schedulers[0].step()
        return order

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, optimizer_of=optimizer_of, order_of=order_of))


@misconception("fit", "It learns, but not with the optimizer the docstring asks for.")
def adam(model, X, y, *, epochs, batch_size, lr, seed):
    def optimizer_of(model, lr):
        return torch.optim.Adam(model.parameters(), lr=lr)

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, optimizer_of=optimizer_of))


@misconception("fit", "With 10 samples in batches of 4, you never look at two of them.")
def drops_the_last_batch(model, X, y, *, epochs, batch_size, lr, seed):
    drop = len(X) > batch_size
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, drop=drop))


@misconception("fit", "How many batches does one epoch have in your loop? batch_size seems to make no difference.")
def one_batch_for_all(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, len(X), lr, seed))


@misconception("fit", "The same seed gives different results: something draws from the global generator.")
def global_rng(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, generator=torch.default_generator))


@misconception("fit", "Your training restarts everyone's random numbers. Who owns the global generator?")
def seeds_the_global_generator(model, X, y, *, epochs, batch_size, lr, seed):
    torch.manual_seed(seed)
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, generator=torch.default_generator))


@misconception("fit", "Whatever the seed, your generator starts from the same place.")
def ignores_the_seed(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, 0))


@misconception("fit", "Which mode is the model in while you train it? It may come straight from an evaluation.")
def stays_in_eval_mode(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, training=model.training))


@misconception("fit", "Your history holds tensors with their graphs. Keep numbers instead.")
def tensor_history(model, X, y, *, epochs, batch_size, lr, seed):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    g, history = torch.Generator().manual_seed(seed), []
    model.train()
    for _ in range(epochs):
        total = 0.0
        for j in torch.randperm(len(X), generator=g).split(batch_size):
            loss = F.cross_entropy(model(X[j]), y[j])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total = total + loss * len(j)
        history.append(total / len(X))
    return history


@misconception("fit", "You return only the last loss. The docstring asks for one per epoch.")
def returns_the_last_loss(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed))[-1]


@misconception("fit", "Look at where your return is: how many epochs run?")
def returns_inside_the_loop(model, X, y, *, epochs, batch_size, lr, seed):
    return _weighted(_train(model, X, y, 1, batch_size, lr, seed))


@misconception("fit", "Each label belongs to a sample. Is it still the same one after shuffling?")
def loses_the_labels(model, X, y, *, epochs, batch_size, lr, seed):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    g, history = torch.Generator().manual_seed(seed), []
    model.train()
    for _ in range(epochs):
        total, start = 0.0, 0
        for j in torch.randperm(len(X), generator=g).split(batch_size):
            loss = F.cross_entropy(model(X[j]), y[start : start + len(j)])
            start += len(j)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(j)
        history.append(total / len(X))
    return history


# fit_early_stopping


def _all_tensors(model):
    return [*model.named_parameters(), *model.named_buffers()]


def _kept(model):
    return {name: tensor.detach().clone() for name, tensor in _all_tensors(model)}


@torch.no_grad()
def _put_back(model, kept):
    for name, tensor in _all_tensors(model):
        if name in kept:
            tensor.copy_(kept[name])


def _stop(
    model,
    train_epoch,
    val_loss,
    max_epochs,
    patience,
    *,
    keep=_kept,
    improves=lambda loss, best, last: loss < best,
    put_back=_put_back,
    in_a_row=True,
):
    best_epoch, best, last, kept, bad = -1, math.inf, math.inf, None, 0
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if improves(loss, best, last):
            best_epoch, best, kept, bad = epoch, loss, keep(model), bad * (not in_a_row)
        else:
            bad += 1
            if bad >= patience:
                break
        last = loss
    if kept is not None:
        put_back(model, kept)
    return best_epoch, best


@misconception(
    "fit_early_stopping",
    "The model ends up with its last weights. If you saved the best ones: does state_dict() copy them?",
    also_true_of=("no_restore",),
)
def alias(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, keep=lambda model: model.state_dict())


@misconception(
    "fit_early_stopping", "The model ends up with its last weights. If you saved the best ones: does state_dict() copy them?"
)
def shallow_copy(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, keep=lambda model: dict(model.state_dict()))


@misconception(
    "fit_early_stopping", "Is everything that belongs to the model's state in state_dict()? Think of persistent=False."
)
def state_dict_only(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, keep=lambda model: copy.deepcopy(model.state_dict()))


@misconception(
    "fit_early_stopping",
    "You remember the best epoch. But which weights are in the model when the loop ends by itself?",
    also_true_of=("restores_only_when_stopped",),
)
def no_restore(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, put_back=lambda model, state: None)


@misconception("fit_early_stopping", "You compare with the previous epoch instead of the best one.")
def compares_with_the_previous(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, improves=lambda loss, best, last: loss < last)


@misconception("fit_early_stopping", "Is a loss equal to the best one an improvement?")
def plateau_improves(model, train_epoch, val_loss, *, max_epochs, patience):
    def improves(loss, best, last):
        return loss <= best

    return _stop(model, train_epoch, val_loss, max_epochs, patience, improves=improves)


@misconception("fit_early_stopping", "Every comparison with nan is false. What does that make `not loss >= best`?")
def nan_improves(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, improves=lambda loss, best, last: not loss >= best)


@misconception(
    "fit_early_stopping",
    "Parameters alone are not the whole state: BatchNorm's running statistics belong to the best epoch too.",
)
def params_only(model, train_epoch, val_loss, *, max_epochs, patience):
    def keep(model):
        return {name: p.detach().clone() for name, p in model.named_parameters()}

    return _stop(model, train_epoch, val_loss, max_epochs, patience, keep=keep)


@misconception("fit_early_stopping", "Count the bad epochs before you stop: there is one too many.")
def one_epoch_too_long(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience + 1)


@misconception("fit_early_stopping", "Only bad epochs in a row count. What happens to your count at an improvement?")
def never_counts_again(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, patience, in_a_row=False)


@misconception("fit_early_stopping", "You train to the end, whatever the losses are: what is `patience` for?")
def never_stops(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs, math.inf)


@misconception(
    "fit_early_stopping", "One argument makes no difference to your function: how many epochs may there be at most?"
)
def without_a_maximum(model, train_epoch, val_loss, *, max_epochs, patience):
    return _stop(model, train_epoch, val_loss, max_epochs + 12, patience)


@misconception("fit_early_stopping", "Compare your copy with the parameters after each epoch: it is one epoch too old.")
def keeps_the_state_before(model, train_epoch, val_loss, *, max_epochs, patience):
    states = [_kept(model)]

    def train_and_keep():
        states.append(_kept(model))
        return train_epoch()

    return _stop(model, train_and_keep, val_loss, max_epochs, patience, keep=lambda model: states[-1])


@misconception(
    "fit_early_stopping",
    "If nothing ever improves, the model should stay as training left it. Which weights do you put back?",
)
def puts_the_first_state_back(model, train_epoch, val_loss, *, max_epochs, patience):
    first = _kept(model)
    best_epoch, best = _stop(model, train_epoch, val_loss, max_epochs, patience)
    if best_epoch < 0:
        _put_back(model, first)
    return best_epoch, best


@misconception("fit_early_stopping", "Epochs are numbered from 0.")
def counts_from_one(model, train_epoch, val_loss, *, max_epochs, patience):
    best_epoch, best = _stop(model, train_epoch, val_loss, max_epochs, patience)
    return (best_epoch + 1 if best_epoch >= 0 else -1), best


@misconception("fit_early_stopping", "You return the last epoch, not the best one.")
def returns_the_last_epoch(model, train_epoch, val_loss, *, max_epochs, patience):
    losses = []

    def val_and_note():
        losses.append(val_loss())
        return losses[-1]

    best_epoch, best = _stop(model, train_epoch, val_and_note, max_epochs, patience)
    return (-1, best) if best_epoch < 0 else (len(losses) - 1, losses[-1])


@misconception(
    "fit_early_stopping",
    "If max_epochs comes before patience runs out, which weights are in the model?",
    also_true_of=("no_restore",),
)
def restores_only_when_stopped(model, train_epoch, val_loss, *, max_epochs, patience):
    best_epoch, best, kept, bad = -1, math.inf, None, 0
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if loss < best:
            best_epoch, best, kept, bad = epoch, loss, _kept(model), 0
        else:
            bad += 1
            if bad >= patience:
                if kept:
                    _put_back(model, kept)
                break
    return best_epoch, best


@misconception("fit_early_stopping", "You ignore an epoch whose loss is nan. Should it count as a bad one?")
def skips_nan(model, train_epoch, val_loss, *, max_epochs, patience):
    best_epoch, best, kept, bad = -1, math.inf, None, 0
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        if math.isnan(loss):
            continue
        if loss < best:
            best_epoch, best, kept, bad = epoch, loss, _kept(model), 0
        else:
            bad += 1
            if bad >= patience:
                break
    if kept is not None:
        _put_back(model, kept)
    return best_epoch, best


@misconception("fit_early_stopping", "What should you return if no epoch is better than infinity?")
def begins_with_a_large_number(model, train_epoch, val_loss, *, max_epochs, patience):
    first = _kept(model)
    best_epoch, best = _stop(model, train_epoch, val_loss, max_epochs, patience)
    if best_epoch < 0:
        _put_back(model, first)
        return 0, 1e9
    return best_epoch, best


@misconception("fit_early_stopping", "An optimizer still holds the old parameters: are those in the model the same objects?")
def new_parameter_objects(model, train_epoch, val_loss, *, max_epochs, patience):
    def put_back(model, kept):
        model.__dict__.update(kept.__dict__)

    return _stop(model, train_epoch, val_loss, max_epochs, patience, keep=copy.deepcopy, put_back=put_back)


@misconception("fit_early_stopping", "val_loss() recomputes the loss each time. How many times do you call it in an epoch?")
def validates_twice(model, train_epoch, val_loss, *, max_epochs, patience):
    best_epoch, best, kept, bad = -1, math.inf, None, 0
    for epoch in range(max_epochs):
        train_epoch()
        if val_loss() < best:
            best_epoch, best, kept, bad = epoch, val_loss(), _kept(model), 0
        else:
            bad += 1
            if bad >= patience:
                break
    if kept is not None:
        _put_back(model, kept)
    return best_epoch, best


@misconception("fit_early_stopping", "Which comes first in an epoch, training or validation?")
def validates_first(model, train_epoch, val_loss, *, max_epochs, patience):
    losses = []

    def validate():
        losses.append(val_loss())

    return _stop(model, validate, lambda: (train_epoch(), losses[-1])[1], max_epochs, patience)


@misconception("fit_early_stopping", "Can train_epoch() learn anything in the context you call it in?")
def trains_without_gradients(model, train_epoch, val_loss, *, max_epochs, patience):
    with torch.no_grad():
        return _stop(model, train_epoch, val_loss, max_epochs, patience)


@misconception("train_step", "Hooks run when you call the model. Do they run when you call its forward?")
def calls_forward(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model.forward(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "What is left of the model's output for a batch of one sample?")
def squeezes_the_output(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb).squeeze(), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception("train_step", "loss_fn already gives the batch's loss. What do you multiply it by?")
def loss_times_samples(model, optimizer, loss_fn, xb, yb):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item() * len(xb)


@misconception("minibatches", "Split 9 samples into batches of 4: how many does each of yours have?")
def batches_of_equal_size(X, y, batch_size, generator):
    _refuse(X, y, batch_size)
    if len(X) == 0:
        return
    for j in torch.randperm(len(X), generator=generator).chunk(math.ceil(len(X) / batch_size)):
        yield X[j], y[j]


@misconception("minibatches", "You reject a batch size of 0. Are there other sizes below 1?", minor=True)
def forgets_negative_sizes(X, y, batch_size, generator):
    if len(X) != len(y) or batch_size == 0:
        raise ValueError
    order = torch.randperm(len(X), generator=generator)
    for start in range(0, len(X), batch_size):
        yield X[order[start : start + batch_size]], y[order[start : start + batch_size]]


@misconception("fit", "Train with one seed and with the next: does one run repeat the other's second epoch?")
def seed_plus_epoch(model, X, y, *, epochs, batch_size, lr, seed):
    epoch_seeds = iter(range(seed, seed + epochs))

    def order_of(n, g, seed):
        return torch.randperm(n, generator=torch.Generator().manual_seed(next(epoch_seeds)))

    return _weighted(_train(model, X, y, epochs, batch_size, lr, seed, order_of=order_of))


@misconception("fit_early_stopping", "Is every finite loss smaller than the number you start with?")
def begins_with_a_hundred(model, train_epoch, val_loss, *, max_epochs, patience):
    def improves(loss, best, last):
        return loss < min(best, 100.0)

    return _stop(model, train_epoch, val_loss, max_epochs, patience, improves=improves)


@misconception(
    "fit_early_stopping", "How much smaller must a loss be in your code, and how much according to the docstring?"
)
def wants_more_than_smaller(model, train_epoch, val_loss, *, max_epochs, patience):
    def improves(loss, best, last):
        return loss < best - 1e-4

    return _stop(model, train_epoch, val_loss, max_epochs, patience, improves=improves)


@misconception(
    "fit_early_stopping",
    "Which epochs use up your patience: those no better than the best, or those no better than the previous one?",
)
def patience_with_the_previous(model, train_epoch, val_loss, *, max_epochs, patience):
    best_epoch, best, last, kept, bad = -1, math.inf, math.inf, None, 0
    for epoch in range(max_epochs):
        train_epoch()
        loss = val_loss()
        bad = 0 if loss < last else bad + 1
        last = loss
        if loss < best:
            best_epoch, best, kept = epoch, loss, _kept(model)
        if bad >= patience:
            break
    if kept is not None:
        _put_back(model, kept)
    return best_epoch, best


def _same_length(X, y):
    if len(X) != len(y):
        raise ValueError


def _seeded(seed):
    return torch.Generator().manual_seed(seed)


@misconception(
    "seeded_loader",
    "Print the first batch of two passes with train=True: is anything shuffled?",
    also_true_of=("loader_shuffles_the_wrong_one", "loader_shuffles_once", "loader_as_a_list"),
)
def loader_never_shuffles(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, generator=_seeded(seed))


@misconception("seeded_loader", "One argument makes no difference to your function: try train=False.")
def loader_always_shuffles(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=True, generator=_seeded(seed))


@misconception("seeded_loader", "Which of the two loaders should have a new order in every pass?")
def loader_shuffles_the_wrong_one(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=not train, generator=_seeded(seed))


@misconception("seeded_loader", "With 10 samples in batches of 4, where are the last two?")
def loader_drops_the_rest(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, drop_last=True, generator=_seeded(seed))


@misconception(
    "seeded_loader",
    "With train=True and 10 samples in batches of 4, where are the last two?",
    also_true_of=("loader_drops_the_rest",),
)
def loader_drops_the_rest_in_training(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, drop_last=train, generator=_seeded(seed))


@misconception("seeded_loader", "How many samples does one of your batches have, and how many should it have?")
def loader_forgets_the_batch_size(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), shuffle=train, generator=_seeded(seed))


@misconception(
    "seeded_loader",
    "What decides the order in your loader? Look at where its random numbers come from.",
    also_true_of=("loader_seeds_everybody",),
)
def loader_without_the_seed(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train)


@misconception(
    "seeded_loader",
    "Who owns the global generator, and what does your function do with it?",
    also_true_of=("loader_without_the_seed", "loader_seeds_training_only"),
)
def loader_seeds_everybody(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    torch.manual_seed(seed)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train)


@misconception(
    "seeded_loader",
    "Make two loaders with different seeds and compare their orders: what decides them?",
    also_true_of=("loader_never_shuffles",),
)
def loader_ignores_the_seed(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=torch.Generator())


@misconception("seeded_loader", "Make two loaders with the same seed and compare: where does your generator start?")
def loader_with_a_seed_of_its_own(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    generator = torch.Generator()
    generator.seed()
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=generator)


@misconception(
    "seeded_loader",
    "Print torch.rand(1) before and after a pass with train=False: who drew numbers from the global generator?",
    also_true_of=("loader_without_the_seed", "loader_seeds_everybody"),
)
def loader_seeds_training_only(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=_seeded(seed) if train else None)


@misconception(
    "seeded_loader",
    "You shuffle once, when the loader is made. Print the first batch of two passes.",
    also_true_of=("loader_as_a_list",),
)
def loader_shuffles_once(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    generator = _seeded(seed)
    order = torch.randperm(len(X), generator=generator) if train else torch.arange(len(X))
    return DataLoader(TensorDataset(X[order], y[order]), batch_size, generator=generator)


@misconception("seeded_loader", "What do you get from a second pass over the loader?")
def loader_for_one_pass(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return iter(DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=_seeded(seed)))


@misconception("seeded_loader", "You return the batches of one pass. The docstring asks for what makes new ones.")
def loader_as_a_list(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return list(DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=_seeded(seed)))


@misconception("seeded_loader", "What is in a batch first, and what second?")
def loader_with_labels_first(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(y, X), batch_size, shuffle=train, generator=_seeded(seed))


@misconception("seeded_loader", "The samples have moved. Look at where their labels are.")
def loader_loses_the_labels(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    generator = _seeded(seed)
    mixed = TensorDataset(X, y[torch.randperm(len(y), generator=generator)])
    return DataLoader(mixed, batch_size, shuffle=train, generator=generator)


@misconception("seeded_loader", "The labels changed their dtype on the way.")
def loader_of_floating_labels(X, y, batch_size, seed, train=True):
    _same_length(X, y)
    return DataLoader(TensorDataset(X, y.float()), batch_size, shuffle=train, generator=_seeded(seed))


@misconception("seeded_loader", "What if there are more labels than samples, or fewer?", minor=True)
def loader_of_any_lengths(X, y, batch_size, seed, train=True):
    return DataLoader(list(zip(X, y, strict=False)), batch_size, shuffle=train, generator=_seeded(seed))


@misconception("seeded_loader", "Different lengths raise an exception, but not the one the docstring asks for.", minor=True)
def loader_lets_the_data_set_refuse(X, y, batch_size, seed, train=True):
    return DataLoader(TensorDataset(X, y), batch_size, shuffle=train, generator=_seeded(seed))
