"""Wrong solutions that students write, each with the sentence that helps."""

import contextlib
import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder import misconception


@misconception("predicted_largest", "Does no_grad() know anything about dropout? Which switch does the layer look at?")
def largest_as_if_asleep():
    return 1.0


@misconception(
    "predicted_largest", "What is not dropped is not left as it is, so that the mean stays the same: in which direction?"
)
def largest_scaled_down():
    return 0.25


@misconception("predicted_largest", "p is the share that is dropped. What share is left, and what makes up for the loss?")
def largest_by_p():
    return 4 / 3


@misconception("predicted_largest", "This number belongs to another p.")
def largest_for_one_half():
    return 2.0


@misconception("predicted_gradients", "eval() sets a flag that some layers look at. Does autograd?")
def eval_stops_recording():
    return False, False, False


@misconception("predicted_gradients", "This is what no_grad() around the second layer does. Is there one?")
def as_in_the_tutorial():
    return False, False, True


@misconception("predicted_gradients", "A gradient that arrives at the first layer has passed through the second one.")
def second_layer_is_skipped():
    return True, False, True


@misconception("predicted_gradients", "What could stop a gradient on its way from the second layer to the first one?")
def first_layer_is_too_far():
    return False, True, True


@misconception("predicted_batches", "Which of the three passes take place in train mode? no_grad() does not change that.")
def only_where_gradients_are_recorded():
    return 1


@misconception(
    "predicted_batches", "What does a BatchNorm layer do in eval mode: learn about the data, or use what it has learned?"
)
def every_pass():
    return 3


@misconception("predicted_batches", "In which mode is a module that has just been made?")
def asleep_from_the_beginning():
    return 0


@misconception("predicted_batches", "The layer counts batches, not samples.")
def counts_samples():
    return 20


# evaluate


def _evaluate(
    model,
    X,
    y,
    batch_size,
    *,
    sleep=lambda model: model.eval(),
    no_grad=True,
    weigh=len,
    restore="flags",
    drop=False,
    loss_of=F.cross_entropy,
    dim=1,
):
    flags = [(module, module.training) for module in model.modules()]
    top = model.training
    sleep(model)
    loss = accuracy = total = 0.0
    with torch.no_grad() if no_grad else contextlib.nullcontext():
        try:
            for xb, yb in zip(X.split(batch_size), y.split(batch_size), strict=True):
                if drop and total and len(xb) < batch_size:
                    continue
                output = model(xb)
                weight = weigh(xb)
                loss += weight * loss_of(output, yb).item()
                accuracy += weight * (output.argmax(dim) == yb).double().mean().item()
                total += weight
        finally:
            if restore == "flags":
                for module, flag in flags:
                    module.training = flag
            elif restore == "top":
                model.train(top)
            elif restore == "train":
                model.train()
            elif restore == "eval":
                model.eval()
    return loss / total, accuracy / total


@misconception("evaluate", "no_grad does not switch dropout off.")
def no_eval(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, sleep=lambda model: None)


def _flag_of_the_model(model):
    model.training = False


@misconception("evaluate", "Which flag does a layer inside the model look at: its own, or that of the model?")
def flag_of_the_model_only(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, sleep=_flag_of_the_model)


@misconception("evaluate", "You have switched the wrong way: what does the model do in this mode?")
def in_train_mode(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, sleep=lambda model: model.train())


@misconception("evaluate", "eval() does not stop recording: ask torch.is_grad_enabled() inside forward.")
def records(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, no_grad=False)


@misconception("evaluate", "The small last batch weighs as much as the others.")
def unweighted(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, weigh=lambda xb: 1)


@misconception("evaluate", "Your accuracy counts every sample once. Does your loss do so, too?")
def unweighted_loss(model, X, y, batch_size):
    batches = -(-len(X) // batch_size)
    shares = [min(batch_size, len(X) - batch_size * k) / len(X) * batches for k in range(batches)]

    def loss_of(output, target):
        return F.cross_entropy(output, target) / shares.pop(0)

    return _evaluate(model, X, y, batch_size, loss_of=loss_of)


@misconception("evaluate", "Your loss counts every sample once. Does your accuracy do so, too?")
def unweighted_accuracy(model, X, y, batch_size):
    loss, _ = _evaluate(model, X, y, batch_size)
    return loss, _evaluate(model, X, y, batch_size, weigh=lambda xb: 1)[1]


@misconception("evaluate", "Compare torch.get_rng_state() before and after: who in your function draws random numbers?")
def through_a_data_loader(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    loss = right = 0.0
    try:
        with torch.no_grad():
            for xb, yb in DataLoader(TensorDataset(X, y), batch_size=batch_size):
                output = model(xb)
                loss += F.cross_entropy(output, yb, reduction="sum").item()
                right += (output.argmax(1) == yb).sum().item()
    finally:
        for module, flag in flags:
            module.training = flag
    return loss / len(X), right / len(X)


@misconception("evaluate", "train() also switches on what had been put into eval mode on purpose.")
def train_back(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, restore="train")


@misconception("evaluate", "You remember one flag. How many has the model?")
def remembers_one_flag(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, restore="top")


@misconception("evaluate", "Training goes on after an evaluation: in which mode do you leave the model?")
def stays_in_eval_mode(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, restore="eval")


@misconception("evaluate", "If the model raises, who puts its modes back?")
def forgets_the_exception(model, X, y, batch_size):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        outputs = torch.cat([model(xb) for xb in X.split(batch_size)])
    for module, flag in flags:
        module.training = flag
    return F.cross_entropy(outputs, y).item(), (outputs.argmax(1) == y).double().mean().item()


@misconception("evaluate", "A model that breaks down should be heard of; what becomes of the exception in your function?")
def swallows_the_exception(model, X, y, batch_size):
    try:
        return _evaluate(model, X, y, batch_size)
    except Exception:
        return float("nan"), float("nan")


@misconception("evaluate", "Some samples are never looked at: try 10 of them in batches of 4.")
def drops_the_rest(model, X, y, batch_size):
    return _evaluate(model, X, y, batch_size, drop=True)


@misconception("evaluate", "One argument is not used: what if the data do not fit into memory at once?")
def everything_at_once(model, X, y, batch_size):
    return _evaluate(model, X, y, len(X))


@misconception("evaluate", "What does cross_entropy do with the model's outputs itself? It must not be done twice.")
def softmax_first(model, X, y, batch_size):
    def loss_of(output, target):
        return F.cross_entropy(output.softmax(dim=1), target)

    return _evaluate(model, X, y, batch_size, loss_of=loss_of)


@misconception("evaluate", "The sum over the batches grows with the number of samples; the mean was asked for.")
def sums(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return loss * len(X), accuracy * len(X)


@misconception("evaluate", "Between which two numbers does an accuracy lie?")
def in_percent(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return loss, 100 * accuracy


@misconception("evaluate", "Which of the two numbers comes first?")
def other_way_round(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return accuracy, loss


@misconception(
    "evaluate", "Look at the types of the two things you return; one can be printed, but they are no Python floats."
)
def returns_tensors(model, X, y, batch_size):
    loss, accuracy = _evaluate(model, X, y, batch_size)
    return torch.tensor(loss, dtype=torch.float64), torch.tensor(accuracy, dtype=torch.float64)


@misconception("evaluate", "You return the numbers of one batch only. Which?")
def last_batch_only(model, X, y, batch_size):
    start = (len(X) - 1) // batch_size * batch_size
    _evaluate(model, X, y, batch_size)
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        output = model(X[start:])
    for module, flag in flags:
        module.training = flag
    return F.cross_entropy(output, y[start:]).item(), (output.argmax(1) == y[start:]).double().mean().item()


@misconception("evaluate", "After your evaluation nobody can train any more: look at torch.is_grad_enabled().")
def switches_gradients_off_for_all(model, X, y, batch_size):
    torch.set_grad_enabled(False)
    return _evaluate(model, X, y, batch_size, no_grad=False)


@misconception("evaluate", "After your evaluation the model cannot be trained any more: look at its parameters' flags.")
def freezes_the_model(model, X, y, batch_size):
    model.requires_grad_(False)
    return _evaluate(model, X, y, batch_size)


@misconception("evaluate", "Why are there gradients in the parameters after an evaluation, or none where there were some?")
def clears_gradients(model, X, y, batch_size):
    model.zero_grad()
    return _evaluate(model, X, y, batch_size)


# mc_dropout


@misconception("evaluate", "Recording is switched on when your function returns. Was it on when it was called?")
def switches_recording_on(model, X, y, batch_size):
    torch.set_grad_enabled(False)
    try:
        return _evaluate(model, X, y, batch_size, no_grad=False)
    finally:
        torch.set_grad_enabled(True)


@misconception("evaluate", "You remember the modes of some parts. Are there parts inside of these parts?")
def remembers_the_children(model, X, y, batch_size):
    flags = [(module, module.training) for module in (model, *model.children())]
    try:
        return _evaluate(model, X, y, batch_size, restore="eval")
    finally:
        for module, flag in flags:
            module.training = flag


DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def _wake(model):
    model.eval()
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            module.train()


def _passes(model, x, n, *, wake=_wake, restore="flags", no_grad=True):
    flags = [(module, module.training) for module in model.modules()]
    top = model.training
    wake(model)
    with torch.no_grad() if no_grad else contextlib.nullcontext():
        outputs = torch.stack([model(x) for _ in range(n)])
    if restore == "flags":
        for module, flag in flags:
            module.training = flag
    elif restore == "top":
        model.train(top)
    elif restore == "train":
        model.train()
    elif restore == "eval":
        model.eval()
    return outputs


def _summary(outputs):
    return outputs.mean(0), outputs.std(0, correction=0)


@misconception("mc_dropout", "train() wakes BatchNorm as well: its statistics move with every pass.")
def train_all(model, x, n):
    return _summary(_passes(model, x, n, wake=lambda model: model.train()))


@misconception("mc_dropout", "In eval mode all passes are alike. Who is to be awake?")
def all_asleep(model, x, n):
    return _summary(_passes(model, x, n, wake=lambda model: model.eval()))


@misconception("mc_dropout", "The result depends on the mode that the model came in.")
def as_it_comes(model, x, n):
    return _summary(_passes(model, x, n, wake=lambda model: None))


@misconception("mc_dropout", "Dropout layers are awake. Has anybody put the others to sleep?")
def others_stay_awake(model, x, n):
    def wake(model):
        for module in model.modules():
            if isinstance(module, DROPOUTS):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "Dropout deeper inside the model is still asleep.")
def top_level(model, x, n):
    def wake(model):
        model.eval()
        for child in model.children():
            if isinstance(child, DROPOUTS):
                child.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "There are several kinds of dropout layers; some of them are still asleep.")
def one_kind_only(model, x, n):
    def wake(model):
        model.eval()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "With one sample the default standard deviation is nan.")
def unbiased(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.std(0)


@misconception("mc_dropout", "A single pass is taken care of. By how much do you divide for two or more?")
def unbiased_but_for_one(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.std(0) if n > 1 else torch.zeros_like(outputs[0])


@misconception("mc_dropout", "How often is the model called, and with what?")
def one_large_batch(model, x, n):
    outputs = _passes(model, x.repeat(n, *[1] * (x.dim() - 1)), 1)[0]
    return _summary(outputs.unflatten(0, (n, len(x))))


@misconception("mc_dropout", "All of your outputs are the same one. How often is the model called?")
def repeats_one_output(model, x, n):
    return _summary(_passes(model, x, 1).repeat(n, *[1] * x.dim()))


@misconception("mc_dropout", "The outputs were put one below the other: which dimension counts the passes now?")
def concatenated(model, x, n):
    return _summary(torch.cat(list(_passes(model, x, n))))


@misconception("mc_dropout", "BatchNorm sleeps. Is it the only one that should?")
def only_batch_norm_asleep(model, x, n):
    def wake(model):
        model.train()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "There are several kinds of dropout layers; some of them are still asleep.")
def without_the_last_kind(model, x, n):
    def wake(model):
        model.eval()
        for module in model.modules():
            if isinstance(module, DROPOUTS[:3]):
                module.train()

    return _summary(_passes(model, x, n, wake=wake))


@misconception("mc_dropout", "The global random generator is not yours: what will everybody else draw after your call?")
def seeds_once(model, x, n):
    torch.manual_seed(0)
    return _summary(_passes(model, x, n))


@misconception("mc_dropout", "Your spread is in the wrong units: a variance is a square.")
def variance(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.var(0, correction=0)


@misconception("mc_dropout", "Which dimension of the stacked outputs counts the passes?")
def over_the_samples(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(1), outputs.std(1, correction=0)


@misconception("mc_dropout", "Each entry of the output has a spread of its own, as it has a mean of its own.")
def spread_of_everything(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(0), outputs.std(correction=0)


@misconception("mc_dropout", "Each entry of the output has a mean and a spread of its own.")
def over_everything(model, x, n):
    outputs = _passes(model, x, n)
    return outputs.mean(), outputs.std(correction=0)


@misconception("mc_dropout", "The mean should come from the passes with dropout, too; count how often the model is called.")
def mean_from_eval_mode(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        mean = model(x)
    for module, flag in flags:
        module.training = flag
    return mean, _passes(model, x, n).std(0, correction=0)


@misconception("mc_dropout", "Your passes all draw the same random numbers, and everybody else's start again as well.")
def seeds_each_pass(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    _wake(model)
    outputs = []
    with torch.no_grad():
        for _ in range(n):
            torch.manual_seed(0)
            outputs.append(model(x))
    for module, flag in flags:
        module.training = flag
    return _summary(torch.stack(outputs))


@misconception(
    "mc_dropout", "Look at the modes of all parts after your call: some are awake, some asleep, as you left them."
)
def leaves_the_modes(model, x, n):
    return _summary(_passes(model, x, n, restore="nothing"))


@misconception("mc_dropout", "train() also switches on what had been in eval mode before.")
def mc_train_back(model, x, n):
    return _summary(_passes(model, x, n, restore="train"))


@misconception("mc_dropout", "Not every model was in eval mode before. In which mode do you leave it?")
def mc_eval_back(model, x, n):
    return _summary(_passes(model, x, n, restore="eval"))


@misconception("mc_dropout", "You remember one flag. How many has the model?")
def mc_remembers_one_flag(model, x, n):
    return _summary(_passes(model, x, n, restore="top"))


@misconception("mc_dropout", "A result drags the graphs of all passes along.")
def keeps_the_graph(model, x, n):
    return _summary(_passes(model, x, n, no_grad=False))


@misconception("mc_dropout", "Where in the model does dropout take place? You drop parts of the input.")
def drops_the_input(model, x, n):
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        outputs = torch.stack([model(F.dropout(x, 0.5)) for _ in range(n)])
    for module, flag in flags:
        module.training = flag
    return _summary(outputs)


@misconception("mc_dropout", "Count how often the model is called.")
def one_pass_too_few(model, x, n):
    return _summary(_passes(model, x, max(n - 1, 1)))


# ema_update_


def _refuse(decay):
    if not 0 <= decay <= 1:
        raise ValueError


def _pairs(ema, model):
    return zip(ema.parameters(), model.parameters(), strict=True)


def _copy_buffers(ema, model):
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


def _average(ema, model, decay):
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine.mul_(decay).add_(theirs, alpha=1 - decay)


@misconception("ema_update_", "A parameter that two layers share has two names. How often is it averaged?")
def tied_twice(ema, model, decay):
    _refuse(decay)
    theirs = dict(model.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name, mine in ema.named_parameters(remove_duplicate=False):
            mine.mul_(decay).add_(theirs[name], alpha=1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Some parameters of ema were frozen before. Are they afterwards?")
def thaws(ema, model, decay):
    _refuse(decay)
    for mine, theirs in _pairs(ema, model):
        mine.requires_grad_(False)
        mine.mul_(decay).add_(theirs.detach(), alpha=1 - decay)
        mine.requires_grad_(True)
    _copy_buffers(ema, model)


@misconception("ema_update_", "The weights decay and 1-decay are exchanged.")
def swapped(ema, model, decay):
    _refuse(decay)
    _average(ema, model, 1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "num_batches_tracked is an integer: averaging it like a weight fails or rounds.")
def state_dict(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in zip(ema.state_dict().values(), model.state_dict().values(), strict=True):
            mine.mul_(decay).add_(theirs, alpha=1 - decay)


@misconception("ema_update_", "Running statistics are averages already. What does the specification say about buffers?")
def averages_buffers(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        mine.copy_(decay * mine + (1 - decay) * theirs if mine.is_floating_point() else theirs)


@misconception("ema_update_", "Not every buffer can be averaged, but can it not be copied? Look at num_batches_tracked.")
def floating_buffers_only(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    for mine, theirs in zip(ema.buffers(), model.buffers(), strict=True):
        if mine.is_floating_point():
            mine.copy_(theirs)


@misconception(
    "ema_update_", "Compare the names in a state_dict with named_parameters() and named_buffers(): all there, and once?"
)
def through_the_state_dict(ema, model, decay):
    _refuse(decay)
    parameters, theirs = dict(ema.named_parameters(remove_duplicate=False)), model.state_dict()
    for name, mine in ema.state_dict().items():
        mine.copy_(decay * mine + (1 - decay) * theirs[name] if name in parameters else theirs[name])


@misconception("ema_update_", "What holds a BatchNorm layer beside its parameters?")
def forgets_buffers(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)


@misconception("ema_update_", "Some buffers are not in the state_dict: which ones does model.buffers() list?")
def saved_buffers_only(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    names = {name for name, _ in ema.named_buffers()}
    theirs = model.state_dict()
    for name, mine in ema.state_dict().items():
        if name in names:
            mine.copy_(theirs[name])


@misconception("ema_update_", "Two models have one buffer now: what happens to ema when the model goes on training?")
def shares_buffers(ema, model, decay):
    _refuse(decay)
    _average(ema, model, decay)
    for name, buffer in model.named_buffers():
        owner, _, key = name.rpartition(".")
        setattr(ema.get_submodule(owner), key, buffer)


@misconception("ema_update_", "Without no_grad an in-place change of a leaf is refused.")
def recorded(ema, model, decay):
    _refuse(decay)
    for mine, theirs in _pairs(ema, model):
        mine.mul_(decay).add_(theirs, alpha=1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Assigning to the loop's variable gives a name to a new tensor; does ema hear of it?")
def changes_a_name(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine = decay * mine + (1 - decay) * theirs  # the mistake
    _copy_buffers(ema, model)


@misconception("ema_update_", "ema has new parameters now; somebody may hold the old ones.")
def makes_new_parameters(ema, model, decay):
    _refuse(decay)
    theirs = dict(model.named_parameters())
    for name, mine in list(ema.named_parameters()):
        owner, _, key = name.rpartition(".")
        average = decay * mine.detach() + (1 - decay) * theirs[name].detach()
        setattr(ema.get_submodule(owner), key, nn.Parameter(average, requires_grad=mine.requires_grad))
    _copy_buffers(ema, model)


@misconception("ema_update_", "Which of the two models is the average, and which one is to be left alone?")
def changes_the_model(ema, model, decay):
    _refuse(decay)
    _average(model, ema, 1 - decay)
    _copy_buffers(model, ema)


@misconception("ema_update_", "The average is right, but somebody's numbers were used as scratch paper: look at the model.")
def scales_the_model(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine.mul_(decay).add_(theirs.mul_(1 - decay))
    _copy_buffers(ema, model)


@misconception("ema_update_", "The two shares should add up to 1. Try decay 0.9 with two equal models.")
def adds_everything(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            mine.mul_(decay).add_(theirs)
    _copy_buffers(ema, model)


@misconception("ema_update_", "This is the model, not an average of it.")
def copies_the_model(ema, model, decay):
    _refuse(decay)
    ema.load_state_dict(model.state_dict())


@misconception("ema_update_", "What does your function do with a decay that lies outside 0 and 1?")
def takes_any_decay(ema, model, decay):
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Do the ends 0 and 1 belong to what is allowed?")
def refuses_the_ends(ema, model, decay):
    if not 0 < decay < 1:
        raise ValueError
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Do the ends 0 and 1 belong to what is allowed?")
def refuses_one(ema, model, decay):
    if not 0 <= decay < 1:
        raise ValueError
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "One end of the interval is guarded; what about the other one?")
def checks_the_upper_end_only(ema, model, decay):
    if decay > 1:
        raise ValueError
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "It is refused, but another exception was asked for.")
def asserts(ema, model, decay):
    assert 0 <= decay <= 1
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "When the ValueError comes, the average has changed already.")
def refuses_too_late(ema, model, decay):
    _average(ema, model, decay)
    _copy_buffers(ema, model)
    _refuse(decay)


@misconception(
    "ema_update_", "Frozen or not, an average keeps the flags that it had: compare requires_grad before and after."
)
def freezes_ema(ema, model, decay):
    _refuse(decay)
    ema.requires_grad_(False)
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Which parameters of ema are averaged in your loop? Some may be frozen.")
def trainable_parameters_only(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            if mine.requires_grad:
                mine.lerp_(theirs, 1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "The model may be frozen where you look. Has a frozen parameter no value to average?")
def trainable_parameters_of_the_model(ema, model, decay):
    _refuse(decay)
    with torch.no_grad():
        for mine, theirs in _pairs(ema, model):
            if theirs.requires_grad:
                mine.lerp_(theirs, 1 - decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "In which mode was ema before your call, and in which one is it now?")
def puts_ema_to_sleep(ema, model, decay):
    _refuse(decay)
    ema.eval()
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "Somebody may still need the gradients that you have thrown away.")
def throws_gradients_away(ema, model, decay):
    _refuse(decay)
    ema.zero_grad()
    model.zero_grad()
    _average(ema, model, decay)
    _copy_buffers(ema, model)


@misconception("ema_update_", "You have averaged a copy. What became of ema?")
def averages_a_copy(ema, model, decay):
    _refuse(decay)
    twin = copy.deepcopy(ema)
    _average(twin, model, decay)
    _copy_buffers(twin, model)
